/** The versions of the schema of profiles: fields, streams and the rules of identifiers, as one object. */

import type { Transaction } from 'kysely'
import type { Dialect } from '../columns.ts'
import type { Schema } from '../schema.ts'
import { createTables, type Table } from '../tables.ts'

const TABLES: readonly Table[] = [
  {
    name: 'profile_schemas',
    key: ['version'],
    columns: { version: 'whole', definition: 'text', note: 'text', author: 'text', created_at: 'whole' },
  },
]

export async function up(db: Transaction<Schema>, dialect: Dialect): Promise<void> {
  await createTables(db, dialect, TABLES, [])
}
