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
  // All that a list asks, in its order: which runs it shows is found without reading a report.
  const place = ['created_at', 'activation', 'run']
  await createIndex(db, { table: 'runs', columns: [...place, 'state', 'cause', 'dry'] })
  await createIndex(db, { table: 'runs', columns: ['state', ...place, 'cause', 'dry'] })
  await createIndex(db, {
    table: 'runs',
    columns: ['target', 'finished_at'],
    where: sql<boolean>`members is not null`,
  })
}
