/**
 * What we ask of a PostgreSQL database, as requests with the scheme `postgres:`. They describe; the loader (warehouse/postgres) speaks the
 * protocol. Three orders, by the header `order`:
 *
 *   check     do everything that the others would do but for rows, and undo it        (no body)
 *   columns   which of these columns can be filled? make what is missing, if allowed   (body: JSON [[name, type], …]; answer: the same)
 *   load      put these rows into the table, each once                                 (body: lines of COPY's text format)
 *
 * Answers: 200, or 500 with PostgreSQL's SQLSTATE in the header `sqlstate` and its message as the body.
 */

import type { WireReply, WireRequest } from '../../core/exchange.ts'
import { spellings } from '../credential.ts'
import type { Target } from '../destination.ts'
import type { TableColumn } from '../event-rows.ts'
import type { PostgresCredentials, PostgresSettings } from './settings.ts'

export const POSTGRES_SCHEME = 'postgres:'

type PostgresTarget = Target<PostgresSettings, PostgresCredentials>

export interface LoadHead {
  readonly columns: readonly TableColumn[]
  /** Key of the current: with an offset it names a row for ever. */
  readonly current: string
  /** Lowest and highest offset among the rows. */
  readonly from: number
  readonly to: number
}

export function checkRequest(target: PostgresTarget): WireRequest {
  return { ...draftOf(target, 'check'), method: 'GET' }
}

export function columnsRequest(target: PostgresTarget, columns: readonly TableColumn[]): WireRequest {
  return { ...draftOf(target, 'columns'), method: 'PUT', body: Buffer.from(columnsText(columns)) }
}

export function loadRequest(target: PostgresTarget, head: LoadHead, lines: Uint8Array): WireRequest {
  const draft = draftOf(target, 'load')
  const headers = {
    ...draft.headers,
    columns: columnsText(head.columns),
    current: head.current,
    offsets: `${head.from}-${head.to}`,
  }
  return { ...draft, method: 'POST', headers, body: lines }
}

/** Shows the whole address but for the credentials, as a person would write it. */
function draftOf({ settings, credentials }: PostgresTarget, order: string) {
  const { host, port, database, schema, table, tls, ca, create } = settings
  const path = [database, schema, table].map(encodeURIComponent).join('/')
  return {
    url: `${POSTGRES_SCHEME}//${encodeURIComponent(host)}:${port}/${path}?tls=${tls}`,
    headers: {
      order,
      create: String(create),
      user: credentials.user,
      ...(credentials.password === undefined ? {} : { password: credentials.password }),
      ...(ca === undefined ? {} : { ca }),
    },
    secrets: credentials.password === undefined ? [] : spellings(credentials.password),
  }
}

export type Order =
  | { readonly kind: 'check' }
  | { readonly kind: 'columns'; readonly columns: readonly TableColumn[] }
  | { readonly kind: 'load'; readonly head: LoadHead; readonly lines: readonly Uint8Array[] }

export interface PostgresRequest {
  readonly place: Pick<PostgresSettings, 'host' | 'port' | 'database' | 'tls' | 'ca'>
  readonly user: string
  readonly password: string | undefined
  readonly schema: string
  readonly table: string
  readonly create: boolean
  readonly order: Order
}

/** The other end of the above. Only our own requests are read: what does not fit is a defect and throws. */
export function readRequest(request: WireRequest): PostgresRequest {
  const { headers } = request
  const [, host = '', port = '', database = '', schema = '', table = '', tls = ''] =
    /^postgres:\/\/(.*):(\d+)\/(.*)\/(.*)\/(.*)\?tls=(\w+)$/.exec(request.url) ?? []
  return {
    place: {
      host: decodeURIComponent(host),
      port: Number(port),
      database: decodeURIComponent(database),
      tls: tls as PostgresSettings['tls'],
      ca: headers.ca,
    },
    user: headers.user ?? '',
    password: headers.password,
    schema: decodeURIComponent(schema),
    table: decodeURIComponent(table),
    create: headers.create === 'true',
    order: orderOf(request),
  }
}

function orderOf({ headers, body = [] }: WireRequest): Order {
  const pieces = body instanceof Uint8Array ? [body] : body
  switch (headers.order) {
    case 'check':
      return { kind: 'check' }
    case 'columns':
      return { kind: 'columns', columns: readColumns(Buffer.concat(pieces).toString()) }
    case 'load': {
      const [from = 0, to = 0] = (headers.offsets ?? '').split('-').map(Number)
      const columns = readColumns(headers.columns ?? '')
      return { kind: 'load', head: { columns, current: headers.current ?? '', from, to }, lines: pieces }
    }
    default:
      throw new Error(`No such order: ${headers.order}`)
  }
}

/** The answer to `columns`; undefined: it is none. */
export function columnsIn(reply: WireReply): readonly TableColumn[] | undefined {
  try {
    return readColumns(Buffer.from(reply.body).toString())
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined
    throw error
  }
}

export function columnsText(columns: readonly TableColumn[]): string {
  return JSON.stringify(columns.map(({ name, type }) => [name, type]))
}

/** Throws SyntaxError or TypeError when the text is no list of columns. */
function readColumns(text: string): readonly TableColumn[] {
  return (JSON.parse(text) as unknown[]).map((pair) => {
    if (!Array.isArray(pair)) throw new TypeError('A column is a pair of name and type')
    const [name, type] = pair as [string, TableColumn['type']]
    return { name, type }
  })
}
