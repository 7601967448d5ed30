/** Many dead letters changed at once: those that are named, or all that match a filter, some thousands with each call. */

import * as z from 'zod'
import { ThalwegError } from '../core/errors.ts'
import type { DeadLetterState, LetterBulk } from '../delivery/dead-letters.ts'
import type { LetterChoice } from '../delivery/letter-counts.ts'
import { CurrentState, currentNamed } from './current-views.ts'
import { cursorAfter, placeOf } from './cursor.ts'
import { type Owners, ownedError, refuseOwned } from './owned.ts'
import type { ApiParts } from './parts.ts'
import { Count, Note } from './schemas.ts'

/** What letters are chosen by, beside their current and state. */
export const LETTER_FILTER = {
  reason: z.string().max(256).optional(),
  eventType: z.string().max(256).optional(),
  eventId: z.string().max(256).optional(),
}

/** Letters that one call moves. */
const MANY_MAX = 10_000
/** Letters of one event that a filter by its id finds. */
const OF_EVENT_MAX = 500

export const Many = z.strictObject({
  ids: z.array(z.string().min(1).max(64)).min(1).max(1_000).optional().describe('These letters …'),
  filter: z
    .strictObject({ current: z.string().min(1).max(63).optional(), ...LETTER_FILTER })
    .optional()
    .describe('… or all dead ones that match; an empty filter: all.'),
  limit: z
    .int()
    .min(1)
    .max(MANY_MAX)
    .default(1_000)
    .describe('With a filter: at most so many, newest first.'),
  cursor: z
    .string()
    .max(200)
    .optional()
    .describe('With a filter: `next` of the call before, so that each letter is taken once.'),
  note: Note.default(''),
  preview: z.boolean().default(false).describe('Only say how many it would be, and whose.'),
})

export const ManyAnswer = z
  .object({
    matched: Count.describe('Letters that this call looks at.'),
    changed: Count,
    refused: z
      .array(z.object({ id: z.string(), code: z.string(), message: z.string() }))
      .describe('Named letters that are not in a state for this, or whose current belongs to an activation.'),
    left: Count.describe('Dead letters that match the filter and were not changed.'),
    next: z.string().nullable().describe('Cursor of the next call; null: all that match were looked at.'),
    preview: z
      .object({
        edited: Count.describe('Of the letters that this call looks at.'),
        currents: z
          .array(
            z.object({
              current: z.string().nullable().describe('null: it was deleted.'),
              state: CurrentState,
              count: Count,
            }),
          )
          .describe(
            'Whose they are, the most first. Letters of a current that does not run wait until it does.',
          ),
        leftOut: Count.describe('That match, but belong to activations, whose runs send them again.'),
      })
      .nullable()
      .describe('null: it was no preview.'),
  })
  .meta({ id: 'ManyDeadLetters' })

export type ManyAnswer = z.output<typeof ManyAnswer>

/** `owners`: currents whose letters are not for this. */
export async function changeMany(
  parts: ApiParts,
  wanted: z.output<typeof Many>,
  to: 'queued' | 'discarded',
  owners: Owners,
): Promise<ManyAnswer> {
  if ((wanted.ids === undefined) === (wanted.filter === undefined))
    throw new ThalwegError('INPUT_INVALID', 'Name the letters by either "ids" or "filter"')
  return wanted.ids === undefined
    ? changeMatching(parts, wanted, to, owners)
    : changeNamed(parts, [...new Set(wanted.ids)], wanted, to, owners)
}

const RETRY_INSTEAD = 'retry its run: thalweg activations retry'

async function changeNamed(
  parts: ApiParts,
  ids: readonly string[],
  { note, preview }: z.output<typeof Many>,
  to: 'queued' | 'discarded',
  owners: Owners,
): Promise<ManyAnswer> {
  const { letters } = parts.delivery
  const briefs = await letters.briefs(ids)
  const owned = new Map<string, ThalwegError>()
  for (const { id, current } of briefs) {
    const owner = owners.get(current)
    if (owner !== undefined) owned.set(id, ownedError(owner, RETRY_INSTEAD))
  }
  const free = briefs.filter(({ id }) => !owned.has(id))
  if (preview) {
    const counts = new Map<number, number>()
    for (const { current } of free) counts.set(current, (counts.get(current) ?? 0) + 1)
    const edited = free.filter(({ isEdited }) => isEdited).length
    return previewed(ids.length, ids.length - free.length, {
      edited,
      currents: await currentsOf(parts, counts),
      leftOut: owned.size,
    })
  }
  const moved = await letters.moveMany(
    ids.filter((id) => !owned.has(id)),
    to,
    note,
  )
  const refused = [...[...owned].map(([id, error]) => ({ id, error })), ...moved.refused]
  return {
    matched: ids.length,
    changed: moved.count,
    refused: refused.map(({ id, error: { code, message } }) => ({ id, code, message })),
    left: 0,
    next: null,
    preview: null,
  }
}

