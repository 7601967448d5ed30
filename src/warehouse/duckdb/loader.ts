/**
 * Loads batches in transactions, together with the position of their connection in every table they touch. What waits goes together, a row group of
 * records at most: the engine writes a whole one straight into the file. So a batch may be cut in two, and events are read ahead while the engine
 * writes those before them.
 *
 * To commit a row group is to pack it, which takes the engine longer than taking its rows in. So the next transaction takes its rows in meanwhile, on
 * a connection of its own, when neither of the two does anything but add rows that are new without a look (`#isPlain`): nothing that one of them
 * does is then the other's business. It is committed after the one before it, or not at all.
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
import { giveBack, type Reading, type ReadingTools, readEvents, writeEvents } from './event-table.ts'
import { LoadRows, mayHalve } from './load-rows.ts'
import { keyOf, RAW_SUFFIX, type TableName, tableSql, typeTable } from './names.ts'
import { makeRawTable, writeRaw } from './raw-table.ts'
import { RowFeed } from './row-feed.ts'
import { RowMemory } from './row-memory.ts'
import { POSITION_ROOM, Tables } from './tables.ts'

export interface Loaded {
  /** Rows of events, or requests in the raw shape, that are new. */
  readonly written: number
  /** Records that were there already. */
  readonly known: number
}

/** After so many without a pause, other work has its turn, and the engine may write its log into the file: it does that when no other transaction is open. */
const TRANSACTIONS_MAX = 64
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

/** A transaction that has its rows and is not committed yet. */
interface Written {
  readonly connection: DuckDBConnection
  readonly portions: readonly Portion[]
  /** Of each portion. */
  readonly counts: readonly Loaded[]
  /** It added rows to tables that were there, and did nothing else. */
  readonly isPlain: boolean
}

/** A transaction that came to nothing. */
interface Failure {
  readonly portions: readonly Portion[]
  readonly error: unknown
}

/** The events of a portion by table, perhaps read while the engine wrote those before them. */
interface Ahead {
  readonly portion: Portion
  readonly tables: readonly (readonly [place: TableName, rows: LoadRows, read: Reading])[]
}

/** Of one database: transactions that overlap have one each. */
type Connections = readonly [DuckDBConnection, DuckDBConnection]

export class Loader {
  readonly #connections: Connections
  readonly #tools: ReadingTools
  readonly #tables: Tables
  readonly #waiting: Waiting[] = []
  #ahead: Ahead[] = []
  readonly #turns = new Turns()
  #typeTables = new Set<string>()

