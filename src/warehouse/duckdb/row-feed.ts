/**
 * How rows get into the engine: as a table function that gives the chunks it was offered. The engine asks for one when it has dealt with the one
 * before, on its own thread; this one only copies.
 *
 * The heap of a chunk goes over first, as a single text, and the engine says where it put it. From then on a text of any column is that address
 * and its place: nothing is copied twice, and nothing is called per cell. The heap stays a column of the chunk until its rows are in the table.
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
import { type CellVector, type RowChunk, SHORT_BYTES_MAX } from './row-chunk.ts'

export const ROWS_FUNCTION = 'thalweg_rows'
/** Column of the heap; not for the table. */
const HEAP = 'heap'
/** So that a heap is never short enough to lie in its own cell. */
const HEAP_BYTES_MIN = SHORT_BYTES_MAX + 1
const ADDRESS_BYTES = 16
const WORD = 4_294_967_296

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
    const address = handHeap(chunk, engine.data_chunk_get_vector(out, 0))
    for (const [i, { index, type }] of this.#columns.entries()) {
      const vector = engine.data_chunk_get_vector(out, i + 1)
      const cells = chunk.vectors[index]
      if (cells === undefined) {
        engine.vector_reference_value(vector, engine.create_null_value())
        continue
      }
      if (type === 'text' || type === 'json') pointIntoHeap(cells, chunk.rows, address)
      engine.copy_data_to_vector(vector, 0, cells.buffer, 0, chunk.rows * CELL_BYTES[type])
      engine.vector_ensure_validity_writable(vector)
      engine.copy_data_to_vector_validity(vector, 0, cells.validity.buffer, 0, Math.ceil(chunk.rows / 64) * 8)
    }
    engine.data_chunk_set_size(out, chunk.rows)
  }
}

interface Address {
  readonly low: number
  readonly high: number
}

/** The heap as one text of the engine's; where its bytes lie now. */
function handHeap(chunk: RowChunk, vector: Parameters<typeof engine.vector_get_data>[0]): Address {
  const bytes = chunk.heap.subarray(0, Math.max(chunk.heapBytes, HEAP_BYTES_MIN))
  engine.vector_assign_string_element_len(vector, 0, bytes)
  const cell = engine.vector_get_data(vector, ADDRESS_BYTES)
  const view = new DataView(cell.buffer, cell.byteOffset, ADDRESS_BYTES)
  return { low: view.getUint32(8, true), high: view.getUint32(12, true) }
}

/** Turns places in the heap into addresses. Empty cells are zeros. */
function pointIntoHeap({ words }: CellVector, rows: number, { low, high }: Address): void {
  for (let word = 0; word < rows * 4; word += 4) {
    if ((words[word] ?? 0) <= SHORT_BYTES_MAX) continue
    const sum = low + (words[word + 2] ?? 0)
    words[word + 2] = sum
    words[word + 3] = sum >= WORD ? high + 1 : high
  }
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
