import { describe, expect, test } from 'vitest'
import { freshStore, heldStore, readBeside } from '../../test/support/store.ts'
import { VirtualClock } from '../core/clock.ts'
import { allows, ROLES } from './roles.ts'
import { openTokens } from './tokens.ts'

const STALE_MS = 30_000

describe('API tokens', () => {
  test('the first one is made once, as admin', async () => {
    const clock = new VirtualClock(1_000)
    const store = await freshStore('sqlite', clock)
    const opened = await openTokens(store, clock)
    expect(opened.first).toMatch(/^thalweg_api_[\w-]{43}$/)
    expect((await opened.tokens.holder(opened.first ?? ''))?.role).toBe('admin')
    const again = await openTokens(store, clock)
    expect(again.first).toBeUndefined()
    expect((await again.tokens.holder(opened.first ?? ''))?.role).toBe('admin')
  })

  test('a token that was just made is known, although an older reading comes back late', async () => {
    const clock = new VirtualClock(1_000)
    const held = await heldStore(clock)
    const { tokens } = await openTokens(held.store, clock)
    const { secret, token } = await readBeside(
      held,
      () => tokens.refresh(),
      () => tokens.create('second', 'viewer'),
    )
    expect(await tokens.holder(secret)).toEqual(token)
  })

  test('only digests are kept', async () => {
    const clock = new VirtualClock(1_000)
    const store = await freshStore('sqlite', clock)
    const { first = '' } = await openTokens(store, clock)
    const rows = await store.db.selectFrom('api_tokens').selectAll().execute()
    expect(rows).toHaveLength(1)
    expect(Buffer.from(rows[0]?.hash ?? [])).toHaveLength(32)
    expect(
      JSON.stringify(rows.map((row) => ({ ...row, hash: Buffer.from(row.hash).toString() }))),
    ).not.toContain(first)
  })

  test('what another node made or revoked is noticed in time', async () => {
    const clock = new VirtualClock(1_000)
    const store = await freshStore('sqlite', clock)
    const here = (await openTokens(store, clock)).tokens
    const there = (await openTokens(store, clock)).tokens
    const { token, secret } = await there.create('other', 'viewer')
    await clock.advance(1_000)
    expect((await here.holder(secret))?.label).toBe('other')
    await there.revoke(token.id)
    expect(await there.holder(secret)).toBeUndefined()
    await clock.advance(STALE_MS)
    expect(await here.holder(secret)).toBeUndefined()
  })

  test('use is noted to the minute', async () => {
    const clock = new VirtualClock(1_000)
    const { tokens, first = '' } = await openTokens(await freshStore('sqlite', clock), clock)
    const use = async () => {
      const holder = await tokens.holder(first)
      if (holder !== undefined) await tokens.used(holder)
      return (await tokens.list())[0]?.lastUsedAt
    }
    expect(await use()).toBe(1_000)
    await clock.advance(59_000)
    expect(await use()).toBe(1_000)
    await clock.advance(1_000)
    expect(await use()).toBe(61_000)
  })

  test('each role may do what those before it may', () => {
    const table = ROLES.map((held) => ROLES.map((needed) => Number(allows(held, needed))).join(''))
    expect(table).toEqual(['100', '110', '111'])
  })
})
