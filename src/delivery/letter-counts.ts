/**
 * How many dead letters there are, by what lists choose them by: current, state, reason, event type. Moved in the transaction that moves the
 * letters, so that no count of a million rows is ever taken. Owns the table dead_letter_counts.
 */

import { type Kysely, sql, type Transaction } from 'kysely'
import type { Schema } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import type { DeadLetterState } from './dead-letters.ts'

export interface LetterGroup {
  readonly current: number
  readonly state: DeadLetterState
  readonly reason: string
  readonly eventType: string
}

export interface LetterCount extends LetterGroup {
  readonly count: number
}

/** What is not named is not asked about. */
export type LetterChoice = Partial<LetterGroup>

const ROWS_AT_ONCE = 500

/** Adds the counts, which may be negative; those of the same group are merged first. */
export async function addToLetterCounts(
  tx: Transaction<Schema>,
  entries: readonly LetterCount[],
): Promise<void> {
  const rows = merged(entries)
  for (let i = 0; i < rows.length; i += ROWS_AT_ONCE) {
    await tx
      .insertInto('dead_letter_counts')
      .values(rows.slice(i, i + ROWS_AT_ONCE))
      .onConflict((conflict) =>
        conflict
          .columns(['current', 'state', 'reason', 'event_type'])
          .doUpdateSet({ count: sql<number>`dead_letter_counts.count + excluded.count` }),
      )
      .execute()
  }
}

/** Groups that have letters. */
export async function letterCounts(db: Kysely<Schema>, choice: LetterChoice): Promise<LetterCount[]> {
  const rows = await chosen(db, choice).selectAll().execute()
  return rows.map(({ current, state, reason, event_type, count }) => ({
    current,
    state: state as DeadLetterState,
    reason,
    eventType: event_type,
    count,
  }))
}

/** Letters by the values of one property, the most first. */
export async function letterFacet<Name extends keyof typeof COLUMNS>(
  db: Kysely<Schema>,
  choice: LetterChoice,
  property: Name,
): Promise<{ readonly value: LetterGroup[Name]; readonly count: number }[]> {
  const rows = await chosen(db, choice)
    .select((eb) => [eb.ref(COLUMNS[property]).as('value'), eb.fn.sum<number>('count').as('total')])
    .groupBy(COLUMNS[property] as 'current')
    .orderBy('total', 'desc')
    .execute()
  return rows.map(({ value, total }) => ({ value: value as LetterGroup[Name], count: Number(total) }))
}

const COLUMNS = {
  current: 'current',
  state: 'state',
  reason: 'reason',
  eventType: 'event_type',
} as const satisfies Record<keyof LetterGroup, keyof Schema['dead_letter_counts']>

function chosen(db: Kysely<Schema>, choice: LetterChoice) {
  let query = db.selectFrom('dead_letter_counts').where('count', '>', 0)
  for (const property of Object.keys(COLUMNS) as (keyof LetterGroup)[]) {
    const value = choice[property]
    if (value !== undefined) query = query.where(COLUMNS[property], '=', value)
  }
  return query
}

/** After letters were changed by other means than this room's: counts them all. */
export async function recountLetters(store: Store): Promise<void> {
  await store.transaction(async (tx) => {
    await tx.deleteFrom('dead_letter_counts').execute()
    await tx
      .insertInto('dead_letter_counts')
      .columns(['current', 'state', 'reason', 'event_type', 'count'])
      .expression((eb) =>
        eb
          .selectFrom('dead_letters')
          .select(['current', 'state', 'reason', 'event_type', ({ fn }) => fn.countAll<number>().as('count')])
          // SQLite would take the words ON CONFLICT for a join without it.
          .where(sql<boolean>`1 = 1`)
          .groupBy(['current', 'state', 'reason', 'event_type']),
      )
      .onConflict((conflict) =>
        conflict
          .columns(['current', 'state', 'reason', 'event_type'])
          .doUpdateSet({ count: sql<number>`excluded.count` }),
      )
      .execute()
  })
}

function merged(entries: readonly LetterCount[]) {
  const groups = new Map<
    string,
    { current: number; state: string; reason: string; event_type: string; count: number }
  >()
  for (const { current, state, reason, eventType, count } of entries) {
    const key = `${current}\n${state}\n${reason}\n${eventType}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { current, state, reason, event_type: eventType, count })
    else group.count += count
  }
  // One order for all writers, so that none waits for another's rows in a circle.
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group)
}
