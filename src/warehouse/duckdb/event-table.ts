/** Writes the events of one load into one table: stages the rows, brings the columns up to date, inserts. Inside the caller's transaction. */

import {
  BLOB,
  DOUBLE,
  DuckDBBlobValue,
  type DuckDBConnection,
  DuckDBDataChunk,
  VARCHAR,
} from '@duckdb/node-api'
import type { ColumnType } from '../../catalog/columns.ts'
import type { EventReader } from './event-reader.ts'
import { FIXED_COLUMNS, type Layout, type PropertyColumn, SQL_TYPES } from './layout.ts'
import type { LoadRows } from './load-rows.ts'
import { BOOKS, quoted, type TableName, tableSql, textLiteral } from './names.ts'
import { Findings, type StagedRow } from './staged.ts'

const STAGE = 'temp.stage_events'
/** Made anew for each load: emptying a table costs more. */
const MAKE_STAGE = `CREATE OR REPLACE TEMP TABLE stage_events (head BLOB, properties BLOB, fitting BLOB, extra BLOB, time DOUBLE, place DOUBLE, received DOUBLE, source VARCHAR)`
const STAGE_TYPES = [BLOB, BLOB, BLOB, BLOB, DOUBLE, DOUBLE, DOUBLE, VARCHAR]
/** Rows of a chunk: the engine's vectors are this long. */
const CHUNK_ROWS = 2048

const HEAD_STRUCTURE = JSON.stringify({
  id: 'VARCHAR',
  event_type: 'VARCHAR',
  user: { user_id: 'VARCHAR', external_user_id: 'VARCHAR', device_id: 'VARCHAR', timezone: 'VARCHAR' },
})

/**
 * `careful`: also rows whose JSON the engine does not take; costs another look at each.
 */
export async function writeEvents(
  connection: DuckDBConnection,
  reader: EventReader,
  layout: Layout,
  rows: LoadRows,
  careful: boolean,
): Promise<void> {
  let read = readAll(reader, layout, rows)
  if (await widen(connection, layout, read.findings.widen)) read = readAll(reader, layout, rows)
  for (const statement of layout.additions()) await connection.run(statement)
  await stage(connection, rows, read.staged)
  if (careful) await connection.run(SET_UNREADABLE_ASIDE)
  await connection.run(insertion(layout, [...read.findings.used], rows.connection))
  await noteMisfits(connection, layout.place, read.findings)
}

function readAll(
  reader: EventReader,
  layout: Layout,
  rows: LoadRows,
): { staged: StagedRow[]; findings: Findings } {
  const findings = new Findings()
  reader.begin(layout)
  const staged = rows.places.map((i) => reader.read(rows.bytesOf(i), findings))
  return { staged, findings }
}

async function stage(
  connection: DuckDBConnection,
  rows: LoadRows,
  staged: readonly StagedRow[],
): Promise<void> {
  await connection.run(MAKE_STAGE)
  const appender = await connection.createAppender('stage_events', 'main', 'temp')
  for (let from = 0; from < staged.length; from += CHUNK_ROWS) {
    const part = staged.slice(from, from + CHUNK_ROWS)
    const places = rows.places.slice(from, from + CHUNK_ROWS)
    const chunk = DuckDBDataChunk.create(STAGE_TYPES, part.length)
    chunk.setColumns([
      part.map((row) => blobOf(row.head)),
      part.map((row) => blobOf(row.properties)),
      part.map((row) => blobOf(row.fitting)),
      part.map((row) => blobOf(row.extra)),
      part.map((row) => row.time),
      places.map((i) => rows.offsetOf(i)),
      places.map((i) => rows.receivedAtOf(i)),
      places.map((i) => rows.sourceOf(i)),
    ])
    appender.appendDataChunk(chunk)
  }
  appender.closeSync()
}

/** What the engine does not take for JSON, such as half of a surrogate pair, is kept whole as a text: in `extra`, escaped once more. */
const SET_UNREADABLE_ASIDE = `
UPDATE ${STAGE} SET
  extra = encode(to_json({'unreadable': {'head': decode(head), 'properties': decode(properties), 'extra': decode(extra)}})::VARCHAR),
  head = CASE WHEN json_valid(decode(head)) THEN head ELSE encode('{}') END, properties = NULL, fitting = encode('{}')
WHERE NOT (json_valid(decode(head)) AND json_valid(coalesce(decode(properties), '{}')) AND
  json_valid(coalesce(decode(fitting), '{}')) AND json_valid(coalesce(decode(extra), '{}')))`

