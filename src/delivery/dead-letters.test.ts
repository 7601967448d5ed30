import { describe, expect, test } from 'vitest'
import { DIALECTS, freshStore } from '../../test/support/store.ts'
import { VirtualClock } from '../core/clock.ts'
import type { Dialect } from '../store/columns.ts'
import { DeadLetters, deadLetterRow, insertDeadLetters } from './dead-letters.ts'
import { parcelOfTexts, START_MS } from './delivery.fixture.ts'
import { letterCounts, recountLetters } from './letter-counts.ts'

async function openLetters(dialect: Dialect = 'sqlite') {
  const clock = new VirtualClock(START_MS)
  const store = await freshStore(dialect, clock)
  const letters = new DeadLetters(store, clock)
  /** Letters for these events, each a millisecond after the one before; their ids, oldest first. */
  const bury = async (texts: readonly string[], current = 1): Promise<string[]> => {
    const parcel = parcelOfTexts(texts)
    const fault = { kind: 'invalid', message: 'refused', status: 400, answer: 'bad' } as const
    const note = { reason: 'invalid', fault, sent: '{"record":1}', attempts: 1 }
    const rows = texts.map((_, i) =>
      deadLetterRow(parcel, i, note, { current, version: 2, replay: null, now: START_MS + (i >> 1) }),
    )
    await store.transaction((tx) => insertDeadLetters(tx, rows))
    return rows.map(({ id }) => id)
  }
  return { clock, store, letters, bury }
}

describe.each(DIALECTS)('dead letters on %s', (dialect) => {
  test('are listed newest first, page by page, each once', async () => {
    const { letters, bury } = await openLetters(dialect)
    const ids = await bury(Array.from({ length: 450 }, (_, i) => `{"id":"e${i}"}`))
    const seen: string[] = []
    for (let before: { createdAt: number; id: string } | undefined; ; ) {
      const page = await letters.list({ limit: 100, ...(before === undefined ? {} : { before }) })
      seen.push(...page.map(({ id }) => id))
      const last = page.at(-1)
      if (last === undefined) break
      before = { createdAt: last.createdAt, id: last.id }
    }
    expect(seen).toHaveLength(450)
    expect(new Set(seen)).toEqual(new Set(ids))
  })

  test('are found by current, state, reason, type and event', async () => {
    const { letters, bury } = await openLetters(dialect)
    const [first = ''] = await bury(['{"id":"a"}', '{"id":"b"}'])
    await bury(['{"id":"a"}'], 2)
    await letters.discard(first, 'no use')
    const count = async (filter: Parameters<DeadLetters['list']>[0]): Promise<number> =>
      (await letters.list(filter)).length
    expect(await count({ limit: 10, current: 1 })).toBe(2)
    expect(await count({ limit: 10, state: 'dead' })).toBe(2)
    expect(await count({ limit: 10, eventId: 'a' })).toBe(2)
    expect(await count({ limit: 10, reason: 'unclear' })).toBe(0)
    expect(await count({ limit: 10, eventType: 'users.messages.email.Open' })).toBe(3)
    expect(await letters.counts(1)).toEqual({ dead: 1, queued: 0, delivered: 0, discarded: 1 })
  })

  test('are counted by current, state, reason and type as they move', async () => {
    const { store, letters, bury } = await openLetters(dialect)
    const ids = await bury(['{"id":"a"}', '{"id":"b"}', '{"id":"c"}'])
    await bury(['{"id":"a"}'], 2)
    const group = { current: 1, reason: 'invalid', eventType: 'users.messages.email.Open' }
    const { count, refused } = await letters.moveMany([...ids, 'nobody'], 'queued', 'go')
    expect([count, refused.map(({ error }) => error.code)]).toEqual([3, ['DEAD_LETTER_UNKNOWN']])
    await letters.discard(ids[0] ?? '', 'no')
    const expected = [
      { ...group, state: 'discarded', count: 1 },
      { ...group, state: 'queued', count: 2 },
    ]
    const counted = async () =>
      (await letterCounts(store.db, { current: 1 })).sort((a, b) => a.state.localeCompare(b.state))
    expect(await counted()).toEqual(expected)
    expect(await letters.facet({ state: 'dead' }, 'current')).toEqual([{ value: 2, count: 1 }])
    const [most] = await letters.facet({}, 'state')
    expect(most).toEqual({ value: 'queued', count: 2 })
    await recountLetters(store)
    expect(await counted()).toEqual(expected)
  })

  test('are listed in the same order when there are too many kinds to read each from its beginning', async () => {
    const { store, letters, bury } = await openLetters(dialect)
    for (let current = 1; current <= 210; current++) await bury(['{"id":"a"}'], current)
    const [newest = ''] = await bury(['{"id":"b"}'], 7)
    await store.db
      .updateTable('dead_letters')
      .set({ created_at: START_MS + 10 })
      .where('id', '=', newest)
      .execute()
    const all = await letters.list({ state: 'dead', limit: 500 })
    expect(all).toHaveLength(211)
    expect(all[0]?.id).toBe(newest)
    const last = all.at(-2)
    const rest = await letters.list({
      state: 'dead',
      reason: 'invalid',
      eventType: 'users.messages.email.Open',
      limit: 500,
      ...(last === undefined ? {} : { before: last }),
    })
    expect(rest.map(({ id }) => id)).toEqual([all.at(-1)?.id])
    const [owned, ...others] = [1, 2, 3]
    const dead = await letters.deadOf({ choice: {}, notOf: [owned ?? 0, ...others], limit: 500 })
    expect(dead).toHaveLength(208)
  })

  test('are queued all or none', async () => {
    const { letters, bury } = await openLetters(dialect)
    const [a = '', b = '', c = ''] = await bury(['{"id":"a"}', '{"id":"b"}', '{"id":"c"}'])
    await letters.discard(b, '')
    await expect(letters.queue([a, b], 'go')).rejects.toMatchObject({ code: 'DEAD_LETTER_STATE' })
    await expect(letters.queue([a, 'nobody'], 'go')).rejects.toMatchObject({ code: 'DEAD_LETTER_UNKNOWN' })
    expect(await letters.get(a)).toMatchObject({ state: 'dead', note: '' })
    expect(await letters.queue([a, c, a], 'go')).toBe(2)
    expect((await letters.queued(1, 10)).map(({ id }) => id)).toEqual([a, c])
  })
})

