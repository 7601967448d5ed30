import { type ChildProcess, spawn } from 'node:child_process'
import { buffer } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished, test } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import type { ThalwegError } from '../../core/errors.ts'
import { PAGE_ROWS_MAX } from '../warehouse.ts'
import { batchAt, type TestWarehouse, testWarehouse } from './warehouse.fixture.ts'

const never = new AbortController().signal
/** Would run for days. */
const RUNAWAY = 'select sum(a.range * b.range) from range(100000000) a, range(100000000) b'

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'no error',
    (error: ThalwegError) => error.code,
  )

describe('the engine', () => {
  it('streams pages, cuts at rowsMax and says so', async () => {
    const { embedded } = await testWarehouse()
    const stream = await embedded.engine.query({ sql: 'from range(10000)', timeoutMs: 20_000 }, never)
    expect(stream.columns).toEqual([{ name: 'range', type: 'BIGINT' }])
    const sizes: number[] = []
    for await (const page of stream.pages) sizes.push(page.length)
    expect(sizes.reduce((a, b) => a + b, 0)).toBe(10_000)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(PAGE_ROWS_MAX)
    expect(stream.cut()).toBe(false)
    for (const [rowsMax, cut] of [
      [3_000, true],
      [10_000, false],
      [1, true],
    ] as const) {
      const part = await embedded.engine.query(
        { sql: 'from range(10000)', rowsMax, timeoutMs: 20_000 },
        never,
      )
      let rows = 0
      for await (const page of part.pages) rows += page.length
      expect([rows, part.cut()]).toEqual([rowsMax, cut])
    }
  })

  it('does not make what nobody takes: leaving early frees the connection', async () => {
    const { embedded, rows } = await testWarehouse()
    for (let i = 0; i < 20; i++) {
      const stream = await embedded.engine.query({ sql: 'from range(1000000000)', timeoutMs: 20_000 }, never)
      for await (const page of stream.pages) if (page.length > 0) break
    }
    expect(await rows('select 1')).toEqual([[1]])
  })

  it('gives values as JSON can hold them', async () => {
    const { rows } = await testWarehouse()
    expect(
      await rows(
        `select 9007199254740993, 5::hugeint, 1.10::decimal(5,2), 'nan'::double, [1, 2], {'a': 1}, date '2026-01-02', timestamptz '2026-01-02 03:04:05+00', null, true, '{"a":1.10}'::json`,
      ),
    ).toEqual([
      [
        '9007199254740993',
        5,
        '1.10',
        'NaN',
        '[1,2]',
        '{"a":1}',
        '2026-01-02',
        '2026-01-02T03:04:05Z',
        null,
        true,
        '{"a":1.10}',
      ],
    ])
  })

  it('tells what is wrong and where', async () => {
    const { rows, load } = await testWarehouse()
    await load(batchAt([{ id: 'a', properties: {} }], [0]))
    await expect(rows('select *\nfrom events\nwhere nope = 1')).rejects.toMatchObject({
      message: expect.stringContaining('"nope" not found'),
      details: { position: { line: 3, column: 7 } },
    })
    await expect(rows('select 1 +')).rejects.toThrow(/syntax error at end of input/)
    await expect(rows('select\n  * from nothing')).rejects.toMatchObject({
      message: 'There is no table "nothing" that a query may read',
      details: { position: { line: 2, column: 10 } },
    })
    await expect(rows("select 'a'::int")).rejects.toThrow(/Could not convert string 'a'/)
  })

  it('ends a query at its time, at a cancel, and past its memory; loading goes on meanwhile', async () => {
    const { embedded, load } = await testWarehouse()
    const { engine } = embedded
    const late = codeOf(drained(engine.query({ sql: RUNAWAY, timeoutMs: 1_500 }, never)))
    const cancel = new AbortController()
    const cancelled = codeOf(drained(engine.query({ sql: RUNAWAY, timeoutMs: 60_000 }, cancel.signal)))
    const greedy = codeOf(
      drained(
        engine.query(
          {
            sql: `select count(*) from (select distinct random()::varchar || repeat('x', 200) from range(100000000))`,
            timeoutMs: 8_000,
          },
          never,
        ),
      ),
    )
    for (let i = 0; i < 10; i++) {
      const answer = await load(batchAt([{ id: `e${i}`, properties: {} }], [i]))
      // Memory that the greedy query took may fail a load: then it comes again.
      if (answer.status !== 200) i--
    }
    cancel.abort()
    expect(await late).toBe('QUERY_TIMEOUT')
    expect(await cancelled).toBe('QUERY_CANCELLED')
    expect(['QUERY_FAILED', 'QUERY_TIMEOUT']).toContain(await greedy)
  }, 90_000)

  it('lists tables and columns, without our books', async () => {
    const { embedded, load } = await testWarehouse()
    await load(batchAt([{ id: 'a', properties: { plan: 'x' } }], [0]))
    const tables = await embedded.engine.tables()
    expect(tables.map(({ database, table, rows }) => [database, table, rows])).toEqual([
      ['braze', 'events', 1],
      ['braze', 'events_raw', 1],
    ])
    expect(tables[0]?.columns).toContainEqual({ name: 'plan', type: 'VARCHAR' })
  })
})

