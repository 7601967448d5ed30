/**
 * The frame: one accepted request on its way through the log, and the message on a replicated log. It holds the request's
 * raw bytes once and, behind them, a row per record, so that readers select by type and person without parsing.
 *
 * Layout, little endian, everything aligned to 8 bytes:
 *
 *   0 u32 magic · 4 u32 frameBytes (whole frame, padded) · 8 u32 crc32 of bytes 12.. · 12 u32 epoch of the segment (0 in a message)
 *   16 f64 baseOffset (offset of the first record) · 24 f64 receivedAt, ms · 32 u32 count · 36 u32 source number
 *   40 u32 bodyBytes · 44 u32 typesStart · 48 u32 rowsStart · 52 u32 version · 56 u64 reserved
 *   64 body · types: u16 count, then u16 length + UTF-8 each · rows: count × ROW_BYTES
 *
 * Row: u32 start, u32 end (in the frame), 4 × u32 identity, u32 person, u16 type (index in this frame's types), u8 flags, u8 fault.
 */

import { crc32 } from 'node:zlib'
import { ITEM_FAULTS } from '../core/kernel/kernel.ts'

export const FRAME_MAGIC = 0x46575448 // "HTWF"
export const FRAME_VERSION = 1
export const HEADER_BYTES = 64
export const ROW_BYTES = 32
export const ROW_WORDS = 8
export const FRAME_ALIGN = 8

/** Where the body starts: a door may read the request straight to this place of the frame's buffer. */
export const BODY_START = HEADER_BYTES

export const ROW_HAS_ID = 1
export const ROW_HAS_EXTERNAL_ID = 2
export const ROW_HAS_BRAZE_ID = 4
export const ROW_ODD = 8
/** The bytes are kept but are not an event; `fault` says why. */
export const ROW_QUARANTINED = 16
/** What the record said was taken away: blanks stand in its place. Its type, its id and its other flags are those that it had. */
export const ROW_ERASED = 32
/** It was blanked on its way in, because somebody who was erased stays out; ROW_ERASED is set, too. */
export const ROW_SUPPRESSED = 64

/**
 * Why a row is quarantined; its fault is the index. The first are those of a scan, the others what the rules of a sender's protocol say
 * against a whole object (Segment's own discard codes where it has one). On disk: append only.
 */
export const ROW_FAULTS = [
  ...ITEM_FAULTS,
  'unknown_type', // not one of the kinds of call that the protocol knows
  'no_user_anon_id', // nobody is named
  'event_not_defined',
  'event_not_string',
  'properties_not_object',
  'traits_not_object',
  'name_not_string',
  'category_not_string',
  'id_required', // a group without groupId, an alias without previousId
  'id_not_string',
  'message_oversized',
  'batch_too_long',
  'row_broken', // a row of a file that cannot be read as one
  'row_oversized',
] as const
export type RowFault = (typeof ROW_FAULTS)[number]

/**
 * Read access to one frame. Cheap to make: it parses nothing but the type table. Positions are relative to the frame's first byte.
 * The bytes belong to the log and may be reused after the current turn of the event loop: copy what must live longer.
 */
export class FrameView {
  readonly bytes: Buffer
  readonly #view: DataView
  #types: readonly string[] | undefined
  #rows: Uint32Array | undefined

  /** `types`: the names of the frame's table, where they are known already. */
  constructor(bytes: Buffer, types?: readonly string[]) {
    this.bytes = bytes
    this.#types = types
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get frameBytes(): number {
    return this.#view.getUint32(4, true)
  }
  get epoch(): number {
    return this.#view.getUint32(12, true)
  }
  get baseOffset(): number {
    return this.#view.getFloat64(16, true)
  }
  get receivedAt(): number {
    return this.#view.getFloat64(24, true)
  }
  get count(): number {
    return this.#view.getUint32(32, true)
  }
  get source(): number {
    return this.#view.getUint32(36, true)
  }
  get bodyBytes(): number {
    return this.#view.getUint32(40, true)
  }
  get rowsStart(): number {
    return this.#view.getUint32(48, true)
  }

  /** The type names of this frame, in its own numbering. */
  get types(): readonly string[] {
    this.#types ??= this.#readTypes()
    return this.#types
  }

  /** The rows as words, ROW_WORDS each: start, end, id × 4, person, type | flags << 16 | fault << 24. For loops that must be fast. */
  get rows(): Uint32Array {
    this.#rows ??= new Uint32Array(
      this.bytes.buffer,
      this.bytes.byteOffset + this.rowsStart,
      this.count * ROW_WORDS,
    )
    return this.#rows
  }

