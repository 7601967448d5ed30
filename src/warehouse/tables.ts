/** Tables as engines list them: one row for each column, in the order of database, table, place. */

import type { Cell, Column, QueryRequest, QueryStream, TableShape } from './warehouse.ts'

const TABLES_MS_MAX = 30_000
/** Of all tables together; a database with more shows its first ones. */
export const COLUMNS_MAX = 50_000

/** `sql` gives database, table, rows (or null), column, type. It is fixed text of ours: no name ever becomes part of a statement. */
export async function tablesFrom(
  ask: (request: QueryRequest) => Promise<QueryStream>,
  sql: string,
): Promise<readonly TableShape[]> {
  const { pages } = await ask({ sql, rowsMax: COLUMNS_MAX, timeoutMs: TABLES_MS_MAX })
  const tables: (TableShape & { readonly columns: Column[] })[] = []
  for await (const page of pages) {
    for (const [database, table, rows, name, type] of page) {
      const last = tables.at(-1)
      const column = { name: String(name), type: String(type) }
      if (last !== undefined && last.database === database && last.table === table) last.columns.push(column)
      else
        tables.push({
          database: String(database),
          table: String(table),
          rows: countOf(rows),
          columns: [column],
        })
    }
  }
  return tables
}

function countOf(rows: Cell | undefined): number | undefined {
  return typeof rows === 'number' ? rows : undefined
}
