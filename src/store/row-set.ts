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
