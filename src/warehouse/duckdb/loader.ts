/**
 * Loads batches in transactions, together with the position of their connection in every table they touch. What waits goes together, a row group of
 * records at most: the engine writes a whole one straight into the file. So a batch may be cut in two, and events are read ahead while the engine
 * writes those before them.
 *
 * Exactly once. A position says: no row of this connection in this table has an offset from there on. So records from the position on are new
 * without a look; records before it (a batch whose answer was lost, a replay, a redrive) are looked up in the table, and those that are there are
 * acknowledged without being written. Rows and position become durable in one commit, so a kill at any moment leaves both or neither, and the
 * batch that delivery sends again meets the truth. The order of batches does not matter to the argument.
 */

import type { DuckDBConnection } from '@duckdb/node-api'
import type { Kernel } from '../../core/kernel/kernel.ts'
import { Turns } from '../../core/turns.ts'
import { decodeOrder, type LoadOrder } from '../../destinations/warehouse/load-order.ts'
import { ROW_GROUP_ROWS } from './database.ts'
import { EventReader } from './event-reader.ts'
import { type EventTools, giveBack, type Reading, readEvents, writeEvents } from './event-table.ts'
import { LoadRows, mayHalve } from './load-rows.ts'
import { keyOf, RAW_SUFFIX, type TableName, tableSql, typeTable } from './names.ts'
import { makeRawTable, writeRaw } from './raw-table.ts'
import { RowFeed } from './row-feed.ts'
import { RowMemory } from './row-memory.ts'
import { Tables } from './tables.ts'

export interface Loaded {
  /** Rows of events, or requests in the raw shape, that are new. */
  readonly written: number
  /** Records that were there already. */
  readonly known: number
}

/** Tables that one database may come to by itself, one per event type; types beyond it share `other`. */
const TYPE_TABLES_MAX = 1000

/** A load that waits, or is written in part. */
interface Waiting {
  readonly order: LoadOrder
  /** Whether halves of surrogate pairs may be in it. */
  readonly halves: boolean
  /** Records before it are written. */
  from: number
  written: number
  known: number
  readonly resolve: (loaded: Loaded) => void
  readonly reject: (error: unknown) => void
}

/** Records of a load that one transaction writes: from `from` to before `to`. */
interface Portion {
  readonly load: Waiting
  readonly from: number
  readonly to: number
}

/** The events of a portion by table, perhaps read while the engine wrote those before them. */
interface Ahead {
  readonly portion: Portion
  readonly tables: readonly (readonly [place: TableName, rows: LoadRows, read: Reading])[]
}

export class Loader {
  readonly #connection: DuckDBConnection
  readonly #tools: EventTools
  readonly #tables: Tables
  readonly #waiting: Waiting[] = []
  #ahead: Ahead[] = []
  readonly #turns = new Turns()
  #typeTables = new Set<string>()

