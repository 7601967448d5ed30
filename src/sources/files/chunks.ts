/**
 * What a reader has read, on its way to the log: events as one JSON array, each with its row from the kernel's
 * scan and the hour it happened in; and notes, which stand for what could not be read and say where it is.
 */

import { ThalwegError } from '../../core/errors.ts'
import {
  ITEM_FAULT,
  ITEM_FAULTS,
  ITEM_FLAGS,
  ITEM_WORDS,
  type ItemFault,
  type Kernel,
  type Scan,
} from '../../core/kernel/kernel.ts'
import { JsonWriter } from './json-writer.ts'

/**
 * A place between two records of a file: `at` is a position of its (decompressed) bytes, in an Avro file that of a block; `record`
 * counts the records behind it, in that block.
 */
export interface Position {
  readonly at: number
  readonly record: number
}

export const FILE_START: Position = { at: 0, record: 0 }

export interface Chunk {
  /** `[event,…]`, `length` bytes of it. */
  readonly bytes: ArrayBuffer
  readonly length: number
  readonly count: number
  /** Records of this stretch that are not among the items: nothing in them is new. */
  readonly passed: number
  /** Rows of ITEM_WORDS, positions in `bytes`. A note has a fault. */
  readonly items: Uint32Array<ArrayBuffer>
  /** Hours since the epoch of each item's `time`; 0 where it has none. */
  readonly hours: Uint32Array<ArrayBuffer>
  readonly from: Position
  readonly to: Position
  /** Event types that the rows may use and earlier chunks of this reader did not. */
  readonly newTypes: readonly string[]
}

export interface Events {
  readonly count: number
  /** Joined by commas. */
  readonly bytes: Uint8Array
  /** Of each event; 0: it has no time. */
  readonly hours: Uint32Array
}

export interface Problem {
  readonly at: number
  readonly record: number
  readonly fault: ItemFault
  readonly message: string
  /** As much of the bytes as should be kept. */
  readonly bytes: Buffer
}

/** A chunk is sent on when it has as many bytes or items (fewer, where the receiver takes fewer). */
export const CHUNK_BYTES = 512 * 1024
export const CHUNK_ITEMS_MAX = 8192
/** Room for the last event over the bound; larger ones make the buffer grow. */
const ROOM_BYTES = CHUNK_BYTES + 256 * 1024
/** Of what could not be read: the beginning is kept in its note, the rest is still in the file. */
const NOTE_BYTES_MAX = 64 * 1024

const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const COMMA = 0x2c

export interface ChunksOptions {
  readonly kernel: Kernel
  /** Name of the file, for notes. */
  readonly file: string
  readonly from: Position
  /** Of the kernel's event types: how many the receiver knows. */
  readonly typesSent?: number
  readonly itemsMax?: number
  /** Waits until there is room for another chunk, and may give a buffer to use again. */
  readonly send: (chunk: Chunk) => Promise<ArrayBuffer | undefined>
}

export class Chunks {
  readonly kernel: Kernel
  readonly #file: string
  readonly #itemsMax: number
  readonly #send: ChunksOptions['send']
  json: JsonWriter
  #count = 0
  #passed = 0
  #from: Position
  #hours = new Uint32Array(CHUNK_ITEMS_MAX)
  #ats = new Float64Array(CHUNK_ITEMS_MAX)
  #records = new Float64Array(CHUNK_ITEMS_MAX)
  /** Items that are notes, with their faults. */
  #notes = new Map<number, ItemFault>()
  /** Of the kernel's event types: how many the receiver knows. */
  typesSent: number

  constructor({ kernel, file, from, typesSent = 0, itemsMax = CHUNK_ITEMS_MAX, send }: ChunksOptions) {
    this.kernel = kernel
    this.#file = file
    this.#from = from
    this.typesSent = typesSent
    this.#itemsMax = Math.min(itemsMax, CHUNK_ITEMS_MAX)
    this.#send = send
    this.json = new JsonWriter(Buffer.allocUnsafeSlow(ROOM_BYTES))
    this.json.byte(OPEN_BRACKET)
  }

  get full(): boolean {
    return this.json.at >= CHUNK_BYTES || this.#count >= this.#itemsMax || this.#passed >= CHUNK_ITEMS_MAX
  }

