/**
 * The cells of a chunk, a column at a time, out of the engine's own memory: how a column is read is chosen once, by its type. Types that have no
 * reader here go value by value through the library; the cells are the same either way.
 */

import { type DuckDBDataChunk, type DuckDBType, DuckDBTypeId } from '@duckdb/node-api'
import engine from '@duckdb/node-bindings'
import { textsOf, validityOf } from '../../core/vector-texts.ts'
import type { Cell } from '../warehouse.ts'
import { cellOf, isoOfMicros } from './cells.ts'

/** The cells of one column of a chunk. */
export type ColumnReader = (chunk: DuckDBDataChunk, column: number) => readonly Cell[]

const WORD = 4_294_967_296

export function columnReader({ typeId }: DuckDBType): ColumnReader {
  return READERS.get(typeId) ?? ((chunk, column) => chunk.convertColumnValues(column, cellOf))
}

const READERS: ReadonlyMap<DuckDBTypeId, ColumnReader> = new Map<DuckDBTypeId, ColumnReader>([
  [DuckDBTypeId.BOOLEAN, vectorReader(1, (bytes) => (row) => bytes[row] !== 0)],
  [DuckDBTypeId.TINYINT, numberReader(Int8Array)],
  [DuckDBTypeId.SMALLINT, numberReader(Int16Array)],
  [DuckDBTypeId.INTEGER, numberReader(Int32Array)],
  [DuckDBTypeId.UTINYINT, numberReader(Uint8Array)],
  [DuckDBTypeId.USMALLINT, numberReader(Uint16Array)],
  [DuckDBTypeId.UINTEGER, numberReader(Uint32Array)],
  [DuckDBTypeId.FLOAT, numberReader(Float32Array)],
  [DuckDBTypeId.DOUBLE, numberReader(Float64Array)],
  [DuckDBTypeId.BIGINT, longReader((value) => value, String)],
  [DuckDBTypeId.TIMESTAMP, longReader(isoOfMicros, isoOfMicros)],
  [DuckDBTypeId.TIMESTAMP_TZ, longReader(isoOfMicros, isoOfMicros)],
  [DuckDBTypeId.VARCHAR, textsOf],
])

/** `readerOf`: what stands in a row that has a value, by the vector's bytes. */
function vectorReader(
  valueBytes: number,
  readerOf: (bytes: Uint8Array) => (row: number) => Cell,
): ColumnReader {
  return (chunk, column) => {
    const rows = chunk.rowCount
    const vector = engine.data_chunk_get_vector(chunk.chunk, column)
    const isValid = validityOf(vector, rows)
    const read = readerOf(engine.vector_get_data(vector, rows * valueBytes))
    const cells: Cell[] = []
    for (let row = 0; row < rows; row++) cells.push(isValid(row) ? read(row) : null)
    return cells
  }
}

type Numbers =
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | Float32Array
  | Float64Array

function numberReader(view: {
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): Numbers
  readonly BYTES_PER_ELEMENT: number
}): ColumnReader {
  return vectorReader(view.BYTES_PER_ELEMENT, ({ buffer, byteOffset, byteLength }) => {
    const values = new view(buffer, byteOffset, byteLength / view.BYTES_PER_ELEMENT)
    return (row) => {
      const value = values[row] ?? 0
      return Number.isFinite(value) ? value : String(value)
    }
  })
}

/** `ofNumber` is for those that a double holds exactly. */
function longReader(ofNumber: (value: number) => Cell, ofLong: (value: bigint) => Cell): ColumnReader {
  return vectorReader(8, ({ buffer, byteOffset, byteLength }) => {
    const lows = new Uint32Array(buffer, byteOffset, byteLength / 4)
    const highs = new Int32Array(buffer, byteOffset, byteLength / 4)
    return (row) => {
      const value = (highs[2 * row + 1] ?? 0) * WORD + (lows[2 * row] ?? 0)
      if (Number.isSafeInteger(value)) return ofNumber(value)
      return ofLong(new BigInt64Array(buffer, byteOffset + 8 * row, 1)[0] ?? 0n)
    }
  })
}
