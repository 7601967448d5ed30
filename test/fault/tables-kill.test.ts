/** Kill -9 of the hub at random moments under load: each accepted event is one row in PostgreSQL, in ClickHouse and in the Parquet files. */

import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { seededRandom } from '../../src/core/random.ts'
import { clickhouseDatabase } from '../support/clickhouse.ts'
import { postgresDatabase } from '../support/postgres.ts'
import { startProgram, Traffic } from '../support/program.ts'
import { type Destination, event, startStack } from '../support/stack.ts'
import { tempFolder } from '../support/temp.ts'

const KILLS = 20
const LIFE_MS_MAX = 600

/** A destination, and the id and offset of each of its rows. */
interface Table {
  readonly destination: Destination
  rows(): Promise<readonly (readonly [id: string, offset: number])[]>
}

test(
  `${KILLS} kills: each accepted event is one row`,
  async () => {
    const seed = Number(process.env.THALWEG_TEST_SEED ?? 20_261_128)
    console.log(`tables kill test: THALWEG_TEST_SEED=${seed}`)
    const random = seededRandom(seed)
    const dataDir = await tempFolder()
    const tables = [await inPostgres(), await inClickhouse(), inParquet(dataDir)]
    const first = await startStack({ dataDir })
    for (const { destination } of tables)
      await first.launch(destination.kind, destination, { delivery: { waitMs: 50 } })
    await first.hub.close()

    const traffic = new Traffic((id) => event(id))
    for (let life = 0; life < KILLS; life++) {
      const hub = await startProgram(dataDir)
      const stop = traffic.flowTo(hub.url)
      await new Promise((resolve) => setTimeout(resolve, random() * LIFE_MS_MAX))
      hub.child.kill('SIGKILL')
      await hub.gone
      await stop()
    }

    const stack = await startStack({ dataDir })
    await stack.settled()
    for (const { number } of await stack.hub.currents.list()) {
      const books = await stack.hub.delivery.checkBooks(number)
      expect(books).toMatchObject({ balanced: true, dead: 0, filtered: 0, pending: 0 })
      const rows = await tables[number - 1]?.rows()
      const ids = new Set(rows?.map(([id]) => id))
      const offsets = new Set(rows?.map(([, offset]) => offset))
      expect([number, rows?.length, ids.size, offsets.size]).toEqual([
        number,
        ...new Array<number | undefined>(3).fill(books?.accepted),
      ])
      expect([...traffic.acknowledged].filter((id) => !ids.has(id))).toEqual([])
    }
  },
  10 * 60_000,
)

async function inPostgres(): Promise<Table> {
  const database = await postgresDatabase('empty')
  onTestFinished(() => database.drop())
  const url = new URL(database.url)
  return {
    destination: {
      kind: 'postgres',
      settings: { host: url.searchParams.get('host'), database: url.pathname.slice(1) },
      credentials: { user: 'thalweg' },
    },
    async rows() {
      const client = new pg.Client({ connectionString: database.url })
      await client.connect()
      const { rows } = await client.query<{ id: string; _offset: string }>('select id, _offset from events')
      await client.end()
      return rows.map(({ id, _offset }) => [id, Number(_offset)])
    },
  }
}

async function inClickhouse(): Promise<Table> {
  const { url, database, user, password, administer, drop } = await clickhouseDatabase()
  onTestFinished(drop)
  return {
    destination: { kind: 'clickhouse', settings: { url, database }, credentials: { user, password } },
    async rows() {
      const text = await administer('select id, _offset from events format TabSeparated')
      const lines = text.trimEnd().split('\n')
      return lines.map((line) => line.split('\t')).map(([id = '', offset]) => [id, Number(offset)])
    },
  }
}

function inParquet(dataDir: string): Table {
  return {
    destination: { kind: 'parquet', settings: {}, credentials: {} },
    async rows() {
      const duckdb = await DuckDBInstance.create()
      const connection = await duckdb.connect()
      const found = await connection.runAndReadAll(
        `select id, _offset::double from read_parquet('${join(dataDir, 'parquet/events/**/*.parquet')}')`,
      )
      connection.closeSync()
      duckdb.closeSync()
      return found.getRows().map(([id, offset]) => [String(id), Number(offset)])
    },
  }
}
