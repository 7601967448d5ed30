import { describe, expect, it } from 'vitest'
import { costOf } from '../destinations/cost.ts'
import { Brake, holdFor, type Removal } from './brake.ts'

const held = (removal: Partial<Removal>, brake: unknown = undefined) =>
  holdFor({ usable: 100, removed: 0, members: 100, ...removal }, Brake.parse(brake))?.kind

describe('brake', () => {
  const cases: [string, Partial<Removal>, unknown, string | undefined][] = [
    ['nothing leaves', {}, undefined, undefined],
    ['a tenth may go', { removed: 10 }, undefined, undefined],
    ['more may not', { removed: 11 }, undefined, 'removals'],
    ['another share', { removed: 30 }, { removedShareMax: 0.3 }, undefined],
    ['nobody may go but few', { removed: 4 }, { removedShareMax: 0 }, 'removals'],
    ['few are no matter of share', { removed: 3, members: 3 }, { removedShareMax: 0 }, undefined],
    ['but of count', { removed: 1 }, { removedMax: 0 }, 'removals'],
    ['a count', { removed: 9, members: 1000 }, { removedMax: 8 }, 'removals'],
    ['an empty result', { usable: 0, removed: 2, members: 2 }, { removedShareMax: 1 }, 'empty'],
    ['an empty result of nobody', { usable: 0, members: 0 }, undefined, undefined],
  ]
  it.each(cases)('%s', (_what, removal, brake, expected) => expect(held(removal, brake)).toBe(expected))

  it('says what would happen and what is allowed', () => {
    const hold = holdFor({ usable: 70, removed: 30, members: 100 }, Brake.parse({}))
    expect(hold?.reason).toBe('30 of 100 members (30 %) would be removed; at most 10 % are allowed.')
  })
})

describe('cost', () => {
  const cases: [string, number, unknown][] = [
    ['braze-cohort', 0, { requests: 0, dataPoints: 0, secondsAtRateLimit: 0 }],
    ['braze-cohort', 1001, { requests: 2, dataPoints: 0, secondsAtRateLimit: 1 }],
    ['braze-cohort', 500_000_000, { requests: 500_000, dataPoints: 0, secondsAtRateLimit: 7200 }],
    ['braze-attribute', 76, { requests: 2, dataPoints: 76, secondsAtRateLimit: 1 }],
    ['braze-attribute', 750_000, { requests: 10_000, dataPoints: 750_000, secondsAtRateLimit: 10 }],
    ['http', 5, undefined],
  ]
  it.each(cases)('%s, %i changes', (kind, changes, expected) =>
    expect(costOf(kind, changes)).toEqual(expected),
  )
})
