/**
 * What answers queries inside the Treasure Data double: a DuckDB in memory, with the rows of the double as tables
 * (mirror.ts), the vendor's SQL brought into DuckDB's (dialect.ts, macros.ts), and results kept as tables until they
 * expire. It reads no file and opens no connection, whatever a query says. The difference to the vendor that is left:
 * what DuckDB does more leniently (a comparison of text with a number, an index beyond an array's end, a division by zero) stays so.
 */

import {
  type DuckDBConnection,
  DuckDBInstance,
  type DuckDBPreparedStatement,
  DuckDBTypeId,
} from '@duckdb/node-api'
import { ThalwegError } from '../../core/errors.ts'
import { Turns } from '../../core/turns.ts'
import { textsOf } from '../../core/vector-texts.ts'
import type { Place } from '../treasure-data-intake.ts'
import type { Row } from '../treasure-data-rows.ts'
import { type Engine, type Translation, translate } from './dialect.ts'
import { MACRO_STATEMENTS, NOW_VARIABLE } from './macros.ts'
import { type ColumnType, Mirror } from './mirror.ts'
import { keptExpression, type ResultColumn, resultColumn } from './result-columns.ts'
import { type Asked, vendorError } from './vendor-errors.ts'

/** Of everything in DuckDB: tables, results and what queries need on the way. */
const MEMORY_MAX = '1GB'
const THREADS = '2'

export interface Query {
  readonly text: string
  readonly engine: Engine
  readonly database: string
  /** Unix seconds: what TD_SCHEDULED_TIME() and now() say. */
  readonly scheduledAtS: number
}

export interface TableRows extends Place {
  readonly rows: readonly Row[]
}

/** Rows of a finished query, in their order; cells are what their column's kind says. */
export interface Result {
  readonly columns: readonly ResultColumn[]
  readonly rowCount: number
  /** Chunks of at most 2,048 rows. */
  chunks(): AsyncGenerator<readonly (readonly Cell[])[]>
  drop(): Promise<void>
}

export type Cell = bigint | number | boolean | string | null

export class Brain {
  readonly #instance: DuckDBInstance
  /** For tables; queries have connections of their own. */
  readonly #connection: DuckDBConnection
  readonly #mirrors = new Map<string, Mirror>()
  readonly #loading = new Turns()
  #results = 0

  private constructor(instance: DuckDBInstance, connection: DuckDBConnection) {
    this.#instance = instance
    this.#connection = connection
  }

  static async open(): Promise<Brain> {
    const instance = await DuckDBInstance.create(':memory:', {
      threads: THREADS,
      memory_limit: MEMORY_MAX,
      max_temp_directory_size: '0KB',
      enable_external_access: 'false',
      errors_as_json: 'true',
      // 1 / 2 is 0 for whole numbers, as in Presto.
      integer_division: 'true',
    })
    const connection = await instance.connect()
    await connection.run("SET GLOBAL TimeZone = 'UTC'")
    await connection.run("ATTACH ':memory:' AS td")
    await connection.run('CREATE SCHEMA memory.results')
    for (const statement of MACRO_STATEMENTS) await connection.run(statement)
    return new Brain(instance, connection)
  }

  close(): void {
    this.#connection.closeSync()
    this.#instance.closeSync()
  }

  /** The columns of a table that holds these rows, without `time`. */
  schema(table: TableRows): Promise<ReadonlyMap<string, ColumnType>> {
    return this.#inTurn(async () => (await this.#followed(table)).columns)
  }

