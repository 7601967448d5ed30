/**
 * The trail: who changed what, from where, with what it was before and after. An entry is begun before its change is made, so
 * that nothing changes without one; its outcome is added when the change is done. Of both writes a power failure may undo the last
 * ones, but not one that is older than a change which outlived it: the store keeps its transactions in order. Owns the tables
 * audit and audit_states.
 *
 * | outcome | means                                                                                       |
 * |---------|---------------------------------------------------------------------------------------------|
 * | begun   | under way, or the program ended before it could say what became of it: look at the object   |
 * | done    | answered with success                                                                       |
 * | refused | answered with a refusal, whose code is kept; nothing was changed                            |
 * | failed  | answered with a failure of ours; how far it came is in the program's log                    |
 */

import { type Selectable, sql } from 'kysely'
import type { Clock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import { labelOf } from '../store/labels.ts'
import type { AuditTable } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import type { Caller } from './caller.ts'

export const OUTCOMES = ['begun', 'done', 'refused', 'failed'] as const
export type Outcome = (typeof OUTCOMES)[number]

/** What is changed. Empty texts: not known. */
export interface AuditObject {
  /** In our words: `current`, `source`, … */
  readonly kind: string
  readonly id: string
  readonly name: string
}

/** An entry without its states. */
export interface AuditEntry {
  /** Entries count up in the order in which they were begun. */
  readonly number: number
  readonly at: number
  readonly who: AuditWho
  readonly address: string
  readonly operation: string
  readonly object: AuditObject
  readonly outcome: Outcome
  /** Of the refusal or failure; empty: none. */
  readonly code: string
  /** The id that the answer carried. */
  readonly request: string
}

export interface AuditWho {
  readonly kind: 'person' | 'token' | 'nobody'
  readonly id: string
  /** As they were then. */
  readonly name: string
  readonly role: string
}

export interface AuditStates {
  /** JSON; undefined: there was nothing, or nothing to be told. */
  readonly before: unknown
  readonly after: unknown
}

/** What is attempted, as it is known before. */
export interface Attempt {
  readonly caller: Caller | undefined
  readonly address: string
  readonly operation: string
  readonly object: AuditObject
  readonly request: string
}

export interface AuditFilter {
  /** Id of a person or token. */
  readonly who?: string
  /** A kind. */
  readonly kind?: string
  /** With the kind: the id. */
  readonly object?: string
  readonly operation?: string
  readonly outcome?: Outcome
  /** Not before; before. */
  readonly from?: number
  readonly to?: number
  /** Part of a name, an id, an operation or a code, in whatever case. */
  readonly text?: string
}

export interface AuditPage {
  readonly entries: AuditEntry[]
  /** What to give as `before` for the next page, which may hold fewer, even none; undefined: this was the last. */
  readonly next: number | undefined
}

/** The largest number that every store gives out. */
export const NUMBER_MAX = 2_147_483_647
/** Entries of the index of one filter that a page looks at; the others are looked for among these. */
export const LOOKED_AT_MAX = 5_000
/** Of the JSON of one state. What is longer is not kept, and says so. */
const STATE_CHARS_MAX = 65_536
/** How far clocks of nodes, or one clock over a correction, may be apart. */
const SKEW_MS = 3_600_000
const PURGED_AT_ONCE = 2_000

export class Audit {
  readonly #store: Store
  readonly #clock: Clock
  readonly #retentionMs: number

  constructor(store: Store, clock: Clock, retentionMs: number) {
    this.#store = store
    this.#clock = clock
    this.#retentionMs = retentionMs
  }

  /** Gives the number of the entry. Throws STORE_UNAVAILABLE: then the change must not be made. */
  begin(attempt: Attempt, before: unknown): Promise<number> {
    return this.#insert(attempt, 'begun', '', { before, after: undefined })
  }

  /** Says what became of it. The caller and the object may be known better by now. */
  async finish(
    number: number,
    { caller, object, operation }: Pick<Attempt, 'caller' | 'object' | 'operation'>,
    { outcome, code = '', after }: { outcome: Outcome; code?: string; after?: unknown },
  ): Promise<void> {
    const kept = stateText(after)
    await this.#store.transaction(
      async (tx) => {
        await tx
          .updateTable('audit')
          .set({
            ...whoColumns(caller),
            ...objectColumns(object),
            outcome,
            code,
            words: wordsOf(caller, object, operation, code),
          })
          .where('number', '=', number)
          .execute()
        if (kept !== null)
          await tx
            .insertInto('audit_states')
            .values({ number, before: null, after: kept })
            .onConflict((conflict) => conflict.column('number').doUpdateSet({ after: kept }))
            .execute()
      },
      { durable: 'soon' },
    )
  }

  /** An entry that is whole at once: what was refused before it began, and what changes nothing before it is answered. */
  note(attempt: Attempt, outcome: Outcome, code: string, after?: unknown): Promise<number> {
    return this.#insert(attempt, outcome, code, { before: undefined, after })
  }

  /** Newest first. `before`: numbers below only. Looks at a bounded number of entries, however many there are. */
  async list(filter: AuditFilter, limit: number, before?: number): Promise<AuditPage> {
    const below = Math.min(before ?? NUMBER_MAX, await this.#firstAfter(filter.to))
    const lowest = await this.#lastBefore(filter.from)
    const floor = await this.#floorOf(filter, below, lowest)
    const rows = await this.#matching(filter, below, floor ?? lowest + 1, limit)
    return {
      entries: rows.map(entryOf),
      next: rows.length === limit ? rows.at(-1)?.number : floor,
    }
  }

  /** Throws AUDIT_UNKNOWN. */
  async get(number: number): Promise<AuditEntry & AuditStates> {
    const [whole] = await this.#whole([number])
    if (whole === undefined)
      throw new ThalwegError('AUDIT_UNKNOWN', `The trail has no entry ${number}, or not any more`)
    return whole
  }

  /** All that fit, newest first, page by page, with their states. */
  async *each(filter: AuditFilter, pageSize: number): AsyncGenerator<(AuditEntry & AuditStates)[]> {
    let before: number | undefined
    do {
      const page = await this.list(filter, pageSize, before)
      before = page.next
      if (page.entries.length > 0) yield this.#whole(page.entries.map(({ number }) => number))
    } while (before !== undefined)
  }

  /** Removes what is older than the retention. */
  async purge(): Promise<void> {
    const row = await this.#store.db
      .selectFrom('audit')
      .select('number')
      .where('at', '<', this.#clock.now() - this.#retentionMs)
      .orderBy('at', 'desc')
      .limit(1)
      .executeTakeFirst()
    if (row === undefined) return
    for (;;) {
      const old = await this.#store.db
        .selectFrom('audit')
        .select('number')
        .where('number', '<=', row.number)
        .orderBy('number')
        .limit(PURGED_AT_ONCE)
        .execute()
      const end = old.at(-1)?.number
      if (end === undefined) return
      await this.#store.transaction(
        async (tx) => {
          await tx.deleteFrom('audit_states').where('number', '<=', end).execute()
          await tx.deleteFrom('audit').where('number', '<=', end).execute()
        },
        { durable: 'soon' },
      )
    }
  }

  #insert(attempt: Attempt, outcome: Outcome, code: string, states: AuditStates): Promise<number> {
    const { caller, address, operation, object, request } = attempt
    const before = stateText(states.before)
    const after = stateText(states.after)
    return this.#store.transaction(
      async (tx) => {
        const { number } = await tx
          .insertInto('audit')
          .values({
            at: this.#clock.now(),
            ...whoColumns(caller),
            address,
            operation,
            ...objectColumns(object),
            outcome,
            code,
            request,
            words: wordsOf(caller, object, operation, code),
          })
          .returning('number')
          .executeTakeFirstOrThrow()
        if (before !== null || after !== null)
          await tx.insertInto('audit_states').values({ number, before, after }).execute()
        return number
      },
      { durable: 'soon' },
    )
  }

  /** The number of the last entry that a page looks at; undefined: it may look at all that its index leads to. */
  async #floorOf(filter: AuditFilter, below: number, above: number): Promise<number | undefined> {
    const { led, sought } = planOf(filter)
    if (sought.length === 0 && filter.text === undefined) return undefined
    let query = this.#store.db
      .selectFrom('audit')
      .select('number')
      .where('number', '<', below)
      .where('number', '>', above)
    if (led !== undefined) query = query.where(led[0], '=', led[1])
    const last = await query
      .orderBy('number', 'desc')
      .offset(LOOKED_AT_MAX - 1)
      .limit(1)
      .executeTakeFirst()
    return last?.number
  }

  /**
   * What leads is found by its index. What is sought is written as no index serves it, so that the database does not walk one of
   * those from end to end instead.
   */
  #matching(
    filter: AuditFilter,
    below: number,
    floor: number,
    limit: number,
  ): Promise<Selectable<AuditTable>[]> {
    const { led, sought } = planOf(filter)
    const { from, to, text } = filter
    let query = this.#store.db
      .selectFrom('audit')
      .selectAll()
      .where('number', '<', below)
      .where('number', '>=', floor)
    if (led !== undefined) query = query.where(led[0], '=', led[1])
    for (const [column, value] of sought)
      query = query.where((e) => e(e.fn<string>('coalesce', [column, e.val('')]), '=', value))
    if (from !== undefined) query = query.where((e) => e(e.fn<number>('abs', ['at']), '>=', from))
    if (to !== undefined) query = query.where((e) => e(e.fn<number>('abs', ['at']), '<', to))
    if (text !== undefined) query = query.where(sql<boolean>`words like ${likeOf(text)} escape '!'`)
    return query.orderBy('number', 'desc').limit(limit).execute()
  }

  async #whole(numbers: readonly number[]): Promise<(AuditEntry & AuditStates)[]> {
    const rows = await this.#store.db
      .selectFrom('audit')
      .leftJoin('audit_states', 'audit_states.number', 'audit.number')
      .selectAll('audit')
      .select(['before', 'after'])
      .where('audit.number', 'in', numbers)
      .orderBy('audit.number', 'desc')
      .execute()
    return rows.map((row) => ({
      ...entryOf(row),
      before: stateFrom(row.before),
      after: stateFrom(row.after),
    }))
  }

  /** A number that every entry of before `from` is at or below of, as far as clocks agree. */
  async #lastBefore(from: number | undefined): Promise<number> {
    if (from === undefined) return 0
    const row = await this.#store.db
      .selectFrom('audit')
      .select('number')
      .where('at', '<', from - SKEW_MS)
      .orderBy('at', 'desc')
      .limit(1)
      .executeTakeFirst()
    return row?.number ?? 0
  }

  async #firstAfter(to: number | undefined): Promise<number> {
    if (to === undefined) return NUMBER_MAX
    const row = await this.#store.db
      .selectFrom('audit')
      .select('number')
      .where('at', '>=', to + SKEW_MS)
      .orderBy('at')
      .limit(1)
      .executeTakeFirst()
    return row?.number ?? NUMBER_MAX
  }
}