  constructor(connection: DuckDBConnection, kernel: Kernel) {
    this.#connection = connection
    const memory = new RowMemory()
    this.#tools = {
      connection,
      feed: new RowFeed(connection),
      reader: new EventReader(memory, kernel),
      memory,
      spare: [],
    }
    this.#tables = new Tables(connection)
  }

  /** Resolves when every record is in the tables. Rejects with what the engine said; some records may be in the tables then, and are known next time. */
  load(body: Uint8Array): Promise<Loaded> {
    return new Promise((resolve, reject) => {
      const order = decodeOrder(body)
      this.#waiting.push({ order, halves: mayHalve(order), from: 0, written: 0, known: 0, resolve, reject })
      void this.inTurn(() => this.#writeWaiting())
    })
  }

  /** Work on the loader's connection, between transactions. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    return this.#turns.take(work)
  }

  async #writeWaiting(): Promise<void> {
    const portions = this.#portions()
    if (portions.length === 0) return
    try {
      await this.#transaction(portions)
    } catch (error) {
      const [only, ...others] = portions
      if (only !== undefined && others.length === 0) this.#fail(only.load, error)
      // One of them may spoil it for all.
      else
        for (const one of portions) await this.#transaction([one]).catch((told) => this.#fail(one.load, told))
    }
    // A load that is written in part has had its turn.
    if (this.#waiting.length > 0) void this.inTurn(() => this.#writeWaiting())
  }

  /** What waits, up to a row group of it; behind `last` when that is being written. */
  #portions(last?: Portion): readonly Portion[] {
    let left = ROW_GROUP_ROWS
    const portions: Portion[] = []
    for (const load of this.#waiting.slice(last === undefined ? 0 : this.#waiting.indexOf(last.load))) {
      const from = load === last?.load ? last.to : load.from
      const to = Math.min(load.order.records.count, from + left)
      left -= to - from
      if (load !== last?.load || to > from) portions.push({ load, from, to })
      if (left === 0) break
    }
    return portions
  }

  #fail(load: Waiting, error: unknown): void {
    this.#leave(load)
    load.reject(error)
  }

  #leave(load: Waiting): void {
    this.#waiting.splice(this.#waiting.indexOf(load), 1)
  }

  /** Writes the portions whole or not at all, and answers the loads that end with them. */
  async #transaction(portions: readonly Portion[]): Promise<void> {
    const connection = this.#connection
    await this.#tables.open()
    await connection.run('BEGIN TRANSACTION')
    const counts: Loaded[] = []
    try {
      for (const [i, portion] of portions.entries()) {
        const others = portions.slice(i + 1)
        counts.push(await this.#write(portion, () => this.#readAhead(others, portions.at(-1))))
      }
      const committing = connection.run('COMMIT')
      const [committed] = await Promise.allSettled([committing, this.#readAhead([], portions.at(-1))])
      if (committed.status === 'rejected') throw committed.reason
    } catch (error) {
      this.#dropAhead()
      this.#tables.forget()
      // The engine may have ended the transaction itself.
      await connection.run('ROLLBACK').catch(() => undefined)
      throw error
    }
    for (const [i, { load, to }] of portions.entries()) {
      load.from = to
      load.written += counts[i]?.written ?? 0
      load.known += counts[i]?.known ?? 0
      if (to < load.order.records.count) continue
      this.#leave(load)
      load.resolve({ written: load.written, known: load.known })
    }
  }

  /** What was read may not be what is to be written now. */
  #dropAhead(): void {
    for (const ahead of this.#ahead) this.#leaveBehind(ahead)
    this.#ahead = []
  }

  #leaveBehind({ tables }: Ahead): void {
    for (const [, , { chunks }] of tables) giveBack(this.#tools, chunks)
  }

  /** `meanwhile` runs whenever the engine takes events in. */
  async #write(portion: Portion, meanwhile: () => Promise<void>): Promise<Loaded> {
    const { order } = portion.load
    let written = 0
    let known = 0
    const count = (rows: LoadRows, fresh: LoadRows): void => {
      written += fresh.places.length
      known += rows.places.length - fresh.places.length
    }
    if (order.head.events) {
      const ahead = this.#ahead.find((one) => isSame(one.portion, portion))
      const tables = ahead?.tables ?? this.#byTable(portion, (i) => this.#eventTable(order, i))
      for (const [place, rows, read] of tables)
        count(rows, await this.#writeEvents(place, rows, read, meanwhile))
      if (ahead !== undefined) {
        this.#ahead.splice(this.#ahead.indexOf(ahead), 1)
        // Of some the rows were there already, or a column changed meanwhile.
        this.#leaveBehind(ahead)
      }
    }
    if (order.head.raw) {
      for (const [place, rows] of this.#byTable(portion, (i) => rawTable(order, i)))
        count(rows, await this.#writeRaw(place, rows))
    }
    return { written, known }
  }

  async #writeEvents(
    place: TableName,
    rows: LoadRows,
    read: Reading | undefined,
    meanwhile: () => Promise<void>,
  ): Promise<LoadRows> {
    const fresh = rows.without(
      await this.#known(place, rows, '_offset', `_offset BETWEEN $2::BIGINT AND $3::BIGINT`),
    )
    if (fresh.places.length > 0) {
      const layout = this.#tables.layoutOf(place)
      const isRead = read?.rows === fresh && read.layout === layout && read.version === layout.version
      await writeEvents(this.#tools, isRead ? read : await readEvents(this.#tools, layout, fresh), meanwhile)
      await this.#advance(place, fresh)
    }
    return fresh
  }

  /** Reads one portion: the first of `others`, or else of those behind `last`, that is not read yet. */
  async #readAhead(others: readonly Portion[], last: Portion | undefined): Promise<void> {
    const portion = [...others, ...this.#portions(last)].find(
      (one) => one.load.order.head.events && !this.#ahead.some((read) => isSame(read.portion, one)),
    )
    if (portion === undefined) return
    const { order } = portion.load
    const tables: [TableName, LoadRows, Reading][] = []
    for (const [place, rows] of this.#byTable(portion, (i) => this.#eventTable(order, i)))
      tables.push([place, rows, await readEvents(this.#tools, this.#tables.layoutOf(place), rows)])
    this.#ahead.push({ portion, tables })
  }

  async #writeRaw(place: TableName, rows: LoadRows): Promise<LoadRows> {
    const isNew = this.#tables.isNewRaw(place)
    if (isNew) await makeRawTable(this.#connection, place)
    const fresh = isNew
      ? rows
      : rows.without(
          await this.#known(
            place,
            rows,
            'unnest(_offsets)',
            `_request <= $3::BIGINT AND _offsets[-1] >= $2::BIGINT`,
          ),
        )
    if (fresh.places.length > 0) {
      const position = this.#tables.positionOf(rows.connection, place)
      await writeRaw(this.#connection, place, fresh, position)
      await this.#advance(place, fresh)
    }
    return fresh
  }

  /** Offsets of the rows that are in the table already. Looks only when there can be any. */
  async #known(
    place: TableName,
    rows: LoadRows,
    offset: string,
    range: string,
  ): Promise<ReadonlySet<number>> {
    const position = this.#tables.positionOf(rows.connection, place)
    const offsets = rows.places.map((i) => rows.offsetOf(i)).filter((one) => one < position)
    if (offsets.length === 0) return NONE
    const found = await this.#connection.runAndReadAll(
      `SELECT ${offset}::DOUBLE FROM ${tableSql(place)} WHERE _current = $1 AND ${range}`,
      [rows.connection, BigInt(least(offsets)), BigInt(greatest(offsets))],
    )
    return new Set(found.getColumns()[0] as number[])
  }

  #advance(place: TableName, rows: LoadRows): Promise<void> {
    const last = greatest(rows.places.map((i) => rows.offsetOf(i)))
    return this.#tables.advance(rows.connection, place, last + 1)
  }

  #byTable(
    { load: { order, halves }, from, to }: Portion,
    placeOf: (i: number) => TableName,
  ): readonly (readonly [TableName, LoadRows, undefined])[] {
    const groups = new Map<string, { place: TableName; places: number[] }>()
    for (let i = from; i < to; i++) {
      const place = placeOf(i)
      const key = keyOf(place)
      const group = groups.get(key)
      if (group === undefined) groups.set(key, { place, places: [i] })
      else group.places.push(i)
    }
    return Array.from(
      groups.values(),
      ({ place, places }) => [place, new LoadRows(order, places, halves), undefined] as const,
    )
  }

  #eventTable(order: LoadOrder, i: number): TableName {
    const { database, table } = placeOf(order, i)
    if (!order.head.tablePerType) return { database, table }
    const named = typeTable(order.records.types[i] ?? '')
    if (this.#typeTables.size >= TYPE_TABLES_MAX && !this.#typeTables.has(named))
      return { database, table: 'other' }
    this.#typeTables.add(named)
    return { database, table: named }
  }
}

function isSame(one: Portion, other: Portion): boolean {
  return one.load === other.load && one.from === other.from && one.to === other.to
}

const NONE: ReadonlySet<number> = new Set()

function placeOf({ head, records }: LoadOrder, i: number): TableName {
  const { database, table } = head.sources[String(records.sources[i] ?? 0)] ?? head
  return { database, table }
}

function rawTable(order: LoadOrder, i: number): TableName {
  const { database, table } = placeOf(order, i)
  return { database, table: table + RAW_SUFFIX }
}

function least(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
}

function greatest(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
}
