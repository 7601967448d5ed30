/**
 * Values of events as cells of a table: what a value looks like in a column of a type, or that it does not fit. The rules are those of
 * catalog/columns.ts; every warehouse that we fill row by row uses them, so that one event is one row wherever it lands.
 *
 * Databases refuse two things that JSON can say: the character NUL and half a surrogate pair. In cells each of them is U+FFFD, the
 * replacement character; the log keeps the bytes as they came.
 */

import { type ColumnType, columnTypeOfValue } from '../catalog/columns.ts'

/** A number whose digits JavaScript cannot hold, as exactEventValue leaves it. */
interface RawNumber {
  readonly rawJSON: string
}

/** TypeScript's library does not know raw JSON yet; Node 24 does. */
const rawJson = JSON as unknown as { isRawJSON(value: unknown): value is RawNumber }

export function isRawNumber(value: unknown): value is RawNumber {
  return rawJson.isRawJSON(value)
}

/**
 * The cell as text: digits, `true`, ISO 8601 in UTC with microseconds, JSON, or the text itself. undefined: an empty cell, because the
 * value is null or absent or does not fit. `value` is what exactEventValue gives.
 */
export function cellText(type: ColumnType, value: unknown): string | undefined {
  if (value === null || value === undefined) return undefined
  switch (type) {
    case 'text':
      return textOf(value)
    case 'bigint':
      return bigintOf(value)
    case 'double':
      return doubleOf(value)
    case 'boolean':
      return typeof value === 'boolean' ? String(value) : undefined
    case 'timestamp':
      return timestampOf(value)
    case 'json':
      return jsonOf(value)
  }
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return storable(value)
  if (typeof value === 'number' || typeof value === 'boolean') return JSON.stringify(value)
  return isRawNumber(value) ? value.rawJSON : undefined
}

function storable(text: string): string {
  const whole = text.isWellFormed() ? text : text.toWellFormed()
  return whole.includes('\0') ? whole.replaceAll('\0', '\ufffd') : whole
}

const BIGINT_MIN = -(2n ** 63n)
const BIGINT_MAX = 2n ** 63n - 1n

function bigintOf(value: unknown): string | undefined {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value)
  const whole = wholeOf(value)
  return whole !== undefined && whole >= BIGINT_MIN && whole <= BIGINT_MAX ? String(whole) : undefined
}

/** The number as a bigint, when it is whole and short enough to be worth a look: at most 40 digits, or a double. */
function wholeOf(value: unknown): bigint | undefined {
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : undefined
  if (!isRawNumber(value)) return undefined
  const [, digits] = /^(-?\d{1,40})(?:\.0{1,100})?$/.exec(value.rawJSON) ?? []
  return digits === undefined ? undefined : BigInt(digits)
}

function doubleOf(value: unknown): string | undefined {
  const number = isRawNumber(value) ? Number(value.rawJSON) : value
  return typeof number === 'number' && Number.isFinite(number) ? String(number) : undefined
}

/** The type that a column gets by its first value, as parseExact gives it; undefined for null. */
export function columnTypeSeen(value: unknown): ColumnType | undefined {
  return columnTypeOfValue(isRawNumber(value) ? (wholeOf(value) ?? Number(value.rawJSON)) : value)
}

const YEAR_1_SECONDS = Date.parse('0001-01-01T00:00:00Z') / 1000
const YEAR_10000_SECONDS = Date.parse('9999-12-31T23:59:59Z') / 1000 + 1

/** A date, perhaps with a time, perhaps with a zone; without one it is UTC. */
const ISO = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?)?$/

function timestampOf(value: unknown): string | undefined {
  if (typeof value === 'string') return timestampOfText(value)
  const seconds = isRawNumber(value) ? Number(value.rawJSON) : value
  if (typeof seconds !== 'number') return undefined
  const whole = Math.floor(seconds)
  return isoTime(whole, Math.round((seconds - whole) * 1e6))
}

function timestampOfText(text: string): string | undefined {
  const [, day = '', time = '00:00:00', fraction = '', zone = 'Z'] = ISO.exec(text) ?? []
  // Date.parse takes the 31st of February for the 3rd of March.
  const midnight = Date.parse(`${day}T00:00:00Z`)
  if (Number.isNaN(midnight) || !new Date(midnight).toISOString().startsWith(day)) return undefined
  const whole = Date.parse(`${day}T${time}${zone}`) / 1000
  return isoTime(whole, Number(fraction.slice(0, 6).padEnd(6, '0')))
}

function isoTime(seconds: number, micros: number): string | undefined {
  const [whole, rest] = micros < 1e6 ? [seconds, micros] : [seconds + 1, 0]
  if (!(whole >= YEAR_1_SECONDS && whole < YEAR_10000_SECONDS)) return undefined
  const toTheSecond = new Date(whole * 1000).toISOString().slice(0, -'.000Z'.length)
  return `${toTheSecond}.${String(rest).padStart(6, '0')}Z`
}

/** What JSON.stringify writes for NUL and for half a pair; any other escape is matched to be passed over. */
const REFUSED_ESCAPE = /\\(?:u0000|ud[89a-f][0-9a-f]{2}|.)/g

function jsonOf(value: unknown): string {
  const text = JSON.stringify(value)
  if (!text.includes('\\u')) return text
  return text.replace(REFUSED_ESCAPE, (found) => (/^\\u(?:0000|d)/.test(found) ? '\ufffd' : found))
}
