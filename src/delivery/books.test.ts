import { describe, expect, test } from 'vitest'
import { freshStore } from '../../test/support/store.ts'
import { VirtualClock } from '../core/clock.ts'
import type { Current } from '../currents/current.ts'
import { Books } from './books.ts'
import {
  type Answer,
  accept,
  CLICK,
  DeliveryUnderTest,
  definitionOf,
  idsIn,
  OPEN,
  opens,
  openTestLog,
  reply,
  type SampleEvent,
  type Sent,
  START_MS,
} from './delivery.fixture.ts'

const MINUTE_MS = 60_000
/** Not selected, without an external id, refused, in quarantine; the rest is delivered. */
const MIXED: readonly SampleEvent[] = [
  ...opens(6),
  { id: 'unselected', type: 'users.behaviors.app.SessionStart', person: 'p' },
  { id: 'nobody', type: OPEN },
  { id: 'poison', type: CLICK, person: 'p' },
  { text: '17', fault: 1 },
]

async function withMixed(): Promise<{ under: DeliveryUnderTest; current: Current }> {
  const under = await DeliveryUnderTest.open({
    answer: ({ body }: Sent): Answer => reply(idsIn(body).includes('poison') ? 400 : 200),
  })
  await accept(under.log, { events: opens(5, 'before') })
  const selection = { include: ['users.messages.email.*'] }
  const current = await under.launch('a', { selection, externalId: 'required' }, 'now')
  await accept(under.log, { source: 2, events: opens(4, 'other') })
  await accept(under.log, { events: MIXED })
  await under.settled(current.number)
  return { under, current }
}

