/** The tables of segments: named rules over tables of people, with their versions. */

import type { Transaction } from 'kysely'
import type { Dialect } from '../columns.ts'
import type { Schema } from '../schema.ts'
import { createTables, type Table } from '../tables.ts'

const TABLES: readonly Table[] = [
  {
    name: 'segments',
    key: ['name'],
    byKey: true,
    columns: { name: 'text', version: 'whole', created_at: 'whole', updated_at: 'whole' },
  },
  {
    name: 'segment_versions',
    key: ['name', 'version'],
    byKey: true,
    columns: {
      name: 'text',
      version: 'whole',
      definition: 'text',
      note: 'text',
      author: 'text',
      created_at: 'whole',
    },
  },
]

export async function up(db: Transaction<Schema>, dialect: Dialect): Promise<void> {
  await createTables(db, dialect, TABLES, [])
}
