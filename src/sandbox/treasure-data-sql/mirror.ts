/**
 * The rows of the double as tables of DuckDB. A mirror follows the rows that can be queried: new ones are appended, and
 * when rows left at the other end (bounds, a reset, a longer delay) the table is made anew.
 *
 * Treasure Data stores what it is given and casts on reading; the type of a column is the one it was first seen with,
 * and what does not fit reads as null (TD docs, data ingestion).
 */

import { setImmediate as breath } from 'node:timers/promises'
import type { DuckDBAppender, DuckDBConnection } from '@duckdb/node-api'
import type { Column } from '../treasure-data-flatten.ts'
import type { Place } from '../treasure-data-intake.ts'
import { columnsOf, type Row } from '../treasure-data-rows.ts'

/** As Treasure Data's schemas call them. */
export type ColumnType = 'long' | 'double' | 'string'

/** TD docs, upper limits: columns of a table. Later ones are left out. */
export const COLUMNS_MAX = 4096
/** The event loop gets a turn between two pages. */
const PAGE_ROWS = 500

const DUCKDB_TYPES: Readonly<Record<ColumnType, string>> = {
  long: 'BIGINT',
  double: 'DOUBLE',
  string: 'VARCHAR',
}

export class Mirror {
  readonly #connection: DuckDBConnection
  readonly #name: string
  readonly #place: Place
  #columns = new Map<string, ColumnType>()
  #oldest: Row | undefined
  #count = 0

  private constructor(connection: DuckDBConnection, place: Place) {
    this.#connection = connection
    this.#place = place
    this.#name = qualified(place)
  }

  /** An empty table. Names are checked by the doors: letters, digits, underscores. */
  static async make(connection: DuckDBConnection, place: Place): Promise<Mirror> {
    await connection.run(`CREATE SCHEMA IF NOT EXISTS td."${place.database}"`)
    const mirror = new Mirror(connection, place)
    await mirror.#begin()
    return mirror
  }

  /** Without `time`, which every table has. */
  get columns(): ReadonlyMap<string, ColumnType> {
    return this.#columns
  }

  /** Brings the table to hold exactly these rows. Calls must not overlap. */
  async follow(rows: readonly Row[]): Promise<void> {
    if (rows.length < this.#count || (this.#count > 0 && rows[0] !== this.#oldest)) await this.#begin()
    this.#oldest = rows[0]
    while (this.#count < rows.length) {
      const page = rows.slice(this.#count, this.#count + PAGE_ROWS)
      await this.#append(page.map(columnsOf))
      this.#count += page.length
      await breath()
    }
  }

  async #begin(): Promise<void> {
    this.#columns = new Map()
    this.#count = 0
    await this.#connection.run(`CREATE OR REPLACE TABLE ${this.#name}("time" BIGINT)`)
  }

  async #append(page: readonly Record<string, Column>[]): Promise<void> {
    for (const columns of page) {
      for (const [name, value] of Object.entries(columns)) await this.#meet(name, value)
    }
    const appender = await this.#connection.createAppender(this.#place.table, this.#place.database, 'td')
    for (const columns of page) {
      appender.appendBigInt(BigInt(Math.trunc(Number(columns.time ?? 0))))
      for (const [name, type] of this.#columns) appendCell(appender, type, columns[name])
      appender.endRow()
    }
    appender.closeSync()
  }

  async #meet(name: string, value: Column): Promise<void> {
    if (name === 'time' || this.#columns.has(name) || this.#columns.size >= COLUMNS_MAX) return
    const type = typeOf(value)
    await this.#connection.run(
      `ALTER TABLE ${this.#name} ADD COLUMN "${name.replaceAll('"', '""')}" ${DUCKDB_TYPES[type]}`,
    )
    this.#columns.set(name, type)
  }
}

function qualified(place: Place): string {
  return `td."${place.database}"."${place.table}"`
}

function typeOf(value: Column): ColumnType {
  if (typeof value === 'string') return 'string'
  return Number.isSafeInteger(value) ? 'long' : 'double'
}

function appendCell(appender: DuckDBAppender, type: ColumnType, value: Column | undefined): void {
  if (value === undefined) {
    appender.appendNull()
  } else if (type === 'string') {
    appender.appendVarchar(String(value))
  } else {
    const number = typeof value === 'string' && value.trim() === '' ? Number.NaN : Number(value)
    if (!Number.isFinite(number)) appender.appendNull()
    else if (type === 'double') appender.appendDouble(number)
    else if (Number.isSafeInteger(Math.trunc(number))) appender.appendBigInt(BigInt(Math.trunc(number)))
    else appender.appendNull()
  }
}
