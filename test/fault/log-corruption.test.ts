/** Bytes that no longer check out, anywhere: what is missing is named exactly, everything else is still read, nothing is fatal. */

import { copyFile, open, unlink, writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../src/core/clock.ts'
import { openEmbeddedLog } from '../../src/log/embedded-log.ts'
import type { Gap, Log } from '../../src/log/log.ts'
import { SEGMENT_HEADER_BYTES, segmentPath } from '../../src/log/segment.ts'
import { appendPatiently, identityOf, readAll, textFrame } from '../support/log-frames.ts'
import { tempFolder } from '../support/temp.ts'

const SEGMENT_BYTES = 65_536
const TEXT_BYTES = 2000
const FRAME_BYTES = 64 + 2 * TEXT_BYTES + 16 + 64

interface Opened {
  readonly log: Log
  readonly gaps: Gap[]
}

async function openLog(directory: string): Promise<Opened> {
  const gaps: Gap[] = []
  const log = await openEmbeddedLog({
    directory,
    clock: systemClock,
    segmentBytes: SEGMENT_BYTES,
    tailBytesMax: 0,
    onCorrupt: (gap) => gaps.push(gap),
  })
  return { log, gaps }
}

/** Frames of two records each over several segments; closed. Frame k holds offsets 2k and 2k + 1. */
async function filled(directory: string, frames: number): Promise<void> {
  const { log } = await openLog(directory)
  for (let i = 0; i < frames; i++) {
    const texts = [`${2 * i}`.padEnd(TEXT_BYTES, '.'), `${2 * i + 1}`.padEnd(TEXT_BYTES, '.')]
    const records = texts.map((text, j) => ({ text, id: identityOf(2 * i + j) }))
    await appendPatiently(log, { receivedAt: i, records })
  }
  expect(log.stats().appendedBytes).toBe(frames * FRAME_BYTES)
  await log.close()
}

async function spoil(path: string, position: number, bytes: Buffer): Promise<void> {
  const file = await open(path, 'r+')
  await file.write(bytes, 0, bytes.length, position)
  await file.close()
}

async function flipBit(path: string, position: number): Promise<void> {
  const file = await open(path, 'r+')
  const byte = Buffer.alloc(1)
  await file.read(byte, 0, 1, position)
  byte.writeUInt8(byte.readUInt8(0) ^ 0x10)
  await file.write(byte, 0, 1, position)
  await file.close()
}

async function expectMissing(
  directory: string,
  frames: number,
  missing: { from: number; to: number }[],
): Promise<void> {
  const { log, gaps } = await openLog(directory)
  const read = await readAll(log)
  expect(read.gaps).toEqual(missing)
  const lost = (offset: number) => missing.some(({ from, to }) => offset >= from && offset < to)
  const kept = Array.from({ length: 2 * frames }, (_, offset) => offset).filter((offset) => !lost(offset))
  expect(read.records.map(({ offset }) => offset)).toEqual(kept)
  expect(read.records.every(({ offset, text }) => text.startsWith(`${offset}.`))).toBe(true)
  // Reported once each, however often it is met.
  await readAll(log, log.tail, 3000)
  expect(gaps.map(({ from, to }) => ({ from, to }))).toEqual(missing)
  expect(log.stats().corrupt).toEqual(gaps)
  await log.close()
}

const PER_SEGMENT = Math.floor((SEGMENT_BYTES - SEGMENT_HEADER_BYTES) / FRAME_BYTES)

describe('a flipped bit', () => {
  const places = [
    ['magic', 0],
    ['length', 5],
    ['checksum', 9],
    ['epoch', 12],
    ['base offset', 21],
    ['count', 32],
    ['body', 1500],
    ['row', FRAME_BYTES - 20],
  ] as const
  for (const [name, at] of places) {
    for (const [where, frame] of [
      ['the last segment', PER_SEGMENT + 2],
      ['a sealed segment', 3],
    ] as const) {
      test(`in the ${name} of a frame in ${where} costs that frame alone`, async () => {
        const directory = await tempFolder()
        await filled(directory, PER_SEGMENT + 6)
        const epoch = 1 + Math.floor(frame / PER_SEGMENT)
        const position = SEGMENT_HEADER_BYTES + (frame % PER_SEGMENT) * FRAME_BYTES
        await flipBit(segmentPath(directory, epoch, 'segment'), position + at)
        await expectMissing(directory, PER_SEGMENT + 6, [{ from: 2 * frame, to: 2 * frame + 2 }])
      })
    }
  }
})

test('the first and the last frame of a sealed segment can be missing', async () => {
  const directory = await tempFolder()
  await filled(directory, PER_SEGMENT + 2)
  const path = segmentPath(directory, 1, 'segment')
  await flipBit(path, SEGMENT_HEADER_BYTES + 100)
  await flipBit(path, SEGMENT_HEADER_BYTES + (PER_SEGMENT - 1) * FRAME_BYTES + 100)
  const end = 2 * PER_SEGMENT
  await expectMissing(directory, PER_SEGMENT + 2, [
    { from: 0, to: 2 },
    { from: end - 2, to: end },
  ])
})

test('pages that a disk lost are one gap, and a frame that lies inside a body is not taken for one', async () => {
  const directory = await tempFolder()
  await filled(directory, PER_SEGMENT + 6)
  const path = segmentPath(directory, 1, 'segment')
  const file = await open(path, 'r')
  const copy = Buffer.alloc(FRAME_BYTES)
  await file.read(copy, 0, FRAME_BYTES, SEGMENT_HEADER_BYTES)
  await file.close()
  // An old frame of the same epoch, whole, where frames 4 and 5 were: its offsets are behind, so it is not one of these.
  const position = SEGMENT_HEADER_BYTES + 4 * FRAME_BYTES
  await spoil(path, position, Buffer.alloc(FRAME_BYTES + 200))
  await spoil(path, position + 64, copy)
  await expectMissing(directory, PER_SEGMENT + 6, [{ from: 8, to: 12 }])
})

test('a lost header costs nothing: name and frames tell the same', async () => {
  for (const epoch of [1, 2, 3]) {
    const directory = await tempFolder()
    await filled(directory, 2 * PER_SEGMENT + 4)
    await spoil(segmentPath(directory, epoch, 'segment'), 0, Buffer.alloc(SEGMENT_HEADER_BYTES, epoch))
    await expectMissing(directory, 2 * PER_SEGMENT + 4, [])
  }
})

test('a lost header and first frame cost that frame', async () => {
  for (const epoch of [2, 3]) {
    const directory = await tempFolder()
    await filled(directory, 2 * PER_SEGMENT + 4)
    await spoil(segmentPath(directory, epoch, 'segment'), 0, Buffer.alloc(SEGMENT_HEADER_BYTES + 100, epoch))
    const from = 2 * PER_SEGMENT * (epoch - 1)
    await expectMissing(directory, 2 * PER_SEGMENT + 4, [{ from, to: from + 2 }])
  }
})

test('a missing file in the middle is a gap from one neighbour to the other', async () => {
  const directory = await tempFolder()
  await filled(directory, 2 * PER_SEGMENT + 4)
  await unlink(segmentPath(directory, 2, 'segment'))
  await expectMissing(directory, 2 * PER_SEGMENT + 4, [{ from: 2 * PER_SEGMENT, to: 4 * PER_SEGMENT }])
})

test('a side index that is missing, damaged or of another segment is made again', async () => {
  const directory = await tempFolder()
  await filled(directory, 3 * PER_SEGMENT + 2)
  await unlink(segmentPath(directory, 1, 'ids'))
  await flipBit(segmentPath(directory, 2, 'ids'), 300)
  await writeFile(segmentPath(directory, 3, 'ids'), 'nonsense')
  for (let opening = 0; opening < 2; opening++) {
    const { log, gaps } = await openLog(directory)
    for (const n of [0, 2 * PER_SEGMENT + 3, 5 * PER_SEGMENT, 6 * PER_SEGMENT + 1]) {
      expect(await log.find(identityOf(n))).toEqual([n])
    }
    expect(await log.offsetAt(PER_SEGMENT + 2)).toBe(2 * PER_SEGMENT + 4)
    expect(gaps).toEqual([])
    await log.close()
  }
})

test('files of two logs in one directory are refused', async () => {
  const directory = await tempFolder()
  await filled(directory, 2 * PER_SEGMENT + 4)
  const other = await tempFolder()
  const { log } = await openLog(other)
  for (let i = 0; i < 16; i++) await appendPatiently(log, textFrame('x'.repeat(12_000)))
  await log.close()
  // Its fourth segment begins at offset 15; the third of ours at a later one.
  await copyFile(segmentPath(other, 4, 'segment'), segmentPath(directory, 4, 'segment'))
  await expect(openLog(directory)).rejects.toMatchObject({ code: 'LOG_CORRUPT' })
  await unlink(segmentPath(directory, 4, 'segment'))
  await expectMissing(directory, 2 * PER_SEGMENT + 4, [])
})
