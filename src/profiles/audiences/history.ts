/**
 * Who is and was in which audience: questions to the tables that the engine of profiles writes, in the process that has them
 * open. Sizes of the past are sums of quarters of an hour (quarters.ts), and moves are looked at for parts of one only; people of the past follow from
 * those of now and the moves since, page by page.
 */

import { type Kysely, sql } from 'kysely'
import type { Schema } from '../../store/schema.ts'
import type { MoveCause } from '../judge.ts'
import { endOf, quarterOf, quartersFrom } from './quarters.ts'

type Db = Kysely<Schema>

export interface Membership {
  readonly profile: number
  /** Since when, without a break. */
  readonly since: number
}

export interface MoveView {
  readonly id: number
  readonly audience: number
  readonly profile: number
  readonly at: number
  readonly entered: boolean
  readonly cause: MoveCause
  /** Of the record, when one was the cause. */
  readonly offset: number | null
}

/** A page by profile. */
export interface MembersPage {
  /** The profile that the page before ended with; 0 for the first one. */
  readonly after: number
  readonly limit: number
}

export interface MovesPage {
  readonly audience?: number | undefined
  readonly profile?: number | undefined
  /** From this instant on, and before that one. */
  readonly from?: number | undefined
  readonly to?: number | undefined
  /** Id that the page before ended with: newest first. */
  readonly before?: number | undefined
  readonly limit: number
}

export interface Comparison {
  readonly sizeAtA: number
  readonly sizeAtB: number
  /** In the audience at B and not at A; left: the other way round. */
  readonly entered: number
  readonly left: number
  /** Some of each, by profile. */
  readonly enteredSample: readonly number[]
  readonly leftSample: readonly number[]
}

export interface SizePoint {
  /** End of the step. */
  readonly at: number
  readonly size: number
  /** During the step. */
  readonly entered: number
  readonly left: number
}

export function members(db: Db, audience: number, { after, limit }: MembersPage): Promise<Membership[]> {
  return db
    .selectFrom('audience_members')
    .select(['profile', 'since'])
    .where('audience', '=', audience)
    .where('profile', '>', after)
    .orderBy('profile')
    .limit(limit)
    .execute()
}

/** Members from all over the audience: the same ones for the same seed, 0 to 1, while nobody moves. */
export async function sample(db: Db, audience: number, limit: number, seed: number): Promise<Membership[]> {
  const ends = await db
    .selectFrom('audience_members')
    .select(({ fn }) => [fn.min('profile').as('first'), fn.max('profile').as('last')])
    .where('audience', '=', audience)
    .executeTakeFirst()
  if (ends === undefined || ends.first === null) return []
  const first = Number(ends.first)
  const span = Number(ends.last) - first + 1
  const found = new Map<number, Membership>()
  for (let i = 0; i < limit; i++) {
    // The golden ratio spreads points evenly, however many there are.
    const at = first + Math.floor(((seed + i * 0.6180339887498949) % 1) * span)
    const [member] = await members(db, audience, { after: at - 1, limit: 1 })
    if (member !== undefined) found.set(member.profile, member)
  }
  if (found.size < limit)
    for (const member of await members(db, audience, { after: 0, limit })) {
      if (found.size === limit) break
      found.set(member.profile, member)
    }
  return [...found.values()].sort((a, b) => a.profile - b.profile)
}

/** Newest first, of an audience or of a profile: of both, an index has them by their instants. */
export async function moves(db: Db, page: MovesPage): Promise<MoveView[]> {
  let query = db
    .selectFrom('audience_moves')
    .selectAll()
    .orderBy('at', 'desc')
    .orderBy('id', 'desc')
    .limit(page.limit)
  if (page.audience !== undefined) query = query.where('audience', '=', page.audience)
  if (page.profile !== undefined) query = query.where('profile', '=', page.profile)
  if (page.from !== undefined) query = query.where('at', '>=', page.from)
  if (page.to !== undefined) query = query.where('at', '<', page.to)
  const { before } = page
  if (before !== undefined) {
    // An erasure may have taken it away meanwhile.
    const last = sql<number>`(select at from audience_moves where id = ${before})`
    query = query
      .where('at', '<=', sql<number>`coalesce(${last}, ${Number.MAX_SAFE_INTEGER})`)
      .where((is) => is.or([is('at', '<', last), is('id', '<', before)]))
  }
  return (await query.execute()).map(({ entered, cause, record_offset: offset, ...row }) => ({
    ...row,
    entered: entered === 1,
    cause: cause as MoveCause,
    offset,
  }))
}

