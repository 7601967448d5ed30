/** The tables of files as a source: imports, the manifest of their files, and what they brought. */

import type { Transaction } from 'kysely'
import type { Dialect } from '../columns.ts'
import type { Schema } from '../schema.ts'
import { createTables, type Index, type Table } from '../tables.ts'

const TABLES: readonly Table[] = [
  {
    name: 'imports',
    key: ['source'],
    columns: {
      source: 'whole',
      state: 'text',
      reason: 'text',
      run: 'whole',
      listed: 'whole',
      started_at: 'whole',
      finished_at: 'whole?',
      updated_at: 'whole',
    },
    references: ['source', 'sources', 'number'],
  },
  {
    name: 'import_files',
    serial: 'number',
    columns: {
      source: 'whole',
      name: 'text',
      version: 'text',
      size: 'whole',
      modified_at: 'whole',
      state: 'text',
      at: 'whole',
      record: 'whole',
      read: 'whole',
      duplicates: 'whole',
      quarantined: 'whole',
      problem: 'text',
      log_offset: 'whole',
      run: 'whole',
      updated_at: 'whole',
    },
    references: ['source', 'sources', 'number'],
  },
  {
    name: 'import_hours',
    key: ['source', 'run', 'hour', 'event_type'],
    columns: { source: 'whole', run: 'whole', hour: 'whole', event_type: 'text', count: 'whole' },
    references: ['source', 'sources', 'number'],
  },
]

const INDEXES: readonly Index[] = [
  { table: 'import_files', columns: ['source', 'name', 'version'], unique: true },
  { table: 'import_files', columns: ['source', 'state', 'number'] },
  { table: 'import_files', columns: ['source', 'run'] },
]

export async function up(db: Transaction<Schema>, dialect: Dialect): Promise<void> {
  await createTables(db, dialect, TABLES, INDEXES)
}
