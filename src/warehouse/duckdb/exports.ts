/**
 * Exports a query as Parquet: the engine writes it to a file in its private spool, which is then given away piece by piece and removed. The text is
 * guarded like any query before it is put inside COPY.
 */

import { randomUUID } from 'node:crypto'
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import { ThalwegError } from '../../core/errors.ts'
import type { Column } from '../warehouse.ts'
import { guardQuery } from './guard.ts'
import { interruptOn } from './interrupts.ts'
import { type TableName, textLiteral } from './names.ts'
import type { QueryOrder } from './queries.ts'

const PIECE_BYTES = 1_048_576

/** First the columns as the query names them (a file holds no name twice), then the file's bytes. */
export type ExportPart = { readonly columns: readonly Column[] } | { readonly piece: Buffer }

export class Exports {
  readonly #connection: DuckDBConnection
  readonly #spool: string
  readonly #tables: () => Promise<readonly TableName[]>
  /** One at a time: the spool holds one export. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(connection: DuckDBConnection, spool: string, tables: () => Promise<readonly TableName[]>) {
    this.#connection = connection
    this.#spool = spool
    this.#tables = tables
  }

  /** Once the file is written: its columns, and its bytes in pieces of at most 1 MB. Throws as a query does. */
  async *parquet(order: QueryOrder, signal: AbortSignal): AsyncGenerator<ExportPart, void> {
    const before = this.#last
    let done = (): void => undefined
    this.#last = new Promise<void>((resolve) => {
      done = resolve
    })
    await before
    const file = join(this.#spool, `${randomUUID()}.parquet`)
    try {
      yield { columns: await this.#write(order, file, signal) }
      yield* piecesOf(file)
    } finally {
      await rm(file, { force: true })
      done()
    }
  }

  async #write(order: QueryOrder, file: string, signal: AbortSignal): Promise<Column[]> {
    const deadline = AbortSignal.timeout(order.timeoutMs)
    const either = AbortSignal.any([signal, deadline])
    let over = (): void => undefined
    try {
      over = interruptOn(either, this.#connection)
      await guardQuery(this.#connection, order.sql, await this.#tables())
      const columns = await columnsOf(this.#connection, order.sql)
      const limit = order.rowsMax === undefined ? '' : ` LIMIT ${order.rowsMax}`
      // A line of its own: the text may end in a comment.
      await this.#connection.run(
        `COPY (SELECT * FROM (\n${withoutEnd(order.sql)}\n)${limit}) TO ${textLiteral(file)} (FORMAT parquet)`,
      )
      return columns
    } catch (error) {
      if (signal.aborted) throw new ThalwegError('QUERY_CANCELLED', 'The export was cancelled')
      if (deadline.aborted)
        throw new ThalwegError('QUERY_TIMEOUT', `The export took longer than ${order.timeoutMs} ms`)
      if (error instanceof ThalwegError) throw error
      throw new ThalwegError('QUERY_FAILED', error instanceof Error ? error.message : String(error), {
        cause: error,
      })
    } finally {
      over()
    }
  }
}

/** The guard saw one statement; its semicolon may not stand inside another. */
function withoutEnd(sql: string): string {
  return sql.replace(/;\s*$/, '')
}

async function columnsOf(connection: DuckDBConnection, sql: string): Promise<Column[]> {
  const prepared = await connection.prepare(sql)
  try {
    return Array.from({ length: prepared.columnCount }, (_, i) => ({
      name: prepared.columnName(i),
      type: String(prepared.columnType(i)),
    }))
  } finally {
    prepared.destroySync()
  }
}

async function* piecesOf(file: string): AsyncGenerator<ExportPart, void> {
  const handle = await open(file)
  try {
    for (;;) {
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(PIECE_BYTES), 0, PIECE_BYTES)
      if (bytesRead === 0) return
      yield { piece: buffer.subarray(0, bytesRead) }
    }
  } finally {
    await handle.close()
  }
}