describe('an export', () => {
  it('is Parquet as a stream', async () => {
    const { embedded, load } = await testWarehouse()
    await load(
      batchAt(
        [
          { id: 'a,"b"', properties: {} },
          { id: 'c', properties: {} },
        ],
        [0, 1],
      ),
    )
    const one = { sql: 'select id, _offset, user_id from events order by _offset -- all', timeoutMs: 20_000 }
    const parquet = await buffer((await embedded.engine.export(one, 'parquet', never)).bytes)
    expect([parquet.subarray(0, 4).toString(), parquet.subarray(-4).toString()]).toEqual(['PAR1', 'PAR1'])
    const { rows } = await reader()
    expect(await rows(parquet)).toEqual([
      ['a,"b"', 0n, null],
      ['c', 1n, null],
    ])
  })

  it('throws what a query throws', async () => {
    const { embedded } = await testWarehouse()
    for (const [sql, code] of [
      ["from read_text('/etc/passwd')", 'QUERY_REFUSED'],
      ["select 1) to '/tmp/thalweg-escape' --", 'QUERY_FAILED'],
      [RUNAWAY, 'QUERY_TIMEOUT'],
    ] as const) {
      expect(await codeOf(embedded.engine.export({ sql, timeoutMs: 1_000 }, 'parquet', never)), sql).toBe(
        code,
      )
    }
  })
})

describe('the process of the warehouse', () => {
  it('comes again after it was killed; meanwhile loads are answered 503', async () => {
    const { embedded, load, rows } = await testWarehouse()
    await load(batchAt([{ id: 'a', properties: {} }], [0]))
    process.kill((await embedded.host.pid()) ?? 0, 'SIGKILL')
    const statuses = new Set<number>()
    await eventually(
      'it takes loads again',
      async () => {
        const { status } = await load(batchAt([{ id: 'b', properties: {} }], [1]))
        statuses.add(status)
        return status === 200
      },
      { withinMs: 30_000 },
    )
    expect(statuses).toContain(503)
    expect(await rows('select id from events order by id')).toEqual([['a'], ['b']])
  })

  it('fails the queries under way when it is killed', async () => {
    const { embedded, rows } = await testWarehouse()
    await rows('select 1')
    const query = codeOf(drained(embedded.engine.query({ sql: RUNAWAY, timeoutMs: 60_000 }, never)))
    process.kill((await embedded.host.pid()) ?? 0, 'SIGKILL')
    expect(await query).toBe('ENGINE_UNREACHABLE')
  })
})

test('the process ends when its parent is gone, and the next one waits for the file', async () => {
  const { dataDir } = await testWarehouse()
  const parent = spawn(process.execPath, ['--input-type=module-typescript', '-e', PARENT, dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void parent.kill('SIGKILL'))
  const pid = Number(await firstLine(parent))
  expect(isAlive(pid)).toBe(true)
  const next = await testWarehouse({ dataDir })
  const waiting = next.rows('select 2')
  parent.kill('SIGKILL')
  await eventually('the child of a killed parent is gone', () => !isAlive(pid))
  expect(await waiting).toEqual([[2]])
})

/** Opens the warehouse in the folder, uses it, tells its child's process id and stays. */
const PARENT = `
import { openEmbeddedWarehouse } from ${JSON.stringify(fileURLToPath(new URL('./duckdb.ts', import.meta.url)))}
import { systemClock } from ${JSON.stringify(fileURLToPath(new URL('../../core/clock.ts', import.meta.url)))}
const quiet = { info() {}, error() {} }
const warehouse = openEmbeddedWarehouse({ dataDir: process.argv[1], threads: 1, memoryBytesMax: 268435456, retentionAgeMs: 0, clock: systemClock, logger: quiet })
await warehouse.engine.tables()
console.log(await warehouse.host.pid())
setInterval(() => undefined, 1000)
`

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => child.stdout?.once('data', (piece: Buffer) => resolve(piece.toString())))
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function drained(query: ReturnType<TestWarehouse['embedded']['engine']['query']>): Promise<void> {
  for await (const _page of (await query).pages);
}

/** Another database, to read what was exported. */
async function reader() {
  const { DuckDBInstance } = await import('@duckdb/node-api')
  const { mkdtemp, rm, writeFile } = await import('node:fs/promises')
  const folder = await mkdtemp('/tmp/thalweg-parquet-')
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return {
    async rows(bytes: Buffer) {
      await writeFile(`${folder}/x.parquet`, bytes)
      const connection = await (await DuckDBInstance.create()).connect()
      return (await connection.runAndReadAll(`from '${folder}/x.parquet'`)).getRows()
    },
  }
}
