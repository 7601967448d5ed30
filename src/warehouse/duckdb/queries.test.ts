import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DuckDBInstance } from '@duckdb/node-api'
import { expect, onTestFinished, test } from 'vitest'
import { PAGE_CHARS } from '../stream.ts'
import { PAGE_ROWS_MAX } from '../warehouse.ts'
import { Queries } from './queries.ts'

const RUNAWAY = 'select sum(a.range * b.range) from range(100000000) a, range(100000000) b'

async function onePlace(): Promise<Queries> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
  const connection = await instance.connect()
  onTestFinished(() => {
    connection.closeSync()
    instance.closeSync()
  })
  return new Queries([connection], async () => [])
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await Promise.resolve()
}

test('a cancel ends the query, however soon it comes, and gives its place to the next', async () => {
  const queries = await onePlace()
  const waits = [
    () => undefined,
    ...[1, 2, 3, 5, 8].map((count) => () => turns(count)),
    ...[0, 1, 2, 4, 8, 30].map((ms) => () => new Promise((resolve) => setTimeout(resolve, ms))),
  ]
  for (const wait of waits) {
    const cancel = new AbortController()
    const first = queries.run({ sql: RUNAWAY, timeoutMs: 60_000 }, cancel.signal).next()
    const failed = expect(first).rejects.toMatchObject({ code: 'QUERY_CANCELLED' })
    const waiting = wait()
    // Not even a turn later, where there is nothing to wait for: both frames of a hub may come at once.
    if (waiting !== undefined) await waiting
    cancel.abort()
    await failed
    const parts = queries.run({ sql: 'select 1 as one', timeoutMs: 60_000 }, new AbortController().signal)
    expect((await parts.next()).value).toMatchObject({ columns: [{ name: 'one' }] })
    await parts.return(false)
  }
})

test('the first rows come at once, then full pages', async () => {
  const queries = await onePlace()
  const sizes = async (sql: string, rowsMax?: number) => {
    const pages: number[] = []
    const order = { sql, timeoutMs: 60_000, ...(rowsMax === undefined ? {} : { rowsMax }) }
    for await (const part of queries.run(order, new AbortController().signal))
      if ('rows' in part) pages.push(part.rows.length)
    return pages
  }
  expect(await sizes('from range(30000)')).toEqual([2_048, PAGE_ROWS_MAX, PAGE_ROWS_MAX, 7_952])
  expect(await sizes('from range(30000)', 13_000)).toEqual([2_048, PAGE_ROWS_MAX, 952])
  expect(await sizes('from range(30000)', 2_048)).toEqual([2_048])
  expect(await sizes('from range(0)')).toEqual([])
  const chars = PAGE_CHARS / 4
  expect(await sizes(`select repeat('x', ${chars}) from range(10)`)).toEqual([4, 4, 2])
})

test('instants are told in UTC, wherever the machine stands', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'thalweg-test-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module-typescript', '-e', ELSEWHERE, folder],
    { env: { TZ: 'Asia/Tokyo' }, encoding: 'utf8' },
  )
  expect(stderr).toBe('')
  expect(JSON.parse(stdout)).toEqual([
    '2026-11-28T11:37:57.25Z',
    '2026-11-28 11:37:57.25+00',
    '["2026-11-28 11:37:57.25+00"]',
    540,
  ])
})

/** Also tells the zone that it runs in. */
const ELSEWHERE = `
import { openDatabase } from ${moduleText('./database.ts')}
import { Queries } from ${moduleText('./queries.ts')}
const database = await openDatabase({ folder: process.argv[1], threads: 1, memoryBytesMax: 268435456 })
const queries = new Queries(database.querying, async () => [])
const sql = "select moment, moment::varchar, [moment] from (select timestamptz '2026-11-28 12:37:57.25+01' as moment)"
for await (const part of queries.run({ sql, timeoutMs: 60000 }, new AbortController().signal))
  if ('rows' in part) console.log(JSON.stringify([...part.rows[0], -new Date(0).getTimezoneOffset()]))
database.close()
`

function moduleText(name: string): string {
  return JSON.stringify(fileURLToPath(new URL(name, import.meta.url)))
}