export interface MoveCounts {
  readonly audience: number
  readonly entered: number
  readonly left: number
}

/** From an instant on. */
export async function movesSince(db: Db, audience: number, since: number): Promise<MoveCounts> {
  const first = quarterOf(since)
  const whole = await inQuarters(db, audience, first + 1, Number.MAX_SAFE_INTEGER)
  const part = await within(db, audience, since, endOf(first))
  return { audience, entered: whole.entered + part.entered, left: whole.left + part.left }
}

interface Counts {
  readonly entered: number
  readonly left: number
}

/** Both included. */
async function inQuarters(db: Db, audience: number, from: number, to: number): Promise<Counts> {
  const row = await db
    .selectFrom('audience_quarters')
    .select(({ fn }) => [fn.sum<number>('entered').as('entered'), fn.sum<number>('departed').as('left')])
    .where('audience', '=', audience)
    .where('quarter', '>=', from)
    .where('quarter', '<=', to)
    .executeTakeFirstOrThrow()
  return { entered: Number(row.entered ?? 0), left: Number(row.left ?? 0) }
}

/** Of moves one by one, of either instant, too. */
async function within(db: Db, audience: number, from: number, to: number): Promise<Counts> {
  const row = await db
    .selectFrom('audience_moves')
    .select(({ fn }) => [fn.sum<number>('entered').as('entered'), fn.countAll<number>().as('moved')])
    .where('audience', '=', audience)
    .where('at', '>=', from)
    .where('at', '<=', to)
    .executeTakeFirstOrThrow()
  const entered = Number(row.entered ?? 0)
  return { entered, left: Number(row.moved) - entered }
}

/** So many moves are looked at one by one. */
const FEW_MOVES = 5_000

/**
 * Who was in the audience at an instant, that instant's moves included; since when is of that time. Costs a page: where little
 * had moved until then, of those who had; else of those who are in it now, and of those who have left it, by moment where they are few
 * and else by profile. A plus before a column keeps SQLite from the other index.
 */
export async function membersAt(
  db: Db,
  audience: number,
  at: number,
  { after, limit }: MembersPage,
  fewMoves = FEW_MOVES,
): Promise<Membership[]> {
  const before = await inQuarters(db, audience, 0, quarterOf(at))
  if (before.entered + before.left <= fewMoves) {
    // Whoever entered by a join had been in it for longer.
    const { rows } = await sql<Membership>`
      select profile, coalesce((
        select since from audience_members as member
        where member.audience = ${audience} and member.profile = entry.profile and member.since <= entry.at
      ), at) as since from audience_moves as entry
      where entered = 1 and profile > ${after} and id in (
        select max(id) from audience_moves where audience = ${audience} and at <= ${at} group by profile
      ) order by profile limit ${limit}`.execute(db)
    return rows
  }
  const since = await inQuarters(db, audience, quarterOf(at), Number.MAX_SAFE_INTEGER)
  const departed =
    since.left <= fewMoves
      ? sql`departure.at > ${at} and +departure.profile > ${after}`
      : sql`+departure.at > ${at} and departure.profile > ${after}`
  const { rows } = await sql<Membership>`
    select profile, since from (
      select * from (
        select profile, since from audience_members as member
        where audience = ${audience} and profile > ${after} and since <= ${at} and not exists (
          select 1 from audience_moves as move
          where move.profile = member.profile and move.audience = ${audience} and move.at > ${at}
        ) order by profile limit ${limit}
      ) as stayed
      union all
      select * from (
        select departure.profile as profile, (
          select before.at from audience_moves as before
          where before.profile = departure.profile and before.audience = ${audience} and before.id < departure.id
          order by before.id desc limit 1
        ) as since
        from audience_moves as departure
        where departure.audience = ${audience} and departure.entered = 0 and ${departed} and not exists (
          select 1 from audience_moves as earlier
          where earlier.profile = departure.profile and earlier.audience = ${audience}
            and earlier.at > ${at} and earlier.id < departure.id
        )
        order by departure.profile limit ${limit}
      ) as gone
    ) as both_of order by profile limit ${limit}`.execute(db)
  return rows
}

