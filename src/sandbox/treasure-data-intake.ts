import type { Clock } from '../core/clock.ts'
import type { Random } from '../core/random.ts'
import { isObject } from './answer.ts'
import type { Arrivals } from './arrivals.ts'
import type { Call, Setting } from './double.ts'
import type { FaultSwitch } from './faults.ts'
import { BoundedFifo } from './fifo.ts'
import { type RowForm, RowStore } from './treasure-data-rows.ts'
import { randomUuid } from './uuid.ts'

/** Where a row goes. */
export interface Place {
  readonly database: string
  readonly table: string
}

/** Something that Treasure Data would answer 200 to and then lose without a word. */
export interface Drop extends Place {
  readonly receivedAtMs: number
  readonly reason: 'unknown_key' | 'unknown_database' | 'not_an_object'
  readonly bytes: Buffer
}

const DROPS_MAX = 10_000
const DROP_BYTES_MAX = 64 * 1_048_576

/** Database and table: lower-case letters, digits, underscore, 3-128 characters (TD docs, naming). */
const NAME = /^[a-z0-9_]{3,128}$/

const PAST_S_MAX = 7 * 86_400
const FUTURE_S_MAX = 3 * 86_400

/** Databases that an account may have; TD publishes no limit, so this bounds mistakes. */
const DATABASES_MAX = 1000

export interface IntakeOptions {
  readonly keys: readonly string[]
  /** Keys among them that may only write. Default none. */
  readonly writeOnlyKeys?: readonly string[]
  readonly databases: readonly string[]
  readonly rowsMax?: number
  readonly rowBytesMax?: number
}

/** What the endpoints share: keys, databases, the rows, and what was dropped in silence. */
export class Intake {
  readonly clock: Clock
  readonly random: Random
  readonly faults: FaultSwitch
  readonly arrivals: Arrivals
  readonly rows: RowStore
  readonly drops = new BoundedFifo<Drop>(DROPS_MAX, DROP_BYTES_MAX)
  readonly #keys: ReadonlySet<string>
  readonly #writeOnlyKeys: ReadonlySet<string>
  readonly #databases: Set<string>

  constructor(setting: Setting, arrivals: Arrivals, options: IntakeOptions) {
    this.clock = setting.clock
    this.random = setting.random
    this.faults = setting.faults
    this.arrivals = arrivals
    this.rows = new RowStore(options.rowsMax, options.rowBytesMax)
    this.#keys = new Set(options.keys)
    this.#writeOnlyKeys = new Set(options.writeOnlyKeys)
    this.#databases = new Set(options.databases)
  }

  knowsKey(key: string): boolean {
    return this.#keys.has(key)
  }

  hasDatabase(database: string): boolean {
    return this.#databases.has(database)
  }

  /** Whether a known key opens more than the doors for rows. */
  mayQuery(key: string): boolean {
    return this.#keys.has(key) && !this.#writeOnlyKeys.has(key)
  }

  get databases(): ReadonlySet<string> {
    return this.#databases
  }

  /** False when it is there already, or when there are as many as may be. */
  addDatabase(database: string): boolean {
    if (this.#databases.has(database) || this.#databases.size >= DATABASES_MAX) return false
    this.#databases.add(database)
    return true
  }

  /** Stores one row; a table comes into being with its first row. */
  keep(
    place: Place,
    form: RowForm,
    bytes: Buffer,
    timeS: number | undefined,
    filled: Record<string, string>,
  ): void {
    const receivedAtMs = this.clock.now()
    const time = timeS ?? Math.floor(receivedAtMs / 1000)
    this.rows.add({ database: place.database, table: place.table, time, receivedAtMs, form, bytes, filled })
  }

  drop(place: Place, reason: Drop['reason'], bytes: Buffer): void {
    const { database, table } = place
    this.drops.push({ database, table, receivedAtMs: this.clock.now(), reason, bytes }, bytes.length)
  }

  arrived(ids: readonly (string | undefined)[]): void {
    for (const id of ids) if (id !== undefined) this.arrivals.add(id)
  }
}

export function isName(name: string): boolean {
  return NAME.test(name)
}

/** `TD1 <key>` of the Authorization header. */
export function td1Key(call: Call): string | undefined {
  return /^TD1 +(\S+)$/.exec(call.headers.authorization ?? '')?.[1]
}

export function idOf(event: unknown): string | undefined {
  return isObject(event) && typeof event.id === 'string' ? event.id : undefined
}

/**
 * `td_record_time` as the row's time: Unix seconds, ignored (undefined) when older than 7 days or more than 3
 * days ahead (TD docs, "Postback API").
 */
export function recordTime(value: unknown, nowMs: number): number | undefined {
  const seconds = typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : value
  if (typeof seconds !== 'number' || !Number.isFinite(seconds)) return undefined
  const nowS = nowMs / 1000
  return seconds < nowS - PAST_S_MAX || seconds > nowS + FUTURE_S_MAX ? undefined : Math.floor(seconds)
}

/**
 * The columns that hold their own name as value are replaced by what the server knows (TD docs, "Postback
 * API").
 */
export function specialColumns(
  value: Readonly<Record<string, unknown>>,
  call: Call,
  globalId: () => string,
): Record<string, string> {
  const filled: Record<string, string> = {}
  if (value.td_ip === 'td_ip') filled.td_ip = call.address
  if (value.td_ua === 'td_ua') filled.td_ua = call.headers['user-agent'] ?? ''
  if (value.td_global_id === 'td_global_id') filled.td_global_id = globalId()
  return filled
}

/** TD's third-party cookie, else a new id. */
export function globalIdOf(call: Call, random: Random): string {
  const cookie = /(?:^|;\s*)_td_global=([^;]+)/.exec(call.headers.cookie ?? '')?.[1]
  return cookie ?? randomUuid(random)
}
