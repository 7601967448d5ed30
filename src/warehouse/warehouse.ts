/**
 * The warehouse: where events are tables, and who answers SQL. This room holds the query engines (one folder
 * each: the embedded DuckDB, PostgreSQL, MySQL, ClickHouse, Treasure Data) behind one contract, and the embedded
 * database itself. An engine streams: it never holds a result in memory, and a query can be ended at any time.
 * Nothing that a query says may change data, read a file or open a connection.
 */

import type { Readable } from 'node:stream'

export type EngineKind = 'duckdb' | 'postgres' | 'mysql' | 'clickhouse' | 'treasure-data'

/** A value of a result as JSON can hold it: what does not fit a number (large integers, decimals) is its text; times are ISO 8601 in UTC. */
export type Cell = null | boolean | number | string

export interface Column {
  readonly name: string
  /** As the engine calls it. */
  readonly type: string
}

export interface QueryRequest {
  readonly sql: string
  /** Rows after which the engine stops and says so; unset: all. */
  readonly rowsMax?: number
  /** Time after which the query is ended with QUERY_TIMEOUT. */
  readonly timeoutMs: number
}

export interface QueryStream {
  readonly columns: readonly Column[]
  /** Pages of at most PAGE_ROWS_MAX rows, each row with a cell per column. Leaving the loop early ends the query. Throws as `query` does. */
  readonly pages: AsyncIterable<readonly (readonly Cell[])[]>
  /** After the last page: whether `rowsMax` cut the result. */
  readonly cut: () => boolean
}

export const PAGE_ROWS_MAX = 10_000

/** A result as a file that the engine wrote. Read the bytes or destroy them: they hold the file. */
export interface QueryFile {
  /** As the query names them; the file's own columns stand in the same order. */
  readonly columns: readonly Column[]
  readonly bytes: Readable
}

export interface TableShape {
  readonly database: string
  readonly table: string
  /** Undefined where the engine cannot tell cheaply. */
  readonly rows: number | undefined
  readonly columns: readonly Column[]
}

export interface QueryEngine {
  readonly kind: EngineKind
  /**
   * Resolves when the first rows are there. Throws QUERY_REFUSED (not a read, or more than one statement), QUERY_FAILED (the engine's own
   * message, with the position in the text where the engine names one), QUERY_TIMEOUT, QUERY_CANCELLED (by `signal`), ENGINE_UNREACHABLE.
   */
  query(request: QueryRequest, signal: AbortSignal): Promise<QueryStream>
  /** What can be asked: databases, tables, columns; for browsing and completion. */
  tables(signal: AbortSignal): Promise<readonly TableShape[]>
  /** The result as a file that the engine itself writes, streamed. Absent: this engine writes none. Throws as `query` does; so does the stream. */
  export?(request: QueryRequest, format: 'parquet', signal: AbortSignal): Promise<QueryFile>
  close(): Promise<void>
}
