/**
 * ClickHouse as a query engine, over HTTP. Barriers, outermost first: the guard, which also knows the table functions
 * that read files and open connections; readonly = 1 with each query, under which the server itself refuses writes,
 * settings and such functions; the rights of the user. A user whose own profile is read-only may be sent no settings
 * (readonly = 1) or not this one (readonly = 2), so the server is asked once which it is.
 */

import { randomUUID } from 'node:crypto'
import { type Dispatcher, Pool } from 'undici'
import { under } from '../../destinations/address.ts'
import type { ClickhouseConnection, ClickhouseCredentials } from '../../destinations/clickhouse/settings.ts'
import type { EngineParts } from '../engine-kind.ts'
import { CLICKHOUSE_DIALECT } from '../guard/dialects.ts'
import { readStatement } from '../guard/guard.ts'
import { streamOf } from '../stream.ts'
import { tablesFrom } from '../tables.ts'
import type { QueryEngine, QueryRequest, QueryStream, TableShape } from '../warehouse.ts'
import { ClickhouseRefusal, clickhouseFailure } from './failures.ts'
import { ClickhouseReading, type Manners } from './reading.ts'

const CONNECTIONS_MAX = 32
const CONNECT_MS_MAX = 10_000
const ASK_MS_MAX = 10_000
const ASKED_BYTES_MAX = 65_536
/** The server's own limit comes after ours, so that it is our message that people see. */
const GRACE_MS = 1_000
const KILL_TRIES_MAX = 3
const KILL_AGAIN_MS = 100

/** Settings that we send where the server knows them. */
const WISHES: Readonly<Record<string, string>> = {
  date_time_output_format: 'iso',
  output_format_json_quote_64bit_integers: '1',
  output_format_json_quote_decimals: '1',
  output_format_json_quote_denormals: '1',
  cancel_http_readonly_queries_on_client_close: '1',
}

interface Server extends Manners {
  /** Sent with each query. */
  readonly settings: Readonly<Record<string, string>>
  readonly takesLimits: boolean
}

export function open(
  settings: ClickhouseConnection,
  credentials: ClickhouseCredentials,
  parts: EngineParts,
): QueryEngine {
  return new ClickhouseEngine(settings, credentials, parts)
}

class ClickhouseEngine implements QueryEngine {
  readonly kind = 'clickhouse'
  readonly #pool: Pool
  readonly #path: string
  readonly #headers: Readonly<Record<string, string>>
  readonly #database: string
  readonly #parts: EngineParts
  #server: Server | undefined

  constructor(settings: ClickhouseConnection, credentials: ClickhouseCredentials, parts: EngineParts) {
    const { origin, pathname } = new URL(under(settings.url, '/'))
    this.#parts = parts
    this.#path = pathname
    this.#database = settings.database
    this.#headers = {
      'x-clickhouse-user': encodedHeader(credentials.user),
      ...(credentials.password === undefined
        ? {}
        : { 'x-clickhouse-key': encodedHeader(credentials.password) }),
    }
    this.#pool = new Pool(origin, {
      connections: CONNECTIONS_MAX,
      pipelining: 1,
      connect: { timeout: CONNECT_MS_MAX },
      // A query may think, and its reader may pause, for as long as the query's own limit says.
      headersTimeout: 0,
      bodyTimeout: 0,
    })
  }

  async query(request: QueryRequest, signal: AbortSignal): Promise<QueryStream> {
    return this.#stream({ ...request, sql: readStatement(request.sql, CLICKHOUSE_DIALECT) }, signal)
  }

  async tables(signal: AbortSignal): Promise<readonly TableShape[]> {
    return tablesFrom((request) => this.#stream(request, signal), TABLES)
  }

  async close(): Promise<void> {
    await this.#pool.close()
  }

  #stream(request: QueryRequest, signal: AbortSignal): Promise<QueryStream> {
    const { sql, timeoutMs } = request
    return streamOf(
      {
        begin: () => this.#begin(sql, timeoutMs),
        explain: (error) => clickhouseFailure(error, sql, timeoutMs),
      },
      request,
      signal,
      this.#parts.clock,
    )
  }

  async #begin(sql: string, timeoutMs: number): Promise<ClickhouseReading> {
    this.#server ??= await this.#meet()
    const { settings, takesLimits } = this.#server
    const id = randomUUID()
    const dropped = new AbortController()
    const limits: Readonly<Record<string, string>> = takesLimits
      ? { max_execution_time: String(Math.ceil((timeoutMs + GRACE_MS) / 1000)) }
      : {}
    const answer = this.#post(
      sql,
      { query_id: id, default_format: 'JSONCompact', ...settings, ...limits },
      dropped.signal,
    )
    const cancel = async (): Promise<void> => {
      dropped.abort()
      await answer.then(({ body }) => body.destroy()).catch(() => undefined)
      await this.#kill(id)
    }
    return new ClickhouseReading({ answer, manners: this.#server, cancel })
  }

  #post(
    sql: string,
    parameters: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    const query = new URLSearchParams({ database: this.#database, ...parameters })
    return this.#pool.request({
      method: 'POST',
      path: `${this.#path}?${query}`,
      headers: this.#headers,
      body: sql,
      signal,
    })
  }

  /** A short text of our own, outside of the limits of queries. */
  async #ask(sql: string): Promise<string> {
    const { statusCode, body } = await this.#post(sql, {}, AbortSignal.timeout(ASK_MS_MAX))
    let text = ''
    for await (const piece of body) if (text.length < ASKED_BYTES_MAX) text += String(piece)
    if (statusCode !== 200) throw new ClickhouseRefusal(statusCode, text.trim())
    return text
  }

  /** What the server is, and what this user may be sent. */
  async #meet(): Promise<Server> {
    const names = ['readonly', ...Object.keys(WISHES)].map((name) => `'${name}'`)
    const text = await this.#ask(
      `select name, value from system.settings where name in (${names}) union all select 'timezone', timezone()`,
    )
    const known = new Map(text.split('\n').map((line) => line.split('\t') as [string, string]))
    const readonly = known.get('readonly') ?? '0'
    const takesLimits = readonly !== '1'
    const wanted = takesLimits ? Object.entries(WISHES).filter(([name]) => known.has(name)) : []
    const settings = Object.fromEntries(wanted)
    return {
      zone: known.get('timezone') ?? '',
      takesLimits,
      settings: readonly === '0' ? { ...settings, readonly: '1' } : settings,
      writesIsoTimes: settings.date_time_output_format === 'iso',
      quotesLongs: settings.output_format_json_quote_64bit_integers === '1',
      quotesDecimals: settings.output_format_json_quote_decimals === '1',
    }
  }

  /** The server may not have begun with it yet: then it is told again. */
  async #kill(id: string): Promise<void> {
    // A user that is read-only by its profile may kill nothing: the server ends the query by its own limits.
    if (this.#server?.takesLimits === false) return
    try {
      for (let i = 0; i < KILL_TRIES_MAX; i++) {
        if (i > 0) await this.#parts.clock.sleep(KILL_AGAIN_MS)
        const killed = await this.#ask(`kill query where query_id = '${id}' async`)
        if (killed.trim() !== '') return
      }
    } catch (error) {
      this.#parts.logger.warn({ err: error }, 'a query could not be cancelled in ClickHouse')
    }
  }
}

/** Header values are bytes: names and passwords outside of ASCII travel as UTF-8. */
function encodedHeader(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}

/** In the order of database, table and place, as the server lists them. */
const TABLES = `
  select database, table, null, name, type from system.columns
  where database not in ('system', 'INFORMATION_SCHEMA', 'information_schema')`
