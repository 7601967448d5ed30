/**
 * Opens the database file and shuts its doors: no file but its own and the spool of exports, no extension, no setting changed afterwards. Queries
 * get connections of their own, made before the lock, for the search path is a setting too.
 */

import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { CATALOG, DEFAULT_DATABASE, quoted, textLiteral } from './names.ts'
import { BOOKS_SCHEMA } from './tables.ts'

export interface DatabaseSettings {
  /** Folder of the file; made when missing. */
  readonly folder: string
  readonly threads: number
  readonly memoryBytesMax: number
}

export interface Database {
  readonly loading: DuckDBConnection
  /** For the loads that are taken in while those before them are committed. */
  readonly loadingNext: DuckDBConnection
  readonly exporting: DuckDBConnection
  /** For looks at our own books, beside loads and queries. */
  readonly browsing: DuckDBConnection
  /** At most this many queries at once. */
  readonly querying: readonly DuckDBConnection[]
  /** Private folder that exports may write to. */
  readonly spool: string
  close(): void
}

/**
 * Rows that the engine keeps together. A transaction of as many goes into the file at once, compressed, and not by way of the log and of memory. So:
 * few enough to come together within a second, and enough for counting to be quick.
 */
export const ROW_GROUP_ROWS = 16_384
const CONNECTIONS = 4
/** How much of the disk large sorts and joins may take, in all. */
const TEMP_BYTES_MAX = 2_147_483_648
/** Bytes of the write-ahead log after which it is written into the file. Each time rewrites the youngest rows, so not too often. */
const CHECKPOINT_BYTES = 134_217_728
const LOCK_WAIT_MS = 30_000
const LOCK_LOOK_MS = 50

/** Waits up to LOCK_WAIT_MS while another process, such as our predecessor, still has the file. Throws what the engine says. */
export async function openDatabase(settings: DatabaseSettings): Promise<Database> {
  const { folder } = settings
  const spool = join(folder, 'spool')
  await rm(spool, { recursive: true, force: true })
  await mkdir(spool, { recursive: true, mode: 0o700 })
  const instance = await DuckDBInstance.create(':memory:', {
    threads: String(settings.threads),
    memory_limit: `${settings.memoryBytesMax}B`,
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    allow_community_extensions: 'false',
  })
  const loading = await instance.connect()
  await attachUnlocked(loading, join(folder, `${CATALOG}.duckdb`))
  for (const statement of [
    `SET GLOBAL TimeZone = 'UTC'`,
    `SET temp_directory = ${textLiteral(join(folder, 'temp'))}`,
    `SET max_temp_directory_size = '${TEMP_BYTES_MAX}B'`,
    `SET checkpoint_threshold = '${CHECKPOINT_BYTES}B'`,
    `SET allowed_directories = [${textLiteral(spool)}]`,
    'SET enable_external_access = false',
    `CREATE SCHEMA IF NOT EXISTS ${quoted(DEFAULT_DATABASE)}`,
    ...BOOKS_SCHEMA,
  ])
    await loading.run(statement)
  const querying: DuckDBConnection[] = []
  for (let i = 0; i < CONNECTIONS; i++) {
    const connection = await instance.connect()
    await connection.run(`SET search_path = '${CATALOG}.${DEFAULT_DATABASE}'`)
    querying.push(connection)
  }
  const browsing = await instance.connect()
  await browsing.run(`USE ${CATALOG}`)
  const loadingNext = await instance.connect()
  await loadingNext.run(`USE ${CATALOG}`)
  const exporting = await instance.connect()
  await exporting.run(`SET search_path = '${CATALOG}.${DEFAULT_DATABASE}'`)
  await loading.run('SET GLOBAL lock_configuration = true')
  return {
    loading,
    loadingNext,
    exporting,
    browsing,
    querying,
    spool,
    close: () => {
      for (const connection of [...querying, exporting, browsing, loadingNext, loading])
        connection.closeSync()
      instance.closeSync()
    },
  }
}

async function attachUnlocked(connection: DuckDBConnection, file: string): Promise<void> {
  const until = Date.now() + LOCK_WAIT_MS
  for (;;) {
    try {
      await connection.run(
        `ATTACH ${textLiteral(file)} AS ${CATALOG} (ROW_GROUP_SIZE ${ROW_GROUP_ROWS}, STORAGE_VERSION 'latest')`,
      )
      await connection.run(`USE ${CATALOG}`)
      return
    } catch (error) {
      if (Date.now() > until || !/lock on file/.test(String(error))) throw error
      await new Promise((resolve) => setTimeout(resolve, LOCK_LOOK_MS))
    }
  }
}
