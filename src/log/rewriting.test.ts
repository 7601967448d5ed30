/** Frames are replaced where they lie: each is old or new, whole, whatever happens, and of the old bytes nothing is left. */

import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  appendFrame,
  appendPatiently,
  identityOf,
  readAll,
  textFrame,
} from '../../test/support/log-frames.ts'
import { tempFolder } from '../../test/support/temp.ts'
import { systemClock } from '../core/clock.ts'
import { openEmbeddedLog } from './embedded-log.ts'
import { absenceOf, blankRow, type FrameView, ROW_ERASED, ROW_SUPPRESSED } from './frame.ts'
import type { Gap, Log } from './log.ts'
import { dropJournal, writeJournal } from './rewriting.ts'
import { SEGMENT_HEADER_BYTES, segmentPath } from './segment.ts'

const SEGMENT_BYTES = 65_536
const SECRET = 'jane@example.com'
const TOMBSTONE = '{"erased":true}'
const never = new AbortController().signal

async function openLog(directory: string, also: { gaps?: Gap[]; tailBytesMax?: number } = {}) {
  return openEmbeddedLog({
    directory,
    clock: systemClock,
    segmentBytes: SEGMENT_BYTES,
    onCorrupt: (gap) => also.gaps?.push(gap),
    ...(also.tailBytesMax === undefined ? {} : { tailBytesMax: also.tailBytesMax }),
  })
}

/** Blanks every record with the secret in it. */
function erased(frame: FrameView): Buffer | undefined {
  let isChanged = false
  for (let i = 0; i < frame.count; i++) {
    if (!frame.bytes.toString('utf8', frame.rowStart(i), frame.rowEnd(i)).includes(SECRET)) continue
    blankRow(frame, i, ROW_ERASED)
    isChanged = true
  }
  return isChanged ? frame.bytes : undefined
}

/** Files of the folder that hold the secret. The next segment's preparation ends by renaming its file, which is why the list is taken anew then. */
async function holding(directory: string): Promise<string[]> {
  const held: string[] = []
  for (const name of await readdir(directory)) {
    const bytes = await bytesOf(join(directory, name))
    if (bytes === undefined) return holding(directory)
    if (bytes.includes(SECRET)) held.push(name)
  }
  return held
}

/** undefined: the file bears another name by now. */
async function bytesOf(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

const textOf = (i: number): string =>
  JSON.stringify({ n: i, who: i % 3 === 0 ? SECRET : 'other', pad: 'x'.repeat(400) })

async function filled(log: Log, from: number, to: number): Promise<void> {
  for (let i = from; i < to; i += 2)
    await appendPatiently(log, {
      records: [i, i + 1].map((n) => ({ text: textOf(n), id: identityOf(n + 1) })),
    })
}

function expected(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, i) => {
    const text = textOf(from + i)
    return text.includes(SECRET) ? TOMBSTONE.padEnd(text.length) : text
  })
}

test('in sealed segments, in the one under write, in memory and in what was recycled', async () => {
  const directory = await tempFolder()
  const log = await openLog(directory, { tailBytesMax: 20_000 })
  await filled(log, 0, 600)
  await log.retain({ ageMsMax: 1e15, bytesMax: 2 * SEGMENT_BYTES, despiteReaders: false, nowMs: 0 })
  await filled(log, 600, 760)
  // Old bytes lie in spares, and behind the frames of a segment that was recycled.
  expect((await holding(directory)).length).toBeGreaterThan(2)
  const { tail, head } = log
  const { replaced } = await log.rewrite(erased, never)
  expect(replaced).toBeGreaterThan(50)
  expect(await holding(directory)).toEqual([])
  expect((await readAll(log)).records.map(({ text }) => text)).toEqual(expected(tail, head))
  expect(await log.find(identityOf(head - 1 + 1))).toEqual([head - 1])
  expect((await log.rewrite(erased, never)).replaced).toBe(0)
  await filled(log, 760, 762)
  await log.close()
  const gaps: Gap[] = []
  const again = await openLog(directory, { gaps })
  expect((await readAll(again, tail)).records.map(({ text }) => text).slice(0, head - tail)).toEqual(
    expected(tail, head),
  )
  expect([gaps, again.head]).toEqual([[], head + 2])
  await again.close()
})

