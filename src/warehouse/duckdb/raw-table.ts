/**
 * Writes the raw shape: one row per received request, all its events in one JSON text, as Treasure Data's Postback stores a batch. A request whose
 * events come in more than one batch is one row all the same: later parts are added to it. Inside the caller's transaction.
 */

import {
  BIGINT,
  type DuckDBConnection,
  DuckDBTimestampValue,
  LIST,
  listValue,
  VARCHAR,
} from '@duckdb/node-api'
import type { LoadRows } from './load-rows.ts'
import { BOOKS, quoted, type TableName, tableSql, textLiteral } from './names.ts'

export const RAW_COLUMNS = `"time" TIMESTAMP, events VARCHAR USING COMPRESSION zstd, _request BIGINT, _offsets BIGINT[], _source VARCHAR, _current VARCHAR`

export async function makeRawTable(connection: DuckDBConnection, place: TableName): Promise<void> {
  await connection.run(`CREATE SCHEMA IF NOT EXISTS ${quoted(place.database)}`)
  await connection.run(`CREATE TABLE ${tableSql(place)} (${RAW_COLUMNS})`)
  await connection.run(
    `INSERT INTO ${BOOKS}.tables VALUES (${textLiteral(place.database)}, ${textLiteral(place.table)}, 'raw')`,
  )
}

/** Some or all events of one request. */
interface Part {
  readonly request: number
  readonly receivedAt: number
  readonly source: string | null
  readonly events: string[]
  readonly offsets: bigint[]
}

/** `position`: no row before this load has an offset from there on. */
export async function writeRaw(
  connection: DuckDBConnection,
  place: TableName,
  rows: LoadRows,
  position: number,
): Promise<void> {
  const parts = partsOf(rows)
  // Only of a request with records before the position can there be a row.
  const begun = parts.filter(({ request }) => request < position)
  const kept = new Set<Part>()
  for (const part of begun) if (await addTo(connection, place, rows.connection, part)) kept.add(part)
  await append(
    connection,
    place,
    rows.connection,
    parts.filter((part) => !kept.has(part)),
  )
}

function partsOf(rows: LoadRows): Part[] {
  const parts = new Map<number, Part>()
  for (const i of rows.places) {
    const request = rows.requestOf(i)
    let part = parts.get(request)
    if (part === undefined) {
      part = { request, receivedAt: rows.receivedAtOf(i), source: rows.sourceOf(i), events: [], offsets: [] }
      parts.set(request, part)
    }
    part.events.push(rows.textOf(i))
    part.offsets.push(BigInt(rows.offsetOf(i)))
  }
  return [...parts.values()]
}

/** False when the request has no row yet. */
async function addTo(
  connection: DuckDBConnection,
  place: TableName,
  key: string,
  part: Part,
): Promise<boolean> {
  const changed = await connection.runAndReadAll(
    `UPDATE ${tableSql(place)} SET events = left(events, -1) || ',' || $1 || ']', _offsets = list_concat(_offsets, $2) WHERE _current = $3 AND _request = $4::BIGINT RETURNING 1`,
    [part.events.join(','), listValue(part.offsets), key, BigInt(part.request)],
    [VARCHAR, LIST(BIGINT), VARCHAR, BIGINT],
  )
  return changed.currentRowCount > 0
}

async function append(
  connection: DuckDBConnection,
  place: TableName,
  key: string,
  parts: readonly Part[],
): Promise<void> {
  const appender = await connection.createAppender(place.table, place.database, null)
  for (const { request, receivedAt, source, events, offsets } of parts) {
    appender.appendTimestamp(new DuckDBTimestampValue(BigInt(Math.round(receivedAt * 1000))))
    appender.appendVarchar(`[${events.join(',')}]`)
    appender.appendBigInt(BigInt(request))
    appender.appendList(listValue(offsets), LIST(BIGINT))
    if (source === null) appender.appendNull()
    else appender.appendVarchar(source)
    appender.appendVarchar(key)
    appender.endRow()
  }
  appender.closeSync()
}
