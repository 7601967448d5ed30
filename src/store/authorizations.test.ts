import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { DIALECTS, freshStore } from '../../test/support/store.ts'
import { VirtualClock } from '../core/clock.ts'
import { Authorizations } from './authorizations.ts'
import { sealerOf } from './sealing.ts'
import type { Store } from './store.ts'

const NOW = 1_760_000_000_000
const sealer = sealerOf(new Uint8Array(32).fill(5))
const wanted = {
  label: 'Segment EU',
  description: 'the marketing workspace',
  provider: 'segment',
  credentials: { writeKey: 'geheim', extra: '', nested: { token: 'geheim' } },
}

function on(store: Store): { authorizations: Authorizations; clock: VirtualClock } {
  const clock = new VirtualClock(NOW)
  return { authorizations: new Authorizations({ store, sealer, clock }), clock }
}

describe.each(DIALECTS)('authorizations on %s', (dialect) => {
  test('what was created is listed without its secrets, and revealed with them', async () => {
    const store = await freshStore(dialect)
    const { authorizations } = on(store)
    const made = await authorizations.create(wanted)
    expect(made).toEqual({
      id: expect.stringMatching(/^auth_[0-9a-f]{16}$/),
      label: 'Segment EU',
      description: 'the marketing workspace',
      provider: 'segment',
      fields: ['nested', 'writeKey'],
      health: 'unknown',
      healthDetail: '',
      checkedAt: null,
      rotatedAt: null,
      createdAt: NOW,
      updatedAt: NOW,
    })
    expect(await authorizations.list()).toEqual([made])
    expect(await authorizations.get(made.id)).toEqual(made)
    expect(await authorizations.reveal(made.id)).toEqual(wanted.credentials)
    const row = await store.db.selectFrom('authorizations').selectAll().executeTakeFirstOrThrow()
    expect(Buffer.from(row.sealed).includes('geheim')).toBe(false)
    expect(JSON.stringify({ ...row, sealed: null })).not.toContain('geheim')
    expect(inspect(authorizations, { depth: 9, showHidden: true })).not.toContain('geheim')
  })

  test('label and description change, the secrets stay', async () => {
    const { authorizations, clock } = on(await freshStore(dialect))
    const made = await authorizations.create(wanted)
    await clock.advance(1000)
    const changed = await authorizations.update(made.id, { label: 'Segment US' })
    expect(changed).toEqual({ ...made, label: 'Segment US', updatedAt: NOW + 1000 })
    expect((await authorizations.update(made.id, { description: '' })).description).toBe('')
    expect(await authorizations.reveal(made.id)).toEqual(wanted.credentials)
  })

  test('a rotation is revealed at once, and the health is unknown again', async () => {
    const { authorizations, clock } = on(await freshStore(dialect))
    const { id } = await authorizations.create(wanted)
    await authorizations.reveal(id)
    await authorizations.setHealth(id, 'bad', 'answered 401')
    expect(await authorizations.get(id)).toMatchObject({
      health: 'bad',
      healthDetail: 'answered 401',
      checkedAt: NOW,
    })
    await clock.advance(5)
    const rotated = await authorizations.rotate(id, { writeKey: 'neu' })
    expect(rotated).toMatchObject({
      fields: ['writeKey'],
      health: 'unknown',
      checkedAt: null,
      rotatedAt: NOW + 5,
    })
    expect(await authorizations.reveal(id)).toEqual({ writeKey: 'neu' })
  })

  test('a rotation on another node is seen after a while', async () => {
    const store = await freshStore(dialect)
    const here = on(store)
    const there = on(store)
    const { id } = await here.authorizations.create(wanted)
    await here.authorizations.reveal(id)
    await there.authorizations.rotate(id, { writeKey: 'neu' })
    await here.clock.advance(30_000)
    expect(await here.authorizations.reveal(id)).toEqual({ writeKey: 'neu' })
  })

  test('what is in use stays; what is not in use goes, and is not revealed any more', async () => {
    const { authorizations } = on(await freshStore(dialect))
    const { id } = await authorizations.create(wanted)
    await authorizations.reveal(id)
    await expect(authorizations.remove(id, async () => ['to segment', 'second'])).rejects.toMatchObject({
      code: 'AUTHORIZATION_IN_USE',
      message: expect.stringContaining('to segment, second'),
    })
    expect(await authorizations.list()).toHaveLength(1)
    await authorizations.remove(id, async () => [])
    expect(await authorizations.list()).toEqual([])
    await expect(authorizations.reveal(id)).rejects.toMatchObject({ code: 'AUTHORIZATION_UNKNOWN' })
  })
})

test.each<[string, (authorizations: Authorizations) => Promise<unknown>]>([
  ['get', (authorizations) => authorizations.get('auth_x')],
  ['update', (authorizations) => authorizations.update('auth_x', { label: 'a' })],
  ['rotate', (authorizations) => authorizations.rotate('auth_x', {})],
  ['setHealth', (authorizations) => authorizations.setHealth('auth_x', 'good', '')],
  ['remove', (authorizations) => authorizations.remove('auth_x', async () => [])],
  ['reveal', (authorizations) => authorizations.reveal('auth_x')],
])('%s of what does not exist', async (_, work) => {
  const { authorizations } = on(await freshStore())
  await expect(work(authorizations)).rejects.toMatchObject({ code: 'AUTHORIZATION_UNKNOWN' })
})

test.each([
  ['an empty label', { label: '' }],
  ['a long label', { label: 'x'.repeat(201) }],
  ['a long description', { description: 'x'.repeat(2001) }],
  ['large credentials', { credentials: { key: 'x'.repeat(65_536) } }],
])('%s is refused, and nothing is kept', async (_, over) => {
  const { authorizations } = on(await freshStore())
  await expect(authorizations.create({ ...wanted, ...over })).rejects.toMatchObject({ code: 'INPUT_INVALID' })
  expect(await authorizations.list()).toEqual([])
})

test('sealed bytes moved to another row do not open', async () => {
  const store = await freshStore()
  const { authorizations } = on(store)
  const a = await authorizations.create(wanted)
  const b = await authorizations.create({ ...wanted, credentials: { writeKey: 'other' } })
  const row = await store.db
    .selectFrom('authorizations')
    .select('sealed')
    .where('id', '=', a.id)
    .executeTakeFirstOrThrow()
  await store.db.updateTable('authorizations').set({ sealed: row.sealed }).where('id', '=', b.id).execute()
  await expect(authorizations.reveal(b.id)).rejects.toMatchObject({ code: 'SEALING_KEY' })
})

test('more authorizations than are kept open are revealed all the same', async () => {
  const { authorizations } = on(await freshStore())
  const made = []
  for (let i = 0; i < 300; i++) made.push(await authorizations.create({ ...wanted, credentials: { i } }))
  for (let round = 0; round < 2; round++) {
    for (const [i, { id }] of made.entries()) expect(await authorizations.reveal(id)).toEqual({ i })
  }
})
