import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { VirtualClock } from '../core/clock.ts'
import { seededRandom } from '../core/random.ts'
import type { Double } from './double.ts'
import type { FaultRule } from './faults.ts'
import type { HttpSink } from './http-sink.ts'
import { startHttpSink } from './sandbox.ts'
import {
  type EventSupply,
  SENDER_EVENT_BYTES_MAX,
  Sender,
  type SenderOptions,
  type SupplyEvent,
} from './sender.ts'
import { until } from './testing.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const NOON = Date.parse('2026-03-01T12:00:00.000Z')

let clock: VirtualClock
let sink: Double<HttpSink>
let sender: Sender
let feed: Feed

class Feed implements EventSupply {
  #waiting: SupplyEvent[] = []
  push(...events: SupplyEvent[]): void {
    this.#waiting.push(...events)
  }
  take(): readonly SupplyEvent[] {
    return this.#waiting.splice(0)
  }
}

beforeEach(async () => {
  clock = new VirtualClock(NOON)
  sink = await startHttpSink({ clock, random: seededRandom(1) }, { token: 'good' })
  feed = new Feed()
})
afterEach(async () => {
  await sender.stop()
  await sink.close()
})

function begin(options: Partial<SenderOptions> = {}): void {
  sender = new Sender({
    name: 'test',
    url: `${sink.url}/currents?key=secret`,
    token: 'good',
    supply: feed,
    clock,
    random: seededRandom(2),
    probe: false,
    tickMs: SECOND,
    waitMs: 5 * SECOND,
    ...options,
  })
  sender.start()
}

function numbered(count: number, type = 'users.messages.email.Open', from = 0): SupplyEvent[] {
  return Array.from({ length: count }, (_, i) => ({
    type,
    bytes: JSON.stringify({ event_type: type, id: `e${from + i}`, n: from + i }),
  }))
}

/** Moves time on in steps, letting the answers of each step come in. */
async function run(ms: number, stepMs = SECOND): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    await clock.advance(stepMs)
    await until(() => sender.state().inFlight === 0, 'all answers are in')
  }
}

function bodies(): { events: { event_type: string; id: string }[] }[] {
  return sink.vendor.requests().map((request) => JSON.parse(request.body.toString()))
}

describe('batches', () => {
  it('hold one type, are full at 100, and go out incomplete after the wait', async () => {
    begin()
    feed.push(...numbered(250, 'type.a'), ...numbered(30, 'type.b', 250))
    await run(SECOND)
    expect(bodies().map(({ events }) => events.length)).toEqual([100, 100])
    await run(6 * SECOND)
    const byType = bodies().map(({ events }) => [
      ...new Set(events.map((event) => event.event_type)),
      events.length,
    ])
    expect(byType.slice(2).sort()).toEqual([
      ['type.a', 50],
      ['type.b', 30],
    ])
    expect(sink.arrivals.distinct()).toBe(280)
    expect(sender.state()).toMatchObject({
      taken: 280,
      sent: 280,
      acknowledged: 280,
      queuedEvents: 0,
      queuedBytes: 0,
    })
  })

  it('carry version, token, query and the exact bytes', async () => {
    begin({ batchEvents: 2 })
    feed.push(
      { type: 't', bytes: '{"id":"a","price":1.10}' },
      { type: 't', bytes: Buffer.from('{ "id":"b" }') },
    )
    await run(SECOND)
    const [request] = sink.vendor.requests()
    expect(request).toMatchObject({ method: 'POST', path: '/currents', query: 'key=secret' })
    expect(request?.headers).toMatchObject({
      'content-type': 'application/json',
      'braze-currents-version': '1',
      authorization: 'Bearer good',
    })
    expect(request?.body.toString()).toBe('{"events":[{"id":"a","price":1.10},{ "id":"b" }]}')
    expect(JSON.stringify(sender.state())).not.toContain('secret')
  })
})

