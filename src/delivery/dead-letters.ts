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
import type { Kysely, Transaction } from 'kysely'
import { eventBytes } from '../core/batch.ts'
import type { Clock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import { labelOf } from '../store/labels.ts'
import { type DeadLettersTable, INDEXED_CHARS_MAX, type Schema } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import { eventIdOf } from './event-id.ts'
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

export interface DeadLetterFilter {
  readonly current?: number
  readonly state?: DeadLetterState
  readonly reason?: string
  readonly eventType?: string
  readonly eventId?: string
  /** Of one of these records. */
  readonly eventIds?: readonly string[]
  /** Offsets of their records: [from, to). */
  readonly window?: { readonly from: number; readonly to: number }
  /** Ids after this one, in listing order. */
  readonly before?: { readonly createdAt: number; readonly id: string }
  readonly limit: number
}

const EDITED_BYTES_MAX = 1_048_576
const ROWS_AT_ONCE = 200

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
    let query = this.#store.db.selectFrom('dead_letters').selectAll()
    if (filter.current !== undefined) query = query.where('current', '=', filter.current)
    if (filter.state !== undefined) query = query.where('state', '=', filter.state)
    if (filter.reason !== undefined) query = query.where('reason', '=', filter.reason)
    if (filter.eventType !== undefined) query = query.where('event_type', '=', filter.eventType)
    if (filter.eventId !== undefined) query = query.where('event_id', '=', filter.eventId)
    if (filter.eventIds !== undefined) query = query.where('event_id', 'in', filter.eventIds)
    const { before, window } = filter
    if (window !== undefined)
      query = query.where('record_offset', '>=', window.from).where('record_offset', '<', window.to)
    if (before !== undefined) {
      query = query.where((where) =>
        where.or([
          where('created_at', '<', before.createdAt),
          where.and([where('created_at', '=', before.createdAt), where('id', '<', before.id)]),
        ]),
      )
    }
    const rows = await query
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc')
      .limit(Math.min(filter.limit, 500))
      .execute()
    return rows.map(letterFrom)
  }

  /** Letters per state. */
  async counts(current: number): Promise<Record<DeadLetterState, number>> {
    const rows = await this.#store.db
      .selectFrom('dead_letters')
      .select(['state', ({ fn }) => fn.countAll<number>().as('count')])
      .where('current', '=', current)
      .groupBy('state')
      .execute()
    const counts: Record<DeadLetterState, number> = { dead: 0, queued: 0, delivered: 0, discarded: 0 }
    for (const row of rows) counts[row.state as DeadLetterState] = Number(row.count)
    return counts
  }

  /** Throws DEAD_LETTER_UNKNOWN. */
  get(id: string): Promise<DeadLetter> {
    return letterIn(this.#store.db, id)
  }

  /** Replaces the event that a redrive will send; null takes the edit back. Throws INPUT_INVALID unless it is a JSON object of at most 1 MB. */
  async edit(id: string, event: string | null): Promise<DeadLetter> {
    if (event !== null) refuseBadEvent(event)
    await this.#change(this.#store.db, id, ['dead'], { edited: event === null ? null : Buffer.from(event) })
    return this.get(id)
  }

  /** Marks letters for delivery, all or none; the connection's redrive picks them up. Returns how many were marked. */
  async queue(ids: readonly string[], note: string): Promise<number> {
    const all = new Set(ids)
    await this.#store.transaction(async (tx) => {
      for (const id of all) await this.#change(tx, id, ['dead'], { state: 'queued', note })
    })
    return all.size
  }

  /** Sets a letter aside for good; it stays counted as dead. */
  async discard(id: string, note: string): Promise<DeadLetter> {
    await this.#change(this.#store.db, id, ['dead', 'queued'], { state: 'discarded', note })
    return this.get(id)
  }

  /** Letters of a current waiting for redrive, oldest first. */
  async queued(current: number, limit: number): Promise<DeadLetter[]> {
    const rows = await this.#store.db
      .selectFrom('dead_letters')
      .selectAll()
      .where('current', '=', current)
      .where('state', '=', 'queued')
      .orderBy('record_offset')
      .limit(limit)
      .execute()
    return rows.map(letterFrom)
  }

  async #change(db: Kysely<Schema>, id: string, from: readonly DeadLetterState[], to: Change): Promise<void> {
    const result = await db
      .updateTable('dead_letters')
      .set({ ...to, updated_at: this.#clock.now() })
      .where('id', '=', id)
      .where('state', 'in', from)
      .executeTakeFirst()
    if (Number(result.numUpdatedRows) > 0) return
    const { state } = await letterIn(db, id)
    throw new ThalwegError(
      'DEAD_LETTER_STATE',
      `Dead letter ${id} is ${state}; this needs it to be ${from.join(' or ')}`,
    )
  }
}

async function letterIn(db: Kysely<Schema>, id: string): Promise<DeadLetter> {
  const row = await db.selectFrom('dead_letters').selectAll().where('id', '=', id).executeTakeFirst()
  if (row === undefined)
    throw new ThalwegError('DEAD_LETTER_UNKNOWN', `There is no dead letter ${JSON.stringify(id)}`)
  return letterFrom(row)
}

interface Change {
  readonly state?: DeadLetterState
  readonly edited?: Uint8Array | null
  readonly note?: string
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
