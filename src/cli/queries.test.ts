/** Queries from the command line, against a hub on a real socket that asks a real PostgreSQL. */

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { eventually } from '../../test/support/eventually.ts'
import { postgresDatabase, type TestDatabase } from '../../test/support/postgres.ts'
import { tempFolder } from '../../test/support/temp.ts'
import { type CliStack, run, startCli } from './cli.fixture.ts'

const MANY = "select n, repeat('x', 100) as text from (select generate_series(1, 30000) as n) as numbers"
const FAILS_LATE = 'select 1000 / (5000 - n) as q from (select generate_series(0, 6000) as n) as numbers'

async function startAsked(): Promise<CliStack & { readonly database: TestDatabase }> {
  const stack = await startCli()
  const database = await postgresDatabase('empty')
  onTestFinished(() => database.drop())
  const { json } = await stack.thalweg(
    ['authorizations', 'create', '--label', 'reader', '--provider', 'postgres', '--json'],
    { stdin: JSON.stringify({ user: database.user }) },
  )
  const { host, database: name } = database
  const added = await stack.thalweg([
    ...['engines', 'add', 'company', '--kind', 'postgres', '--authorization', json.id, '--json'],
    ...['--set', `host=${host}`, '--set', `database=${name}`, '--set', 'tls=off'],
  ])
  expect(added.err).toBe('')
  expect(added.json).toMatchObject({ name: 'company', check: { ok: true } })
  return { ...stack, database }
}

