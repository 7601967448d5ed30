/**
 * Loads batches, each in one transaction together with the position of its connection in every table it touches.
 *
 * Exactly once. A position says: no row of this connection in this table has an offset from there on. So records from the position on are new
 * without a look; records before it (a batch whose answer was lost, a replay, a redrive) are looked up in the table, and those that are there are
 * acknowledged without being written. Rows and position become durable in one commit, so a kill at any moment leaves both or neither, and the
 * batch that delivery sends again meets the truth. The order of batches does not matter to the argument.
 */

import type { DuckDBConnection } from '@duckdb/node-api'
import type { Kernel } from '../../core/kernel/kernel.ts'
import { decodeOrder, type LoadOrder } from '../../destinations/warehouse/load-order.ts'
import { EventReader } from './event-reader.ts'
import { writeEvents } from './event-table.ts'
import { Keys } from './keys.ts'
import { LoadRows } from './load-rows.ts'
import { keyOf, RAW_SUFFIX, type TableName, tableSql, typeTable } from './names.ts'
import { makeRawTable, writeRaw } from './raw-table.ts'
import { Tables } from './tables.ts'

export interface Loaded {
  /** Rows of events, or requests in the raw shape, that are new. */
  readonly written: number
  /** Records that were there already. */
  readonly known: number
}

/** Tables that one database may come to by itself, one per event type; types beyond it share `other`. */
const TYPE_TABLES_MAX = 1000

export class Loader {
  readonly #connection: DuckDBConnection
  readonly #reader: EventReader
  readonly #tables: Tables
  #last: Promise<unknown> = Promise.resolve()
  #typeTables = new Set<string>()

  constructor(connection: DuckDBConnection, kernel: Kernel) {
    this.#connection = connection
    this.#reader = new EventReader(kernel, new Keys())
    this.#tables = new Tables(connection)
  }

  /** One load after another. Rejects with what the engine said; then nothing of the order was written. */
  load(body: Uint8Array): Promise<Loaded> {
    return this.inTurn(() => this.#loadNow(decodeOrder(body)))
  }

  /** Work on the loader's connection, between loads. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work)
    this.#last = turn.catch(() => undefined)
    return turn
  }

  async #loadNow(order: LoadOrder): Promise<Loaded> {
    try {
      return await this.#transaction(order, false)
    } catch (error) {
      if (!isAboutJson(error)) throw error
      return this.#transaction(order, true)
    }
  }

  async #transaction(order: LoadOrder, careful: boolean): Promise<Loaded> {
    const connection = this.#connection
    await this.#tables.open()
    await connection.run('BEGIN TRANSACTION')
    try {
      const loaded = await this.#write(order, careful)
      await connection.run('COMMIT')
      return loaded
    } catch (error) {
      this.#tables.forget()
      // The engine may have ended the transaction itself.
      await connection.run('ROLLBACK').catch(() => undefined)
      throw error
    }
  }

  async #write(order: LoadOrder, careful: boolean): Promise<Loaded> {
    const { head } = order
    let written = 0
    let known = 0
    const count = (rows: LoadRows, fresh: LoadRows): void => {
      written += fresh.places.length
      known += rows.places.length - fresh.places.length
    }
    if (head.events) {
      for (const [place, rows] of this.#byTable(order, (i) => this.#eventTable(order, i)))
        count(rows, await this.#writeEvents(place, rows, careful))
    }
    if (head.raw) {
      for (const [place, rows] of this.#byTable(order, (i) => rawTable(order, i)))
        count(rows, await this.#writeRaw(place, rows))
    }
    return { written, known }
  }

  async #writeEvents(place: TableName, rows: LoadRows, careful: boolean): Promise<LoadRows> {
    const fresh = rows.without(
      await this.#known(place, rows, '_offset', `_offset BETWEEN $2::BIGINT AND $3::BIGINT`),
    )
    if (fresh.places.length > 0) {
      await writeEvents(this.#connection, this.#reader, this.#tables.layoutOf(place), fresh, careful)
      await this.#advance(place, fresh)
    }
    return fresh
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

  #byTable(order: LoadOrder, placeOf: (i: number) => TableName): readonly (readonly [TableName, LoadRows])[] {
    const groups = new Map<string, { place: TableName; places: number[] }>()
    for (let i = 0; i < order.records.count; i++) {
      const place = placeOf(i)
      const key = keyOf(place)
      const group = groups.get(key)
      if (group === undefined) groups.set(key, { place, places: [i] })
      else group.places.push(i)
    }
    return Array.from(groups.values(), ({ place, places }) => [place, new LoadRows(order, places)] as const)
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

/** The engine is stricter about JSON than doors are, so one text may spoil an insert. */
function isAboutJson(error: unknown): boolean {
  return error instanceof Error && /json/i.test(error.message)
}
