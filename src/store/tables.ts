/** What a migration says of the tables and indexes that it makes, the same for both dialects. */

import type { CreateTableBuilder, RawBuilder, Transaction } from 'kysely'
import { type Columns, columnsOf, type Dialect } from './columns.ts'
import type { Schema } from './schema.ts'

type Kind = 'whole' | 'text' | 'bytes'
/** A column's type; with '?' it may be null. */
type Shape = Readonly<Record<string, Kind | `${Kind}?`>>

export interface Table {
  readonly name: string
  /** Name of the column that numbers the rows; then there is no other primary key. */
  readonly serial?: string
  readonly key?: readonly string[]
  /** Rows lie in the order of their key. */
  readonly byKey?: true
  readonly columns: Shape
  readonly references?: readonly [column: string, table: string, target: string]
}

export interface Index {
  readonly table: string
  readonly columns: readonly string[]
  readonly unique?: true
  readonly where?: RawBuilder<boolean>
}

export async function createTables(
  db: Transaction<Schema>,
  dialect: Dialect,
  tables: readonly Table[],
  indexes: readonly Index[],
): Promise<void> {
  for (const table of tables) await createTable(db, table, columnsOf(dialect))
  for (const index of indexes) await createIndex(db, index)
}

async function createTable(db: Transaction<Schema>, table: Table, columns: Columns): Promise<void> {
  let builder: CreateTableBuilder<string, string> = db.schema.createTable(table.name)
  if (table.serial !== undefined) builder = builder.addColumn(table.serial, columns.serial)
  for (const [name, shape] of Object.entries(table.columns)) {
    const optional = shape.endsWith('?')
    const kind = shape.replace('?', '') as Kind
    builder = builder.addColumn(name, columns[kind], (column) => (optional ? column : column.notNull()))
  }
  if (table.key !== undefined) builder = builder.addPrimaryKeyConstraint(`${table.name}_key`, [...table.key])
  if (table.references !== undefined) {
    const [column, target, targetColumn] = table.references
    builder = builder.addForeignKeyConstraint(`${table.name}_${column}`, [column], target, [targetColumn])
  }
  await columns.finish(builder, table.byKey ? 'by-key' : 'as-inserted').execute()
}

export async function createIndex(db: Transaction<Schema>, index: Index): Promise<void> {
  let builder = db.schema
    .createIndex(`${index.table}_by_${index.columns.join('_')}`)
    .on(index.table)
    .columns([...index.columns])
  if (index.unique) builder = builder.unique()
  if (index.where !== undefined) builder = builder.where(index.where)
  await builder.execute()
}
