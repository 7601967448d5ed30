/**
 * Rows per second into tables of events, from batches in memory to the database's answer: PostgreSQL and ClickHouse as the tests run them (no
 * syncs in PostgreSQL), Parquet files in a local folder. CPU is that of the process that makes the rows, not of the database.
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EventBatch } from '../src/core/batch.ts'
import { HttpTransport } from '../src/delivery/transport.ts'
import { clickhouse } from '../src/destinations/clickhouse/clickhouse.ts'
import { ClickhouseSettings } from '../src/destinations/clickhouse/settings.ts'
import type { EventWriter } from '../src/destinations/destination.ts'
import { parquet } from '../src/destinations/parquet/parquet.ts'
import { ParquetSettings } from '../src/destinations/parquet/settings.ts'
import { postgres } from '../src/destinations/postgres/postgres.ts'
import { PostgresSettings } from '../src/destinations/postgres/settings.ts'
import { batchOf } from '../src/destinations/rehearsal.fixture.ts'
import { buildLoadBodies } from '../src/sandbox/simulator/load.ts'
import { converse, kindsOf, type Sender } from '../src/warehouse/exchange.fixture.ts'
import { ParquetWriter } from '../src/warehouse/parquet/writer.ts'
import { PostgresLoader } from '../src/warehouse/postgres/loader.ts'
import { clickhouseDatabase } from '../test/support/clickhouse.ts'
import { postgresDatabase } from '../test/support/postgres.ts'
import { setup } from '../test/support/servers-hook.ts'

const BATCH_ROWS = 5_000
const BATCHES = 8
/** Makes tables, columns and processes. */
const WARM_UP = 1

interface Target {
  readonly name: string
  readonly writer: EventWriter
  readonly sender: Sender
  readonly close: () => Promise<void>
}

export async function tables(): Promise<object[]> {
  const removeServers = await setup()
  try {
    const rows: object[] = []
    for (const open of [intoPostgres, intoClickhouse, intoParquet]) {
      const target = await open()
      rows.push(await measure(target))
      await target.close()
    }
    return rows
  } finally {
    await removeServers()
  }
}

async function measure({ name, writer, sender }: Target): Promise<object> {
  const events = buildLoadBodies({ seed: 600, bodies: BATCH_ROWS / 100, eventsPerBody: 100 }).flatMap(
    ({ body }) => (JSON.parse(body.toString()) as { events: object[] }).events,
  )
  const batch = batchOf(events)
  const write = async (n: number): Promise<void> => {
    const kind = kindsOf(await converse(writer.write(shifted(batch, n * BATCH_ROWS)), sender))
    if (kind !== 'delivered') throw new Error(`${name}: ${kind}`)
  }
  for (let n = 0; n < WARM_UP; n++) await write(n)
  const before = process.cpuUsage()
  const startedAt = performance.now()
  for (let n = WARM_UP; n < WARM_UP + BATCHES; n++) await write(n)
  const elapsedMs = performance.now() - startedAt
  const { user, system } = process.cpuUsage(before)
  const rows = BATCHES * BATCH_ROWS
  return {
    case: name,
    bytesPerEvent: Math.round(batch.joined.length / batch.count),
    rowsPerSecond: Math.round((rows / elapsedMs) * 1000),
    cpuMicrosPerRow: (user + system) / rows,
  }
}

function shifted(batch: EventBatch, by: number): EventBatch {
  return { ...batch, offsets: batch.offsets.map((offset) => offset + by) }
}

function made(writer: EventWriter | undefined): EventWriter {
  if (writer === undefined) throw new Error('no intake')
  return writer
}

async function intoPostgres(): Promise<Target> {
  const { url, drop } = await postgresDatabase('empty')
  const { searchParams, pathname } = new URL(url)
  const settings = PostgresSettings.parse({ host: searchParams.get('host'), database: pathname.slice(1) })
  const loader = new PostgresLoader()
  return {
    name: 'PostgreSQL',
    writer: made(
      postgres.events?.writer({ settings, credentials: { user: 'thalweg' } }, {} as never, new Map()),
    ),
    sender: loader,
    close: async () => {
      await loader.close()
      await drop()
    },
  }
}

async function intoClickhouse(): Promise<Target> {
  const { url, database, user, password, drop } = await clickhouseDatabase()
  const settings = ClickhouseSettings.parse({ url, database })
  const transport = new HttpTransport()
  return {
    name: 'ClickHouse',
    writer: made(
      clickhouse.events?.writer({ settings, credentials: { user, password } }, {} as never, new Map()),
    ),
    sender: transport,
    close: async () => {
      await transport.close()
      await drop()
    },
  }
}

async function intoParquet(): Promise<Target> {
  const folder = await mkdtemp(join(tmpdir(), 'thalweg-bench-tables-'))
  const writer = new ParquetWriter({ root: join(folder, 'files'), scratch: join(folder, 'scratch') })
  const settings = ParquetSettings.parse({})
  return {
    name: 'Parquet, by type and day (14 files a flush)',
    writer: made(parquet.events?.writer({ settings, credentials: {} }, {} as never, new Map())),
    sender: writer,
    close: async () => {
      await writer.close()
      await rm(folder, { recursive: true })
    },
  }
}
