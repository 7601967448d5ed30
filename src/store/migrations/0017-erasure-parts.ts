/**
 * What each node does of an erasure in its own folders, and which nodes there ever were, as their folders outlive them. In PostgreSQL a change
 * of either moves a counter, so that every node hears of it.
 */

import { sql, type Transaction } from 'kysely'
import type { Dialect } from '../columns.ts'
import type { Schema } from '../schema.ts'
import { createTables, type Index, type Table } from '../tables.ts'

const TABLES: readonly Table[] = [
  {
    name: 'erasure_parts',
    key: ['erasure', 'node'],
    columns: {
      erasure: 'text',
      node: 'text',
      step: 'text',
      sealed: 'bytes?',
      removed: 'text',
      search: 'text?',
      problem: 'text',
      addendum: 'text?',
      signature: 'text?',
      updated_at: 'whole',
    },
  },
  { name: 'node_names', key: ['name'], columns: { name: 'text' } },
]

const INDEXES: readonly Index[] = [{ table: 'erasure_parts', columns: ['node'] }]

export async function up(db: Transaction<Schema>, dialect: Dialect): Promise<void> {
  await createTables(db, dialect, TABLES, INDEXES)
  await sql`insert into node_names select name from nodes
    union select value from meta where key = 'warehouse_node'`.execute(db)
  await db.insertInto('changes').values({ kind: 'erasures', number: 0 }).execute()
  if (dialect === 'sqlite') return
  for (const table of ['erasures', 'erasure_parts'])
    await sql`create trigger ${sql.id(`${table}_changed`)} after insert or update or delete on ${sql.table(table)}
      for each statement execute function thalweg_changed('erasures')`.execute(db)
}
