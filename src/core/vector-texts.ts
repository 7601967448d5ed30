/**
 * Texts out of DuckDB's vectors, many at a time. A vector has sixteen bytes per text (duckdb.h, duckdb_string_t): u32 length, then the whole of a short
 * text, or of a longer one its first four bytes and where all of them are. What lies there only the library can bring, by a call that takes twenty
 * times as long as copying a hundred bytes. But the texts of a vector mostly lie one behind the other, or are few in many rows: a call brings a run.
 */

import type { DuckDBDataChunk } from '@duckdb/node-api'
import engine from '@duckdb/node-bindings'

type Vector = Parameters<typeof engine.vector_get_data>[0]

const CELL_BYTES = 16
const CELL_WORDS = 4
const SHORT_BYTES_MAX = 12
const WORD = 4_294_967_296
/** A text that is longer comes alone. */
const RUN_BYTES_MAX = 1_048_576
/**
 * Bytes between two texts of a run, which the engine may have left unused. Reading them is safe: a process has its memory in pages of 4,096 bytes or
 * more, so they lie in the page of the one text or of the other.
 */
const GAP_BYTES_MAX = 64

/** Which rows of a vector have a value. Valid, as all of a vector's bytes, while its chunk is. */
export function validityOf(vector: Vector, rows: number): (row: number) => boolean {
  // Null where all have one, against its declaration.
  const flags = engine.vector_get_validity(vector, Math.ceil(rows / 64) * 8) as Uint8Array | null
  return (row) => flags === null || ((flags[row >>> 3] ?? 0) & (1 << (row & 7))) !== 0
}

/** The texts of a VARCHAR column. */
export function textsOf(chunk: DuckDBDataChunk, column: number): (string | null)[] {
  const rows = chunk.rowCount
  const vector = engine.data_chunk_get_vector(chunk.chunk, column)
  const isValid = validityOf(vector, rows)
  const { buffer, byteOffset } = engine.vector_get_data(vector, rows * CELL_BYTES)
  const bytes = Buffer.from(buffer, byteOffset, rows * CELL_BYTES)
  const words = new Uint32Array(buffer, byteOffset, rows * CELL_WORDS)
  const texts: (string | null)[] = []
  const long: number[] = []
  for (let row = 0; row < rows; row++) {
    const length = words[CELL_WORDS * row] ?? 0
    const start = CELL_BYTES * row + 4
    const isShort = isValid(row) && length <= SHORT_BYTES_MAX
    texts.push(isShort ? bytes.toString('utf8', start, start + length) : null)
    if (length > SHORT_BYTES_MAX && isValid(row)) long.push(row)
  }
  bringLong(texts, long, bytes, words)
  return texts
}

/** `rows`: those whose texts are long. */
function bringLong(
  texts: (string | null)[],
  rows: readonly number[],
  bytes: Buffer<ArrayBufferLike>,
  words: Uint32Array,
): void {
  const starts = new Float64Array(texts.length)
  for (const row of rows)
    starts[row] = (words[CELL_WORDS * row + 3] ?? 0) * WORD + (words[CELL_WORDS * row + 2] ?? 0)
  const startOf = (row: number): number => starts[row] ?? 0
  const endOf = (row: number): number => startOf(row) + (words[CELL_WORDS * row] ?? 0)
  const inOrder = rows.toSorted((a, b) => startOf(a) - startOf(b))
  for (let from = 0; from < inOrder.length; ) {
    const first = inOrder[from] ?? 0
    const start = startOf(first)
    let end = endOf(first)
    let to = from + 1
    for (; to < inOrder.length; to++) {
      const row = inOrder[to] ?? 0
      if (startOf(row) > end + GAP_BYTES_MAX || endOf(row) > start + RUN_BYTES_MAX) break
      end = Math.max(end, endOf(row))
    }
    const pointer = bytes.byteOffset + CELL_BYTES * first + 8
    const brought = engine.get_data_from_pointer(bytes.buffer as ArrayBuffer, pointer, end - start)
    const run = Buffer.from(brought.buffer, brought.byteOffset, brought.byteLength)
    for (; from < to; from++) {
      const row = inOrder[from] ?? 0
      texts[row] = run.toString('utf8', startOf(row) - start, endOf(row) - start)
    }
  }
}
