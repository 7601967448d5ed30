import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { VirtualClock } from '../core/clock.ts'
import type { FaultKind } from '../core/fault.ts'
import { seededRandom } from '../core/random.ts'
import { DELIVERED, failed, type Receipt, receiptForAll } from '../core/receipt.ts'
import type { EventWriter } from '../destinations/destination.ts'
import { soleLease } from '../store/leases.ts'
import { type Attempt, Courier, type Ending } from './courier.ts'
import { DOUBTS_MAX, LONE_FAILURES_MAX } from './decisions.ts'
import {
  type Answer,
  idsIn,
  noAnswer,
  outcomesOf,
  PLAIN_WRITER,
  parcelOfIds,
  parcelOfTexts,
  reply,
  ScriptedVendor,
  type Sent,
  testSeed,
} from './delivery.fixture.ts'
import { Gate } from './gate.ts'
import { type Parcel, SENT_CHARS_MAX } from './parcel.ts'

const FOREVER = new AbortController().signal
const STEP_MS = 61_000

interface Setup {
  readonly writer?: EventWriter
  readonly ordered?: boolean
}

function courierTo(answer: (sent: Sent, n: number) => Answer | Promise<Answer>, setup: Setup = {}) {
  const clock = new VirtualClock(1_000_000)
  const vendor = new ScriptedVendor(answer)
  const gate = new Gate(clock, seededRandom(1))
  const attempts: Attempt[] = []
  const courier = new Courier({
    transport: vendor,
    gate,
    clock,
    writer: setup.writer ?? PLAIN_WRITER,
    lease: soleLease('current 1'),
    observe: (attempt) => attempts.push(attempt),
    ordered: setup.ordered ?? false,
  })
  return { clock, vendor, gate, attempts, courier }
}

/** Lets time pass until the delivery ends; `steps` bounds it. */
async function ending(clock: VirtualClock, delivery: Promise<Ending>, steps = 3_000): Promise<Ending> {
  let ended: Ending | undefined
  void delivery.then((how) => {
    ended = how
  })
  for (let i = 0; i < steps && ended === undefined; i++) await clock.advance(i === 0 ? 0 : STEP_MS)
  if (ended === undefined) throw new Error(`not ended after ${steps} steps`)
  return ended
}

function ids(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `r${i}`)
}

/** A vendor that refuses requests with any of these ids, without saying which. */
function refusing(poison: ReadonlySet<string>, status: number) {
  return ({ body }: Sent): Answer =>
    idsIn(body).some((id) => poison.has(id)) ? reply(status, 'no good') : reply(200)
}

function acceptedIds(vendor: ScriptedVendor, poison: ReadonlySet<string>): string[] {
  return vendor.sent
    .map(({ body }) => idsIn(body))
    .filter((all) => !all.some((id) => poison.has(id)))
    .flat()
}

