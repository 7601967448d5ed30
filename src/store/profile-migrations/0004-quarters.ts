/** Moves of audiences by the quarter of an hour, and indexes that answer who was in one without looking at the moves themselves. */

import { sql, type Transaction } from 'kysely'
import type { Dialect } from '../columns.ts'
import type { Schema } from '../schema.ts'
import { createTables, type Index, type Table } from '../tables.ts'

const TABLES: readonly Table[] = [
  {
    name: 'audience_quarters',
    key: ['audience', 'quarter'],
    byKey: true,
    columns: { audience: 'whole', quarter: 'whole', entered: 'whole', departed: 'whole' },
  },
]

const INDEXES: readonly Index[] = [
  { table: 'audience_moves', columns: ['audience', 'at', 'entered'] },
  { table: 'audience_moves', columns: ['profile', 'audience', 'at'] },
  // Nearly all moves of an import are entries: they cost nothing here.
  { table: 'audience_moves', columns: ['audience', 'profile', 'at'], where: sql<boolean>`entered = 0` },
]

export async function up(db: Transaction<Schema>, dialect: Dialect): Promise<void> {
  await createTables(db, dialect, TABLES, INDEXES)
  await db.schema.dropIndex('audience_moves_by_audience_at').execute()
  await db.schema.dropIndex('audience_moves_by_profile').execute()
  await sql`
    insert into audience_quarters (audience, quarter, entered, departed)
    select audience, (at - 1) / 900000, sum(entered), sum(1 - entered) from audience_moves group by 1, 2`.execute(
    db,
  )
}
