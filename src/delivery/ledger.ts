/**
 * The ledger: counts per current, minute of acceptance, event type, outcome and reason. Written only inside settlements; `books.ts` proves it
 * against the log. Owns the table ledger.
 */

import { type Kysely, sql, type Transaction } from 'kysely'
import type { Schema } from '../store/schema.ts'

export interface LedgerEntry {
  readonly current: number
  readonly minute: number
  readonly eventType: string
  readonly outcome: 'delivered' | 'filtered' | 'dead'
  /** Empty for delivered. */
  readonly reason: string
  /** May be negative: a redriven dead letter moves from dead to delivered. */
  readonly count: number
}

const ROWS_AT_ONCE = 500

/** Adds the counts; entries of the same cell are merged first. */
export async function addToLedger(tx: Transaction<Schema>, entries: readonly LedgerEntry[]): Promise<void> {
  const rows = merged(entries)
  for (let i = 0; i < rows.length; i += ROWS_AT_ONCE) {
    await tx
      .insertInto('ledger')
      .values(rows.slice(i, i + ROWS_AT_ONCE))
      .onConflict((conflict) =>
        conflict
          .columns(['current', 'minute', 'event_type', 'outcome', 'reason'])
          .doUpdateSet({ count: sql<number>`ledger.count + excluded.count` }),
      )
      .execute()
  }
}

function merged(entries: readonly LedgerEntry[]) {
  const cells = new Map<
    string,
    { current: number; minute: number; event_type: string; outcome: string; reason: string; count: number }
  >()
  for (const entry of entries) {
    const key = `${entry.current}\n${entry.minute}\n${entry.outcome}\n${entry.reason}\n${entry.eventType}`
    const cell = cells.get(key)
    if (cell !== undefined) cell.count += entry.count
    else {
      cells.set(key, {
        current: entry.current,
        minute: entry.minute,
        event_type: entry.eventType,
        outcome: entry.outcome,
        reason: entry.reason,
        count: entry.count,
      })
    }
  }
  // One order for all writers, so that none waits for another's rows in a circle.
  return [...cells].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, cell]) => cell)
}

export interface OutcomeTotal {
  readonly outcome: 'delivered' | 'filtered' | 'dead'
  readonly reason: string
  readonly count: number
}

export interface LedgerQuery {
  readonly current: number
  /** Inclusive; minutes since the epoch. */
  readonly fromMinute?: number
  /** Exclusive. */
  readonly toMinute?: number
}

/** Totals per outcome and reason. */
export async function totals(db: Kysely<Schema>, query: LedgerQuery): Promise<OutcomeTotal[]> {
  const rows = await within(db, query)
    .select(['outcome', 'reason', ({ fn }) => fn.sum<number>('count').as('count')])
    .groupBy(['outcome', 'reason'])
    .execute()
  return rows.map((row) => ({
    outcome: row.outcome as OutcomeTotal['outcome'],
    reason: row.reason,
    count: Number(row.count),
  }))
}

/** Totals per event type, outcome and reason. */
export async function totalsByType(
  db: Kysely<Schema>,
  query: LedgerQuery,
): Promise<(OutcomeTotal & { eventType: string })[]> {
  const rows = await within(db, query)
    .select(['event_type', 'outcome', 'reason', ({ fn }) => fn.sum<number>('count').as('count')])
    .groupBy(['event_type', 'outcome', 'reason'])
    .execute()
  return rows.map((row) => ({
    eventType: row.event_type,
    outcome: row.outcome as OutcomeTotal['outcome'],
    reason: row.reason,
    count: Number(row.count),
  }))
}

/** Totals per minute (or per so many minutes) and outcome, oldest first; at most `limit` rows, the newest. `minute`: the first one of each. */
export async function byMinute(
  db: Kysely<Schema>,
  query: LedgerQuery,
  limit: number,
  step = 1,
): Promise<{ minute: number; outcome: string; count: number }[]> {
  const cell = cellOf(step)
  const rows = await within(db, query)
    .select([cell.as('minute'), 'outcome', ({ fn }) => fn.sum<number>('count').as('count')])
    .groupBy([cell, 'outcome'])
    .orderBy(cell, 'desc')
    .limit(limit)
    .execute()
  return rows
    .reverse()
    .map((row) => ({ minute: Number(row.minute), outcome: row.outcome, count: Number(row.count) }))
}

/** The first minute that a current has an outcome for; undefined when it has none. */
export async function firstMinute(db: Kysely<Schema>, current: number): Promise<number | undefined> {
  const row = await db
    .selectFrom('ledger')
    .select('minute')
    .where('current', '=', current)
    .orderBy('minute')
    .limit(1)
    .executeTakeFirst()
  return row?.minute
}

/** The first minute of the cell of `step` minutes that a row lies in. Written out, because PostgreSQL takes two parameters for two expressions. */
export function cellOf(step: number) {
  return sql<number>`minute - minute % ${sql.lit(step)}`
}

function within(db: Kysely<Schema>, query: LedgerQuery) {
  let select = db.selectFrom('ledger').where('current', '=', query.current)
  if (query.fromMinute !== undefined) select = select.where('minute', '>=', query.fromMinute)
  if (query.toMinute !== undefined) select = select.where('minute', '<', query.toMinute)
  return select
}