const SECONDS_TO_TIME = (seconds: string): string =>
  `make_timestamp(floor(${seconds})::BIGINT * 1000000 + round((${seconds} - floor(${seconds})) * 1000000)::BIGINT)`

/** Where the cell of each fixed column comes from. */
const FIXED_SOURCES: Readonly<Record<string, string>> = {
  id: 'h.id',
  event_type: 'h.event_type',
  time: SECONDS_TO_TIME('time'),
  user_id: 'h."user".user_id',
  external_user_id: 'h."user".external_user_id',
  device_id: 'h."user".device_id',
  timezone: 'h."user".timezone',
  properties: 'decode(properties)',
  extra: 'decode(extra)',
  _offset: 'place::BIGINT',
  _received_at: SECONDS_TO_TIME('(received / 1000)'),
  _source: 'source',
}

function blobOf(bytes: Uint8Array | null): DuckDBBlobValue | null {
  return bytes === null ? null : new DuckDBBlobValue(bytes)
}

function insertion(layout: Layout, used: readonly PropertyColumn[], connection: string): string {
  const fixed = FIXED_COLUMNS.map(({ name }) => name)
  const names = [...fixed, ...used.map(({ name }) => name)].map(quoted).join(', ')
  const cells = [
    ...fixed.map((name) => (name === '_current' ? textLiteral(connection) : FIXED_SOURCES[name])),
    ...used.map(({ member }) => `p.${quoted(member)}`),
  ].join(', ')
  const structure = JSON.stringify(
    Object.fromEntries(used.map(({ member, type }) => [member, SQL_TYPES[type]])),
  )
  const parts =
    used.length === 0
      ? ''
      : `, json_transform(decode(coalesce(fitting, properties)), ${textLiteral(structure)}) p`
  return `INSERT INTO ${tableSql(layout.place)} (${names}) SELECT ${cells} FROM (SELECT *, json_transform(decode(head), ${textLiteral(HEAD_STRUCTURE)}) h${parts} FROM ${STAGE})`
}

/** Whole numbers up to here are exact in a double. */
const DOUBLE_WHOLE_MAX = 9_007_199_254_740_992n

/** Turns discovered columns of whole numbers into doubles where every value that they hold stays what it is. True when one was. */
async function widen(
  connection: DuckDBConnection,
  layout: Layout,
  columns: ReadonlySet<PropertyColumn>,
): Promise<boolean> {
  let any = false
  for (const column of columns) {
    for (const statement of layout.additions()) await connection.run(statement)
    const name = quoted(column.name)
    const table = tableSql(layout.place)
    const held = await connection.runAndReadAll(
      `SELECT coalesce(bool_and(${name} BETWEEN -${DOUBLE_WHOLE_MAX} AND ${DOUBLE_WHOLE_MAX}), true) FROM ${table}`,
    )
    if (held.getRows()[0]?.[0] !== true) continue
    await changeType(connection, layout, column, 'double')
    any = true
  }
  return any
}

async function changeType(
  connection: DuckDBConnection,
  layout: Layout,
  column: PropertyColumn,
  type: ColumnType,
): Promise<void> {
  const { place } = layout
  await connection.run(
    `ALTER TABLE ${tableSql(place)} ALTER COLUMN ${quoted(column.name)} SET DATA TYPE ${SQL_TYPES[type]}`,
  )
  await connection.run(
    `UPDATE ${BOOKS}.columns SET type = $1 WHERE database = $2 AND tbl = $3 AND name = $4`,
    [type, place.database, place.table, column.name],
  )
  layout.widened(column, type)
}

async function noteMisfits(
  connection: DuckDBConnection,
  place: TableName,
  { misfits }: Findings,
): Promise<void> {
  for (const { column, kind, count, sample } of misfits.values()) {
    const key = [place.database, place.table, column, kind]
    const known = await connection.runAndReadAll(
      `UPDATE ${BOOKS}.misfits SET count = count + $5, last_at = current_localtimestamp() WHERE database = $1 AND tbl = $2 AND name = $3 AND kind = $4 RETURNING 1`,
      [...key, BigInt(count)],
    )
    if (known.currentRowCount > 0) continue
    await connection.run(
      `INSERT INTO ${BOOKS}.misfits VALUES ($1, $2, $3, $4, $5, $6, current_localtimestamp(), current_localtimestamp())`,
      [...key, BigInt(count), sample],
    )
  }
}
