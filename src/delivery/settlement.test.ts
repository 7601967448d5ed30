import { describe, expect, test } from 'vitest'
import { eventually } from '../../test/support/eventually.ts'
import { DIALECTS, freshStore } from '../../test/support/store.ts'
import { VirtualClock } from '../core/clock.ts'
import type { Dialect } from '../store/columns.ts'
import { labelOf } from '../store/labels.ts'
import { soleLease } from '../store/leases.ts'
import { Cells, TypeNumbers } from './cells.ts'
import { MoodyStore, OPEN, outcomesOf, parcelOfIds, START_MS } from './delivery.fixture.ts'
import { addToLedger, byMinute, totals, totalsByType } from './ledger.ts'
import { settlementOf } from './outcomes.ts'
import { DEAD_OUTCOME, DELIVERED_OUTCOME, SKIPPED_OUTCOME } from './parcel.ts'
import { CheckpointBehind, type Settlement, Settler } from './settlement.ts'

const MINUTE = START_MS / 60_000
const LEASE = soleLease('current 1')

async function openSettler(dialect: Dialect = 'sqlite', currents: readonly number[] = [1]) {
  const clock = new VirtualClock(START_MS)
  const store = new MoodyStore(await freshStore(dialect, clock))
  for (const current of currents) {
    await store.db.insertInto('checkpoints').values({ current, position: 0, updated_at: 0 }).execute()
  }
  const types = new TypeNumbers()
  const trouble: unknown[] = []
  const settler = new Settler(store, clock, types, (error) => trouble.push(error), 0)
  /** `count` opens delivered. */
  const slice = (from: number, to: number, current = 1): Settlement => {
    const delivered = new Cells()
    delivered.add(MINUTE, types.numberOf(OPEN), to - from)
    return { current, from, to, delivered, others: [], batches: [], deadLetters: [] }
  }
  const position = async (current = 1): Promise<number | undefined> =>
    (await store.db.selectFrom('checkpoints').selectAll().where('current', '=', current).executeTakeFirst())
      ?.position
  const delivered = async (current = 1): Promise<number> =>
    (await totals(store.db, { current })).reduce((sum, { count }) => sum + count, 0)
  return { clock, store, types, trouble, settler, slice, position, delivered }
}

