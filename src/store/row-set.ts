/** Many rows for one statement, as one value: to write thousands of rows costs neither a long text of SQL nor a binding for each value. */

import { type RawBuilder, sql } from 'kysely'
import type { Dialect } from './columns.ts'

/** The rows as something to select from; text must hold no U+0000, which JSON in PostgreSQL does not take: `… from ${rowSet(dialect, { id: 'text', count: 'whole' }, rows)} as more where …` */
export function rowSet(
  dialect: Dialect,
  columns: Readonly<Record<string, 'text' | 'whole'>>,
  rows: readonly (readonly (string | number | null)[])[],
): RawBuilder<unknown> {
  const json = JSON.stringify(rows)
  const parts = Object.entries(columns).map(([name, type], i) => {
    const value = sql`value ->> ${sql.lit(i)}`
    return dialect === 'postgres' && type === 'whole'
      ? sql`(${value})::bigint as ${sql.ref(name)}`
      : sql`${value} as ${sql.ref(name)}`
  })
  const elements = dialect === 'postgres' ? sql`json_array_elements(${json}::json)` : sql`json_each(${json})`
  return sql`(select ${sql.join(parts)} from ${elements})`
}

/** The same of one list of texts, by far the cheapest to read: rows of `place`, from 0, and `value`. */
export function textList(dialect: Dialect, texts: readonly string[]): RawBuilder<unknown> {
  const json = JSON.stringify(texts)
  return dialect === 'postgres'
    ? sql`(select place - 1 as place, value from json_array_elements_text(${json}::json) with ordinality as each(value, place))`
    : sql`(select key as place, value from json_each(${json}))`
}
