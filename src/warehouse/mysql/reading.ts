/** One query in MySQL or MariaDB: its rows as they come over the connection, which is paused while nobody wants them. */

import type { PoolConnection } from 'mysql2'
import { GrowingPage, type Page, type Reading, type Row } from '../stream.ts'
import { type Column, PAGE_ROWS_MAX } from '../warehouse.ts'
import { cellReader, type Definition, type Value } from './cells.ts'

export interface MysqlReadingParts {
  readonly connection: PoolConnection
  readonly sql: string
  /** Asks the server, over another connection, to end what this one does. Never rejects. */
  readonly cancel: (threadId: number) => Promise<void>
}

/** Holds the page that fills, beside what the socket has read already. */
export class MysqlReading implements Reading {
  readonly #parts: MysqlReadingParts
  #readers: readonly ReturnType<typeof cellReader>[] = []
  #columns: readonly Column[] = []
  /** Of the value that the client reads next. */
  #column = 0
  #page = new GrowingPage()
  /** Rows that whoever waits is content with: at first whatever comes. */
  #wanted = 1
  #state: 'running' | 'complete' | 'failed' = 'running'
  #error: unknown
  #wake: () => void = () => undefined

  /** The connection's transaction has begun. */
  constructor(parts: MysqlReadingParts) {
    this.#parts = parts
    const query = parts.connection.query({
      sql: parts.sql,
      rowsAsArray: true,
      typeCast: (value) => this.#cellOf(value),
    })
    query.on('fields', (fields: readonly Definition[] | undefined) => this.#describe(fields ?? []))
    query.on('result', (row: Row) => this.#take(row))
    query.on('error', (error) => {
      this.#error = error
      this.#settle('failed')
    })
    query.on('end', () => this.#settle('complete'))
  }

  columns(): readonly Column[] {
    return this.#columns
  }

  /** The first rows as they come; from then on full pages. */
  async next(rowsMax: number): Promise<Page | undefined> {
    this.#wanted = Math.min(this.#wanted, rowsMax)
    while (this.#state === 'running' && !this.#isEnough) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        this.#parts.connection.resume()
      })
    }
    const { rows } = this.#page
    this.#page = new GrowingPage()
    this.#wanted = PAGE_ROWS_MAX
    for (const row of rows.slice(rowsMax)) this.#page.add(row)
    if (rows.length > 0) return rows.slice(0, rowsMax)
    if (this.#state === 'failed') throw this.#error
    return undefined
  }

  async end(): Promise<void> {
    const { connection, cancel } = this.#parts
    if (this.#state !== 'running') return this.#giveBack()
    this.#settle('complete')
    // The server may wait for us to take rows: it learns from the closed socket; or compute: it is told.
    const { threadId } = connection
    connection.destroy()
    connection.resume()
    await cancel(threadId)
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

  /** The client reads a row's values one by one, in their order, and each exactly once. */
  #cellOf(value: Value): Row[number] {
    const cell = this.#readers[this.#column]?.parse(value) ?? null
    this.#column = this.#column + 1 === this.#readers.length ? 0 : this.#column + 1
    return cell
  }

  #take(row: Row): void {
    if (this.#state !== 'running') return
    this.#page.add(row)
    if (this.#page.isFull) this.#parts.connection.pause()
    if (this.#isEnough) this.#wake()
  }

  get #isEnough(): boolean {
    return this.#page.isFull || this.#page.rows.length >= this.#wanted
  }

  #settle(state: 'complete' | 'failed'): void {
    if (this.#state === 'running') this.#state = state
    this.#wake()
  }
}
