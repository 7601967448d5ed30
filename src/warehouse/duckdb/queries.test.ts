import { DuckDBInstance } from '@duckdb/node-api'
import { expect, onTestFinished, test } from 'vitest'
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
