/** Many rows for one statement, as one value: to write thousands of rows costs neither a long text of SQL nor a binding for each value. */

import { type RawBuilder, sql } from 'kysely'
import { bindText } from './binding.ts'
import type { Dialect } from './columns.ts'

export type Cell = string | number | null
type Columns = Readonly<Record<string, 'text' | 'whole'>>

/** The rows as something to select from; text must hold no U+0000: `… from ${rowSet(dialect, { id: 'text', count: 'whole' }, rows)} as more where …` */
export function rowSet(
  dialect: Dialect,
  columns: Columns,
  rows: readonly (readonly Cell[])[],
): RawBuilder<unknown> {
  const names = Object.keys(columns)
  if (dialect === 'postgres')
    return sql`(select * from unnest(${columnArrays(columns, rows)}) as each(${sql.join(names.map((name) => sql.ref(name)))}))`
  const parts = names.map((name, i) => sql`value ->> ${sql.lit(i)} as ${sql.ref(name)}`)
  return sql`(select ${sql.join(parts)} from json_each(${JSON.stringify(rows)}))`
}

/** The same of one list of texts, by far the cheapest to read: rows of `place`, from 0, and `value`. */
export function textList(dialect: Dialect, texts: readonly string[]): RawBuilder<unknown> {
  if (dialect === 'sqlite') return sql`(select key as place, value from json_each(${JSON.stringify(texts)}))`
  const text = joined(texts)
  const elements =
    text === undefined
      ? sql`json_array_elements_text(${JSON.stringify(texts)}::json)`
      : sql`unnest(string_to_array(${text}::text, chr(31)))`
  return sql`(select place - 1 as place, value from ${elements} with ordinality as each(value, place))`
}

/**
 * For PostgreSQL, each column as one value that its SQL makes an array of. An array's own notation escapes each quote of each
 * JSON, which costs both sides more than all the rest of a row: a separator does not.
 */
export function columnArrays(columns: Columns, rows: readonly (readonly Cell[])[]): RawBuilder<unknown> {
  return sql.join(
    Object.values(columns).map((type, i) => {
      const cells = rows.map((row) => row[i] ?? null)
      const array = sql.raw(type === 'whole' ? 'bigint[]' : 'text[]')
      const text = joined(cells)
      return text === undefined
        ? sql`${cells.map((cell) => (typeof cell === 'string' ? bindText(cell) : cell))}::${array}`
        : sql`string_to_array(${text}::text, chr(31), chr(30))::${array}`
    }),
  )
}

/** Control characters that JSON always escapes and identifiers never hold: between cells, and for null. */
const SEPARATOR = '\u001f'
const ABSENT = '\u001e'

/** undefined: it could not be taken apart again. */
function joined(cells: readonly Cell[]): string | undefined {
  for (const cell of cells)
    if (typeof cell === 'string' && (cell.includes(SEPARATOR) || cell.includes(ABSENT))) return undefined
  const text = cells.map((cell) => cell ?? ABSENT).join(SEPARATOR)
  // Of no text there is no telling whether it is one empty one.
  return text === '' ? undefined : text
}
