import { describe, expect, onTestFinished, test } from 'vitest'
import { eventually } from '../../test/support/eventually.ts'
import { DIALECTS, freshStore } from '../../test/support/store.ts'
import { VirtualClock } from '../core/clock.ts'
import { ITEM_FAULTS } from '../core/kernel/kernel.ts'
import type { Dialect } from '../store/columns.ts'
import { accept, CLICK, MoodyStore, OPEN, opens, openTestLog, START_MS } from './delivery.fixture.ts'
import { IntakeAccount } from './intake.ts'

const MINUTE = START_MS / 60_000

async function openAccount(dialect: Dialect = 'sqlite') {
  const clock = new VirtualClock(START_MS)
  const log = await openTestLog(clock)
  const store = new MoodyStore(await freshStore(dialect, clock))
  const trouble: unknown[] = []
  const made = (): IntakeAccount => {
    const account = new IntakeAccount({
      log,
      store,
      clock,
      onTrouble: (error) => trouble.push(error),
      gatherMs: 0,
    })
    onTestFinished(() => account.stop())
    return account
  }
  const account = made()
  const counted = (one: IntakeAccount = account): Promise<true> =>
    eventually('all is counted', async () => {
      await clock.advance(1_000)
      return one.position === log.head
    })
  return { clock, log, store, account, made, counted, trouble }
}

describe.each(DIALECTS)('the intake account on %s', (dialect) => {
  test('counts what the log accepted by source, minute and type', async () => {
    const { log, account, counted } = await openAccount(dialect)
    await account.start()
    const text = '{"id":"x"}'
    await accept(log, {
      events: [
        { text, type: OPEN },
        { text, type: OPEN },
        { text, type: CLICK },
      ],
    })
    await counted()
    await accept(log, { events: [{ text, type: OPEN }], receivedAt: START_MS + 59_999 })
    await accept(log, { events: [{ text, type: OPEN }], receivedAt: START_MS + 60_000 })
    await accept(log, { source: 2, events: [{ text, type: OPEN }] })
    await counted()
    const counts = async (since: number) =>
      (await account.counts(since)).sort((a, b) => a.source - b.source || b.accepted - a.accepted)
    expect(await counts(MINUTE)).toEqual([
      { source: 1, eventType: OPEN, accepted: 4, bytes: 40 },
      { source: 1, eventType: CLICK, accepted: 1, bytes: 10 },
      { source: 2, eventType: OPEN, accepted: 1, bytes: 10 },
    ])
    expect(await counts(MINUTE + 1)).toEqual([{ source: 1, eventType: OPEN, accepted: 1, bytes: 10 }])
  })

  test('lists what is in quarantine with the reason and the beginning of the bytes', async () => {
    const { log, account, counted } = await openAccount(dialect)
    await account.start()
    await accept(log, {
      events: [...opens(1), { text: `"\0${'x'.repeat(600)}`, fault: ITEM_FAULTS.indexOf('truncated') }],
    })
    await counted()
    expect(await account.quarantined(10)).toEqual([
      {
        offset: 1,
        source: 1,
        received_at: START_MS,
        reason: 'truncated',
        bytes: 602,
        excerpt: `"\uFFFD${'x'.repeat(498)}`,
      },
    ])
  })
})

test.each([
  { what: 'few records are counted several times before they are written', records: 10, pauses: 5 },
  { what: 'many are written at once', records: 4_000, pauses: 1 },
])('$what', async ({ records, pauses }) => {
  const { clock, log, store } = await openAccount()
  let waits = 0
  const pause = async (): Promise<void> => void waits++
  const account = new IntakeAccount({ log, store, clock, onTrouble: () => undefined, pause })
  onTestFinished(() => account.stop())
  for (let i = 0; i < records; i += 500) await accept(log, { events: opens(Math.min(500, records), `${i}`) })
  await account.start()
  await eventually('all is counted', () => account.position === log.head)
  expect(waits).toBe(pauses)
})

test('goes on after a restart where it was, counting nothing twice', async () => {
  const { log, account, made, counted } = await openAccount()
  await account.start()
  await accept(log, { events: opens(10) })
  await counted()
  await account.stop()
  await accept(log, { events: opens(5, 'later') })
  const again = made()
  await again.start()
  expect(again.position).toBe(10)
  // One that counts nothing itself knows it as well.
  expect([made().position, await made().counted()]).toEqual([0, 10])
  await counted(again)
  expect(await again.counts(0)).toMatchObject([{ accepted: 15 }])
})

test.each(['away', 'answer-lost'] as const)('a store that is %s for a while costs no count', async (mood) => {
  const { log, account, counted, store, trouble } = await openAccount()
  await account.start()
  store.next = [mood, mood]
  await accept(log, { events: opens(10) })
  await counted()
  await accept(log, { events: opens(1, 'b') })
  await counted()
  expect(await account.counts(0)).toMatchObject([{ accepted: 11 }])
  expect(trouble.length).toBeGreaterThan(0)
})

test('counts again what the store forgot', async () => {
  const { log, account, counted, store } = await openAccount()
  await account.start()
  await accept(log, { events: opens(10) })
  await counted()
  await store.db.deleteFrom('intake').execute()
  await store.db.updateTable('checkpoints').set({ position: 0 }).execute()
  await accept(log, { events: opens(2, 'b') })
  await eventually('all is counted again', async () => (await account.counts(0))[0]?.accepted === 12)
})

test('goes on behind what retention took', async () => {
  const { clock, log, account, counted } = await openAccount()
  await accept(log, { events: opens(10) })
  for (let i = 0; log.stats().segments < 3; i++) {
    await accept(log, { events: [{ id: `${i}`, type: CLICK, text: JSON.stringify('x'.repeat(60_000)) }] })
  }
  await log.retain({ ageMsMax: 1e15, bytesMax: 1, despiteReaders: true, nowMs: clock.now() })
  expect(log.tail).toBeGreaterThan(0)
  await account.start()
  await counted()
  expect(await account.counts(0)).toMatchObject([{ eventType: CLICK, accepted: log.head - log.tail }])
})
