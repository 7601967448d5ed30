/** The embedded warehouse as a table of events. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EVENT_COLUMNS } from '../../src/catalog/columns.ts'
import { systemClock } from '../../src/core/clock.ts'
import { WarehouseSettings } from '../../src/destinations/warehouse/settings.ts'
import { warehouse } from '../../src/destinations/warehouse/warehouse.ts'
import { openEmbeddedWarehouse } from '../../src/warehouse/duckdb/duckdb.ts'
import { converse, kindsOf, NEVER } from '../../src/warehouse/exchange.fixture.ts'
import type { Cell } from '../../src/warehouse/warehouse.ts'
import { type EventTable, SOURCES, type TextRow } from './event-tables.ts'

const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined }

export async function openDuckdbTable(): Promise<EventTable> {
  const dataDir = await mkdtemp(join(tmpdir(), 'thalweg-duckdb-'))
  const embedded = openEmbeddedWarehouse({
    dataDir,
    threads: 1,
    memoryBytesMax: 500_000_000,
    retentionAgeMs: 0,
    clock: systemClock,
    logger: SILENT,
  })
  return {
    async write(table, batch) {
      const target = { settings: WarehouseSettings.parse({ table, shape: 'events' }), credentials: {} }
      const writer = warehouse.events?.writer(target, {} as never, SOURCES)
      if (writer === undefined) throw new Error('no intake')
      return kindsOf(await converse(writer.write(batch), embedded))
    },
    async rows(table) {
      const { columns, pages } = await embedded.engine.query(
        { sql: `select * from braze.${table} order by _current, _offset`, timeoutMs: 20_000 },
        NEVER,
      )
      const rows: TextRow[] = []
      for await (const page of pages) rows.push(...page.map((cells) => textRow(columns, cells)))
      return rows
    },
    async close() {
      await embedded.close()
      await rm(dataDir, { recursive: true })
    },
  }
}

const TIMES: ReadonlySet<string> = new Set(
  EVENT_COLUMNS.filter(({ type }) => type === 'timestamp').map(({ name }) => name),
)

function textRow(columns: readonly { readonly name: string }[], cells: readonly Cell[]): TextRow {
  return Object.fromEntries(
    columns.flatMap(({ name }, place) => {
      const cell = cells[place] ?? null
      if (cell === null) return []
      return [[name, TIMES.has(name) ? microseconds(String(cell)) : String(cell)]]
    }),
  )
}

/** Six digits behind the second, as all others have them. */
function microseconds(iso: string): string {
  const [, second, fraction = ''] = /^(.*?)(?:\.(\d+))?Z$/.exec(iso) ?? []
  return `${second}.${fraction.padEnd(6, '0')}Z`
}