describe('the books', () => {
  test('balance: accepted = delivered + filtered + dead + pending', async () => {
    const { under, current } = await withMixed()
    await under.delivery.pause(current.number, '')
    await accept(under.log, { events: opens(3, 'late') })
    expect(await under.delivery.checkBooks(current.number)).toMatchObject({
      from: 5,
      checkpoint: 19,
      head: 22,
      accepted: 13,
      delivered: 6,
      filtered: 3,
      dead: 1,
      pending: 3,
      residue: 0,
      balanced: true,
      differences: [],
      unlisted: 0,
      missing: [],
    })
    expect(await under.delivery.status(current.number)).toMatchObject({ pending: 3, position: 19 })
    expect(await under.alerts.list({ open: true })).toEqual([])
  })

  test('stay right however often and however closely they are asked', async () => {
    const { under, current } = await withMixed()
    const { number } = current
    const asked = await Promise.all(
      Array.from({ length: 12 }, async (_, i) => {
        if (i % 3 === 1) await accept(under.log, { events: opens(20, `n${i}-`) })
        if (i % 3 === 2) return (await under.delivery.status(number)).pending >= 0
        return (await under.delivery.checkBooks(number))?.balanced
      }),
    )
    expect(new Set(asked)).toEqual(new Set([true]))
    await under.settled(number)
    expect(await under.delivery.checkBooks(number)).toMatchObject({
      accepted: 90,
      delivered: 86,
      pending: 0,
      balanced: true,
    })
    expect((await under.delivery.status(number)).pending).toBe(0)
  })

  test('name the records of a batch that was taken away, with or without its counts', async () => {
    const { under, current } = await withMixed()
    const { number } = current
    await accept(under.log, { events: opens(3, 'gone') })
    await under.settled(number)
    await under.store.db.deleteFrom('batches').where('slice_from', '>=', 19).execute()
    const gone = ['gone0', 'gone1', 'gone2']
    const byList = await under.delivery.checkBooks(number)
    expect(byList).toMatchObject({ balanced: false, unlisted: 3, residue: 3, differences: [] })
    expect(byList?.missing.map(({ id }) => id)).toEqual(gone)

    const ledger = under.store.db.updateTable('ledger').set((eb) => ({ count: eb('count', '-', 3) }))
    await ledger.where('event_type', '=', OPEN).where('outcome', '=', 'delivered').execute()
    const byCount = await under.delivery.checkBooks(number)
    expect(byCount).toMatchObject({
      balanced: false,
      unlisted: 0,
      differences: [{ type: OPEN, log: 10, ledger: 7 }],
    })
    expect(byCount?.missing).toEqual(gone.map((id, i) => ({ id, offset: 19 + i, type: OPEN })))
    expect(await under.alerts.list({ open: true })).toMatchObject([{ current: number, kind: 'books' }])
  })

  test('tell of a ledger row that was taken away by its type; when it is back, the alert is resolved', async () => {
    const { under, current } = await withMixed()
    const { db } = under.store
    const row = await db
      .selectFrom('ledger')
      .selectAll()
      .where('outcome', '=', 'dead')
      .executeTakeFirstOrThrow()
    await db.deleteFrom('ledger').where('outcome', '=', 'dead').execute()
    expect(await under.delivery.checkBooks(current.number)).toMatchObject({
      balanced: false,
      differences: [{ type: CLICK, log: 1, ledger: 0 }],
      missing: [],
    })
    expect(await under.alerts.list({ open: true })).toHaveLength(1)
    await db.insertInto('ledger').values(row).execute()
    expect(await under.delivery.checkBooks(current.number)).toMatchObject({ balanced: true })
    expect(await under.alerts.list({ open: true })).toEqual([])
  })

  test('balance when the sources of a current change', async () => {
    const { under, current } = await withMixed()
    const { number } = current
    for (const sources of [['braze', 'second'], ['second'], ['braze']]) {
      await under.delivery.revise(number, { ...(await under.currents.get(number)).definition, sources }, '')
      for (const source of [1, 2])
        await accept(under.log, { source, events: opens(4, `${sources}${source}-`) })
      await under.settled(number)
      expect(await under.delivery.checkBooks(number)).toMatchObject({ balanced: true, pending: 0 })
    }
    const sent = (prefix: string): number => under.sentIds().filter((id) => id.startsWith(prefix)).length
    expect(['braze,second1', 'braze,second2', 'second1', 'second2', 'braze1', 'braze2'].map(sent)).toEqual([
      4, 4, 0, 4, 4, 0,
    ])
  })

  test('compare what is kept when the log was trimmed, also after a restart', async () => {
    const { under, current } = await withMixed()
    const { number } = current
    for (let minute = 1; under.log.stats().segments < 4; minute++) {
      await accept(under.log, {
        receivedAt: START_MS + minute * MINUTE_MS,
        events: [
          {
            id: `${minute}`,
            type: OPEN,
            person: 'p',
            text: JSON.stringify({ id: `${minute}`, pad: 'x'.repeat(50_000) }),
          },
        ],
      })
    }
    await under.settled(number)
    const whole = await under.delivery.checkBooks(number)
    await under.log.retain({
      ageMsMax: 1e15,
      bytesMax: 600_000,
      despiteReaders: false,
      nowMs: under.clock.now(),
    })
    expect(under.log.tail).toBeGreaterThan(5)
    await under.restart()
    const rest = await under.delivery.checkBooks(number)
    expect(rest).toMatchObject({ balanced: true, pending: 0 })
    expect(rest?.from).toBeGreaterThanOrEqual(under.log.tail)
    expect(rest?.accepted).toBe((rest?.head ?? 0) - (rest?.from ?? 0))
    expect(rest?.accepted).toBeLessThan(whole?.accepted ?? 0)
  })

  test('tell what retention took before it was read, and balance', async () => {
    const { under, current } = await withMixed()
    const { number } = current
    await under.delivery.pause(number, '')
    for (let minute = 1; under.log.stats().segments < 4; minute++) {
      const text = JSON.stringify({ id: `${minute}`, pad: 'x'.repeat(50_000) })
      await accept(under.log, {
        receivedAt: START_MS + minute * MINUTE_MS,
        events: [{ id: `${minute}`, type: OPEN, person: 'p', text }],
      })
    }
    await under.log.retain({
      ageMsMax: 1e15,
      bytesMax: 600_000,
      despiteReaders: true,
      nowMs: under.clock.now(),
    })
    const lost = under.log.tail - 19
    expect(lost).toBeGreaterThan(0)
    await under.delivery.resume(number)
    await under.settled(number)
    expect(await under.ledger(number)).toMatchObject({ 'dead log_trimmed': lost })
    expect(await under.delivery.checkBooks(number)).toMatchObject({ balanced: true, pending: 0 })
    expect(await under.alerts.list({ open: true })).toMatchObject([{ kind: 'log-corrupt', current: number }])
  })

  test('a draft has none', async () => {
    const { under } = await withMixed()
    const draft = await under.delivery.create(definitionOf('draft'))
    expect(await under.delivery.checkBooks(draft.number)).toBeUndefined()
  })
})

test('one count is finished before the next goes on from it, however slowly the log is read', async () => {
  const clock = new VirtualClock(START_MS)
  const log = await openTestLog(clock)
  const slow = new Proxy(log, {
    get(target, name) {
      if (name !== 'read') {
        const value: unknown = Reflect.get(target, name, target)
        return typeof value === 'function' ? value.bind(target) : value
      }
      return async (from: number, bytesMax: number) => {
        await new Promise((resolve) => setTimeout(resolve, 2))
        return target.read(from, bytesMax)
      }
    },
  })
  await accept(log, { events: opens(50) })
  const books = new Books(slow, await freshStore('sqlite', clock), clock)
  const subject = { current: 1, startOffset: 0, scopes: [{ fromOffset: 0, sources: new Set([1]) }] }
  const asked = await Promise.all([5, 5, 10, 30, 20].map((checkpoint) => books.pending(subject, checkpoint)))
  expect(asked).toEqual([45, 45, 40, 20, 30])
  const checks = [1, 2, 3].map(() => books.check(subject, async () => 'covered'))
  expect((await Promise.all(checks)).map(({ accepted }) => accepted)).toEqual([50, 50, 50])
})

