/**
 * How rows get into the engine: as a table function that gives the chunks it was offered. The engine asks for one when it has dealt with the one
 * before, on its own thread; this one only copies.
 *
 * The heap of a chunk goes over first, as a single text, and so does its annex; the engine says where it put them. From then on a text of any column
 * is that address and its place: nothing is copied twice, and nothing is called per cell. Both stay a column of the chunk until its rows are in the table.
 */

import {
  BIGINT,
  BLOB,
  BOOLEAN,
  DOUBLE,
  type DuckDBConnection,
  type DuckDBDataChunk,
  DuckDBTableFunction,
  type DuckDBTableFunctionBindInfo,
  type DuckDBType,
  DuckDBVarCharType,
  TIMESTAMP,
  VARCHAR,
} from '@duckdb/node-api'
import engine from '@duckdb/node-bindings'
import type { ColumnType } from '../../catalog/columns.ts'
import { type RowChunk, SHORT_BYTES_MAX } from './row-chunk.ts'

export const ROWS_FUNCTION = 'thalweg_rows'
/** Column of the heap; not for the table. */
const HEAP = 'heap'
/** So that no text of the engine's is short enough to lie in its own cell. */
const HELD_BYTES_MIN = SHORT_BYTES_MAX + 1
const ADDRESS_BYTES = 16

export interface FedColumn {
  /** Its place among the vectors of a chunk. */
  readonly index: number
  readonly name: string
  readonly type: ColumnType
}

export class RowFeed {
  #columns: readonly FedColumn[] = []
  #chunks: RowChunk[] = []

  /** Once for each database; only `connection` should call the function. */
  constructor(connection: DuckDBConnection) {
    connection.registerTableFunction(
      DuckDBTableFunction.create({
        name: ROWS_FUNCTION,
        bindFunction: (bind) => this.#bind(bind),
        initFunction: () => undefined,
        mainFunction: (about, out) => {
          try {
            this.#give(out)
          } catch (error) {
            about.setError(String(error))
          }
        },
      }),
    )
  }

  /** What the function's next call gives, once. The chunks must stay as they are until then. */
  offer(columns: readonly FedColumn[], chunks: readonly RowChunk[]): void {
    this.#columns = columns
    this.#chunks = [...chunks]
  }

  #bind(bind: DuckDBTableFunctionBindInfo): void {
    bind.addResultColumn(HEAP, BLOB)
    for (const { name, type } of this.#columns) bind.addResultColumn(name, ENGINE_TYPES[type])
    bind.setCardinality(
      this.#chunks.reduce((rows, chunk) => rows + chunk.rows, 0),
      true,
    )
  }

  #give({ chunk: out }: DuckDBDataChunk): void {
    const chunk = this.#chunks.shift()
    if (chunk === undefined) {
      engine.data_chunk_set_size(out, 0)
      return
    }
    const { memory, rows } = chunk
    const texts = engine.data_chunk_get_vector(out, 0)
    const heap = hand(chunk.heap, texts, 0)
    const annex = hand(chunk.annex, texts, 1)
    for (const [i, { index, type }] of this.#columns.entries()) {
      const vector = engine.data_chunk_get_vector(out, i + 1)
      const cells = chunk.vectorAt(index)
      if (cells === 0) {
        engine.vector_reference_value(vector, engine.create_null_value())
        continue
      }
      if (type === 'text' || type === 'json')
        memory.exports.point(chunk.address, index, rows, heap.low, heap.high, annex.low, annex.high)
      engine.copy_data_to_vector(vector, 0, memory.buffer, cells, rows * CELL_BYTES[type])
      engine.vector_ensure_validity_writable(vector)
      const flags = Math.ceil(rows / 64) * 8
      engine.copy_data_to_vector_validity(vector, 0, memory.buffer, chunk.validityAt(cells), flags)
    }
    engine.data_chunk_set_size(out, chunk.rows)
  }
}

interface Address {
  readonly low: number
  readonly high: number
}

/** Gives bytes to the engine as one text, in a row of the column that is not for the table; where they lie now. */
function hand(bytes: Buffer, vector: Parameters<typeof engine.vector_get_data>[0], row: number): Address {
  const text = bytes.length < HELD_BYTES_MIN ? Buffer.concat([bytes], HELD_BYTES_MIN) : bytes
  engine.vector_assign_string_element_len(vector, row, text)
  const cells = engine.vector_get_data(vector, (row + 1) * ADDRESS_BYTES)
  const view = new DataView(cells.buffer, cells.byteOffset + row * ADDRESS_BYTES, ADDRESS_BYTES)
  return { low: view.getUint32(8, true), high: view.getUint32(12, true) }
}

/** JSON that the kernel has read is JSON: the alias says so, and the engine does not look again. */
const JSON_TYPE = DuckDBVarCharType.create('JSON')

const ENGINE_TYPES: Readonly<Record<ColumnType, DuckDBType>> = {
  text: VARCHAR,
  bigint: BIGINT,
  double: DOUBLE,
  boolean: BOOLEAN,
  timestamp: TIMESTAMP,
  json: JSON_TYPE,
}

const CELL_BYTES: Readonly<Record<ColumnType, number>> = {
  text: 16,
  json: 16,
  bigint: 8,
  double: 8,
  timestamp: 8,
  boolean: 1,
}
