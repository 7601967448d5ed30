/** The tables of profiles: people, what finds them, joins and conflicts, and who is in which audience. */

import { sql, type Transaction } from 'kysely'
import type { Dialect } from '../columns.ts'
import type { Schema } from '../schema.ts'
import { createTables, type Index, type Table } from '../tables.ts'

const TABLES: readonly Table[] = [
  {
    name: 'profile_position',
    key: ['id'],
    columns: { id: 'whole', position: 'whole', next_profile: 'whole', judged_by: 'text', judged_to: 'whole' },
  },
  {
    name: 'profile_again',
    key: ['stream'],
    byKey: true,
    columns: {
      stream: 'text',
      fields: 'text',
      since: 'whole',
      cleared_to: 'whole?',
      position: 'whole',
      end_offset: 'whole',
      started_at: 'whole',
    },
  },
  {
    name: 'profiles',
    key: ['id'],
    columns: {
      id: 'whole',
      flip_at: 'whole?',
      merged_into: 'whole?',
      updated_at: 'whole',
      // What judging reads comes first: the rest of a long row lies on pages of its own.
      members: 'text',
      fields: 'text',
      core: 'text',
    },
  },
  {
    name: 'profile_identifiers',
    // The value first: nearly always it tells two apart at once, while all of a field are the same.
    key: ['value', 'field'],
    byKey: true,
    columns: { field: 'text', value: 'text', profile: 'whole' },
  },
  {
    name: 'profile_merges',
    serial: 'id',
    columns: {
      at: 'whole',
      record_offset: 'whole',
      survivor: 'whole',
      loser: 'whole',
      identifiers: 'text',
      undone_at: 'whole?',
    },
  },
  {
    name: 'profile_conflicts',
    serial: 'id',
    columns: {
      at: 'whole',
      record_offset: 'whole',
      stream: 'text',
      field: 'text',
      value: 'text',
      reason: 'text',
      kept: 'whole?',
      other: 'whole?',
    },
  },
  {
    name: 'profile_never_links',
    key: ['a', 'b'],
    byKey: true,
    columns: { a: 'text', b: 'text', note: 'text', created_at: 'whole' },
  },
  {
    name: 'audience_members',
    key: ['audience', 'profile'],
    byKey: true,
    columns: { audience: 'whole', profile: 'whole', since: 'whole' },
  },
  {
    name: 'audience_moves',
    serial: 'id',
    columns: {
      audience: 'whole',
      profile: 'whole',
      at: 'whole',
      entered: 'whole',
      cause: 'text',
      record_offset: 'whole?',
    },
  },
]

const INDEXES: readonly Index[] = [
  { table: 'profiles', columns: ['flip_at'], where: sql<boolean>`flip_at is not null` },
  { table: 'profile_merges', columns: ['survivor'] },
  { table: 'profile_conflicts', columns: ['kept'] },
  { table: 'audience_moves', columns: ['audience', 'at'] },
  { table: 'audience_moves', columns: ['profile'] },
]

export async function up(db: Transaction<Schema>, dialect: Dialect): Promise<void> {
  await createTables(db, dialect, TABLES, INDEXES)
}
