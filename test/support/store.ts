/** Stores for tests: fresh, with all tables, gone with the test. */

import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { type Clock, systemClock } from '../../src/core/clock.ts'
import type { Dialect } from '../../src/store/columns.ts'
import { openStore, type Store } from '../../src/store/store.ts'
import { postgresDatabase } from './postgres.ts'
import { tempFolder } from './temp.ts'

export const DIALECTS: readonly Dialect[] = ['sqlite', 'postgres']

/** The URL of a fresh database for the running test: a file in a temporary folder, or a database of the run's PostgreSQL. */
export async function freshStoreUrl(
  dialect: Dialect,
  content: 'migrated' | 'empty' = 'migrated',
): Promise<string> {
  if (dialect === 'sqlite') return `sqlite:${join(await tempFolder(), 'store.db')}`
  const database = await postgresDatabase(content)
  onTestFinished(() => database.drop())
  return database.url
}

/** An open store for the running test; closed and removed when it has finished. */
export async function freshStore(dialect: Dialect = 'sqlite', clock: Clock = systemClock): Promise<Store> {
  const store = await openStore(await freshStoreUrl(dialect), { clock })
  onTestFinished(() => store.close())
  return store
}
