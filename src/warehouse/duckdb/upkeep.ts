/** What happens to tables beside loading: browsing, retention, and giving room back. On the loader's connection, between loads. */

import type { DuckDBConnection } from '@duckdb/node-api'
import type { TableShape } from '../warehouse.ts'
import { BOOKS, CATALOG, quoted, type TableName, tableSql } from './names.ts'

/** Values that did not fit their column, as the drift view shows them. */
export interface MisfitReport extends TableName {
  readonly column: string
  /** What was there instead: string, object, array, boolean, number. */
  readonly kind: string
  readonly count: number
  readonly sample: string
  /** Milliseconds since the epoch. */
  readonly firstAt: number
  readonly lastAt: number
}

const MISFITS_MAX = 10_000

/** The tables that queries may name. */
export async function visibleTables(connection: DuckDBConnection): Promise<readonly TableName[]> {
  const found = await connection.runAndReadAll(`SELECT database, tbl FROM ${BOOKS}.tables ORDER BY 1, 2`)
  return (found.getRows() as [string, string][]).map(([database, table]) => ({ database, table }))
}

export async function describeTables(connection: DuckDBConnection): Promise<readonly TableShape[]> {
  const shapes: TableShape[] = []
  for (const { database, table } of await visibleTables(connection)) {
    const columns = await connection.runAndReadAll(
      `SELECT column_name, data_type FROM duckdb_columns() WHERE database_name = '${CATALOG}' AND schema_name = $1 AND table_name = $2 ORDER BY column_index`,
      [database, table],
    )
    const rows = await connection.runAndReadAll(
      `SELECT count(*)::DOUBLE FROM ${quoted(database)}.${quoted(table)}`,
    )
    shapes.push({
      database,
      table,
      rows: Number(rows.getRows()[0]?.[0]),
      columns: (columns.getRows() as [string, string][]).map(([name, type]) => ({ name, type })),
    })
  }
  return shapes
}

export async function reportMisfits(connection: DuckDBConnection): Promise<readonly MisfitReport[]> {
  const found = await connection.runAndReadAll(
    `SELECT database, tbl, name, kind, count::DOUBLE, sample, epoch_ms(first_at)::DOUBLE, epoch_ms(last_at)::DOUBLE FROM ${BOOKS}.misfits ORDER BY last_at DESC LIMIT ${MISFITS_MAX}`,
  )
  type Row = [string, string, string, string, number, string, number, number]
  return (found.getRows() as Row[]).map(
    ([database, table, column, kind, count, sample, firstAt, lastAt]) => ({
      database,
      table,
      column,
      kind,
      count,
      sample,
      firstAt,
      lastAt,
    }),
  )
}

/**
 * Removes rows that were accepted before `beforeMs`, in every table, and gives their room back to the file. Positions stay: what was loaded counts
 * as loaded. Gives the number of rows removed.
 */
export async function removeOld(connection: DuckDBConnection, beforeMs: number): Promise<number> {
  const found = await connection.runAndReadAll(`SELECT database, tbl, shape FROM ${BOOKS}.tables`)
  let removed = 0
  for (const [database, table, shape] of found.getRows() as [string, string, string][]) {
    const time = shape === 'raw' ? '"time"' : '_received_at'
    const gone = await connection.run(
      `DELETE FROM ${tableSql({ database, table })} WHERE ${time} < make_timestamp($1::BIGINT)`,
      [BigInt(Math.floor(beforeMs)) * 1000n],
    )
    removed += gone.rowsChanged
  }
  if (removed > 0) await connection.run(`CHECKPOINT ${CATALOG}`)
  return removed
}
