/**
 * Walks the frames of a segment file, checking every checksum. Where bytes do not check out it looks for the next whole
 * frame of the same epoch and tells the break before it. Everybody who reads segments from disk walks them with this:
 * readers, recovery, the rebuilding of side indexes.
 */

import {
  FRAME_ALIGN,
  FRAME_MAGIC,
  FRAME_VERSION,
  FrameView,
  frameHolds,
  HEADER_BYTES,
  ROW_BYTES,
} from './frame.ts'

/** The part of a file handle that reading needs. */
export interface ReadAt {
  read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }>
}

export interface Break {
  readonly from: number
  readonly to: number
  /** Position of the first byte that did not check out. */
  readonly position: number
}

export interface WalkPlace {
  readonly epoch: number
  /** Where to start: the position of a frame, and the offset it should have. */
  readonly position: number
  readonly offset: number
  /** Nothing at or after this position is looked at. */
  readonly limit: number
}

const MAGIC_BYTES = Buffer.alloc(4)
MAGIC_BYTES.writeUInt32LE(FRAME_MAGIC)
const SALVAGE_BYTES = 4096

export class FrameWalk {
  /** Of the last step that was 'frame'; valid until the next `fill`. */
  frame: FrameView | undefined
  framePosition = 0
  /** Records missing directly before that frame. */
  break: Break | undefined

  readonly #file: ReadAt
  readonly #epoch: number
  #limit: number
  #chunk: Buffer
  #chunkStart = 0
  #filled = 0
  #at: number
  #offset: number
  /** Bytes that the next fill must bring at least. */
  #want = HEADER_BYTES
  /** Where the walk lost the trail of frames; -1 while it is on it. */
  #lostAt = -1

  /** `chunk` is the buffer to read into; a frame larger than it gets a buffer of its own. */
  constructor(file: ReadAt, place: WalkPlace, chunk: Buffer) {
    this.#file = file
    this.#epoch = place.epoch
    this.#limit = place.limit
    this.#at = place.position
    this.#offset = place.offset
    this.#chunk = chunk
  }

  /** Offset after the last good frame. */
  get offset(): number {
    return this.#offset
  }

  /** Position after the last good frame. */
  get position(): number {
    return this.#lostAt >= 0 ? this.#lostAt : this.#at
  }

  /** 'frame': `frame` holds one. 'fill': call `fill` first. 'end': no whole frame lies between `position` and the limit. */
  step(): 'frame' | 'fill' | 'end' {
    for (;;) {
      if (this.#limit - this.#at < HEADER_BYTES) return 'end'
      const at = this.#at - this.#chunkStart
      if (at < 0 || this.#filled - at < HEADER_BYTES) {
        this.#want = HEADER_BYTES
        return 'fill'
      }
      const frameBytes = this.#plausibleBytes(at)
      if (frameBytes > this.#filled - at) {
        this.#want = frameBytes
        return 'fill'
      }
      if (frameBytes > 0) {
        const bytes = this.#chunk.subarray(at, at + frameBytes)
        if (frameHolds(bytes, this.#epoch)) {
          this.#take(new FrameView(bytes))
          return 'frame'
        }
      }
      if (this.#lostAt < 0) this.#lostAt = this.#at
      this.#skipToMagic(at)
    }
  }

  /** Reads on from the current place. Frames handed out before are gone afterwards. */
  async fill(): Promise<void> {
    const length = Math.max(this.#want, Math.min(this.#chunk.length, this.#limit - this.#at))
    if (length > this.#chunk.length) this.#chunk = Buffer.allocUnsafeSlow(length)
    this.#chunkStart = this.#at
    this.#filled = await readFully(this.#file, this.#chunk, length, this.#at)
    // A file cut short ends earlier than its header promised.
    if (this.#filled < length) this.#limit = Math.min(this.#limit, this.#at + this.#filled)
  }

  /** The length that a frame header at `at` claims, if all of the header makes sense; else 0. */
  #plausibleBytes(at: number): number {
    const chunk = this.#chunk
    if (chunk.readUInt32LE(at) !== FRAME_MAGIC || chunk.readUInt32LE(at + 12) !== this.#epoch) return 0
    const frameBytes = chunk.readUInt32LE(at + 4)
    const base = chunk.readDoubleLE(at + 16)
    const count = chunk.readUInt32LE(at + 32)
    const fits = frameBytes % FRAME_ALIGN === 0 && frameBytes <= this.#limit - this.#at
    const counts = count > 0 && HEADER_BYTES + count * ROW_BYTES <= frameBytes
    const follows = Number.isSafeInteger(base) && base >= this.#offset
    return fits && counts && follows && chunk.readUInt32LE(at + 52) === FRAME_VERSION ? frameBytes : 0
  }

  #take(frame: FrameView): void {
    const base = frame.baseOffset
    const position = this.#lostAt >= 0 ? this.#lostAt : this.#at
    this.break = base > this.#offset ? { from: this.#offset, to: base, position } : undefined
    this.frame = frame
    this.framePosition = this.#at
    this.#at += frame.frameBytes
    this.#offset = base + frame.count
    this.#lostAt = -1
  }

  /** Moves to the next aligned place in the chunk that looks like a frame, or behind what was read. */
  #skipToMagic(at: number): void {
    const seen = this.#chunk.subarray(0, this.#filled)
    let found = seen.indexOf(MAGIC_BYTES, at + FRAME_ALIGN)
    while (found >= 0 && (this.#chunkStart + found) % FRAME_ALIGN !== 0)
      found = seen.indexOf(MAGIC_BYTES, found + 1)
    if (found >= 0) this.#at = this.#chunkStart + found
    // The last bytes may hold the beginning of a magic word: go on at the first aligned place that was not compared whole.
    else
      this.#at = Math.max(
        this.#at + FRAME_ALIGN,
        alignUp(this.#chunkStart + this.#filled - MAGIC_BYTES.length + 1),
      )
  }
}

/** Reads until `length` bytes or the end of the file. Pages that the disk cannot give any more count as zeros: they fail their checksum. */
async function readFully(file: ReadAt, into: Buffer, length: number, position: number): Promise<number> {
  try {
    return await readUntil(file, into, 0, length, position)
  } catch (error) {
    if (!isMediumError(error)) throw error
  }
  for (let at = 0; at < length; at += SALVAGE_BYTES) {
    const piece = Math.min(SALVAGE_BYTES, length - at)
    try {
      const bytes = await readUntil(file, into, at, piece, position + at)
      if (bytes < piece) return at + bytes
    } catch (error) {
      if (!isMediumError(error)) throw error
      into.fill(0, at, at + piece)
    }
  }
  return length
}

async function readUntil(
  file: ReadAt,
  into: Buffer,
  start: number,
  length: number,
  position: number,
): Promise<number> {
  let done = 0
  while (done < length) {
    const { bytesRead } = await file.read(into, start + done, length - done, position + done)
    if (bytesRead === 0) break
    done += bytesRead
  }
  return done
}

function isMediumError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EIO'
}

function alignUp(position: number): number {
  return Math.ceil(position / FRAME_ALIGN) * FRAME_ALIGN
}
