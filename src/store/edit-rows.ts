/** Looks at every row of a table and changes some: for what no condition of SQL can tell. Pages by the key, a transaction each. */

import { sql, type Transaction } from 'kysely'
import type { Schema } from './schema.ts'
import type { Store } from './store.ts'

/** What an erasure found or changed in one place. */
export interface Touched {
  /** For people: `dead letters`. */
  readonly place: string
  readonly rows: number
}

export interface EditedTable<Name extends keyof Schema, Column extends keyof Schema[Name]> {
  readonly table: Name
  /** The primary key. */
  readonly key: readonly (keyof Schema[Name])[]
  /** Shown to `edit`, beside the key. */
  readonly columns: readonly Column[]
}

/** Rows may hold an event with request and answer: so many are in memory at once. */
const PAGE_ROWS = 200

/** `edit` gives the columns to change, or undefined; it may run again. Gives how many rows it chose. Dry: nothing is written. */
export async function editRows<Name extends keyof Schema, Column extends keyof Schema[Name]>(
  store: Store,
  { table, key, columns }: EditedTable<Name, Column>,
  isDry: boolean,
  edit: (row: Readonly<Pick<Schema[Name], Column>>) => Partial<Pick<Schema[Name], Column>> | undefined,
): Promise<number> {
  const keyColumns = sql.join(key.map((name) => sql.ref(String(name))))
  const shown = sql.join([...new Set([...key, ...columns])].map((name) => sql.ref(String(name))))
  // What somebody changes meanwhile must not be undone: SQLite has one writer, PostgreSQL is told.
  const locked = store.dialect === 'postgres' && !isDry ? sql`for update` : sql``
  let chosen = 0
  let after: readonly unknown[] | undefined
  for (;;) {
    const beyond = after === undefined ? sql`` : sql`where (${keyColumns}) > (${sql.join(after)})`
    const page = await store.transaction(async (tx) => {
      const { rows } = await sql<Record<string, unknown>>`
        select ${shown} from ${sql.table(table)} ${beyond} order by ${keyColumns} limit ${sql.lit(PAGE_ROWS)} ${locked}`.execute(
        tx,
      )
      let count = 0
      for (const row of rows) {
        const changes = edit(row as Pick<Schema[Name], Column>)
        if (changes === undefined) continue
        count++
        if (!isDry) await update(tx, table, key, row, changes)
      }
      return { rows, count }
    })
    chosen += page.count
    const last = page.rows.at(-1)
    if (last === undefined || page.rows.length < PAGE_ROWS) return chosen
    after = key.map((name) => last[String(name)])
  }
}

async function update(
  tx: Transaction<Schema>,
  table: string,
  key: readonly PropertyKey[],
  row: Readonly<Record<string, unknown>>,
  changes: object,
): Promise<void> {
  const set = sql.join(Object.entries(changes).map(([name, value]) => sql`${sql.ref(name)} = ${value}`))
  const isRow = sql.join(
    key.map((name) => sql`${sql.ref(String(name))} = ${row[String(name)]}`),
    sql` and `,
  )
  await sql`update ${sql.table(table)} set ${set} where ${isRow}`.execute(tx)
}
