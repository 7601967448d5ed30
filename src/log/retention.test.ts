import { describe, expect, test } from 'vitest'
import type { Retention } from './log.ts'
import { planRetention } from './retention.ts'

const sealed = [
  { end: 10, bytes: 100, receivedAtMax: 1000 },
  { end: 20, bytes: 100, receivedAtMax: 3000 },
  { end: 30, bytes: 100, receivedAtMax: 2000 },
]
const never = {
  ageMsMax: Number.POSITIVE_INFINITY,
  bytesMax: Number.POSITIVE_INFINITY,
  despiteReaders: false,
  nowMs: 10_000,
}

const cases: [
  name: string,
  rule: Partial<Retention>,
  holds: [string, number][],
  free: number,
  heldBy: string[],
][] = [
  ['within the rule', {}, [], 0, []],
  ['as old as allowed', { ageMsMax: 9000 }, [], 0, []],
  ['older', { ageMsMax: 8999 }, [], 1, []],
  ['a younger one in front keeps an older one behind', { ageMsMax: 7500 }, [], 1, []],
  ['all of them too old', { ageMsMax: 1 }, [], 3, []],
  ['as large as allowed, the segment in use counted', { bytesMax: 400 }, [], 0, []],
  ['larger', { bytesMax: 399 }, [], 1, []],
  ['as many as needed', { bytesMax: 150 }, [], 3, []],
  ['a reader needs the first', { bytesMax: 0 }, [['a', 9]], 0, ['a']],
  ['a reader is just behind it', { bytesMax: 0 }, [['a', 10]], 1, ['a']],
  [
    'all who hold are named',
    { bytesMax: 0 },
    [
      ['a', 0],
      ['b', 25],
      ['c', 3],
    ],
    0,
    ['a', 'c'],
  ],
  ['a hold that the rule does not reach is not named', { bytesMax: 399 }, [['a', 10]], 1, []],
  ['despite readers', { bytesMax: 0, despiteReaders: true }, [['a', 0]], 3, []],
]

describe('what may go', () => {
  for (const [name, rule, holds, free, heldBy] of cases) {
    test(name, () => {
      expect(planRetention(sealed, 100, new Map(holds), { ...never, ...rule })).toEqual({ free, heldBy })
    })
  }
})