describe.each(DIALECTS)('settling on %s', (dialect) => {
  test('writes slices of several currents together, in order, and moves their checkpoints', async () => {
    const { store, settler, slice, position, delivered } = await openSettler(dialect, [1, 2])
    await Promise.all([
      settler.settle(slice(0, 10), LEASE),
      settler.settle(slice(0, 3, 2), LEASE),
      settler.settle(slice(10, 25), LEASE),
    ])
    expect([await position(1), await delivered(1), await position(2), await delivered(2)]).toEqual([
      25, 25, 3, 3,
    ])
    expect(store.transactions).toBe(1)
  })

  test('writes once although the answer to the commit was lost', async () => {
    const { store, settler, slice, position, delivered, trouble } = await openSettler(dialect)
    store.next = ['answer-lost']
    await settler.settle(slice(0, 10), LEASE)
    expect([await position(), await delivered(), trouble.length]).toEqual([10, 10, 1])
    await settler.settle(slice(10, 12), LEASE)
    expect([await position(), await delivered()]).toEqual([12, 12])
  })

  test('a slice whose outcomes are all kinds is in the books as it is', async () => {
    const { store, types, settler, position } = await openSettler(dialect)
    const parcel = parcelOfIds(['a', 'b', 'c', 'd'])
    parcel.outcomes.set([DELIVERED_OUTCOME, SKIPPED_OUTCOME, DEAD_OUTCOME, DELIVERED_OUTCOME])
    const blank = { fault: undefined, sent: '', attempts: 2 }
    parcel.notes.set(1, { ...blank, reason: 'no_name' })
    const fault = { kind: 'invalid', message: 'no', status: 400, answer: 'bad' } as const
    parcel.notes.set(2, { ...blank, reason: 'invalid', fault, sent: '{}' })
    const filtered = new Cells()
    filtered.add(MINUTE, types.numberOf('x'), 7)
    const slice = {
      from: 0,
      to: 1004,
      parcels: [parcel],
      filtered: new Map([['type_not_selected' as const, filtered]]),
      gaps: [
        { from: 900, to: 950, where: 'here' },
        { from: 1003, to: 1100, where: 'mostly in the next slice' },
        { from: 2000, to: 2100, where: 'not in this slice' },
      ],
      trimmed: 5,
      oldestAt: START_MS,
    }
    const about = { current: 1, version: 3, replay: null, now: START_MS }
    await settler.settle(settlementOf(slice, types, about), LEASE)
    expect(outcomesOf(parcel)).not.toContain('undecided')
    expect(await position()).toBe(1004)
    const rows = await totalsByType(store.db, { current: 1 })
    expect(
      Object.fromEntries(rows.map((row) => [`${row.outcome} ${row.reason} ${row.eventType}`, row.count])),
    ).toEqual({
      [`delivered  ${OPEN}`]: 2,
      [`filtered no_name ${OPEN}`]: 1,
      [`dead invalid ${OPEN}`]: 1,
      'filtered type_not_selected x': 7,
      'dead log_corrupt ': 51,
      'dead log_trimmed ': 5,
    })
    expect(await store.db.selectFrom('batches').selectAll().execute()).toMatchObject([
      {
        id: 'batch',
        slice_from: 0,
        slice_to: 1004,
        first_offset: 1000,
        last_offset: 1003,
        records: null,
        count: 4,
        delivered: 2,
        failed: 1,
        skipped: 1,
        version: 3,
      },
    ])
    expect(await store.db.selectFrom('dead_letters').selectAll().execute()).toMatchObject([
      {
        record_offset: 1002,
        event_id: 'c',
        state: 'dead',
        reason: 'invalid',
        status: 400,
        answer: 'bad',
        attempts: 2,
      },
    ])
  })

  test('moving counts from dead to delivered leaves the sum', async () => {
    const { store } = await openSettler(dialect)
    const cell = { current: 1, minute: MINUTE, eventType: OPEN }
    await store.transaction((tx) =>
      addToLedger(tx, [
        { ...cell, outcome: 'dead', reason: 'invalid', count: 3 },
        { ...cell, outcome: 'delivered', reason: '', count: 1 },
        { ...cell, outcome: 'delivered', reason: '', count: 1 },
      ]),
    )
    await store.transaction((tx) =>
      addToLedger(tx, [
        { ...cell, outcome: 'dead', reason: 'invalid', count: -1 },
        { ...cell, outcome: 'delivered', reason: '', count: 1 },
      ]),
    )
    expect(await byMinute(store.db, { current: 1 }, 10)).toEqual(
      expect.arrayContaining([
        { minute: MINUTE, outcome: 'dead', count: 2 },
        { minute: MINUTE, outcome: 'delivered', count: 3 },
      ]),
    )
    expect(await totals(store.db, { current: 1, toMinute: MINUTE })).toEqual([])
  })

  test('takes type names of any length and letters', async () => {
    const { store, types, settler } = await openSettler(dialect)
    const names = ['x'.repeat(3_000), `${'é'.repeat(255)}😀`, 'a\0b', 'a\uFFFDb', '']
    const delivered = new Cells()
    for (const name of names) delivered.add(MINUTE, types.numberOf(name))
    await settler.settle(
      { current: 1, from: 0, to: 5, delivered, others: [], batches: [], deadLetters: [] },
      LEASE,
    )
    const counted = new Map(
      (await totalsByType(store.db, { current: 1 })).map((row) => [row.eventType, row.count]),
    )
    for (const name of names) expect(counted.get(labelOf(name))).toBe(name.startsWith('a') ? 2 : 1)
  })
})

