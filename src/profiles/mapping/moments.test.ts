import { describe, expect, test } from 'vitest'
import { inZone, momentOf, relativeMoment, zoneOf } from './moments.ts'

const DAY = '2020-07-10T00:00:00.000Z'
const AT = '2020-07-10T15:00:00.000Z'

const READ: readonly [written: string | number, moment: string][] = [
  ['2020-07-10', DAY],
  ['2020/07/10', DAY],
  ['2020.7.10', DAY],
  ['20200710', DAY],
  [20200710, DAY],
  ['2020-07-10T15:00:00Z', AT],
  ['2020-07-10T15:00:00', AT],
  ['2020-07-10t15:00z', AT],
  ['2020-07-10 15:00:00', AT],
  ['2020-07-10 15:00', AT],
  ['2020-07-10 15:00:00.000 UTC', AT],
  ['2020-07-10 15:00:00 +0000 UTC', AT],
  ['2020-07-10T17:00:00+02:00', AT],
  ['2020-07-10T17:00:00+0200', AT],
  ['2020-07-10T17:00:00+02', AT],
  ['2020-07-10T15:00:00:123Z', '2020-07-10T15:00:00.123Z'],
  ['2020-07-10T15:00:00.1239999Z', '2020-07-10T15:00:00.123Z'],
  ['2020-07-10 3:00 PM', AT],
  ['2020-07-10 12:00am', DAY],
  ['20200710150000', AT],
  ['20200710T150000Z', AT],
  [' 2020-07-10 ', DAY],
  ['7/31/2020', '2020-07-31T00:00:00.000Z'],
  ['31/7/2020', '2020-07-31T00:00:00.000Z'],
  ['31-07-2020 15:00', '2020-07-31T15:00:00.000Z'],
  ['7/7/2020', '2020-07-07T00:00:00.000Z'],
  ['10.07.2020', DAY],
  ['3.4.2020', '2020-04-03T00:00:00.000Z'],
  ['10 July 2020', DAY],
  ['10-Jul-2020', DAY],
  ['July 10, 2020', DAY],
  ['Jul 10th, 2020 at 15:00', AT],
  ['Fri, 10 Jul 2020 15:00:00 GMT', AT],
  ['Fri, 10 Jul 2020 17:00:00 +0200', AT],
  ['Fri Jul 10 15:00:00 2020', AT],
  ['Fri Jul 10 10:00:00 -0500 2020', AT],
  ['Fri Jul 10 08:00:00 PDT 2020', AT],
  [1594393200, AT],
  ['1594393200', AT],
  [1594393200000, AT],
  ['1594393200.5', '2020-07-10T15:00:00.500Z'],
  [1594393200000000, AT],
  ['1594393200000000000', AT],
  [-86400, '1969-12-31T00:00:00.000Z'],
  ['29 Feb 2020', '2020-02-29T00:00:00.000Z'],
]

test.each(READ)('%j is read', (written, moment) => {
  const ms = momentOf(written)
  expect(typeof ms === 'number' ? new Date(ms).toISOString() : ms).toBe(moment)
})

test.each<[written: string | number, problem: string]>([
  ['', 'not_a_date'],
  ['soon', 'not_a_date'],
  ['now-3d', 'not_a_date'],
  ['2021-02-29', 'not_a_date'],
  ['2020-13-01', 'not_a_date'],
  ['2020-07/10', 'not_a_date'],
  ['0000-00-00', 'not_a_date'],
  ['2020-07-10T25:00', 'not_a_date'],
  ['2020-07-10 13:00 PM', 'not_a_date'],
  ['2020-07-10 15:00 Mars', 'not_a_date'],
  ['3/4/2020', 'ambiguous_date'],
  ['03-04-2020 10:00', 'ambiguous_date'],
  ['1/2/06', 'not_a_date'],
  ['13/13/2020', 'not_a_date'],
  [Number.NaN, 'not_a_date'],
  [1e300, 'not_a_date'],
  ['x'.repeat(100_000), 'not_a_date'],
])('%j is %s', (written, problem) => {
  expect(momentOf(written)).toBe(problem)
})

describe('a zone', () => {
  const paris = zoneOf('Europe/Paris')

  test.each([
    ['2020-01-01 12:00', '2020-01-01T11:00:00.000Z'],
    ['2020-07-01 12:00', '2020-07-01T10:00:00.000Z'],
    ['2020-07-01 12:00 UTC', '2020-07-01T12:00:00.000Z'],
    ['2020-03-29 03:30', '2020-03-29T01:30:00.000Z'],
  ])('%s', (written, moment) => {
    expect(new Date(Number(momentOf(written, paris))).toISOString()).toBe(moment)
  })

  test('gives a moment whose clocks show what was written, where there is one', () => {
    for (let hour = 0; hour < 400; hour++) {
      const local = Date.UTC(2020, 9, 20, hour)
      const ms = inZone(local, paris)
      expect(ms + (paris?.(ms) ?? 0)).toBe(local)
    }
  })

  test('that does not exist is none', () => {
    expect(zoneOf('Mars/Olympus')).toBeUndefined()
  })
})

test.each([
  ['now', '2024-03-31T12:00:00.000Z'],
  ['now-30s', '2024-03-31T11:59:30.000Z'],
  ['now+2h', '2024-03-31T14:00:00.000Z'],
  ['now-1w', '2024-03-24T12:00:00.000Z'],
  ['now-1M', '2024-03-02T12:00:00.000Z'],
  ['now - 1y', '2023-03-31T12:00:00.000Z'],
])('%s', (text, moment) => {
  expect(new Date(relativeMoment(text)?.(Date.UTC(2024, 2, 31, 12)) ?? 0).toISOString()).toBe(moment)
})

test.each(['now-', 'now-3', 'now-3x', 'then-3d', 'now-3D'])('%s is no relative moment', (text) => {
  expect(relativeMoment(text)).toBeUndefined()
})
