/**
 * Runs of frames from segment files, for readers that are behind. Few reads at a time and a pooled chunk for each, so that many lagging
 * readers cost time, not memory.
 */

import { open } from 'node:fs/promises'
import type { FrameView } from './frame.ts'
import { type Break, FrameWalk } from './frame-walk.ts'
import type { Gap, LogRun } from './log.ts'
import { gapAt } from './recovery.ts'
import { SEGMENT_HEADER_BYTES, type Segment } from './segment.ts'
import { BLOCK_BYTES } from './sparse-index.ts'

const READS_MAX = 4
const CHUNK_BYTES = 2 * 1024 * 1024
/** Places where recent runs ended, so that the next run of the same reader starts there and not at the block's start. */
const RESUMES_MAX = 256

export class DiskReads {
  readonly #onGap: (gap: Gap) => void
  readonly #chunks: Buffer[] = []
  /** Readers waiting for a chunk: at most one entry per read under way. */
  readonly #waiting: ((chunk: Buffer) => void)[] = []
  readonly #resumes = new Map<number, { epoch: number; position: number }>()
  #made = 0

  constructor(onGap: (gap: Gap) => void) {
    this.#onGap = onGap
  }

  /**
   * The frames of one segment from the one that holds `from` (`segment.base` ≤ from < `segment.end`), at most about `bytesMax`, at least
   * one unless none is left. The segment's `index` must be there. Frames are valid until the turn ends in which the promise resolves.
   */
  async read(segment: Segment, from: number, bytesMax: number): Promise<LogRun> {
    const chunk = await this.#take()
    try {
      return await this.#run(
        segment,
        from,
        bytesMax,
        chunk.subarray(0, Math.min(chunk.length, bytesMax + BLOCK_BYTES)),
      )
    } finally {
      // Whoever awaits the run uses it in this turn.
      setImmediate(() => this.#give(chunk))
    }
  }

  async #run(segment: Segment, from: number, bytesMax: number, chunk: Buffer): Promise<LogRun> {
    // What becomes durable meanwhile is for the next run.
    const { end, dataEnd } = segment
    const file = await open(segment.path, 'r')
    try {
      const walk = new FrameWalk(
        file,
        { epoch: segment.epoch, limit: dataEnd, ...this.#start(segment, from) },
        chunk,
      )
      const gap = await this.#reach(walk, segment, from, end)
      if (walk.frame === undefined) return { frames: [], next: end, gaps: gap === undefined ? [] : [gap] }
      const { frames, position } = collect(walk, walk.frame, bytesMax)
      const last = frames.at(-1) ?? walk.frame
      const next = last.baseOffset + last.count
      this.#resumeAt(next, segment.epoch, position)
      return { frames, next, gaps: gap === undefined ? [] : [gap] }
    } finally {
      await file.close()
    }
  }

  /** Walks to the frame that holds `from`, or the first readable one behind it; what is missing from `from` to there. */
  async #reach(walk: FrameWalk, segment: Segment, from: number, end: number): Promise<Gap | undefined> {
    for (;;) {
      const step = walk.step()
      if (step === 'fill') {
        await walk.fill()
        continue
      }
      if (step === 'end') {
        walk.frame = undefined
        return walk.offset < end
          ? this.#lost(segment, from, { from: walk.offset, to: end, position: walk.position })
          : undefined
      }
      const gap = walk.break === undefined ? undefined : this.#lost(segment, from, walk.break)
      if (walk.offset > from) return gap
    }
  }

  /** Reports a break whole; returns the part of it that concerns a reader at `from`. */
  #lost(segment: Segment, from: number, lost: Break): Gap | undefined {
    const gap = gapAt(segment, lost)
    this.#onGap(gap)
    return gap.to > from ? { ...gap, from: Math.max(gap.from, from) } : undefined
  }

  #start(segment: Segment, from: number): { offset: number; position: number } {
    const resume = this.#resumes.get(from)
    if (resume?.epoch === segment.epoch) {
      this.#resumes.delete(from)
      return { offset: from, position: resume.position }
    }
    return segment.index?.before(from) ?? { offset: segment.base, position: SEGMENT_HEADER_BYTES }
  }

  #resumeAt(offset: number, epoch: number, position: number): void {
    this.#resumes.set(offset, { epoch, position })
    if (this.#resumes.size <= RESUMES_MAX) return
    for (const oldest of this.#resumes.keys()) {
      this.#resumes.delete(oldest)
      return
    }
  }

  #take(): Promise<Buffer> {
    const chunk = this.#chunks.pop()
    if (chunk !== undefined) return Promise.resolve(chunk)
    if (this.#made < READS_MAX) {
      this.#made++
      return Promise.resolve(Buffer.allocUnsafeSlow(CHUNK_BYTES))
    }
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #give(chunk: Buffer): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#chunks.push(chunk)
    else next(chunk)
  }
}

/** The walk's frame and those behind it that are already in the chunk; the position behind the last of them. */
function collect(
  walk: FrameWalk,
  first: FrameView,
  bytesMax: number,
): { frames: FrameView[]; position: number } {
  const frames = [first]
  let bytes = first.bytes.length
  let position = walk.framePosition + bytes
  while (
    bytes < bytesMax &&
    walk.step() === 'frame' &&
    walk.frame !== undefined &&
    walk.break === undefined
  ) {
    bytes += walk.frame.bytes.length
    if (bytes > bytesMax) break
    frames.push(walk.frame)
    position += walk.frame.bytes.length
  }
  return { frames, position }
}
