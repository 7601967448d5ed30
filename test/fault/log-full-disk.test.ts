/** A real full disk (a small tmpfs): refused before anything is taken, nothing acknowledged is lost, and it mends itself. Needs root to mount. */

import { execFile } from 'node:child_process'
import { statfs, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { VirtualClock } from '../../src/core/clock.ts'
import { openDedupe } from '../../src/log/dedupe.ts'
import { openEmbeddedLog } from '../../src/log/embedded-log.ts'
import type { Log } from '../../src/log/log.ts'
import { eventually } from '../support/eventually.ts'
import { appendFrame, appendPatiently, identityOf, readAll, textFrame } from '../support/log-frames.ts'
import { tempFolder } from '../support/temp.ts'

const run = promisify(execFile)
const SEGMENT_BYTES = 262_144

/** A file system of `bytes`; undefined, with the reason, when this user may not mount one. */
async function smallDisk(bytes: number): Promise<{ path: string } | { whyNot: string }> {
  const path = await tempFolder()
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', path])
  } catch (error) {
    return { whyNot: `a tmpfs cannot be mounted here: ${error instanceof Error ? error.message : error}` }
  }
  onTestFinished(async () => {
    await run('umount', ['-l', path])
  })
  return { path }
}

async function appendUntilFull(log: Log): Promise<number> {
  let taken = 0
  for (;;) {
    try {
      await appendFrame(log, textFrame(`${taken}`.padEnd(20_000, '.')))
      taken++
    } catch (error) {
      expect(error).toMatchObject({ code: 'LOG_FULL' })
      // Not ready yet is not full: give the preparation its time.
      if (log.state === 'full') await new Promise((resolve) => setTimeout(resolve, 20))
      if (log.state === 'full') return taken
    }
  }
}

test('a full disk refuses at once, keeps all, and takes again when there is room', async ({ skip }) => {
  const disk = await smallDisk(SEGMENT_BYTES * 4 + 100_000)
  if ('whyNot' in disk) return skip(disk.whyNot)
  const clock = new VirtualClock(0)
  const troubles: string[] = []
  const directory = join(disk.path, 'log')
  const open = () =>
    openEmbeddedLog({
      directory,
      clock,
      segmentBytes: SEGMENT_BYTES,
      onTrouble: ({ code }) => troubles.push(code),
    })
  const log = await open()
  const taken = await appendUntilFull(log)
  expect(taken).toBeGreaterThan(SEGMENT_BYTES / 20_000)
  expect(log.head).toBe(taken)
  expect(troubles).toContain('LOG_FULL')
  expect(() => appendFrame(log, textFrame('x'.repeat(20_000)))).toThrow(
    expect.objectContaining({ code: 'LOG_FULL' }),
  )
  // It tries by itself: without room nothing changes, with room it goes on.
  await clock.advance(60_000)
  expect(log.state).toBe('full')
  await log.retain({
    ageMsMax: Number.POSITIVE_INFINITY,
    bytesMax: SEGMENT_BYTES * 2,
    despiteReaders: false,
    nowMs: 0,
  })
  await appendPatiently(log, textFrame('after'))
  expect(log.state).toBe('open')
  const { records, gaps } = await readAll(log)
  expect(gaps).toEqual([])
  expect(records.at(-1)?.text).toBe('after')
  expect(records.map(({ offset }) => offset)).toEqual(
    Array.from({ length: log.head - log.tail }, (_, i) => log.tail + i),
  )
  await log.close()
})

test('space that somebody else gives back is found without help', async ({ skip }) => {
  const disk = await smallDisk(SEGMENT_BYTES * 4 + 100_000)
  if ('whyNot' in disk) return skip(disk.whyNot)
  const clock = new VirtualClock(0)
  const ballast = join(disk.path, 'ballast')
  await writeFile(ballast, Buffer.alloc(SEGMENT_BYTES * 2))
  const log = await openEmbeddedLog({ directory: join(disk.path, 'log'), clock, segmentBytes: SEGMENT_BYTES })
  const taken = await appendUntilFull(log)
  await unlink(ballast)
  await eventually('the log takes again', async () => {
    await clock.advance(30_000)
    return log.state === 'open'
  })
  await appendPatiently(log, textFrame('after'))
  expect(log.head).toBe(taken + 1)
  await log.close()
})

test('a disk that was full at the start opens, reads and refuses', async ({ skip }) => {
  const disk = await smallDisk(SEGMENT_BYTES * 4 + 100_000)
  if ('whyNot' in disk) return skip(disk.whyNot)
  const directory = join(disk.path, 'log')
  const settings = { directory, clock: new VirtualClock(0), segmentBytes: SEGMENT_BYTES }
  const first = await openEmbeddedLog(settings)
  const taken = await appendUntilFull(first)
  await first.close()
  const { bavail, bsize } = await statfs(disk.path)
  await writeFile(join(disk.path, 'ballast'), Buffer.alloc(bavail * bsize))
  const log = await openEmbeddedLog(settings)
  expect((await readAll(log)).records.length).toBe(taken)
  expect(() => appendFrame(log, textFrame('x'.repeat(200_000)))).toThrow(
    expect.objectContaining({ code: 'LOG_FULL' }),
  )
  await log.close()
})

test('ids that cannot be brought to disk are refused before memory grows, and nothing is forgotten', async ({
  skip,
}) => {
  const disk = await smallDisk(2_000_000)
  if ('whyNot' in disk) return skip(disk.whyNot)
  const clock = new VirtualClock(10_000_000)
  const log = await openEmbeddedLog({ directory: await tempFolder(), clock, segmentBytes: SEGMENT_BYTES })
  const troubles: string[] = []
  const dedupe = await openDedupe({
    directory: disk.path,
    clock,
    log,
    memoryIdsMax: 3000,
    onTrouble: ({ code }) => troubles.push(code),
  })
  const ballast = join(disk.path, 'ballast')
  const { bavail, bsize } = await statfs(disk.path)
  await writeFile(ballast, Buffer.alloc(bavail * bsize))
  const mark = (number: number) => {
    const seen = new Uint8Array(1)
    return (
      dedupe.mark(1, Uint32Array.from(identityOf(number)), 1, 4, 0, clock.now(), new Uint8Array(1), seen) ===
      1
    )
  }
  for (let i = 0; i < 3000; i++) expect(mark(i)).toBe(false)
  expect(() => mark(3000)).toThrow(expect.objectContaining({ code: 'LOG_FULL' }))
  await eventually('the failed spill is told', () => troubles.includes('LOG_FULL'))
  await unlink(ballast)
  await eventually('both tables are on disk', async () => {
    await clock.advance(5000)
    return dedupe.stats().runs >= 1 && tryMark(mark, 3000)
  })
  for (let i = 0; i <= 3000; i++) expect(mark(i)).toBe(true)
  await dedupe.close()
  await log.close()
})

function tryMark(mark: (number: number) => boolean, number: number): boolean {
  try {
    mark(number)
    return true
  } catch {
    return false
  }
}
