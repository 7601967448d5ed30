/** Statements for the HTTP interface of ClickHouse, as requests. */

import { createHash } from 'node:crypto'
import type { WireReply, WireRequest } from '../../core/exchange.ts'
import { under } from '../address.ts'
import { spellings } from '../credential.ts'
import type { Target } from '../destination.ts'
import { type EventRows, jsonLines, TableColumns } from '../event-rows.ts'
import type { ClickhouseCredentials, ClickhouseSettings } from './settings.ts'
import { literal, narrowFor, type PresentColumn, type PresentTable, presentColumn, quoted } from './table.ts'

export type ClickhouseTarget = Target<ClickhouseSettings, ClickhouseCredentials>

export function tableOf({ settings }: ClickhouseTarget): string {
  return `${quoted(settings.database)}.${quoted(settings.table)}`
}

export function statement(
  { settings, credentials }: ClickhouseTarget,
  sql: string | readonly Uint8Array[],
  parameters: Readonly<Record<string, string>> = {},
): WireRequest {
  const { user, password } = credentials
  const query = new URLSearchParams(parameters).toString()
  const login = Buffer.from(`${user}:${password ?? ''}`).toString('base64')
  return {
    method: 'POST',
    url: under(settings.url, query === '' ? '/' : `/?${query}`),
    headers: {
      'content-type': 'text/plain; charset=utf-8',
      authorization: `Basic ${login}`,
    },
    body: typeof sql === 'string' ? Buffer.from(sql) : sql,
    secrets: password === undefined ? [] : spellings(password, login),
  }
}

/**
 * One id for all questions and inserts of a current. The server refuses a second query with the id of one that runs: so when the question
 * which rows are there is answered, no earlier insert of this current is still under way, not even one of a process that was killed.
 */
export function queryId(current: string): Record<string, string> {
  return { query_id: `thalweg-${current}` }
}

export function versionQuery(target: ClickhouseTarget): WireRequest {
  return statement(target, 'SELECT version() FORMAT TabSeparated')
}

export function columnsQuery(target: ClickhouseTarget): WireRequest {
  const { database, table } = target.settings
  return statement(
    target,
    `SELECT name, type, version() FROM system.columns WHERE database = ${literal(database)} AND table = ${literal(table)} FORMAT TabSeparated`,
  )
}

export function tableIn(reply: WireReply): PresentTable {
  const rows = lines(reply).map((line) => line.split('\t').map(unescaped))
  const columns = rows.flatMap(([name, type]) =>
    name === undefined || type === undefined ? [] : [presentColumn(name, type)],
  )
  return { columns, version: rows[0]?.[2] ?? '' }
}

export function offsetsQuery(
  target: ClickhouseTarget,
  current: string,
  offsets: readonly number[],
): WireRequest {
  const from = offsets.reduce((least, offset) => Math.min(least, offset))
  const to = offsets.reduce((most, offset) => Math.max(most, offset))
  return statement(
    target,
    `SELECT _offset FROM ${tableOf(target)} WHERE _current = ${literal(current)} AND _offset BETWEEN ${from} AND ${to} FORMAT TabSeparated`,
    queryId(current),
  )
}

export function offsetsIn(reply: WireReply): ReadonlySet<number> {
  return new Set(lines(reply).map(Number))
}

/** All rows but those that are `present`, as one insert. */
export function insertRequest(
  target: ClickhouseTarget,
  rows: EventRows,
  present: ReadonlySet<number>,
  columns: readonly PresentColumn[],
  settings: Readonly<Record<string, string>>,
): WireRequest {
  const filled = columns.flatMap(({ name, type }) => (type === undefined ? [] : [{ name, type }]))
  const layout = new TableColumns(filled, narrowFor(columns))
  const line = jsonLines(filled)
  const missing = rows.offsets.flatMap((offset, i) => (present.has(offset) ? [] : [i]))
  const names = filled.map(({ name }) => quoted(name)).join(', ')
  const head = Buffer.from(`INSERT INTO ${tableOf(target)} (${names}) FORMAT JSONEachRow\n`)
  const body = missing.map((i) => line(rows.row(i, layout))).join('')
  return statement(target, [head, Buffer.from(body)], settings)
}

/**
 * Names exactly these rows, so that a replicated table that saw the same insert takes it once. By all offsets, not by the first and the last:
 * another choice of rows between the same two must not count as seen.
 */
export function tokenOf(current: string, offsets: readonly number[]): string {
  return createHash('sha256')
    .update(`${current} ${offsets.join(',')}`)
    .digest('hex')
}

/** Rows of the format TabSeparated. */
function lines(reply: WireReply): readonly string[] {
  const text = Buffer.from(reply.body).toString()
  return text === '' ? [] : text.trimEnd().split('\n')
}

function unescaped(cell: string): string {
  return cell.replace(/\\(.)/g, '$1')
}
