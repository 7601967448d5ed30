/** Makes the files of the database forget what was taken out of its tables. */

import { sql } from 'kysely'
import { asOutage } from './outages.ts'
import type { Store } from './store.ts'

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
      await sql`pragma wal_checkpoint(truncate)`.execute(connection)
    } catch (error) {
      throw asOutage(error)
    } finally {
      await sql`pragma temp_store = memory`.execute(connection)
    }
  })
}
