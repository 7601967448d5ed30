/** Rows in the text format of COPY (PostgreSQL, COPY, "File Formats"): cells by tabs, rows by line feeds, `\N` for an empty cell. */

import { parseExact } from '../../core/kernel/project.ts'
import { isRawNumber } from '../cell.ts'
import { type EventRows, type Row, type TableColumn, TableColumns } from '../event-rows.ts'

export function copyLines(rows: EventRows, all: readonly TableColumn[]): Uint8Array {
  const columns = new TableColumns(all)
  const json = all.map(({ type }) => type === 'json')
  let text = ''
  for (let i = 0; i < rows.count; i++) text += copyLine(rows.row(i, columns), json)
  return Buffer.from(text)
}

function copyLine(row: Row, json: readonly boolean[]): string {
  let line = ''
  for (let place = 0; place < row.length; place++) {
    const cell = row[place]
    if (place > 0) line += '\t'
    line += cell === undefined ? '\\N' : escaped(json[place] ? storableJson(cell) : cell)
  }
  return `${line}\n`
}

const SPECIAL = /[\\\n\r\t]/

/** By plain texts, one after the other: a callback for each of a million quotes takes seconds. */
function escaped(cell: string): string {
  if (!SPECIAL.test(cell)) return cell
  return cell.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r').replaceAll('\t', '\\t')
}

/**
 * jsonb keeps numbers as `numeric`: up to 131,072 digits before the point and 16,383 behind it (PostgreSQL, "Numeric Types"). Beyond these
 * bounds, taken generously, a number is kept as its text.
 */
const HUGE_NUMBER = /[eE][+-]?\d{4}|\d{10000}/

function storableJson(json: string): string {
  if (!HUGE_NUMBER.test(json)) return json
  return JSON.stringify(parseExact(json), (_key, value: unknown) =>
    isRawNumber(value) && HUGE_NUMBER.test(value.rawJSON) ? value.rawJSON : value,
  )
}
