/** Writes the events of one load into one table: reads them into chunks, brings the columns up to date, inserts. Inside the caller's transaction. */

import { setImmediate } from 'node:timers/promises'
import type { DuckDBConnection } from '@duckdb/node-api'
import type { ColumnType } from '../../catalog/columns.ts'
import type { EventReader } from './event-reader.ts'
import { Findings } from './findings.ts'
import { FIXED_COLUMNS, type Layout, type PropertyColumn, SQL_TYPES } from './layout.ts'
import type { LoadRows } from './load-rows.ts'
import { BOOKS, quoted, type TableName, tableSql, textLiteral } from './names.ts'
import { RowChunk } from './row-chunk.ts'
import { type FedColumn, ROWS_FUNCTION, type RowFeed } from './row-feed.ts'
import type { RowMemory } from './row-memory.ts'

/** What loads share, one after another. */
export interface EventTools extends ReadingTools {
  /** Of the load's transaction. */
  readonly connection: DuckDBConnection
}

export interface ReadingTools {
  readonly feed: RowFeed
  readonly reader: EventReader
  /** Of the reader and of all chunks. */
  readonly memory: RowMemory
  /** Chunks that nobody uses. */
  readonly spare: RowChunk[]
}

/** Rows of one table, read and not yet written. */
export interface Reading {
  readonly rows: LoadRows
  readonly layout: Layout
  /** Of the layout's types: after a change the chunks are worth nothing. */
  readonly version: number
  /** None once they were given back. */
  readonly chunks: RowChunk[]
  readonly findings: Findings
}

/**
 * `meanwhile` runs while the engine takes the rows in; that it failed matters to nobody here. The chunks are given back, whatever happens.
 */
export async function writeEvents(
  tools: EventTools,
  read: Reading,
  meanwhile: () => Promise<unknown>,
): Promise<void> {
  const { connection, feed } = tools
  const { layout, rows } = read
  let { chunks, findings } = read
  try {
    if (await widen(connection, layout, findings.widen)) {
      giveBack(tools, chunks)
      ;({ chunks, findings } = await readEvents(tools, layout, rows))
    }
    for (const statement of layout.additions()) await connection.run(statement)
    const columns = fedColumns(layout, chunks)
    feed.offer(columns, chunks)
    const inserting = connection.run(insertion(layout.place, columns, rows.connection))
    const [inserted] = await Promise.allSettled([inserting, meanwhile()])
    if (inserted.status === 'rejected') throw inserted.reason
  } finally {
    giveBack(tools, chunks)
  }
  await noteMisfits(connection, layout.place, findings)
}

/** Chunks whose rows are in the table, or are not wanted. Their memory is there for ever: it must be used again. */
export function giveBack({ spare }: ReadingTools, chunks: RowChunk[]): void {
  for (const chunk of chunks) chunk.clear()
  spare.push(...chunks.splice(0))
}

/** One at a time. Lets others, above all the feed, have the thread between one stretch and the next. */
export async function readEvents(tools: ReadingTools, layout: Layout, rows: LoadRows): Promise<Reading> {
  const { reader } = tools
  const findings = new Findings()
  const chunks: RowChunk[] = []
  reader.begin(layout)
  try {
    let chunk: RowChunk | undefined
    for (let done = 0; done < rows.places.length; ) {
      if (chunk === undefined) {
        chunk = take(tools, rows.places.length - done)
        chunks.push(chunk)
      }
      const read = reader.read(rows, done, chunk, findings)
      done += read
      if (read === 0) chunk = undefined
      await setImmediate()
    }
  } catch (error) {
    giveBack(tools, chunks)
    throw error
  }
  return { rows, layout, version: layout.version, chunks, findings }
}

function take({ memory, spare }: ReadingTools, rows: number): RowChunk {
  const few = RowChunk.isFew(rows)
  const kept = spare.findLastIndex(({ isFew }) => isFew === few)
  return spare.splice(kept, kept < 0 ? 0 : 1)[0] ?? new RowChunk(memory, few)
}

/** Columns that hold a value in at least one row. */
function fedColumns(layout: Layout, chunks: readonly RowChunk[]): FedColumn[] {
  const isUsed = (index: number): boolean => chunks.some((chunk) => chunk.vectorAt(index) !== 0)
  const fixed = FIXED_COLUMNS.map(({ name, type }, index) => ({ index, name, type }))
  const properties = layout.properties.map(({ vector, name, type }) => ({ index: vector, name, type }))
  return [...fixed, ...properties].filter(({ index }) => isUsed(index))
}

function insertion(place: TableName, columns: readonly FedColumn[], connection: string): string {
  const names = columns.map(({ name }) => quoted(name)).join(', ')
  return `INSERT INTO ${tableSql(place)} (${names}, _current) SELECT ${names}, ${textLiteral(connection)} FROM ${ROWS_FUNCTION}()`
}

/** Whole numbers up to here are exact in a double. */
const DOUBLE_WHOLE_MAX = 9_007_199_254_740_992n

/** Turns discovered columns of whole numbers into doubles where every value that they hold stays what it is. True when one was. */
async function widen(
  connection: DuckDBConnection,
  layout: Layout,
  columns: ReadonlySet<PropertyColumn>,
): Promise<boolean> {
  let any = false
  for (const column of columns) {
    for (const statement of layout.additions()) await connection.run(statement)
    const name = quoted(column.name)
    const table = tableSql(layout.place)
    const held = await connection.runAndReadAll(
      `SELECT coalesce(bool_and(${name} BETWEEN -${DOUBLE_WHOLE_MAX} AND ${DOUBLE_WHOLE_MAX}), true) FROM ${table}`,
    )
    if (held.getRows()[0]?.[0] !== true) continue
    await changeType(connection, layout, column, 'double')
    any = true
  }
  return any
}

async function changeType(
  connection: DuckDBConnection,
  layout: Layout,
  column: PropertyColumn,
  type: ColumnType,
): Promise<void> {
  const { place } = layout
  await connection.run(
    `ALTER TABLE ${tableSql(place)} ALTER COLUMN ${quoted(column.name)} SET DATA TYPE ${SQL_TYPES[type]}`,
  )
  await connection.run(
    `UPDATE ${BOOKS}.columns SET type = $1 WHERE database = $2 AND tbl = $3 AND name = $4`,
    [type, place.database, place.table, column.name],
  )
  layout.widened(column, type)
}

async function noteMisfits(
  connection: DuckDBConnection,
  place: TableName,
  { misfits }: Findings,
): Promise<void> {
  for (const { column, kind, count, sample } of misfits.values()) {
    const key = [place.database, place.table, column, kind]
    const known = await connection.runAndReadAll(
      `UPDATE ${BOOKS}.misfits SET count = count + $5, last_at = current_localtimestamp() WHERE database = $1 AND tbl = $2 AND name = $3 AND kind = $4 RETURNING 1`,
      [...key, BigInt(count)],
    )
    if (known.currentRowCount > 0) continue
    await connection.run(
      `INSERT INTO ${BOOKS}.misfits VALUES ($1, $2, $3, $4, $5, $6, current_localtimestamp(), current_localtimestamp())`,
      [...key, BigInt(count), sample],
    )
  }
}
