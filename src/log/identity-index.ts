/**
 * The side index of a segment (on a replicated log: of a stretch of messages): for every frame its place, time and source, and for every record its 128-bit identity, in order. In
 * memory for the segment being written; in a file `<epoch>.ids` for sealed ones, from which lookups and the dedupe table are
 * served without touching events. It can always be made again from the segment.
 *
 * File, little endian: u32 magic, version, crc32 of bytes 12.., epoch · u32 frames, records · f64 base, end, then the columns one
 * behind the other: f64 baseOffset, f64 receivedAt, u32 position, u32 count, u32 source per frame, 4 × u32 identity per record.
 */

import type { FileHandle } from 'node:fs/promises'
import { open, rename } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import { type FrameView, ROW_HAS_ID, ROW_QUARANTINED, ROW_WORDS } from './frame.ts'
import type { Identity } from './log.ts'
import { SparseIndex } from './sparse-index.ts'

const MAGIC = 0x49574854 // "THWI"
const VERSION = 1
const HEADER_BYTES = 40
const FRAME_COLUMNS_BYTES = 28
const IDENTITY_WORDS = 4
const FRAMES_AT_FIRST = 256
const RECORDS_AT_FIRST = 4096

/** A record without an id, or quarantined, has four zero words here. An id that really is all zeros is kept as this, so that it can be found. */
const NIL: Identity = [0x9e3779b9, 0x7f4a7c15, 0xf39cc060, 0x5cedc834]

/** What the index knows of one frame. `ids` is a view: four words per record, all zero where the record has no id. */
export interface FrameIdentities {
  readonly baseOffset: number
  readonly receivedAt: number
  readonly source: number
  readonly count: number
  readonly ids: Uint32Array
}

export class SegmentIdentities {
  frames = 0
  records = 0
  #baseOffsets: Float64Array<ArrayBuffer>
  #receivedAt: Float64Array<ArrayBuffer>
  #positions: Uint32Array<ArrayBuffer>
  #counts: Uint32Array<ArrayBuffer>
  #sources: Uint32Array<ArrayBuffer>
  #ids: Uint32Array<ArrayBuffer>

  constructor(framesRoom = FRAMES_AT_FIRST, recordsRoom = RECORDS_AT_FIRST) {
    this.#baseOffsets = new Float64Array(framesRoom)
    this.#receivedAt = new Float64Array(framesRoom)
    this.#positions = new Uint32Array(framesRoom)
    this.#counts = new Uint32Array(framesRoom)
    this.#sources = new Uint32Array(framesRoom)
    this.#ids = new Uint32Array(recordsRoom * IDENTITY_WORDS)
  }