  /**
   * Runs a query over those of the tables that it names. Throws QUERY_FAILED in the vendor's words; when `signal` is
   * aborted, QUERY_CANCELLED.
   */
  async run(query: Query, tables: readonly TableRows[], signal: AbortSignal): Promise<Result> {
    const translation = translate(query.text, query.engine, query.scheduledAtS)
    const named = tables.filter(({ table }) => translation.names.has(table))
    await this.#inTurn(async () => {
      await this.#connection.run(`CREATE SCHEMA IF NOT EXISTS td."${query.database}"`)
      for (const table of named) await this.#followed(table)
    })
    const connection = await this.#instance.connect()
    const stop = () => connection.interrupt()
    signal.addEventListener('abort', stop)
    try {
      return await this.#answer(connection, query, translation, signal)
    } finally {
      signal.removeEventListener('abort', stop)
      connection.closeSync()
    }
  }

  async #answer(
    connection: DuckDBConnection,
    query: Query,
    translation: Translation,
    signal: AbortSignal,
  ): Promise<Result> {
    await connection.run(`SET search_path = 'td.${query.database},memory.main'`)
    await connection.run(`SET VARIABLE ${NOW_VARIABLE} = ${Math.floor(query.scheduledAtS)}`)
    const asked = { text: query.text, database: query.database, translation }
    const prepared = await attempt({ ...asked, prefix: '' }, signal, () =>
      connection.prepare(translation.sql),
    )
    const columns = columnsOf(prepared, translation)
    const name = `memory.results.result_${++this.#results}`
    const prefix = `CREATE TABLE ${name} AS SELECT ${keptColumns(prepared)} FROM (`
    const aliases = columns.map((_, i) => `c${i}`).join(', ')
    await attempt({ ...asked, prefix }, signal, () =>
      connection.run(`${prefix}${translation.sql}\n) AS q(${aliases})`),
    )
    return this.#result(name, columns)
  }

  async #result(name: string, columns: readonly ResultColumn[]): Promise<Result> {
    const counted = await this.#connection.runAndReadAll(`SELECT count(*) FROM ${name}`)
    const drop = async () => {
      await this.#connection.run(`DROP TABLE IF EXISTS ${name}`)
    }
    return {
      columns,
      rowCount: Number(counted.getRows()[0]?.[0] ?? 0),
      chunks: () => this.#chunks(name),
      drop,
    }
  }

  async *#chunks(name: string): AsyncGenerator<readonly (readonly Cell[])[]> {
    const connection = await this.#instance.connect()
    try {
      const result = await connection.stream(`SELECT * FROM ${name}`)
      const isText = result.columnTypes().map(({ typeId }) => typeId === DuckDBTypeId.VARCHAR)
      for (;;) {
        const chunk = await result.fetchChunk()
        if (chunk === null || chunk.rowCount === 0) return
        const columns = isText.map((is, i) => (is ? textsOf(chunk, i) : (chunk.getColumnValues(i) as Cell[])))
        yield Array.from({ length: chunk.rowCount }, (_, row) => columns.map((cells) => cells[row] ?? null))
      }
    } finally {
      connection.closeSync()
    }
  }

  /** One after the other: a mirror must not be followed twice at once. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    return this.#loading.take(work)
  }

  async #followed(table: TableRows): Promise<Mirror> {
    const key = `${table.database}.${table.table}`
    const mirror = this.#mirrors.get(key) ?? (await Mirror.make(this.#connection, table))
    this.#mirrors.set(key, mirror)
    await mirror.follow(table.rows)
    return mirror
  }
}

async function attempt<T>(asked: Asked, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const killed = () => new ThalwegError('QUERY_CANCELLED', 'the query was killed')
  if (signal.aborted) throw killed()
  try {
    return await work()
  } catch (error) {
    throw signal.aborted ? killed() : vendorError(error, asked)
  }
}

function columnsOf(prepared: DuckDBPreparedStatement, translation: Translation): ResultColumn[] {
  return Array.from({ length: prepared.columnCount }, (_, i) => {
    const name = prepared.columnName(i).toLowerCase()
    return resultColumn(isStated(name, translation) ? name : `_col${i}`, prepared.columnType(i))
  })
}

/** Presto calls a column without a name _col and its place; DuckDB calls it by its expression, which is no name of the query. */
function isStated(name: string, translation: Translation): boolean {
  return translation.names.has(name) || /^[a-z_][a-z0-9_]*$/.test(name)
}

function keptColumns(prepared: DuckDBPreparedStatement): string {
  return Array.from({ length: prepared.columnCount }, (_, i) =>
    keptExpression(`c${i}`, prepared.columnType(i)),
  ).join(', ')
}
