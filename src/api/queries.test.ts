/** Queries over the API: a hub on a real socket, asking a real PostgreSQL. */

import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { eventually } from '../../test/support/eventually.ts'
import { postgresDatabase } from '../../test/support/postgres.ts'
import { type ApiStack, startApi } from './api.fixture.ts'

interface Asked extends ApiStack {
  readonly url: string
  /** POST to /api/v1/sql over the socket, as an operator. */
  ask(body: object, path?: string): Promise<Response>
}

async function startAsked(): Promise<Asked> {
  const stack = await startApi()
  const database = await postgresDatabase('empty')
  onTestFinished(() => database.drop())
  const server = createServer((request, response) => stack.api.handle(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const authorization = await stack.call('admin', 'POST', '/api/v1/authorizations', {
    label: 'reader',
    provider: 'postgres',
    credentials: { user: database.user },
  })
  const made = await stack.call('admin', 'POST', '/api/v1/engines', {
    name: 'company',
    kind: 'postgres',
    authorization: authorization.json.id,
    settings: { host: database.host, database: database.database, tls: 'off' },
  })
  expect(made.status).toBe(201)
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    ...stack,
    url,
    ask: (body, path = '/api/v1/sql') =>
      fetch(`${url}${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${stack.secrets.operator}`, 'content-type': 'application/json' },
        body: JSON.stringify({ engine: 'company', ...body }),
      }),
  }
}

const ROWS = "select n, repeat('x', 100) as text from (select generate_series(1, 100000) as n) as numbers"
const ENDLESS = "select generate_series(1, 2000000000) as n, repeat('x', 1000) as text"
const FAILS_LATE = 'select 1000 / (5000 - n) as q from (select generate_series(0, 6000) as n) as numbers'

const LINES: readonly (readonly [format: string, request: object, text: string])[] = [
  ['ndjson', { sql: 'select 1 as a, 2 as a, null as b' }, '{"a":1,"a_2":2,"b":null}\n'],
  [
    'csv',
    {
      sql: `select 'a,b' as x, 'say "hi"' as y, null as z, '' as e, '# no' as h, 1.50 as n, e'two\nlines' as l`,
    },
    'x,y,z,e,h,n,l\n"a,b","say ""hi""",,"","# no",1.50,"two\nlines"\n',
  ],
  ['csv', { sql: 'select 1 as a where false' }, 'a\n'],
  ['ndjson', { sql: 'select 1 as a where false' }, ''],
  ['ndjson', { sql: 'select generate_series(1, 9) as n', rowsMax: 2 }, '{"n":1}\n{"n":2}\n{"$cut":"rows"}\n'],
  ['csv', { sql: 'select generate_series(1, 9) as n', rowsMax: 2 }, 'n\n1\n2\n# cut: rows\n'],
]

