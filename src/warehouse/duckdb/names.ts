/** Names and literals as SQL text. What comes from outside enters a statement only through these, or as a bound value. */

/** Catalog name of the file: `warehouse.duckdb` without its ending. */
export const CATALOG = 'warehouse'
/** Found without naming it in a query; always there. */
export const DEFAULT_DATABASE = 'braze'
/** The schema of the books that the warehouse keeps about itself; hidden from queries. */
export const BOOKS = '_thalweg'
export const RAW_SUFFIX = '_raw'

export interface TableName {
  readonly database: string
  readonly table: string
}

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

export function textLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

export function tableSql({ database, table }: TableName): string {
  return `${quoted(database)}.${quoted(table)}`
}

export function keyOf({ database, table }: TableName): string {
  return `${database}.${table}`
}

const TYPE_TABLE_CHARS_MAX = 128

/** The table of one event type: the type in lower case with underscores, `other` without one. */
export function typeTable(type: string): string {
  const plain = type
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .replaceAll(/^_+|_+$/g, '')
  if (plain === '') return 'other'
  return (/^[a-z]/.test(plain) ? plain : `type_${plain}`).slice(0, TYPE_TABLE_CHARS_MAX)
}