describe('receipts', () => {
  test('decide record by record: 72 of 75 delivered, 3 dead with what the vendor said', async () => {
    const bad = new Set([3, 40, 74])
    const told = ids(75).map((_, i) => (bad.has(i) ? 'invalid' : 'delivered'))
    const { clock, vendor, courier, attempts } = courierTo(() => reply(200, told))
    const parcel = parcelOfIds(ids(75))
    expect(await ending(clock, courier.deliver(parcel, FOREVER))).toEqual({ how: 'done' })
    expect(outcomesOf(parcel)).toEqual(told.map((word) => (word === 'invalid' ? 'dead' : word)))
    expect([...parcel.notes.keys()]).toEqual([...bad])
    expect(parcel.notes.get(40)).toMatchObject({
      reason: 'invalid',
      fault: { answer: 'invalid', status: 200 },
    })
    expect(vendor.sent).toHaveLength(1)
    expect(attempts).toMatchObject([{ batch: 'batch', count: 75, status: 200, fault: { kind: 'invalid' } }])
  })

  test.each(['r0', 'r1'])(
    'the worst deciding answer stands for the batch, whichever half came last: %s refused',
    async (bad) => {
      const { clock, courier } = courierTo(refusing(new Set([bad]), 400))
      const parcel = parcelOfIds(ids(2))
      await ending(clock, courier.deliver(parcel, FOREVER))
      expect([parcel.status, parcel.attempts]).toEqual([400, 3])
    },
  )

  test('an answer that decided nothing does not stand for the batch', async () => {
    const { clock, courier } = courierTo((_, n) => reply(n === 0 ? 503 : 202))
    const parcel = parcelOfIds(ids(2))
    await ending(clock, courier.deliver(parcel, FOREVER))
    expect([parcel.status, parcel.attempts]).toEqual([202, 2])
  })

  test('skipped records are noted with their reason', async () => {
    const { clock, courier } = courierTo(() => reply(200, ['delivered', 'skipped:no_name']))
    const parcel = parcelOfIds(ids(2))
    await ending(clock, courier.deliver(parcel, FOREVER))
    expect(outcomesOf(parcel)).toEqual(['delivered', 'skipped'])
    expect(parcel.notes.get(1)).toMatchObject({ reason: 'no_name', fault: undefined })
  })

  test('only what was put off goes out again', async () => {
    const { clock, vendor, courier } = courierTo((_, n) =>
      n === 0 ? reply(200, ['delivered', 'throttled', 'delivered', 'unavailable']) : reply(200),
    )
    const parcel = parcelOfIds(ids(4))
    await ending(clock, courier.deliver(parcel, FOREVER))
    expect(vendor.sent.map(({ body }) => idsIn(body))).toEqual([ids(4), ['r1', 'r3']])
    expect(new Set(outcomesOf(parcel))).toEqual(new Set(['delivered']))
    expect(parcel.attempts).toBe(2)
  })

  test.each<[string, (count: number) => readonly Receipt[], RegExp]>([
    ['too few receipts', (count) => receiptForAll(count - 1, DELIVERED), /gave 2 receipts for 3 records/],
    ['too many receipts', (count) => receiptForAll(count + 1, DELIVERED), /gave 4 receipts for 3 records/],
    ['a hole between the receipts', (count) => Object.assign(new Array(count), { 0: DELIVERED }), /receipts/],
    [
      'an exception',
      () => {
        throw new TypeError('oh no')
      },
      /failed: oh no/,
    ],
  ])('%s is a defect of ours and halts', async (_, receipts, message) => {
    const writer: EventWriter = {
      // biome-ignore lint/correctness/useYield: it answers without asking
      *write(batch) {
        return receipts(batch.count)
      },
      preview: () => undefined,
    }
    const { clock, courier } = courierTo(() => reply(200), { writer })
    const parcel = parcelOfIds(ids(3))
    expect(await ending(clock, courier.deliver(parcel, FOREVER))).toMatchObject({
      how: 'halted',
      fault: { kind: 'defect', message: expect.stringMatching(message) },
    })
    expect(outcomesOf(parcel)).toEqual(['undecided', 'undecided', 'undecided'])
  })

  test('a destination that cannot even show a record is no reason to stop', async () => {
    const writer: EventWriter = {
      ...PLAIN_WRITER,
      preview: () => {
        throw new Error('cannot')
      },
    }
    const { clock, courier } = courierTo(() => reply(400), { writer })
    const parcel = parcelOfIds(['a'])
    expect(await ending(clock, courier.deliver(parcel, FOREVER))).toEqual({ how: 'done' })
    expect(JSON.parse(parcel.notes.get(0)?.sent ?? '')).toMatchObject({ record: '{"id":"a"}' })
  })
})

