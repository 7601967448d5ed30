/** Whether a JSON value, as its bytes, can stand in a column of a type: the table in catalog/columns.ts, on raw bytes. */

import { type ColumnType, columnTypeOfValue } from '../../catalog/columns.ts'

export type ValueKind = 'string' | 'object' | 'array' | 'boolean' | 'null' | 'number'

const WHOLE_DIGITS_SAFE = 18
const BIGINT_MAX = 2n ** 63n - 1n

/** By the first byte of the value. */
export function kindOf(first: number): ValueKind {
  switch (first) {
    case 0x22:
      return 'string'
    case 0x7b:
      return 'object'
    case 0x5b:
      return 'array'
    case 0x74:
    case 0x66:
      return 'boolean'
    case 0x6e:
      return 'null'
    default:
      return 'number'
  }
}

export function fits(type: ColumnType, bytes: Uint8Array, start: number, end: number): boolean {
  const kind = kindOf(bytes[start] ?? 0)
  if (kind === 'null') return true
  switch (type) {
    case 'json':
      return true
    case 'text':
      return kind !== 'object' && kind !== 'array'
    case 'boolean':
      return kind === 'boolean'
    case 'bigint':
      return kind === 'number' && isWhole(bytes, start, end)
    case 'double':
      return kind === 'number' && Number.isFinite(Number(textOf(bytes, start, end)))
    case 'timestamp':
      return secondsOf(bytes, start, end) !== undefined
  }
}

function isWhole(bytes: Uint8Array, start: number, end: number): boolean {
  const first = bytes[start] === 0x2d ? start + 1 : start
  if (end - first <= WHOLE_DIGITS_SAFE && isDigits(bytes, first, end)) return true
  const text = textOf(bytes, start, end)
  if (/^-?\d+$/.test(text)) {
    const value = BigInt(text)
    return value <= BIGINT_MAX && value >= -BIGINT_MAX - 1n
  }
  return Number.isSafeInteger(Number(text))
}

function isDigits(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0
    if (byte < 0x30 || byte > 0x39) return false
  }
  return end > start
}

const SECONDS_MIN = -62_135_596_800
const SECONDS_MAX = 253_402_300_799
const ISO_TIME = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/

/** As many digits are a time in any case. */
const PLAIN_SECONDS_DIGITS = 11

function plainNumber(bytes: Uint8Array, start: number, end: number): number {
  let value = 0
  for (let at = start; at < end; at++) value = value * 10 + (bytes[at] ?? 0) - 0x30
  return value
}

/** A time as Unix seconds; undefined when the value is none. A text without a zone is UTC. */
export function secondsOf(bytes: Uint8Array, start: number, end: number): number | undefined {
  const kind = kindOf(bytes[start] ?? 0)
  if (kind === 'number') {
    if (end - start <= PLAIN_SECONDS_DIGITS && isDigits(bytes, start, end))
      return plainNumber(bytes, start, end)
    const seconds = Number(textOf(bytes, start, end))
    return seconds >= SECONDS_MIN && seconds <= SECONDS_MAX ? seconds : undefined
  }
  return kind === 'string' ? isoSeconds(JSON.parse(textOf(bytes, start, end)) as string) : undefined
}

function isoSeconds(text: string): number | undefined {
  if (!ISO_TIME.test(text)) return undefined
  const zoned = /(?:Z|[+-]\d{2}:?\d{2})$/.test(text) || text.length === 10 ? text : `${text}Z`
  const ms = Date.parse(zoned.replace(' ', 'T'))
  const seconds = ms / 1000
  return seconds >= SECONDS_MIN && seconds <= SECONDS_MAX ? seconds : undefined
}

/** The type that a column gets by its first value; undefined for null. */
export function typeSeen(bytes: Uint8Array, start: number, end: number): ColumnType | undefined {
  const text = textOf(bytes, start, end)
  return columnTypeOfValue(/^-?\d+$/.test(text) ? BigInt(text) : JSON.parse(text))
}

export function textOf(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString()
}
