/**
 * The one writer of the log. Frames wait in a queue; all that wait are written together and synced once, then all of them
 * are answered, in order. A failed write or sync ends it: the kernel may have dropped the pages, so trying again could
 * call something durable that is not.
 */

import { constants, fdatasync, writev } from 'node:fs'
import type { FrameView } from './frame.ts'
import { encodeSegmentHeader, type Segment, type SegmentHeader } from './segment.ts'

/** A segment open for writing. */
export interface WritableSegment {
  readonly segment: Segment
  readonly fd: number
  /** Written in front of the first frame; undefined when the file has it already. */
  header: SegmentHeader | undefined
  /** Behind its frames there is nothing of an earlier life. */
  readonly isNew: boolean
}

export interface PlacedFrame {
  readonly target: WritableSegment
  readonly position: number
  readonly view: FrameView
  readonly slab: Buffer
  readonly baseOffset: number
  readonly count: number
  readonly resolve: (baseOffset: number) => void
  readonly reject: (error: Error) => void
}

/** Puts `buffers` to `position` of the file and calls back when they are on the disk. Replaced in fault tests only. */
export type DurableWrite = (
  fd: number,
  buffers: readonly Buffer[],
  position: number,
  done: (error: Error | null) => void,
) => void

/** Below the kernel's limit of 1,024 vectors, with room for header and padding. */
const GROUP_FRAMES_MAX = 512
/** Larger groups hardly write faster, and everybody in a group waits for all of it. */
const GROUP_BYTES_MAX = 8 * 1024 * 1024
const PAGE_BYTES = 4096
const ZEROS = Buffer.alloc(PAGE_BYTES)

export class Appender {
  readonly #write: DurableWrite
  readonly #commit: (group: readonly PlacedFrame[]) => void
  readonly #fail: (error: Error) => Error
  #queue: PlacedFrame[] = []
  #writing: readonly PlacedFrame[] = []
  #busy = false
  #waitingBytes = 0
  syncs = 0

  /** `commit` is told of each durable group; `fail` once of the error that ended it, and says what to reject the waiting frames with. */
  constructor(
    write: DurableWrite,
    commit: (group: readonly PlacedFrame[]) => void,
    fail: (error: Error) => Error,
  ) {
    this.#write = write
    this.#commit = commit
    this.#fail = fail
  }

  get waitingBytes(): number {
    return this.#waitingBytes
  }

  submit(frame: PlacedFrame): void {
    this.#queue.push(frame)
    this.#waitingBytes += frame.view.bytes.length
    if (this.#busy) return
    this.#busy = true
    // Not at once: requests that arrive in the same turn share the sync.
    setImmediate(() => this.#writeGroup())
  }

  #writeGroup(): void {
    const group = this.#takeGroup()
    const first = group[0]
    if (first === undefined) {
      this.#busy = false
      return
    }
    this.#writing = group
    const { target } = first
    const buffers = group.map((frame) => frame.view.bytes)
    let position = first.position
    if (target.header !== undefined) {
      buffers.unshift(encodeSegmentHeader(target.header))
      position = 0
    }
    const last = group[group.length - 1] ?? first
    const end = last.position + last.view.bytes.length
    // Up to the page's end, so that no page is written in part: for a recycled file that is not in the page cache the kernel would have
    // to read it first. The next group overwrites the zeros.
    const padding = Math.min((PAGE_BYTES - (end % PAGE_BYTES)) % PAGE_BYTES, target.segment.bytes - end)
    if (padding > 0) buffers.push(ZEROS.subarray(0, padding))
    this.#write(target.fd, buffers, position, (error) => this.#written(error))
  }

  #written(error: Error | null): void {
    const group = this.#writing
    this.#writing = []
    if (error !== null) {
      this.#end(error, group)
      return
    }
    this.syncs++
    const target = group[0]?.target
    if (target !== undefined) target.header = undefined
    for (const frame of group) this.#waitingBytes -= frame.view.bytes.length
    this.#commit(group)
    for (const frame of group) frame.resolve(frame.baseOffset)
    // The answers run before the next group leaves, and what they bring in goes with it.
    if (this.#queue.length === 0) this.#busy = false
    else setImmediate(() => this.#writeGroup())
  }

  #end(error: Error, group: readonly PlacedFrame[]): void {
    const waiting = [...group, ...this.#queue]
    this.#queue = []
    this.#waitingBytes = 0
    const reason = this.#fail(error)
    for (const frame of waiting) frame.reject(reason)
  }

  /** The oldest frames of one segment, within the bounds of a group. */
  #takeGroup(): PlacedFrame[] {
    const queue = this.#queue
    const target = queue[0]?.target
    let bytes = 0
    let n = 0
    while (n < queue.length && n < GROUP_FRAMES_MAX && queue[n]?.target === target) {
      bytes += queue[n]?.view.bytes.length ?? 0
      if (n > 0 && bytes > GROUP_BYTES_MAX) break
      n++
    }
    const group = queue.slice(0, n)
    this.#queue = queue.slice(n)
    return group
  }
}

/**
 * Whether a file opened with `WRITE_FLAGS` is synced by the write itself. Measured on ext4, Linux 6, groups of 91 KB frames, O_DSYNC
 * against writev + fdatasync: one trip to the thread pool instead of two makes a lone frame 10 % faster (0.24 ms against 0.27) and saves
 * 10-15 % CPU at 16 in flight; with 32 in flight they are equal. Elsewhere (macOS needs the full sync that libuv's fdatasync does)
 * two calls it is.
 */
const SYNCED_BY_WRITE = process.platform === 'linux'

export const WRITE_FLAGS = constants.O_RDWR | (SYNCED_BY_WRITE ? constants.O_DSYNC : 0)

export const durableWrite: DurableWrite = (fd, buffers, position, done) => {
  writeAll(fd, buffers, position, (error) => {
    if (error !== null || SYNCED_BY_WRITE) done(error)
    else fdatasync(fd, done)
  })
}

function writeAll(
  fd: number,
  buffers: readonly Buffer[],
  position: number,
  done: (error: Error | null) => void,
): void {
  writev(fd, buffers, position, (error, written) => {
    if (error !== null) {
      done(error)
      return
    }
    const rest = after(buffers, written)
    if (rest.length === 0) done(null)
    else if (written === 0) done(new Error('the disk took no bytes'))
    else writeAll(fd, rest, position + written, done)
  })
}

/** What is left of `buffers` behind their first `bytes` bytes. */
export function after(buffers: readonly Buffer[], bytes: number): readonly Buffer[] {
  let skip = bytes
  for (let i = 0; i < buffers.length; i++) {
    const buffer = buffers[i]
    if (buffer === undefined) break
    if (skip < buffer.length) return [buffer.subarray(skip), ...buffers.slice(i + 1)]
    skip -= buffer.length
  }
  return []
}
