/** ClickHouse as a table of events. */

import { EVENT_COLUMNS } from '../../src/catalog/columns.ts'
import { HttpTransport } from '../../src/delivery/transport.ts'
import { clickhouse } from '../../src/destinations/clickhouse/clickhouse.ts'
import { ClickhouseSettings } from '../../src/destinations/clickhouse/settings.ts'
import { converse, kindsOf } from '../../src/warehouse/exchange.fixture.ts'
import { clickhouseDatabase } from '../support/clickhouse.ts'
import { type EventTable, SOURCES, type TextRow } from './event-tables.ts'

export async function openClickhouseTable(): Promise<EventTable> {
  const { url, database, user, password, administer, drop } = await clickhouseDatabase()
  const transport = new HttpTransport()
  return {
    async write(table, batch) {
      const settings = ClickhouseSettings.parse({ url, database, table })
      const writer = clickhouse.events?.writer(
        { settings, credentials: { user, password } },
        {} as never,
        SOURCES,
      )
      if (writer === undefined) throw new Error('no intake')
      return kindsOf(await converse(writer.write(batch), transport))
    },
    async rows(table) {
      const text = await administer(
        `select * from ${table} order by _current, _offset settings max_threads = 1, max_read_buffer_size = 65536 format JSONEachRow`,
      )
      return text
        .trimEnd()
        .split('\n')
        .map((line) => textRow(JSON.parse(line) as Record<string, unknown>))
    },
    async close() {
      await transport.close()
      await drop()
    },
  }
}

const TYPES = new Map(EVENT_COLUMNS.map(({ name, type }) => [name, type]))

function textRow(row: Readonly<Record<string, unknown>>): TextRow {
  return Object.fromEntries(
    Object.entries(row).flatMap(([name, cell]) => {
      if (cell === null || (name === 'event_type' && cell === '')) return []
      const type = TYPES.get(name)
      if (type === 'timestamp') return [[name, `${String(cell).replace(' ', 'T')}.000000Z`]]
      return [[name, type === 'boolean' ? String(cell === 1) : String(cell)]]
    }),
  )
}

/**
 * Fields outside the catalog that are JSON have no column. Debian's server, 18.16, knows whole seconds from 1970 to 2105 only: a time beyond
 * stands in `extra`.
 */
export function storedByOldClickhouse(row: TextRow): TextRow {
  const isKept = ([name, cell]: [string, string]): boolean => TYPES.has(name) || !/^[[{]/.test(cell)
  const stored = Object.fromEntries(Object.entries(row).filter(isKept))
  const { time } = row
  if (time !== undefined && (time < '1970' || time >= '2106')) {
    delete stored.time
    stored.extra = JSON.stringify({ time: Date.parse(time) / 1000 })
  }
  for (const name of ['time', '_received_at']) {
    const cell = stored[name]
    if (cell !== undefined) stored[name] = cell.replace(/\.\d+Z$/, '.000000Z')
  }
  return stored
}
