/** The tables of audiences: activations with their versions, and their runs. */

import { sql, type Transaction } from 'kysely'
import type { Dialect } from '../columns.ts'
import type { Schema } from '../schema.ts'
import { createTables, type Index, type Table } from '../tables.ts'

const TABLES: readonly Table[] = [
  {
    name: 'activations',
    serial: 'number',
    columns: {
      name: 'text',
      state: 'text',
      version: 'whole',
      source: 'whole',
      current: 'whole',
      scheduled_since: 'whole',
      scheduled_to: 'whole',
      created_at: 'whole',
      updated_at: 'whole',
    },
  },
  {
    name: 'activation_versions',
    key: ['activation', 'version'],
    byKey: true,
    columns: {
      activation: 'whole',
      version: 'whole',
      definition: 'text',
      created_at: 'whole',
      note: 'text',
    },
  },
  {
    name: 'runs',
    key: ['activation', 'run'],
    byKey: true,
    columns: {
      activation: 'whole',
      run: 'whole',
      version: 'whole',
      target: 'text',
      cause: 'text',
      by: 'text',
      dry: 'whole',
      retry_of: 'whole?',
      state: 'text',
      phase: 'text',
      report: 'text',
      created_at: 'whole',
      updated_at: 'whole',
      finished_at: 'whole?',
    },
  },
]

const INDEXES: readonly Index[] = [
  { table: 'activations', columns: ['name'], unique: true, where: sql<boolean>`state <> 'deleted'` },
  { table: 'runs', columns: ['created_at'] },
  // One unfinished run of a cohort at a time, whatever node starts it.
  {
    table: 'runs',
    columns: ['target'],
    unique: true,
    where: sql<boolean>`state in ('queued', 'running', 'held')`,
  },
]

export async function up(db: Transaction<Schema>, dialect: Dialect): Promise<void> {
  await createTables(db, dialect, TABLES, INDEXES)
}
