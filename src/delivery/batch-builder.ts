/** Gathers the bytes of one batch. Events that lie next to each other in a frame are copied together, commas and all. */

import type { EventBatch, Limits } from '../core/batch.ts'
import { type Parcel, parcelOf } from './parcel.ts'

const COMMA = 0x2c
const FIRST_BYTES = 131_072

/** What a batch is written to: its bytes and, per record, where they lie and what is known of them. Grows; used again for later batches. */
export class BatchStore {
  bytes: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES)
  readonly starts: Uint32Array
  readonly ends: Uint32Array
  readonly flags: Uint8Array
  readonly offsets: Float64Array
  readonly requests: Float64Array
  readonly sources: Uint32Array
  readonly receivedAt: Float64Array

  constructor(recordsMax: number) {
    this.starts = new Uint32Array(recordsMax)
    this.ends = new Uint32Array(recordsMax)
    this.flags = new Uint8Array(recordsMax)
    this.offsets = new Float64Array(recordsMax)
    this.requests = new Float64Array(recordsMax)
    this.sources = new Uint32Array(recordsMax)
    this.receivedAt = new Float64Array(recordsMax)
  }

  grow(bytes: number): void {
    if (this.bytes.length >= bytes) return
    const grown = Buffer.allocUnsafeSlow(Math.max(bytes, this.bytes.length * 2))
    this.bytes.copy(grown)
    this.bytes = grown
  }
}

/** Stores of finished batches. One pool per connection; holds at most KEPT_MAX. */
export class StorePool {
  readonly #recordsMax: number
  readonly #free: BatchStore[] = []
  readonly #lent = new WeakMap<EventBatch, BatchStore>()

  constructor(recordsMax: number) {
    this.#recordsMax = recordsMax
  }

  take(): BatchStore {
    return this.#free.pop() ?? new BatchStore(this.#recordsMax)
  }

  give(store: BatchStore): void {
    if (this.#free.length < KEPT_MAX) this.#free.push(store)
  }

  /** Notes which store lies under a batch. */
  lend(batch: EventBatch, store: BatchStore): void {
    this.#lent.set(batch, store)
  }

  /** Takes the store under a batch back. Only when nobody sends or reads from the batch any more. */
  recycle(batch: EventBatch): void {
    const store = this.#lent.get(batch)
    if (store !== undefined) this.give(store)
    this.#lent.delete(batch)
  }
}

const KEPT_MAX = 32

/** The request that a record came in: its frame of the log. The record is its row `place`. */
export interface Origin {
  readonly baseOffset: number
  readonly source: number
  readonly receivedAt: number
}

export class BatchBuilder {
  readonly #limits: Limits
  readonly #pool: StorePool
  readonly #store: BatchStore
  readonly #types: string[] = []
  #length = 0
  count = 0
  // The run of neighbouring events noted but not copied yet.
  #runSource: Buffer | undefined
  #runStart = 0
  #runEnd = 0

  constructor(limits: Limits, pool: StorePool) {
    this.#limits = limits
    this.#pool = pool
    this.#store = pool.take()
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
    origin: Origin,
    place: number,
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
    this.#note(bytes, type, flags, origin, place)
    return true
  }

  /** Takes bytes that are the caller's own. */
  add(event: Uint8Array, type: string, flags: number, origin: Origin, place: number): boolean {
    if (!this.#fits(event.length)) return false
    this.flush()
    const at = this.count === 0 ? 0 : this.#length + 1
    this.#note(event.length, type, flags, origin, place)
    this.#store.grow(this.#length)
    const { bytes } = this.#store
    if (at > 0) bytes[at - 1] = COMMA
    bytes.set(event, at)
    return true
  }

  /** Copies the noted run. */
  flush(): void {
    const source = this.#runSource
    if (source === undefined) return
    const bytes = this.#runEnd - this.#runStart
    const at = this.#length - bytes
    this.#store.grow(this.#length)
    if (at > 0) this.#store.bytes[at - 1] = COMMA
    source.copy(this.#store.bytes, at, this.#runStart, this.#runEnd)
    this.#runSource = undefined
  }

  /** The builder is done with after this. The pool takes the batch's store back by `recycle`. */
  finish(connection: string): Parcel {
    this.flush()
    const { count } = this
    const store = this.#store
    const offsets = store.offsets.subarray(0, count)
    const batch: EventBatch = {
      // Content decides the id, so that the same records are the same batch also after a restart.
      id: `${connection}-${offsets[0]}-${offsets[count - 1]}-${count}`,
      connection,
      count,
      joined: store.bytes.subarray(0, this.#length),
      starts: store.starts.subarray(0, count),
      ends: store.ends.subarray(0, count),
      types: this.#types,
      flags: store.flags.subarray(0, count),
      offsets,
      requests: store.requests.subarray(0, count),
      sources: store.sources.subarray(0, count),
      receivedAt: store.receivedAt.subarray(0, count),
    }
    this.#pool.lend(batch, store)
    return parcelOf(batch)
  }

  discard(): void {
    this.#pool.give(this.#store)
  }

  #fits(bytes: number): boolean {
    if (this.count === 0) return true
    return this.count < this.#limits.recordsMax && this.#length + 1 + bytes <= this.#limits.bytesMax
  }

  #note(bytes: number, type: string, flags: number, origin: Origin, place: number): void {
    const store = this.#store
    const i = this.count++
    const start = i === 0 ? 0 : this.#length + 1
    store.starts[i] = start
    store.ends[i] = start + bytes
    this.#length = start + bytes
    this.#types.push(type)
    store.flags[i] = flags
    store.offsets[i] = origin.baseOffset + place
    store.requests[i] = origin.baseOffset
    store.sources[i] = origin.source
    store.receivedAt[i] = origin.receivedAt
  }
}
