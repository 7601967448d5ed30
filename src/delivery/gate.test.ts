import { describe, expect, test } from 'vitest'
import { VirtualClock } from '../core/clock.ts'
import { Gate } from './gate.ts'

const FOREVER = new AbortController().signal
const SETTINGS = { firstDelayMs: 500, delayMsMax: 60_000 }

function gateWith(random: number) {
  const clock = new VirtualClock(0)
  return { clock, gate: new Gate(clock, () => random, SETTINGS) }
}

/** Notes when a caller gets through. */
function pass(gate: Gate, clock: VirtualClock, signal = FOREVER) {
  const caller: { passedAt: number | undefined; turnedAway: boolean } = {
    passedAt: undefined,
    turnedAway: false,
  }
  void gate.pass(signal).then((passed) => {
    if (passed) caller.passedAt = clock.now()
    else caller.turnedAway = true
  })
  return caller
}

describe('the wait', () => {
  test.each([
    { random: 0, factor: 0.5 },
    { random: 0.5, factor: 1 },
    { random: 0.999999, factor: 1.5 },
  ])('doubles with each refusal, spread by $factor, up to its bound', async ({ random, factor }) => {
    const { clock, gate } = gateWith(random)
    for (let refusals = 0; refusals < 12; refusals++) {
      const closedAt = clock.now()
      gate.refused(undefined)
      const wait = (gate.retryAt ?? 0) - closedAt
      expect(wait).toBeCloseTo(factor * Math.min(60_000, 500 * 2 ** refusals), -1)
      const prober = pass(gate, clock)
      await clock.advance(wait)
      expect(prober.passedAt).toBe(closedAt + wait)
    }
  })

  test.each([
    { what: 'is at least what the vendor asked', retryAfterMs: 7_000, random: 0, wait: 7_000 },
    { what: 'is ours when the vendor asks less', retryAfterMs: 10, random: 0.5, wait: 500 },
    { what: 'is bounded whatever the vendor asks', retryAfterMs: 1e12, random: 0, wait: 3_600_000 },
  ])('$what', ({ retryAfterMs, random, wait }) => {
    const { gate } = gateWith(random)
    gate.refused(retryAfterMs)
    expect(gate.retryAt).toBe(wait)
  })

  test('counts requests that fail together once, but honours the longest time asked for', () => {
    const { gate } = gateWith(0.5)
    gate.refused(undefined)
    gate.refused(undefined)
    gate.refused(2_000)
    gate.refused(900)
    expect(gate.retryAt).toBe(2_000)
  })

  test('begins small again after an acceptance', async () => {
    const { clock, gate } = gateWith(0.5)
    for (let i = 0; i < 5; i++) {
      gate.refused(undefined)
      const prober = pass(gate, clock)
      await clock.advance(60_000)
      expect(prober.passedAt).toBeDefined()
    }
    gate.accepted()
    expect([gate.state, gate.retryAt, gate.closedSince]).toEqual(['open', undefined, undefined])
    const now = clock.now()
    gate.refused(undefined)
    expect(gate.retryAt).toBe(now + 500)
  })

  test('is not cut short by the acceptance of a request that left before', () => {
    const { gate } = gateWith(0.5)
    gate.refused(30_000)
    gate.accepted()
    expect([gate.state, gate.retryAt]).toEqual(['closed', 30_000])
  })
})

test('half-open lets exactly one through; the others follow its acceptance', async () => {
  const { clock, gate } = gateWith(0.5)
  gate.refused(undefined)
  const callers = [1, 2, 3].map(() => pass(gate, clock))
  await clock.advance(10_000)
  expect(callers.map((caller) => caller.passedAt)).toEqual([500, undefined, undefined])
  expect(gate.state).toBe('half-open')
  gate.accepted()
  await clock.advance(0)
  expect(callers.map((caller) => caller.passedAt)).toEqual([500, 10_000, 10_000])
})

test('a refused probe closes the gate again for all who wait', async () => {
  const { clock, gate } = gateWith(0.5)
  gate.refused(undefined)
  const callers = [1, 2].map(() => pass(gate, clock))
  await clock.advance(500)
  gate.refused(undefined)
  await clock.advance(999)
  expect(callers.map((caller) => caller.passedAt)).toEqual([500, undefined])
  await clock.advance(1)
  expect(callers.map((caller) => caller.passedAt)).toEqual([500, 1_500])
})

test('one who is refused goes to the end of the queue', async () => {
  const { clock, gate } = gateWith(0.5)
  gate.refused(undefined)
  const [first, second] = [pass(gate, clock), pass(gate, clock)]
  await clock.advance(500)
  gate.refused(undefined)
  const again = pass(gate, clock)
  await clock.advance(1_000)
  expect([first?.passedAt, second?.passedAt, again.passedAt]).toEqual([500, 1_500, undefined])
})

test('an abandoned probe leaves the place to the next one, and tells nothing about the vendor', async () => {
  const { clock, gate } = gateWith(0.5)
  gate.refused(undefined)
  const callers = [1, 2, 3].map(() => pass(gate, clock))
  await clock.advance(600)
  gate.abandoned()
  await clock.advance(0)
  expect(callers.map((caller) => caller.passedAt)).toEqual([500, 600, undefined])
  expect(gate.closedSince).toBe(0)
})

test.each(['closed', 'half-open'] as const)(
  'a caller who gives up is turned away while %s',
  async (state) => {
    const { clock, gate } = gateWith(0.5)
    gate.refused(undefined)
    if (state === 'half-open') {
      pass(gate, clock)
      await clock.advance(500)
    }
    expect(gate.state).toBe(state)
    const stopping = new AbortController()
    const caller = pass(gate, clock, stopping.signal)
    await clock.advance(0)
    stopping.abort()
    await clock.advance(0)
    expect(caller).toEqual({ passedAt: undefined, turnedAway: true })
    expect(gate.state).toBe(state)
  },
)

test('an open gate turns those away who come aborted', async () => {
  const { clock, gate } = gateWith(0.5)
  const caller = pass(gate, clock, AbortSignal.abort())
  await clock.advance(0)
  expect(caller.turnedAway).toBe(true)
})
