import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Kysely, sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import { eventually } from '../../test/support/eventually.ts'
import { tempFolder } from '../../test/support/temp.ts'
import { VirtualClock } from '../core/clock.ts'
import { compactStore } from './compact.ts'
import { sqliteDialect } from './sqlite.ts'
import { openStore } from './store.ts'

const ROW_BYTES = 20_000

async function openFile(): Promise<{ path: string; db: Kysely<{ t: { a: string } }> }> {
  const path = join(await tempFolder(), 'store.db')
  const db = new Kysely<{ t: { a: string } }>({ dialect: sqliteDialect(path, { checkpointsAside: true }) })
  onTestFinished(() => db.destroy())
  await sql`create table t (a text) strict`.execute(db)
  return { path, db }
}

test('what is committed reaches the file although no commit brings it there, and a close leaves nothing beside it', async () => {
  const { path, db } = await openFile()
  const before = statSync(path).size
  let rows = 0
  await eventually('the file has grown', async () => {
    await db.transaction().execute((tx) =>
      tx
        .insertInto('t')
        .values({ a: 'x'.repeat(ROW_BYTES) })
        .execute(),
    )
    rows++
    return statSync(path).size > before + 30 * ROW_BYTES
  })
  // As many as a commit would have brought over by itself come later.
  expect(rows * ROW_BYTES).toBeLessThan(32_000_000)
  await db.destroy()
  expect(existsSync(`${path}-wal`)).toBe(false)
  const file = new DatabaseSync(path)
  onTestFinished(() => file.close())
  expect(file.prepare('select count(*) as n from t').get()).toEqual({ n: rows })
  expect(file.prepare('pragma integrity_check').get()).toEqual({ integrity_check: 'ok' })
})

test('compacting waits for whoever keeps the WAL from being emptied', async () => {
  const path = join(await tempFolder(), 'store.db')
  const store = await openStore(path, { clock: new VirtualClock(0), checkpointsAside: true })
  onTestFinished(() => store.close())
  const reader = new DatabaseSync(path)
  onTestFinished(() => reader.close())
  reader.exec('begin')
  reader.prepare('select count(*) from sqlite_master').get()
  const compacted = compactStore(store)
  const first = await Promise.race([compacted.then(() => 'compacted'), laterThan(700)])
  expect(first).toBe('later')
  expect(statSync(`${path}-wal`).size).toBeGreaterThan(0)
  reader.exec('commit')
  await compacted
  expect(statSync(`${path}-wal`).size).toBe(0)
})

function laterThan(ms: number): Promise<string> {
  return new Promise((resolve) => setTimeout(resolve, ms, 'later'))
}
