/** The tables of queries: engines that an operator connected, and saved queries with their versions. */

import type { CreateTableBuilder, Transaction } from 'kysely'
import { type Columns, columnsOf, type Dialect } from '../columns.ts'
import type { Schema } from '../schema.ts'

type Kind = 'whole' | 'text'

const TABLES: readonly {
  readonly name: string
  readonly key: readonly string[]
  readonly columns: Readonly<Record<string, Kind>>
}[] = [
  {
    name: 'query_engines',
    key: ['name'],
    columns: {
      name: 'text',
      kind: 'text',
      authorization: 'text',
      settings: 'text',
      description: 'text',
      created_at: 'whole',
      updated_at: 'whole',
    },
  },
  {
    name: 'saved_queries',
    key: ['name'],
    columns: { name: 'text', version: 'whole', created_at: 'whole', updated_at: 'whole' },
  },
  {
    name: 'saved_query_versions',
    key: ['name', 'version'],
    columns: {
      name: 'text',
      version: 'whole',
      engine: 'text',
      sql: 'text',
      description: 'text',
      author: 'text',
      created_at: 'whole',
    },
  },
]

export async function up(db: Transaction<Schema>, dialect: Dialect): Promise<void> {
  const kinds: Columns = columnsOf(dialect)
  for (const { name, key, columns } of TABLES) {
    let table: CreateTableBuilder<string, string> = db.schema.createTable(name)
    for (const [column, kind] of Object.entries(columns))
      table = table.addColumn(column, kinds[kind], (definition) => definition.notNull())
    await kinds.finish(table.addPrimaryKeyConstraint(`${name}_key`, [...key]), 'by-key').execute()
  }
}
