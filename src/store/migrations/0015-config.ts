/** Configuration as files: what was applied when, and of each object what the last apply left. */

import type { Transaction } from 'kysely'
import { columnsOf, type Dialect } from '../columns.ts'
import type { Schema } from '../schema.ts'
import { createTables, type Table } from '../tables.ts'

const TABLES: readonly Table[] = [
  {
    name: 'config_applies',
    serial: 'number',
    columns: {
      state: 'text',
      by: 'text',
      note: 'text',
      started_at: 'whole',
      finished_at: 'whole?',
      steps: 'text',
    },
  },
  {
    name: 'config_objects',
    key: ['kind', 'id'],
    columns: { kind: 'text', id: 'text', name: 'text', body: 'text', mark: 'text', apply: 'whole' },
  },
]

export async function up(db: Transaction<Schema>, dialect: Dialect): Promise<void> {
  await createTables(db, dialect, TABLES, [])
  await db.schema
    .alterTable('saved_query_versions')
    .addColumn('note', columnsOf(dialect).text, (column) => column.notNull().defaultTo(''))
    .execute()
}