describe('a result', () => {
  test('as json: columns, rows, and whether they are all', async () => {
    const { ask } = await startAsked()
    const answer = await ask({ sql: "select 1 as a, null as b, 'x' as a union all select 2, 'y', ''" })
    expect(answer.headers.get('content-type')).toContain('application/json')
    const result = await jsonOf(answer)
    expect(result).toMatchObject({
      columns: [
        { name: 'a', type: 'integer' },
        { name: 'b', type: 'text' },
        { name: 'a', type: 'text' },
      ],
      rows: [
        [1, null, 'x'],
        [2, 'y', ''],
      ],
      rowCount: 2,
      complete: true,
      cut: null,
      error: null,
    })
    const cut = await jsonOf(await ask({ sql: ROWS }))
    expect(cut).toMatchObject({ rowCount: 10_000, complete: false, cut: 'rows' })
    const short = await jsonOf(await ask({ sql: ROWS, bytesMax: 50_000 }))
    expect(short).toMatchObject({ complete: false, cut: 'bytes' })
    expect(short.rowCount).toBeLessThan(10_000)
    expect(await jsonOf(await ask({ sql: 'select 1 as a where false' }))).toMatchObject({
      rows: [],
      complete: true,
    })
  })

  test('as ndjson and csv: rows and nothing else, unless it was cut', async () => {
    const { ask } = await startAsked()
    for (const [format, request, expected] of LINES)
      expect(await (await ask({ ...request, format })).text(), JSON.stringify(request)).toBe(expected)
  })

  test('a failure after rows: json says it, ndjson and csv are broken off behind a last line', async () => {
    const { ask, url, secrets } = await startAsked()
    expect(await jsonOf(await ask({ sql: FAILS_LATE }))).toMatchObject({
      complete: false,
      error: { code: 'QUERY_FAILED', message: 'division by zero' },
    })
    for (const [format, last] of [
      ['ndjson', /\{"\$error":\{"code":"QUERY_FAILED".*\}\}/],
      ['csv', /# failed: QUERY_FAILED division by zero/],
    ] as const) {
      await expect((await ask({ sql: FAILS_LATE, format })).text()).rejects.toThrow()
      const raw = await rawAnswer(url, secrets.operator, { engine: 'company', sql: FAILS_LATE, format })
      expect(raw).toMatch(last)
      expect(raw.endsWith('0\r\n\r\n')).toBe(false)
    }
  })

  test('a failure before the first row is an ordinary refusal, with its place', async () => {
    const { ask } = await startAsked()
    const failed = await ask({ sql: 'select 1,\n nosuch' })
    expect(failed.status).toBe(422)
    expect((await jsonOf(failed)).error).toMatchObject({
      code: 'QUERY_FAILED',
      details: { position: { line: 2, column: 2 } },
    })
    const refused = await ask({ sql: 'delete from x' })
    expect(refused.status).toBe(422)
    expect((await jsonOf(refused)).error.code).toBe('QUERY_REFUSED')
    expect((await ask({ sql: 'select pg_sleep(60)', timeoutMs: 100 })).status).toBe(504)
    expect((await ask({ sql: 'select 1', engine: 'nosuch' })).status).toBe(404)
    expect((await ask({})).status).toBe(400)
    expect((await ask({ sql: 'select 1', saved: 'x' })).status).toBe(400)
  })

  test('is written no faster than it is read, and ends on the server when the caller leaves', async () => {
    const { ask, hub } = await startAsked()
    const answer = await ask({ sql: ENDLESS, format: 'csv', timeoutMs: 60_000 })
    const reader = answer.body?.getReader()
    await reader?.read()
    const [query] = hub.queries.list()
    // The sockets hold what they hold; then nothing is read from the engine any more.
    let before = -1
    await eventually('the query waits for its reader', () => {
      const rows = hub.queries.list()[0]?.rows ?? 0
      const still = rows === before
      before = rows
      return still
    })
    expect(query).toMatchObject({ state: 'running', who: 'test operator', engine: 'company' })
    expect(before).toBeLessThan(1_000_000)
    await reader?.cancel()
    await eventually('it is cancelled', () => hub.queries.list()[0]?.state === 'cancelled')
  })

  test('export: csv and ndjson everywhere, parquet only where the engine writes it', async () => {
    const { ask } = await startAsked()
    const csv = await ask({ sql: ROWS, format: 'csv' }, '/api/v1/sql/export')
    expect(csv.headers.get('content-disposition')).toBe('attachment; filename="query.csv"')
    expect((await csv.text()).trimEnd().split('\n')).toHaveLength(100_001)
    const parquet = await ask({ sql: ROWS, format: 'parquet' }, '/api/v1/sql/export')
    expect(parquet.status).toBe(400)
    expect((await jsonOf(parquet)).error.message).toContain('parquet')
  })
})

test('running queries are listed and ended, and the hub runs only so many at once', async () => {
  const { ask, call, hub } = await startAsked()
  const asked = Array.from({ length: 8 }, () => ask({ sql: 'select pg_sleep(60)' }))
  await eventually(
    'all run',
    () => hub.queries.list().filter(({ state }) => state === 'running').length === 8,
  )
  expect((await ask({ sql: 'select 1' })).status).toBe(503)
  const { json } = await call('operator', 'GET', '/api/v1/sql/running')
  expect(json.queries).toHaveLength(8)
  expect(json.queries[0]).toMatchObject({
    sql: 'select pg_sleep(60)',
    who: 'test operator',
    state: 'running',
  })
  for (const { id } of json.queries)
    expect((await call('operator', 'DELETE', `/api/v1/sql/running/${id}`)).status).toBe(200)
  for (const answer of await Promise.all(asked)) {
    expect(answer.status).toBe(409)
    expect((await jsonOf(answer)).error.code).toBe('QUERY_CANCELLED')
  }
  expect((await jsonOf(await ask({ sql: 'select 1 as a' }))).rows).toEqual([[1]])
  expect((await call('operator', 'DELETE', '/api/v1/sql/running/nosuch')).json.error.code).toBe(
    'QUERY_UNKNOWN',
  )
})

test('saved queries: versions with who and when; run by name', async () => {
  const { ask, call } = await startAsked()
  const made = await call('operator', 'POST', '/api/v1/queries', {
    name: 'count',
    engine: 'company',
    sql: 'select 1 as n',
  })
  expect(made.status).toBe(201)
  expect(made.json).toMatchObject({ name: 'count', version: 1, author: 'test operator' })
  const again = await call('operator', 'POST', '/api/v1/queries', { name: 'count', sql: 'select 2' })
  expect(again.json.error.code).toBe('SAVED_QUERY_NAME_TAKEN')
  const revised = await call('admin', 'PATCH', '/api/v1/queries/count', { sql: 'select 2 as n' })
  expect(revised.json).toMatchObject({ version: 2, engine: 'company', author: 'first' })
  const { json } = await call('viewer', 'GET', '/api/v1/queries/count/versions')
  expect(json.versions.map(({ version, sql }: { version: number; sql: string }) => [version, sql])).toEqual([
    [2, 'select 2 as n'],
    [1, 'select 1 as n'],
  ])
  const answer = await ask({ engine: undefined, saved: 'count' })
  expect(await jsonOf(answer)).toMatchObject({ rows: [[2]] })
  expect((await call('operator', 'DELETE', '/api/v1/queries/count')).status).toBe(204)
  expect((await call('viewer', 'GET', '/api/v1/queries/count')).json.error.code).toBe('SAVED_QUERY_UNKNOWN')
})

test('engines: connected by admins, checked, browsed, changed; their authorization cannot go away', async () => {
  const { call, ask, hub } = await startAsked()
  await ask({ sql: 'select 1' })
  const { json } = await call('viewer', 'GET', '/api/v1/engines')
  expect(json.engines).toMatchObject([
    { name: 'warehouse', kind: 'duckdb', builtIn: true },
    { name: 'company', kind: 'postgres', builtIn: false },
  ])
  const { authorization, settings } = json.engines[1]
  expect(JSON.stringify(json)).not.toContain('password')

  expect((await call('operator', 'POST', '/api/v1/engines/company/check')).json).toMatchObject({
    ok: true,
    message: 'The engine answers queries',
  })
  expect((await hub.authorizations.get(authorization)).health).toBe('good')
  expect((await call('operator', 'GET', '/api/v1/engines/company/tables')).json).toEqual({ tables: [] })

  const inUse = await call('admin', 'DELETE', `/api/v1/authorizations/${authorization}`)
  expect(inUse.json.error).toMatchObject({
    code: 'AUTHORIZATION_IN_USE',
    message: expect.stringContaining('company'),
  })

  const wrong = await call('admin', 'PATCH', '/api/v1/engines/company', {
    settings: { ...settings, database: 'nosuch' },
  })
  expect(wrong.status).toBe(200)
  expect((await call('operator', 'POST', '/api/v1/engines/company/check')).json).toMatchObject({
    ok: false,
    fault: 'misconfigured',
    message: expect.stringContaining('"nosuch" does not exist'),
  })
  expect((await ask({ sql: 'select 1' })).status).toBe(503)
  expect((await call('admin', 'DELETE', '/api/v1/engines/company')).status).toBe(204)
  expect((await ask({ sql: 'select 1' })).status).toBe(404)
  expect((await call('admin', 'DELETE', `/api/v1/authorizations/${authorization}`)).status).toBe(204)
})

const ROLES = [
  ['viewer', 'POST', '/api/v1/sql', { sql: 'select 1', engine: 'company' }, 403],
  ['viewer', 'POST', '/api/v1/sql/export', { sql: 'select 1', engine: 'company', format: 'csv' }, 403],
  ['viewer', 'GET', '/api/v1/sql/running', undefined, 403],
  ['viewer', 'GET', '/api/v1/engines/company/tables', undefined, 403],
  ['viewer', 'GET', '/api/v1/queries', undefined, 200],
  ['viewer', 'POST', '/api/v1/queries', { name: 'a', sql: 'select 1' }, 403],
  ['viewer', 'GET', '/api/v1/engine-kinds', undefined, 200],
  [
    'operator',
    'POST',
    '/api/v1/engines',
    { name: 'a', kind: 'postgres', authorization: 'x', settings: {} },
    403,
  ],
  ['operator', 'PATCH', '/api/v1/engines/company', { settings: {} }, 403],
  ['operator', 'DELETE', '/api/v1/engines/company', undefined, 403],
  [
    'admin',
    'POST',
    '/api/v1/engines',
    { name: 'a', kind: 'postgres', authorization: 'x', settings: {} },
    404,
  ],
  [
    'admin',
    'POST',
    '/api/v1/engines',
    { name: 'A b', kind: 'postgres', authorization: 'x', settings: {} },
    400,
  ],
  [undefined, 'POST', '/api/v1/sql', { sql: 'select 1' }, 401],
] as const

test('each route has its least role', async () => {
  const { call } = await startAsked()
  for (const [role, method, url, body, status] of ROLES)
    expect((await call(role, method, url, body)).status, `${role} ${method} ${url}`).toBe(status)
})

test('where a check of an engine connects to is for admins to say', async () => {
  const { call } = await startAsked()
  const made = await call('admin', 'POST', '/api/v1/authorizations', {
    label: 'reader',
    provider: 'mysql',
    credentials: { user: 'reader', password: 'secret' },
  })
  const url = `/api/v1/authorizations/${made.json.id}/check`
  const settings = { host: '127.0.0.1', port: 1, database: 'x', tls: 'off' }
  expect((await call('operator', 'POST', url, { settings })).status).toBe(403)
  expect((await call('admin', 'POST', url, { settings })).json).toMatchObject({
    ok: false,
    fault: 'unreachable',
  })
})

// biome-ignore lint/suspicious/noExplicitAny: tests read answers of every shape
function jsonOf(answer: Response): Promise<any> {
  return answer.json()
}

/** All bytes of the answer, however it ends. */
function rawAnswer(url: string, token: string, body: object): Promise<string> {
  const { hostname, port } = new URL(url)
  const text = JSON.stringify(body)
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname)
    let answer = ''
    socket.on('data', (piece) => {
      answer += String(piece)
    })
    socket.on('error', () => resolve(answer))
    socket.on('close', () => resolve(answer))
    socket.write(
      `POST /api/v1/sql HTTP/1.1\r\nhost: hub\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`,
    )
  })
}
