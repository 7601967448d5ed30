/**
 * Which dead letters stand on a page of a list. However many there are, and however few of them are asked for: the counts say which groups have
 * any, and each group is read from where the page begins. Where the groups are too many for that, the letters of each state are gone through
 * in the order of the list, by an index that knows all that can be asked for. Reads tables that other files of this room own.
 */

import { type Kysely, sql } from 'kysely'
import type { Schema } from '../store/schema.ts'
import type { DeadLetterState } from './dead-letters.ts'
import { type LetterChoice, type LetterGroup, letterCounts } from './letter-counts.ts'

export interface LetterPage {
  readonly choice: LetterChoice
  /** Letters of these currents are left out. */
  readonly notOf?: readonly number[]
  /** Where the page before ended. */
  readonly before?: LetterPlace
  readonly limit: number
}

/** A statement has at most 500 parts in SQLite. */
const GROUPS_MAX = 200

export interface LetterPlace {
  readonly createdAt: number
  readonly id: string
}

/** Where the letters stand, newest first. */
export async function pageOfLetters(db: Kysely<Schema>, page: LetterPage): Promise<LetterPlace[]> {
  const { choice, notOf = [], limit } = page
  const groups = (await letterCounts(db, choice)).filter(({ current }) => !notOf.includes(current))
  if (groups.length === 0) return []
  const parts =
    groups.length <= GROUPS_MAX
      ? groups.map((group) => ofGroup(db, group, page))
      : [...new Set(groups.map(({ state }) => state))].map((state) => ofState(db, state, page))
  const [first, ...others] = parts
  if (first === undefined) return []
  const rows = await others
    .reduce((all, part) => all.unionAll(part), first)
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
  return rows.map(({ created_at, id }) => ({ createdAt: created_at, id }))
}

function ofGroup(db: Kysely<Schema>, { current, state, reason, eventType }: LetterGroup, page: LetterPage) {
  return first(
    db,
    page,
    db
      .selectFrom('dead_letters')
      .select(['created_at', 'id'])
      .where('current', '=', current)
      .where('state', '=', state)
      .where('reason', '=', reason)
      .where('event_type', '=', eventType),
  )
}

function ofState(db: Kysely<Schema>, state: DeadLetterState, page: LetterPage) {
  const { current, reason, eventType } = page.choice
  let query = db.selectFrom('dead_letters').select(['created_at', 'id']).where('state', '=', state)
  if (current !== undefined) query = query.where('current', '=', current)
  if (reason !== undefined) query = query.where('reason', '=', reason)
  if (eventType !== undefined) query = query.where('event_type', '=', eventType)
  if (page.notOf !== undefined && page.notOf.length > 0) query = query.where('current', 'not in', page.notOf)
  return first(db, page, query)
}

type Chosen = ReturnType<typeof chosen>
function chosen(db: Kysely<Schema>) {
  return db.selectFrom('dead_letters').select(['created_at', 'id'])
}

/** The page's beginning of it. In brackets of its own, since a part of a union must not have an order. */
function first(db: Kysely<Schema>, { before, limit }: LetterPage, query: Chosen) {
  const rest =
    before === undefined
      ? query
      : query.where(sql<boolean>`(created_at, id) < (${before.createdAt}, ${before.id})`)
  return db
    .selectFrom(rest.orderBy('created_at', 'desc').orderBy('id', 'desc').limit(limit).as('part'))
    .select(['part.created_at', 'part.id'])
}
