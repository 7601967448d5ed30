/**
 * Rows on their way into the engine, laid out in memory as the engine lays out its own vectors, so that handing one over is a copy per column
 * and not a call per cell. The texts of a chunk lie in its heap, where the events' bytes are as they came, or in its annex: what JavaScript wrote
 * anew, and events that the heap is too small for. A cell says where. See row-feed.ts for how places become the engine's pointers.
 *
 * A text is laid out as duckdb.h says of duckdb_string_t: u32 length, then twelve bytes that hold the whole of a short text; of a longer one the
 * first four bytes and where all of them are.
 */

import { CELL_BYTES, CHUNK_VECTORS, NO_TEXT, type RowMemory } from './row-memory.ts'

/** The length of the engine's vectors. */
export const CHUNK_ROWS_MAX = 2048
/** Enough for tables that get a few rows of each load: so there can be many of them. */
const FEW_ROWS = 128
const HEAP_BYTES = 4_194_304
const FEW_HEAP_BYTES = 262_144
/** An annex that is larger takes no further row; and it serves once. */
const ANNEX_BYTES_MAX = 8_388_608
const ANNEX_BYTES_FIRST = 4_096
/** Texts up to here lie in the cell itself. */
export const SHORT_BYTES_MAX = 12
/** Places from here on are in the annex. */
const ANNEX = 0x80000000

export class RowChunk {
  readonly memory: RowMemory
  /** In the memory. */
  readonly address: number
  readonly #rowsMax: number
  readonly #heapBytes: number
  /** Rows that were begun. */
  rows = 0
  #annex: Buffer = Buffer.alloc(0)
  #annexBytes = 0
  /** By number of the source: a cell with its name. */
  readonly #sourceCells = new Map<number, Uint32Array>()

  /** `few`: for FEW_ROWS rows at most. */
  constructor(memory: RowMemory, few: boolean) {
    this.memory = memory
    this.#rowsMax = few ? FEW_ROWS : CHUNK_ROWS_MAX
    this.#heapBytes = few ? FEW_HEAP_BYTES : HEAP_BYTES
    this.address = memory.exports.makeChunk(this.#rowsMax, this.#heapBytes) >>> 0
  }

  static isFew(rows: number): boolean {
    return rows <= FEW_ROWS
  }

  get isFew(): boolean {
    return this.#rowsMax === FEW_ROWS
  }

  /** Rows that it still takes. */
  get rowsLeft(): number {
    return this.#annexBytes >= ANNEX_BYTES_MAX ? 0 : this.#rowsMax - this.rows
  }

  /** Bytes that its heap still takes. */
  get bytesLeft(): number {
    return this.#heapBytes - this.#used
  }

  /** Where its heap lies in the memory. */
  get heapAt(): number {
    return this.memory.words[this.address / 4] ?? 0
  }

  get heap(): Buffer {
    return this.memory.bytes.subarray(this.heapAt, this.heapAt + this.#used)
  }

  get annex(): Buffer {
    return this.#annex.subarray(0, this.#annexBytes)
  }

  /** Copies bytes into the heap, which has room for them; gives their place. */
  keep(bytes: Uint8Array): number {
    const at = this.#used
    this.memory.bytes.set(bytes, this.heapAt + at)
    this.memory.words[this.address / 4 + 1] = at + bytes.length
    return at
  }

  /** Copies bytes into the annex; gives their place. */
  keepApart(bytes: Uint8Array): number {
    const at = this.#annexBytes
    const needed = at + bytes.length
    if (needed > this.#annex.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#annex.length, ANNEX_BYTES_FIRST))
      this.#annex.copy(larger, 0, 0, at)
      this.#annex = larger
    }
    this.#annex.set(bytes, at)
    this.#annexBytes = needed
    return ANNEX + at
  }

  /** Address of a column's vector in the memory; 0: no row has a value. */
  vectorAt(column: number): number {
    return this.memory.words[(this.address + CHUNK_VECTORS) / 4 + column] ?? 0
  }

  /** Address of the bits that say which rows have a value in a vector. */
  validityAt(vector: number): number {
    return vector + this.#rowsMax * CELL_BYTES
  }

  has(column: number, row: number): boolean {
    const vector = this.vectorAt(column)
    return (
      vector !== 0 &&
      ((this.memory.bytes[this.validityAt(vector) + (row >>> 3)] ?? 0) & (1 << (row & 7))) !== 0
    )
  }

  setText(column: number, row: number, text: Uint8Array): void {
    this.#setCell(column, row, this.#cellOf(text))
  }

  /** Of a text that lies in the heap or the annex. */
  setPlaced(column: number, row: number, place: number, length: number): void {
    this.#setCell(column, row, cellOf(this.bytesAt(place, length), place))
  }

  bytesAt(place: number, length: number): Buffer {
    const [bytes, at] =
      place < ANNEX ? [this.memory.bytes, this.heapAt + place] : [this.#annex, place - ANNEX]
    return bytes.subarray(at, at + length)
  }

  setLong(column: number, row: number, value: bigint): void {
    const vector = this.#fill(column, row)
    this.memory.longs[vector / 8 + row] = value
  }

  setDouble(column: number, row: number, value: number): void {
    const vector = this.#fill(column, row)
    this.memory.doubles[vector / 8 + row] = value
  }

  setBoolean(column: number, row: number, value: boolean): void {
    const vector = this.#fill(column, row)
    this.memory.bytes[vector + row] = value ? 1 : 0
  }

  /** The cell of a source's name, for rows of this chunk; its first word is NO_TEXT when there is none. */
  sourceCell(number: number, name: () => string | null): Uint32Array {
    let cell = this.#sourceCells.get(number)
    if (cell === undefined) {
      const text = name()
      cell = text === null ? NO_CELL : this.#cellOf(Buffer.from(text))
      this.#sourceCells.set(number, cell)
    }
    return cell
  }

  /** To be filled anew. */
  clear(): void {
    this.rows = 0
    this.#sourceCells.clear()
    this.memory.exports.clearChunk(this.address)
    this.#annexBytes = 0
    if (this.#annex.length > ANNEX_BYTES_MAX) this.#annex = Buffer.alloc(0)
  }

  get #used(): number {
    return this.memory.words[this.address / 4 + 1] ?? 0
  }

  #cellOf(text: Uint8Array): Uint32Array {
    return cellOf(text, text.length > SHORT_BYTES_MAX ? this.keepApart(text) : 0)
  }

  #setCell(column: number, row: number, cell: Uint32Array): void {
    const vector = this.#fill(column, row)
    this.memory.words.set(cell, (vector + row * CELL_BYTES) / 4)
  }

  /** The vector, made when missing; the row has a value there from now on. */
  #fill(column: number, row: number): number {
    const vector = this.memory.exports.vectorOf(this.address, column) >>> 0
    const at = this.validityAt(vector) + (row >>> 3)
    this.memory.bytes[at] = (this.memory.bytes[at] ?? 0) | (1 << (row & 7))
    return vector
  }
}

const NO_CELL = Uint32Array.of(NO_TEXT, 0, 0, 0)

/** `place`: of a text that is longer than a cell holds. */
function cellOf(text: Uint8Array, place: number): Uint32Array {
  const cell = new Uint32Array(CELL_BYTES / 4)
  const isShort = text.length <= SHORT_BYTES_MAX
  new Uint8Array(cell.buffer).set(isShort ? text : text.subarray(0, 4), 4)
  cell[0] = text.length
  if (!isShort) cell[2] = place
  return cell
}
