/**
 * The intake account: what was accepted, counted from the log by a reader of its own, so that it owes nothing to the doors or to delivery.
 * Also lists quarantined items. Owns the tables intake and quarantine.
 */

import { sql, type Transaction } from 'kysely'
import type { Clock } from '../core/clock.ts'
import { type FrameView, ROW_FAULTS, ROW_QUARANTINED, ROW_WORDS } from '../log/frame.ts'
import { type AccountParts, LogAccount, type Pages } from '../sources/log-account.ts'
import { labelOf } from '../store/labels.ts'
import type { IntakeTable, QuarantineTable, Schema } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import { cellOf } from './ledger.ts'

const ROWS_AT_ONCE = 500
const EXCERPT_BYTES = 500
/** Quarantine rows per write: a flood of rubbish is counted in full, listed up to here. */
const LISTED_MAX = 2_000
/** Readings, and records, after either of which what was counted is written: a transaction costs nearly the same for few records and for many. */
const GATHERINGS_PER_WRITE = 5
const RECORDS_PER_WRITE = 3_200
/** Row of the table checkpoints that keeps this reader's position; currents are numbered from 1. */
const CHECKPOINT = 0

export interface IntakeCount {
  readonly source: number
  readonly eventType: string
  readonly accepted: number
  readonly bytes: number
}

export interface IntakeCell {
  /** Since the epoch: the first of the cell. */
  readonly minute: number
  readonly accepted: number
  readonly bytes: number
}

export class IntakeAccount {
  readonly #store: Store
  readonly #pages: IntakePages
  readonly #account: LogAccount

  constructor(parts: AccountParts) {
    this.#store = parts.store
    this.#pages = new IntakePages(parts.store, parts.clock)
    this.#account = new LogAccount(parts, this.#pages)
  }

  start(): Promise<void> {
    return this.#account.start()
  }

  stop(): Promise<void> {
    return this.#account.stop()
  }

  /** Has the log keep what another node is still to count. */
  hold(): Promise<void> {
    return this.#account.hold()
  }

  /** Everything before is in the tables. */
  get position(): number {
    return this.#account.position
  }

  /** The same, whichever node counts. */
  async counted(): Promise<number> {
    return (await this.#pages.position()) ?? 0
  }

  /** Accepted per source and type since a minute. */
  async counts(sinceMinute: number): Promise<IntakeCount[]> {
    const rows = await this.#store.db
      .selectFrom('intake')
      .select([
        'source',
        'event_type',
        ({ fn }) => fn.sum<number>('accepted').as('accepted'),
        ({ fn }) => fn.sum<number>('bytes').as('bytes'),
      ])
      .where('minute', '>=', sinceMinute)
      .groupBy(['source', 'event_type'])
      .execute()
    return rows.map((row) => ({
      source: row.source,
      eventType: row.event_type,
      accepted: Number(row.accepted),
      bytes: Number(row.bytes),
    }))
  }

  /** Accepted by these sources together in cells of `step` minutes from `fromMinute` on; cells without any are left out. */
  async cells(
    sources: Iterable<number>,
    { fromMinute, toMinute }: { readonly fromMinute: number; readonly toMinute?: number },
    step = 1,
  ): Promise<IntakeCell[]> {
    const numbers = [...sources]
    if (numbers.length === 0) return []
    const cell = cellOf(step)
    let query = this.#store.db
      .selectFrom('intake')
      .select([
        cell.as('minute'),
        ({ fn }) => fn.sum<number>('accepted').as('accepted'),
        ({ fn }) => fn.sum<number>('bytes').as('bytes'),
      ])
      .where('source', 'in', numbers)
      .where('minute', '>=', fromMinute)
    if (toMinute !== undefined) query = query.where('minute', '<', toMinute)
    const rows = await query.groupBy(cell).orderBy(cell).execute()
    return rows.map((row) => ({
      minute: Number(row.minute),
      accepted: Number(row.accepted),
      bytes: Number(row.bytes),
    }))
  }

  /** Newest first: those before an offset, of one source when it is named. */
  async quarantined(
    limit: number,
    { source, before }: { readonly source?: number; readonly before?: number } = {},
  ): Promise<QuarantineTable[]> {
    let query = this.#store.db.selectFrom('quarantine').selectAll()
    if (source !== undefined) query = query.where('source', '=', source)
    if (before !== undefined) query = query.where('offset', '<', before)
    return query.orderBy('offset', 'desc').limit(limit).execute()
  }
}

class IntakePages implements Pages {
  readonly reader = 'intake'
  readonly #store: Store
  readonly #clock: Clock
  #tally = new Tally()

