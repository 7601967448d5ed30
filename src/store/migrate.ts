/**
 * Brings the tables up to this program: numbered steps, each in a transaction of its own together with the note that it was
 * done, so that a start that is killed half-way goes on where it stopped. Several nodes may start at once: the first takes
 * the lock, the others find the step done.
 */

import { type Kysely, sql, type Transaction } from 'kysely'
import { ThalwegError } from '../core/errors.ts'
import type { Dialect } from './columns.ts'
import * as core from './migrations/0001-core.ts'
import * as drift from './migrations/0002-drift.ts'
import * as files from './migrations/0003-files.ts'
import * as queries from './migrations/0004-queries.ts'
import * as audiences from './migrations/0005-audiences.ts'
import * as segments from './migrations/0006-segments.ts'
import * as profiles from './migrations/0007-profiles.ts'
import * as audienceRules from './migrations/0008-audience-rules.ts'
import * as exports from './migrations/0009-exports.ts'
import * as erasures from './migrations/0010-erasures.ts'
import * as access from './migrations/0011-access.ts'
import * as alerts from './migrations/0012-alerts.ts'
import * as runLists from './migrations/0013-run-lists.ts'
import * as deadLetters from './migrations/0014-dead-letters.ts'
import * as config from './migrations/0015-config.ts'
import * as nodes from './migrations/0016-nodes.ts'
import * as erasureParts from './migrations/0017-erasure-parts.ts'
import * as people from './profile-migrations/0001-people.ts'
import * as exportedPeople from './profile-migrations/0002-exports.ts'
import * as sides from './profile-migrations/0003-sides.ts'
import * as quarters from './profile-migrations/0004-quarters.ts'
import * as indexed from './profile-migrations/0005-indexed.ts'
import { type Retry, untilNoConflict } from './retry.ts'
import type { Schema } from './schema.ts'

export interface Migration {
  readonly number: number
  readonly name: string
  up(db: Transaction<Schema>, dialect: Dialect): Promise<void>
}

/** A set of tables with steps of its own; several may lie in one PostgreSQL database. */
export interface Plan {
  /** Table that notes which steps were done. */
  readonly notes: 'migrations' | 'profile_migrations'
  /** In order, without holes. A step that has been released is never edited: another one follows it. */
  readonly steps: readonly Migration[]
}

const CONTROL: readonly Migration[] = [
  { number: 1, name: 'core', up: core.up },
  { number: 2, name: 'drift', up: drift.up },
  { number: 3, name: 'files', up: files.up },
  { number: 4, name: 'queries', up: queries.up },
  { number: 5, name: 'audiences', up: audiences.up },
  { number: 6, name: 'segments', up: segments.up },
  { number: 7, name: 'profiles', up: profiles.up },
  { number: 8, name: 'audience-rules', up: audienceRules.up },
  { number: 9, name: 'exports', up: exports.up },
  { number: 10, name: 'erasures', up: erasures.up },
  { number: 11, name: 'access', up: access.up },
  { number: 12, name: 'alerts', up: alerts.up },
  { number: 13, name: 'run-lists', up: runLists.up },
  { number: 14, name: 'dead-letters', up: deadLetters.up },
  { number: 15, name: 'config', up: config.up },
  { number: 16, name: 'nodes', up: nodes.up },
  { number: 17, name: 'erasure-parts', up: erasureParts.up },
]

/** The control plane. */
export const CONTROL_PLAN: Plan = { notes: 'migrations', steps: CONTROL }

/** What is known of people: a file of its own where the store is SQLite, beside the control plane where it is PostgreSQL. */
export const PROFILE_PLAN: Plan = {
  notes: 'profile_migrations',
  steps: [
    { number: 1, name: 'people', up: people.up },
    { number: 2, name: 'exports', up: exportedPeople.up },
    { number: 3, name: 'sides', up: sides.up },
    { number: 4, name: 'quarters', up: quarters.up },
    { number: 5, name: 'indexed', up: indexed.up },
  ],
}

/** Any fixed number: the key of the advisory lock that starting nodes of one database share. */
const LOCK_KEY = 7_418_260_393

/**
 * Applies what is missing and returns the names of the steps it applied. Throws STORE_NEWER when the database knows a step
 * that this program does not: it is left untouched.
 */
export async function migrate(
  db: Kysely<Schema>,
  dialect: Dialect,
  retry: Retry,
  plan: Plan = CONTROL_PLAN,
): Promise<string[]> {
  const applied: string[] = []
  // One round more than there are steps: the last one finds nothing to do.
  for (let round = 0; round <= plan.steps.length; round++) {
    const step = await untilNoConflict(
      () => db.transaction().execute((tx) => applyNext(tx, dialect, retry.clock.now(), plan)),
      retry,
    )
    if (step === undefined) break
    applied.push(step.name)
  }
  return applied
}

async function applyNext(
  tx: Transaction<Schema>,
  dialect: Dialect,
  nowMs: number,
  { notes, steps }: Plan,
): Promise<Migration | undefined> {
  await lock(tx, dialect)
  await sql`create table if not exists ${sql.table(notes)} (number integer primary key, name text not null, applied_at bigint not null)`.execute(
    tx,
  )
  const { last } = await tx
    .selectFrom(notes)
    .select((e) => e.fn.coalesce(e.fn.max('number'), sql<number>`0`).as('last'))
    .executeTakeFirstOrThrow()
  const known = steps.at(-1)?.number ?? 0
  if (last > known) {
    throw new ThalwegError(
      'STORE_NEWER',
      `The database is at step ${last}, this Thalweg knows steps up to ${known}. ` +
        'Start the newer Thalweg again, or restore the backup made before the upgrade.',
    )
  }
  const next = steps.find((step) => step.number > last)
  if (next === undefined) return undefined
  await next.up(tx, dialect)
  await tx.insertInto(notes).values({ number: next.number, name: next.name, applied_at: nowMs }).execute()
  return next
}

/** SQLite has its lock already: transactions begin as writers. */
async function lock(tx: Transaction<Schema>, dialect: Dialect): Promise<void> {
  if (dialect === 'sqlite') return
  // Another node may be in the middle of a long step: wait for it rather than fail.
  await sql`set local lock_timeout = '10min'`.execute(tx)
  await sql`set local statement_timeout = '10min'`.execute(tx)
  await sql`select pg_advisory_xact_lock(${sql.lit(LOCK_KEY)})`.execute(tx)
}
