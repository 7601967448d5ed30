/**
 * The drift radar: which event types and fields a source sends that nobody told us of, when they came first, how many there are, and what
 * they look like. It reads the log on its own account and owns the tables drift and drift_position; it never holds an event back, never
 * changes one, and keeps of a value no more than a sample.
 *
 * It is exact: what it counted and how far it came are written together (log-account.ts), so that after a kill every event is counted once.
 */

import { sql, type Transaction } from 'kysely'
import type { Clock } from '../../core/clock.ts'
import { ThalwegError } from '../../core/errors.ts'
import type { Kernel } from '../../core/kernel/kernel.ts'
import type { FrameView } from '../../log/frame.ts'
import { rowSet } from '../../store/row-set.ts'
import type { DriftTable, Schema } from '../../store/schema.ts'
import type { Store } from '../../store/store.ts'
import { type AccountParts, LogAccount, type Pages } from '../log-account.ts'
import type { Finding, Line } from './lines.ts'
import { Radar } from './radar.ts'
import { ShapeTrail } from './shape-trail.ts'

export interface DriftParts extends AccountParts {
  /** Used within one turn of the event loop at a time. */
  readonly kernel: Kernel
}

/** Which findings; what is not given does not matter. */
export interface FindingFilter {
  readonly source?: number | undefined
  readonly eventType?: string | undefined
  readonly finding?: Finding | undefined
  readonly acknowledged?: boolean | undefined
  /** First seen at or after, milliseconds since the epoch. */
  readonly sinceMs?: number | undefined
}

/** Where a page of findings ended. */
export interface FindingPlace {
  readonly firstAt: number
  readonly id: string
}

/** One source's account of an event type. */
export interface SeenType {
  readonly type: DriftTable
  /** By path and kind; at most FIELDS_PER_TYPE_MAX. */
  readonly fields: readonly DriftTable[]
}

/** Gatherings between two writes: three seconds when there is only more of the same, half a second when there is something new. */
const GATHERINGS_PER_WRITE = 30
const GATHERINGS_WITH_NEWS = 5
const ROWS_AT_ONCE = 500
/** The one row of drift_position. */
const POSITION = 1

export class Drift {
  /** For the doors: what their scan found out. */
  readonly shapes = new ShapeTrail()
  readonly #store: Store
  readonly #clock: Clock
  readonly #account: LogAccount
  readonly #pages: DriftPages

  constructor(parts: DriftParts) {
    this.#store = parts.store
    this.#clock = parts.clock
    this.#pages = new DriftPages(parts.store, parts.kernel, this.shapes)
    this.#account = new LogAccount(parts, this.#pages)
  }

  start(): Promise<void> {
    return this.#account.start()
  }

  stop(): Promise<void> {
    return this.#account.stop()
  }

  /** Everything before is counted. */
  get position(): number {
    return this.#account.position
  }

  /** Event types by first appearance, newest first, whether the catalog knows them or not. */
  async types(limit: number): Promise<DriftTable[]> {
    return this.#store.db
      .selectFrom('drift')
      .selectAll()
      .where('kind', '=', 'type')
      .orderBy('first_at', 'desc')
      .limit(limit)
      .execute()
  }

  /** Newest first, from behind `after` on. */
  async findings(filter: FindingFilter, limit: number, after?: FindingPlace): Promise<DriftTable[]> {
    let query = this.#chosen(filter)
      .selectAll()
      .orderBy('first_at', 'desc')
      .orderBy('id', 'desc')
      .limit(limit)
    if (after !== undefined) {
      query = query.where((is) =>
        is.or([
          is('first_at', '<', after.firstAt),
          is.and([is('first_at', '=', after.firstAt), is('id', '<', after.id)]),
        ]),
      )
    }
    return query.execute()
  }

  /** How many findings nobody has acknowledged. */
  async unacknowledged(): Promise<number> {
    const { count } = await this.#chosen({ acknowledged: false })
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow()
    return Number(count)
  }

