/** What a network and a server can do to a load: the answer to COMMIT is lost, connections are cut in the middle. */

import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { postgresDatabase, type TestDatabase } from '../../../test/support/postgres.ts'
import { seededRandom } from '../../core/random.ts'
import { postgres } from '../../destinations/postgres/postgres.ts'
import { PostgresSettings } from '../../destinations/postgres/settings.ts'
import { OPEN_EVENT } from '../../destinations/rehearsal.fixture.ts'
import { batchAt, converse, kindsOf, range } from '../exchange.fixture.ts'
import { PostgresLoader } from './loader.ts'

let database: TestDatabase
let client: pg.Client
let loader: PostgresLoader

beforeAll(async () => {
  database = await postgresDatabase('empty')
  client = new pg.Client({ connectionString: database.url })
  await client.connect()
  loader = new PostgresLoader()
})
afterAll(async () => {
  await loader.close()
  await client.end()
  await database.drop()
})

const folder = (): string => new URL(database.url).searchParams.get('host') ?? ''

async function write(offsets: readonly number[], also: object): Promise<string> {
  const settings = PostgresSettings.parse({
    host: folder(),
    database: new URL(database.url).pathname.slice(1),
    ...also,
  })
  const writer = postgres.events?.writer(
    { settings, credentials: { user: 'thalweg' } },
    {} as never,
    new Map(),
  )
  if (writer === undefined) throw new Error('no intake')
  const batch = batchAt(offsets, (offset) => ({ ...OPEN_EVENT, id: `e${offset}` }))
  return kindsOf(await converse(writer.write(batch), loader))
}

async function offsetsIn(table: string): Promise<number[]> {
  const { rows } = await client.query<{ _offset: string }>(`select _offset from ${table} order by _offset`)
  return rows.map(({ _offset }) => Number(_offset))
}

/** A way to the server that passes everything on until `cut` is found in what the client sends; that still arrives, its answer does not. */
async function wireThat(cut: string): Promise<{ port: number; cuts: () => number }> {
  let cuts = 0
  const server: Server = createServer((near) => {
    const far = connect(join(folder(), '.s.PGSQL.5432'))
    let silent = false
    near.on('data', (bytes) => {
      silent ||= bytes.includes(cut)
      far.write(bytes)
    })
    far.on('data', (bytes) => {
      if (!silent) return void near.write(bytes)
      cuts++
      near.destroy()
    })
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.on('error', () => other.destroy())
      one.on('close', () => other.destroy())
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const address = server.address()
  return { port: typeof address === 'object' && address !== null ? address.port : 0, cuts: () => cuts }
}

it('a lost answer to COMMIT writes no row twice', async () => {
  const table = 'lost_commit'
  expect(await write(range(0, 9), { table })).toBe('delivered')
  const wire = await wireThat('commit\0')
  const over = { table, host: '127.0.0.1', port: wire.port, tls: 'off' }
  expect(await write(range(10, 19), over)).toBe('unreachable')
  expect(wire.cuts()).toBe(1)
  expect(await offsetsIn(table)).toEqual(range(0, 19))
  expect(await write(range(10, 24), { table })).toBe('delivered')
  expect(await offsetsIn(table)).toEqual(range(0, 24))
})

it('what the server did not commit is written by the next try', async () => {
  const table = 'lost_copy'
  expect(await write(range(0, 9), { table })).toBe('delivered')
  const wire = await wireThat('copy ')
  const over = { table, host: '127.0.0.1', port: wire.port, tls: 'off' }
  expect(await write(range(10, 19), over)).toBe('unreachable')
  expect(await write(range(10, 19), { table })).toBe('delivered')
  expect(await offsetsIn(table)).toEqual(range(0, 19))
})

it('a server that cuts connections again and again gets each row once', async () => {
  const table = 'cut_often'
  const random = seededRandom(11)
  let next = 0
  let failures = 0
  for (let tries = 0; next < 400; tries++) {
    expect(tries).toBeLessThan(1000)
    const writing = write(range(next, next + 19), { table })
    await new Promise((resolve) => setTimeout(resolve, random() * 12))
    await client.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
    )
    const kind = await writing
    if (kind === 'delivered') next += 20
    else {
      expect(['unreachable', 'unavailable']).toContain(kind)
      failures++
    }
  }
  expect(failures).toBeGreaterThan(0)
  expect(await offsetsIn(table)).toEqual(range(0, 399))
})