test('a grid for people, CSV in a pipe, JSON for programs', async () => {
  const { thalweg } = await startAsked()
  const statement = "select 7 as n, null as nothing, 'it''s' as text"
  const grid = await thalweg(['sql', statement, '--engine', 'company', '--no-color'], { terminal: true })
  expect(grid.out).toMatch(/^n +nothing +text\n7 +NULL +it's\n1 row, /)
  const pipe = await thalweg(['sql', statement, '--engine', 'company'])
  expect(pipe.out).toBe("n,nothing,text\n7,,it's\n")
  const lines = await thalweg(['sql', '-', '--engine', 'company', '--format', 'ndjson'], { stdin: statement })
  expect(lines.out).toBe('{"n":7,"nothing":null,"text":"it\'s"}\n')
  const json = await thalweg(['sql', statement, '--engine', 'company', '--json'])
  expect(json.json).toMatchObject({ rows: [[7, null, "it's"]], complete: true })
})

test('what was cut says so beside the rows, never among them', async () => {
  const { thalweg } = await startAsked()
  const grid = await thalweg(['sql', MANY, '--engine', 'company'], { terminal: true })
  expect(grid.out).toContain('100 rows, ')
  expect(grid.err).toContain('there are more rows')
  const csv = await thalweg(['sql', MANY, '--engine', 'company', '--rows', '3'])
  expect(csv.out.trimEnd().split('\n')).toHaveLength(4)
  expect(csv.out).not.toContain('#')
  expect(csv.err).toContain('Cut by the limit of rows')
  const all = await thalweg(['sql', MANY, '--engine', 'company'])
  expect(all.out.trimEnd().split('\n')).toHaveLength(30_001)
  expect(all.err).toBe('')
})

test('a mistake is pointed at, in the words of the engine', async () => {
  const { thalweg } = await startAsked()
  const ran = await thalweg(['sql', 'select 1,\n  nosuch', '--engine', 'company'])
  expect(ran.code).toBe(1)
  expect(ran.err).toContain('2 |   nosuch\n  |   ^\nFailed: column "nosuch" does not exist')
  const refused = await thalweg(['sql', 'drop table x', '--engine', 'company', '--json'])
  expect(JSON.parse(refused.err).error).toMatchObject({
    code: 'QUERY_REFUSED',
    details: { position: { line: 1, column: 1 } },
  })
  const late = await thalweg(['sql', FAILS_LATE, '--engine', 'company'])
  expect(late.code).toBe(1)
  expect(late.err).toContain('division by zero')
})

test('a file is there only when the result is whole', async () => {
  const { thalweg } = await startAsked()
  const folder = await tempFolder()
  const file = join(folder, 'rows.csv')
  const wrote = await thalweg(['sql', MANY, '--engine', 'company', '--out', file, '--json'])
  expect(wrote.json).toMatchObject({ file, cut: null, bytes: (await readFile(file)).length })
  expect((await readFile(file, 'utf8')).trimEnd().split('\n')).toHaveLength(30_001)
  const failed = await thalweg([
    'sql',
    FAILS_LATE,
    '--engine',
    'company',
    '--out',
    join(folder, 'b.ndjson'),
    '--format',
    'ndjson',
  ])
  expect(failed.code).toBe(1)
  expect(failed.err).toContain('division by zero')
  expect(await readdir(folder)).toEqual(['rows.csv'])
})

test('Ctrl-C ends the query on the server', async () => {
  const { thalweg, hub } = await startAsked()
  const pressed = new AbortController()
  const running = thalweg(['sql', 'select pg_sleep(60)', '--engine', 'company'], {
    interruption: pressed.signal,
  })
  await eventually('it runs', () => hub.queries.list()[0]?.state === 'running')
  pressed.abort(new Error('The query was cancelled'))
  expect(await running).toMatchObject({ code: 1, err: expect.stringContaining('The query was cancelled') })
  await eventually('the hub ended it', () => hub.queries.list()[0]?.state === 'cancelled')
})

test('queries: save, revise, list, show, run, remove; running ones and cancelling', async () => {
  const { thalweg, hub } = await startAsked()
  const save = (sql: string) => thalweg(['queries', 'save', 'one', sql, '--engine', 'company', '--json'])
  expect((await save('select 1 as a')).json.version).toBe(1)
  expect((await save('select 2 as a')).json.version).toBe(2)
  expect((await thalweg(['queries', 'list'])).out).toMatch(/one +company +2/)
  expect((await thalweg(['queries', 'show', 'one'])).out).toMatch(/version 1[\s\S]*select 2 as a/)
  expect((await thalweg(['queries', 'run', 'one'])).out).toBe('a\n2\n')
  expect((await thalweg(['sql', '--saved', 'one', '--format', 'ndjson'])).out).toBe('{"a":2}\n')
  expect((await thalweg(['queries', 'remove', 'one', '--yes'])).out).toContain('Removed')
  expect((await thalweg(['queries', 'run', 'one'])).err).toContain('thalweg queries list')

  const sleeping = thalweg(['sql', 'select pg_sleep(60)', '--engine', 'company'])
  const id = await eventually(
    'it runs',
    () => hub.queries.list().find(({ state }) => state === 'running')?.id,
  )
  expect((await thalweg(['queries', 'running'])).out).toContain(id)
  expect((await thalweg(['queries', 'cancel', id])).out).toContain('cancelled')
  expect((await sleeping).err).toContain('cancelled')
})

test('engines and tables', async () => {
  const { thalweg, database } = await startAsked()
  expect((await thalweg(['engines', 'list'])).out).toMatch(/company +postgres +\//)
  expect((await thalweg(['engines', 'check', 'company'])).code).toBe(0)
  expect((await thalweg(['tables', 'company'])).out).toContain('no tables')
  expect((await thalweg(['tables', 'nosuch'])).err).toContain('thalweg engines list')
  await database.drop()
  const check = await thalweg(['engines', 'check', 'company'])
  expect(check.code).toBe(1)
  expect((await thalweg(['engines', 'remove', 'company', '--yes'])).code).toBe(0)
})

test.each([
  [['sql'], /give a statement or --saved/],
  [['sql', 'select 1', '--saved', 'x'], /give a statement or --saved/],
  [['sql', 'select 1', '--rows', '0'], /whole number/],
  [['sql', 'select 1', '--timeout', 'soon'], /30s, 10m or 1h/],
  [['sql', 'select 1', '--format', 'xml'], /choices/],
  [['sql', 'select 1', '--format', 'parquet'], /--out/],
  [['engines', 'add', 'x'], /--kind/],
])('%j is a wrong command line', async (args, says) => {
  const ran = await run(args)
  expect(ran.code).toBe(2)
  expect(ran.err).toMatch(says)
})
