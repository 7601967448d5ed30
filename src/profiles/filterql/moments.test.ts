import { expect, test } from 'vitest'
import { instantOf, readMoment } from './moments.ts'

const NOW = Date.parse('2026-03-31T12:00:00Z')

test.each([
  ['now-1d', '2026-03-30T12:00:00.000Z'],
  ['2026-01-31', '2026-01-31T00:00:00.000Z'],
  ['2026-01-31T10:20', '2026-01-31T10:20:00.000Z'],
  ['2026-01-31 10:20:30', '2026-01-31T10:20:30.000Z'],
  ['2026-01-31T10:20:30.123456Z', '2026-01-31T10:20:30.123Z'],
  ['2026-01-31T10:20:30+0530', '2026-01-31T04:50:30.000Z'],
  ['1769854830000', '2026-01-31T10:20:30.000Z'],
  ['12/18/2015', '2015-12-18T00:00:00.000Z'],
  [1_769_854_830_000, '2026-01-31T10:20:30.000Z'],
])('%s', (written, expected) => {
  const moment = readMoment(written)
  expect(moment && new Date(instantOf(moment, NOW)).toISOString()).toBe(expected)
})

test.each(['yesterday', '2026', 2026, '2026-13-01', '2026-02-30', '01/02/2026', '', 1e30])(
  '%j is none',
  (written) => expect(readMoment(written)).toBeUndefined(),
)
