/** Up to whom everybody's identifiers are in their table: those of newer people may be in their profiles only. */

import { sql, type Transaction } from 'kysely'
import { columnsOf, type Dialect } from '../columns.ts'
import type { Schema } from '../schema.ts'

export async function up(db: Transaction<Schema>, dialect: Dialect): Promise<void> {
  await db.schema
    .alterTable('profile_position')
    .addColumn('indexed_to', columnsOf(dialect).whole, (column) => column.notNull().defaultTo(0))
    .execute()
  await sql`update profile_position set indexed_to = next_profile - 1`.execute(db)
}
