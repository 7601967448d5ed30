/**
 * How many entered and left an audience, by the quarter of an hour: written with the moves, so that sizes of long ago are sums of
 * a few rows however many people moved. A quarter ends with a whole moment of the clock, which is the last that belongs to it.
 * Owns the table audience_quarters.
 */

import { type Kysely, sql, type Transaction } from 'kysely'
import type { Dialect } from '../../store/columns.ts'
import { rowSet } from '../../store/row-set.ts'
import type { Schema } from '../../store/schema.ts'
import type { Move } from '../judge.ts'

const QUARTER_MS = 900_000

/** Of `at` in milliseconds: quarters since the epoch that had ended before. */
export function quarterOf(at: number): number {
  return Math.floor((at - 1) / QUARTER_MS)
}

/** The last moment of a quarter. */
export function endOf(quarter: number): number {
  return (quarter + 1) * QUARTER_MS
}

/** What moves that are being written come to. */
export async function addToQuarters(
  tx: Transaction<Schema>,
  dialect: Dialect,
  moves: readonly Pick<Move, 'audience' | 'at' | 'entered'>[],
): Promise<void> {
  const quarters = new Map<string, [audience: number, quarter: number, entered: number, departed: number]>()
  for (const { audience, at, entered } of moves) {
    const quarter = quarterOf(at)
    const counts = quarters.get(`${audience} ${quarter}`) ?? [audience, quarter, 0, 0]
    counts[entered ? 2 : 3]++
    quarters.set(`${audience} ${quarter}`, counts)
  }
  const columns = { audience: 'whole', quarter: 'whole', entered: 'whole', departed: 'whole' } as const
  await add(tx, sql`select * from ${rowSet(dialect, columns, [...quarters.values()])} as more where true`)
}

/** Moves of these profiles are about to go, as if they had never been. `theirs`: profiles, as a set in SQL. */
export async function takeFromQuarters(
  tx: Transaction<Schema>,
  theirs: ReturnType<typeof rowSet>,
): Promise<void> {
  await add(
    tx,
    sql`select audience, (at - 1) / ${sql.lit(QUARTER_MS)}, -sum(entered), -sum(1 - entered)
      from audience_moves where profile in ${theirs} group by 1, 2`,
  )
}

async function add(tx: Transaction<Schema>, rows: ReturnType<typeof rowSet>): Promise<void> {
  await sql`
    insert into audience_quarters (audience, quarter, entered, departed) ${rows}
    on conflict (audience, quarter) do update set
      entered = audience_quarters.entered + excluded.entered,
      departed = audience_quarters.departed + excluded.departed`.execute(tx)
}

export interface QuarterCounts {
  readonly quarter: number
  readonly entered: number
  readonly departed: number
}

/** From one on, in order; quarters without a move are missing. */
export function quartersFrom(db: Kysely<Schema>, audience: number, from: number): Promise<QuarterCounts[]> {
  return db
    .selectFrom('audience_quarters')
    .select(['quarter', 'entered', 'departed'])
    .where('audience', '=', audience)
    .where('quarter', '>=', from)
    .orderBy('quarter')
    .execute()
}
