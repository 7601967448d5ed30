/** Stores for tests: fresh, with all tables, gone with the test. */

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { type Clock, pause, systemClock } from '../../src/core/clock.ts'
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
  if (dialect === 'sqlite') {
    const file = join(await tempFolder(), 'store.db')
    if (content === 'migrated') await layStore(file)
    return `sqlite:${file}`
  }
  const database = await postgresDatabase(content)
  onTestFinished(() => database.drop())
  return database.url
}

let migrated: Promise<Buffer> | undefined

/** Puts a SQLite file with all tables where there is none: bringing up an empty one takes as long as many a test. */
export async function layStore(file: string): Promise<void> {
  migrated ??= migratedFile()
  await writeFile(file, await migrated, { mode: 0o600, flag: 'wx' })
}

async function migratedFile(): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'thalweg-store-'))
  const file = join(folder, 'store.db')
  const store = await openStore(`sqlite:${file}`, { clock: systemClock })
  await store.close()
  const bytes = await readFile(file)
  await rm(folder, { recursive: true })
  return bytes
}

/** An open store for the running test; closed and removed when it has finished. */
export async function freshStore(dialect: Dialect = 'sqlite', clock: Clock = systemClock): Promise<Store> {
  const store = await openStore(await freshStoreUrl(dialect), { clock })
  onTestFinished(() => store.close())
  return store
}

export interface HeldStore {
  readonly store: Store
  /** What is asked from now on outside of transactions is asked at once, and answered only when let go. */
  hold(): void
  /** What is asked from now on is answered as usual. */
  holdNoMore(): void
  letGo(): void
}

/** A store on PostgreSQL, some of whose answers are late. */
export async function heldStore(clock: Clock = systemClock): Promise<HeldStore> {
  // SQLite has one connection: a late answer would hold up everybody.
  const inner = await freshStore('postgres', clock)
  const { promise, resolve } = Promise.withResolvers<void>()
  const late = inner.db.withPlugin({
    transformQuery: ({ node }) => node,
    transformResult: async ({ result }) => {
      await promise
      return result
    },
  })
  let { db } = inner
  const store: Store = {
    dialect: inner.dialect,
    capabilities: inner.capabilities,
    get db() {
      return db
    },
    transaction: (work, options) => inner.transaction(work, options),
    fencedBy: (lease) => inner.fencedBy(lease),
    close: () => inner.close(),
  }
  return {
    store,
    hold: () => {
      db = late
    },
    holdNoMore: () => {
      ;({ db } = inner)
    },
    letGo: resolve,
  }
}

/** Has `read` get its answer only after `change` has come as far as it can beside it. */
export async function readBeside<T>(
  { hold, holdNoMore, letGo }: HeldStore,
  read: () => Promise<unknown>,
  change: () => Promise<T>,
): Promise<T> {
  hold()
  const reading = read()
  // Its first question is asked.
  await pause(0)
  holdNoMore()
  const changing = change()
  await Promise.race([changing, pause(300)])
  letGo()
  await reading
  return changing
}