describe('answers', () => {
  it('400 splits into singles and loses only the one that is refused alone', async () => {
    sink.faults.set([{ kind: 'refuse', ids: ['e5'] }])
    const dropped: string[] = []
    begin({ batchEvents: 10, onDropped: (events, reason) => dropped.push(`${reason} ${events.length}`) })
    feed.push(...numbered(10))
    await run(2 * SECOND)
    expect(sink.arrivals.view().ids.toSorted()).toEqual([
      'e0',
      'e1',
      'e2',
      'e3',
      'e4',
      'e6',
      'e7',
      'e8',
      'e9',
    ])
    expect(sender.state()).toMatchObject({
      requests: 11,
      acknowledged: 9,
      split: { on400: 1 },
      dropped: { refused_400: 1 },
    })
    expect(dropped).toEqual(['refused_400 1'])
  })

  it('413 splits in halves', async () => {
    sink.faults.set([{ kind: 'status', status: 413, next: 2 }])
    begin({ batchEvents: 10, inFlightMax: 1 })
    feed.push(...numbered(10))
    await run(2 * SECOND)
    expect(bodies().map(({ events }) => events.length)).toEqual([5, 3, 2])
    expect(sender.state()).toMatchObject({ acknowledged: 10, split: { on413: 2 }, dropped: {} })
  })

  it('413 for singles ends in a drop, not in a loop', async () => {
    sink.faults.set([{ kind: 'status', status: 413 }])
    begin({ batchEvents: 4 })
    feed.push(...numbered(4))
    await run(2 * SECOND)
    expect(sender.state()).toMatchObject({ requests: 7, queuedEvents: 0, dropped: { refused_413: 4 } })
  })

  const failures: [string, FaultRule][] = [
    ['503', { kind: 'status', status: 503, next: 3 }],
    ['429', { kind: 'status', status: 429, next: 3 }],
    ['a redirect', { kind: 'status', status: 302, next: 3 }],
    ['422', { kind: 'status', status: 422, next: 3 }],
    ['a cut connection', { kind: 'drop_before', next: 3 }],
  ]
  it.each(failures)('%s backs off exponentially and then gets through', async (_what, rule) => {
    sink.faults.set([rule])
    begin({ batchEvents: 1, backoffBaseMs: 10 * SECOND, tickMs: MINUTE })
    feed.push(...numbered(1))
    const attemptsAt: number[] = []
    await clock.advance(0)
    for (let passed = 0; passed <= 200; passed++) {
      await until(() => sender.state().inFlight === 0, 'the answer is in')
      while (attemptsAt.length < sender.state().requests) attemptsAt.push(passed)
      await clock.advance(SECOND)
    }
    const waits = attemptsAt.slice(1).map((at, i) => at - (attemptsAt[i] ?? 0))
    expect(waits).toHaveLength(3)
    waits.forEach((wait, i) => {
      // The wait doubles: 20, 40, 80 seconds at most, never under half of it; one second of the test's own
      // step.
      expect(wait).toBeGreaterThanOrEqual(10 * 2 ** i)
      expect(wait).toBeLessThanOrEqual(20 * 2 ** i + 1)
    })
    expect(sender.state()).toMatchObject({ acknowledged: 1, backoffs: 3, queuedEvents: 0 })
  })

  it('a lost answer means a second copy, never a loss', async () => {
    sink.faults.set([{ kind: 'drop_after', next: 1 }])
    begin({ batchEvents: 2 })
    feed.push(...numbered(2))
    await run(5 * SECOND)
    expect(sink.arrivals.counts()).toEqual(
      new Map([
        ['e0', 2],
        ['e1', 2],
      ]),
    )
    expect(sender.state()).toMatchObject({ acknowledged: 2, answers: { none: 1, 204: 1 } })
  })

  it('an outage of 24 hours loses what is older, and nothing newer', async () => {
    sink.faults.set([{ kind: 'status', status: 503 }])
    begin({ batchEvents: 1, tickMs: MINUTE, backoffMaxMs: 10 * MINUTE })
    feed.push(...numbered(2))
    await run(20 * HOUR, 10 * MINUTE)
    feed.push(...numbered(1, 't', 2))
    expect(sender.state()).toMatchObject({ queuedEvents: 2, dropped: {} })
    await run(4 * HOUR + 20 * MINUTE, 10 * MINUTE)
    expect(sender.state()).toMatchObject({ queuedEvents: 1, dropped: { outage_expired: 2 } })
    sink.faults.clear()
    await run(20 * MINUTE, 10 * MINUTE)
    expect(sink.arrivals.view().ids).toEqual(['e2'])
  })
})

