import { describe, expect, test } from 'vitest'
import { DIALECTS, freshStore } from '../../test/support/store.ts'
import { VirtualClock } from '../core/clock.ts'
import { CurrentDefinition } from './current.ts'
import { Currents } from './registry.ts'

function definition(name: string, over: Record<string, unknown> = {}): CurrentDefinition {
  return CurrentDefinition.parse({
    name,
    contactEmail: 'a@example.com',
    sources: ['braze'],
    destination: { kind: 'http' },
    ...over,
  })
}

describe.each(DIALECTS)('the registry on %s', (dialect) => {
  async function open() {
    const clock = new VirtualClock(1_000)
    const store = await freshStore(dialect, clock)
    return { clock, store, currents: new Currents(store, clock) }
  }

  test('creates drafts with keys of their own and finds them by name and number', async () => {
    const { currents } = await open()
    const b = await currents.create(definition('b'))
    const a = await currents.create(definition('a'))
    expect(a).toMatchObject({
      state: 'draft',
      version: 1,
      startOffset: null,
      launchedAt: null,
      createdAt: 1_000,
    })
    expect(a.key).toMatch(/^[a-z0-9]{8}$/)
    expect(a.key).not.toBe(b.key)
    expect(await currents.get('a')).toEqual(a)
    expect(await currents.get(b.number)).toEqual(b)
    expect((await currents.list()).map(({ name }) => name)).toEqual(['a', 'b'])
    await expect(currents.get('c')).rejects.toMatchObject({ code: 'CURRENT_UNKNOWN' })
    await expect(currents.get(999)).rejects.toMatchObject({ code: 'CURRENT_UNKNOWN' })
  })

  test('gives a name once; a removed one can be given again', async () => {
    const { currents } = await open()
    const first = await currents.create(definition('a'))
    const other = await currents.create(definition('b'))
    await expect(currents.create(definition('a'))).rejects.toMatchObject({ code: 'CURRENT_NAME_TAKEN' })
    await expect(currents.revise(other.number, definition('a'), 0, '')).rejects.toMatchObject({
      code: 'CURRENT_NAME_TAKEN',
    })
    await currents.act(first.number, 'remove', '')
    const again = await currents.create(definition('a'))
    expect(again.number).not.toBe(first.number)
    expect(await currents.get('a')).toEqual(again)
    expect(await currents.get(first.number)).toMatchObject({ state: 'deleted' })
    expect((await currents.list()).map(({ number }) => number)).toEqual([again.number, other.number])
  })

  test('keeps every version with the offset from which it applies', async () => {
    const { currents, clock } = await open()
    const { number } = await currents.create(definition('a'))
    await clock.advance(500)
    const revised = await currents.revise(number, definition('renamed', { sources: ['x', 'y'] }), 70, 'more')
    expect(revised).toMatchObject({ version: 2, name: 'renamed', definition: { sources: ['x', 'y'] } })
    expect(await currents.versions(number)).toMatchObject([
      { version: 1, fromOffset: 0, note: 'created', createdAt: 1_000, definition: { name: 'a' } },
      { version: 2, fromOffset: 70, note: 'more', createdAt: 1_500, definition: { name: 'renamed' } },
    ])
  })

  test('moves states as the table says, and keeps since when and why', async () => {
    const { currents, clock } = await open()
    const { number } = await currents.create(definition('a'))
    await expect(currents.act(number, 'pause', '')).rejects.toMatchObject({ code: 'CURRENT_STATE' })
    await clock.advance(10)
    expect(await currents.launch(number, 42)).toMatchObject({
      state: 'running',
      stateSince: 1_010,
      startOffset: 42,
      launchedAt: 1_010,
    })
    await expect(currents.launch(number, 0)).rejects.toMatchObject({ code: 'CURRENT_STATE' })
    expect(await currents.get(number)).toMatchObject({ startOffset: 42 })
    await clock.advance(10)
    await currents.act(number, 'halt', 'no')
    await clock.advance(10)
    expect(await currents.act(number, 'halt', 'still no')).toMatchObject({
      state: 'halted',
      stateReason: 'still no',
      stateSince: 1_020,
    })
    expect(await currents.act(number, 'resume', '')).toMatchObject({ state: 'running', stateReason: '' })
  })

  test('of two changes at once, each is decided from the state it meets', async () => {
    const { currents } = await open()
    const { number } = await currents.create(definition('a'))
    await currents.launch(number, 0)
    const results = await Promise.allSettled([
      currents.act(number, 'pause', ''),
      currents.act(number, 'halt', ''),
      currents.act(number, 'pause', ''),
    ])
    expect(results.filter(({ status }) => status === 'rejected').length).toBeGreaterThan(0)
    expect((await currents.get(number)).state).toBe('paused')
  })

  test('knows whether any current satisfies a test', async () => {
    const { currents } = await open()
    const { number } = await currents.create(definition('a'))
    expect(await currents.some((current) => current.name === 'a')).toBe(true)
    await currents.act(number, 'remove', '')
    expect(await currents.some((current) => current.name === 'a')).toBe(false)
  })
})
