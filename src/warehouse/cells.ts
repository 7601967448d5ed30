/** How values of all engines become cells: what JSON cannot hold exactly is kept as text. */

import type { Cell } from './warehouse.ts'

/** A whole number that a double holds exactly is a number; larger ones, and all with a decimal point, stay the engine's text. */
export function wholeOrText(text: string): Cell {
  const value = Number(text)
  return Number.isSafeInteger(value) && /^-?\d{1,16}$/.test(text) ? value : text
}

/** JSON knows neither NaN nor infinities: they stay the engine's text. */
export function floatOrText(text: string): Cell {
  const value = Number(text)
  return Number.isFinite(value) ? value : text
}

/** `2026-11-28 11:37:57.25` as ISO 8601, with `zone` behind it: 'Z' for an instant in UTC, '' where the engine keeps no zone. */
export function isoTime(text: string, zone: 'Z' | ''): Cell {
  return /^\d{4,6}-\d\d-\d\d \d\d:\d\d:\d\d/.test(text) ? `${text.replace(' ', 'T')}${zone}` : text
}

/** A rough size of a row, in characters. */
export function rowChars(row: readonly Cell[]): number {
  let chars = 0
  for (const cell of row) chars += typeof cell === 'string' ? cell.length : 8
  return chars
}
