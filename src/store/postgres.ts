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
import { FencedPool } from './fenced-pool.ts'
import type { Lease } from './leases.ts'
import { asOutage } from './outages.ts'
import type { PoolBounds } from './store.ts'

const BOUNDS: PoolBounds = { connectionsMax: 10, statementMsMax: 30_000 }
/** How long a caller waits for a free or a new connection, and a statement for a lock. */
const CONNECT_MS_MAX = 10_000
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
export function postgresDialect(
  url: string,
  lost: (error: Error) => void,
  { connectionsMax, statementMsMax }: PoolBounds = BOUNDS,
): { readonly dialect: Dialect; readonly fencedBy: (lease: Lease) => Dialect } {
  const pool = new pg.Pool({
    connectionString: url,
    application_name: 'thalweg',
    max: connectionsMax,
    connectionTimeoutMillis: Math.min(CONNECT_MS_MAX, statementMsMax),
    idleTimeoutMillis: IDLE_MS_MAX,
    statement_timeout: statementMsMax,
    // When the server itself does not speak any more: longer than its own limit for statements.
    query_timeout: Math.ceil((statementMsMax * 7) / 6),
    lock_timeout: Math.min(LOCK_MS_MAX, statementMsMax),
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS_MAX,
    keepAlive: true,
    types: { getTypeParser: parserOf },
  })
  // Both events end the process when nobody listens. The client's own comes in every case; the pool repeats it for idle ones.
  pool.on('connect', (client) => client.on('error', lost))
  pool.on('error', () => undefined)
  const plain = new OutagePool(pool)
  return {
    dialect: dialectOver(plain),
    fencedBy: (lease) => dialectOver(new FencedPool(plain, lease)),
  }
}

function dialectOver(pool: PostgresPool): Dialect {
  const config = { pool }
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

export interface NoticesListener {
  /** Something was told on the channel, or may have been while the connection was away. */
  readonly heard: () => void
  readonly trouble: (error: unknown) => void
  /** Waits before it connects again. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
}

const NOTICES_RETRY_MS = 1_000
/** A connection that is only listened on notices by this that the other side is gone. */
const NOTICES_ALIVE_MS = 5_000

/** Hears what others tell by NOTIFY on a channel, on a connection of its own, until `signal` is aborted. Resolves then; never rejects. */
export async function listenTo(
  url: string,
  channel: string,
  { heard, trouble, sleep }: NoticesListener,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const client = new pg.Client({
      connectionString: url,
      application_name: 'thalweg notices',
      connectionTimeoutMillis: NOTICES_ALIVE_MS,
      query_timeout: NOTICES_ALIVE_MS,
      keepAlive: true,
    })
    try {
      const broken = new Promise<never>((_, reject) => {
        client.on('error', reject)
        client.on('end', () => reject(new Error('the connection ended')))
      })
      // Raced below; one that breaks before that is nobody's rejection.
      broken.catch(() => undefined)
      client.on('notification', heard)
      await client.connect()
      await client.query(`listen ${client.escapeIdentifier(channel)}`)
      heard()
      while (!signal.aborted) {
        await Promise.race([broken, sleep(NOTICES_ALIVE_MS, signal)])
        if (!signal.aborted) await client.query('select 1')
      }
    } catch (error) {
      if (!signal.aborted) trouble(error)
    } finally {
      await client.end().catch(() => undefined)
    }
    if (!signal.aborted) await sleep(NOTICES_RETRY_MS, signal)
  }
}
