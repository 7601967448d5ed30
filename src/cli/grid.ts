/** Rows of a query on a terminal: cut so that they fit, never so that one could not tell. */

import type { ResultAnswer } from '../api/routes/sql.ts'
import type { Column } from './printer.ts'
import { clean } from './words.ts'

type Cell = ResultAnswer['rows'][number][number]

export interface Grid {
  readonly columns: readonly Column[]
  /** A cell that is null here is null; it is for the caller to make it visible. */
  readonly rows: readonly (readonly (string | null)[])[]
  /** Columns that found no room. */
  readonly hidden: number
}

export const NULL_TEXT = 'NULL'
const GAP = 2
const LEAST = 8

/** Narrow columns keep their width; wide ones share what is left. */
export function gridOf({ columns, rows }: Pick<ResultAnswer, 'columns' | 'rows'>, width: number): Grid {
  const texts = rows.map((row) => row.map((cell) => (cell === null ? null : shown(cell, width))))
  const names = columns.map(({ name }) => shown(name, width))
  const natural = names.map((name, i) =>
    Math.max(name.length, ...texts.map((row) => (row[i] ?? NULL_TEXT).length)),
  )
  const widths = fitted(natural, width)
  return {
    columns: widths.map((columnWidth, i) => ({
      title: cut(names[i] ?? '', columnWidth),
      ...(isNumeric(rows, i) ? { right: true as const } : {}),
    })),
    rows: texts.map((row) => widths.map((columnWidth, i) => cellText(row[i] ?? null, columnWidth))),
    hidden: columns.length - widths.length,
  }
}

/** The widths of as many columns as fit, from the left. */
export function fitted(natural: readonly number[], width: number): number[] {
  let shown = natural.length
  while (shown > 1 && sum(natural.slice(0, shown).map((wide) => Math.min(wide, LEAST))) + GAP * shown > width)
    shown--
  const widths = natural.slice(0, shown)
  let left = width - GAP * shown
  const open = widths.map((wide, i) => ({ wide, i })).sort((a, b) => a.wide - b.wide)
  open.forEach(({ wide, i }, place) => {
    const share = Math.max(LEAST, Math.floor(left / (open.length - place)))
    widths[i] = Math.min(wide, share)
    left -= widths[i]
  })
  return widths
}

function cellText(text: string | null, width: number): string | null {
  return text === null ? null : cut(text, width)
}

function cut(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text
}

function shown(cell: Exclude<Cell, null>, width: number): string {
  return clean(String(cell), Math.max(LEAST, width))
}

function isNumeric(rows: ResultAnswer['rows'], i: number): boolean {
  const cells = rows.map((row) => row[i]).filter((cell) => cell !== null)
  return (
    cells.length > 0 &&
    cells.every((cell) => typeof cell === 'number' || /^-?\d+(\.\d+)?$/.test(String(cell)))
  )
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

const AROUND = 8

/** The line of a text with a mark under the column, as far as it fits. Both are counted from 1. */
export function pointedAt(text: string, line: number, column: number, width: number): string {
  const source = (text.split('\n')[line - 1] ?? '').replaceAll('\t', ' ')
  const head = `${line} | `
  const room = Math.max(2 * AROUND, width - head.length - 2)
  const start = column <= room ? 0 : column - Math.floor(room / 2)
  const before = start > 0 ? '…' : ''
  const part = source.slice(start, start + room)
  const mark = ' '.repeat(before.length + Math.max(0, column - 1 - start))
  return `${head}${before}${clean(part, room + 1)}\n${' '.repeat(head.length - 2)}| ${mark}^`
}
