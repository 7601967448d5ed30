/**
 * Rows on their way into the engine, laid out in memory as the engine lays out its own vectors, so that handing one over is a copy per column
 * and not a call per cell. The texts of a chunk lie in one heap: the events' bytes as they came, and what had to be written anew behind them;
 * a cell says where. See row-feed.ts for how places become the engine's pointers.
 *
 * A text is laid out as duckdb.h says of duckdb_string_t: u32 length, then twelve bytes that hold the whole of a short text; of a longer one the
 * first four bytes and where all of them are.
 */

/** Rows of a chunk: the length of the engine's vectors. */
export const CHUNK_ROWS_MAX = 2048
/** A chunk that is larger takes no further row. */
const CHUNK_BYTES_MAX = 8_388_608
const HEAP_BYTES_FIRST = 262_144
/** Larger heaps serve once. */
const KEPT_BYTES_MAX = 16_777_216
const TEXT_BYTES = 16
/** Texts up to here lie in the cell itself. */
export const SHORT_BYTES_MAX = 12
const WORD = 4_294_967_296

/** The cells of one column of a chunk: empty until they are set. */
export class CellVector {
  readonly buffer = new ArrayBuffer(CHUNK_ROWS_MAX * TEXT_BYTES)
  readonly words = new Uint32Array(this.buffer)
  readonly bytes = new Uint8Array(this.buffer)
  readonly doubles = new Float64Array(this.buffer)
  readonly longs = new BigInt64Array(this.buffer)
  /** A bit for each row that has a value. */
  readonly validity = new Uint32Array(CHUNK_ROWS_MAX / 32)

  clear(): void {
    this.words.fill(0)
    this.validity.fill(0)
  }

  has(row: number): boolean {
    return ((this.validity[row >>> 5] ?? 0) & (1 << (row & 31))) !== 0
  }

  unset(row: number): void {
    this.validity[row >>> 5] = (this.validity[row >>> 5] ?? 0) & ~(1 << (row & 31))
  }

  /** `at`: where the text lies in `heap`, the chunk's. */
  setText(row: number, heap: Uint8Array, at: number, length: number): void {
    const word = row * 4
    const { words } = this
    words[word] = length
    if (length > SHORT_BYTES_MAX) {
      words[word + 1] =
        (heap[at] ?? 0) |
        ((heap[at + 1] ?? 0) << 8) |
        ((heap[at + 2] ?? 0) << 16) |
        ((heap[at + 3] ?? 0) << 24)
      words[word + 2] = at
      words[word + 3] = 0
    } else {
      words[word + 1] = 0
      words[word + 2] = 0
      words[word + 3] = 0
      const byte = row * TEXT_BYTES + 4
      for (let i = 0; i < length; i++) this.bytes[byte + i] = heap[at + i] ?? 0
    }
    this.#fill(row)
  }

  /** Up to 2^53, not negative. */
  setWhole(row: number, value: number): void {
    this.words[row * 2] = value % WORD
    this.words[row * 2 + 1] = value / WORD
    this.#fill(row)
  }

  setLong(row: number, value: bigint): void {
    this.longs[row] = value
    this.#fill(row)
  }

  setDouble(row: number, value: number): void {
    this.doubles[row] = value
    this.#fill(row)
  }

  setBoolean(row: number, value: boolean): void {
    this.bytes[row] = value ? 1 : 0
    this.#fill(row)
  }

  #fill(row: number): void {
    this.validity[row >>> 5] = (this.validity[row >>> 5] ?? 0) | (1 << (row & 31))
  }
}

export class RowChunk {
  /** Rows that were begun. */
  rows = 0
  /** Their texts, from 0 to heapBytes. */
  heap: Buffer = Buffer.allocUnsafeSlow(HEAP_BYTES_FIRST)
  heapBytes = 0
  /** By column; undefined: no row has a value. */
  readonly vectors: (CellVector | undefined)[] = []
  readonly #spare: CellVector[] = []

  get isFull(): boolean {
    return this.rows === CHUNK_ROWS_MAX || this.heapBytes >= CHUNK_BYTES_MAX
  }

  /** Begins a row; gives the place of the event's bytes in the heap. */
  begin(event: Uint8Array): number {
    this.rows++
    return this.keep(event)
  }

  /** Empties the cells of the row that was begun last. */
  takeBack(): void {
    for (const vector of this.vectors) vector?.unset(this.rows - 1)
  }

  /** Copies bytes into the heap; gives their place. */
  keep(bytes: Uint8Array): number {
    const at = this.heapBytes
    this.#reserve(at + bytes.length)
    this.heap.set(bytes, at)
    this.heapBytes += bytes.length
    return at
  }

  vectorOf(column: number): CellVector {
    let vector = this.vectors[column]
    if (vector === undefined) {
      vector = this.#spare.pop() ?? new CellVector()
      vector.clear()
      this.vectors[column] = vector
    }
    return vector
  }

  /** To be filled anew. */
  clear(): void {
    this.rows = 0
    this.heapBytes = 0
    if (this.heap.length > KEPT_BYTES_MAX) this.heap = Buffer.allocUnsafeSlow(HEAP_BYTES_FIRST)
    for (const vector of this.vectors) if (vector !== undefined) this.#spare.push(vector)
    this.vectors.length = 0
  }

  #reserve(bytes: number): void {
    if (bytes <= this.heap.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(bytes, 2 * this.heap.length))
    this.heap.copy(larger, 0, 0, this.heapBytes)
    this.heap = larger
  }
}
