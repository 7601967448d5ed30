/** The tables of the drift radar, in place of the list of event types when they were first met. */

import { sql, type Transaction } from 'kysely'
import { columnsOf, type Dialect } from '../columns.ts'
import type { Schema } from '../schema.ts'

export async function up(db: Transaction<Schema>, dialect: Dialect): Promise<void> {
  const { whole, text, finish } = columnsOf(dialect)
  // Not carried over: the radar counts all that the log still holds.
  await db.schema.dropTable('first_seen').execute()
  await finish(
    db.schema
      .createTable('drift')
      .addColumn('id', text, (column) => column.notNull())
      .addColumn('source', whole, (column) => column.notNull())
      .addColumn('event_type', text, (column) => column.notNull())
      .addColumn('path', text, (column) => column.notNull())
      .addColumn('kind', text, (column) => column.notNull())
      .addColumn('finding', text, (column) => column.notNull())
      .addColumn('expected', text, (column) => column.notNull())
      .addColumn('count', whole, (column) => column.notNull())
      .addColumn('unexamined', whole, (column) => column.notNull())
      .addColumn('unlisted', whole, (column) => column.notNull())
      .addColumn('first_at', whole, (column) => column.notNull())
      .addColumn('first_offset', whole, (column) => column.notNull())
      .addColumn('last_at', whole, (column) => column.notNull())
      .addColumn('sample', text, (column) => column.notNull())
      .addColumn('acknowledged_at', whole)
      .addColumn('note', text, (column) => column.notNull())
      .addPrimaryKeyConstraint('drift_key', ['id']),
    'by-key',
  ).execute()
  await finish(
    db.schema
      .createTable('drift_position')
      .addColumn('id', whole, (column) => column.notNull())
      .addColumn('position', whole, (column) => column.notNull())
      .addPrimaryKeyConstraint('drift_position_key', ['id']),
    'by-key',
  ).execute()
  await db.schema
    .createIndex('drift_by_event_type_source')
    .on('drift')
    .columns(['event_type', 'source'])
    .execute()
  await db.schema
    .createIndex('drift_findings')
    .on('drift')
    .columns(['first_at', 'id'])
    .where(sql<boolean>`finding <> ''`)
    .execute()
  await db.schema
    .createIndex('drift_types')
    .on('drift')
    .columns(['first_at'])
    .where(sql<boolean>`kind = 'type'`)
    .execute()
}
