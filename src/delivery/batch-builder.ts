/** Gathers the bytes of one batch. Events that lie next to each other in a frame are copied together, commas and all. */

import type { EventBatch, Limits } from '../core/batch.ts'
import { type Parcel, parcelOf } from './parcel.ts'

const COMMA = 0x2c
const FIRST_BYTES = 131_072

/** Buffers of finished batches, used again. One pool per connection; holds at most KEPT_MAX. */
export class BufferPool {
  readonly #free: Buffer[] = []

  take(bytes: number): Buffer {
    const at = this.#free.findIndex((buffer) => buffer.length >= bytes)
    const found = at === -1 ? undefined : this.#free.splice(at, 1)[0]
    return found ?? Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, bytes))
  }

  /** Only for buffers that nobody sends from any more. */
  give(buffer: Buffer): void {
    if (this.#free.length < KEPT_MAX) this.#free.push(buffer)
  }
}

const KEPT_MAX = 32

export class BatchBuilder {
  readonly #limits: Limits
  readonly #pool: BufferPool
  #buffer: Buffer | undefined
  #length = 0
  readonly #starts: Uint32Array
  readonly #ends: Uint32Array
  readonly #types: string[] = []
  readonly #flags: Uint8Array
  readonly #offsets: Float64Array
  readonly #minutes: Uint32Array
  count = 0
  // The run of neighbouring events noted but not copied yet.
  #runSource: Buffer | undefined
  #runStart = 0
  #runEnd = 0

  constructor(limits: Limits, pool: BufferPool) {
    this.#limits = limits
    this.#pool = pool
    const records = limits.recordsMax
    this.#starts = new Uint32Array(records)
    this.#ends = new Uint32Array(records)
    this.#flags = new Uint8Array(records)
    this.#offsets = new Float64Array(records)
    this.#minutes = new Uint32Array(records)
  }

  get full(): boolean {
    return this.count >= this.#limits.recordsMax || this.#length >= this.#limits.bytesMax
  }

  /** Takes source[start .. end) unless the batch has no room; the first record always fits. Call `flush` before `source` changes. */
  addFrom(
    source: Buffer,
    start: number,
    end: number,
    type: string,
    flags: number,
    offset: number,
    minute: number,
  ): boolean {
    const bytes = end - start
    if (!this.#fits(bytes)) return false
    if (this.#runSource === source && start === this.#runEnd + 1 && source[this.#runEnd] === COMMA) {
      this.#runEnd = end
    } else {
      this.flush()
      this.#runSource = source
      this.#runStart = start
      this.#runEnd = end
    }
    this.#note(bytes, type, flags, offset, minute)
    return true
  }

  /** Takes bytes that are the caller's own. */
  add(event: Uint8Array, type: string, flags: number, offset: number, minute: number): boolean {
    if (!this.#fits(event.length)) return false
    this.flush()
    const at = this.count === 0 ? 0 : this.#length + 1
    this.#note(event.length, type, flags, offset, minute)
    const buffer = this.#room(this.#length)
    if (at > 0) buffer[at - 1] = COMMA
    buffer.set(event, at)
    return true
  }

  /** Copies the noted run. */
  flush(): void {
    const source = this.#runSource
    if (source === undefined) return
    const bytes = this.#runEnd - this.#runStart
    const at = this.#length - bytes
    const buffer = this.#room(this.#length)
    if (at > 0) buffer[at - 1] = COMMA
    source.copy(buffer, at, this.#runStart, this.#runEnd)
    this.#runSource = undefined
  }

  finish(connection: string): Parcel {
    this.flush()
    const count = this.count
    const offsets = this.#offsets.subarray(0, count)
    const batch: EventBatch = {
      // Content decides the id, so that the same records are the same batch also after a restart.
      id: `${connection}-${offsets[0]}-${offsets[count - 1]}-${count}`,
      connection,
      count,
      joined: this.#room(this.#length).subarray(0, this.#length),
      starts: this.#starts.subarray(0, count),
      ends: this.#ends.subarray(0, count),
      types: this.#types,
      flags: this.#flags.subarray(0, count),
    }
    return parcelOf(batch, offsets, this.#minutes.subarray(0, count))
  }

  discard(): void {
    if (this.#buffer !== undefined) this.#pool.give(this.#buffer)
    this.#buffer = undefined
  }

  #fits(bytes: number): boolean {
    if (this.count === 0) return true
    return this.count < this.#limits.recordsMax && this.#length + 1 + bytes <= this.#limits.bytesMax
  }

  #note(bytes: number, type: string, flags: number, offset: number, minute: number): void {
    const i = this.count++
    const start = i === 0 ? 0 : this.#length + 1
    this.#starts[i] = start
    this.#ends[i] = start + bytes
    this.#length = start + bytes
    this.#types.push(type)
    this.#flags[i] = flags
    this.#offsets[i] = offset
    this.#minutes[i] = minute
  }

  /** The buffer, grown to hold `bytes`. */
  #room(bytes: number): Buffer {
    if (this.#buffer !== undefined && this.#buffer.length >= bytes) return this.#buffer
    const grown = this.#pool.take(Math.max(bytes, (this.#buffer?.length ?? 0) * 2))
    if (this.#buffer !== undefined) {
      this.#buffer.copy(grown)
      this.#pool.give(this.#buffer)
    }
    this.#buffer = grown
    return grown
  }
}

/** Gives the buffer under a finished batch back. */
export function recycle(pool: BufferPool, batch: EventBatch): void {
  const { buffer } = batch.joined
  if (buffer instanceof ArrayBuffer) pool.give(Buffer.from(buffer))
}
