/**
 * SQLite for Kysely, on Node's own node:sqlite. One connection, which Kysely lends to one query or transaction at a time
 * (its adapter says that there is only one), so two transactions never interleave. Calls are synchronous: a statement
 * holds up the event loop for as long as it runs, a commit for one sync of the disk.
 */

import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type SqliteDatabase,
  SqliteDialect,
  SqliteDriver,
  type SqliteStatement,
} from 'kysely'
import { bindForSqlite } from './binding.ts'
import { Checkpoints } from './checkpoints.ts'
import { asOutage } from './outages.ts'

/** How long a statement waits, in place, for another process to let go of the file. Short: nothing else runs meanwhile. */
const BUSY_MS_MAX = 250
/** Prepared statements kept; beyond that the one unused for longest goes. */
const STATEMENTS_MAX = 256
/** Pages kept in memory. */
const CACHE_BYTES = 16_384_000
/** Share of one turn of the event loop after which the rest of it is let go on. */
const TURN_MS_MAX = 8

const PRAGMAS = [
  'pragma journal_mode = wal',
  'pragma synchronous = full', // a commit is on the disk when it returns, not only in the order of the WAL
  'pragma foreign_keys = on',
  'pragma trusted_schema = off',
  'pragma temp_store = memory',
  'pragma journal_size_limit = 67108864',
]

/** With a thread for checkpoints, a commit makes one itself only when the WAL has grown this many times as large as without. */
const FALLBACK_TIMES = 4

export interface SqliteOptions {
  readonly cacheBytes?: number | undefined
  /** A thread brings the WAL to the file; see checkpoints.ts. Not for ':memory:'. */
  readonly checkpointsAside?: boolean | undefined
}

/** Opens (and makes, for its owner alone) the file at `path`; ':memory:' is a database that nobody else sees. Throws STORE_UNAVAILABLE. */
export function sqliteDialect(path: string, options: SqliteOptions = {}): Dialect {
  const { cacheBytes = CACHE_BYTES, checkpointsAside = false } = options
  const checkpoints = checkpointsAside && path !== ':memory:' ? new Checkpoints(path) : undefined
  const file = openFile(path, cacheBytes, checkpoints === undefined ? 1 : FALLBACK_TIMES)
  const config = { database: new File(file) }
  const base = new SqliteDialect(config)
  return {
    createAdapter: () => base.createAdapter(),
    createDriver: () => new ImmediateDriver(config, file, checkpoints),
    createIntrospector: (db) => base.createIntrospector(db),
    createQueryCompiler: () => base.createQueryCompiler(),
  }
}

function openFile(path: string, cacheBytes: number, checkpointTimes: number): DatabaseSync {
  try {
    if (path !== ':memory:') {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
      // SQLite would make the file readable for everybody; its -wal and -shm files take the mode of this one.
      closeSync(openSync(path, 'a', 0o600))
    }
    const file = new DatabaseSync(path, { timeout: BUSY_MS_MAX, enableForeignKeyConstraints: true })
    for (const pragma of PRAGMAS) file.exec(pragma)
    file.exec(`pragma cache_size = -${Math.ceil(cacheBytes / 1024)}`) // KiB
    // Pages: what is written again and again goes to the file itself once for a cache full of them.
    file.exec(`pragma wal_autocheckpoint = ${Math.ceil((checkpointTimes * cacheBytes) / 2 / 4096)}`)
    return file
  } catch (error) {
    throw asOutage(error)
  }
}

/** The subset of better-sqlite3 that Kysely asks for. */
class File implements SqliteDatabase {
  readonly #file: DatabaseSync
  /** In order of last use: a Map keeps the order of insertion. */
  readonly #statements = new Map<string, Statement>()

  constructor(file: DatabaseSync) {
    this.#file = file
  }

  prepare(sql: string): SqliteStatement {
    const known = this.#statements.get(sql)
    if (known !== undefined) {
      this.#statements.delete(sql)
      this.#statements.set(sql, known)
      return known
    }
    const statement = attempt(() => new Statement(this.#file, sql))
    this.#statements.set(sql, statement)
    if (this.#statements.size > STATEMENTS_MAX) {
      for (const oldest of this.#statements.keys()) {
        this.#statements.delete(oldest)
        break
      }
    }
    return statement
  }

  close(): void {
    this.#statements.clear()
    if (this.#file.isOpen) this.#file.close()
  }
}

class Statement implements SqliteStatement {
  readonly reader: boolean
  readonly #statement: StatementSync

  constructor(file: DatabaseSync, sql: string) {
    this.#statement = file.prepare(sql)
    this.reader = this.#statement.columns().length > 0
  }

  all(parameters: readonly unknown[]): unknown[] {
    return attempt(() => this.#statement.all(...parameters.map(bindForSqlite)))
  }

  run(parameters: readonly unknown[]): { changes: number | bigint; lastInsertRowid: number | bigint } {
    return attempt(() => this.#statement.run(...parameters.map(bindForSqlite)))
  }

  *iterate(parameters: readonly unknown[]): IterableIterator<unknown> {
    const rows = attempt(() => this.#statement.iterate(...parameters.map(bindForSqlite)))
    try {
      for (let step = attempt(() => rows.next()); !step.done; step = attempt(() => rows.next()))
        yield step.value
    } finally {
      // A reader that leaves early must not leave the statement, which is kept, in the middle of its rows.
      rows.return?.()
    }
  }
}

class ImmediateDriver extends SqliteDriver {
  readonly #file: DatabaseSync
  readonly #checkpoints: Checkpoints | undefined
  /** When the store was first used in the current turn of the event loop. Real time, whatever the clock: it is about the thread. */
  #turnBegan: number | undefined

  constructor(
    config: { database: SqliteDatabase },
    file: DatabaseSync,
    checkpoints: Checkpoints | undefined,
  ) {
    super(config)
    this.#file = file
    this.#checkpoints = checkpoints
  }

  override acquireConnection(): Promise<DatabaseConnection> {
    if (this.#turnBegan === undefined) {
      this.#turnBegan = performance.now()
      setImmediate(() => {
        this.#turnBegan = undefined
      })
    }
    return super.acquireConnection()
  }

  /**
   * All that happens here happens in promises, without any I/O of the event loop: transactions that queue up would run one after
   * another in one turn, and no request would be read meanwhile. After its share of the turn the store lets the others go on.
   */
  override async releaseConnection(): Promise<void> {
    if (this.#turnBegan === undefined || performance.now() - this.#turnBegan < TURN_MS_MAX) return
    await new Promise<void>((resolve) => setImmediate(resolve))
  }

  /** Takes the write lock at the start: a lock taken half-way fails at once, without waiting, when another process has written since. */
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'))
  }

  override async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await super.commitTransaction(connection)
    this.#checkpoints?.committed()
  }

  /** The thread goes first: whoever closes the file last brings all of the WAL into it and removes it. */
  override async destroy(): Promise<void> {
    await this.#checkpoints?.close()
    await super.destroy()
  }

  /** A full disk or a failed write has already rolled back; rolling back again would throw and hide the first error. */
  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    if (this.#file.isTransaction) await connection.executeQuery(CompiledQuery.raw('rollback'))
  }
}

function attempt<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw asOutage(error)
  }
}
