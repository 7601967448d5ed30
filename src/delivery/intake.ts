/**
 * The intake account: what was accepted, counted from the log by a reader of its own, so that it owes nothing to the doors or to delivery.
 * Also lists quarantined items and event types when they are first met. Owns the tables intake, quarantine and first_seen.
 */

import { sql, type Transaction } from 'kysely'
import { isKnown } from '../catalog/catalog.ts'
import type { Clock } from '../core/clock.ts'
import { type FrameView, ROW_FAULTS, ROW_QUARANTINED, ROW_WORDS } from '../log/frame.ts'
import type { Log } from '../log/log.ts'
import type { FirstSeenTable, IntakeTable, QuarantineTable, Schema } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import { typeLabel } from './cells.ts'
import { GATHER_MS } from './settlement.ts'

const READ_BYTES = 1_048_576
/** Reads per write: bounds the tally. */
const READS_MAX = 32
const RETRY_MS = 1_000
const ROWS_AT_ONCE = 500
const EXCERPT_BYTES = 500
/** Quarantine rows per write: a flood of rubbish is counted in full, listed up to here. */
const LISTED_MAX = 2_000
/** Row of the table checkpoints that keeps this reader's position; currents are numbered from 1. */
const CHECKPOINT = 0
const READER = 'intake'

export interface IntakeCount {
  readonly source: number
  readonly eventType: string
  readonly accepted: number
  readonly bytes: number
}

export class IntakeAccount {
  readonly #log: Log
  readonly #store: Store
  readonly #clock: Clock
  readonly #onTrouble: (error: unknown) => void
  readonly #gatherMs: number
  readonly #stopping = new AbortController()
  readonly #known = new Set<string>()
  #position = 0
  #running: Promise<void> | undefined

  constructor(
    log: Log,
    store: Store,
    clock: Clock,
    onTrouble: (error: unknown) => void,
    gatherMs: number = GATHER_MS,
  ) {
    this.#log = log
    this.#store = store
    this.#clock = clock
    this.#onTrouble = onTrouble
    this.#gatherMs = gatherMs
  }

