/** Erasures with their receipts, and who stays out afterwards: no identifier in clear in either. */

import type { Transaction } from 'kysely'
import type { Dialect } from '../columns.ts'
import type { Schema } from '../schema.ts'
import { createTables, type Table } from '../tables.ts'

const TABLES: readonly Table[] = [
  {
    name: 'erasures',
    key: ['id'],
    columns: {
      id: 'text',
      state: 'text',
      step: 'text',
      sealed: 'bytes?',
      progress: 'text',
      problem: 'text',
      requested_by: 'text',
      note: 'text',
      receipt: 'text?',
      signature: 'text?',
      created_at: 'whole',
      updated_at: 'whole',
      finished_at: 'whole?',
    },
  },
  {
    name: 'suppressions',
    key: ['hash', 'erasure'],
    byKey: true,
    columns: { hash: 'text', erasure: 'text', quick: 'whole', created_at: 'whole' },
  },
]

export async function up(db: Transaction<Schema>, dialect: Dialect): Promise<void> {
  await createTables(db, dialect, TABLES, [{ table: 'erasures', columns: ['created_at'] }])
}
