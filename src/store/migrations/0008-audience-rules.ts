/** The tables of audiences that are rules over profiles, with their versions. */

import { sql, type Transaction } from 'kysely'
import type { Dialect } from '../columns.ts'
import type { Schema } from '../schema.ts'
import { createTables, type Index, type Table } from '../tables.ts'

const TABLES: readonly Table[] = [
  {
    name: 'rule_audiences',
    serial: 'number',
    columns: { slug: 'text', state: 'text', version: 'whole', created_at: 'whole', updated_at: 'whole' },
  },
  {
    name: 'rule_audience_versions',
    key: ['audience', 'version'],
    byKey: true,
    columns: {
      audience: 'whole',
      version: 'whole',
      slug: 'text',
      name: 'text',
      description: 'text',
      filter: 'text',
      note: 'text',
      author: 'text',
      created_at: 'whole',
    },
  },
]

const INDEXES: readonly Index[] = [
  { table: 'rule_audiences', columns: ['slug'], unique: true, where: sql<boolean>`state <> 'deleted'` },
]

export async function up(db: Transaction<Schema>, dialect: Dialect): Promise<void> {
  await createTables(db, dialect, TABLES, INDEXES)
}
