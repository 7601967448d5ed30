import { Kysely, sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import { sqliteDialect } from './sqlite.ts'

interface Tables {
  t: { a: number }
}

async function memory(): Promise<Kysely<Tables>> {
  const db = new Kysely<Tables>({ dialect: sqliteDialect(':memory:') })
  onTestFinished(() => db.destroy())
  await sql`create table t (a integer) strict`.execute(db)
  return db
}

test('a stream that is left early leaves the statement as good as new', async () => {
  const db = await memory()
  await db
    .insertInto('t')
    .values([{ a: 1 }, { a: 2 }, { a: 3 }])
    .execute()
  const query = db.selectFrom('t').selectAll().orderBy('a')
  for (let round = 0; round < 2; round++) {
    for await (const row of query.stream()) {
      expect(row).toEqual({ a: 1 })
      break
    }
  }
  expect(await query.execute()).toEqual([{ a: 1 }, { a: 2 }, { a: 3 }])
  await db.deleteFrom('t').execute()
  await sql`drop table t`.execute(db) // refused while a statement still reads from it
})

test('a kept statement follows a change of the table', async () => {
  const db = await memory()
  await db.insertInto('t').values({ a: 1 }).execute()
  expect(await db.selectFrom('t').selectAll().execute()).toEqual([{ a: 1 }])
  await sql`alter table t add column b text`.execute(db)
  expect(await db.selectFrom('t').selectAll().execute()).toEqual([{ a: 1, b: null }])
})

test('more different statements than are kept work all the same', async () => {
  const db = await memory()
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 600; i++) {
      const { rows } = await sql<{ n: number }>`select ${sql.lit(i)} as n`.execute(db)
      expect(rows).toEqual([{ n: i }])
    }
  }
})

test('changed rows are counted', async () => {
  const db = await memory()
  await db
    .insertInto('t')
    .values([{ a: 1 }, { a: 2 }])
    .execute()
  const { numUpdatedRows } = await db.updateTable('t').set({ a: 9 }).executeTakeFirstOrThrow()
  expect(numUpdatedRows).toBe(2n)
})

test.each([[true], [new Date(0)], [{}], [undefined], [Symbol.iterator]])(
  'no column can hold %s',
  async (value) => {
    const db = await memory()
    await expect(sql`insert into t values (${value})`.execute(db)).rejects.toThrow(TypeError)
  },
)

test('transactions that follow each other without end let the event loop go on', async () => {
  const db = await memory()
  let turned = false
  setImmediate(() => {
    turned = true
  })
  let transactions = 0
  for (; !turned && transactions < 100_000; transactions++) {
    await db.transaction().execute((tx) => tx.insertInto('t').values({ a: 1 }).execute())
  }
  expect(turned).toBe(true)
})
