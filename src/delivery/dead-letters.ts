/**
 * Dead letters: records that a connection could not deliver, with what was sent, what came back, and what an operator did about it.
 * Owns the table dead_letters.
 *
 *   dead ──edit──► dead ──redrive──► queued ──accepted──► delivered
 *     └──discard──► discarded           └──refused──► dead (message and attempts renewed)
 *
 * A letter stays counted as dead until it is delivered; the same transaction then moves its ledger count.
 */

import { randomUUID } from 'node:crypto'
import { type Kysely, sql, type Transaction } from 'kysely'
import { eventBytes } from '../core/batch.ts'
import type { Clock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import { labelOf } from '../store/labels.ts'
import { type DeadLettersTable, INDEXED_CHARS_MAX, type Schema } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import { eventIdOf } from './event-id.ts'
import {
  addToLetterCounts,
  type LetterChoice,
  type LetterCount,
  type LetterGroup,
  letterFacet,
} from './letter-counts.ts'
import { type LetterPlace, pageOfLetters } from './letter-pages.ts'
import type { Note, Parcel } from './parcel.ts'

export type DeadLetterState = 'dead' | 'queued' | 'delivered' | 'discarded'

export interface DeadLetter {
  readonly id: string
  readonly current: number
  readonly offset: number
  readonly eventId: string
  readonly eventType: string
  readonly receivedAt: number
  readonly version: number
  readonly batch: string
  readonly replay: string | null
  readonly fault: string
  readonly reason: string
  readonly message: string
  readonly status: number
  /** The event after the current's field rules, as it stood before mapping; JSON text. */
  readonly event: string
  /** The operator's version of it; null when not edited. */
  readonly edited: string | null
  /** JSON text: the request's head, secrets blotted out, and the record as the destination was to see it. */
  readonly sent: string
  readonly answer: string
  readonly attempts: number
  readonly state: DeadLetterState
  readonly note: string
  readonly createdAt: number
  readonly updatedAt: number
}

export interface DeadLetterFilter extends LetterChoice {
  readonly eventId?: string
  /** Of one of these records. */
  readonly eventIds?: readonly string[]
  /** Offsets of their records: [from, to). */
  readonly window?: { readonly from: number; readonly to: number }
  /** Letters after this one, in listing order. */
  readonly before?: LetterPlace
  readonly limit: number
}

export interface LetterBrief {
  readonly id: string
  readonly current: number
  readonly isEdited: boolean
}

export interface Moved {
  readonly count: number
  readonly refused: readonly { readonly id: string; readonly error: ThalwegError }[]
}

/** Letters to change in bulk. */
export interface LetterBulk {
  readonly choice: LetterChoice
  readonly eventId?: string
  /** Letters of these currents are left alone. */
  readonly notOf?: readonly number[]
  /** Letters after this one, in listing order. */
  readonly before?: LetterPlace
  readonly limit: number
}

const EDITED_BYTES_MAX = 1_048_576
const ROWS_AT_ONCE = 200
/** Letters that one statement moves: the thread does nothing else meanwhile. */
const MOVED_AT_ONCE = 100

export async function insertDeadLetters(
  tx: Transaction<Schema>,
  rows: readonly DeadLettersTable[],
): Promise<void> {
  for (let i = 0; i < rows.length; i += ROWS_AT_ONCE) {
    await tx
      .insertInto('dead_letters')
      .values(rows.slice(i, i + ROWS_AT_ONCE))
      .execute()
  }
  await addToLetterCounts(
    tx,
    rows.map((row) => ({ ...groupOf(row), state: row.state as DeadLetterState, count: 1 })),
  )
}

/** The row for record i of a parcel. The event is kept after field rules: what was to be removed or hashed for
 * the destination is not kept in clear here either, and a redrive does not apply the rules a second time. */
export function deadLetterRow(
  parcel: Parcel,
  i: number,
  note: Note,
  about: {
    readonly current: number
    readonly version: number
    readonly replay: string | null
    readonly now: number
  },
): DeadLettersTable {
  const bytes = Buffer.from(eventBytes(parcel.batch, i))
  return {
    id: randomUUID(),
    current: about.current,
    record_offset: parcel.batch.offsets[i] ?? 0,
    event_id: eventIdOf(bytes).slice(0, INDEXED_CHARS_MAX),
    event_type: labelOf(parcel.batch.types[i] ?? ''),
    received_at: parcel.batch.receivedAt[i] ?? 0,
    version: about.version,
    batch: parcel.batch.id,
    replay: about.replay,
    fault: note.fault?.kind ?? '',
    reason: note.reason,
    message: note.fault?.message ?? '',
    status: note.fault?.status ?? 0,
    event: bytes,
    edited: null,
    sent: note.sent,
    answer: note.fault?.answer ?? '',
    attempts: note.attempts,
    state: 'dead',
    note: '',
    created_at: about.now,
    updated_at: about.now,
  }
}

export class DeadLetters {
  readonly #store: Store
  readonly #clock: Clock

  constructor(store: Store, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  /** Newest first; at most `limit` (1..500). */
  async list(filter: DeadLetterFilter): Promise<DeadLetter[]> {
    const limit = Math.min(filter.limit, 500)
    const { eventId, eventIds, window, before } = filter
    if (eventId !== undefined || eventIds !== undefined || window !== undefined)
      return this.#listOfRecords(filter, limit)
    const places = await pageOfLetters(this.#store.db, {
      choice: choiceOf(filter),
      ...(before === undefined ? {} : { before }),
      limit,
    })
    if (places.length === 0) return []
    const rows = await this.#store.db
      .selectFrom('dead_letters')
      .selectAll()
      .where(
        'id',
        'in',
        places.map(({ id }) => id),
      )
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc')
      .execute()
    return rows.map(letterFrom)
  }

  /** Of records that are named by id or place: few, and found by it. */
  async #listOfRecords(filter: DeadLetterFilter, limit: number): Promise<DeadLetter[]> {
    const { before, window } = filter
    let query = this.#store.db.selectFrom('dead_letters').selectAll()
    if (filter.current !== undefined) query = query.where('current', '=', filter.current)
    if (filter.state !== undefined) query = query.where('state', '=', filter.state)
    if (filter.reason !== undefined) query = query.where('reason', '=', filter.reason)
    if (filter.eventType !== undefined) query = query.where('event_type', '=', filter.eventType)
    if (filter.eventId !== undefined) query = query.where('event_id', '=', filter.eventId)
    if (filter.eventIds !== undefined) query = query.where('event_id', 'in', filter.eventIds)
    if (window !== undefined)
      query = query.where('record_offset', '>=', window.from).where('record_offset', '<', window.to)
    if (before !== undefined)
      query = query.where(sql<boolean>`(created_at, id) < (${before.createdAt}, ${before.id})`)
    const rows = await query.orderBy('created_at', 'desc').orderBy('id', 'desc').limit(limit).execute()
    return rows.map(letterFrom)
  }

  /** How many there are by the values of one property, the most first. */
  facet<Name extends keyof LetterGroup>(
    choice: LetterChoice,
    property: Name,
  ): Promise<{ readonly value: LetterGroup[Name]; readonly count: number }[]> {
    return letterFacet(this.#store.db, choice, property)
  }

  /** Letters per state. */
  async counts(current: number): Promise<Record<DeadLetterState, number>> {
    const counts: Record<DeadLetterState, number> = { dead: 0, queued: 0, delivered: 0, discarded: 0 }
    for (const { value, count } of await this.facet({ current }, 'state')) counts[value] = count
    return counts
  }

  /** Throws DEAD_LETTER_UNKNOWN. */
  async get(id: string): Promise<DeadLetter> {
    const row = await this.#store.db
      .selectFrom('dead_letters')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirst()
    if (row === undefined) throw unknown(id)
    return letterFrom(row)
  }

  /** Replaces the event that a redrive will send; null takes the edit back. Throws INPUT_INVALID unless it is a JSON object of at most 1 MB. */
  async edit(id: string, event: string | null): Promise<DeadLetter> {
    if (event !== null) refuseBadEvent(event)
    const { db } = this.#store
    const result = await db
      .updateTable('dead_letters')
      .set({ edited: event === null ? null : Buffer.from(event), updated_at: this.#clock.now() })
      .where('id', '=', id)
      .where('state', '=', 'dead')
      .executeTakeFirst()
    if (Number(result.numUpdatedRows) === 0) throw await whyNot(db, id, ['dead'])
    return this.get(id)
  }

  /** Marks letters for delivery, all or none; the connection's redrive picks them up. Returns how many were marked. */
  async queue(ids: readonly string[], note: string): Promise<number> {
    const all = [...new Set(ids)]
    await this.#store.transaction(async (tx) => {
      const moved = new Set(await this.#move(tx, all, ['dead'], 'queued', note))
      const left = all.find((id) => !moved.has(id))
      if (left !== undefined) throw await whyNot(tx, left, FROM.queued)
    })
    return all.length
  }

  /** Sets a letter aside for good; it stays counted as dead. */
  async discard(id: string, note: string): Promise<DeadLetter> {
    const { refused } = await this.moveMany([id], 'discarded', note)
    for (const { error } of refused) throw error
    return this.get(id)
  }

  /** Moves those that are in a state for it, a hundred in a transaction. */
  async moveMany(ids: readonly string[], to: keyof typeof FROM, note: string): Promise<Moved> {
    const left = new Set(ids)
    const all = [...left]
    let count = 0
    for (let i = 0; i < all.length; i += MOVED_AT_ONCE) {
      const some = all.slice(i, i + MOVED_AT_ONCE)
      const moved = await this.#store.transaction((tx) => this.#move(tx, some, FROM[to], to, note))
      count += moved.length
      for (const id of moved) left.delete(id)
    }
    const refused: { id: string; error: ThalwegError }[] = []
    for (const id of left) refused.push({ id, error: await whyNot(this.#store.db, id, FROM[to]) })
    return { count, refused }
  }

  /** Where dead letters stand, newest first. */
  async deadOf({ choice, eventId, notOf = [], before, limit }: LetterBulk): Promise<LetterPlace[]> {
    const dead = { ...choice, state: 'dead' } as const
    const after = before === undefined ? {} : { before }
    if (eventId === undefined) return pageOfLetters(this.#store.db, { choice: dead, notOf, ...after, limit })
    const found = await this.#listOfRecords({ ...dead, eventId, ...after, limit }, limit)
    return found.filter(({ current }) => !notOf.includes(current))
  }

  /** Those of these letters that there are: whose they are, and whether they were edited. */
  async briefs(ids: readonly string[]): Promise<LetterBrief[]> {
    const briefs: LetterBrief[] = []
    for (let i = 0; i < ids.length; i += MOVED_AT_ONCE) {
      const rows = await this.#store.db
        .selectFrom('dead_letters')
        .select(['id', 'current', sql<number>`case when edited is null then 0 else 1 end`.as('edited')])
        .where('id', 'in', ids.slice(i, i + MOVED_AT_ONCE))
        .execute()
      briefs.push(...rows.map(({ id, current, edited }) => ({ id, current, isEdited: edited === 1 })))
    }
    return briefs
  }

  /** Letters of a current waiting for redrive, oldest first. */
  async queued(current: number, limit: number): Promise<DeadLetter[]> {
    const rows = await this.#store.db
      .selectFrom('dead_letters')
      .selectAll()
      .where('current', '=', current)
      // Written out: the index of those that wait is found by the word itself.
      .where('state', '=', sql.lit('queued'))
      .orderBy('record_offset')
      .limit(limit)
      .execute()
    return rows.map(letterFrom)
  }

  async #move(
    tx: Transaction<Schema>,
    ids: readonly string[],
    from: readonly DeadLetterState[],
    to: DeadLetterState,
    note: string,
  ): Promise<string[]> {
    const moved: string[] = []
    const counts: LetterCount[] = []
    for (const before of from) {
      const rows = await tx
        .updateTable('dead_letters')
        .set({ state: to, note, updated_at: this.#clock.now() })
        .where('id', 'in', ids)
        .where('state', '=', before)
        .returning(['id', 'current', 'reason', 'event_type'])
        .execute()
      for (const row of rows) {
        moved.push(row.id)
        counts.push(...movedCounts(groupOf(row), before, to))
      }
    }
    if (counts.length > 0) await addToLetterCounts(tx, counts)
    return moved
  }
}

/** From where a letter may come to each state that an operator can put it in. */
const FROM = {
  queued: ['dead'],
  discarded: ['dead', 'queued'],
} as const satisfies Partial<Record<DeadLetterState, readonly DeadLetterState[]>>

/** What a letter's move changes in the counts. */
export function movedCounts(
  group: Omit<LetterCount, 'state' | 'count'>,
  from: DeadLetterState,
  to: DeadLetterState,
): LetterCount[] {
  return [
    { ...group, state: from, count: -1 },
    { ...group, state: to, count: 1 },
  ]
}

function groupOf(row: Pick<DeadLettersTable, 'current' | 'reason' | 'event_type'>) {
  return { current: row.current, reason: row.reason, eventType: row.event_type }
}

function choiceOf({ current, state, reason, eventType }: LetterChoice): LetterChoice {
  return {
    ...(current === undefined ? {} : { current }),
    ...(state === undefined ? {} : { state }),
    ...(reason === undefined ? {} : { reason }),
    ...(eventType === undefined ? {} : { eventType }),
  }
}

/** DEAD_LETTER_STATE or DEAD_LETTER_UNKNOWN. */
async function whyNot(
  db: Kysely<Schema>,
  id: string,
  needed: readonly DeadLetterState[],
): Promise<ThalwegError> {
  const row = await db.selectFrom('dead_letters').select('state').where('id', '=', id).executeTakeFirst()
  return row === undefined
    ? unknown(id)
    : new ThalwegError(
        'DEAD_LETTER_STATE',
        `Dead letter ${id} is ${row.state}; this needs it to be ${needed.join(' or ')}`,
      )
}

function unknown(id: string): ThalwegError {
  return new ThalwegError('DEAD_LETTER_UNKNOWN', `There is no dead letter ${JSON.stringify(id)}`)
}

function refuseBadEvent(text: string): void {
  if (Buffer.byteLength(text) > EDITED_BYTES_MAX) {
    throw new ThalwegError('INPUT_INVALID', `The edited event is longer than ${EDITED_BYTES_MAX} bytes`)
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new ThalwegError('INPUT_INVALID', `The edited event is not JSON: ${(cause as Error).message}`, {
      cause,
    })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ThalwegError('INPUT_INVALID', 'The edited event must be a JSON object')
  }
}

function letterFrom(row: DeadLettersTable): DeadLetter {
  return {
    id: row.id,
    current: row.current,
    offset: row.record_offset,
    eventId: row.event_id,
    eventType: row.event_type,
    receivedAt: row.received_at,
    version: row.version,
    batch: row.batch,
    replay: row.replay,
    fault: row.fault,
    reason: row.reason,
    message: row.message,
    status: row.status,
    event: Buffer.from(row.event).toString(),
    edited: row.edited === null ? null : Buffer.from(row.edited).toString(),
    sent: row.sent,
    answer: row.answer,
    attempts: row.attempts,
    state: row.state as DeadLetterState,
    note: row.note,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}