  /**
   * `write` adds one event to `json`, and gives its hour. When it throws, nothing was added. A caller adds no more once
   * the chunk is `full`, and flushes it.
   */
  event(at: number, record: number, write: (json: JsonWriter) => number): void {
    const before = this.json.at
    if (this.#count > 0) this.json.byte(COMMA)
    try {
      const hour = write(this.json)
      this.#place(at, record, hour)
    } catch (error) {
      this.json.at = before
      throw error
    }
  }

  /** Counts a record that is left out, since nothing in it is new. */
  pass(): void {
    this.#passed++
  }

  /** How much fits until the chunk is full: its last event may have bytes over the bound. */
  get room(): { readonly items: number; readonly bytes: number } {
    return { items: this.#itemsMax - this.#count, bytes: CHUNK_BYTES - this.json.at }
  }

  /** Adds events in a row, joined by commas, of one block. No more than there is room for. */
  events(at: number, firstRecord: number, { count, bytes, hours }: Events): void {
    if (count === 0) return
    if (this.#count > 0) this.json.byte(COMMA)
    this.json.raw(bytes)
    for (let i = 0; i < count; i++) this.#place(at, firstRecord + i, hours[i] ?? 0)
  }

  /** Adds a note in the place of what could not be read. */
  note({ at, record, fault, message, bytes }: Problem): void {
    const kept = bytes.subarray(0, NOTE_BYTES_MAX)
    const text = kept.toString('utf8')
    // Text stays readable; what is not UTF-8 would not come back as it was.
    const content = Buffer.from(text).equals(kept) ? { text } : { base64: kept.toString('base64') }
    const note = { file: this.#file, at, record, problem: fault, message, bytes: bytes.length, ...content }
    this.event(at, record, (json) => {
      json.raw(Buffer.from(JSON.stringify(note)))
      return 0
    })
    this.#notes.set(this.#count - 1, fault)
  }

  /** Where the last event or note came from; the start of the reading before the first. */
  get last(): Position {
    const i = this.#count - 1
    return i < 0 ? this.#from : { at: this.#ats[i] ?? 0, record: this.#records[i] ?? 0 }
  }

  /** Sends what there is; `to` is where reading goes on. */
  async flush(to: Position): Promise<void> {
    if (this.#count + this.#passed === 0) {
      this.#from = to
      return
    }
    this.json.byte(CLOSE_BRACKET)
    const items = this.#rows()
    const types = this.kernel.types.slice(this.typesSent)
    this.typesSent = this.kernel.types.length
    const chunk: Chunk = {
      bytes: this.json.bytes.buffer as ArrayBuffer,
      length: this.json.at,
      count: this.#count,
      passed: this.#passed,
      items,
      hours: this.#hours.slice(0, this.#count),
      from: this.#from,
      to,
      newTypes: types,
    }
    const buffer = await this.#send(chunk)
    this.#begin(buffer)
    this.#passed = 0
    this.#from = to
  }

  #begin(buffer: ArrayBuffer | undefined): void {
    this.json = new JsonWriter(
      buffer === undefined ? Buffer.allocUnsafeSlow(ROOM_BYTES) : Buffer.from(buffer),
    )
    this.json.byte(OPEN_BRACKET)
    this.#count = 0
    this.#notes.clear()
  }

  #place(at: number, record: number, hour: number): void {
    const i = this.#count++
    if (i >= this.#hours.length) throw new RangeError(`more than ${this.#hours.length} items in a chunk`)
    this.#hours[i] = hour
    this.#ats[i] = at
    this.#records[i] = record
  }

  #rows(): Uint32Array<ArrayBuffer> {
    let scan = this.#scan()
    if (this.#hasFaults(scan)) {
      this.#noteFaults(scan)
      scan = this.#scan()
    }
    const items = new Uint32Array(scan.items.subarray(0, this.#count * ITEM_WORDS))
    for (const [i, fault] of this.#notes) {
      items[i * ITEM_WORDS + ITEM_FAULT] = ITEM_FAULTS.indexOf(fault)
      items[i * ITEM_WORDS + ITEM_FLAGS] = 0
    }
    return items
  }

  #scan(): Scan {
    const scan = this.kernel.scan(this.json.bytes.subarray(0, this.json.at))
    if (scan.count === this.#count) return scan
    throw new ThalwegError('DEFECT', `a chunk of ${this.#count} items was scanned as ${scan.count}`)
  }

  #hasFaults({ items }: Scan): boolean {
    for (let i = 0; i < this.#count; i++) if (items[i * ITEM_WORDS + ITEM_FAULT] !== 0) return true
    return false
  }

  /** Writes the chunk anew, with notes for what the kernel does not take: text that is not UTF-8, too deep a nesting. */
  #noteFaults({ items }: Scan): void {
    const rows = new Uint32Array(items.subarray(0, this.#count * ITEM_WORDS))
    const { bytes } = this.json
    const hours = this.#hours.slice()
    const notes = new Map(this.#notes)
    const count = this.#count
    this.#begin(undefined)
    for (let i = 0; i < count; i++) {
      const at = this.#ats[i] as number
      const record = this.#records[i] as number
      const [start = 0, end = 0] = rows.subarray(i * ITEM_WORDS)
      const fault = ITEM_FAULTS[rows[i * ITEM_WORDS + ITEM_FAULT] ?? 0] ?? 'none'
      if (fault === 'none') {
        this.event(at, record, (json) => {
          json.copy(bytes, start, end)
          return hours[i] ?? 0
        })
        const noted = notes.get(i)
        if (noted !== undefined) this.#notes.set(i, noted)
      } else
        this.note({ at, record, fault, message: 'the record is no event', bytes: bytes.subarray(start, end) })
    }
    this.json.byte(CLOSE_BRACKET)
  }
}
