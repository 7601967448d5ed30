/** Names of tables and columns as a query has to write them. */

import type { TableAnswer } from '../../../api/routes/engines.ts'

/** By kind of engine: the database whose tables are found without it. */
const IMPLIED: Readonly<Record<string, string>> = {
  duckdb: 'braze',
  postgres: 'public',
  clickhouse: 'default',
}
const TICKS = new Set(['mysql', 'clickhouse'])

export function quoted(name: string, kind: string): string {
  if (/^[a-z_][a-z0-9_]*$/.test(name)) return name
  return TICKS.has(kind) ? `\`${name.replaceAll('`', '``')}\`` : `"${name.replaceAll('"', '""')}"`
}

export function tableName(
  { database, table }: Pick<TableAnswer, 'database' | 'table'>,
  kind: string,
): string {
  return IMPLIED[kind] === database ? quoted(table, kind) : `${quoted(database, kind)}.${quoted(table, kind)}`
}
