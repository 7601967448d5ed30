/** A folder of Parquet files as a table of events, read by DuckDB as any reader would. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { EVENT_COLUMNS } from '../../src/catalog/columns.ts'
import { parquet } from '../../src/destinations/parquet/parquet.ts'
import { ParquetCredentials, ParquetSettings } from '../../src/destinations/parquet/settings.ts'
import { converse, kindsOf } from '../../src/warehouse/exchange.fixture.ts'
import { ParquetWriter } from '../../src/warehouse/parquet/writer.ts'
import { type EventTable, SOURCES, type TextRow } from './event-tables.ts'

export async function openParquetTable(): Promise<EventTable> {
  const folder = await mkdtemp(join(tmpdir(), 'thalweg-parquet-'))
  const root = join(folder, 'files')
  const writer = new ParquetWriter({ root, scratch: join(folder, 'scratch') })
  const duckdb = await DuckDBInstance.create()
  const connection = await duckdb.connect()
  const columns = EVENT_COLUMNS.map(({ name, type }) =>
    type === 'timestamp' ? `epoch_us(${name})::varchar as ${name}` : `${name}::varchar as ${name}`,
  ).join(', ')
  return {
    async write(table, batch) {
      const settings = ParquetSettings.parse({ table })
      const target = { settings, credentials: ParquetCredentials.parse({}) }
      const events = parquet.events?.writer(target, {} as never, SOURCES)
      if (events === undefined) throw new Error('no intake')
      return kindsOf(await converse(events.write(batch), writer))
    },
    async rows(table) {
      const found = await connection.runAndReadAll(
        `select ${columns} from read_parquet('${root}/${table}/**/*.parquet') as kept order by kept._current, kept._offset`,
      )
      return found.getRowObjects().map((row) => textRow(row as Record<string, string | null>))
    },
    async close() {
      await writer.close()
      connection.closeSync()
      duckdb.closeSync()
      await rm(folder, { recursive: true })
    },
  }
}

const TIMES: ReadonlySet<string> = new Set(
  EVENT_COLUMNS.filter(({ type }) => type === 'timestamp').map(({ name }) => name),
)

function textRow(row: Readonly<Record<string, string | null>>): TextRow {
  return Object.fromEntries(
    Object.entries(row).flatMap(([name, cell]) =>
      cell === null ? [] : [[name, TIMES.has(name) ? isoTime(BigInt(cell)) : cell]],
    ),
  )
}

function isoTime(micros: bigint): string {
  const rest = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n
  const toTheSecond = new Date(Number((micros - rest) / 1000n)).toISOString().slice(0, 19)
  return `${toTheSecond}.${String(rest).padStart(6, '0')}Z`
}

const CATALOGUED: ReadonlySet<string> = new Set(EVENT_COLUMNS.map(({ name }) => name))

/** Fields outside the catalog have no column: all files of a table have the same. */
export function storedInParquet(row: TextRow): TextRow {
  return Object.fromEntries(Object.entries(row).filter(([name]) => CATALOGUED.has(name)))
}
