/** Makes the files of the database forget what was taken out of its tables. */

import { type Kysely, sql } from 'kysely'
import { pause } from '../core/clock.ts'
import { asOutage, unavailable } from './outages.ts'
import type { Schema } from './schema.ts'
import type { Store } from './store.ts'

/** A checkpoint that is being made, or a backup that reads, ends some time; each try waits for a moment by itself. */
const TRIES_MAX = 100
const BETWEEN_MS = 50

/**
 * Rewrites the files of the database, so that they hold nothing of rows that were deleted or changed. SQLite: the event loop stands still
 * meanwhile, about a second for 300 MB. PostgreSQL: does nothing, its files are the server's. Throws STORE_UNAVAILABLE.
 */
export async function compactStore({ db, dialect }: Store): Promise<void> {
  if (dialect === 'postgres') return
  await db.connection().execute(async (connection) => {
    // A large database is not built anew in memory.
    await sql`pragma temp_store = file`.execute(connection)
    try {
      await sql`vacuum`.execute(connection)
      await emptyWal(connection)
    } catch (error) {
      throw asOutage(error)
    } finally {
      await sql`pragma temp_store = memory`.execute(connection)
    }
  })
}

async function emptyWal(connection: Kysely<Schema>): Promise<void> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const { rows } = await sql<{ busy: number }>`pragma wal_checkpoint(truncate)`.execute(connection)
    if (rows[0]?.busy === 0) return
    await pause(BETWEEN_MS)
  }
  throw unavailable('its WAL is in use and could not be emptied')
}
