/** One query in PostgreSQL: a portal in a read-only transaction, read in pieces whose size follows the width of the rows. */

import type pg from 'pg'
import QueryStream from 'pg-query-stream'
import { rowChars } from '../cells.ts'
import { PAGE_CHARS, type Page, type Reading, type Row } from '../stream.ts'
import type { Column } from '../warehouse.ts'
import { CELL_TYPES } from './cells.ts'

const FIRST_ROWS = 200
const SAMPLED_ROWS = 20

/** The part of pg-cursor that is used; the package's own type is `any`. */
interface Cursor {
  read(rowsMax: number): Promise<Row[]>
  close(): Promise<void>
  readonly _result: { readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[] }
}

export interface PostgresReadingParts {
  readonly client: pg.PoolClient
  readonly sql: string
  /** Names of types by their number. */
  readonly typeName: (oid: number) => string
  /** Asks the server, over another connection, to end what this process of it does. Never rejects. */
  readonly cancel: (processId: number) => Promise<void>
}

export class PostgresReading implements Reading {
  readonly #parts: PostgresReadingParts
  readonly #cursor: Cursor
  #rowsAtOnce = FIRST_ROWS
  #state: 'idle' | 'reading' | 'failed' = 'idle'
  #complete = false

  /** The client's transaction has begun. */
  constructor(parts: PostgresReadingParts) {
    this.#parts = parts
    const stream = new QueryStream(parts.sql, [], { rowMode: 'array', types: CELL_TYPES })
    parts.client.query(stream)
    this.#cursor = stream.cursor
  }

  columns(): readonly Column[] {
    const { typeName } = this.#parts
    return this.#cursor._result.fields.map(({ name, dataTypeID }) => ({ name, type: typeName(dataTypeID) }))
  }

  async next(rowsMax: number): Promise<Page | undefined> {
    if (this.#complete) return undefined
    const asked = Math.min(rowsMax, this.#rowsAtOnce)
    this.#state = 'reading'
    try {
      const rows = await this.#cursor.read(asked)
      this.#state = 'idle'
      this.#complete = rows.length < asked
      this.#adapt(rows)
      return rows.length === 0 ? undefined : rows
    } catch (error) {
      this.#state = 'failed'
      throw error
    }
  }

  #adapt(rows: Page): void {
    const sample = rows.slice(0, SAMPLED_ROWS)
    if (sample.length === 0) return
    const chars = sample.reduce((sum, row) => sum + rowChars(row), 0) / sample.length
    this.#rowsAtOnce = Math.max(
      1,
      Math.min(this.#rowsAtOnce * 8, Math.floor(PAGE_CHARS / Math.max(1, chars))),
    )
  }

  async end(): Promise<void> {
    const { client } = this.#parts
    if (this.#state === 'reading') return this.#abandon()
    try {
      // A portal that waits between two pieces is closed; nothing runs on the server then.
      if (!this.#complete && this.#state === 'idle') await this.#cursor.close()
      await client.query('rollback')
      client.release()
    } catch (error) {
      client.release(error instanceof Error ? error : true)
    }
  }

  /** Something runs: end it on the server, and do not use the connection again, so that a late cancellation hits nothing else. */
  async #abandon(): Promise<void> {
    const { client, cancel } = this.#parts
    await cancel((client as unknown as { readonly processID: number }).processID)
    client.release(true)
  }
}
