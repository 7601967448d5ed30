/**
 * Rows out of each query engine: an integer and a text of 100 characters, page after page, to a reader that counts them. The servers are those of
 * the tests; Treasure Data is the double, which lives in this process and has its result ready by then. Measured from the first rows on.
 */

import { CLICKHOUSE_SQL, startClickhouseEngine } from '../test/conformance/query-engine-clickhouse.ts'
import { DUCKDB_SQL, startDuckdbEngine } from '../test/conformance/query-engine-duckdb.ts'
import { MYSQL_SQL, startMysqlEngine } from '../test/conformance/query-engine-mysql.ts'
import { POSTGRES_SQL, startPostgresEngine } from '../test/conformance/query-engine-postgres.ts'
import { startTreasureDataEngine, TREASURE_DATA_SQL } from '../test/conformance/query-engine-treasure-data.ts'
import { setup } from '../test/support/servers-hook.ts'
import { childrenOf, cpuMicrosOf } from './process-stats.ts'

const ROWS = 500_000
const TEXT_CHARS = 100
/** Of the same query before: code and servers are warm. */
const WARM_UP_ROWS = 50_000
const TIMEOUT_MS = 120_000

const ENGINES = [
  { name: 'duckdb (embedded)', start: startDuckdbEngine, dialect: DUCKDB_SQL, hasOwnProcess: true },
  { name: 'postgres', start: startPostgresEngine, dialect: POSTGRES_SQL },
  { name: 'mysql', start: startMysqlEngine, dialect: MYSQL_SQL },
  { name: 'clickhouse', start: startClickhouseEngine, dialect: CLICKHOUSE_SQL },
  { name: 'treasure-data (double)', start: startTreasureDataEngine, dialect: TREASURE_DATA_SQL },
] as const

export async function queries(): Promise<object[]> {
  const removeServers = await setup()
  try {
    const measured: object[] = []
    for (const engine of ENGINES) measured.push(await measure(engine))
    return measured
  } finally {
    await removeServers()
  }
}

async function measure({ name, start, dialect, ...also }: (typeof ENGINES)[number]): Promise<object> {
  const others = childrenOf(process.pid)
  const { engine, stop } = await start()
  try {
    const own = 'hasOwnProcess' in also ? childrenOf(process.pid).filter((pid) => !others.includes(pid)) : []
    const read = async (rows: number): Promise<object> => {
      const { pages } = await engine.query(
        { sql: dialect.rows(rows, TEXT_CHARS), timeoutMs: TIMEOUT_MS },
        new AbortController().signal,
      )
      const before = process.cpuUsage()
      const childBefore = cpuMicrosOf(own)
      const startedAt = performance.now()
      let count = 0
      let pageCount = 0
      for await (const page of pages) {
        count += page.length
        pageCount++
      }
      const elapsedMs = performance.now() - startedAt
      const { user, system } = process.cpuUsage(before)
      if (count !== rows) throw new Error(`${name}: ${count} rows`)
      return {
        case: name,
        rowsPerSecond: (rows / elapsedMs) * 1000,
        cpuMicrosPerRow: (user + system) / rows,
        ...(own.length === 0 ? {} : { childMicrosPerRow: (cpuMicrosOf(own) - childBefore) / rows }),
        rowsPerPage: rows / pageCount,
      }
    }
    await read(WARM_UP_ROWS)
    return await read(ROWS)
  } finally {
    await stop()
  }
}
