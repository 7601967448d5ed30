/** The promises of the store, kept by SQLite and by a real PostgreSQL alike. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { type Kysely, sql } from 'kysely'
import pg from 'pg'
import { describe, expect, onTestFinished, test } from 'vitest'
import { pause, systemClock } from '../../src/core/clock.ts'
import { ThalwegError } from '../../src/core/errors.ts'
import { seededRandom } from '../../src/core/random.ts'
import { CONTROL_PLAN, migrate } from '../../src/store/migrate.ts'
import { INDEXED_CHARS_MAX, type LedgerTable, type Schema } from '../../src/store/schema.ts'
import { openStore, type Store, violatesUnique } from '../../src/store/store.ts'
import { eventually } from '../support/eventually.ts'
import { DIALECTS, freshStore, freshStoreUrl } from '../support/store.ts'

const TABLES = [
  'activation_versions',
  'activations',
  'alert_channels',
  'alert_messages',
  'alert_notices',
  'alerts',
  'api_tokens',
  'audit',
  'audit_states',
  'authorizations',
  'batches',
  'changes',
  'checkpoints',
  'config_applies',
  'config_objects',
  'current_versions',
  'currents',
  'dead_letter_counts',
  'dead_letters',
  'drift',
  'drift_position',
  'erasure_parts',
  'erasures',
  'export_log',
  'export_versions',
  'exports',
  'import_files',
  'import_hours',
  'imports',
  'intake',
  'leases',
  'ledger',
  'meta',
  'migrations',
  'node_names',
  'nodes',
  'people',
  'profile_schemas',
  'quarantine',
  'query_engines',
  'replays',
  'rule_audience_versions',
  'rule_audiences',
  'runs',
  'saved_queries',
  'saved_query_versions',
  'segment_versions',
  'segments',
  'sessions',
  'source_tokens',
  'sources',
  'suppressions',
]

async function open(url: string): Promise<Store> {
  const store = await openStore(url, { clock: systemClock })
  onTestFinished(() => store.close())
  return store
}

async function code(work: Promise<unknown>): Promise<string | undefined> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (error !== undefined && !(error instanceof ThalwegError)) throw error
  return error?.code
}

function source(name: string, deleted_at: number | null = null) {
  return { name, kind: 'braze-currents', settings: '{}', created_at: 1, updated_at: 1, deleted_at }
}

function current(key: string, name: string, state = 'draft') {
  return {
    key,
    name,
    state,
    state_reason: '',
    state_since: 1,
    version: 1,
    start_offset: null,
    created_at: 1,
    launched_at: null,
  }
}

function line(count: number, over: Partial<LedgerTable> = {}): LedgerTable {
  return {
    current: 1,
    minute: 28_000_000,
    event_type: 'users.click',
    outcome: 'delivered',
    reason: '',
    count,
    ...over,
  }
}

function addToLedger(db: Kysely<Schema>, lines: readonly LedgerTable[]): Promise<unknown> {
  return db
    .insertInto('ledger')
    .values(lines)
    .onConflict((conflict) =>
      conflict
        .columns(['current', 'minute', 'event_type', 'outcome', 'reason'])
        .doUpdateSet((e) => ({ count: e('ledger.count', '+', e.ref('excluded.count')) })),
    )
    .execute()
}

function counts(db: Kysely<Schema>): Promise<{ reason: string; count: number }[]> {
  return db.selectFrom('ledger').select(['reason', 'count']).orderBy('reason').execute()
}

describe.each(DIALECTS)('store on %s', (dialect) => {
  test('an empty database gets every table, and opening it again changes nothing', async () => {
    const url = await freshStoreUrl(dialect, 'empty')
    const first = await open(url)
    const tables = await first.db.introspection.getTables()
    expect(tables.map((table) => table.name).sort()).toEqual(TABLES)
    await first.db.insertInto('meta').values({ key: 'k', value: 'kept' }).execute()
    const applied = await first.db.selectFrom('migrations').selectAll().execute()
    await first.close()

    const second = await open(url)
    expect(await second.db.selectFrom('migrations').selectAll().execute()).toEqual(applied)
    expect(await second.db.selectFrom('meta').selectAll().execute()).toEqual([{ key: 'k', value: 'kept' }])
  })

  test('several starts at once bring the tables up to date once', async () => {
    const url = await freshStoreUrl(dialect, 'empty')
    const stores = await Promise.all([1, 2, 3].map(() => open(url)))
    for (const store of stores) {
      expect(await store.db.selectFrom('migrations').selectAll().execute()).toHaveLength(
        CONTROL_PLAN.steps.length,
      )
    }
  })

  test('a database of a newer program is refused and left as it is', async () => {
    const url = await freshStoreUrl(dialect)
    const newer = await open(url)
    await newer.db.insertInto('migrations').values({ number: 9999, name: 'later', applied_at: 1 }).execute()
    await newer.close()
    await expect(openStore(url, { clock: systemClock })).rejects.toMatchObject({
      code: 'STORE_NEWER',
      message: expect.stringContaining('step 9999'),
    })
  })

  test('a step that fails leaves nothing behind, and the next start goes on from there', async () => {
    const { db } = await freshStore(dialect)
    const retry = { clock: systemClock, random: seededRandom(1) }
    const halfway = {
      number: CONTROL_PLAN.steps.length + 1,
      name: 'halfway',
      up: async (tx: Kysely<Schema>) => {
        await tx.schema.createTable('halfway').addColumn('a', 'integer').execute()
        throw new Error('power cut')
      },
    }
    await expect(
      migrate(db, dialect, retry, { ...CONTROL_PLAN, steps: [...CONTROL_PLAN.steps, halfway] }),
    ).rejects.toThrow('power cut')
    expect((await db.introspection.getTables()).map((table) => table.name)).not.toContain('halfway')
    const mended = {
      ...halfway,
      up: (tx: Kysely<Schema>) => tx.schema.createTable('halfway').addColumn('a', 'integer').execute(),
    }
    expect(
      await migrate(db, dialect, retry, { ...CONTROL_PLAN, steps: [...CONTROL_PLAN.steps, mended] }),
    ).toEqual(['halfway'])
  })

  test('a transaction that throws leaves nothing behind and passes the error on', async () => {
    const store = await freshStore(dialect)
    const broken = store.transaction(async (tx) => {
      await addToLedger(tx, [line(1)])
      throw new ThalwegError('CURRENT_STATE', 'halted meanwhile')
    })
    expect(await code(broken)).toBe('CURRENT_STATE')
    expect(await counts(store.db)).toEqual([])
  })

  test('a reading of one instant sees nothing of what is committed meanwhile', async () => {
    const store = await freshStore(dialect)
    await addToLedger(store.db, [line(1)])
    let meanwhile: Promise<unknown> | undefined
    const [before, after] = await store.transaction(
      async (tx) => {
        const first = await counts(tx)
        meanwhile ??= store.transaction((other) => addToLedger(other, [line(2)]))
        // On SQLite it waits for us.
        await Promise.race([meanwhile, pause(200)])
        return [first, await counts(tx)]
      },
      { ofOneInstant: true },
    )
    expect(after).toEqual(before)
    await meanwhile
    expect(await counts(store.db)).not.toEqual(before)
  })

  test('transactions that wait in the middle do not see or carry each other’s rows', async () => {
    const store = await freshStore(dialect)
    const order: string[] = []
    async function settle(name: string, fails: boolean): Promise<void> {
      await store.transaction(async (tx) => {
        await addToLedger(tx, [line(1, { reason: name })])
        await new Promise((resolve) => setImmediate(resolve))
        order.push(name)
        const seen = (await counts(tx)).map((row) => row.reason)
        expect(seen).toContain(name)
        expect(seen).not.toContain('fails')
        if (fails) throw new ThalwegError('CURRENT_STATE', 'no')
      })
    }
    const names = ['a', 'b', 'c', 'd', 'e']
    const failing = store.transaction(async (tx) => {
      await addToLedger(tx, [line(1, { reason: 'fails' })])
      await new Promise((resolve) => setImmediate(resolve))
      throw new ThalwegError('CURRENT_STATE', 'no')
    })
    const settled = await Promise.allSettled([failing, ...names.map((name) => settle(name, false))])
    expect(settled.map((result) => result.status)).toEqual(['rejected', ...names.map(() => 'fulfilled')])
    expect(order.toSorted()).toEqual(names)
    expect((await counts(store.db)).map((row) => row.reason)).toEqual(names)
  })

  test('a hundred transactions that add to the same lines lose no count', async () => {
    const store = await freshStore(dialect)
    const reasons = ['', 'no_external_id', 'not_selected']
    await Promise.all(
      Array.from({ length: 100 }, () =>
        store.transaction((tx) =>
          addToLedger(
            tx,
            reasons.map((reason, i) => line(i + 1, { reason })),
          ),
        ),
      ),
    )
    expect(await counts(store.db)).toEqual([
      { reason: '', count: 100 },
      { reason: 'no_external_id', count: 200 },
      { reason: 'not_selected', count: 300 },
    ])
  })

  test('transactions that upsert in opposite orders are tried again until all are in', async () => {
    const store = await freshStore(dialect)
    const reasons = ['a', 'b', 'c', 'd']
    await Promise.all(
      Array.from({ length: 4 }, (_, i) =>
        store.transaction(async (tx) => {
          for (const reason of i % 2 === 0 ? reasons : reasons.toReversed()) {
            await addToLedger(tx, [line(1, { reason })])
          }
        }),
      ),
    )
    expect(await counts(store.db)).toEqual(reasons.map((reason) => ({ reason, count: 4 })))
  })

  test('whole numbers come back as numbers up to 2^53 - 1, sums and counts too; text and bytes come back as given', async () => {
    const { db } = await freshStore(dialect)
    const far = Number.MAX_SAFE_INTEGER
    const bytes = new Uint8Array(1024).map((_, i) => i % 256)
    const row = { current: 7, id: 'b', slice_from: far - 1, slice_to: far, first_offset: 0, last_offset: 0 }
    const rest = { delivered: 1, failed: 2, skipped: 3, version: 1, replay: null, attempts: 1, status: 200 }
    await db
      .insertInto('batches')
      .values({ ...row, ...rest, records: bytes, count: 4, first_sent_at: 1, settled_at: 1_760_000_000_000 })
      .execute()
    const kept = await db.selectFrom('batches').selectAll().executeTakeFirstOrThrow()
    expect(kept).toMatchObject({ ...row, ...rest, settled_at: 1_760_000_000_000 })
    expect(kept.records?.constructor).toBe(Uint8Array)
    expect(kept.records).toEqual(bytes)
    const sums = await db
      .selectFrom('batches')
      .select((e) => [e.fn.sum<number>('count').as('sum'), e.fn.countAll<number>().as('rows')])
      .executeTakeFirstOrThrow()
    expect(sums).toEqual({ sum: 4, rows: 1 })

    const texts = ['', 'żółw ☕ 𝄞', "'; drop table meta; --", '{"a":"\\u0000"}']
    for (const text of texts) await db.insertInto('meta').values({ key: text, value: text }).execute()
    const back = await db.selectFrom('meta').selectAll().execute()
    expect(back.map((entry) => entry.value).sort()).toEqual(texts.toSorted())
  })

  test('division of whole numbers gives whole numbers', async () => {
    const { db } = await freshStore(dialect)
    await addToLedger(db, [line(1, { minute: 119 })])
    const hour = await db
      .selectFrom('ledger')
      .select((e) => e('minute', '/', 60).as('hour'))
      .executeTakeFirstOrThrow()
    expect(hour).toEqual({ hour: 1 })
  })

  test('U+0000 in text becomes U+FFFD, so that the same name is the same row in both dialects', async () => {
    const { db } = await freshStore(dialect)
    const row = { source: 1, minute: 1, accepted: 1, bytes: 1 }
    for (const event_type of ['a\0b', 'a\ufffdb']) {
      await db
        .insertInto('intake')
        .values({ ...row, event_type })
        .onConflict((conflict) => conflict.columns(['source', 'minute', 'event_type']).doNothing())
        .execute()
    }
    const found = await db
      .selectFrom('intake')
      .select('event_type')
      .where('event_type', '=', 'a\0b')
      .execute()
    expect(found).toEqual([{ event_type: 'a\ufffdb' }])
  })

  test('names of the greatest length fit into every index', async () => {
    const { db } = await freshStore(dialect)
    const random = seededRandom(1)
    // Random, three bytes each: text that repeats would be compressed before the limit of an index entry applies.
    const longest = Array.from({ length: INDEXED_CHARS_MAX }, () =>
      String.fromCharCode(0x4e00 + random() * 0x5000),
    ).join('')
    await addToLedger(db, [line(1, { event_type: longest, reason: longest })])
    expect(await counts(db)).toEqual([{ reason: longest, count: 1 }])
  })

  test('text is ordered by its bytes, not by a language', async () => {
    const { db } = await freshStore(dialect)
    for (const key of ['b', 'B', 'a', 'Z', 'é', '_', '1'])
      await db.insertInto('meta').values({ key, value: '' }).execute()
    const rows = await db.selectFrom('meta').select('key').orderBy('key').execute()
    expect(rows.map((row) => row.key)).toEqual(['1', 'B', 'Z', '_', 'a', 'b', 'é'])
  })

  test.each([
    [
      'text where a number belongs',
      sql`insert into checkpoints (current, position, updated_at) values (1, 'x', 1)`,
    ],
    ['no value where one is needed', sql`insert into checkpoints (current, position) values (1, 1)`],
    [
      'a token of no source',
      sql`insert into source_tokens (id, source, label, hash, created_at) values ('t', 77, '', ${new Uint8Array(2)}, 1)`,
    ],
  ])('refused: %s', async (_, statement) => {
    const { db } = await freshStore(dialect)
    const error = await statement.execute(db).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(Error)
    expect(error).not.toBeInstanceOf(ThalwegError)
    expect(violatesUnique(error)).toBe(false)
  })

  test('names are unique among what is not deleted; numbers are given out and never twice', async () => {
    const { db } = await freshStore(dialect)
    const insert = (name: string, deleted: number | null = null) =>
      db.insertInto('sources').values(source(name, deleted)).returning('number').executeTakeFirstOrThrow()
    const first = await insert('braze')
    expect(typeof first.number).toBe('number')
    const taken = await insert('braze').catch((error: unknown) => error)
    expect(violatesUnique(taken)).toBe(true)
    await db.updateTable('sources').set({ deleted_at: 5 }).where('number', '=', first.number).execute()
    const second = await insert('braze')
    expect(second.number).toBeGreaterThan(first.number)
    await db.deleteFrom('sources').where('number', '=', second.number).execute()
    expect((await insert('other')).number).toBeGreaterThan(second.number)

    await db.insertInto('currents').values(current('aaaaaaaa', 'to td')).execute()
    const again = await db
      .insertInto('currents')
      .values(current('bbbbbbbb', 'to td'))
      .execute()
      .catch((error: unknown) => error)
    expect(violatesUnique(again)).toBe(true)
    await db.updateTable('currents').set({ state: 'deleted' }).execute()
    await db.insertInto('currents').values(current('bbbbbbbb', 'to td')).execute()
    const sameKey = await db
      .insertInto('currents')
      .values(current('aaaaaaaa', 'x'))
      .execute()
      .catch((error: unknown) => error)
    expect(violatesUnique(sameKey)).toBe(true)
  })

  test('a closed store lets what is under way end, then refuses', async () => {
    const url = await freshStoreUrl(dialect)
    const store = await open(url)
    const underWay = store.transaction(async (tx) => {
      await addToLedger(tx, [line(1)])
      await new Promise((resolve) => setImmediate(resolve))
      await addToLedger(tx, [line(1)])
    })
    await Promise.all([store.close(), store.close()])
    await underWay
    expect(await code(store.transaction(async () => 1))).toBe('STORE_UNAVAILABLE')
    expect(await counts((await open(url)).db)).toEqual([{ reason: '', count: 2 }])
  })
})

describe('store on sqlite, in trouble', () => {
  test('the file is for its owner alone and every commit is synced', async () => {
    const url = await freshStoreUrl('sqlite')
    const { db } = await open(url)
    await db.insertInto('meta').values({ key: 'a', value: '' }).execute()
    for (const suffix of ['', '-wal']) {
      expect((await stat(`${url.slice('sqlite:'.length)}${suffix}`)).mode & 0o777).toBe(0o600)
    }
    const settings = await Promise.all([
      sql<{ synchronous: number }>`pragma synchronous`.execute(db),
      sql<{ journal_mode: string }>`pragma journal_mode`.execute(db),
      sql<{ foreign_keys: number }>`pragma foreign_keys`.execute(db),
    ])
    expect(settings.map((result) => result.rows[0])).toEqual([
      { synchronous: 2 },
      { journal_mode: 'wal' },
      { foreign_keys: 1 },
    ])
  })

  test('a full disk is STORE_UNAVAILABLE with the cause, keeps nothing of the transaction, and passes', async () => {
    const store = await freshStore('sqlite')
    const { rows } = await sql<{ page_count: number }>`pragma page_count`.execute(store.db)
    const limit = (pages: number) => sql`pragma max_page_count = ${sql.lit(pages)}`.execute(store.db)
    await limit((rows[0]?.page_count ?? 0) + 2)
    const work = () =>
      store.transaction(async (tx) => {
        await addToLedger(tx, [line(1)])
        await tx
          .insertInto('meta')
          .values({ key: 'big', value: 'x'.repeat(100_000) })
          .execute()
      })
    await expect(work()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', cause: { errcode: 13 } })
    expect(await counts(store.db)).toEqual([])
    await limit(1_000_000)
    await work()
    expect(await counts(store.db)).toEqual([{ reason: '', count: 1 }])
  })

  test('a lock of another process is waited for, and STORE_UNAVAILABLE when it stays', async () => {
    const url = await freshStoreUrl('sqlite')
    const store = await open(url)
    const other = new DatabaseSync(url.slice('sqlite:'.length))
    onTestFinished(() => other.close())
    other.exec('begin immediate')
    await expect(store.transaction((tx) => addToLedger(tx, [line(1)]))).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('in the way'),
    })
    const waiting = store.transaction((tx) => addToLedger(tx, [line(1)]))
    other.exec('rollback')
    await waiting
    expect(await counts(store.db)).toEqual([{ reason: '', count: 1 }])
  })

  test('a place that cannot be written', async () => {
    expect(await code(openStore('/dev/null/store.db', { clock: systemClock }))).toBe('STORE_UNAVAILABLE')
  })

  test('a file that is no database', async () => {
    expect(await code(openStore(fileURLToPath(import.meta.url), { clock: systemClock }))).toBe(
      'STORE_UNAVAILABLE',
    )
  })

  test('more transactions than may wait are refused at once', async () => {
    const store = await freshStore('sqlite')
    let release = (): void => undefined
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    const waiting = Array.from({ length: 1000 }, () => store.transaction(() => gate))
    expect(await code(store.transaction(async () => 1))).toBe('STORE_UNAVAILABLE')
    release()
    await Promise.all(waiting)
    expect(await store.transaction(async () => 1)).toBe(1)
  })

  test('kill -9 in the middle of transactions leaves only whole ones, and all that were acknowledged', async () => {
    const seed = Number(process.env.THALWEG_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))
    console.info(`seed ${seed}`)
    const random = seededRandom(seed)
    const url = await freshStoreUrl('sqlite')
    let acknowledged = 0
    for (let round = 0; round < 6; round++) {
      acknowledged = await killAfter(url, 5 + Math.floor(random() * 60), random() * 3)
      const store = await openStore(url, { clock: systemClock })
      const position = (await store.db.selectFrom('checkpoints').select('position').executeTakeFirstOrThrow())
        .position
      expect(position).toBeGreaterThanOrEqual(acknowledged)
      expect(position).toBeLessThanOrEqual(acknowledged + 1)
      const lines = await store.db
        .selectFrom('ledger')
        .select(['minute', 'count'])
        .orderBy('minute')
        .execute()
      expect(lines).toEqual(Array.from({ length: 20 }, (_, minute) => ({ minute, count: position })))
      const rows = await store.db.selectFrom('quarantine').select('offset').orderBy('offset').execute()
      expect(rows.map((row) => row.offset)).toEqual(Array.from({ length: position }, (_, i) => i + 1))
      const { rows: check } = await sql`pragma integrity_check`.execute(store.db)
      expect(check).toEqual([{ integrity_check: 'ok' }])
      await store.close()
    }
  }, 60_000)
})

/** Runs the child until it has acknowledged `count` more transactions, kills it a moment later; returns the last it acknowledged. */
async function killAfter(url: string, count: number, momentMs: number): Promise<number> {
  const program = fileURLToPath(new URL('./store-crash-child.ts', import.meta.url))
  const child = spawn(process.execPath, [program, url], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'close')
  let seen = 0
  let last = 0
  for await (const text of createInterface({ input: child.stdout })) {
    last = Number(text)
    if (++seen === count) setTimeout(() => child.kill('SIGKILL'), momentMs)
  }
  const [, signal] = await ended
  expect(signal).toBe('SIGKILL')
  return last
}

