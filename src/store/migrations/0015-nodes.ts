/**
 * Several nodes on one store: leases, the nodes themselves, and a counter per kind of configuration that moves with every change. In
 * PostgreSQL the database moves the counters itself, whoever makes the change, and tells those who listen.
 */

import { sql, type Transaction } from 'kysely'
import type { Dialect } from '../columns.ts'
import type { Schema } from '../schema.ts'
import { createTables, type Index, type Table } from '../tables.ts'

const TABLES: readonly Table[] = [
  {
    name: 'leases',
    key: ['name'],
    columns: {
      name: 'text',
      holder: 'text',
      token: 'whole',
      until: 'whole',
      wanted_by: 'text',
      wanted_until: 'whole',
    },
  },
  {
    name: 'nodes',
    key: ['id'],
    columns: {
      id: 'text',
      name: 'text',
      url: 'text',
      roles: 'text',
      state: 'text',
      version: 'text',
      started_at: 'whole',
      heartbeat_at: 'whole',
      detail: 'text',
    },
  },
  { name: 'changes', key: ['kind'], columns: { kind: 'text', number: 'whole' } },
]

const INDEXES: readonly Index[] = [{ table: 'leases', columns: ['holder'] }]

/** Which counter a change of which table moves. */
const WATCHED: readonly (readonly [table: string, kind: string])[] = [
  ['sources', 'sources'],
  ['source_tokens', 'sources'],
  ['currents', 'currents'],
  ['authorizations', 'authorizations'],
  ['api_tokens', 'tokens'],
  ['profile_schemas', 'profiles'],
  ['rule_audiences', 'profiles'],
  ['rule_audience_versions', 'profiles'],
  ['suppressions', 'suppressions'],
  ['alert_notices', 'alerts'],
  ['alert_channels', 'alerts'],
]

export async function up(db: Transaction<Schema>, dialect: Dialect): Promise<void> {
  await createTables(db, dialect, TABLES, INDEXES)
  const kinds = [...new Set([...WATCHED.map(([, kind]) => kind), 'redrives', 'replays'])]
  await db
    .insertInto('changes')
    .values(kinds.map((kind) => ({ kind, number: 0 })))
    .execute()
  if (dialect === 'sqlite') return
  await sql`create function thalweg_changed() returns trigger language plpgsql as $$
    begin
      update changes set number = number + 1 where kind = tg_argv[0];
      perform pg_notify('thalweg', 'changes');
      return null;
    end $$`.execute(db)
  for (const [table, kind] of WATCHED)
    await sql`create trigger ${sql.id(`${table}_changed`)} after insert or update or delete on ${sql.table(table)}
      for each statement execute function thalweg_changed(${sql.lit(kind)})`.execute(db)
}
