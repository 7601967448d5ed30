/** What the store runs on, and which step its tables are at. */

import { sql } from 'kysely'
import type { Store } from './store.ts'

export interface StoreVersion {
  /** Of SQLite, or of the PostgreSQL server. */
  readonly version: string
  /** Number of the last migration that was applied. */
  readonly step: number
}

export async function storeVersion({ db, dialect }: Store): Promise<StoreVersion> {
  const asked =
    dialect === 'sqlite'
      ? await sql<{ version: string }>`select sqlite_version() as version`.execute(db)
      : await sql<{ version: string }>`select current_setting('server_version') as version`.execute(db)
  const { step } = await db
    .selectFrom('migrations')
    .select((e) => e.fn.coalesce(e.fn.max('number'), sql<number>`0`).as('step'))
    .executeTakeFirstOrThrow()
  return { version: asked.rows[0]?.version ?? '', step }
}