describe('lineage', () => {
  async function fates(under: DeliveryUnderTest, offset: number): Promise<Record<string, unknown>> {
    const lineage = await under.delivery.history.lineage(offset)
    return Object.fromEntries((lineage?.currents ?? []).map(({ current, fate }) => [current.name, fate]))
  }

  test('tells every fate there is', async () => {
    const { under, current } = await withMixed()
    await under.delivery.create(definitionOf('draft'))
    const at = (offset: number) => fates(under, offset).then(({ a }) => a)
    expect(await fates(under, 0)).toMatchObject({
      a: { outcome: 'out-of-scope', why: 'before_launch' },
      draft: { outcome: 'out-of-scope', why: 'not_launched' },
    })
    expect(await at(5)).toEqual({ outcome: 'out-of-scope', why: 'other_source' })
    expect(await at(9)).toMatchObject({
      outcome: 'delivered',
      version: 1,
      batch: { count: 7, replay: null },
    })
    expect(await at(15)).toEqual({ outcome: 'filtered', reason: 'type_not_selected', version: 1 })
    expect(await at(16)).toEqual({ outcome: 'filtered', reason: 'no_external_user_id', version: 1 })
    expect(await at(17)).toMatchObject({ outcome: 'dead', state: 'dead', reason: 'invalid', version: 1 })
    expect(await at(18)).toEqual({ outcome: 'filtered', reason: 'not_an_event', version: 1 })

    await under.delivery.pause(current.number, '')
    const pending = await accept(under.log, { events: [...opens(1, 'late'), { text: '{', fault: 1 }] })
    expect(await at(pending)).toEqual({ outcome: 'pending' })
    expect(await at(pending + 1)).toEqual({ outcome: 'pending' })

    await under.store.db.deleteFrom('batches').execute()
    expect(await at(9)).toEqual({ outcome: 'missing' })
    expect(await under.delivery.history.lineage(17)).toMatchObject({
      record: { offset: 17, source: 1, type: CLICK },
    })
  })

  test('shows what the destination gets, and follows the letter that was mended', async () => {
    const { under, current } = await withMixed()
    const shown = async (offset: number) => (await under.delivery.history.lineage(offset))?.currents[0]
    expect(await shown(9)).toMatchObject({ mapped: { events: [{ id: 'e0' }] } })
    expect((await shown(15))?.mapped).toBeUndefined()
    const [letter] = await under.delivery.letters.list({ limit: 1 })
    await under.delivery.letters.discard(letter?.id ?? '', 'no')
    expect(await fates(under, 17)).toMatchObject({ a: { outcome: 'dead', state: 'discarded' } })
    const window = { fromMs: START_MS, toMs: START_MS + 1, types: [] }
    const replay = await under.delivery.replay(current.number, window)
    await under.settled(current.number)
    while ((await under.delivery.getReplay(replay.id)).state === 'running') await under.clock.advance(1_000)
    expect((await shown(9))?.replays).toMatchObject([{ replay: replay.id }])
  })

  test('judges by the version that settled the record', async () => {
    const { under, current } = await withMixed()
    const { number, definition } = current
    await under.delivery.revise(number, { ...definition, selection: { include: ['*'], exclude: [OPEN] } }, '')
    const late = await accept(under.log, { events: opens(1, 'late') })
    await under.settled(number)
    expect(await fates(under, 9)).toMatchObject({ a: { outcome: 'delivered', version: 1 } })
    expect(await fates(under, 15)).toMatchObject({ a: { outcome: 'filtered', version: 1 } })
    expect(await fates(under, 18)).toMatchObject({ a: { outcome: 'filtered', version: 1 } })
    expect(await fates(under, late)).toEqual({
      a: { outcome: 'filtered', reason: 'type_not_selected', version: 2 },
    })
  })

  test('of a record is told for all currents although one of them no longer holds together', async () => {
    const { under } = await withMixed()
    under.authorizations.set('auth', { provider: 'http', credentials: { token: 'x' } })
    const url = 'https://vendor.example/in'
    const broken = await under.launch(
      'broken',
      { destination: { kind: 'http', settings: { url }, authorization: 'auth' } },
      'now',
    )
    await under.delivery.pause(broken.number, '')
    under.authorizations.clear()
    const offset = await accept(under.log, { events: opens(1, 'late') })
    expect(await fates(under, offset)).toMatchObject({ broken: { outcome: 'pending' } })
  })

  test('knows the batch of every record when a slice has several', async () => {
    const under = await DeliveryUnderTest.open()
    const current = await under.launch(
      'a',
      { delivery: { waitMs: 0, ordering: 'per-profile', inFlightMax: 4 } },
      'now',
    )
    await accept(under.log, { events: opens(40) })
    await under.settled(current.number)
    for (let offset = 0; offset < 40; offset++) {
      const batch = under.vendor.sent.find(({ body }) => idsIn(body).includes(`e${offset}`))
      expect(await fates(under, offset)).toMatchObject({
        a: { outcome: 'delivered', batch: { count: idsIn(batch?.body ?? '[]').length } },
      })
    }
  })
})
