/** Alerts are told outside: channels, what is to be told of which alert to whom, and the messages that carry it. */

import { sql, type Transaction } from 'kysely'
import { columnsOf, type Dialect } from '../columns.ts'
import type { Schema } from '../schema.ts'
import { createTables, type Index, type Table } from '../tables.ts'

const TABLES: readonly Table[] = [
  {
    name: 'alert_channels',
    key: ['id'],
    columns: {
      id: 'text',
      name: 'text',
      definition: 'text',
      created_at: 'whole',
      updated_at: 'whole',
      told_at: 'whole?',
      tried_at: 'whole?',
      answer: 'text',
    },
  },
  {
    name: 'alert_notices',
    key: ['alert', 'event', 'channel', 'recipient'],
    byKey: true,
    columns: {
      alert: 'text',
      event: 'text',
      channel: 'text',
      recipient: 'text',
      message: 'text?',
      created_at: 'whole',
    },
  },
  {
    name: 'alert_messages',
    key: ['id'],
    columns: {
      id: 'text',
      channel: 'text',
      recipient: 'text',
      state: 'text',
      attempts: 'whole',
      answer: 'text',
      created_at: 'whole',
      next_at: 'whole',
      tried_at: 'whole?',
    },
  },
]

const INDEXES: readonly Index[] = [
  { table: 'alert_channels', columns: ['name'], unique: true },
  { table: 'alert_notices', columns: ['channel', 'recipient'], where: sql<boolean>`message is null` },
  { table: 'alert_notices', columns: ['message'] },
  { table: 'alert_messages', columns: ['next_at'], where: sql<boolean>`state = 'waiting'` },
  { table: 'alert_messages', columns: ['channel', 'recipient', 'created_at'] },
]

export async function up(db: Transaction<Schema>, dialect: Dialect): Promise<void> {
  const { whole, text } = columnsOf(dialect)
  await createTables(db, dialect, TABLES, INDEXES)
  for (const name of ['about', 'acknowledged_by', 'acknowledge_note'])
    await db.schema
      .alterTable('alerts')
      .addColumn(name, text, (column) => column.notNull().defaultTo(''))
      .execute()
  await db.schema.alterTable('alerts').addColumn('acknowledged_at', whole).execute()
}