describe('while the store is away', () => {
  test('waits, and writes when it is back', async () => {
    const { store, settler, slice, position, delivered } = await openSettler()
    store.next = ['away', 'away']
    await settler.settle(slice(0, 10), LEASE)
    expect([await position(), await delivered(), store.transactions]).toEqual([10, 10, 3])
  })

  test('close gives up after one more try, and nothing of it is in the books', async () => {
    const { store, settler, slice, position, delivered } = await openSettler()
    store.mood = 'away'
    const settled = settler.settle(slice(0, 10), LEASE).then(
      () => 'written',
      () => 'lost',
    )
    await eventually('the first try failed', () => store.transactions > 0)
    await settler.close()
    expect(await settled).toBe('lost')
    await expect(settler.settle(slice(10, 20), LEASE)).rejects.toThrow()
    expect([await position(), await delivered()]).toEqual([0, 0])
  })

  test('close writes what waits', async () => {
    const { settler, slice, position } = await openSettler()
    const settled = settler.settle(slice(0, 10), LEASE)
    await settler.close()
    await settled
    expect(await position()).toBe(10)
  })
})

test.each([
  { what: 'few slices gather for longer', slices: 3, hurried: false, pauses: 5 },
  { what: 'many do not', slices: 40, hurried: false, pauses: 1 },
  { what: 'nor do those that somebody waits for', slices: 3, hurried: true, pauses: 1 },
])('$what', async ({ slices, hurried, pauses }) => {
  const { store, clock, types, slice, position } = await openSettler()
  const waits: number[] = []
  const wait = async (ms: number): Promise<void> => void waits.push(ms)
  const settler = new Settler(store, clock, types, () => undefined, 7, wait)
  const settled = Array.from({ length: slices }, (_, i) => settler.settle(slice(i, i + 1), LEASE))
  if (hurried) settler.hurry()
  await Promise.all(settled)
  expect([waits, await position(), store.transactions]).toEqual([Array(pauses).fill(7), slices, 1])
})

test('a current whose books refuse does not hold up the others', async () => {
  const { settler, slice, position, trouble } = await openSettler('sqlite', [1, 2])
  void settler.settle(slice(0, 10, 7), LEASE).catch(() => undefined) // has no checkpoint
  await settler.settle(slice(0, 10), LEASE)
  await settler.settle(slice(0, 10, 2), LEASE)
  expect([await position(1), await position(2), trouble.length > 0]).toEqual([10, 10, true])
  await settler.close()
})

test('a store that forgot its last commits is told of, not written over', async () => {
  const { store, settler, slice, position, delivered } = await openSettler('sqlite', [1, 2])
  await settler.settle(slice(0, 10), LEASE)
  await store.db.updateTable('checkpoints').set({ position: 4 }).where('current', '=', 1).execute()
  const [first, second, other] = await Promise.allSettled([
    settler.settle(slice(10, 20), LEASE),
    settler.settle(slice(20, 30), LEASE),
    settler.settle(slice(0, 5, 2), LEASE),
  ])
  expect(first).toMatchObject({ status: 'rejected', reason: new CheckpointBehind(4) })
  expect(second?.status).toBe('rejected')
  expect(other?.status).toBe('fulfilled')
  expect([await position(1), await delivered(1), await position(2)]).toEqual([4, 10, 5])
})

test.each([{ what: 'a slice that begins within what is settled', from: 5, to: 15 }])(
  '$what is never settled',
  async ({ from, to }) => {
    const { settler, slice, position, delivered, trouble } = await openSettler()
    await settler.settle(slice(0, 10), LEASE)
    const late = settler.settle(slice(from, to), LEASE).catch(() => 'lost')
    await eventually('it was refused', () => trouble.length > 0)
    await settler.close()
    expect([await late, await position(), await delivered()]).toEqual(['lost', 10, 10])
  },
)
