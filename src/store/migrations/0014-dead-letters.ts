/** A million dead letters: counted by what lists choose by, and indexed so that every list is read from its beginning. */

import { sql, type Transaction } from 'kysely'
import type { Dialect } from '../columns.ts'
import type { Schema } from '../schema.ts'
import { createTables, type Index, type Table } from '../tables.ts'

const TABLES: readonly Table[] = [
  {
    name: 'dead_letter_counts',
    key: ['current', 'state', 'reason', 'event_type'],
    byKey: true,
    columns: { current: 'whole', state: 'text', reason: 'text', event_type: 'text', count: 'whole' },
  },
]

const INDEXES: readonly Index[] = [
  // Letters of one group of dead_letter_counts, in listing order.
  { table: 'dead_letters', columns: ['current', 'state', 'reason', 'event_type', 'created_at', 'id'] },
  // Letters of a state, in listing order, with all that lists choose by: what does not match is passed over without reading its row.
  { table: 'dead_letters', columns: ['state', 'created_at', 'id', 'current', 'reason', 'event_type'] },
  { table: 'dead_letters', columns: ['current', 'record_offset'] },
  // Waiting for redrive.
  {
    table: 'dead_letters',
    columns: ['current', 'state', 'record_offset'],
    where: sql<boolean>`state = 'queued'`,
  },
]

const REPLACED = ['dead_letters_by_current_state_created_at', 'dead_letters_by_record_offset']

export async function up(db: Transaction<Schema>, dialect: Dialect): Promise<void> {
  await createTables(db, dialect, TABLES, INDEXES)
  for (const index of REPLACED) await db.schema.dropIndex(index).execute()
  await sql`insert into dead_letter_counts (current, state, reason, event_type, count)
    select current, state, reason, event_type, count(*) from dead_letters group by current, state, reason, event_type`.execute(
    db,
  )
}