  constructor(connections: Connections, kernel: Kernel) {
    this.#connections = connections
    const memory = new RowMemory()
    this.#tools = {
      feed: new RowFeed(connections[0]),
      reader: new EventReader(memory, kernel),
      memory,
      spare: [],
    }
    this.#tables = new Tables(connections[0])
  }

  /** Resolves when every record is in the tables. Rejects with what the engine said; some records may be in the tables then, and are known next time. */
  load(body: Uint8Array): Promise<Loaded> {
    return new Promise((resolve, reject) => {
      const order = decodeOrder(body)
      this.#waiting.push({ order, halves: mayHalve(order), from: 0, written: 0, known: 0, resolve, reject })
      void this.inTurn(() => this.#writeWaiting())
    })
  }

  /** Work on the tables, between transactions. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    return this.#turns.take(work)
  }

  async #writeWaiting(): Promise<void> {
    const portions = this.#portions()
    if (portions.length === 0) return
    const failure = await this.#series(portions, TRANSACTIONS_MAX)
    if (failure !== undefined) await this.#blame(failure)
    // A load that is written in part has had its turn.
    if (this.#waiting.length > 0) void this.inTurn(() => this.#writeWaiting())
  }

  async #blame({ portions, error }: Failure): Promise<void> {
    const [only, ...others] = portions
    if (only !== undefined && others.length === 0) return this.#fail(only.load, error)
    // One of them may spoil it for all.
    for (const one of portions) {
      const failure = await this.#series([one], 1)
      if (failure !== undefined) this.#fail(one.load, failure.error)
    }
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

  /**
   * Writes the portions whole or not at all, and then what waits behind them, as long as it can be taken in while those before it are committed. Gives
   * the transaction that failed; what came behind it waits again.
   */
  async #series(portions: readonly Portion[], transactions: number): Promise<Failure | undefined> {
    const [first, second] = this.#connections
    let written: Written
    try {
      await this.#tables.open()
      written = await this.#takenIn(portions, first)
    } catch (error) {
      await this.#undo(first)
      return { portions, error }
    }
    for (let left = transactions - 1; ; left--) {
      const { connection } = written
      const other = connection === first ? second : first
      const next = left > 0 ? this.#plainBehind(written) : undefined
      const [committed, follower] = await Promise.allSettled([
        connection.run('COMMIT'),
        next === undefined
          ? this.#readAhead([], written.portions.at(-1)).then(() => undefined)
          : this.#takenIn(next, other),
      ])
      if (committed.status === 'rejected') {
        await this.#undo(connection, other)
        return { portions: written.portions, error: committed.reason }
      }
      this.#answer(written)
      if (follower.status === 'fulfilled' && follower.value !== undefined) written = follower.value
      else {
        // Whoever failed behind others is tried again, as the first.
        if (next !== undefined) await this.#undo(other)
        return undefined
      }
    }
  }

  async #takenIn(portions: readonly Portion[], connection: DuckDBConnection): Promise<Written> {
    const isPlain = this.#isPlain(portions)
    await connection.run('BEGIN TRANSACTION')
    const counts: Loaded[] = []
    for (const [i, portion] of portions.entries()) {
      const others = portions.slice(i + 1)
      counts.push(await this.#write(connection, portion, () => this.#readAhead(others, portions.at(-1))))
    }
    return { connection, portions, counts, isPlain }
  }

  async #undo(...connections: readonly DuckDBConnection[]): Promise<void> {
    this.#dropAhead()
    this.#tables.forget()
    // The engine may have ended a transaction itself.
    for (const connection of connections) await connection.run('ROLLBACK').catch(() => undefined)
  }

  #answer({ portions, counts }: Written): void {
    for (const [i, { load, to }] of portions.entries()) {
      load.from = to
      load.written += counts[i]?.written ?? 0
      load.known += counts[i]?.known ?? 0
      if (to < load.order.records.count) continue
      this.#leave(load)
      load.resolve({ written: load.written, known: load.known })
    }
  }

  /** What waits behind it, if neither minds the other. */
  #plainBehind({ portions, isPlain }: Written): readonly Portion[] | undefined {
    const behind = isPlain ? this.#portions(portions.at(-1)) : []
    return behind.length > 0 && this.#isPlain(behind) ? behind : undefined
  }

  /** Whether they are read, and nothing is to be done but to add their rows: all of them new, to tables that have their columns, without a change of the books. */
  #isPlain(portions: readonly Portion[]): boolean {
    return portions.every((portion) => {
      const ahead = this.#ahead.find((one) => isSame(one.portion, portion))
      return (
        ahead !== undefined &&
        !portion.load.order.head.raw &&
        ahead.tables.every(([place, rows, { layout, version, findings }]) => {
          const offsets = rows.places.map((i) => rows.offsetOf(i))
          return (
            layout === this.#tables.layoutOf(place) &&
            version === layout.version &&
            layout.isMade &&
            findings.isNothing &&
            least(offsets) >= this.#tables.positionOf(rows.connection, place) &&
            this.#tables.hasRoom(rows.connection, place, greatest(offsets) + 1)
          )
        })
      )
    })
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
  async #write(
    connection: DuckDBConnection,
    portion: Portion,
    meanwhile: () => Promise<void>,
  ): Promise<Loaded> {
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
        count(rows, await this.#writeEvents(connection, place, rows, read, meanwhile))
      if (ahead !== undefined) {
        this.#ahead.splice(this.#ahead.indexOf(ahead), 1)
        // Of some the rows were there already, or a column changed meanwhile.
        this.#leaveBehind(ahead)
      }
    }
    if (order.head.raw) {
      for (const [place, rows] of this.#byTable(portion, (i) => rawTable(order, i)))
        count(rows, await this.#writeRaw(connection, place, rows))
    }
    return { written, known }
  }

  async #writeEvents(
    connection: DuckDBConnection,
    place: TableName,
    rows: LoadRows,
    read: Reading | undefined,
    meanwhile: () => Promise<void>,
  ): Promise<LoadRows> {
    const fresh = rows.without(
      await this.#known(connection, place, rows, '_offset', `_offset BETWEEN $2::BIGINT AND $3::BIGINT`),
    )
    if (fresh.places.length > 0) {
      const layout = this.#tables.layoutOf(place)
      const isRead = read?.rows === fresh && read.layout === layout && read.version === layout.version
      await writeEvents(
        { ...this.#tools, connection },
        isRead ? read : await readEvents(this.#tools, layout, fresh),
        meanwhile,
      )
      await this.#advance(connection, place, fresh, POSITION_ROOM)
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

  async #writeRaw(connection: DuckDBConnection, place: TableName, rows: LoadRows): Promise<LoadRows> {
    const isNew = this.#tables.isNewRaw(place)
    if (isNew) await makeRawTable(connection, place)
    const fresh = isNew
      ? rows
      : rows.without(
          await this.#known(
            connection,
            place,
            rows,
            'unnest(_offsets)',
            `_request <= $3::BIGINT AND _offsets[-1] >= $2::BIGINT`,
          ),
        )
    if (fresh.places.length > 0) {
      const position = this.#tables.positionOf(rows.connection, place)
      await writeRaw(connection, place, fresh, position)
      await this.#advance(connection, place, fresh)
    }
    return fresh
  }

  /** Offsets of the rows that are in the table already. Looks only when there can be any. */
  async #known(
    connection: DuckDBConnection,
    place: TableName,
    rows: LoadRows,
    offset: string,
    range: string,
  ): Promise<ReadonlySet<number>> {
    const position = this.#tables.positionOf(rows.connection, place)
    const offsets = rows.places.map((i) => rows.offsetOf(i)).filter((one) => one < position)
    if (offsets.length === 0) return NONE
    const found = await connection.runAndReadAll(
      `SELECT ${offset}::DOUBLE FROM ${tableSql(place)} WHERE _current = $1 AND ${range}`,
      [rows.connection, BigInt(least(offsets)), BigInt(greatest(offsets))],
    )
    return new Set(found.getColumns()[0] as number[])
  }

  #advance(connection: DuckDBConnection, place: TableName, rows: LoadRows, room = 0): Promise<void> {
    const last = greatest(rows.places.map((i) => rows.offsetOf(i)))
    return this.#tables.advance(connection, rows.connection, place, last + 1, room)
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