  /** What each source sent of an event type, the busiest source first; at most `limit` sources. Throws DRIFT_UNKNOWN when none did. */
  async type(eventType: string, source: number | undefined, limit: number): Promise<SeenType[]> {
    let query = this.#store.db
      .selectFrom('drift')
      .selectAll()
      .where('event_type', '=', eventType)
      .where('kind', '=', 'type')
    if (source !== undefined) query = query.where('source', '=', source)
    const types = await query.orderBy('count', 'desc').limit(limit).execute()
    if (types.length === 0) {
      throw new ThalwegError(
        'DRIFT_UNKNOWN',
        `No event of the type ${JSON.stringify(eventType)} has been counted`,
      )
    }
    return Promise.all(types.map(async (type) => ({ type, fields: await this.#fieldsOf(type) })))
  }

  #fieldsOf({ source, event_type }: DriftTable): Promise<DriftTable[]> {
    return this.#store.db
      .selectFrom('drift')
      .selectAll()
      .where('source', '=', source)
      .where('event_type', '=', event_type)
      .where('kind', '<>', 'type')
      .orderBy('path')
      .orderBy('kind')
      .execute()
  }

  /**
   * Somebody knows these findings: those named, or all that the filter chooses and that were there at `untilMs`. Gives how many had not
   * been acknowledged before; the note of the others stays.
   */
  async acknowledge(
    which: readonly string[] | FindingFilter,
    untilMs: number,
    note: string,
  ): Promise<number> {
    const isList = Array.isArray(which)
    const chosen = this.#chosen(isList ? { acknowledged: false } : { ...which, acknowledged: false })
      .select('id')
      .where('first_at', '<=', untilMs)
    const rows = await this.#store.db
      .updateTable('drift')
      .set({ acknowledged_at: this.#clock.now(), note })
      .where('id', 'in', isList ? chosen.where('id', 'in', [...which]) : chosen)
      .returning(['source', 'event_type', 'kind'])
      .execute()
    for (const row of rows) if (row.kind === 'type') this.#pages.acknowledge(row.source, row.event_type)
    return rows.length
  }

  #chosen({ source, eventType, finding, acknowledged, sinceMs }: FindingFilter) {
    let query = this.#store.db.selectFrom('drift').where('finding', '<>', '')
    if (source !== undefined) query = query.where('source', '=', source)
    if (eventType !== undefined) query = query.where('event_type', '=', eventType)
    if (finding !== undefined) query = query.where('finding', '=', finding)
    if (acknowledged !== undefined)
      query = query.where('acknowledged_at', acknowledged ? 'is not' : 'is', null)
    if (sinceMs !== undefined) query = query.where('first_at', '>=', sinceMs)
    return query
  }
}

class DriftPages implements Pages {
  readonly reader = 'drift'
  readonly #store: Store
  readonly #kernel: Kernel
  readonly #trail: ShapeTrail
  #radar: Radar

  constructor(store: Store, kernel: Kernel, trail: ShapeTrail) {
    this.#store = store
    this.#kernel = kernel
    this.#trail = trail
    this.#radar = new Radar(kernel, trail)
  }

  acknowledge(source: number, eventType: string): void {
    this.#radar.acknowledge(source, eventType)
  }

  async load(): Promise<number | undefined> {
    const radar = new Radar(this.#kernel, this.#trail)
    const { db } = this.#store
    const rows = await db
      .selectFrom('drift')
      .select(['id', 'source', 'event_type', 'path', 'kind', 'finding', 'expected'])
      .select(['first_at', 'first_offset', 'acknowledged_at'])
      .orderBy('first_offset')
      .execute()
    for (const row of rows) radar.restore(row)
    radar.kept()
    this.#radar = radar
    return this.position()
  }

  async position(): Promise<number | undefined> {
    const found = await this.#store.db.selectFrom('drift_position').select('position').executeTakeFirst()
    return found?.position
  }

  async open(position: number): Promise<void> {
    await this.#store.db
      .insertInto('drift_position')
      .values({ id: POSITION, position })
      .onConflict((conflict) => conflict.column('id').doUpdateSet({ position }))
      .execute()
  }

  take(frame: FrameView, from: number): void {
    this.#radar.take(frame, from)
  }

  isDue(gatherings: number): boolean {
    return gatherings >= (this.#radar.hasNews ? GATHERINGS_WITH_NEWS : GATHERINGS_PER_WRITE)
  }

  kept(): void {
    this.#radar.kept()
  }

  async keep(tx: Transaction<Schema>, from: number, to: number): Promise<number> {
    const moved = await tx
      .updateTable('drift_position')
      .set({ position: to })
      .where('position', '=', from)
      .executeTakeFirst()
    if (Number(moved.numUpdatedRows) === 0) {
      const { position } = await tx.selectFrom('drift_position').select('position').executeTakeFirstOrThrow()
      return position
    }
    const lines = [...this.#radar.changed()]
    for (let i = 0; i < lines.length; i += ROWS_AT_ONCE) {
      const some = lines.slice(i, i + ROWS_AT_ONCE)
      await this.#add(
        tx,
        some.filter(({ isStored }) => isStored),
      )
      await this.#insert(
        tx,
        some.filter(({ isStored }) => !isStored),
      )
    }
    return to
  }

  /** Adds to rows that are there. */
  async #add(tx: Transaction<Schema>, lines: readonly Line[]): Promise<void> {
    if (lines.length === 0) return
    const rows = lines.map((line) => [line.id, line.count, line.unexamined, line.unlisted, line.lastAt])
    await sql`
      update drift set
        count = drift.count + more.count,
        unexamined = drift.unexamined + more.unexamined,
        unlisted = drift.unlisted + more.unlisted,
        last_at = more.last_at
      from ${rowSet(this.#store.dialect, COUNTS, rows)} as more
      where drift.id = more.id`.execute(tx)
  }

  async #insert(tx: Transaction<Schema>, lines: readonly Line[]): Promise<void> {
    if (lines.length === 0) return
    const columns = { ...COUNTS, ...SUBJECT }
    const rows = lines.map((line) => [
      ...[line.id, line.count, line.unexamined, line.unlisted, line.lastAt],
      ...[line.source, line.eventType, line.path, line.kind, line.finding, line.expected],
      ...[line.first.at, line.first.offset, line.sample, ''],
    ])
    const names = sql.join(Object.keys(columns).map((name) => sql.ref(name)))
    await sql`
      insert into drift (${names})
      select ${names} from ${rowSet(this.#store.dialect, columns, rows)} as fresh`.execute(tx)
  }
}

// Columns as they are written, in order.
const COUNTS = {
  id: 'text',
  count: 'whole',
  unexamined: 'whole',
  unlisted: 'whole',
  last_at: 'whole',
} as const
const SUBJECT = {
  source: 'whole',
  event_type: 'text',
  path: 'text',
  kind: 'text',
  finding: 'text',
  expected: 'text',
  first_at: 'whole',
  first_offset: 'whole',
  sample: 'text',
  note: 'text',
} as const
