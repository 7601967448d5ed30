import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DAY_MS, nextChange, readShift, type Shift, shifted } from './date-math.ts'

const NOW = Date.parse('2026-03-31T12:00:00Z')

describe('moments that move with the clock', () => {
  it.each([
    ['now', '2026-03-31T12:00:00.000Z'],
    ['now-3d', '2026-03-28T12:00:00.000Z'],
    ['now+2h', '2026-03-31T14:00:00.000Z'],
    ['now-30m', '2026-03-31T11:30:00.000Z'],
    ['now-15s', '2026-03-31T11:59:45.000Z'],
    ['now-2w', '2026-03-17T12:00:00.000Z'],
    [' now - 2w ', '2026-03-17T12:00:00.000Z'],
    ['now-0d', '2026-03-31T12:00:00.000Z'],
    // There is no 31 February: it runs on.
    ['now-1M', '2026-03-03T12:00:00.000Z'],
    ['now-3M', '2025-12-31T12:00:00.000Z'],
    ['now+1M', '2026-05-01T12:00:00.000Z'],
    ['now-1y', '2025-03-31T12:00:00.000Z'],
  ])('%s', (text, expected) => {
    const shift = readShift(text)
    expect(shift && new Date(shifted(shift, NOW)).toISOString()).toBe(expected)
  })

  it.each(['now-3', 'now-3x', 'now--3d', 'NOW-3d', 'now-9999999d', 'now-999999d', 'now-999y', 'then-3d', ''])(
    '%j is none',
    (text) => expect(readShift(text)).toBeUndefined(),
  )
})

const HOUR = DAY_MS / 24
const Around = fc
  .tuple(fc.integer({ min: 0, max: 3_000 * 24 }), fc.constantFrom(0, 1, -1))
  .map(([hours, off]) => Date.parse('2023-06-01') + hours * HOUR + off)
const SomeShift: fc.Arbitrary<Shift> = fc.oneof(
  fc.integer({ min: -400, max: 100 }).map((days) => ({ ms: days * DAY_MS, months: 0 })),
  fc
    .oneof(fc.integer({ min: -14, max: 6 }), fc.constantFrom(-120, -48, 36, 400))
    .filter((months) => months !== 0)
    .map((months) => ({ ms: 0, months })),
)

describe('the next change', () => {
  const order = (at: number, shift: Shift, now: number) => Math.sign(at - shifted(shift, now))

  it('is the first moment at which a date lies otherwise to what moves with the clock', () => {
    fc.assert(
      fc.property(Around, SomeShift, Around, fc.boolean(), (now, shift, other, near) => {
        const at = near ? shifted(shift, now) + (other % 3) - 1 + (other % 90) * DAY_MS : other
        const before = order(at, shift, now)
        const next = nextChange(at, shift, now)
        if (next !== Infinity) {
          expect(next).toBeGreaterThan(now)
          expect(order(at, shift, next)).not.toBe(before)
        }
        const end = Math.min(next - 1, now + 5_000 * DAY_MS)
        const checked = [now + 1, end, ...monthStarts(now, end).flatMap((start) => [start - 1, start])]
        for (const moment of checked)
          if (moment > now && moment < next) expect(order(at, shift, moment)).toBe(before)
      }),
      { seed: 7, numRuns: 3_000 },
    )
  })
})

/** Within a month of the clock every shift is constant, so only the days around the first ones need a look. */
function monthStarts(from: number, to: number): number[] {
  const starts: number[] = []
  const date = new Date(from)
  for (let month = date.getUTCMonth() + 1; ; month++) {
    const start = Date.UTC(date.getUTCFullYear(), month, 1)
    if (start > to) return starts
    starts.push(start)
  }
}
