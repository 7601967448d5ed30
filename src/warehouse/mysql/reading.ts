/** One query in MySQL or MariaDB: its rows as they come over the connection, which is paused while nobody wants them. */

import type { Readable } from 'node:stream'
import type { PoolConnection } from 'mysql2'
import { rowChars } from '../cells.ts'
import { PAGE_CHARS, type Page, type Reading, type Row } from '../stream.ts'
import type { Column } from '../warehouse.ts'
import { cellReader, type Definition } from './cells.ts'

/** Rows that wait for us beside what the socket has read already. */
const WAITING_ROWS = 64

export interface MysqlReadingParts {
  readonly connection: PoolConnection
  readonly sql: string
  /** Asks the server, over another connection, to end what this one does. Never rejects. */
  readonly cancel: (threadId: number) => Promise<void>
}

export class MysqlReading implements Reading {
  readonly #parts: MysqlReadingParts
  readonly #rows: Readable
  #readers: readonly ReturnType<typeof cellReader>[] = []
  #columns: readonly Column[] = []
  #state: 'running' | 'complete' | 'failed' = 'running'
  #error: unknown
  #wake: () => void = () => undefined

  /** The connection's transaction has begun. */
  constructor(parts: MysqlReadingParts) {
    this.#parts = parts
    this.#rows = parts.connection
      .query({ sql: parts.sql, rowsAsArray: true, typeCast: false })
      .stream({ highWaterMark: WAITING_ROWS })
    this.#rows.on('fields', (fields: readonly Definition[] | undefined) => this.#describe(fields ?? []))
    this.#rows.on('readable', () => this.#wake())
    this.#rows.on('end', () => this.#settle('complete'))
    this.#rows.on('error', (error) => {
      this.#error = error
      this.#settle('failed')
    })
  }

  columns(): readonly Column[] {
    return this.#columns
  }

  async next(rowsMax: number): Promise<Page | undefined> {
    for (;;) {
      const page = this.#taken(rowsMax)
      if (page.length > 0) return page
      if (this.#state === 'failed') throw this.#error
      if (this.#state === 'complete') return undefined
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** What is there now. */
  #taken(rowsMax: number): Page {
    const page: Row[] = []
    for (let chars = 0; page.length < rowsMax && chars < PAGE_CHARS; ) {
      const values = this.#rows.read() as readonly (Buffer | null)[] | null
      if (values === null) break
      const row = values.map((value, i) => (value === null ? null : (this.#readers[i]?.parse(value) ?? null)))
      chars += rowChars(row)
      page.push(row)
    }
    return page
  }

  async end(): Promise<void> {
    const { connection, cancel } = this.#parts
    if (this.#state !== 'running') return this.#giveBack()
    // The server may wait for us to take rows: it learns from the closed socket; or compute: it is told.
    const { threadId } = connection
    connection.destroy()
    this.#rows.destroy()
    await cancel(threadId)
    this.#settle('complete')
  }

  #giveBack(): Promise<void> {
    const { connection } = this.#parts
    return new Promise((resolve) => {
      connection.query('rollback', (error) => {
        if (error) connection.destroy()
        else connection.release()
        resolve()
      })
    })
  }

  #describe(fields: readonly Definition[]): void {
    this.#readers = fields.map(cellReader)
    this.#columns = fields.map(({ name }, i) => ({ name, type: this.#readers[i]?.type ?? '' }))
  }

  #settle(state: 'complete' | 'failed'): void {
    if (this.#state === 'running') this.#state = state
    this.#wake()
  }
}