type Column = 'who' | 'object_kind' | 'object' | 'operation' | 'outcome'
type Wanted = readonly [Column, string]

/** Each has an index that ends in the number. The one first that most likely leaves the fewest entries. */
const LEADS = ['object', 'who', 'operation', 'object_kind'] as const satisfies readonly Column[]

/** Which of the filters leads to its entries by an index, and what is sought among these. */
function planOf({ who, kind, object, operation, outcome }: AuditFilter): {
  readonly led: Wanted | undefined
  readonly sought: readonly Wanted[]
} {
  const given: readonly (readonly [Column, string | undefined])[] = [
    ['object_kind', kind],
    ['object', object],
    ['who', who],
    ['operation', operation],
    ['outcome', outcome],
  ]
  const wanted = given.filter((pair): pair is Wanted => pair[1] !== undefined)
  const lead = LEADS.find((column) => wanted.some(([name]) => name === column))
  return {
    led: wanted.find(([column]) => column === lead),
    sought: wanted.filter(([column]) => column !== lead),
  }
}

function whoColumns(caller: Caller | undefined) {
  return caller === undefined
    ? { who_kind: 'nobody', who: '', who_name: '', who_role: '' }
    : { who_kind: caller.kind, who: caller.id, who_name: caller.name, who_role: caller.role }
}