  #readTypes(): string[] {
    const view = this.#view
    let at = view.getUint32(44, true)
    const names = new Array<string>(view.getUint16(at, true))
    at += 2
    for (let i = 0; i < names.length; i++) {
      const length = view.getUint16(at, true)
      names[i] = this.bytes.toString('utf8', at + 2, at + 2 + length)
      at += 2 + length
    }
    return names
  }

  rowStart(i: number): number {
    return this.#view.getUint32(this.rowsStart + i * ROW_BYTES, true)
  }
  rowEnd(i: number): number {
    return this.#view.getUint32(this.rowsStart + i * ROW_BYTES + 4, true)
  }
  rowId(i: number, word: 0 | 1 | 2 | 3): number {
    return this.#view.getUint32(this.rowsStart + i * ROW_BYTES + 8 + word * 4, true)
  }
  rowPerson(i: number): number {
    return this.#view.getUint32(this.rowsStart + i * ROW_BYTES + 24, true)
  }
  rowType(i: number): number {
    return this.#view.getUint16(this.rowsStart + i * ROW_BYTES + 28, true)
  }
  rowFlags(i: number): number {
    return this.#view.getUint8(this.rowsStart + i * ROW_BYTES + 30)
  }
  rowFault(i: number): number {
    return this.#view.getUint8(this.rowsStart + i * ROW_BYTES + 31)
  }
}

export interface FrameParts {
  readonly source: number
  readonly receivedAt: number
  readonly bodyBytes: number
  /** Names used by the rows; their index is the row's type. At most 65,535; longer names than 65,535 bytes are cut. */
  readonly types: readonly string[]
  readonly count: number
}

/** Room that types and rows need behind a body: the buffer given to `sealFrame` must hold at least this much. */
export function frameBytesFor(bodyBytes: number, types: readonly string[], count: number): number {
  let at = align(BODY_START + bodyBytes)
  at += 2
  for (const name of types) at += 2 + Buffer.byteLength(name)
  return align(align(at) + count * ROW_BYTES)
}

/**
 * Completes a frame in `buffer`, where the body already lies at BODY_START: writes types, rows and header. The log stamps
 * epoch, baseOffset and crc with `stampFrame` when it places the frame. `writeRow` is called once per record.
 * Returns the frame's length.
 */
export function sealFrame(
  buffer: Buffer,
  parts: FrameParts,
  writeRow: (i: number, rows: RowWriter) => void,
): number {
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength)
  let at = align(BODY_START + parts.bodyBytes)
  zero(buffer, BODY_START + parts.bodyBytes, at)
  const typesStart = at
  view.setUint16(at, parts.types.length, true)
  at += 2
  for (const name of parts.types) {
    const length = buffer.write(name, at + 2)
    view.setUint16(at, length, true)
    at += 2 + length
  }
  const rowsStart = align(at)
  zero(buffer, at, rowsStart)
  const rows = new RowWriter(view, rowsStart)
  for (let i = 0; i < parts.count; i++) writeRow(i, rows)
  const frameBytes = align(rowsStart + parts.count * ROW_BYTES)
  view.setUint32(0, FRAME_MAGIC, true)
  view.setUint32(4, frameBytes, true)
  view.setUint32(12, 0, true)
  view.setFloat64(16, 0, true)
  view.setFloat64(24, parts.receivedAt, true)
  view.setUint32(32, parts.count, true)
  view.setUint32(36, parts.source, true)
  view.setUint32(40, parts.bodyBytes, true)
  view.setUint32(44, typesStart, true)
  view.setUint32(48, rowsStart, true)
  view.setUint32(52, FRAME_VERSION, true)
  view.setFloat64(56, 0, true)
  return frameBytes
}

