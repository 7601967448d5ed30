import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { freshStore } from '../../test/support/store.ts'
import { VirtualClock } from '../core/clock.ts'
import type { Fault } from '../core/fault.ts'
import { seededRandom } from '../core/random.ts'
import { Selection } from '../currents/selection.ts'
import type { EventWriter } from '../destinations/destination.ts'
import type { Log } from '../log/log.ts'
import { soleLease } from '../store/leases.ts'
import { TypeNumbers } from './cells.ts'
import { Courier } from './courier.ts'
import {
  type Answer,
  accept,
  idsIn,
  MoodyStore,
  opens,
  openTestLog,
  PLAIN_WRITER,
  passTime,
  reply,
  ScriptedVendor,
  type Sent,
  START_MS,
  testSeed,
} from './delivery.fixture.ts'
import { Gate } from './gate.ts'
import { Runner } from './runner.ts'
import { Settler } from './settlement.ts'
import type { SliceRule } from './slice.ts'

const HALTED_RETRY_MS = 300_000

interface Setup {
  readonly answer: (sent: Sent, n: number) => Answer | Promise<Answer>
  readonly recordsMax?: number
  readonly inFlightMax?: number
  readonly lanes?: number
  readonly halted?: boolean
  readonly writer?: EventWriter
  readonly wrapLog?: (log: Log) => Log
}

async function openRunner(setup: Setup) {
  const clock = new VirtualClock(START_MS)
  const log = await openTestLog(clock)
  const store = new MoodyStore(await freshStore('sqlite', clock))
  await store.db.insertInto('checkpoints').values({ current: 1, position: 0, updated_at: 0 }).execute()
  const vendor = new ScriptedVendor(setup.answer)
  const types = new TypeNumbers()
  const gate = new Gate(clock, seededRandom(1))
  const limits = {
    recordsMax: setup.recordsMax ?? 1,
    bytesMax: 100_000,
    waitMs: 0,
    inFlightMax: setup.inFlightMax ?? 4,
  }
  const rule: SliceRule = {
    sources: new Set([1]),
    selection: new Selection({ selection: { include: ['*'], exclude: [] }, externalId: 'optional' }),
    editor: undefined,
    limits,
    lanes: setup.lanes ?? 1,
    connection: 'c0ffee',
  }
  const heard: { halted: Fault[]; recovered: number; settled: [number, number][] } = {
    halted: [],
    recovered: 0,
    settled: [],
  }
  const trouble: unknown[] = []
  const settler = new Settler(store, clock, types, (error) => trouble.push(error), 0)
  const runner = new Runner({
    current: 1,
    version: 1,
    log: setup.wrapLog?.(log) ?? log,
    clock,
    types,
    rule,
    courier: new Courier({
      transport: vendor,
      gate,
      clock,
      writer: setup.writer ?? PLAIN_WRITER,
      lease: soleLease('current 1'),
      observe: () => undefined,
      ordered: false,
    }),
    gate,
    settler,
    lease: soleLease('current 1'),
    position: 0,
    halted: setup.halted ?? false,
    haltedRetryMs: HALTED_RETRY_MS,
    onHalted: async (fault) => void heard.halted.push(fault),
    onRecovered: async () => void heard.recovered++,
    onSettled: ({ from, to }) => void heard.settled.push([from, to]),
  })
  onTestFinished(async () => {
    store.mood = 'well'
    await runner.stop()
    await settler.close()
    expect(trouble).toEqual([])
  })
  const position = async (): Promise<number> =>
    (await store.db.selectFrom('checkpoints').select('position').executeTakeFirstOrThrow()).position
  return { clock, log, store, vendor, gate, runner, settler, heard, position }
}

/** An answer that is given when the test says so. */
function held() {
  let give: (answer: Answer) => void = () => undefined
  const answer = new Promise<Answer>((resolve) => {
    give = resolve
  })
  return { answer, give }
}

