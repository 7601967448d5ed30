/** The table in ClickHouse: its statements, and which of its types hold which of ours. */

import { type ColumnType, EVENT_COLUMNS } from '../../catalog/columns.ts'
import type { Narrow, TableColumn } from '../event-rows.ts'

/** What a server can do that not every server in use can; Debian's is 18.16. */
export interface Abilities {
  /** DateTime64 and indexes that skip, both since 20.1. */
  readonly fineTimes: boolean
  /** Deduplication by a token of ours, and inserts that may be gathered on the server: since 22.3. */
  readonly tokens: boolean
}

export function abilitiesOf(version: string): Abilities {
  const [year = 0, release = 0] = version.split('.').map((part) => Number.parseInt(part, 10))
  const since = (otherYear: number, otherRelease: number): boolean =>
    year > otherYear || (year === otherYear && release >= otherRelease)
  return { fineTimes: since(20, 1), tokens: since(22, 3) }
}

export interface PresentColumn {
  readonly name: string
  /** As ClickHouse calls it. */
  readonly sqlType: string
  /** undefined: of a type that we do not fill. */
  readonly type: ColumnType | undefined
}

export interface PresentTable {
  readonly columns: readonly PresentColumn[]
  /** Of the server. */
  readonly version: string
}

/** ClickHouse has one type for texts and for JSON as text: the catalog knows which it is, and what it does not know is a text. */
export function presentColumn(name: string, sqlType: string): PresentColumn {
  const bare = sqlType.replace(/^LowCardinality\((.*)\)$/, '$1').replace(/^Nullable\((.*)\)$/, '$1')
  const base = bare.replace(/\(.*$/, '')
  const type = base === 'String' ? (CATALOGUED.get(name) ?? 'text') : TYPES.get(base)
  return { name, sqlType: bare, type: base === 'String' && type !== 'json' ? 'text' : type }
}

const CATALOGUED: ReadonlyMap<string, ColumnType> = new Map(
  EVENT_COLUMNS.map(({ name, type }) => [name, type]),
)

const TYPES: ReadonlyMap<string, ColumnType> = new Map([
  ['Int64', 'bigint'],
  ['Float64', 'double'],
  ['UInt8', 'boolean'],
  ['Bool', 'boolean'],
  ['DateTime', 'timestamp'],
  ['DateTime64', 'timestamp'],
])

const SQL_TYPES: Readonly<Record<Exclude<ColumnType, 'timestamp'>, string>> = {
  text: 'String',
  bigint: 'Int64',
  double: 'Float64',
  boolean: 'UInt8',
  json: 'String',
}

/** What orders the rows must have a value: for these the type's own default stands for none. */
const ORDERED: ReadonlySet<string> = new Set(['event_type', '_current', '_offset', '_received_at'])

export function definition({ name, type }: TableColumn, { fineTimes }: Abilities): string {
  const sqlType =
    type === 'timestamp' ? (fineTimes ? "DateTime64(6, 'UTC')" : "DateTime('UTC')") : SQL_TYPES[type]
  return `${quoted(name)} ${ORDERED.has(name) ? sqlType : `Nullable(${sqlType})`}`
}

/**
 * With the columns that every event has; those of properties come when they are first met, since each column of a table costs ClickHouse
 * files in every part, filled or not. Rows that are there twice in spite of all become one when ClickHouse merges parts: they agree in
 * everything that orders them. The index lets it skip nearly everything when we ask which offsets are there.
 */
export function createTable(table: string, abilities: Abilities): string {
  const columns = EVENT_COLUMNS.filter(({ origin }) => origin !== 'property').map((column) =>
    definition(column, abilities),
  )
  const index = abilities.fineTimes ? ['INDEX thalweg_offsets `_offset` TYPE minmax GRANULARITY 1'] : []
  return `CREATE TABLE IF NOT EXISTS ${table} (${[...columns, ...index].join(', ')}) ENGINE = ReplacingMergeTree() ORDER BY (event_type, ifNull(time, toDateTime(0)), _current, _offset)`
}

export function quoted(name: string): string {
  return `\`${name.replace(/[\\`]/g, '\\$&')}\``
}

export function literal(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`
}

const YEARS_OF_DATETIME = ['1970', '2105'] as const
/** DateTime64 holds more in newer servers (1900 to 2299); these all servers hold. */
const YEARS_OF_DATETIME64 = ['1925', '2282'] as const

/** Times and truth values as ClickHouse reads them. */
export function narrowFor(columns: readonly PresentColumn[]): Narrow {
  const sqlTypes = new Map(columns.map(({ name, sqlType }) => [name, sqlType]))
  return ({ name, type }, cell) => {
    if (type === 'boolean') return cell === 'true' ? '1' : '0'
    return type === 'timestamp' ? timeText(cell, sqlTypes.get(name) ?? '') : cell
  }
}

/** `YYYY-MM-DD hh:mm:ss` with as many digits behind it as the column has; undefined outside of what it holds. */
function timeText(iso: string, sqlType: string): string | undefined {
  const fine = sqlType.startsWith('DateTime64')
  const [first, last] = fine ? YEARS_OF_DATETIME64 : YEARS_OF_DATETIME
  const year = iso.slice(0, 4)
  if (year < first || year > last) return undefined
  const digits = fine ? Number(/\((\d)/.exec(sqlType)?.[1] ?? 0) : 0
  const text = iso.slice(0, 'YYYY-MM-DDThh:mm:ss'.length + (digits === 0 ? 0 : 1 + Math.min(digits, 6)))
  return text.replace('T', ' ')
}
