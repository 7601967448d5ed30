/** From the engine's values to the cells of a result. */

import {
  DuckDBDateValue,
  DuckDBTimestampMillisecondsValue,
  DuckDBTimestampNanosecondsValue,
  DuckDBTimestampSecondsValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  type DuckDBType,
  type DuckDBValue,
  type DuckDBValueConverter,
  JsonDuckDBValueConverter,
} from '@duckdb/node-api'
import type { Cell } from '../warehouse.ts'

// The library tells instants in the zone of the machine, also within lists and structs.
DuckDBTimestampTZValue.timezoneOffsetInMinutes = 0

/** Whole numbers past the exact range of a double, and decimals, are texts; times ISO 8601 in UTC; lists, structs and maps JSON texts. */
export const cellOf: DuckDBValueConverter<Cell> = (value, type) => {
  if (value === null || value === undefined) return null
  switch (typeof value) {
    case 'boolean':
    case 'string':
      return value
    case 'number':
      return Number.isFinite(value) ? value : String(value)
    case 'bigint':
      return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
    default:
      return cellOfObject(value, type)
  }
}

function cellOfObject(value: DuckDBValue & object, type: DuckDBType): Cell {
  if (isTimestamp(value)) return isoOf(String(value))
  if (value instanceof DuckDBDateValue) return String(value)
  const json = JsonDuckDBValueConverter(value, type, JsonDuckDBValueConverter)
  return typeof json === 'string' ? json : JSON.stringify(json)
}

function isTimestamp(value: object): boolean {
  return (
    value instanceof DuckDBTimestampValue ||
    value instanceof DuckDBTimestampTZValue ||
    value instanceof DuckDBTimestampMillisecondsValue ||
    value instanceof DuckDBTimestampSecondsValue ||
    value instanceof DuckDBTimestampNanosecondsValue
  )
}

/** Microseconds since 1970, UTC. Infinities are words. */
export function isoOfMicros(micros: number | bigint): string {
  // Such a number lies in the years 1684 to 2255, which the language's own dates can tell.
  if (typeof micros === 'bigint') return isoOf(String(new DuckDBTimestampValue(micros)))
  const seconds = new Date(Math.floor(micros / 1_000)).toISOString().slice(0, 'yyyy-mm-ddThh:mm:ss'.length)
  const rest = ((micros % 1_000_000) + 1_000_000) % 1_000_000
  return rest === 0 ? `${seconds}Z` : `${seconds}.${String(rest).padStart(6, '0').replace(/0+$/, '')}Z`
}

/** `2026-01-02 03:04:05.5+00` → `2026-01-02T03:04:05.5Z`; infinities stay words. */
function isoOf(text: string): string {
  return /^\d/.test(text) ? `${text.replace(' ', 'T').replace(/[+-]\d\d(:?\d\d)?$/, '')}Z` : text
}