describe('settling', () => {
  test('is in order although later slices finish first', async () => {
    const first = held()
    const { clock, log, vendor, runner, heard } = await openRunner({
      answer: (_, n) => (n === 0 ? first.answer : reply(200)),
    })
    await accept(log, { events: opens(12) })
    runner.start()
    await passTime(clock, 'all others were sent', () => vendor.sent.length === 12)
    expect(heard.settled).toEqual([])
    expect(runner.status()).toMatchObject({
      position: 0,
      readPosition: 12,
      batchesUnderWay: 1,
      oldestUnsettledAt: START_MS,
    })
    first.give(reply(200))
    await passTime(clock, 'all is settled', () => runner.status().position === 12)
    expect(heard.settled.map(([from]) => from)).toEqual([...Array(12).keys()])
    expect(runner.status()).toMatchObject({ batchesUnderWay: 0, oldestUnsettledAt: undefined, halted: false })
  })

  test('bounds how many finished slices wait for an earlier one', async () => {
    const first = held()
    const { clock, log, vendor, runner } = await openRunner({
      answer: (_, n) => (n === 0 ? first.answer : reply(200)),
    })
    await accept(log, { events: opens(200) })
    runner.start()
    await clock.advance(10_000)
    await clock.advance(10_000)
    expect(vendor.sent.length).toBeLessThanOrEqual(64)
    first.give(reply(200))
    await passTime(clock, 'all is settled', () => runner.status().position === 200)
  })

  test('never has more requests under way than allowed', async () => {
    const { clock, log, vendor, runner } = await openRunner({
      answer: () => new Promise((resolve) => setImmediate(() => resolve(reply(200)))),
      inFlightMax: 3,
    })
    await accept(log, { events: opens(50) })
    runner.start()
    await passTime(clock, 'all is settled', () => runner.status().position === 50)
    expect(vendor.underWayMost).toBe(3)
  })

  test('goes back when the store forgot, and delivers again from there', async () => {
    const { clock, log, store, vendor, runner, position } = await openRunner({ answer: () => reply(200) })
    await accept(log, { events: opens(10) })
    runner.start()
    await passTime(clock, 'all is settled', () => runner.status().position === 10)
    await store.db.updateTable('checkpoints').set({ position: 6 }).execute()
    await store.db.deleteFrom('batches').where('slice_from', '>=', 6).execute()
    await accept(log, { events: opens(2, 'late') })
    await passTime(clock, 'all is settled again', async () => (await position()) === 12)
    expect(vendor.sent.flatMap(({ body }) => idsIn(body)).slice(-6)).toEqual([
      'e6',
      'e7',
      'e8',
      'e9',
      'late0',
      'late1',
    ])
  })
})

describe('a fault that needs a person', () => {
  test('halts and keeps the position; one probe per retry time; recovers and loses nothing', async () => {
    let status = 200
    const { clock, log, vendor, runner, heard, position } = await openRunner({ answer: () => reply(status) })
    await accept(log, { events: opens(5) })
    runner.start()
    await passTime(clock, 'the first are settled', () => runner.status().position === 5)
    status = 401
    await accept(log, { events: opens(20, 'late') })
    await passTime(clock, 'it is halted', () => heard.halted.length === 1, 10)
    expect(heard.halted[0]).toMatchObject({ kind: 'unauthorized', status: 401 })
    expect(runner.status()).toMatchObject({ halted: true, position: 5, readPosition: 5, batchesUnderWay: 0 })
    expect(await position()).toBe(5)
    const before = vendor.sent.length
    for (let retries = 1; retries <= 3; retries++) {
      await clock.advance(HALTED_RETRY_MS)
      await passTime(clock, 'it is halted again', () => heard.halted.length === 1 + retries, 1)
      expect(vendor.sent.length).toBe(before + retries)
    }
    status = 200
    await passTime(clock, 'all is settled', () => runner.status().position === 25, 10_000)
    expect([heard.recovered, runner.status().halted]).toEqual([1, false])
    const accepted = vendor.sent.slice(before + 3).flatMap(({ body }) => idsIn(body))
    expect(accepted).toEqual(opens(20, 'late').map(({ id }) => id))
  })

  test.each([1, 4])(
    'a runner that was halted before begins with a single probe (lanes: %i)',
    async (lanes) => {
      const probe = held()
      const { clock, log, vendor, runner, heard } = await openRunner({
        answer: (_, n) => (n === 0 ? probe.answer : reply(200)),
        halted: true,
        lanes,
        recordsMax: 10,
      })
      await accept(log, { events: opens(30) })
      runner.start()
      await clock.advance(1_000)
      expect(vendor.sent).toHaveLength(1)
      probe.give(reply(200))
      await passTime(clock, 'all is settled', () => runner.status().position === 30)
      expect(heard).toMatchObject({ halted: [], recovered: 1 })
    },
  )

  test('settles what was done before the slice that halts, not what comes after', async () => {
    const { clock, log, runner, heard, position } = await openRunner({
      answer: ({ body }) => reply(idsIn(body)[0] === 'e3' ? 403 : 200),
      inFlightMax: 8,
    })
    await accept(log, { events: opens(8) })
    runner.start()
    await passTime(clock, 'it is halted', () => heard.halted.length === 1, 10)
    await passTime(clock, 'the first are settled', async () => (await position()) === 3, 1)
  })

  test('met elsewhere on the connection halts the live flow too', async () => {
    const { clock, log, runner, heard } = await openRunner({ answer: () => reply(200) })
    runner.start()
    await clock.advance(10)
    runner.interrupt({ kind: 'unauthorized', message: 'no' })
    await passTime(clock, 'it is halted', () => heard.halted.length === 1, 1)
    await accept(log, { events: opens(1) })
    await passTime(
      clock,
      'it recovered',
      () => heard.recovered === 1 && runner.status().position === 1,
      10_000,
    )
  })

  test('a log that cannot be read halts instead of taking the process down', async () => {
    let broken = true
    const { clock, log, runner, heard } = await openRunner({
      answer: () => reply(200),
      wrapLog: (log) =>
        new Proxy(log, {
          get(target, name) {
            if (name === 'read' && broken)
              return () => {
                throw new RangeError('what is this')
              }
            const value: unknown = Reflect.get(target, name, target)
            return typeof value === 'function' ? value.bind(target) : value
          },
        }),
    })
    await accept(log, { events: opens(1) })
    runner.start()
    await passTime(clock, 'it is halted', () => heard.halted.length === 1, 1)
    expect(heard.halted[0]).toMatchObject({
      kind: 'defect',
      message: expect.stringContaining('what is this'),
    })
    broken = false
    await passTime(clock, 'all is settled', () => runner.status().position === 1, 10_000)
  })
})

