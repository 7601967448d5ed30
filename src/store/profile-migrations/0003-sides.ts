/** Joins and conflicts of one profile are found from either side. */

import type { Transaction } from 'kysely'
import type { Dialect } from '../columns.ts'
import type { Schema } from '../schema.ts'
import { createTables, type Index } from '../tables.ts'

const INDEXES: readonly Index[] = [
  { table: 'profile_merges', columns: ['loser'] },
  { table: 'profile_conflicts', columns: ['other'] },
]

export async function up(db: Transaction<Schema>, dialect: Dialect): Promise<void> {
  await createTables(db, dialect, [], INDEXES)
}