describe('a request refused as a whole', () => {
  test.each([
    { status: 400, kind: 'invalid' },
    { status: 413, kind: 'oversized' },
  ])('with $status is halved down to the records that the vendor means', async ({ status, kind }) => {
    const seed = testSeed(`courier ${status}`)
    const batches = fc.integer({ min: 1, max: 200 }).chain((count) =>
      fc.record({
        count: fc.constant(count),
        poison: fc.oneof(
          fc.uniqueArray(fc.nat(count - 1), { maxLength: 6 }),
          fc.uniqueArray(fc.nat(count - 1), { maxLength: count }),
        ),
      }),
    )
    await fc.assert(
      fc.asyncProperty(batches, async ({ count, poison }) => {
        const bad = new Set(poison.map((i) => `r${i}`))
        const { clock, vendor, courier } = courierTo(refusing(bad, status))
        const parcel = parcelOfIds(ids(count))
        expect(await ending(clock, courier.deliver(parcel, FOREVER))).toEqual({ how: 'done' })
        expect(outcomesOf(parcel)).toEqual(ids(count).map((id) => (bad.has(id) ? 'dead' : 'delivered')))
        expect(acceptedIds(vendor, bad)).toEqual(ids(count).filter((id) => !bad.has(id)))
        for (const i of poison) {
          expect(parcel.notes.get(i)).toMatchObject({ reason: kind, fault: { status, answer: 'no good' } })
        }
        const most = 2 * bad.size * Math.ceil(Math.log2(count)) + 1
        expect(vendor.sent.length).toBeLessThanOrEqual(Math.max(1, most))
      }),
      { seed, numRuns: 150 },
    )
  })

  test('is halved also when other records of the batch went out in another request', async () => {
    // As destinations do that cut a batch into several requests: each refusal is one fault object.
    const writer: EventWriter = {
      ...PLAIN_WRITER,
      *write(batch) {
        const half = batch.count >> 1
        const answers: Receipt[] = []
        for (const [from, to] of [
          [0, half],
          [half, batch.count],
        ] as const) {
          if (from === to) continue
          const body = batch.joined.subarray(batch.starts[from], batch.ends[to - 1])
          const answer = yield {
            method: 'POST',
            url: 'https://vendor.example/in',
            headers: {},
            body: [Buffer.from('['), body, Buffer.from(']')],
            secrets: [],
          }
          const refused = failed({ kind: 'invalid', message: 'refused', status: answer.status })
          answers.push(...receiptForAll(to - from, answer.status === 200 ? DELIVERED : refused))
        }
        return answers
      },
    }
    const bad = new Set(['r2', 'r9'])
    const { clock, courier } = courierTo(refusing(bad, 400), { writer })
    const parcel = parcelOfIds(ids(16))
    expect(await ending(clock, courier.deliver(parcel, FOREVER))).toEqual({ how: 'done' })
    expect(outcomesOf(parcel)).toEqual(ids(16).map((id) => (bad.has(id) ? 'dead' : 'delivered')))
  })

  test('splits by size until it fits; one record that never fits is dead', async () => {
    const { clock, vendor, courier } = courierTo(({ body }) => reply(body.length > 60 ? 413 : 200))
    const parcel = parcelOfTexts(['{"id":"a"}', `{"id":"${'b'.repeat(90)}"}`, '{"id":"c"}', '{"id":"d"}'])
    await ending(clock, courier.deliver(parcel, FOREVER))
    expect(outcomesOf(parcel)).toEqual(['delivered', 'dead', 'delivered', 'delivered'])
    expect(parcel.notes.get(1)?.reason).toBe('oversized')
    expect(vendor.sent.filter(({ body }) => body.length <= 60).map(({ body }) => body)).toEqual([
      '[{"id":"a"}]',
      '[{"id":"c"},{"id":"d"}]',
    ])
  })
})

describe('what is put off', () => {
  test.each<[string, Answer]>([
    ['429', reply(429)],
    ['423', reply(423)],
    ['500', reply(500)],
    ['503', reply(503)],
    ['408', reply(408)],
    ['no answer', noAnswer()],
  ])('after %s goes out again with the same bytes, without end', async (_, answer) => {
    let healed = false
    const { clock, vendor, courier } = courierTo(() => (healed ? reply(200) : answer))
    const parcel = parcelOfIds(ids(3))
    const delivery = courier.deliver(parcel, FOREVER)
    for (let i = 0; i < 60; i++) await clock.advance(STEP_MS * 2)
    expect(vendor.sent.length).toBeGreaterThan(60)
    expect(outcomesOf(parcel)).toEqual(['undecided', 'undecided', 'undecided'])
    healed = true
    expect(await ending(clock, delivery)).toEqual({ how: 'done' })
    expect(outcomesOf(parcel)).toEqual(['delivered', 'delivered', 'delivered'])
    expect(new Set(vendor.sent.map(({ body }) => body)).size).toBe(1)
    expect(parcel.attempts).toBe(vendor.sent.length)
  })

  test('waits as long as the vendor asks', async () => {
    const { clock, vendor, courier } = courierTo((_, n) =>
      n === 0 ? reply(429, '', { 'retry-after': '120' }) : reply(200),
    )
    const delivery = courier.deliver(parcelOfIds(ids(1)), FOREVER)
    await clock.advance(119_999)
    expect(vendor.sent).toHaveLength(1)
    await clock.advance(1)
    expect(await delivery).toEqual({ how: 'done' })
  })

  test('doubtful answers are tried a bounded number of times, then halved, then dead', async () => {
    const { clock, vendor, courier } = courierTo(({ body }) =>
      reply(
        200,
        idsIn(body).map(() => 'unclear'),
      ),
    )
    const parcel = parcelOfIds(ids(2))
    await ending(clock, courier.deliver(parcel, FOREVER))
    expect(vendor.sent).toHaveLength(3 * DOUBTS_MAX)
    expect(outcomesOf(parcel)).toEqual(['dead', 'dead'])
    expect(parcel.notes.get(0)).toMatchObject({ reason: 'unclear', fault: { message: 'told unclear' } })
  })
})

