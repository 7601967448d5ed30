/** ClickHouse's values, as its JSONCompact format writes them, by the name of their type. */

import { floatOrText, isoTime, wholeOrText } from '../cells.ts'
import type { Cell } from '../warehouse.ts'

type Parser = (value: unknown) => Cell

/** The type without what says that values may be missing or are kept in a dictionary. */
function plainType(type: string): string {
  const [, inner] = /^(?:Nullable|LowCardinality)\((.*)\)$/.exec(type) ?? []
  return inner === undefined ? type : plainType(inner)
}

/** Numbers that a double may not hold. Within arrays and the like they are what JSON makes of them. */
export function isDecimal(type: string): boolean {
  return plainType(type).startsWith('Decimal')
}

export function isLongInteger(type: string): boolean {
  return /^U?Int(?:64|128|256)$/.test(plainType(type))
}

/** `zone` is the server's; `iso`: it writes times as ISO 8601 in UTC already. */
export function parserOf(type: string, zone: string, iso: boolean): Parser {
  const plain = plainType(type)
  if (/^(?:U?Int\d+|Decimal)/.test(plain)) return (value) => orNull(value, (text) => wholeOrText(text))
  if (plain.startsWith('Float')) return (value) => orNull(value, floatOrText)
  if (plain.startsWith('DateTime') && !iso) {
    const [, own = zone] = /'([^']+)'\)$/.exec(plain) ?? []
    const mark = /^(?:Etc\/)?(?:UTC|GMT)$/.test(own) ? 'Z' : ''
    return (value) => orNull(value, (text) => isoTime(text, mark))
  }
  return plainCell
}

function orNull(value: unknown, parse: (text: string) => Cell): Cell {
  return value === null ? null : parse(String(value))
}

/** Arrays, tuples and maps are their JSON. */
function plainCell(value: unknown): Cell {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number')
    return value
  return JSON.stringify(value)
}
