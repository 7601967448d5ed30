/**
 * The store: the control-plane database, SQLite in the data directory or PostgreSQL by URL, one schema for both. This room
 * opens it, brings its tables up to date, runs transactions, and keeps the credentials sealed (sealing.ts, authorizations.ts).
 * It must never know what the other rooms' rows mean: each table has one owning room, and only that room names it in SQL.
 */

import { Kysely, sql, type Transaction } from 'kysely'
import type { Clock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import { type Random, systemRandom } from '../core/random.ts'
import type { Dialect } from './columns.ts'
import type { Lease } from './leases.ts'
import { CONTROL_PLAN, migrate, type Plan } from './migrate.ts'
import { asOutage, sqlState, unavailable } from './outages.ts'
import { type Retry, untilNoConflict } from './retry.ts'
import type { Schema } from './schema.ts'
import { sqliteDialect } from './sqlite.ts'

export interface Store {
  /**
   * For single statements outside of a transaction. Throws STORE_UNAVAILABLE for outages (disk full, server gone).
   * Never use it inside the work of `transaction`: SQLite has one connection, so the two would wait for each other for ever.
   */
  readonly db: Kysely<Schema>
  readonly dialect: Dialect
  readonly capabilities: Capabilities
  /**
   * Runs `work` in one transaction: all of it is durable when the promise resolves, nothing of it was kept when it rejects.
   * The one exception: STORE_UNAVAILABLE from PostgreSQL may mean that the connection was lost while committing, so work that
   * must not happen twice checks the state it starts from.
   *
   * `work` may run several times (up to 6, when other transactions were in the way), so it must do nothing but statements on
   * `tx`; it must not wait for anything else, because on SQLite every other user of the store waits meanwhile.
   * Throws STORE_UNAVAILABLE for outages, when the conflict does not clear, and at once when 1,000 transactions wait already.
   */
  transaction<T>(work: (tx: Transaction<Schema>) => Promise<T>, options?: TransactionOptions): Promise<T>
  /** The same store, whose writes are refused with LEASE_LOST unless the lease is the present one. A store of one process is given back. */
  fencedBy(lease: Lease): Store
  /** Lets transactions under way end (at most 10 s), then closes. Idempotent. */
  close(): Promise<void>
}

export interface TransactionOptions {
  /**
   * `now` (default): durable when the promise resolves. `soon`: kept through a crash of this process, but a power failure may undo the last
   * ones, whole and latest first. Saves the wait for the disk; only for what can be derived from the log again, such as settlements.
   */
  readonly durable?: 'now' | 'soon'
  /**
   * Only reads, and every statement sees the store of one instant. Otherwise PostgreSQL lets each see what was committed before it began. On
   * SQLite it is always so.
   */
  readonly ofOneInstant?: true
}

export interface Capabilities {
  /** Several processes may work on it at once. */
  readonly sharedByNodes: boolean
  /** Transactions run side by side; otherwise one after another. */
  readonly concurrentTransactions: boolean
  /** Values that one statement takes at most: longer inserts are cut into several. */
  readonly parametersMax: number
}

/** The part of pino that the store uses. */
export interface StoreLogger {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

export interface StoreOptions {
  readonly clock: Clock
  readonly logger?: StoreLogger
  /** For the jitter between tries. */
  readonly random?: Random
  /** Which tables; the control plane's unless told. */
  readonly plan?: Plan
  /** SQLite: pages kept in memory. Default 16 MB. */
  readonly cacheBytes?: number
  /** SQLite: no commit waits for a checkpoint of the WAL, a thread makes them. */
  readonly checkpointsAside?: boolean
  /** PostgreSQL: connections at most, and how long anything may take on them. Default 10, and 30 s for a statement. */
  readonly pool?: PoolBounds
}

export interface PoolBounds {
  readonly connectionsMax: number
  readonly statementMsMax: number
}

const WAITING_MAX = 1_000
const CLOSE_MS_MAX = 10_000
const SLOW_MS = 10_000

const CAPABILITIES: Readonly<Record<Dialect, Capabilities>> = {
  sqlite: { sharedByNodes: false, concurrentTransactions: false, parametersMax: 32_766 },
  postgres: { sharedByNodes: true, concurrentTransactions: true, parametersMax: 65_535 },
}

/**
 * Opens the database at `url` (`sqlite:<path>`, a plain path, `sqlite::memory:`, or `postgres://…`) and brings its tables up
 * to date. Throws STORE_UNAVAILABLE when it cannot be reached, STORE_NEWER when a newer program wrote it, SETTINGS_INVALID
 * when the URL is of another kind or a PostgreSQL database is not encoded in UTF8.
 */
export async function openStore(url: string, options: StoreOptions): Promise<Store> {
  const { dialect, db, fenced } = await connect(url, options)
  try {
    if (dialect === 'postgres') await checkEncoding(db)
    const applied = await migrate(db, dialect, retryOf(options), options.plan ?? CONTROL_PLAN)
    if (applied.length > 0) options.logger?.info({ dialect, applied }, 'database brought up to date')
    return new OpenStore(db, dialect, options, fenced)
  } catch (error) {
    await db.destroy()
    throw asOutage(error)
  }
}

/** Whether `error` says that a row with this unique value is already there. In PostgreSQL the transaction cannot go on after it. */
export function violatesUnique(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (sqlState(error) === UNIQUE_VIOLATION) return true
  return (
    'errcode' in error &&
    (error.errcode === SQLITE_CONSTRAINT_UNIQUE || error.errcode === SQLITE_CONSTRAINT_PRIMARYKEY)
  )
}

const UNIQUE_VIOLATION = '23505'
const SQLITE_CONSTRAINT_PRIMARYKEY = 1555
const SQLITE_CONSTRAINT_UNIQUE = 2067

async function connect(
  url: string,
  { logger, cacheBytes, checkpointsAside, pool }: StoreOptions,
): Promise<{ dialect: Dialect; db: Kysely<Schema>; fenced?: Fenced }> {
  if (/^postgres(ql)?:\/\//.test(url)) {
    const { postgresDialect } = await import('./postgres.ts')
    const lost = (error: Error): void => logger?.warn({ err: error }, 'a connection to PostgreSQL was lost')
    const made = postgresDialect(url, lost, pool)
    return {
      dialect: 'postgres',
      db: new Kysely({ dialect: made.dialect }),
      fenced: (lease) => new Kysely({ dialect: made.fencedBy(lease) }),
    }
  }
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(url)?.[1]
  if (scheme !== undefined && scheme !== 'sqlite') {
    throw new ThalwegError(
      'SETTINGS_INVALID',
      `The store cannot be opened by a URL that begins with "${scheme}:". Use sqlite:<path> or postgres://user@host/database.`,
    )
  }
  return {
    dialect: 'sqlite',
    db: new Kysely({ dialect: sqliteDialect(url.replace(/^sqlite:/, ''), { cacheBytes, checkpointsAside }) }),
  }
}

/** Another way to the same connections. */
type Fenced = (lease: Lease) => Kysely<Schema>

function retryOf({ clock, random, logger }: StoreOptions): Retry {
  return {
    clock,
    random: random ?? systemRandom,
    conflict: (error, attempt) =>
      logger?.warn({ err: error, attempt }, 'a transaction met another one and is tried again'),
  }
}

async function checkEncoding(db: Kysely<Schema>): Promise<void> {
  const { rows } = await sql<{ server_encoding: string }>`show server_encoding`.execute(db)
  const encoding = rows[0]?.server_encoding
  if (encoding === 'UTF8') return
  throw new ThalwegError(
    'SETTINGS_INVALID',
    `The PostgreSQL database is encoded in ${encoding}; create one with: create database thalweg encoding 'UTF8' template template0`,
  )
}

class OpenStore implements Store {
  readonly db: Kysely<Schema>
  readonly dialect: Dialect
  readonly capabilities: Capabilities
  readonly #clock: Clock
  readonly #logger: StoreLogger | undefined
  readonly #retry: Retry
  readonly #options: StoreOptions
  readonly #fenced: Fenced | undefined
  readonly #running = new Set<Promise<unknown>>()
  #closed: Promise<void> | undefined

  constructor(db: Kysely<Schema>, dialect: Dialect, options: StoreOptions, fenced?: Fenced) {
    this.db = db
    this.#options = options
    this.#fenced = fenced
    this.dialect = dialect
    this.capabilities = CAPABILITIES[dialect]
    this.#clock = options.clock
    this.#logger = options.logger
    this.#retry = retryOf(options)
  }

  async transaction<T>(
    work: (tx: Transaction<Schema>) => Promise<T>,
    { durable = 'now', ofOneInstant }: TransactionOptions = {},
  ): Promise<T> {
    if (this.#closed !== undefined) throw unavailable('it was closed')
    if (this.#running.size >= WAITING_MAX) throw unavailable(`${WAITING_MAX} transactions wait already`)
    const run = untilNoConflict(() => this.#once(work, durable, ofOneInstant), this.#retry)
    this.#running.add(run)
    try {
      return await run
    } finally {
      this.#running.delete(run)
    }
  }

  fencedBy(lease: Lease): Store {
    if (this.#fenced === undefined) return this
    return new OpenStore(this.#fenced(lease), this.dialect, this.#options)
  }

  #once<T>(
    work: (tx: Transaction<Schema>) => Promise<T>,
    durable: 'now' | 'soon',
    ofOneInstant: true | undefined,
  ): Promise<T> {
    if (durable === 'soon') return this.#runSoon(work)
    if (ofOneInstant === undefined || this.dialect === 'sqlite') return this.#run(this.db, work)
    const instant = this.db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only')
    return instant.execute((tx) => this.#watched(tx, work))
  }

  #run<T>(db: Kysely<Schema>, work: (tx: Transaction<Schema>) => Promise<T>): Promise<T> {
    return db.transaction().execute((tx) => this.#watched(tx, work))
  }

  #runSoon<T>(work: (tx: Transaction<Schema>) => Promise<T>): Promise<T> {
    if (this.dialect === 'postgres') {
      return this.#run(this.db, async (tx) => {
        await sql`set local synchronous_commit = off`.execute(tx)
        return work(tx)
      })
    }
    // The pragma belongs to the connection and takes effect between transactions only; the connection is ours until the end.
    return this.db.connection().execute(async (connection) => {
      await sql`pragma synchronous = normal`.execute(connection)
      try {
        return await this.#run(connection, work)
      } finally {
        await sql`pragma synchronous = full`.execute(connection)
      }
    })
  }

  /** A transaction that never ends is nearly always one whose work uses `store.db` or waits for the network: say so. */
  async #watched<T>(tx: Transaction<Schema>, work: (tx: Transaction<Schema>) => Promise<T>): Promise<T> {
    const cancel = this.#clock.after(SLOW_MS, () => {
      this.#logger?.warn(
        { ms: SLOW_MS },
        'a transaction is held open: does its work wait for something else than its tx?',
      )
    })
    try {
      return await work(tx)
    } finally {
      cancel()
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#drainAndClose()
    return this.#closed
  }

  async #drainAndClose(): Promise<void> {
    const patience = new AbortController()
    await Promise.race([Promise.allSettled(this.#running), this.#clock.sleep(CLOSE_MS_MAX, patience.signal)])
    patience.abort()
    await this.db.destroy()
  }
}