export async function sizeAt(db: Db, audience: number, at: number): Promise<number> {
  const whole = await inQuarters(db, audience, 0, quarterOf(at))
  const after = await within(db, audience, at + 1, endOf(quarterOf(at)))
  return whole.entered - whole.left - (after.entered - after.left)
}

/** Two instants, `a` not after `b`. Only those who moved between them are looked at. */
export async function compare(
  db: Db,
  audience: number,
  { a, b, limit }: { readonly a: number; readonly b: number; readonly limit: number },
): Promise<Comparison> {
  // Whoever moved first by entering was out before; whoever moved last by entering is in after.
  const changed = sql<{ profile: number; first: number; last: number }>`
    select ends.profile as profile, last.entered as entered from (
      select profile, min(id) as first, max(id) as last from audience_moves
      where audience = ${audience} and at > ${a} and at <= ${b} group by profile
    ) as ends
    join audience_moves as first on first.id = ends.first
    join audience_moves as last on last.id = ends.last
    where first.entered = last.entered`
  const { rows: counted } = await sql<{ entered: number; count: number }>`
    select entered, count(*) as count from (${changed}) as changed group by entered`.execute(db)
  const some = async (entered: number): Promise<number[]> => {
    const { rows } = await sql<{ profile: number }>`
      select profile from (${changed}) as changed where entered = ${entered} order by profile limit ${limit}`.execute(
      db,
    )
    return rows.map(({ profile }) => profile)
  }
  const count = (entered: number) => Number(counted.find((row) => row.entered === entered)?.count ?? 0)
  return {
    sizeAtA: await sizeAt(db, audience, a),
    sizeAtB: await sizeAt(db, audience, b),
    entered: count(1),
    left: count(0),
    enteredSample: await some(1),
    leftSample: await some(0),
  }
}

/** Points of one answer. */
export const POINTS_MAX = 1_000

/** A point at the end of each step after `from`, at most POINTS_MAX; the last one is at or after `to`. */
export async function sizeOverTime(
  db: Db,
  audience: number,
  { from, to, stepMs }: { readonly from: number; readonly to: number; readonly stepMs: number },
): Promise<SizePoint[]> {
  const points = Math.min(POINTS_MAX, Math.ceil((to - from) / stepMs))
  const steps = Array.from({ length: points }, () => ({ entered: 0, left: 0 }))
  const stepOf = (at: number): number => Math.floor((at - from - 1) / stepMs)
  /** Quarters that a step ends within, as runs of some in a row. */
  const parted: { first: number; last: number }[] = []
  let size = await sizeAt(db, audience, from)
  for (const { quarter, entered, departed } of await quartersFrom(db, audience, quarterOf(from + 1))) {
    const step = stepOf(endOf(quarter - 1) + 1)
    if (step >= points) break
    const counts = steps[step]
    const run = parted.at(-1)
    if (counts !== undefined && step === stepOf(endOf(quarter))) count(counts, entered, departed)
    else if (run?.last === quarter - 1) run.last = quarter
    else parted.push({ first: quarter, last: quarter })
  }
  for (const { first, last } of parted) {
    const { rows } = await sql<{ step: number; entered: number; moved: number }>`
      select (at - ${from} - 1) / ${stepMs} as step, sum(entered) as entered, count(*) as moved
      from audience_moves
      where audience = ${audience} and at > ${Math.max(from, endOf(first - 1))} and at <= ${endOf(last)}
      group by 1`.execute(db)
    for (const { step, entered, moved } of rows) {
      const counts = steps[Number(step)]
      if (counts !== undefined) count(counts, Number(entered), Number(moved) - Number(entered))
    }
  }
  return steps.map(({ entered, left }, step) => {
    size += entered - left
    return { at: from + (step + 1) * stepMs, size, entered, left }
  })
}

function count(counts: { entered: number; left: number }, entered: number, left: number): void {
  counts.entered += entered
  counts.left += left
}
