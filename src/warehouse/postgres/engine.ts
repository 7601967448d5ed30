/**
 * PostgreSQL as a query engine. Barriers, outermost first: the guard; the extended protocol, which takes one statement
 * for each message; a read-only transaction; the rights of the user. A result is read through a portal, piece by piece;
 * the server ends a statement by itself when it takes too long, and when we ask it to over a second connection.
 */

import pg from 'pg'
import type { PostgresConnection, PostgresCredentials } from '../../destinations/postgres/settings.ts'
import { isSocket, tlsOf } from '../../destinations/server.ts'
import type { EngineParts } from '../engine-kind.ts'
import { POSTGRES_DIALECT } from '../guard/dialects.ts'
import { readStatement } from '../guard/guard.ts'
import { streamOf } from '../stream.ts'
import { tablesFrom } from '../tables.ts'
import type { QueryEngine, QueryRequest, QueryStream, TableShape } from '../warehouse.ts'
import { postgresFailure } from './failures.ts'
import { PostgresReading } from './reading.ts'

const CONNECTIONS_MAX = 32
const CONNECT_MS_MAX = 10_000
const IDLE_MS_MAX = 30_000
const CANCEL_MS_MAX = 5_000
/** The server's own limit comes after ours, so that it is our message that people see. */
const GRACE_MS = 1_000

export function open(
  settings: PostgresConnection,
  credentials: PostgresCredentials,
  parts: EngineParts,
): QueryEngine {
  return new PostgresEngine(settings, credentials, parts)
}

class PostgresEngine implements QueryEngine {
  readonly kind = 'postgres'
  readonly #config: pg.ClientConfig
  readonly #pool: pg.Pool
  readonly #parts: EngineParts
  #typeNames: ReadonlyMap<number, string> | undefined

  constructor(settings: PostgresConnection, credentials: PostgresCredentials, parts: EngineParts) {
    const { host, port, database } = settings
    this.#parts = parts
    this.#config = {
      host,
      port,
      database,
      user: credentials.user,
      // A function, so that pg asks neither the environment nor a password file when there is none.
      password: () => credentials.password ?? '',
      ssl: tlsOf(settings) ?? false,
      application_name: 'thalweg',
      connectionTimeoutMillis: CONNECT_MS_MAX,
      keepAlive: !isSocket(settings),
    }
    this.#pool = new pg.Pool({ ...this.#config, max: CONNECTIONS_MAX, idleTimeoutMillis: IDLE_MS_MAX })
    // Both events end the process when nobody listens. The client's own comes in every case; the pool repeats it for idle ones.
    this.#pool.on('connect', (client) => client.on('error', () => undefined))
    this.#pool.on('error', (error) =>
      parts.logger.warn({ err: error }, 'a connection to PostgreSQL was lost'),
    )
  }

  async query(request: QueryRequest, signal: AbortSignal): Promise<QueryStream> {
    return this.#stream({ ...request, sql: readStatement(request.sql, POSTGRES_DIALECT) }, signal)
  }

  async tables(signal: AbortSignal): Promise<readonly TableShape[]> {
    return tablesFrom((request) => this.#stream(request, signal), TABLES)
  }

  async close(): Promise<void> {
    await this.#pool.end()
  }

  #stream(request: QueryRequest, signal: AbortSignal): Promise<QueryStream> {
    const { sql, timeoutMs } = request
    return streamOf(
      {
        begin: () => this.#begin(sql, timeoutMs),
        explain: (error) => postgresFailure(error, sql, timeoutMs),
      },
      request,
      signal,
      this.#parts.clock,
    )
  }

  async #begin(sql: string, timeoutMs: number): Promise<PostgresReading> {
    const client = await this.#pool.connect()
    try {
      const names = await this.#knownTypes(client)
      await client.query(`begin read only; ${sessionFor(timeoutMs + GRACE_MS)}`)
      const typeName = (oid: number): string => names.get(oid) ?? this.#unknownType(oid)
      return new PostgresReading({ client, sql, typeName, cancel: (processId) => this.#cancel(processId) })
    } catch (error) {
      client.release(true)
      throw error
    }
  }

  /** By number, read once. */
  async #knownTypes(client: pg.PoolClient): Promise<ReadonlyMap<number, string>> {
    if (this.#typeNames !== undefined) return this.#typeNames
    const { rows } = await client.query<{ oid: number; name: string }>(
      'select oid, pg_catalog.format_type(oid, null) as name from pg_catalog.pg_type',
    )
    this.#typeNames = new Map(rows.map(({ oid, name }) => [oid, name]))
    return this.#typeNames
  }

  /** A type made since they were read: the next query reads them again. */
  #unknownType(oid: number): string {
    this.#typeNames = undefined
    return `type ${oid}`
  }

  async #cancel(processId: number): Promise<void> {
    const client = new pg.Client({ ...this.#config, query_timeout: CANCEL_MS_MAX })
    client.on('error', () => undefined)
    try {
      await client.connect()
      await client.query('select pg_catalog.pg_cancel_backend($1)', [processId])
    } catch (error) {
      // The server ends it by its own limit, or when it finds the connection gone.
      this.#parts.logger.warn({ err: error }, 'a query could not be cancelled in PostgreSQL')
    } finally {
      await client.end().catch(() => undefined)
    }
  }
}

/** Of the transaction only, so that it also holds behind a pooler. */
function sessionFor(timeoutMs: number): string {
  const settings = [
    `statement_timeout = ${timeoutMs}`,
    `idle_in_transaction_session_timeout = ${timeoutMs}`,
    "lock_timeout = '10s'",
    "timezone = 'UTC'",
    "datestyle = 'ISO, YMD'",
    "intervalstyle = 'iso_8601'",
    "bytea_output = 'hex'",
    'standard_conforming_strings = on', // the guard reads strings by this rule
  ]
  return settings.map((setting) => `set local ${setting}`).join('; ')
}

const TABLES = `
  select n.nspname, c.relname, case when c.reltuples >= 0 and c.relkind in ('r', 'm') then c.reltuples::bigint end,
         a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod)
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  where c.relkind in ('r', 'v', 'm', 'f', 'p') and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
    and pg_catalog.has_schema_privilege(n.oid, 'usage') and pg_catalog.has_any_column_privilege(c.oid, 'select')
  order by n.nspname, c.relname, a.attnum`
