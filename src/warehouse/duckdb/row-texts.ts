/** A result as text, a page at a time. */

import type { Cell, QueryStream } from '../warehouse.ts'

/** RFC 4180 with line feeds; a line of names first. null is an empty field, an empty text is a quoted one. */
export async function* csvLines({ columns, pages }: QueryStream): AsyncGenerator<string> {
  yield csvLine(columns.map(({ name }) => name))
  for await (const rows of pages) yield rows.map(csvLine).join('')
}

/** A JSON object per line; of two columns with one name the last one counts. */
export async function* ndjsonLines({ columns, pages }: QueryStream): AsyncGenerator<string> {
  for await (const rows of pages) {
    yield rows
      .map(
        (row) =>
          `${JSON.stringify(Object.fromEntries(columns.map(({ name }, i) => [name, row[i] ?? null])))}\n`,
      )
      .join('')
  }
}

function csvLine(cells: readonly Cell[]): string {
  return `${cells.map(csvCell).join(',')}\n`
}

function csvCell(cell: Cell): string {
  if (cell === null) return ''
  const text = String(cell)
  return text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
