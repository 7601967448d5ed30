import { isObject } from './answer.ts'
import { BoundedFifo } from './fifo.ts'
import { rawMembers, rawText } from './raw-json.ts'
import { type Column, columnName, columnValue, flattened } from './treasure-data-flatten.ts'

export const ROWS_MAX_DEFAULT = 200_000
export const ROW_BYTES_MAX_DEFAULT = 256 * 1_048_576
/** Tables beyond this share one line, so that random names cannot fill the memory. */
const TABLES_MAX = 10_000
const OTHER_TABLES = '(other)'

/** How the bytes of a row become columns. */
export type RowForm =
  | 'postback' // one JSON object: top-level keys are columns, nested values stay JSON text, exactly as sent
  | 'record' // the same, except that `uuid` is consumed
  | 'flattened' // one Currents event, two levels flattened
  | 'pixel' // a query string: every column is text

export interface Row {
  readonly database: string
  readonly table: string
  /** The partition key: Unix seconds. */
  readonly time: number
  readonly receivedAtMs: number
  readonly form: RowForm
  /** What was sent. */
  readonly bytes: Buffer
  /** Columns that the server filled in (td_ip, td_ua, td_global_id). */
  readonly filled: Readonly<Record<string, string>>
}

export interface RowFilter {
  readonly database?: string
  readonly table?: string
  /** Only rows received at or before this instant: a vendor's rows are not queryable at once. */
  readonly receivedUntilMs?: number
}

/**
 * Rows of all tables in the order received, bounded by count and bytes; the oldest leave first and are
 * counted.
 */
export class RowStore {
  readonly #rows: BoundedFifo<Row>
  #tables = new Map<string, number>()

  constructor(rowsMax: number = ROWS_MAX_DEFAULT, bytesMax: number = ROW_BYTES_MAX_DEFAULT) {
    this.#rows = new BoundedFifo(rowsMax, bytesMax)
  }

  add(row: Row): void {
    this.#rows.push(row, row.bytes.length)
    const name = `${row.database}.${row.table}`
    const known = this.#tables.has(name) || this.#tables.size < TABLES_MAX
    const line = known ? name : OTHER_TABLES
    this.#tables.set(line, (this.#tables.get(line) ?? 0) + 1)
  }

  select(filter: RowFilter = {}): Row[] {
    const until = filter.receivedUntilMs ?? Number.POSITIVE_INFINITY
    return this.#rows
      .slice()
      .filter(
        (row) =>
          (filter.database === undefined || row.database === filter.database) &&
          (filter.table === undefined || row.table === filter.table) &&
          row.receivedAtMs <= until,
      )
  }

  /** Rows ever received per `database.table`. */
  tables(): ReadonlyMap<string, number> {
    return this.#tables
  }

  state(): Record<string, number> {
    const { total, length, dropped, bytes } = this.#rows
    return { total, kept: length, dropped, bytes }
  }

  clear(): void {
    this.#rows.clear()
    this.#tables = new Map()
  }
}

/** The row as a query would show it. Later keys with the same column name win, as in a JSON object. */
export function columnsOf(row: Row): Record<string, Column> {
  return { ...sentColumns(row), ...row.filled, time: row.time }
}

function sentColumns(row: Row): Record<string, Column> {
  if (row.form === 'pixel') return pixelColumns(row.bytes)
  const value: unknown = JSON.parse(row.bytes.toString())
  if (!isObject(value)) return {}
  return row.form === 'flattened' ? flattened(value) : objectColumns(row, value)
}

function objectColumns(row: Row, value: Record<string, unknown>): Record<string, Column> {
  const columns: Record<string, Column> = {}
  const members = rawMembers(row.bytes)
  for (const [name, inner] of Object.entries(value)) {
    if (name === 'td_record_time' || (row.form === 'record' && name === 'uuid') || inner === null) continue
    const span = typeof inner === 'object' ? members.get(name) : undefined
    columns[columnName(name)] = span === undefined ? columnValue(inner) : rawText(row.bytes, span)
  }
  return columns
}

/** Parameters that steer the collector itself and never become columns. */
const PIXEL_STEERING = new Set(['td_format', 'td_write_key', 'td_redirect', 'td_record_time'])

function pixelColumns(query: Buffer): Record<string, Column> {
  const columns: Record<string, Column> = {}
  for (const [name, value] of new URLSearchParams(query.toString())) {
    if (!PIXEL_STEERING.has(name)) columns[columnName(name)] = value
  }
  return columns
}

/** Events per type in rows that carry a batch (column `events`) or one event; '' for rows without a type. */
export function countTypes(rows: readonly Row[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const row of rows) {
    for (const type of typesOf(row)) counts.set(type, (counts.get(type) ?? 0) + 1)
  }
  return counts
}

function typesOf(row: Row): string[] {
  if (row.form === 'pixel') return ['']
  const value: unknown = JSON.parse(row.bytes.toString())
  const events = isObject(value) && Array.isArray(value.events) ? value.events : [value]
  return events.map((event) =>
    isObject(event) && typeof event.event_type === 'string' ? event.event_type : '',
  )
}
