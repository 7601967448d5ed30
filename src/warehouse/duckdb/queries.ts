/** Runs queries on connections of their own, page by page; a page is made when it is asked for. */

import type { DuckDBConnection, DuckDBResult } from '@duckdb/node-api'
import { ThalwegError } from '../../core/errors.ts'
import type { Cell, Column } from '../warehouse.ts'
import { cellOf } from './cells.ts'
import { guardQuery } from './guard.ts'
import type { TableName } from './names.ts'

export interface QueryOrder {
  readonly sql: string
  readonly rowsMax?: number
  readonly timeoutMs: number
}

/** First the columns, then rows, one chunk of the engine at a time. */
export type Part = { readonly columns: readonly Column[] } | { readonly rows: readonly (readonly Cell[])[] }

const MEMORY_WORDS = /out of memory|failed to allocate|max_temp_directory_size/i

export class Queries {
  readonly #free: DuckDBConnection[]
  readonly #waiting: ((connection: DuckDBConnection) => void)[] = []
  readonly #tables: () => Promise<readonly TableName[]>

  /** `tables`: what a query may name, now. */
  constructor(connections: readonly DuckDBConnection[], tables: () => Promise<readonly TableName[]>) {
    this.#free = [...connections]
    this.#tables = tables
  }

  /** Gives parts until the end, then whether `rowsMax` cut the result. Throws as QueryEngine.query does. */
  async *run(order: QueryOrder, signal: AbortSignal): AsyncGenerator<Part, boolean> {
    const deadline = AbortSignal.timeout(order.timeoutMs)
    const either = AbortSignal.any([signal, deadline])
    const connection = await this.#take(either).catch((error: unknown) => {
      throw queryError(error, signal, deadline, order.timeoutMs)
    })
    const interrupt = (): void => connection.interrupt()
    either.addEventListener('abort', interrupt)
    try {
      await guardQuery(connection, order.sql, await this.#tables())
      await connection.run('BEGIN TRANSACTION READ ONLY')
      return yield* rowsOf(await streamOf(connection, order.sql), order.rowsMax, either)
    } catch (error) {
      throw queryError(error, signal, deadline, order.timeoutMs)
    } finally {
      either.removeEventListener('abort', interrupt)
      await connection.run('ROLLBACK').catch(() => undefined)
      this.#give(connection)
    }
  }

  /** Rejects when the signal comes before a connection is free. */
  async #take(signal: AbortSignal): Promise<DuckDBConnection> {
    signal.throwIfAborted()
    const free = this.#free.pop()
    if (free !== undefined) return free
    return new Promise((resolve, reject) => {
      const take = (connection: DuckDBConnection): void => {
        signal.removeEventListener('abort', leave)
        resolve(connection)
      }
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(take), 1)
        reject(signal.reason)
      }
      signal.addEventListener('abort', leave, { once: true })
      this.#waiting.push(take)
    })
  }

  #give(connection: DuckDBConnection): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free.push(connection)
    else next(connection)
  }
}

/** The engine counts statements and names their kind again, on the connection that runs it. */
async function streamOf(connection: DuckDBConnection, sql: string): Promise<DuckDBResult> {
  const statements = await connection.extractStatements(sql)
  if (statements.count !== 1) throw new ThalwegError('QUERY_REFUSED', 'A query is one statement')
  const prepared = await statements.prepare(0)
  if (prepared.statementType !== SELECT_STATEMENT)
    throw new ThalwegError('QUERY_REFUSED', 'Only a statement that reads is run here')
  return prepared.stream()
}

/** DUCKDB_STATEMENT_TYPE_SELECT. */
const SELECT_STATEMENT = 1

async function* rowsOf(
  result: DuckDBResult,
  rowsMax: number | undefined,
  signal: AbortSignal,
): AsyncGenerator<Part, boolean> {
  const names = result.columnNames()
  const types = result.columnTypes()
  yield { columns: names.map((name, i) => ({ name, type: String(types[i]) })) }
  let left = rowsMax ?? Number.POSITIVE_INFINITY
  for (;;) {
    signal.throwIfAborted()
    const chunk = await result.fetchChunk()
    if (chunk === null || chunk.rowCount === 0) return false
    const rows = chunk.convertRows(cellOf)
    if (rows.length > left) {
      if (left > 0) yield { rows: rows.slice(0, left) }
      return true
    }
    left -= rows.length
    yield { rows }
  }
}

function queryError(
  error: unknown,
  cancel: AbortSignal,
  deadline: AbortSignal,
  timeoutMs: number,
): ThalwegError {
  if (cancel.aborted) return new ThalwegError('QUERY_CANCELLED', 'The query was cancelled')
  if (deadline.aborted) return new ThalwegError('QUERY_TIMEOUT', `The query took longer than ${timeoutMs} ms`)
  if (error instanceof ThalwegError) return error
  const message = error instanceof Error ? error.message : String(error)
  const hint = MEMORY_WORDS.test(message)
    ? `The query needs more memory than the warehouse may take. ${message}`
    : message
  return new ThalwegError('QUERY_FAILED', hint, { cause: error })
}
