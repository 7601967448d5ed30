/** Thousands of rows into one table, with few statements: what a stretch of records leaves behind. */

import { CompiledQuery, sql, type Transaction } from 'kysely'
import type { Dialect } from './columns.ts'
import { type Cell, columnArrays } from './row-set.ts'
import type { Schema } from './schema.ts'

export interface Target {
  readonly table: keyof Schema
  /** In the order of each row's values. */
  readonly columns: Readonly<Record<string, 'text' | 'whole'>>
  /** A row with the same key takes the place of the one that is there; absent: rows are only added. */
  readonly key?: readonly string[]
}

export type Row = readonly Cell[]

/** SQLite prepares a statement for each number of rows: full ones, and one for what is left. */
const ROWS_AT_ONCE = 64

/** Each key occurs once in `rows`. */
export async function putRows(
  tx: Transaction<Schema>,
  dialect: Dialect,
  target: Target,
  rows: readonly Row[],
): Promise<void> {
  if (rows.length === 0) return
  const names = Object.keys(target.columns)
  const head = `insert into ${target.table} (${names.join(', ')})`
  const tail = conflictOf(target, names)
  if (dialect === 'postgres') {
    await sql`${sql.raw(head)} select * from unnest(${columnArrays(target.columns, rows)}) ${sql.raw(tail)}`.execute(
      tx,
    )
    return
  }
  const one = `(${names.map(() => '?').join(', ')})`
  for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) {
    const to = Math.min(rows.length, from + ROWS_AT_ONCE)
    const cells: Cell[] = []
    for (let at = from; at < to; at++) for (const cell of rows[at] as Row) cells.push(cell)
    const values = new Array<string>(to - from).fill(one).join(', ')
    await tx.executeQuery(CompiledQuery.raw(`${head} values ${values} ${tail}`, cells))
  }
}

function conflictOf({ key }: Target, names: readonly string[]): string {
  if (key === undefined) return ''
  const set = names.filter((name) => !key.includes(name)).map((name) => `${name} = excluded.${name}`)
  return `on conflict (${key.join(', ')}) do update set ${set.join(', ')}`
}