describe('bad credentials', () => {
  it.each([401, 403, 404])(
    '%d halts everything for 2 to 5 minutes, then one request goes ahead',
    async (status) => {
      sink.faults.set([{ kind: 'status', status, next: 1 }])
      begin({ batchEvents: 1, inFlightMax: 1 })
      feed.push(...numbered(5))
      await run(SECOND)
      expect(sender.state()).toMatchObject({
        status: 'halted',
        halt: { status },
        requests: 1,
        queuedEvents: 5,
      })
      await run(118 * SECOND)
      expect(sender.state().requests).toBe(1)
      await run(182 * SECOND)
      expect(sender.state()).toMatchObject({ status: 'running', acknowledged: 5, halts: 1, dropped: {} })
      expect(sink.arrivals.view().ids).toEqual(['e0', 'e1', 'e2', 'e3', 'e4'])
    },
  )

  it('keeps trying, and loses what waited 48 hours, untried events too', async () => {
    begin({ token: 'wrong', batchEvents: 1, tickMs: MINUTE })
    feed.push(...numbered(2))
    await run(40 * HOUR, 10 * MINUTE)
    feed.push(...numbered(1, 't', 2))
    await run(7 * HOUR, 10 * MINUTE)
    expect(sender.state()).toMatchObject({
      status: 'halted',
      halts: expect.any(Number),
      queuedEvents: 3,
      dropped: {},
    })
    expect(sender.state().requests).toBeGreaterThan(47 * 6 - 2)
    await run(70 * MINUTE, 10 * MINUTE)
    expect(sender.state()).toMatchObject({
      queuedEvents: 1,
      acknowledged: 0,
      dropped: { credentials_expired: 2 },
    })
  })

  it.each([
    ['good', 204, 'running'],
    ['wrong', 401, 'halted'],
  ])('a %s token shows on start by an empty probe: %d', async (token, status, state) => {
    begin({ token, probe: true })
    await until(() => sender.state().probeStatus !== undefined, 'the probe is answered')
    await clock.advance(0)
    expect(sender.state()).toMatchObject({ probeStatus: status, status: state, requests: 1, sent: 0 })
    expect(sink.vendor.requests().map((request) => request.body.toString())).toEqual(
      token === 'good' ? ['{"events":[]}'] : [],
    )
  })
})

describe('bounds', () => {
  it('drops events over 900 KB before sending', async () => {
    begin({ batchEvents: 1 })
    const sized = (bytes: number) => ({
      type: 't',
      bytes: JSON.stringify({ id: String(bytes) }).padEnd(bytes),
    })
    feed.push(sized(SENDER_EVENT_BYTES_MAX), sized(SENDER_EVENT_BYTES_MAX + 1))
    await run(SECOND)
    expect(sink.arrivals.view().ids).toEqual([String(SENDER_EVENT_BYTES_MAX)])
    expect(sender.state()).toMatchObject({ acknowledged: 1, dropped: { over_900_kb: 1 } })
  })

  it('a test connector sends 1,500 events a UTC day', async () => {
    begin({ testConnector: true, tickMs: MINUTE })
    feed.push(...numbered(1600))
    await run(MINUTE, MINUTE)
    expect(sender.state().dropped).toEqual({ test_cap: 100 })
    await run(12 * HOUR, 10 * MINUTE)
    feed.push(...numbered(100, 't', 1600))
    await run(10 * MINUTE, 10 * MINUTE)
    expect(sender.state()).toMatchObject({ acknowledged: 1600, dropped: { test_cap: 100 } })
  })

  it('drops and counts what its queue cannot hold', async () => {
    sink.faults.set([{ kind: 'status', status: 503 }])
    begin({ queueEventsMax: 10, batchEvents: 5 })
    feed.push(...numbered(25))
    await run(2 * SECOND)
    expect(sender.state()).toMatchObject({ taken: 25, queuedEvents: 10, dropped: { queue_full: 15 } })
  })
})

it('books balance through every kind of fault', async () => {
  const seed = Number(process.env.THALWEG_TEST_SEED ?? Date.now() % 1_000_000)
  console.info(`sender books: THALWEG_TEST_SEED=${seed}`)
  const random = seededRandom(seed)
  const kinds: FaultRule[] = [
    { kind: 'status', status: 503, probability: 0.3 },
    { kind: 'status', status: 413, probability: 0.3 },
    { kind: 'status', status: 401, probability: 0.05 },
    { kind: 'drop_before', probability: 0.2 },
    { kind: 'drop_after', probability: 0.2 },
    { kind: 'refuse', probability: 0.01 },
  ]
  const acknowledged: string[] = []
  const dropped: string[] = []
  const note = (list: string[]) => (events: readonly SupplyEvent[]) => {
    for (const { bytes } of events) list.push(JSON.parse(bytes.toString()).id)
  }
  begin({
    batchEvents: 7,
    backoffMaxMs: MINUTE,
    onAcknowledged: note(acknowledged),
    onDropped: note(dropped),
  })
  for (let round = 0; round < 30; round++) {
    sink.faults.set(kinds.filter(() => random() < 0.4))
    feed.push(...numbered(20, `type.${round % 3}`, round * 20))
    await run(20 * SECOND, 5 * SECOND)
    const { taken, queuedEvents } = sender.state()
    expect(taken).toBe(acknowledged.length + dropped.length + queuedEvents)
  }
  sink.faults.clear()
  await run(20 * MINUTE, 10 * SECOND)
  expect(sender.state()).toMatchObject({ taken: 600, queuedEvents: 0, queuedBytes: 0 })
  expect(new Set([...acknowledged, ...dropped]).size).toBe(600)
  expect(sink.arrivals.missing(acknowledged)).toEqual([])
})