  constructor(store: Store, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  load(): Promise<number | undefined> {
    this.#tally = new Tally()
    return this.position()
  }

  async position(): Promise<number | undefined> {
    const row = await this.#store.db
      .selectFrom('checkpoints')
      .select('position')
      .where('current', '=', CHECKPOINT)
      .executeTakeFirst()
    return row?.position
  }

  async open(position: number): Promise<void> {
    await this.#store.db
      .insertInto('checkpoints')
      .values({ current: CHECKPOINT, position, updated_at: this.#clock.now() })
      .onConflict((conflict) => conflict.column('current').doUpdateSet({ position }))
      .execute()
  }

  take(frame: FrameView, from: number): void {
    this.#tally.take(frame, from)
  }

  isDue(gatherings: number): boolean {
    return gatherings >= GATHERINGS_PER_WRITE || this.#tally.records >= RECORDS_PER_WRITE
  }

  kept(): void {
    this.#tally = new Tally()
  }

  async keep(tx: Transaction<Schema>, from: number, to: number): Promise<number> {
    const moved = await tx
      .updateTable('checkpoints')
      .set({ position: to, updated_at: this.#clock.now() })
      .where('current', '=', CHECKPOINT)
      .where('position', '=', from)
      .executeTakeFirst()
    if (Number(moved.numUpdatedRows) === 0) {
      const { position } = await tx
        .selectFrom('checkpoints')
        .select('position')
        .where('current', '=', CHECKPOINT)
        .executeTakeFirstOrThrow()
      return position
    }
    const tally = this.#tally
    const rows = tally.counts().sort(bySourceMinuteType)
    for (let i = 0; i < rows.length; i += ROWS_AT_ONCE) {
      await tx
        .insertInto('intake')
        .values(rows.slice(i, i + ROWS_AT_ONCE))
        .onConflict((conflict) =>
          conflict.columns(['source', 'minute', 'event_type']).doUpdateSet({
            accepted: sql<number>`intake.accepted + excluded.accepted`,
            bytes: sql<number>`intake.bytes + excluded.bytes`,
          }),
        )
        .execute()
    }
    for (const row of tally.quarantine) {
      await tx
        .insertInto('quarantine')
        .values(row)
        .onConflict((conflict) => conflict.doNothing())
        .execute()
    }
    return to
  }
}

/** One order for all writers, so that none waits for another's rows in a circle. */
function bySourceMinuteType(a: IntakeTable, b: IntakeTable): number {
  return a.source - b.source || a.minute - b.minute || (a.event_type < b.event_type ? -1 : 1)
}

/** One stretch of the log, counted. */
class Tally {
  records = 0
  readonly quarantine: QuarantineTable[] = []
  /** By source and minute, then by type. */
  readonly #cells = new Map<string, Map<string, IntakeTable>>()
  /** Those of the source and minute of the last frame: mostly of the next one, too. */
  #latest = { source: -1, minute: -1, cells: new Map<string, IntakeTable>() }

  counts(): IntakeTable[] {
    return [...this.#cells.values()].flatMap((cells) => [...cells.values()])
  }

  take(frame: FrameView, from: number): void {
    const { rows, types, source, receivedAt, baseOffset, count } = frame
    const minute = Math.floor(receivedAt / 60_000)
    const cells = this.#cellsOf(source, minute)
    // By number of the type in this frame.
    const met: IntakeTable[] = []
    const first = Math.max(0, from - baseOffset)
    this.records += Math.max(0, count - first)
    for (let i = first; i < count; i++) {
      const row = i * ROW_WORDS
      const last = rows[row + 7] ?? 0
      const type = last & 0xffff
      const cell = met[type] ?? cellIn(cells, source, minute, labelOf(types[type] ?? ''))
      met[type] = cell
      cell.accepted++
      cell.bytes += (rows[row + 1] ?? 0) - (rows[row] ?? 0)
      if (((last >>> 16) & ROW_QUARANTINED) !== 0) this.#list(frame, i, last >>> 24)
    }
  }

  #cellsOf(source: number, minute: number): Map<string, IntakeTable> {
    if (this.#latest.source === source && this.#latest.minute === minute) return this.#latest.cells
    const key = `${source}\n${minute}`
    const cells = this.#cells.get(key) ?? new Map<string, IntakeTable>()
    this.#cells.set(key, cells)
    this.#latest = { source, minute, cells }
    return cells
  }

  #list(frame: FrameView, i: number, fault: number): void {
    if (this.quarantine.length >= LISTED_MAX) return
    const start = frame.rowStart(i)
    const end = frame.rowEnd(i)
    this.quarantine.push({
      offset: frame.baseOffset + i,
      source: frame.source,
      received_at: frame.receivedAt,
      reason: ROW_FAULTS[fault] ?? 'unknown',
      bytes: end - start,
      excerpt: frame.bytes.toString('utf8', start, Math.min(end, start + EXCERPT_BYTES)),
    })
  }
}

function cellIn(
  cells: Map<string, IntakeTable>,
  source: number,
  minute: number,
  eventType: string,
): IntakeTable {
  let cell = cells.get(eventType)
  if (cell === undefined) {
    cell = { source, minute, event_type: eventType, accepted: 0, bytes: 0 }
    cells.set(eventType, cell)
  }
  return cell
}
