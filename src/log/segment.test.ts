import { describe, expect, test } from 'vitest'
import { partAt } from './lookups.ts'
import {
  decodeSegmentHeader,
  encodeSegmentHeader,
  NO_PREVIOUS,
  parseSegmentName,
  Segment,
  segmentPath,
} from './segment.ts'

const header = {
  epoch: 7,
  base: 2 ** 40 + 3,
  createdAt: 1_700_000_000_123,
  previous: { epoch: 6, end: 2 ** 40, dataEnd: 4096, receivedAtMax: Number.NEGATIVE_INFINITY },
}

test('a header comes back as it was written', () => {
  expect(decodeSegmentHeader(encodeSegmentHeader(header))).toEqual(header)
  const first = { ...header, previous: NO_PREVIOUS }
  expect(decodeSegmentHeader(encodeSegmentHeader(first))).toEqual(first)
})

test('any changed byte of a header is noticed', () => {
  const page = encodeSegmentHeader(header)
  for (let at = 0; at < 64; at++) {
    const spoiled = Buffer.from(page)
    spoiled.writeUInt8(spoiled.readUInt8(at) ^ 1, at)
    expect(decodeSegmentHeader(spoiled), `byte ${at}`).toBeUndefined()
  }
  expect(decodeSegmentHeader(Buffer.alloc(4096))).toBeUndefined()
  expect(decodeSegmentHeader(page.subarray(0, 60))).toBeUndefined()
})

describe('names', () => {
  for (const kind of ['segment', 'ids', 'spare'] as const) {
    test(`of a ${kind}`, () => {
      expect(parseSegmentName(segmentPath('', 4_000_000_000, kind))).toEqual({ epoch: 4_000_000_000, kind })
    })
  }
  for (const name of ['lock', '1.segment', '0000000001.ids.tmp', '0000000001.other']) {
    test(`not ${name}`, () => {
      expect(parseSegmentName(name)).toBeUndefined()
    })
  }
})

test('the segment of an offset is the last that starts at or before it', () => {
  const segments = [10, 20, 20, 50].map((base, epoch) => new Segment({ epoch, path: '', bytes: 0, base }))
  const cases = [
    [9, -1],
    [10, 0],
    [19, 0],
    [20, 2],
    [49, 2],
    [50, 3],
    [1e12, 3],
  ] as const
  for (const [offset, index] of cases) expect(partAt(segments, offset)).toBe(index)
})
