/** The tables of queries: engines that an operator connected, and saved queries with their versions. */

import type { Transaction } from 'kysely'
import type { Dialect } from '../columns.ts'
import type { Schema } from '../schema.ts'
import { createTables, type Table } from '../tables.ts'

const TABLES: readonly Table[] = [
  {
    name: 'query_engines',
    key: ['name'],
    byKey: true,
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
    byKey: true,
    columns: { name: 'text', version: 'whole', created_at: 'whole', updated_at: 'whole' },
  },
  {
    name: 'saved_query_versions',
    key: ['name', 'version'],
    byKey: true,
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
  await createTables(db, dialect, TABLES, [])
}