  async start(): Promise<void> {
    const { db } = this.#store
    const row = await db
      .selectFrom('checkpoints')
      .select('position')
      .where('current', '=', CHECKPOINT)
      .executeTakeFirst()
    // Past what retention took: a trimmed entry can no longer be counted.
    const position = Math.max(this.#log.tail, row?.position ?? 0)
    await db
      .insertInto('checkpoints')
      .values({ current: CHECKPOINT, position, updated_at: this.#clock.now() })
      .onConflict((conflict) => conflict.column('current').doUpdateSet({ position }))
      .execute()
    this.#position = position
    for (const seen of await this.#store.db
      .selectFrom('first_seen')
      .select(['source', 'event_type'])
      .execute()) {
      this.#known.add(`${seen.source}\n${seen.event_type}`)
    }
    this.#log.hold(READER, this.#position)
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  /** Everything before is in the tables. */
  get position(): number {
    return this.#position
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

  /** Newest first. */
  async quarantined(limit: number): Promise<QuarantineTable[]> {
    return this.#store.db
      .selectFrom('quarantine')
      .selectAll()
      .orderBy('offset', 'desc')
      .limit(limit)
      .execute()
  }

  /** Types by first appearance, newest first. */
  async firstSeen(limit: number): Promise<FirstSeenTable[]> {
    return this.#store.db.selectFrom('first_seen').selectAll().orderBy('at', 'desc').limit(limit).execute()
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      await this.#log.beyond(this.#position, signal)
      if (signal.aborted) return
      try {
        await this.#countSome()
      } catch (error) {
        this.#onTrouble(error)
        await this.#clock.sleep(RETRY_MS, signal)
      }
    }
  }

  async #countSome(): Promise<void> {
    const tally = new Tally(this.#known)
    // Real time: this only gathers work, and a stopped virtual clock must not hold the account back.
    await pause(this.#gatherMs)
    // Past what retention took: a trimmed entry can no longer be counted.
    let at = Math.max(this.#position, this.#log.tail)
    for (let reads = 0; reads < READS_MAX && at < this.#log.head; reads++) {
      const pending = this.#log.read(at, READ_BYTES)
      const run = pending instanceof Promise ? await pending : pending
      for (const frame of run.frames) tally.take(frame, at)
      if (run.next <= at) break
      at = run.next
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
    if (at > this.#position) await this.#write(tally, at)
  }

  async #write(tally: Tally, to: number): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      try {
        const position = await this.#store.transaction((tx) => this.#keep(tx, tally, to), { durable: 'soon' })
        this.#position = position
        if (position === to)
          for (const row of tally.firstSeen) this.#known.add(`${row.source}\n${row.event_type}`)
        // The store lost its last commits, and perhaps the first sight of a type with them: count on from where it is.
        else this.#known.clear()
        this.#log.hold(READER, position)
        return
      } catch (error) {
        this.#onTrouble(error)
        await this.#clock.sleep(RETRY_MS, this.#stopping.signal)
      }
    }
  }

  /** Returns the position that the account has then: `to`, unless the store is not where we left it. */
  async #keep(tx: Transaction<Schema>, tally: Tally, to: number): Promise<number> {
    const moved = await tx
      .updateTable('checkpoints')
      .set({ position: to, updated_at: this.#clock.now() })
      .where('current', '=', CHECKPOINT)
      .where('position', '=', this.#position)
      .executeTakeFirst()
    if (Number(moved.numUpdatedRows) === 0) {
      // Already at `to`: an earlier try was committed and we never heard of it.
      const { position } = await tx
        .selectFrom('checkpoints')
        .select('position')
        .where('current', '=', CHECKPOINT)
        .executeTakeFirstOrThrow()
      return position
    }
    const rows = [...tally.counts.values()].sort(bySourceMinuteType)
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
    for (const row of tally.firstSeen) {
      await tx
        .insertInto('first_seen')
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
  readonly counts = new Map<
    string,
    { source: number; minute: number; event_type: string; accepted: number; bytes: number }
  >()
  readonly quarantine: QuarantineTable[] = []
  readonly firstSeen: FirstSeenTable[] = []
  readonly #known: ReadonlySet<string>
  readonly #met = new Set<string>()

  constructor(known: ReadonlySet<string>) {
    this.#known = known
  }

  take(frame: FrameView, from: number): void {
    const { rows, types, source, receivedAt, baseOffset } = frame
    const minute = Math.floor(receivedAt / 60_000)
    // Per type of this frame, so that the string key is made once per type and not once per record.
    const accepted = new Uint32Array(types.length)
    const bytes = new Float64Array(types.length)
    for (let i = Math.max(0, from - baseOffset); i < frame.count; i++) {
      const row = i * ROW_WORDS
      const last = rows[row + 7] ?? 0
      const type = last & 0xffff
      accepted[type] = (accepted[type] ?? 0) + 1
      bytes[type] = (bytes[type] ?? 0) + (rows[row + 1] ?? 0) - (rows[row] ?? 0)
      if (((last >>> 16) & ROW_QUARANTINED) !== 0) this.#list(frame, i, last >>> 24)
    }
    types.forEach((typeName, type) => {
      if ((accepted[type] ?? 0) === 0) return
      const name = typeLabel(typeName)
      this.#count(source, minute, name, accepted[type] ?? 0, bytes[type] ?? 0)
      this.#meet(source, name, receivedAt)
    })
  }

  #count(source: number, minute: number, name: string, accepted: number, bytes: number): void {
    const key = `${source}\n${minute}\n${name}`
    const cell = this.counts.get(key)
    if (cell === undefined) this.counts.set(key, { source, minute, event_type: name, accepted, bytes })
    else {
      cell.accepted += accepted
      cell.bytes += bytes
    }
  }

  #meet(source: number, name: string, at: number): void {
    const key = `${source}\n${name}`
    if (this.#known.has(key) || this.#met.has(key)) return
    this.#met.add(key)
    this.firstSeen.push({ event_type: name, source, at, known: isKnown(name) ? 1 : 0 })
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

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
