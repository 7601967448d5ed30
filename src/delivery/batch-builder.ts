/** Gathers one batch: bytes of events with a comma between them, and a column per thing known of a record. Neighbours in a frame are copied together, commas and all. */

import { type EventBatch, type Limits, ROOM_BYTES } from '../core/batch.ts'
import { type FrameView, ROW_WORDS } from '../log/frame.ts'
import { type Parcel, parcelOf } from './parcel.ts'

const COMMA = 0x2c
const FIRST_BYTES = 131_072

/**
 * What a batch is written to: its bytes, with room for an envelope around them, and per record where they lie and what is known of them. Grows;
 * used again for later batches.
 */
export class BatchStore {
  /** Events begin at ROOM_BYTES. */
  bytes: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES)
  readonly types: string[]
  readonly starts: Uint32Array
  readonly ends: Uint32Array
  readonly flags: Uint8Array
  readonly offsets: Float64Array
  readonly requests: Float64Array
  readonly sources: Uint32Array
  readonly receivedAt: Float64Array

  constructor(recordsMax: number) {
    this.types = new Array<string>(recordsMax).fill('')
    this.starts = new Uint32Array(recordsMax)
    this.ends = new Uint32Array(recordsMax)
    this.flags = new Uint8Array(recordsMax)
    this.offsets = new Float64Array(recordsMax)
    this.requests = new Float64Array(recordsMax)
    this.sources = new Uint32Array(recordsMax)
    this.receivedAt = new Float64Array(recordsMax)
  }

  /** Makes room for events of `bytes` in all. */
  grow(bytes: number): void {
    const needed = bytes + 2 * ROOM_BYTES
    if (this.bytes.length >= needed) return
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2))
    this.bytes.copy(grown)
    this.bytes = grown
  }
}

/** Stores of finished batches. One pool per connection; holds at most KEPT_MAX. */
export class StorePool {
  readonly #recordsMax: number
  readonly #free: BatchStore[] = []

  constructor(recordsMax: number) {
    this.#recordsMax = recordsMax
  }

  take(): BatchStore {
    return this.#free.pop() ?? new BatchStore(this.#recordsMax)
  }

  /** Only when nobody sends or reads from the store's batch any more. */
  give(store: BatchStore): void {
    if (this.#free.length < KEPT_MAX) this.#free.push(store)
  }
}

const KEPT_MAX = 32

/** What is known of a record besides its bytes; see EventBatch. */
export interface RecordOrigin {
  readonly type: string
  readonly flags: number
  readonly offset: number
  readonly request: number
  readonly source: number
  readonly receivedAt: number
}

export class BatchBuilder {
  readonly #limits: Limits
  readonly #pool: StorePool
  readonly #store: BatchStore
  #length = 0
  count = 0

  constructor(limits: Limits, pool: StorePool) {
    this.#limits = limits
    this.#pool = pool
    this.#store = pool.take()
  }

  get full(): boolean {
    return this.count >= this.#limits.recordsMax || this.#length >= this.#limits.bytesMax
  }

  /** Takes rows [from, to) of a frame, as far as there is room; returns the row that it stopped before. */
  addRows(frame: FrameView, from: number, to: number): number {
    const { rows, bytes } = frame
    const { starts, ends } = this.#store
    const { recordsMax, bytesMax } = this.#limits
    const first = this.count
    // The builder's own, in variables while this loop, of which each event is a turn, goes round.
    let count = first
    let length = this.#length
    // The stretch of neighbours that is noted and not copied yet.
    let stretchStart = 0
    let stretchEnd = 0
    let i = from
    for (; i < to; i++) {
      const start = rows[i * ROW_WORDS] ?? 0
      const end = rows[i * ROW_WORDS + 1] ?? 0
      const at = count === 0 ? 0 : length + 1
      if (count > 0 && (count >= recordsMax || at + end - start > bytesMax)) break
      if (stretchEnd === 0 || start !== stretchEnd + 1 || bytes[stretchEnd] !== COMMA) {
        this.#copy(bytes, stretchStart, stretchEnd, length)
        stretchStart = start
      }
      stretchEnd = end
      length = at + end - start
      starts[count] = at
      ends[count] = length
      count++
    }
    this.count = count
    this.#length = length
    this.#copy(bytes, stretchStart, stretchEnd, length)
    this.#describe(first, frame, from)
    return i
  }

  /** Takes one event, unless there is no room for it. */
  add(event: Uint8Array, { type, flags, offset, request, source, receivedAt }: RecordOrigin): boolean {
    if (this.count > 0 && (this.full || this.#length + 1 + event.length > this.#limits.bytesMax)) return false
    const store = this.#store
    const i = this.count
    store.types[i] = type
    store.flags[i] = flags
    store.offsets[i] = offset
    store.requests[i] = request
    store.sources[i] = source
    store.receivedAt[i] = receivedAt
    const start = i === 0 ? 0 : this.#length + 1
    store.starts[i] = start
    store.ends[i] = start + event.length
    this.#length = start + event.length
    this.count++
    this.#copy(event, 0, event.length, this.#length)
    return true
  }

  /** The builder is done with after this. Whoever is done with the parcel may give its store back to the pool. */
  finish(connection: string): Parcel {
    const { count } = this
    const store = this.#store
    const offsets = firstOf(store.offsets, count)
    const batch: EventBatch = {
      // Content decides the id, so that the same records are the same batch also after a restart.
      id: `${connection}-${offsets[0]}-${offsets[count - 1]}-${count}`,
      connection,
      count,
      joined: store.bytes.subarray(ROOM_BYTES, ROOM_BYTES + this.#length),
      room: store.bytes,
      starts: firstOf(store.starts, count),
      ends: firstOf(store.ends, count),
      types: count === store.types.length ? store.types : store.types.slice(0, count),
      flags: firstOf(store.flags, count),
      offsets,
      requests: firstOf(store.requests, count),
      sources: firstOf(store.sources, count),
      receivedAt: firstOf(store.receivedAt, count),
    }
    return parcelOf(batch, store)
  }

  discard(): void {
    this.#pool.give(this.#store)
  }

  /** Copies source[start .. end) to where the first `length` bytes end, and the comma before it. */
  #copy(source: Uint8Array, start: number, end: number, length: number): void {
    if (start === end) return
    this.#store.grow(length)
    const { bytes } = this.#store
    const at = ROOM_BYTES + length - (end - start)
    if (at > ROOM_BYTES) bytes[at - 1] = COMMA
    bytes.set(source.subarray(start, end), at)
  }

  /** Fills the columns of the records from `first` on: rows of a frame from `row` on, without holes. */
  #describe(first: number, frame: FrameView, row: number): void {
    const { count } = this
    const { types, flags, offsets, requests, sources, receivedAt } = this.#store
    const { rows, baseOffset, types: names } = frame
    for (let i = first; i < count; i++) {
      const about = rows[(row + i - first) * ROW_WORDS + 7] ?? 0
      types[i] = names[about & 0xffff] ?? ''
      flags[i] = (about >>> 16) & 0xff
      offsets[i] = baseOffset + row + i - first
    }
    requests.fill(baseOffset, first, count)
    sources.fill(frame.source, first, count)
    receivedAt.fill(frame.receivedAt, first, count)
  }
}

/** A full batch needs no view of its own on a column. */
function firstOf<Column extends Uint8Array | Uint32Array | Float64Array>(
  column: Column,
  count: number,
): Column {
  return column.length === count ? column : (column.subarray(0, count) as Column)
}
