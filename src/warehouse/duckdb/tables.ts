/** The layouts of the tables in the database, and the books about them. Read once; forgotten when a load fails, for it may have been ahead of the database. */

import type { DuckDBConnection } from '@duckdb/node-api'
import type { ColumnType } from '../../catalog/columns.ts'
import { Layout } from './layout.ts'
import { BOOKS, keyOf, type TableName } from './names.ts'

/** Our own tables. A statement each; all may run again. */
export const BOOKS_SCHEMA: readonly string[] = [
  `CREATE SCHEMA IF NOT EXISTS ${BOOKS}`,
  // No row of the connection in the table has this offset or a later one.
  `CREATE TABLE IF NOT EXISTS ${BOOKS}.positions (connection VARCHAR, database VARCHAR, tbl VARCHAR, position BIGINT)`,
  `CREATE TABLE IF NOT EXISTS ${BOOKS}.tables (database VARCHAR, tbl VARCHAR, shape VARCHAR)`,
  `CREATE TABLE IF NOT EXISTS ${BOOKS}.columns (database VARCHAR, tbl VARCHAR, member VARCHAR, name VARCHAR, type VARCHAR, discovered BOOLEAN)`,
  `CREATE TABLE IF NOT EXISTS ${BOOKS}.misfits (database VARCHAR, tbl VARCHAR, name VARCHAR, kind VARCHAR, count BIGINT, sample VARCHAR, first_at TIMESTAMP, last_at TIMESTAMP)`,
]

/**
 * How far a position in the database may be set beyond the rows of events: as long as it suffices, a load writes rows and nothing else, and needs
 * not wait until the load before it is committed. Whoever opens the database looks this many records up once.
 */
export const POSITION_ROOM = 1_000_000

export class Tables {
  readonly #connection: DuckDBConnection
  #layouts: Map<string, Layout> | undefined
  #rawTables = new Set<string>()
  /** No row has this offset or a later one, in the database or in a load under way. */
  #positions = new Map<string, number>()
  /** As they are in the database. */
  #kept = new Map<string, number>()

  constructor(connection: DuckDBConnection) {
    this.#connection = connection
  }

  /** Reads the books unless they are known. */
  async open(): Promise<void> {
    if (this.#layouts !== undefined) return
    const rows = async (sql: string) => (await this.#connection.runAndReadAll(sql)).getRows() as string[][]
    const tables = await rows(`SELECT database, tbl, shape FROM ${BOOKS}.tables`)
    const columns = await this.#connection.runAndReadAll(
      `SELECT database, tbl, member, name, type, discovered FROM ${BOOKS}.columns ORDER BY rowid`,
    )
    const kept = columns.getRows() as [string, string, string, string, ColumnType, boolean][]
    this.#rawTables = new Set(
      tables
        .filter(([, , shape]) => shape === 'raw')
        .map(([database = '', table = '']) => keyOf({ database, table })),
    )
    this.#layouts = new Map()
    for (const [database = '', table = '', shape] of tables) {
      if (shape !== 'events') continue
      const own = kept.filter((column) => column[0] === database && column[1] === table)
      const place = { database, table }
      this.#layouts.set(
        keyOf(place),
        new Layout(
          place,
          own.map(([, , member, name, type, discovered]) => ({ member, name, type, discovered })),
        ),
      )
    }
    const positions = await this.#connection.runAndReadAll(
      `SELECT connection, database, tbl, position::DOUBLE FROM ${BOOKS}.positions`,
    )
    this.#kept = new Map(
      (positions.getRows() as [string, string, string, number][]).map(
        ([connection, database, table, position]) => [`${connection} ${database}.${table}`, position],
      ),
    )
    this.#positions = new Map(this.#kept)
  }

  /** After a failed load: what is in memory may never have reached the database. */
  forget(): void {
    this.#layouts = undefined
  }

  layoutOf(place: TableName): Layout {
    const key = keyOf(place)
    let layout = this.#layouts?.get(key)
    if (layout === undefined) {
      layout = new Layout(place, undefined)
      this.#layouts?.set(key, layout)
    }
    return layout
  }

  /** True the first time: the table is to be made. */
  isNewRaw(place: TableName): boolean {
    const key = keyOf(place)
    if (this.#rawTables.has(key)) return false
    this.#rawTables.add(key)
    return true
  }

  has(place: TableName): boolean {
    return this.#layouts?.has(keyOf(place)) === true || this.#rawTables.has(keyOf(place))
  }

  positionOf(connection: string, place: TableName): number {
    return this.#positions.get(`${connection} ${keyOf(place)}`) ?? 0
  }

  /** Whether rows up to before `position` can be written without a change of the books. */
  hasRoom(connection: string, place: TableName, position: number): boolean {
    return (this.#kept.get(`${connection} ${keyOf(place)}`) ?? 0) >= position
  }

  /** Moves the position, inside the load's transaction on `db`; in the database so far beyond it, when it has to be moved there at all. */
  async advance(
    db: DuckDBConnection,
    connection: string,
    place: TableName,
    position: number,
    room = 0,
  ): Promise<void> {
    const key = `${connection} ${keyOf(place)}`
    this.#positions.set(key, Math.max(position, this.#positions.get(key) ?? 0))
    if (this.hasRoom(connection, place, position)) return
    const isNew = !this.#kept.has(key)
    this.#kept.set(key, position + room)
    const values = [connection, place.database, place.table, BigInt(position + room)]
    if (isNew) await db.run(`INSERT INTO ${BOOKS}.positions VALUES ($1, $2, $3, $4)`, values)
    else
      await db.run(
        `UPDATE ${BOOKS}.positions SET position = $4 WHERE connection = $1 AND database = $2 AND tbl = $3`,
        values,
      )
  }
}