describe('stop', () => {
  test('is prompt while the gate is closed, and what was not answered is not in the books', async () => {
    const { clock, log, runner, gate, position } = await openRunner({ answer: () => reply(503) })
    await accept(log, { events: opens(3) })
    runner.start()
    await passTime(clock, 'the gate is closed', () => gate.state === 'closed', 1)
    const begun = performance.now()
    await runner.stop()
    expect(performance.now() - begun).toBeLessThan(1_000)
    expect([await position(), runner.status().position]).toEqual([0, 0])
  })

  test('waits for answers on their way, reads no more, and books what came', async () => {
    const answers = held()
    const { clock, log, vendor, runner, position } = await openRunner({
      answer: () => answers.answer,
      inFlightMax: 2,
    })
    await accept(log, { events: opens(10) })
    runner.start()
    await passTime(clock, 'two are under way', () => vendor.underWay === 2, 1)
    const stopped = runner.stop()
    answers.give(reply(200))
    await stopped
    expect([vendor.sent.length, await position()]).toEqual([2, 2])
    await runner.stop()
  })

  test('is prompt while halted and while idle', async () => {
    const halted = await openRunner({ answer: () => reply(401) })
    await accept(halted.log, { events: opens(1) })
    halted.runner.start()
    await passTime(halted.clock, 'it is halted', () => halted.heard.halted.length === 1, 1)
    await halted.runner.stop()
    const idle = await openRunner({ answer: () => reply(200) })
    idle.runner.start()
    await idle.clock.advance(10)
    await idle.runner.stop()
  })
})

test('a buffer is not written to again while anybody may still read what was sent from it', async () => {
  // The vendor keeps references to the very bytes, as a slow socket does: until it has taken them, and for good when it refused.
  const seed = testSeed('recycled buffers')
  const plan = fc.record({
    frames: fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 8 }),
    statuses: fc.array(fc.constantFrom(200, 200, 200, 500, 400, 413), { minLength: 1, maxLength: 20 }),
    recordsMax: fc.integer({ min: 1, max: 6 }),
    inFlightMax: fc.integer({ min: 1, max: 6 }),
    lanes: fc.constantFrom(1, 1, 3),
  })
  await fc.assert(
    fc.asyncProperty(plan, async ({ frames, statuses, recordsMax, inFlightMax, lanes }) => {
      const writer: EventWriter = {
        ...PLAIN_WRITER,
        *write(batch) {
          // One piece of the batch's own bytes, so that the reference is to the recycled buffer itself.
          const answer = yield {
            method: 'POST',
            url: 'https://v.example/',
            headers: {},
            body: batch.joined,
            secrets: [],
          }
          const refused = {
            outcome: 'failed',
            fault: {
              kind: answer.status === 413 ? 'oversized' : answer.status === 400 ? 'invalid' : 'unavailable',
              message: '',
            },
          } as const
          return new Array(batch.count).fill(answer.status === 200 ? { outcome: 'delivered' } : refused)
        },
      }
      let altered = 0
      const refused: Sent[] = []
      const taken = new Set<string>()
      const isAltered = ({ reference, body }: Sent): boolean => Buffer.from(reference).toString() !== body
      const { clock, log, runner, settler } = await openRunner({
        recordsMax,
        inFlightMax,
        lanes,
        writer,
        answer: (sent, n) =>
          new Promise((resolve) => {
            const status = statuses[n % statuses.length] ?? 200
            const look = (turns: number): void => {
              if (isAltered(sent)) altered++
              if (turns > 0) return void setImmediate(look, turns - 1)
              const ids = idsIn(`[${sent.body}]`)
              const answered = n > 60 ? 200 : status
              if (answered !== 200) refused.push(sent)
              if (answered === 200 || ids.length === 1) for (const id of ids) taken.add(id)
              resolve(reply(answered))
            }
            look(n % 4)
          }),
      })
      for (const [i, count] of frames.entries()) await accept(log, { events: opens(count, `f${i}-`) })
      runner.start()
      await passTime(clock, 'all is settled', () => runner.status().position === log.head, 120_000)
      await runner.stop()
      await settler.close()
      expect([altered, refused.filter(isAltered).length]).toEqual([0, 0])
      expect(taken.size).toBe(log.head)
    }),
    { seed, numRuns: 25 },
  )
})
