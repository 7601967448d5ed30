/**
 * Brings rows into PostgreSQL: the other end of the requests of destinations/postgres. One request is one transaction, or none: it takes a
 * connection from the pool of its database, and gives it back or throws it away. It knows nothing of events, retries or faults; what
 * PostgreSQL says goes back as it was said.
 */

import pg from 'pg'
import type { WireReply, WireRequest } from '../../core/exchange.ts'
import type { Fault } from '../../core/fault.ts'
import { columnsText, type PostgresRequest, readRequest } from '../../destinations/postgres/wire.ts'
import { tlsOf } from '../../destinations/server.ts'
import { loadRows } from './load-rows.ts'
import { KnownColumns, readyTable, rehearse, tableNames } from './table.ts'

export interface LoaderSettings {
  readonly connectTimeoutMs: number
  /** For one request, connecting included. */
  readonly answerTimeoutMs: number
}

const DEFAULTS: LoaderSettings = { connectTimeoutMs: 10_000, answerTimeoutMs: 60_000 }

/** Batches of one current wait for each other anyway; several currents may share a database. */
const CONNECTIONS_MAX = 8
const LOCK_MS_MAX = 20_000
/** A process that vanished without a word must not hold its locks for longer. */
const IDLE_IN_TRANSACTION_MS_MAX = 30_000
const IDLE_MS_MAX = 30_000
/** Databases come from settings only, so this bounds mistakes, not attacks. */
const DATABASES_MAX = 64

interface Database {
  readonly pool: pg.Pool
  readonly known: KnownColumns
}

export class PostgresLoader {
  readonly #settings: LoaderSettings
  readonly #databases = new Map<string, Database>()

  constructor(settings: Partial<LoaderSettings> = {}) {
    this.#settings = { ...DEFAULTS, ...settings }
  }

  /** Never rejects, but for a request that is not one of ours. */
  async send(request: WireRequest, signal: AbortSignal): Promise<WireReply | { readonly noAnswer: Fault }> {
    const asked = readRequest(request)
    const database = this.#database(asked)
    const limit = AbortSignal.any([signal, AbortSignal.timeout(this.#settings.answerTimeoutMs)])
    try {
      const told = await withClient(database.pool, limit, (client) => answer(client, asked, database.known))
      return { status: 200, headers: {}, body: Buffer.from(told) }
    } catch (error) {
      database.known.forget()
      return replyTo(error, asked)
    }
  }

  async close(): Promise<void> {
    const databases = [...this.#databases.values()]
    this.#databases.clear()
    await Promise.all(databases.map(({ pool }) => pool.end()))
  }

  #database(asked: PostgresRequest): Database {
    const { place, user, password } = asked
    const key = JSON.stringify([place, user, password])
    let database = this.#databases.get(key)
    if (database === undefined) {
      this.#forgetOldest()
      database = { pool: this.#pool(asked), known: new KnownColumns() }
      this.#databases.set(key, database)
    }
    return database
  }

  #pool({ place, user, password }: PostgresRequest): pg.Pool {
    const pool = new pg.Pool({
      host: place.host,
      port: place.port,
      database: place.database,
      user,
      // A function, so that pg asks neither the environment nor a password file when there is none.
      password: () => password ?? '',
      ssl: tlsOf(place) ?? false,
      application_name: 'thalweg',
      max: CONNECTIONS_MAX,
      connectionTimeoutMillis: this.#settings.connectTimeoutMs,
      idleTimeoutMillis: IDLE_MS_MAX,
      statement_timeout: this.#settings.answerTimeoutMs,
      lock_timeout: LOCK_MS_MAX,
      idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS_MAX,
      keepAlive: true,
    })
    // A connection that breaks tells whoever uses it; of an idle one the pool makes a new one. Unheard, either would end the process.
    pool.on('connect', (client) => client.on('error', () => undefined))
    pool.on('error', () => undefined)
    return pool
  }

  #forgetOldest(): void {
    const [oldest] = this.#databases
    if (this.#databases.size < DATABASES_MAX || oldest === undefined) return
    this.#databases.delete(oldest[0])
    // Connections in use end when they are given back; it has nobody left to fail to.
    oldest[1].pool.end().catch(() => undefined)
  }
}

async function answer(client: pg.ClientBase, asked: PostgresRequest, known: KnownColumns): Promise<string> {
  const names = tableNames(asked)
  const { order } = asked
  switch (order.kind) {
    case 'check':
      return columnsText(await rehearse(client, names, asked.create))
    case 'columns':
      return columnsText(
        await known.get(names, order.columns, () => readyTable(client, names, asked.create, order.columns)),
      )
    case 'load':
      await loadRows(client, names, order.head, order.lines)
      return ''
  }
}

/** Gives the connection back only when nothing went wrong: after a failure nobody knows what state it is in. */
async function withClient<T>(
  pool: pg.Pool,
  signal: AbortSignal,
  use: (client: pg.ClientBase) => Promise<T>,
): Promise<T> {
  const client = await pool.connect()
  let released = false
  const release = (broken: boolean): void => {
    if (released) return
    released = true
    client.release(broken)
  }
  // Ends the conversation in the middle: what waits for an answer is told that the connection is gone.
  const stop = (): void => release(true)
  signal.addEventListener('abort', stop, { once: true })
  try {
    signal.throwIfAborted()
    const told = await use(client)
    release(false)
    return told
  } finally {
    signal.removeEventListener('abort', stop)
    release(true)
  }
}

function replyTo(error: unknown, { place }: PostgresRequest): WireReply | { readonly noAnswer: Fault } {
  const message = error instanceof Error ? error.message : String(error)
  const sqlstate =
    error instanceof pg.DatabaseError ? error.code : SQLSTATES.find(([told]) => message.startsWith(told))?.[1]
  if (sqlstate !== undefined) return { status: 500, headers: { sqlstate }, body: Buffer.from(message) }
  const where = `${place.host}:${place.port}`
  return { noAnswer: { kind: 'unreachable', message: `No answer from PostgreSQL at ${where}: ${message}` } }
}

/** What the client library says by itself before the server could, with the SQLSTATE that the server would have given. */
const SQLSTATES: readonly (readonly [message: string, sqlstate: string])[] = [
  ['SASL: SCRAM-SERVER-FIRST-MESSAGE: client password', '28P01'],
  ['The server does not support SSL', '0A000'],
]
