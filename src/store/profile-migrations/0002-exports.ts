/** The tables of exports in the store of profiles: they are written in the transactions that change profiles. */

import { sql, type Transaction } from 'kysely'
import type { Dialect } from '../columns.ts'
import type { Schema } from '../schema.ts'
import { createTables, type Index, type Table } from '../tables.ts'

const TABLES: readonly Table[] = [
  {
    name: 'export_rules',
    key: ['export'],
    columns: {
      export: 'whole',
      rule: 'text',
      walk: 'text',
      walk_after: 'text',
      omitted: 'whole',
      omitted_told: 'whole',
    },
  },
  {
    name: 'export_people',
    key: ['export', 'kind', 'label', 'value'],
    byKey: true,
    columns: {
      export: 'whole',
      kind: 'text',
      label: 'text',
      value: 'text',
      profile: 'whole',
      held: 'whole',
      wanted: 'text',
      wanted_count: 'whole',
      sent: 'text',
      doubt: 'text',
      state: 'text',
      reason: 'text',
      attempts: 'whole',
      lane: 'text',
      due_at: 'whole',
      revision: 'whole',
      updated_at: 'whole',
    },
  },
]

const INDEXES: readonly Index[] = [
  { table: 'export_people', columns: ['profile'] },
  // What is to be done, by lane and moment; who is settled, which most are, costs nothing here.
  {
    table: 'export_people',
    columns: ['export', 'state', 'lane', 'due_at'],
    where: sql<boolean>`state <> 'settled'`,
  },
]

export async function up(db: Transaction<Schema>, dialect: Dialect): Promise<void> {
  await createTables(db, dialect, TABLES, INDEXES)
}