describe('store on postgres, in trouble', () => {
  test('a server that is not there is STORE_UNAVAILABLE, and the password is not told', async () => {
    const error = await openStore('postgres://u:geheim@127.0.0.1:1/db', { clock: systemClock }).catch(
      (e: unknown) => e,
    )
    expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE', cause: { code: 'ECONNREFUSED' } })
    expect(String(error)).not.toContain('geheim')
  })

  test('a database that does not exist is STORE_UNAVAILABLE', async () => {
    const url = (await freshStoreUrl('postgres')).replace(/\/t_[0-9a-f]+/, '/absent')
    expect(await code(openStore(url, { clock: systemClock }))).toBe('STORE_UNAVAILABLE')
  })

  test('a connection cut in the middle of a transaction is STORE_UNAVAILABLE, keeps nothing, and the next one works', async () => {
    const url = await freshStoreUrl('postgres')
    const store = await open(url)
    const cut = store.transaction(async (tx) => {
      await addToLedger(tx, [line(1)])
      await cutOthers(url)
      await addToLedger(tx, [line(1)])
    })
    expect(await code(cut)).toBe('STORE_UNAVAILABLE')
    expect(await counts(store.db)).toEqual([])
    await store.transaction((tx) => addToLedger(tx, [line(1)]))
    expect(await counts(store.db)).toEqual([{ reason: '', count: 1 }])
  })

  test('connections cut while nobody uses them are replaced without a word to the caller', async () => {
    const url = await freshStoreUrl('postgres')
    const lost: string[] = []
    const store = await openStore(url, {
      clock: systemClock,
      logger: { info: () => undefined, warn: (_, message) => lost.push(message) },
    })
    onTestFinished(() => store.close())
    await counts(store.db)
    await cutOthers(url)
    await eventually('the loss is noticed', () => lost.length > 0)
    expect(await counts(store.db)).toEqual([])
  })

  test('a database in another encoding is refused before anything is made in it', async () => {
    const url = await freshStoreUrl('postgres')
    const name = `latin_${Math.random().toString(36).slice(2, 10)}`
    const admin = new pg.Client({ connectionString: url })
    await admin.connect()
    onTestFinished(async () => {
      await admin.query(`drop database if exists ${name} with (force)`)
      await admin.end()
    })
    await admin.query(`create database ${name} encoding 'LATIN1' locale 'C' template template0`)
    const other = url.replace(/\/t_[0-9a-f]+/, `/${name}`)
    expect(await code(openStore(other, { clock: systemClock }))).toBe('SETTINGS_INVALID')
  })
})

async function cutOthers(url: string): Promise<void> {
  const admin = new pg.Client({ connectionString: url })
  await admin.connect()
  try {
    await admin.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    )
  } finally {
    await admin.end()
  }
}

test('a URL of another kind is refused', async () => {
  expect(await code(openStore('mysql://localhost/x', { clock: systemClock }))).toBe('SETTINGS_INVALID')
})