describe('a batch that fails alone', () => {
  const POISON = 'r5'

  /** Delivers other batches all the while, as a busy connection does. */
  async function besideOthers(poison: Parcel, status: number, ordered: boolean, until: number) {
    const { clock, vendor, courier } = courierTo(refusing(new Set([POISON]), status), { ordered })
    let ended: Ending | undefined
    void courier.deliver(poison, FOREVER).then((how) => {
      ended = how
    })
    let others = 0
    for (; others < until && ended === undefined; others++) {
      const other = courier.deliver(parcelOfIds([`other${others}`]), FOREVER)
      await ending(clock, other)
      await clock.advance(1_000)
    }
    return { ended, vendor, others, clock, courier }
  }

  test.each([false, true])(
    'while others pass is halved down to the poison (ordered: %s)',
    async (ordered) => {
      const parcel = parcelOfIds(ids(8))
      const { ended, vendor, others } = await besideOthers(parcel, 500, ordered, 200)
      expect(ended).toEqual({ how: 'done' })
      expect(outcomesOf(parcel)).toEqual(ids(8).map((id) => (id === POISON ? 'dead' : 'delivered')))
      expect(parcel.notes.get(5)).toMatchObject({ reason: 'unavailable', fault: { status: 500 } })
      const whole = vendor.sent.filter(({ body }) => idsIn(body).length === 8)
      expect(whole.length).toBeGreaterThanOrEqual(LONE_FAILURES_MAX)
      expect(others).toBeLessThan(60)
    },
  )

  test('ends also when the others stop coming once it is suspected', async () => {
    const parcel = parcelOfIds(ids(8))
    const { clock, courier, vendor } = courierTo(refusing(new Set([POISON]), 500))
    const delivery = courier.deliver(parcel, FOREVER)
    for (let i = 0; vendor.sent.every(({ body }) => idsIn(body).length !== 4); i++) {
      void courier.deliver(parcelOfIds([`other${i}`]), FOREVER)
      await clock.advance(1_000)
    }
    expect(await ending(clock, delivery)).toEqual({ how: 'done' })
    expect(outcomesOf(parcel).filter((outcome) => outcome === 'dead')).toHaveLength(1)
  })

  test('is never given up in an outage, not even after one acceptance at its beginning', async () => {
    let well = true
    const { clock, courier, vendor } = courierTo(({ body }) =>
      well && !body.includes('r0') ? reply(200) : reply(503),
    )
    const parcel = parcelOfIds(['r0'])
    void courier.deliver(parcel, FOREVER)
    void courier.deliver(parcelOfIds(['other']), FOREVER)
    await clock.advance(0)
    well = false
    const waiting = parcelOfIds(['late'])
    void courier.deliver(waiting, FOREVER)
    for (let i = 0; i < 100; i++) await clock.advance(STEP_MS * 2)
    expect(vendor.sent.length).toBeGreaterThan(50)
    expect([...outcomesOf(parcel), ...outcomesOf(waiting)]).toEqual(['undecided', 'undecided'])
  })
})

describe('what needs a person', () => {
  test.each<[number, FaultKind]>([
    [401, 'unauthorized'],
    [403, 'unauthorized'],
    [404, 'misconfigured'],
    [301, 'misconfigured'],
  ])('%i halts and decides nothing', async (status, kind) => {
    const { clock, vendor, courier } = courierTo(() => reply(status, 'see here'))
    const parcel = parcelOfIds(ids(2))
    expect(await ending(clock, courier.deliver(parcel, FOREVER))).toMatchObject({
      how: 'halted',
      fault: { kind, status, answer: 'see here' },
    })
    expect(vendor.sent).toHaveLength(1)
    expect(outcomesOf(parcel)).toEqual(['undecided', 'undecided'])
  })

  test('leaves the gate to the next try as it found it', async () => {
    const { clock, gate, courier } = courierTo((_, n) => reply([503, 401, 200][n] ?? 200))
    expect(await ending(clock, courier.deliver(parcelOfIds(['a']), FOREVER))).toMatchObject({ how: 'halted' })
    expect(gate.state).toBe('closed')
    expect(await ending(clock, courier.deliver(parcelOfIds(['b']), FOREVER))).toEqual({ how: 'done' })
    expect(gate.state).toBe('open')
  })
})

