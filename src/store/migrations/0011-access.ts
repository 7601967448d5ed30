/** People, their sessions, and the trail of what was changed. */

import type { Transaction } from 'kysely'
import type { Dialect } from '../columns.ts'
import type { Schema } from '../schema.ts'
import { createTables, type Index, type Table } from '../tables.ts'

const TABLES: readonly Table[] = [
  {
    name: 'people',
    key: ['id'],
    columns: {
      id: 'text',
      email: 'text',
      email_key: 'text',
      name: 'text',
      role: 'text',
      password: 'text?',
      link_hash: 'bytes?',
      link_until: 'whole?',
      disabled_at: 'whole?',
      seen_at: 'whole?',
      created_at: 'whole',
      updated_at: 'whole',
    },
  },
  {
    name: 'sessions',
    key: ['id'],
    columns: {
      id: 'text',
      hash: 'bytes',
      person: 'text',
      agent: 'text',
      address: 'text',
      created_at: 'whole',
      seen_at: 'whole',
    },
    references: ['person', 'people', 'id'],
  },
  {
    name: 'audit',
    serial: 'number',
    columns: {
      at: 'whole',
      who_kind: 'text',
      who: 'text',
      who_name: 'text',
      who_role: 'text',
      address: 'text',
      operation: 'text',
      object_kind: 'text',
      object: 'text',
      object_name: 'text',
      outcome: 'text',
      code: 'text',
      request: 'text',
      words: 'text',
    },
  },
  {
    name: 'audit_states',
    key: ['number'],
    columns: { number: 'whole', before: 'text?', after: 'text?' },
  },
]

/** Each of the trail's ends in the number: a page is read from it in order, from wherever the page before ended. */
const INDEXES: readonly Index[] = [
  { table: 'people', columns: ['email_key'], unique: true },
  { table: 'sessions', columns: ['hash'], unique: true },
  { table: 'sessions', columns: ['person'] },
  { table: 'audit', columns: ['at'] },
  { table: 'audit', columns: ['who', 'number'] },
  { table: 'audit', columns: ['object_kind', 'number'] },
  { table: 'audit', columns: ['object', 'number'] },
  { table: 'audit', columns: ['operation', 'number'] },
]

export async function up(db: Transaction<Schema>, dialect: Dialect): Promise<void> {
  await createTables(db, dialect, TABLES, INDEXES)
}
