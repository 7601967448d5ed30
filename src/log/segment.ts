/**
 * One segment file: its name, its header, and what the log knows of it in memory. The name carries the epoch, so a file whose
 * header was damaged still has its place in the order and its frames can be told from the stale bytes of a recycled file.
 *
 * Files of a log directory: `<epoch>.segment` (in use, or prepared for use), `<epoch>.ids` (side index of a sealed segment),
 * `<epoch>.spare` (freed by retention, to be recycled), `preparing.tmp`, `lock`.
 */

import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { SparseIndex } from './sparse-index.ts'

/** Frames start here; the header has a page of its own, so that writing the first frames never rewrites it half. */
export const SEGMENT_HEADER_BYTES = 4096
/** Smallest and largest segment: positions are kept in 32 bits. */
export const SEGMENT_BYTES_MIN = 65_536
export const SEGMENT_BYTES_MAX = 2 ** 31

const MAGIC = 0x53574854 // "THWS"
const VERSION = 1
const HEADER_USED_BYTES = 64

export interface SegmentHeader {
  /** Increases for ever over all segments of a directory; every frame repeats it. */
  readonly epoch: number
  /** Offset of the first record. */
  readonly base: number
  readonly createdAt: number
  /** What the log knew of the segment before this one when it was left; epoch 0: there was none. Saves scanning it on start. */
  readonly previous: {
    readonly epoch: number
    readonly end: number
    readonly dataEnd: number
    readonly receivedAtMax: number
  }
}

export const NO_PREVIOUS = { epoch: 0, end: 0, dataEnd: 0, receivedAtMax: 0 } as const

/** A full page: u32 magic, version, crc32 of bytes 12..64, epoch · f64 base, created · u32 previous epoch, data end · f64 end, receivedAtMax. */
export function encodeSegmentHeader(header: SegmentHeader): Buffer {
  const page = Buffer.alloc(SEGMENT_HEADER_BYTES)
  page.writeUInt32LE(MAGIC, 0)
  page.writeUInt32LE(VERSION, 4)
  page.writeUInt32LE(header.epoch, 12)
  page.writeDoubleLE(header.base, 16)
  page.writeDoubleLE(header.createdAt, 24)
  page.writeUInt32LE(header.previous.epoch, 32)
  page.writeUInt32LE(header.previous.dataEnd, 36)
  page.writeDoubleLE(header.previous.end, 40)
  page.writeDoubleLE(header.previous.receivedAtMax, 48)
  page.writeUInt32LE(crc32(page.subarray(12, HEADER_USED_BYTES)), 8)
  return page
}

/** Undefined when the bytes are not a segment header of this version whose checksum holds. */
export function decodeSegmentHeader(page: Buffer): SegmentHeader | undefined {
  if (page.length < HEADER_USED_BYTES) return undefined
  if (page.readUInt32LE(0) !== MAGIC || page.readUInt32LE(4) !== VERSION) return undefined
  if (page.readUInt32LE(8) !== crc32(page.subarray(12, HEADER_USED_BYTES))) return undefined
  return {
    epoch: page.readUInt32LE(12),
    base: page.readDoubleLE(16),
    createdAt: page.readDoubleLE(24),
    previous: {
      epoch: page.readUInt32LE(32),
      dataEnd: page.readUInt32LE(36),
      end: page.readDoubleLE(40),
      receivedAtMax: page.readDoubleLE(48),
    },
  }
}

export type SegmentFileKind = 'segment' | 'ids' | 'spare'

export function segmentPath(directory: string, epoch: number, kind: SegmentFileKind): string {
  return join(directory, `${String(epoch).padStart(10, '0')}.${kind}`)
}

/** Undefined for a name that is not of this log. */
export function parseSegmentName(name: string): { epoch: number; kind: SegmentFileKind } | undefined {
  const match = /^(\d{10})\.(segment|ids|spare)$/.exec(name)
  if (match === null) return undefined
  return { epoch: Number(match[1]), kind: match[2] as SegmentFileKind }
}

/** What the log keeps in memory about a segment in use. */
export class Segment {
  readonly epoch: number
  readonly path: string
  /** Size of the file. */
  readonly bytes: number
  readonly base: number
  /** Offset after the last durable record. */
  end: number
  /** Position after the last durable frame. */
  dataEnd = SEGMENT_HEADER_BYTES
  /** Latest `receivedAt` of its durable frames; -Infinity while it has none. Not simply the last one's: arrival times are not in order. */
  receivedAtMax = Number.NEGATIVE_INFINITY
  /** Absent after a restart, until somebody reads in this segment. */
  index: SparseIndex | undefined
  /** Records per source, once it is sealed and somebody has asked. */
  tally: ReadonlyMap<number, number> | undefined
  #pins = 0
  #unpinned: (() => void)[] = []
  #readers = 0
  #replacing: Promise<void> | undefined
  #wakeReplacer: () => void = () => undefined
  #broken: unknown

  constructor(place: { epoch: number; path: string; bytes: number; base: number }) {
    this.epoch = place.epoch
    this.path = place.path
    this.bytes = place.bytes
    this.base = place.base
    this.end = place.base
  }

  /** Notes a frame that became durable. */
  grow(baseOffset: number, count: number, position: number, frameBytes: number, receivedAt: number): void {
    this.index ??= new SparseIndex()
    this.index.add(baseOffset, position)
    this.end = baseOffset + count
    this.dataEnd = position + frameBytes
    if (receivedAt > this.receivedAtMax) this.receivedAtMax = receivedAt
  }

  /** While pinned, the file is not recycled under somebody who reads it. */
  pin(): void {
    this.#pins++
  }

  unpin(): void {
    this.#pins--
    if (this.#pins > 0) return
    const waiting = this.#unpinned
    this.#unpinned = []
    for (const resolve of waiting) resolve()
  }

  /** Waits while its bytes are being replaced, then reads. Throws LOG_STOPPED when that failed half way: no frame may be called corrupt then. */
  async reading<T>(work: () => Promise<T>): Promise<T> {
    while (this.#replacing !== undefined) await this.#replacing
    if (this.#broken !== undefined) throw this.#broken
    this.#readers++
    try {
      return await work()
    } finally {
      this.#readers--
      if (this.#readers === 0) this.#wakeReplacer()
    }
  }

  /** Replaces bytes while nobody reads. One at a time. What it throws, every later reader is told. */
  async replacing(work: () => Promise<void>): Promise<void> {
    let done = (): void => undefined
    this.#replacing = new Promise((resolve) => {
      done = resolve
    })
    try {
      if (this.#readers > 0)
        await new Promise<void>((resolve) => {
          this.#wakeReplacer = resolve
        })
      await work()
    } catch (error) {
      this.#broken = error
      throw error
    } finally {
      this.#replacing = undefined
      done()
    }
  }

  unpinned(): Promise<void> {
    if (this.#pins === 0) return Promise.resolve()
    return new Promise((resolve) => this.#unpinned.push(resolve))
  }
}
