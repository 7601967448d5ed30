/**
 * MySQL and MariaDB as a query engine. Barriers, outermost first: the guard; a connection that takes one statement for
 * each message and sends no local files; a read-only transaction; the rights of the user (FILE above all must not be
 * granted: INTO OUTFILE and LOAD_FILE are no writes to the transaction). The server ends a statement by itself when it
 * takes too long, and when we kill it over a second connection.
 */

import mysql, { type Pool, type PoolConnection, type PoolOptions } from 'mysql2'
import { isSocket, tlsOf } from '../../destinations/server.ts'
import type { EngineParts } from '../engine-kind.ts'
import { MYSQL_DIALECT } from '../guard/dialects.ts'
import { readStatement } from '../guard/guard.ts'
import { streamOf } from '../stream.ts'
import { tablesFrom } from '../tables.ts'
import type { QueryEngine, QueryRequest, QueryStream, TableShape } from '../warehouse.ts'
import { MysqlUnconnected, mysqlFailure } from './failures.ts'
import { MysqlReading } from './reading.ts'
import type { MysqlConnection, MysqlCredentials } from './settings.ts'

const CONNECTIONS_MAX = 32
const CONNECT_MS_MAX = 10_000
const IDLE_MS_MAX = 30_000
/** The server's own limit comes after ours, so that it is our message that people see. */
const GRACE_MS = 1_000

export function open(
  settings: MysqlConnection,
  credentials: MysqlCredentials,
  parts: EngineParts,
): QueryEngine {
  return new MysqlEngine(settings, credentials, parts)
}

class MysqlEngine implements QueryEngine {
  readonly kind = 'mysql'
  readonly #pool: Pool
  readonly #parts: EngineParts
  #isMariadb: boolean | undefined

  constructor(settings: MysqlConnection, credentials: MysqlCredentials, parts: EngineParts) {
    this.#parts = parts
    this.#pool = mysql.createPool({
      ...placeOf(settings),
      user: credentials.user,
      ...(credentials.password === undefined ? {} : { password: credentials.password }),
      ...(settings.database === undefined ? {} : { database: settings.database }),
      charset: 'utf8mb4',
      multipleStatements: false,
      flags: ['-LOCAL_FILES', '-MULTI_STATEMENTS'],
      connectTimeout: CONNECT_MS_MAX,
      connectionLimit: CONNECTIONS_MAX,
      maxIdle: 2,
      idleTimeout: IDLE_MS_MAX,
    })
  }

  async query(request: QueryRequest, signal: AbortSignal): Promise<QueryStream> {
    return this.#stream({ ...request, sql: readStatement(request.sql, MYSQL_DIALECT) }, signal)
  }

  async tables(signal: AbortSignal): Promise<readonly TableShape[]> {
    return tablesFrom((request) => this.#stream(request, signal), TABLES)
  }

  close(): Promise<void> {
    return this.#pool.promise().end()
  }

  #stream(request: QueryRequest, signal: AbortSignal): Promise<QueryStream> {
    const { sql, timeoutMs } = request
    return streamOf(
      {
        begin: () => this.#begin(sql, timeoutMs),
        explain: (error) => mysqlFailure(error, sql, timeoutMs),
      },
      request,
      signal,
      this.#parts.clock,
    )
  }

  async #begin(sql: string, timeoutMs: number): Promise<MysqlReading> {
    const connection = await this.#connect()
    try {
      this.#isMariadb ??= /mariadb/i.test(String((await ask(connection, 'select version()'))[0]))
      await ask(connection, sessionFor(this.#isMariadb, timeoutMs + GRACE_MS))
      await ask(connection, 'start transaction read only')
      return new MysqlReading({ connection, sql, cancel: (threadId) => this.#cancel(threadId) })
    } catch (error) {
      connection.destroy()
      throw error
    }
  }

  #connect(): Promise<PoolConnection> {
    return new Promise((resolve, reject) => {
      this.#pool.getConnection((error, connection) =>
        error ? reject(new MysqlUnconnected(error)) : resolve(connection),
      )
    })
  }

  async #cancel(threadId: number): Promise<void> {
    try {
      const connection = await this.#connect()
      try {
        await ask(connection, `kill query ${threadId}`)
      } finally {
        connection.release()
      }
    } catch (error) {
      if ((error as { errno?: number }).errno === NO_SUCH_THREAD) return
      // The server ends it by its own limit, or when it finds the connection gone.
      this.#parts.logger.warn({ err: error }, 'a query could not be cancelled in MySQL')
    }
  }
}

const NO_SUCH_THREAD = 1094

function placeOf(settings: MysqlConnection): PoolOptions {
  const { host, port } = settings
  if (isSocket(settings)) return { socketPath: host }
  const tls = tlsOf(settings)
  if (tls === undefined) return { host, port }
  return { host, port, ssl: { ...tls, verifyIdentity: tls.rejectUnauthorized } }
}

/** The values of the first row; empty when there is none. */
function ask(connection: PoolConnection, sql: string): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    connection.query({ sql, rowsAsArray: true }, (error, rows) => {
      if (error) reject(error)
      else resolve(Array.isArray(rows) && Array.isArray(rows[0]) ? rows[0] : [])
    })
  })
}

function sessionFor(isMariadb: boolean, timeoutMs: number): string {
  const seconds = Math.ceil(timeoutMs / 1000)
  const settings = [
    isMariadb ? `max_statement_time = ${seconds}` : `max_execution_time = ${timeoutMs}`,
    `net_write_timeout = ${seconds}`, // whoever reads our answer may be slow
    'lock_wait_timeout = 10',
    "time_zone = '+00:00'",
    // Without the modes that give quotes and backslashes another meaning: the guard reads them by the ordinary rules.
    "sql_mode = if(find_in_set('ONLY_FULL_GROUP_BY', @@session.sql_mode), 'ONLY_FULL_GROUP_BY', '')",
  ]
  return `set ${settings.map((setting) => `session ${setting}`).join(', ')}`
}

const TABLES = `
  select c.table_schema, c.table_name, t.table_rows, c.column_name, c.column_type
  from information_schema.columns c
  join information_schema.tables t on t.table_schema = c.table_schema and t.table_name = c.table_name
  where c.table_schema not in ('mysql', 'information_schema', 'performance_schema', 'sys')
  order by c.table_schema, c.table_name, c.ordinal_position`
