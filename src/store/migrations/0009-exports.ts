/** The tables of exports: audiences on their way to a vendor, their versions and what their batches did. */

import { sql, type Transaction } from 'kysely'
import { columnsOf, type Dialect } from '../columns.ts'
import type { Schema } from '../schema.ts'
import { createTables, type Index, type Table } from '../tables.ts'

const TABLES: readonly Table[] = [
  {
    name: 'exports',
    serial: 'number',
    columns: {
      name: 'text',
      state: 'text',
      state_reason: 'text',
      state_since: 'whole',
      version: 'whole',
      since: 'text',
      created_at: 'whole',
      started_at: 'whole?',
    },
  },
  {
    name: 'export_versions',
    key: ['export', 'version'],
    byKey: true,
    columns: {
      export: 'whole',
      version: 'whole',
      definition: 'text',
      note: 'text',
      author: 'text',
      created_at: 'whole',
    },
  },
  {
    name: 'export_log',
    key: ['export', 'number'],
    byKey: true,
    columns: {
      export: 'whole',
      number: 'whole',
      at: 'whole',
      lane: 'text',
      people: 'whole',
      added: 'whole',
      removed: 'whole',
      refused: 'whole',
      omitted: 'whole',
      requests: 'whole',
      status: 'whole',
      message: 'text',
    },
  },
]

const INDEXES: readonly Index[] = [
  { table: 'exports', columns: ['name'], unique: true, where: sql<boolean>`state <> 'deleted'` },
]

export async function up(db: Transaction<Schema>, dialect: Dialect): Promise<void> {
  await createTables(db, dialect, TABLES, INDEXES)
  await db.schema.alterTable('alerts').addColumn('export', columnsOf(dialect).whole).execute()
}
