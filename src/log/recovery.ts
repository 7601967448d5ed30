/**
 * What a log directory holds when it is opened. Headers tell everything about sealed segments; only the last segment is
 * read whole, so that starting takes no longer with a large log. The end of the log is behind the last whole frame: what follows it is a
 * torn write that nobody was told of. Bytes in front of a whole frame that do not check out are a gap: reported, and the frames
 * behind it are kept. (After a power cut a gap may lie in the last group that was being written; nobody was told of that one either.)
 */

import { type FileHandle, open, readdir, rename, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { ThalwegError } from '../core/errors.ts'
import { FrameWalk } from './frame-walk.ts'
import { SegmentIdentities } from './identity-index.ts'
import type { Gap } from './log.ts'
import { finishRewriting } from './rewriting.ts'
import {
  decodeSegmentHeader,
  parseSegmentName,
  SEGMENT_HEADER_BYTES,
  Segment,
  type SegmentHeader,
  segmentPath,
} from './segment.ts'
import { hasSize, SPARES_MAX } from './segment-supply.ts'

const CHUNK_BYTES = 2 * 1024 * 1024

export interface Recovered {
  /** In order; the last one is the one to go on with. */
  readonly segments: Segment[]
  /** Identities of the last segment. */
  readonly identities: SegmentIdentities
  /** Prepared but never written to. */
  readonly prepared: { readonly epoch: number; readonly path: string } | undefined
  readonly spares: readonly string[]
  readonly nextEpoch: number
  readonly gaps: readonly Gap[]
}

interface Found {
  readonly segment: Segment
  readonly header: SegmentHeader | undefined
}

export async function recover(directory: string, segmentBytes: number): Promise<Recovered> {
  const names = await readdir(directory)
  await dropUnfinished(directory, names)
  await finishRewriting(directory)
  const files = names.flatMap((name) => parseSegmentName(name) ?? []).sort((a, b) => a.epoch - b.epoch)
  const found: Found[] = []
  const unused: number[] = []
  const gaps: Gap[] = []
  for (const { epoch, kind } of files) {
    if (kind !== 'segment') continue
    const used = await inspect(directory, epoch)
    if (used === undefined) unused.push(epoch)
    else found.push(used)
  }
  mustBeInOrder(directory, found)
  for (let i = 0; i < found.length - 1; i++) await learnEnd(found[i], found[i + 1], gaps)
  const identities = new SegmentIdentities()
  const last = found.at(-1)?.segment
  if (last !== undefined) await scan(last, last.bytes, gaps, identities)
  await dropStaleIndexes(directory, files, new Set(found.map(({ segment }) => segment.epoch)))
  const { prepared, spares } = await sortUnused(directory, segmentBytes, files, unused, last?.epoch ?? 0)
  const nextEpoch = Math.max(0, ...files.map(({ epoch }) => epoch)) + 1
  return { segments: found.map(({ segment }) => segment), identities, prepared, spares, nextEpoch, gaps }
}

/** Reads a segment that is no longer written to from end to end. Tells `gaps` what is missing in it. */
export async function scan(
  segment: Segment,
  limit: number,
  gaps: Gap[],
  identities: SegmentIdentities,
): Promise<void> {
  const file = await open(segment.path, 'r')
  try {
    const place = { epoch: segment.epoch, position: SEGMENT_HEADER_BYTES, offset: segment.base, limit }
    const walk = new FrameWalk(file, place, Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, segment.bytes)))
    for (let step = walk.step(); step !== 'end'; step = walk.step()) {
      if (step === 'fill') {
        await walk.fill()
        continue
      }
      const { frame, framePosition } = walk
      if (frame === undefined) continue
      if (walk.break !== undefined) gaps.push(gapAt(segment, walk.break))
      segment.grow(frame.baseOffset, frame.count, framePosition, frame.bytes.length, frame.receivedAt)
      identities.add(frame, framePosition)
    }
  } finally {
    await file.close()
  }
}

export function gapAt(segment: Segment, lost: { from: number; to: number; position: number }): Gap {
  return { from: lost.from, to: lost.to, where: `${segment.path} byte ${lost.position}` }
}

async function dropUnfinished(directory: string, names: readonly string[]): Promise<void> {
  for (const name of names) if (name.endsWith('.tmp')) await unlink(join(directory, name))
}