function objectColumns({ kind, id, name }: AuditObject) {
  return { object_kind: labelOf(kind), object: labelOf(id), object_name: labelOf(name) }
}

function wordsOf(caller: Caller | undefined, object: AuditObject, operation: string, code: string): string {
  const { name = '', email = '' } = caller ?? {}
  return [name, email ?? '', operation, object.kind, object.id, object.name, code].join(' ').toLowerCase()
}

function likeOf(text: string): string {
  return `%${text.toLowerCase().replace(/[%_!]/g, '!$&')}%`
}

function stateText(state: unknown): string | null {
  if (state === undefined || state === null) return null
  const text = JSON.stringify(state)
  return text.length <= STATE_CHARS_MAX ? text : JSON.stringify({ notKept: `${text.length} characters` })
}

function stateFrom(text: string | null): unknown {
  return text === null ? undefined : JSON.parse(text)
}

function entryOf(row: Selectable<AuditTable>): AuditEntry {
  const { number, at, address, operation, code, request } = row
  return {
    number,
    at,
    who: { kind: row.who_kind as AuditWho['kind'], id: row.who, name: row.who_name, role: row.who_role },
    address,
    operation,
    object: { kind: row.object_kind, id: row.object, name: row.object_name },
    outcome: row.outcome as Outcome,
    code,
    request,
  }
}
