/** Runs queries on connections of their own, page by page; a page is made when it is asked for. */

import type { DuckDBConnection, DuckDBResult } from '@duckdb/node-api'
import { ThalwegError } from '../../core/errors.ts'
import { GrowingPage, type Page } from '../stream.ts'
import type { Column } from '../warehouse.ts'
import { columnReader } from './columns.ts'
import { guardQuery } from './guard.ts'
import { interruptOn } from './interrupts.ts'
import type { TableName } from './names.ts'
import { failedAt } from './place.ts'

export interface QueryOrder {
  readonly sql: string
  readonly rowsMax?: number
  readonly timeoutMs: number
}

/** First the columns, then rows, a page at a time. */
export type Part = { readonly columns: readonly Column[] } | { readonly rows: Page }

const BEGIN = 'BEGIN TRANSACTION READ ONLY'
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
      throw queryError(error, signal, deadline, order)
    })
    let isUnread = false
    let ended: Promise<void> | undefined
    let over = (): void => undefined
    const end = (): Promise<void> => {
      over()
      ended ??= this.#end(connection)
      return ended
    }
    // A query that nobody reads keeps no place either.
    const leave = (): void => {
      if (isUnread) void end()
    }
    try {
      over = interruptOn(either, connection)
      either.addEventListener('abort', leave)
      await guardQuery(connection, order.sql, await this.#tables())
      await connection.run(BEGIN)
      const parts = rowsOf(connection, order, either)
      for (let step = await parts.next(); ; step = await parts.next()) {
        if (step.done) return step.value
        isUnread = true
        yield step.value
        isUnread = false
      }
    } catch (error) {
      throw queryError(error, signal, deadline, order)
    } finally {
      either.removeEventListener('abort', leave)
      await end()
    }
  }

  async #end(connection: DuckDBConnection): Promise<void> {
    await connection.run('ROLLBACK').catch(() => undefined)
    this.#give(connection)
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

/** Once the signal has come, the connection is not touched any more: it may be somebody else's. */
async function* rowsOf(
  connection: DuckDBConnection,
  { sql, rowsMax }: QueryOrder,
  signal: AbortSignal,
): AsyncGenerator<Part, boolean> {
  const result = await streamOf(connection, sql)
  const names = result.columnNames()
  const types = result.columnTypes()
  yield { columns: names.map((name, i) => ({ name, type: String(types[i]) })) }
  const readers = types.map(columnReader)
  let left = rowsMax ?? Number.POSITIVE_INFINITY
  let page = new GrowingPage()
  let isFirst = true
  for (;;) {
    signal.throwIfAborted()
    const chunk = await result.fetchChunk()
    if (chunk === null || chunk.rowCount === 0) break
    const columns = readers.map((read, column) => read(chunk, column))
    const wanted = Math.min(left, chunk.rowCount)
    for (let row = 0; row < wanted; row++) {
      page.add(columns.map((cells) => cells[row] ?? null))
      if (!page.isFull) continue
      yield { rows: page.rows }
      page = new GrowingPage()
    }
    const isCut = chunk.rowCount > left
    // The first rows do not wait for others.
    if ((isFirst || isCut) && page.rows.length > 0) {
      yield { rows: page.rows }
      page = new GrowingPage()
    }
    if (isCut) return true
    left -= wanted
    isFirst = false
  }
  if (page.rows.length > 0) yield { rows: page.rows }
  signal.throwIfAborted()
  await refuseBroken(connection, sql)
  return false
}

/**
 * A stream that failed ends like one that is whole: the library does not tell (`@duckdb/node-api` 1.5.6). The transaction does, since a failure
 * ends it. Why, the engine says when it runs the query once more without giving rows. Throws the engine's words.
 */
async function refuseBroken(connection: DuckDBConnection, sql: string): Promise<void> {
  const isWhole = await connection.run('SELECT 1').then(
    () => true,
    () => false,
  )
  if (isWhole) return
  await connection.run('ROLLBACK')
  await connection.run(BEGIN)
  try {
    await connection.run(`EXPLAIN ANALYZE ${sql}`)
  } catch (error) {
    // What follows shows the place in our text, not in the query's.
    throw new Error((error as Error).message.split('\n\nLINE ')[0], { cause: error })
  }
  throw new Error('The query failed after some rows, and did not when it was run again')
}

function queryError(
  error: unknown,
  cancel: AbortSignal,
  deadline: AbortSignal,
  { sql, timeoutMs }: QueryOrder,
): ThalwegError {
  if (cancel.aborted) return new ThalwegError('QUERY_CANCELLED', 'The query was cancelled')
  if (deadline.aborted) return new ThalwegError('QUERY_TIMEOUT', `The query took longer than ${timeoutMs} ms`)
  if (error instanceof ThalwegError) return error
  const message = error instanceof Error ? error.message : String(error)
  const hint = MEMORY_WORDS.test(message)
    ? `The query needs more memory than the warehouse may take. ${message}`
    : message
  return failedAt(sql, hint, error)
}