/** Undefined when the file was prepared but holds no frame of its epoch. */
async function inspect(directory: string, epoch: number): Promise<Found | undefined> {
  const path = segmentPath(directory, epoch, 'segment')
  const { size } = await stat(path)
  const file = await open(path, 'r')
  try {
    const page = Buffer.alloc(SEGMENT_HEADER_BYTES)
    await file.read(page, 0, page.length, 0)
    const header = decodeSegmentHeader(page)
    if (header?.epoch === epoch) {
      return { segment: new Segment({ epoch, path, bytes: size, base: header.base }), header }
    }
    const base = await firstBase(file, epoch, size)
    return base === undefined
      ? undefined
      : { segment: new Segment({ epoch, path, bytes: size, base }), header: undefined }
  } finally {
    await file.close()
  }
}

/**
 * Base offset of the first whole frame of this epoch: how a segment whose header was lost finds its place. A file that was only prepared
 * costs a full read here, once per start.
 */
async function firstBase(file: FileHandle, epoch: number, size: number): Promise<number | undefined> {
  const place = { epoch, position: SEGMENT_HEADER_BYTES, offset: 0, limit: size }
  const walk = new FrameWalk(file, place, Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, size)))
  for (;;) {
    const step = walk.step()
    if (step === 'fill') await walk.fill()
    else return step === 'frame' ? walk.frame?.baseOffset : undefined
  }
}

function mustBeInOrder(directory: string, found: readonly Found[]): void {
  for (let i = 1; i < found.length; i++) {
    const before = found[i - 1]?.segment
    const segment = found[i]?.segment
    if (before === undefined || segment === undefined || segment.base >= before.base) continue
    throw new ThalwegError(
      'LOG_CORRUPT',
      `${segment.path} starts at offset ${segment.base}, before ${before.path} (${before.base}): ` +
        `${directory} holds files of two logs; restore it from one`,
    )
  }
}

/** Where a sealed segment ends: its successor's header says so; without that it is read. */
async function learnEnd(here: Found | undefined, next: Found | undefined, gaps: Gap[]): Promise<void> {
  if (here === undefined || next === undefined) return
  const { segment } = here
  const known = next.header?.previous
  if (known?.epoch === segment.epoch) {
    segment.end = known.end
    segment.dataEnd = known.dataEnd
    segment.receivedAtMax = known.receivedAtMax
  } else {
    await scan(segment, segment.bytes, gaps, new SegmentIdentities())
  }
  if (segment.end >= next.segment.base) return
  const where = `${segment.path} byte ${segment.dataEnd}, before ${next.segment.path}`
  gaps.push({ from: segment.end, to: next.segment.base, where })
}

async function dropStaleIndexes(
  directory: string,
  files: readonly { epoch: number; kind: string }[],
  used: ReadonlySet<number>,
): Promise<void> {
  for (const { epoch, kind } of files) {
    if (kind === 'ids' && !used.has(epoch)) await unlink(segmentPath(directory, epoch, 'ids'))
  }
}

/** Of the segment files without frames, the newest is ready to be used; the others are spare, as far as spares are kept. */
async function sortUnused(
  directory: string,
  segmentBytes: number,
  files: readonly { epoch: number; kind: string }[],
  unused: readonly number[],
  lastUsed: number,
): Promise<{ prepared: Recovered['prepared']; spares: string[] }> {
  const spares: string[] = []
  let prepared: Recovered['prepared']
  for (const { epoch, kind } of files) {
    if (kind === 'ids' || (kind === 'segment' && !unused.includes(epoch))) continue
    const path = segmentPath(directory, epoch, kind === 'spare' ? 'spare' : 'segment')
    const fits = await hasSize(path, segmentBytes)
    if (kind === 'segment' && epoch > lastUsed && fits && prepared === undefined) prepared = { epoch, path }
    else if (!fits || spares.length >= SPARES_MAX) await unlink(path)
    else spares.push(kind === 'spare' ? path : await asSpare(directory, epoch))
  }
  return { prepared, spares }
}

async function asSpare(directory: string, epoch: number): Promise<string> {
  const path = segmentPath(directory, epoch, 'spare')
  await rename(segmentPath(directory, epoch, 'segment'), path)
  return path
}