test('a letter tells what happened to which event', async () => {
  const { letters, bury } = await openLetters()
  const [id = ''] = await bury(['{"id":"a","n":1.0}'])
  expect(await letters.get(id)).toEqual({
    id,
    current: 1,
    offset: 1000,
    eventId: 'a',
    eventType: 'users.messages.email.Open',
    receivedAt: START_MS,
    version: 2,
    batch: 'batch',
    replay: null,
    fault: 'invalid',
    reason: 'invalid',
    message: 'refused',
    status: 400,
    event: '{"id":"a","n":1.0}',
    edited: null,
    sent: '{"record":1}',
    answer: 'bad',
    attempts: 1,
    state: 'dead',
    note: '',
    createdAt: START_MS,
    updatedAt: START_MS,
  })
})

test.each(['[1]', 'not json', `{"id":"${'x'.repeat(300)}"}`])(
  'the event of a letter may be %s',
  async (text) => {
    const { letters, bury } = await openLetters()
    const [id = ''] = await bury([text])
    const letter = await letters.get(id)
    expect(letter.event).toBe(text)
    expect(letter.eventId.length).toBeLessThanOrEqual(256)
  },
)

/** What may be done to a letter in each state. */
describe.each([
  { state: 'dead', edit: true, queue: true, discard: true },
  { state: 'queued', edit: false, queue: false, discard: true },
  { state: 'discarded', edit: false, queue: false, discard: false },
] as const)('a $state letter', ({ state, ...allowed }) => {
  test.each(['edit', 'queue', 'discard'] as const)('%s', async (action) => {
    const { letters, bury } = await openLetters()
    const [id = ''] = await bury(['{"id":"a"}'])
    if (state === 'queued') await letters.queue([id], '')
    if (state === 'discarded') await letters.discard(id, '')
    const actions = {
      edit: () => letters.edit(id, '{"id":"b"}'),
      queue: () => letters.queue([id], ''),
      discard: () => letters.discard(id, ''),
    }
    if (allowed[action]) await actions[action]()
    else await expect(actions[action]()).rejects.toMatchObject({ code: 'DEAD_LETTER_STATE' })
  })
})

test('an edit can be taken back', async () => {
  const { letters, bury } = await openLetters()
  const [id = ''] = await bury(['{"id":"a"}'])
  expect(await letters.edit(id, '{"id":"ä"}')).toMatchObject({ edited: '{"id":"ä"}', event: '{"id":"a"}' })
  expect(await letters.edit(id, null)).toMatchObject({ edited: null })
})

test.each(['', '{', '[]', '1', 'null', `{"a":"${'x'.repeat(1_048_576)}"}`])(
  'an edit to %.20s is refused',
  async (text) => {
    const { letters, bury } = await openLetters()
    const [id = ''] = await bury(['{"id":"a"}'])
    await expect(letters.edit(id, text)).rejects.toMatchObject({ code: 'INPUT_INVALID' })
  },
)
