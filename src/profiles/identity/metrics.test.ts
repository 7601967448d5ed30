import { expect, it } from 'vitest'
import { qualityOf } from './metrics.ts'

/** `a1`: a record of person a in cluster 1. */
const of = (text: string) =>
  qualityOf(
    text
      .split(' ')
      .filter((part) => part !== '')
      .map((part) => [part.slice(0, 1), part.slice(1)] as const),
  )
const accuracy = (precision: number, recall: number) => ({
  precision: expect.closeTo(precision, 10),
  recall: expect.closeTo(recall, 10),
  f1: expect.closeTo((2 * precision * recall) / (precision + recall), 10),
})

const cases: [string, string, Partial<Record<keyof ReturnType<typeof qualityOf>, unknown>>][] = [
  ['nothing', '', { records: 0, pairwise: accuracy(1, 1), bCubed: accuracy(1, 1), exact: 1, clusterMax: 0 }],
  [
    'all right',
    'a1 a1 b2 b2 b2',
    {
      pairwise: accuracy(1, 1),
      bCubed: accuracy(1, 1),
      exact: 1,
      mixed: 0,
      scattered: 0,
      overMerged: 0,
      split: 0,
    },
  ],
  [
    'all in one',
    'a1 a1 b1 b1',
    {
      ...{ pairwise: accuracy(2 / 6, 1), bCubed: accuracy(0.5, 1), exact: 0, clusterMax: 4, clusterP99: 4 },
      ...{ mixed: 1, scattered: 0, overMerged: 1, split: 0, persons: 2, clusters: 1 },
    },
  ],
  [
    'each alone',
    'a1 a2 b3 b4',
    { pairwise: accuracy(1, 0), exact: 0, mixed: 0, scattered: 1, overMerged: 0, split: 1, clusterMax: 1 },
  ],
  // 3 of 4 pairs of clusters are right, of 7 pairs of persons 3 are found.
  [
    'one astray',
    'a1 a1 a1 a2 b2 b3',
    {
      ...{
        pairwise: accuracy(3 / 4, 3 / 7),
        bCubed: accuracy((3 + 0.5 + 0.5 + 1) / 6, (9 / 4 + 1 / 4 + 1) / 6),
      },
      ...{ overMerged: 1 / 3, split: 1, exact: 0 },
    },
  ],
]

it.each(cases)('%s', (_what, records, expected) => {
  const quality = of(records)
  for (const [name, value] of Object.entries(expected))
    expect([name, quality[name as keyof typeof quality]]).toEqual([name, value])
})

it('is on nobody’s side: persons and clusters change places', () => {
  const [there, back] = [of('a1 a1 b1 b2 c3'), of('1a 1a 1b 2b 3c')]
  expect(back.pairwise.recall).toBeCloseTo(there.pairwise.precision, 10)
  expect(back.bCubed.precision).toBeCloseTo(there.bCubed.recall, 10)
  expect(back.scattered).toBeCloseTo(there.mixed, 10)
})
