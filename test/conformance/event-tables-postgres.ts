/** PostgreSQL as a table of events. */

import pg from 'pg'
import { EVENT_COLUMNS } from '../../src/catalog/columns.ts'
import { postgres } from '../../src/destinations/postgres/postgres.ts'
import { PostgresSettings } from '../../src/destinations/postgres/settings.ts'
import { converse, kindsOf } from '../../src/warehouse/exchange.fixture.ts'
import { PostgresLoader } from '../../src/warehouse/postgres/loader.ts'
import { postgresDatabase } from '../support/postgres.ts'
import { type EventTable, SOURCES, type TextRow } from './event-tables.ts'

export async function openPostgresTable(): Promise<EventTable> {
  const database = await postgresDatabase('empty')
  const client = new pg.Client({ connectionString: database.url, types: { getTypeParser: () => String } })
  await client.connect()
  const loader = new PostgresLoader()
  const url = new URL(database.url)
  return {
    async write(table, batch) {
      const settings = PostgresSettings.parse({
        host: url.searchParams.get('host'),
        database: url.pathname.slice(1),
        table,
      })
      const writer = postgres.events?.writer(
        { settings, credentials: { user: 'thalweg' } },
        {} as never,
        SOURCES,
      )
      if (writer === undefined) throw new Error('no intake')
      return kindsOf(await converse(writer.write(batch), loader))
    },
    async rows(table) {
      const { rows } = await client.query<Record<string, string | null>>(
        `select * from ${pg.escapeIdentifier(table)} order by _current, _offset`,
      )
      return rows.map(textRow)
    },
    async close() {
      await loader.close()
      await client.end()
      await database.drop()
    },
  }
}

const TIMES: ReadonlySet<string> = new Set(
  EVENT_COLUMNS.filter(({ type }) => type === 'timestamp').map(({ name }) => name),
)
const TRUTHS: Readonly<Record<string, string>> = { t: 'true', f: 'false' }

function textRow(row: Readonly<Record<string, string | null>>): TextRow {
  return Object.fromEntries(
    Object.entries(row).flatMap(([name, cell]) => {
      if (cell === null) return []
      return [[name, TIMES.has(name) ? isoTime(cell) : BOOLEANS.has(name) ? (TRUTHS[cell] ?? cell) : cell]]
    }),
  )
}

const BOOLEANS: ReadonlySet<string> = new Set(
  EVENT_COLUMNS.filter(({ type }) => type === 'boolean').map(({ name }) => name),
)

/** `2026-01-02 03:04:05.5+00`: the session's time zone is UTC in tests. */
function isoTime(text: string): string {
  const [, day, time, fraction = ''] = /^(\S+) (\d\d:\d\d:\d\d)(?:\.(\d+))?\+00$/.exec(text) ?? []
  return `${day}T${time}.${fraction.padEnd(6, '0')}Z`
}