  /** Frames are added in order. */
  add(frame: FrameView, position: number): void {
    const i = this.frames
    if (i === this.#counts.length) this.#growFrames()
    const count = frame.count
    this.#baseOffsets[i] = frame.baseOffset
    this.#receivedAt[i] = frame.receivedAt
    this.#positions[i] = position
    this.#counts[i] = count
    this.#sources[i] = frame.source
    while ((this.records + count) * IDENTITY_WORDS > this.#ids.length) this.#ids = doubled(this.#ids)
    copyIdentities(frame, this.#ids, this.records * IDENTITY_WORDS)
    this.frames = i + 1
    this.records += count
  }

  /** Adds the offsets of all records with this identity to `into`. */
  find(id: Identity, into: number[]): void {
    const [a, b, c, d] = isZero(id) ? NIL : id
    const ids = this.#ids
    const end = this.records * IDENTITY_WORDS
    for (let at = 0; at < end; at += IDENTITY_WORDS) {
      if (ids[at] !== a || ids[at + 1] !== b || ids[at + 2] !== c || ids[at + 3] !== d) continue
      into.push(this.#offsetOf(at / IDENTITY_WORDS))
    }
  }

  /** The frames that end behind `from`, in order. */
  *from(from: number): Generator<FrameIdentities> {
    let record = 0
    for (let i = 0; i < this.frames; i++) {
      const baseOffset = this.#baseOffsets[i] ?? 0
      const count = this.#counts[i] ?? 0
      const start = record * IDENTITY_WORDS
      record += count
      if (baseOffset + count <= from) continue
      const ids = this.#ids.subarray(start, record * IDENTITY_WORDS)
      yield { baseOffset, count, ids, receivedAt: this.#receivedAt[i] ?? 0, source: this.#sources[i] ?? 0 }
    }
  }

  /** The frame that was added last. */
  last(): FrameIdentities | undefined {
    const i = this.frames - 1
    if (i < 0) return undefined
    const count = this.#counts[i] ?? 0
    const ids = this.#ids.subarray((this.records - count) * IDENTITY_WORDS, this.records * IDENTITY_WORDS)
    return {
      baseOffset: this.#baseOffsets[i] ?? 0,
      count,
      ids,
      receivedAt: this.#receivedAt[i] ?? 0,
      source: this.#sources[i] ?? 0,
    }
  }

  /** Records per source among the offsets [from, to). */
  tally(from: number, to: number): Map<number, number> {
    const records = new Map<number, number>()
    for (let i = this.#frameAt(from); i < this.frames; i++) {
      const baseOffset = this.#baseOffsets[i] ?? 0
      if (baseOffset >= to) break
      const inside = Math.min(to, baseOffset + (this.#counts[i] ?? 0)) - Math.max(from, baseOffset)
      const source = this.#sources[i] ?? 0
      if (inside > 0) records.set(source, (records.get(source) ?? 0) + inside)
    }
    return records
  }

  /** Offset of the first record from `tail` on that was received at or after `timeMs`; undefined when there is none. */
  receivedFrom(timeMs: number, tail: number): number | undefined {
    for (let i = 0; i < this.frames; i++) {
      const base = this.#baseOffsets[i] ?? 0
      if ((this.#receivedAt[i] ?? 0) >= timeMs && base + (this.#counts[i] ?? 0) > tail)
        return Math.max(base, tail)
    }
    return undefined
  }

  /** Position, first offset and end of every frame, in order. */
  *places(): Generator<{ readonly position: number; readonly base: number; readonly end: number }> {
    for (let i = 0; i < this.frames; i++) {
      const base = this.#baseOffsets[i] ?? 0
      yield { position: this.#positions[i] ?? 0, base, end: base + (this.#counts[i] ?? 0) }
    }
  }

  sparse(): SparseIndex {
    const index = new SparseIndex()
    for (let i = 0; i < this.frames; i++) {
      index.add(this.#baseOffsets[i] ?? 0, this.#positions[i] ?? 0)
    }
    return index
  }

  encode(epoch: number, base: number, end: number): Buffer {
    const bytes = Buffer.allocUnsafeSlow(fileBytes(this.frames, this.records))
    bytes.writeUInt32LE(MAGIC, 0)
    bytes.writeUInt32LE(VERSION, 4)
    bytes.writeUInt32LE(epoch, 12)
    bytes.writeUInt32LE(this.frames, 16)
    bytes.writeUInt32LE(this.records, 20)
    bytes.writeDoubleLE(base, 24)
    bytes.writeDoubleLE(end, 32)
    let at = HEADER_BYTES
    for (const column of this.#columns()) {
      bytes.set(new Uint8Array(column.buffer, column.byteOffset, column.byteLength), at)
      at += column.byteLength
    }
    bytes.writeUInt32LE(crc32(bytes.subarray(12)), 8)
    return bytes
  }

  /** Undefined unless `bytes` (8-aligned in its ArrayBuffer) are the whole index of this segment. */
  static decode(bytes: Buffer<ArrayBuffer>, epoch: number): SegmentIdentities | undefined {
    if (bytes.length < HEADER_BYTES || bytes.readUInt32LE(0) !== MAGIC || bytes.readUInt32LE(4) !== VERSION)
      return undefined
    const frames = bytes.readUInt32LE(16)
    const records = bytes.readUInt32LE(20)
    if (bytes.readUInt32LE(12) !== epoch || bytes.length !== fileBytes(frames, records)) return undefined
    if (bytes.readUInt32LE(8) !== crc32(bytes.subarray(12))) return undefined
    const index = new SegmentIdentities(0, 0)
    index.frames = frames
    index.records = records
    let at = bytes.byteOffset + HEADER_BYTES
    const words = (count: number): Uint32Array<ArrayBuffer> => {
      const column = new Uint32Array(bytes.buffer, at, count)
      at += column.byteLength
      return column
    }
    index.#baseOffsets = new Float64Array(bytes.buffer, at, frames)
    index.#receivedAt = new Float64Array(bytes.buffer, at + frames * 8, frames)
    at += frames * 16
    index.#positions = words(frames)
    index.#counts = words(frames)
    index.#sources = words(frames)
    index.#ids = words(records * IDENTITY_WORDS)
    return index
  }

  #columns(): (Float64Array | Uint32Array)[] {
    const frames = this.frames
    const perFrame = [this.#baseOffsets, this.#receivedAt, this.#positions, this.#counts, this.#sources]
    return [
      ...perFrame.map((column) => column.subarray(0, frames)),
      this.#ids.subarray(0, this.records * IDENTITY_WORDS),
    ]
  }

  #growFrames(): void {
    this.#baseOffsets = doubled(this.#baseOffsets)
    this.#receivedAt = doubled(this.#receivedAt)
    this.#positions = doubled(this.#positions)
    this.#counts = doubled(this.#counts)
    this.#sources = doubled(this.#sources)
  }

  /** The last frame that begins at or before `offset`; the first when none does. */
  #frameAt(offset: number): number {
    let low = 0
    let high = this.frames
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#baseOffsets[middle] ?? 0) <= offset) low = middle + 1
      else high = middle
    }
    return Math.max(0, low - 1)
  }

  #offsetOf(record: number): number {
    let before = 0
    for (let i = 0; i < this.frames; i++) {
      const count = this.#counts[i] ?? 0
      if (record < before + count) return (this.#baseOffsets[i] ?? 0) + record - before
      before += count
    }
    throw new RangeError(`record ${record} of ${this.records}`)
  }
}

/** Writes the index whole or not at all: a crash leaves the old state. It is not synced: a bad one is made again from the segment. */
export async function writeIdentities(path: string, bytes: Buffer): Promise<void> {
  const file = await open(`${path}.tmp`, 'w')
  try {
    await file.writeFile(bytes)
  } finally {
    await file.close()
  }
  await rename(`${path}.tmp`, path)
}

/** Undefined when the file is missing or bad. Other errors of the disk are thrown. */
export async function readIdentities(path: string, epoch: number): Promise<SegmentIdentities | undefined> {
  const file = await openIfThere(path)
  if (file === undefined) return undefined
  try {
    const { size } = await file.stat()
    const bytes = Buffer.allocUnsafeSlow(size)
    let done = 0
    while (done < size) {
      const { bytesRead } = await file.read(bytes, done, size - done, done)
      if (bytesRead === 0) return undefined
      done += bytesRead
    }
    return SegmentIdentities.decode(bytes, epoch)
  } finally {
    await file.close()
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

/** The identities of a frame's rows, as the index keeps them. */
function copyIdentities(frame: FrameView, into: Uint32Array, at: number): void {
  const rows = frame.rows
  let to = at
  for (let row = 0; row < rows.length; row += ROW_WORDS) {
    // What was quarantined is not an event: dedupe did not mark it, so it must not be marked after a restart either.
    const hasId = (((rows[row + 7] ?? 0) >>> 16) & (ROW_HAS_ID | ROW_QUARANTINED)) === ROW_HAS_ID
    const a = rows[row + 2] ?? 0
    const b = rows[row + 3] ?? 0
    const c = rows[row + 4] ?? 0
    const d = rows[row + 5] ?? 0
    const nil = (a | b | c | d) === 0
    into[to] = hasId ? (nil ? NIL[0] : a) : 0
    into[to + 1] = hasId ? (nil ? NIL[1] : b) : 0
    into[to + 2] = hasId ? (nil ? NIL[2] : c) : 0
    into[to + 3] = hasId ? (nil ? NIL[3] : d) : 0
    to += IDENTITY_WORDS
  }
}

function isZero(id: Identity): boolean {
  return (id[0] | id[1] | id[2] | id[3]) === 0
}

function fileBytes(frames: number, records: number): number {
  return HEADER_BYTES + frames * FRAME_COLUMNS_BYTES + records * IDENTITY_WORDS * 4
}

function doubled<T extends Float64Array<ArrayBuffer> | Uint32Array<ArrayBuffer>>(column: T): T {
  const larger = new (column.constructor as new (length: number) => T)(Math.max(1, column.length * 2))
  larger.set(column)
  return larger
}