async function changeMatching(
  parts: ApiParts,
  { filter = {}, limit, cursor, note, preview }: z.output<typeof Many>,
  to: 'queued' | 'discarded',
  owners: Owners,
): Promise<ManyAnswer> {
  const { letters } = parts.delivery
  const { eventId, ...query } = filter
  const choice = await choiceOf(parts, query)
  if (choice.current !== undefined) refuseOwned(owners, choice.current, RETRY_INSTEAD)
  const bulk: LetterBulk = {
    choice,
    ...(eventId === undefined ? {} : { eventId }),
    notOf: [...owners.keys()],
    ...(cursor === undefined ? {} : { before: placeOf(cursor) }),
    limit: eventId === undefined ? limit : Math.min(limit, OF_EVENT_MAX),
  }
  const places = await letters.deadOf(bulk)
  const ids = places.map(({ id }) => id)
  if (!preview) {
    const { count } = await letters.moveMany(ids, to, note)
    const left = sum((await matching(parts, bulk)).values())
    const last = places.at(-1)
    const next = last === undefined || places.length < bulk.limit ? null : cursorAfter(last)
    return { matched: ids.length, changed: count, refused: [], left, next, preview: null }
  }
  const counts = await matching(parts, bulk)
  const all = sum(counts.values())
  const leftOut = sum((await matching(parts, { ...bulk, notOf: [] })).values()) - all
  const briefs = await letters.briefs(ids)
  return previewed(ids.length, all - ids.length, {
    edited: briefs.filter(({ isEdited }) => isEdited).length,
    currents: await currentsOf(parts, counts),
    leftOut,
  })
}

function previewed(matched: number, left: number, preview: NonNullable<ManyAnswer['preview']>): ManyAnswer {
  return { matched, changed: 0, refused: [], left, next: null, preview }
}

/** Dead letters that match, by current. */
async function matching({ delivery: { letters } }: ApiParts, bulk: LetterBulk): Promise<Map<number, number>> {
  const { choice, eventId, notOf = [] } = bulk
  const counts = new Map<number, number>()
  const add = (current: number, count: number): void => {
    if (!notOf.includes(current)) counts.set(current, (counts.get(current) ?? 0) + count)
  }
  if (eventId === undefined) {
    const dead = await letters.facet({ ...choice, state: 'dead' }, 'current')
    for (const { value, count } of dead) add(value, count)
  } else {
    const found = await letters.list({ ...choice, state: 'dead', eventId, limit: OF_EVENT_MAX })
    for (const { current } of found) add(current, 1)
  }
  return counts
}

async function currentsOf({ currents }: ApiParts, counts: ReadonlyMap<number, number>) {
  const living = new Map((await currents.list()).map((current) => [current.number, current]))
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([number, count]) => {
      const current = living.get(number)
      return { current: current?.name ?? null, state: current?.state ?? ('deleted' as const), count }
    })
}

export async function choiceOf(
  { currents }: ApiParts,
  query: {
    readonly current?: string | undefined
    readonly state?: DeadLetterState | undefined
    readonly reason?: string | undefined
    readonly eventType?: string | undefined
  },
): Promise<LetterChoice> {
  const { current, state, reason, eventType } = query
  return {
    ...(current === undefined ? {} : { current: (await currentNamed(currents, current)).number }),
    ...(state === undefined ? {} : { state }),
    ...(reason === undefined ? {} : { reason }),
    ...(eventType === undefined ? {} : { eventType }),
  }
}

function sum(counts: Iterable<number>): number {
  let total = 0
  for (const count of counts) total += count
  return total
}