describe('a stop', () => {
  test('while the gate is closed decides nothing', async () => {
    const { clock, courier } = courierTo(() => reply(503))
    const stopping = new AbortController()
    const parcel = parcelOfIds(ids(2))
    const delivery = courier.deliver(parcel, stopping.signal)
    await clock.advance(0)
    stopping.abort()
    expect(await delivery).toEqual({ how: 'stopped' })
    expect(outcomesOf(parcel)).toEqual(['undecided', 'undecided'])
  })

  test('before the answer leaves open what was sent, and leaves the gate usable', async () => {
    const { clock, gate, courier, vendor } = courierTo((_, n) =>
      n === 1 ? new Promise<Answer>(() => undefined) : reply(n === 0 ? 503 : 200),
    )
    const stopping = new AbortController()
    const parcel = parcelOfIds(ids(2))
    const delivery = courier.deliver(parcel, stopping.signal)
    await clock.advance(STEP_MS)
    expect([vendor.sent.length, gate.state]).toEqual([2, 'half-open'])
    stopping.abort()
    expect(await delivery).toEqual({ how: 'stopped' })
    expect(outcomesOf(parcel)).toEqual(['undecided', 'undecided'])
    expect(await ending(clock, courier.deliver(parcelOfIds(['next']), FOREVER))).toEqual({ how: 'done' })
  })

  test('in the middle of halving keeps what is decided', async () => {
    const stopping = new AbortController()
    const { courier, clock } = courierTo(({ body }) => {
      if (idsIn(body).length === 4) return reply(400)
      if (idsIn(body)[0] === 'r0') return reply(200)
      return new Promise<Answer>(() => undefined)
    })
    const parcel = parcelOfIds(ids(4))
    const delivery = courier.deliver(parcel, stopping.signal)
    await clock.advance(0)
    stopping.abort()
    expect(await delivery).toEqual({ how: 'stopped' })
    expect(outcomesOf(parcel)).toEqual(['delivered', 'delivered', 'undecided', 'undecided'])
  })

  test('uses an answer that came all the same', async () => {
    const stopping = new AbortController()
    const { courier } = courierTo(() => {
      stopping.abort()
      return reply(200)
    })
    const parcel = parcelOfIds(ids(1))
    expect(await courier.deliver(parcel, stopping.signal)).toEqual({ how: 'done' })
  })
})

describe('what is kept of a refused request', () => {
  test('shows no secret, in whatever spelling', async () => {
    const { clock, courier } = courierTo(() => reply(400))
    const parcel = parcelOfTexts(['{"id":"a","echo":"s/ecret"}'])
    await ending(clock, courier.deliver(parcel, FOREVER))
    const sent = parcel.notes.get(0)?.sent ?? ''
    expect(JSON.parse(sent)).toMatchObject({
      method: 'POST',
      url: 'https://vendor.example/in?key=[secret]',
      headers: { authorization: 'Bearer [secret]', 'x-plain': 'yes' },
    })
    expect(sent).not.toMatch(/s\/ecret|s%2Fecret/)
  })

  test.each([10, 40_000, 70_000, 200_000])(
    'is JSON within its bound for a record of %i quotes',
    async (quotes) => {
      const { clock, courier } = courierTo(() => reply(400))
      const parcel = parcelOfTexts([JSON.stringify({ id: 'a', text: '"'.repeat(quotes) })])
      await ending(clock, courier.deliver(parcel, FOREVER))
      const sent = parcel.notes.get(0)?.sent ?? ''
      expect(sent.length).toBeLessThanOrEqual(SENT_CHARS_MAX)
      expect(JSON.parse(sent)).toHaveProperty(quotes < 1_000 ? 'record' : 'recordCut')
    },
  )
})
