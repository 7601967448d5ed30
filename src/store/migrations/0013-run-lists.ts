/** Long lists of runs, by what they are filtered by, and the size of a cohort after each run. */

import { sql, type Transaction } from 'kysely'
import { columnsOf, type Dialect } from '../columns.ts'
import type { Schema } from '../schema.ts'
import { createIndex } from '../tables.ts'

export async function up(db: Transaction<Schema>, dialect: Dialect): Promise<void> {
  await db.schema.alterTable('runs').addColumn('members', columnsOf(dialect).whole).execute()
  const members =
    dialect === 'sqlite'
      ? sql<number>`json_extract(report, '$.membersAfter')`
      : sql<number>`(report::json ->> 'membersAfter')::bigint`
  await db.updateTable('runs').set({ members }).execute()
  await createIndex(db, { table: 'runs', columns: ['activation', 'created_at'] })
  await createIndex(db, { table: 'runs', columns: ['state', 'created_at'] })
  await createIndex(db, {
    table: 'runs',
    columns: ['target', 'finished_at'],
    where: sql<boolean>`members is not null`,
  })
}