export class RowWriter {
  readonly #view: DataView
  readonly #start: number

  constructor(view: DataView, start: number) {
    this.#view = view
    this.#start = start
  }

  /** `start` and `end` are positions in the frame. */
  write(
    i: number,
    start: number,
    end: number,
    id0: number,
    id1: number,
    id2: number,
    id3: number,
    person: number,
    type: number,
    flags: number,
    fault: number,
  ): void {
    const at = this.#start + i * ROW_BYTES
    const view = this.#view
    view.setUint32(at, start, true)
    view.setUint32(at + 4, end, true)
    view.setUint32(at + 8, id0, true)
    view.setUint32(at + 12, id1, true)
    view.setUint32(at + 16, id2, true)
    view.setUint32(at + 20, id3, true)
    view.setUint32(at + 24, person, true)
    view.setUint16(at + 28, type, true)
    view.setUint8(at + 30, flags)
    view.setUint8(at + 31, fault)
  }
}

const TOMBSTONES = [Buffer.from('{"erased":true}'), Buffer.from('{}')]
const SPACE = 0x20

/**
 * Blanks record i of a frame in place: everything keeps its length and its position. The checksum does not hold until the frame is stamped
 * again. `flags` are set beside those of the row: ROW_ERASED, and perhaps ROW_SUPPRESSED.
 */
export function blankRow({ bytes, rowsStart }: FrameView, i: number, flags: number): void {
  const row = rowsStart + i * ROW_BYTES
  const start = bytes.readUInt32LE(row)
  const end = bytes.readUInt32LE(row + 4)
  bytes.fill(SPACE, start, end)
  TOMBSTONES.find(({ length }) => length <= end - start)?.copy(bytes, start)
  bytes.writeUInt32LE(0, row + 24)
  bytes.writeUInt8(bytes.readUInt8(row + 30) | flags, row + 30)
}

/** Why a row has nothing to say any more; undefined when it has. `flags` are the ROW_ bits. */
export function absenceOf(flags: number): 'erased' | 'suppressed' | undefined {
  if ((flags & ROW_ERASED) === 0) return undefined
  return (flags & ROW_SUPPRESSED) === 0 ? 'erased' : 'suppressed'
}

/** Gives the frame its place: segment epoch, offset of its first record, checksum. */
export function stampFrame(frame: Buffer, epoch: number, baseOffset: number): void {
  frame.writeUInt32LE(epoch, 12)
  frame.writeDoubleLE(baseOffset, 16)
  frame.writeUInt32LE(crc32(frame.subarray(12)), 8)
}

/** Throws TypeError unless the buffer begins with a sealed frame of so many bytes and at least one record. */
export function mustBeSealed(buffer: Buffer, frameBytes: number): void {
  const sealed = buffer.readUInt32LE(0) === FRAME_MAGIC && buffer.readUInt32LE(4) === frameBytes
  if (!sealed || frameBytes < HEADER_BYTES || buffer.readUInt32LE(32) === 0) {
    throw new TypeError('append of something that is not a sealed frame with at least one record')
  }
}

/** Whether `bytes` begin with a whole frame of this epoch whose checksum holds. */
export function frameHolds(bytes: Buffer, epoch: number): boolean {
  if (
    bytes.length < HEADER_BYTES ||
    bytes.readUInt32LE(0) !== FRAME_MAGIC ||
    bytes.readUInt32LE(12) !== epoch
  )
    return false
  const frameBytes = bytes.readUInt32LE(4)
  if (frameBytes < HEADER_BYTES || frameBytes % FRAME_ALIGN !== 0 || frameBytes > bytes.length) return false
  return crc32(bytes.subarray(12, frameBytes)) === bytes.readUInt32LE(8)
}

/** A few bytes: a call of the buffer's own method costs more. */
function zero(buffer: Buffer, from: number, to: number): void {
  for (let at = from; at < to; at++) buffer[at] = 0
}

function align(position: number): number {
  return (position + FRAME_ALIGN - 1) & ~(FRAME_ALIGN - 1)
}
