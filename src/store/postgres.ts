/** PostgreSQL for Kysely, on a bounded pool of pg. */

import {
  type Dialect,
  PostgresDialect,
  PostgresDriver,
  type PostgresPool,
  type PostgresPoolClient,
} from 'kysely'
import pg from 'pg'
import { ThalwegError } from '../core/errors.ts'
import { bindForPostgres } from './binding.ts'
import { asOutage } from './outages.ts'

const CONNECTIONS_MAX = 10
/** How long a caller waits for a free or a new connection. */
const CONNECT_MS_MAX = 10_000
const STATEMENT_MS_MAX = 30_000
/** When the server itself does not speak any more: longer than its own limit for statements. */
const ANSWER_MS_MAX = STATEMENT_MS_MAX + 5_000
const LOCK_MS_MAX = 10_000
const IDLE_IN_TRANSACTION_MS_MAX = 60_000
const IDLE_MS_MAX = 30_000

/** Type numbers of PostgreSQL (pg_type.oid). */
const BYTEA = 17
const INT8 = 20
const NUMERIC = 1700

/**
 * Connects when first asked. `lost` hears of connections that broke while nobody used them: the pool replaces them, but an
 * unheard error event would end the process.
 */
export function postgresDialect(url: string, lost: (error: Error) => void): Dialect {
  const pool = new pg.Pool({
    connectionString: url,
    application_name: 'thalweg',
    max: CONNECTIONS_MAX,
    connectionTimeoutMillis: CONNECT_MS_MAX,
    idleTimeoutMillis: IDLE_MS_MAX,
    statement_timeout: STATEMENT_MS_MAX,
    query_timeout: ANSWER_MS_MAX,
    lock_timeout: LOCK_MS_MAX,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS_MAX,
    keepAlive: true,
    types: { getTypeParser: parserOf },
  })
  // Both events end the process when nobody listens. The client's own comes in every case; the pool repeats it for idle ones.
  pool.on('connect', (client) => client.on('error', lost))
  pool.on('error', () => undefined)
  const config = { pool: new OutagePool(pool) }
  const base = new PostgresDialect(config)
  return {
    createAdapter: () => base.createAdapter(),
    createDriver: () => new FirstErrorDriver(config),
    createIntrospector: (db) => base.createIntrospector(db),
    createQueryCompiler: () => base.createQueryCompiler(),
  }
}

class FirstErrorDriver extends PostgresDriver {
  /** A rollback fails only when the connection is gone: it is discarded, the server rolls back, and the first error is the one to tell. */
  override async rollbackTransaction(
    ...[connection]: Parameters<PostgresDriver['rollbackTransaction']>
  ): Promise<void> {
    try {
      await super.rollbackTransaction(connection)
    } catch (error) {
      if (!(error instanceof ThalwegError)) throw error
    }
  }
}

/** pg's pool, with outages told from mistakes and values bound as in SQLite. */
class OutagePool implements PostgresPool {
  readonly options: object = {}
  readonly #pool: pg.Pool
  /** Kysely knows connections by identity: one wrapper for each client, as long as it lives. */
  readonly #clients = new WeakMap<pg.PoolClient, PostgresPoolClient>()

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  async connect(): Promise<PostgresPoolClient> {
    const client = await this.#pool.connect().catch((error: unknown) => {
      throw asOutage(error)
    })
    const known = this.#clients.get(client)
    if (known !== undefined) return known
    // Kysely's type also asks for cursors; it uses them only when the dialect is given a cursor class, and ours is not.
    const wrapped = new OutageClient(client) as unknown as PostgresPoolClient
    this.#clients.set(client, wrapped)
    return wrapped
  }

  end(): Promise<void> {
    return this.#pool.end()
  }
}

class OutageClient {
  readonly #client: pg.PoolClient
  /** A failure that is not the server's answer leaves the connection in an unknown state: it is not used again. */
  #doubtful = false

  constructor(client: pg.PoolClient) {
    this.#client = client
  }

  async query(sql: string, parameters: readonly unknown[]): Promise<pg.QueryResult> {
    try {
      return await this.#client.query(sql, parameters.map(bindForPostgres))
    } catch (error) {
      if (!(error instanceof pg.DatabaseError)) this.#doubtful = true
      throw asOutage(error)
    }
  }

  release(destroy?: boolean): void {
    this.#client.release(destroy === true || this.#doubtful)
  }
}

/** Whole numbers as numbers (sums of them are `numeric` in PostgreSQL), bytes as a plain Uint8Array, all else as pg does it. */
function parserOf(type: number, format?: 'text' | 'binary'): (value: string) => unknown {
  if (type === INT8 || type === NUMERIC) return parseNumber
  if (type === BYTEA) return parseBytes
  return pg.types.getTypeParser(type, format)
}

function parseNumber(text: string): number {
  const number = Number(text)
  if (Number.isInteger(number) && !Number.isSafeInteger(number)) {
    throw new RangeError(`${text} is beyond the whole numbers that JavaScript holds exactly`)
  }
  return number
}

function parseBytes(text: string): Uint8Array {
  const bytes = Buffer.from(text.slice(2), 'hex') // "\x…": bytea_output = hex, the default since 9.0
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