test('who reads meanwhile meets each frame old or new, and never a gap', async () => {
  const directory = await tempFolder()
  const log = await openLog(directory, { tailBytesMax: 1_000 })
  await filled(log, 0, 500)
  let done = false
  const rewriting = log.rewrite(erased, never).finally(() => {
    done = true
  })
  while (!done) {
    const { records, gaps } = await readAll(log, 0, 4_096)
    expect(gaps).toEqual([])
    expect(records).toHaveLength(500)
    for (const { text, offset } of records)
      expect([textOf(offset), TOMBSTONE.padEnd(text.length)]).toContain(text)
  }
  await rewriting
  expect((await readAll(log)).records.map(({ text }) => text)).toEqual(expected(0, 500))
  await log.close()
})

test('a crash at any point of a replacement leaves the frame old or new', async () => {
  const directory = await tempFolder()
  const log = await openLog(directory)
  await appendFrame(log, textFrame(textOf(0), textOf(1)))
  await appendFrame(log, textFrame(textOf(3)))
  const bytes = log.stats().appendedBytes
  await log.close()
  const path = segmentPath(directory, 1, 'segment')
  const before = await readFile(path)
  const after = await readFile(path)
  const view = (file: Buffer) => file.subarray(SEGMENT_HEADER_BYTES, SEGMENT_HEADER_BYTES + bytes)
  {
    const scratch = await openLog(directory)
    await scratch.rewrite(erased, never)
    await scratch.close()
    ;(await readFile(path)).copy(after)
  }
  const first = view(after).readUInt32LE(4)
  const replacements = [
    { epoch: 1, position: SEGMENT_HEADER_BYTES, frame: view(after).subarray(0, first) },
    { epoch: 1, position: SEGMENT_HEADER_BYTES + first, frame: view(after).subarray(first) },
  ]
  await writeJournal(directory, replacements)
  const journal = await readFile(join(directory, 'rewriting.journal'))
  await dropJournal(directory)

  const opened = async (journalBytes: Buffer | undefined, name: string, segment: Buffer) => {
    await writeFile(path, segment)
    if (journalBytes !== undefined) await writeFile(join(directory, name), journalBytes)
    const gaps: Gap[] = []
    const again = await openLog(directory, { gaps })
    const texts = (await readAll(again)).records.map(({ text }) => text)
    await again.close()
    expect(gaps).toEqual([])
    expect((await readdir(directory)).filter((one) => one.startsWith('rewriting'))).toEqual([])
    return texts
  }
  const old = [textOf(0), textOf(1), textOf(3)]
  const fresh = [TOMBSTONE.padEnd(old[0]?.length ?? 0), textOf(1), TOMBSTONE.padEnd(old[2]?.length ?? 0)]
  // While the journal is being written: nothing was touched.
  expect(await opened(journal.subarray(0, 700), 'rewriting.journal.tmp', before)).toEqual(old)
  expect(await opened(journal.subarray(0, 700), 'rewriting.journal', before)).toEqual(old)
  // While the frames are being written over, at every 16th byte; and when all of it was done.
  for (let cut = 0; cut <= bytes; cut += 16) {
    const torn = Buffer.from(before)
    view(after).copy(torn, SEGMENT_HEADER_BYTES, 0, cut)
    expect(await opened(journal, 'rewriting.journal', torn), `cut at ${cut}`).toEqual(fresh)
  }
  expect(await opened(undefined, '', after)).toEqual(fresh)
})

test('a frame cannot be made into one of another form', async () => {
  const log = await openLog(await tempFolder())
  await appendFrame(log, textFrame('one'))
  const longer = (frame: FrameView): Buffer => Buffer.concat([frame.bytes, Buffer.alloc(8)])
  await expect(log.rewrite(longer, never)).rejects.toThrow('another form')
  await log.close()
})

test('what the screen blanks is never written', async () => {
  const directory = await tempFolder()
  const log = await openLog(directory)
  log.screen = (frame) => {
    if (frame.bytes.includes(SECRET)) blankRow(frame, 0, ROW_ERASED | ROW_SUPPRESSED)
  }
  await appendFrame(log, textFrame(textOf(0)))
  await appendFrame(log, textFrame(textOf(1)))
  const run = await log.read(0, 100_000)
  expect(run.frames.map((frame) => absenceOf(frame.rowFlags(0)))).toEqual(['suppressed', undefined])
  await log.close()
  expect(await holding(directory)).toEqual([])
})
