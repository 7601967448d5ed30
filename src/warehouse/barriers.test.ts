/** The barriers behind the guard, each by itself: what the guard cannot know (functions of the database's own) the server refuses. */

import pg from 'pg'
import { describe, expect, onTestFinished, test } from 'vitest'
import { clickhouseDatabase } from '../../test/support/clickhouse.ts'
import { mariadbDatabase } from '../../test/support/mariadb.ts'
import { postgresDatabase } from '../../test/support/postgres.ts'
import { systemClock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import { open as openClickhouse } from './clickhouse/engine.ts'
import { open as openMysql } from './mysql/engine.ts'
import { open as openPostgres } from './postgres/engine.ts'
import { verifyEngine } from './verify.ts'
import type { Cell, QueryEngine } from './warehouse.ts'

const PARTS = { clock: systemClock, logger: { warn: () => undefined } }
const PASSWORD = 'not-the-password-7c1f'

async function rowsOf(engine: QueryEngine, sql: string): Promise<(readonly Cell[])[]> {
  const { pages } = await engine.query({ sql, timeoutMs: 30_000 }, new AbortController().signal)
  const rows: (readonly Cell[])[] = []
  for await (const page of pages) rows.push(...page)
  return rows
}

async function refusalOf(engine: QueryEngine, sql: string): Promise<ThalwegError> {
  const outcome = await rowsOf(engine, sql).catch((error: unknown) => error)
  if (outcome instanceof ThalwegError) return outcome
  throw new Error(`expected a refusal, got ${JSON.stringify(outcome)}`)
}

function closed(engine: QueryEngine): QueryEngine {
  onTestFinished(() => engine.close())
  return engine
}

describe('PostgreSQL', () => {
  async function start(password?: string) {
    const database = await postgresDatabase('empty')
    onTestFinished(() => database.drop())
    const settings = { host: database.host, port: 5432, database: database.database, tls: 'off' as const }
    const engine = closed(openPostgres(settings, { user: database.user, password }, PARTS))
    return { engine, database, settings }
  }

  test('a function that writes is refused by the read-only transaction, and session settings do not survive', async () => {
    const { engine, database } = await start()
    const outside = new pg.Client({ connectionString: database.url })
    await outside.connect()
    onTestFinished(() => outside.end())
    await outside.query('create table kept (n int)')
    await outside.query(
      'create function sneak() returns int language sql as $$ insert into kept values (1) returning n $$',
    )
    await outside.query(
      "create function loosen() returns text language sql as $$ select set_config('transaction_read_only', 'off', false) $$",
    )
    expect((await refusalOf(engine, 'select sneak()')).message).toContain('read-only transaction')
    expect((await refusalOf(engine, 'select loosen(), sneak()')).code).toBe('QUERY_FAILED')
    expect((await outside.query('select * from kept')).rows).toEqual([])
    expect(await rowsOf(engine, 'show transaction_read_only')).toEqual([['on']])
  })

  test('a type made meanwhile has its name in the next query', async () => {
    const { engine, database } = await start()
    expect(await rowsOf(engine, 'select 1')).toEqual([[1]])
    const outside = new pg.Client({ connectionString: database.url })
    await outside.connect()
    onTestFinished(() => outside.end())
    await outside.query("create type mood as enum ('good')")
    const ask = () =>
      engine.query({ sql: "select 'good'::mood as m", timeoutMs: 5_000 }, new AbortController().signal)
    expect((await ask()).columns[0]?.type).toMatch(/^type \d+$/)
    expect((await ask()).columns[0]?.type).toBe('mood')
  })

  test('what is wrong with the connection is told by kind, without the password', async () => {
    const { database, settings } = await start()
    const outcomes = await Promise.all(
      [
        { ...settings, database: 'nosuch' },
        { ...settings, host: '127.0.0.1', port: 1 },
        { ...settings, host: '/nonexistent' },
      ].map(async (place) =>
        verifyEngine(closed(openPostgres(place, { user: database.user, password: PASSWORD }, PARTS))),
      ),
    )
    expect(outcomes.map((receipt) => receipt.outcome === 'failed' && receipt.fault.kind)).toEqual([
      'misconfigured',
      'unreachable',
      'unreachable',
    ])
    expect(JSON.stringify(outcomes)).not.toContain(PASSWORD)
  })
})

describe('MariaDB', () => {
  async function start() {
    const database = await mariadbDatabase()
    onTestFinished(() => database.drop())
    const settings = { host: database.host, port: 3306, database: database.database, tls: 'off' as const }
    return { engine: closed(openMysql(settings, { user: database.user }, PARTS)), database, settings }
  }

  test('a function that writes is refused by the read-only transaction', async () => {
    const { engine, database } = await start()
    await database.administer('create table kept (n int)')
    await database.administer(
      'create function sneak() returns int modifies sql data begin insert into kept values (1); return 1; end',
    )
    expect((await refusalOf(engine, 'select sneak()')).message).toContain('READ ONLY')
    expect(await database.administer('select * from kept')).toEqual([])
  })

  test('quotes mean what the guard takes them for, whatever the server thinks', async () => {
    const { engine, database } = await start()
    const [before] = (await database.administer('select @@global.sql_mode as mode')) as { mode: string }[]
    await database.administer("set global sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'")
    try {
      expect(await rowsOf(engine, 'select "it\\"s"')).toEqual([['it"s']])
    } finally {
      await database.administer(`set global sql_mode = '${before?.mode}'`)
    }
  })

  test('a refused password is told as such, without it', async () => {
    const { settings } = await start()
    const receipt = await verifyEngine(
      closed(openMysql(settings, { user: 'root', password: PASSWORD }, PARTS)),
    )
    expect(receipt).toMatchObject({ outcome: 'failed', fault: { kind: 'unauthorized' } })
    expect(JSON.stringify(receipt)).not.toContain(PASSWORD)
  })
})

describe('ClickHouse', () => {
  test('a table function that the guard lets through is refused by readonly = 1', async () => {
    const database = await clickhouseDatabase()
    onTestFinished(() => database.drop())
    const { url, user, password } = database
    const engine = closed(openClickhouse({ url, database: database.database }, { user, password }, PARTS))
    expect((await refusalOf(engine, "select * from merge('system', 'one')")).message).toContain(
      'readonly mode',
    )
  })

  test('a user that is read-only by its profile can ask, though it may be sent no settings', async () => {
    const database = await clickhouseDatabase()
    onTestFinished(() => database.drop())
    const { url, reader, password } = database
    const engine = closed(
      openClickhouse({ url, database: database.database }, { user: reader, password }, PARTS),
    )
    expect(await rowsOf(engine, 'select toUInt64(7) as n, toDecimal64(1.5, 2) as d')).toEqual([[7, '1.50']])
    expect(await rowsOf(engine, "select value from system.settings where name = 'readonly'")).toEqual([['1']])
  })

  test('a wrong password is told as such, without it', async () => {
    const { url, user } = await clickhouseDatabase()
    const receipt = await verifyEngine(
      closed(openClickhouse({ url, database: 'default' }, { user, password: PASSWORD }, PARTS)),
    )
    expect(receipt).toMatchObject({ outcome: 'failed', fault: { kind: 'unauthorized' } })
    expect(JSON.stringify(receipt)).not.toContain(PASSWORD)
  })
})
