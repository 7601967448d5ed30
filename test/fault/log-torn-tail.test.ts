/** A crash can cut the last write anywhere. What was durable before stays, what was cut is gone, and the log goes on behind it. */

import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemClock } from '../../src/core/clock.ts'
import { openEmbeddedLog } from '../../src/log/embedded-log.ts'
import type { Gap } from '../../src/log/log.ts'
import { SEGMENT_HEADER_BYTES, segmentPath } from '../../src/log/segment.ts'
import { appendFrame, readAll, textFrame } from '../support/log-frames.ts'
import { tempFolder } from '../support/temp.ts'

const SEGMENT_BYTES = 65_536

async function openLog(directory: string, onCorrupt?: (gap: Gap) => void) {
  return openEmbeddedLog({
    directory,
    clock: systemClock,
    segmentBytes: SEGMENT_BYTES,
    ...(onCorrupt && { onCorrupt }),
  })
}

/** A log of two frames, closed; where the second one lies. */
async function twoFrames(directory: string) {
  const log = await openLog(directory)
  await appendFrame(log, textFrame('first', 'second'))
  const start = SEGMENT_HEADER_BYTES + log.stats().appendedBytes
  await appendFrame(log, textFrame('torn'))
  const end = SEGMENT_HEADER_BYTES + log.stats().appendedBytes
  await log.close()
  return { path: segmentPath(directory, 1, 'segment'), start, end }
}

test('every cut of the last frame: the frames before it are kept, nothing is reported, the log goes on', async () => {
  const directory = await tempFolder()
  const { path, start, end } = await twoFrames(directory)
  const file = await open(path, 'r+')
  const whole = Buffer.alloc(end - start)
  await file.read(whole, 0, whole.length, start)
  for (let cut = 0; cut < whole.length; cut++) {
    // The bytes behind the cut are what a new file holds there, or a recycled one.
    const behind =
      cut % 2 === 0 ? Buffer.alloc(4096 + whole.length - cut) : Buffer.alloc(4096 + whole.length - cut, 0xa5)
    if (behind.equals(whole.subarray(cut))) continue
    await file.write(Buffer.concat([whole.subarray(0, cut), behind]), 0, null, start)
    const gaps: Gap[] = []
    const log = await openLog(directory, (gap) => gaps.push(gap))
    const cutSomething = whole.subarray(cut).some((byte) => byte !== 0) || cut % 2 === 1
    expect(log.head, `cut at ${cut}`).toBe(cutSomething ? 2 : 3)
    expect(gaps).toEqual([])
    await appendFrame(log, textFrame('after'))
    const texts = (await readAll(log)).records.map(({ text }) => text)
    expect(texts.slice(0, 2)).toEqual(['first', 'second'])
    expect(texts.at(-1)).toBe('after')
    await log.close()
  }
  await file.close()
})

test('a segment begun but cut before its first frame is used from its start', async () => {
  const directory = await tempFolder()
  const { path, start } = await twoFrames(directory)
  const file = await open(path, 'r+')
  await file.write(Buffer.alloc(SEGMENT_BYTES - SEGMENT_HEADER_BYTES), 0, null, SEGMENT_HEADER_BYTES)
  await file.close()
  expect(start).toBeGreaterThan(SEGMENT_HEADER_BYTES)
  const log = await openLog(directory)
  expect([log.tail, log.head]).toEqual([0, 0])
  expect(await appendFrame(log, textFrame('again'))).toBe(0)
  await log.close()
})

test('a preparation cut short is thrown away', async () => {
  const directory = await tempFolder()
  await twoFrames(directory)
  const file = await open(join(directory, 'preparing.tmp'), 'w')
  await file.write(Buffer.alloc(100))
  await file.close()
  const log = await openLog(directory)
  expect(log.head).toBe(3)
  await log.close()
})

test('an offset known to have been given out is not given out again', async () => {
  const directory = await tempFolder()
  const { path, start, end } = await twoFrames(directory)
  const file = await open(path, 'r+')
  await file.write(Buffer.alloc(end - start), 0, null, start)
  await file.close()
  const gaps: Gap[] = []
  const settings = {
    directory,
    clock: systemClock,
    segmentBytes: SEGMENT_BYTES,
    onCorrupt: (gap: Gap) => gaps.push(gap),
  }
  const log = await openEmbeddedLog({ ...settings, offsetMin: 3 })
  expect(gaps).toMatchObject([{ from: 2, to: 3 }])
  expect(log.head).toBe(3)
  expect((await readAll(log)).gaps).toEqual([{ from: 2, to: 3 }])
  expect(await appendFrame(log, textFrame('new'))).toBe(3)
  await log.close()
  const again = await openEmbeddedLog(settings)
  const { records, gaps: read } = await readAll(again)
  expect(records.map(({ offset }) => offset)).toEqual([0, 1, 3])
  expect(read).toEqual([{ from: 2, to: 3 }])
  await again.close()
})
