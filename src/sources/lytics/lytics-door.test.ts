import { once } from 'node:events'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { Agent, request } from 'undici'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { systemClock } from '../../core/clock.ts'
import { ThalwegError } from '../../core/errors.ts'
import { type DoorsUnderTest, openDoorsUnderTest, replaced } from '../doors.fixture.ts'

const TOKEN = 'lytics-token'
const AUTH = { authorization: TOKEN }
const CSV = { ...AUTH, 'content-type': 'application/csv' }
const NDJSON = { ...AUTH, 'content-type': 'application/json' }

let hub: DoorsUnderTest
/** Refusals that the log gives before it takes a frame. */
let full = 0

beforeEach(async () => {
  full = 0
  hub = await openDoorsUnderTest({
    clock: systemClock,
    wrapLog: (log) =>
      replaced(log, {
        append(buffer, frameBytes) {
          if (full-- > 0) throw new ThalwegError('LOG_FULL', 'full for a test')
          return log.append(buffer, frameBytes)
        },
      }),
  })
  await hub.sources.create({ name: 'crm', kind: 'lytics', settings: { account: '4711' }, token: TOKEN })
})
afterEach(() => hub.close())

interface Answer {
  readonly status: number
  readonly told: Record<string, unknown>
}

async function send(
  path: string,
  body: unknown,
  headers: Record<string, string> = AUTH,
  method = 'POST',
): Promise<Answer> {
  const bytes = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body)
  const answer = await fetch(`${hub.origin}${path}`, {
    method,
    headers,
    ...(method === 'POST' ? { body: bytes as string } : {}),
  })
  return { status: answer.status, told: (await answer.json()) as Record<string, unknown> }
}

async function records(): Promise<Record<string, unknown>[]> {
  const kept = await hub.kept()
  return kept.filter(({ quarantined }) => quarantined === undefined).map(({ text }) => JSON.parse(text))
}

async function fields(): Promise<unknown[]> {
  return (await records()).map((record) => record.fields)
}

function verdicts() {
  return hub.doors.verdicts.of(hub.sources.get('crm').number)
}

describe('who may send', () => {
  test.each<[what: string, path: string, headers: Record<string, string>, status: number]>([
    ['the header', '/collect/json/users', AUTH, 200],
    ['access_token', `/collect/json/users?access_token=${TOKEN}`, {}, 200],
    [
      'a bearer token, which Lytics does not know',
      '/collect/json/users',
      { authorization: `Bearer ${TOKEN}` },
      401,
    ],
    ['key, outside of webhooks', `/collect/json/users?key=${TOKEN}`, {}, 401],
    ['the account beside it', '/collect/json/users?account_id=4711', AUTH, 200],
    ['another account beside it', '/collect/json/users?account_id=1', AUTH, 401],
    ['key in a webhook', `/c/4711/users?key=${TOKEN}`, {}, 200],
    ['key in a webhook of another account', `/c/1/users?key=${TOKEN}`, {}, 401],
    ['a wrong token', '/collect/json/users', { authorization: 'no' }, 401],
    ['nothing', '/collect/bulk/users', {}, 401],
  ])('%s', async (_what, path, headers, status) => {
    const answer = await send(path, { a: 1 }, headers)
    expect(answer.status).toBe(status)
    if (status === 401)
      expect(answer.told).toEqual({ status: 401, message: expect.stringContaining('KEY_UNKNOWN') })
    expect(JSON.stringify(await hub.keptBodies())).not.toContain(TOKEN)
  })

  test.each([
    '/collect/json/',
    '/collect/json/a%20b',
    '/collect/json/a/b',
    '/c/4711',
    '/c/4711/',
    '/c/4711/a/b',
    '/collect/csv/a',
  ])('%s is nobody’s address', async (path) => {
    const answer = await fetch(`${hub.origin}${path}`, { method: 'POST', headers: AUTH, body: '{}' })
    expect(answer.status).toBe(418)
  })
})

describe('objects', () => {
  test.each<[what: string, body: string, kept: unknown[], rejected: number]>([
    ['one', '{"a":1,"events":[{"b":2}]}', [{ a: 1, events: [{ b: 2 }] }], 0],
    ['several', '[{"a":1},{"a":1}]', [{ a: 1 }, { a: 1 }], 0],
    ['what is no object among them', '[{"a":1},5,{"b":}]', [{ a: 1 }], 2],
  ])('%s', async (_what, body, kept, rejected) => {
    const answer = await send(
      '/collect/json/users?timestamp_field=created&filename=m%C3%BC.json',
      body,
      NDJSON,
    )
    expect(answer).toEqual({
      status: 200,
      told: {
        status: 200,
        message: 'success',
        data: {
          message_count: kept.length,
          rejected_count: rejected,
          'content-type': 'application/json',
          droperrors: false,
          dryrun: false,
          timestamp_field: 'created',
          filename: 'mü.json',
        },
      },
    })
    expect(await fields()).toEqual(kept)
    for (const record of await records()) {
      expect(record).toMatchObject({ stream: 'users', timestamp_field: 'created', file: 'mü.json' })
    }
    expect((await hub.kept()).every(({ type }) => type === 'lytics.users')).toBe(true)
    expect(hub.leased.size).toBe(0)
  })

  test.each<
    [what: string, path: string, body: string | Uint8Array, headers: Record<string, string>, status: number]
  >([
    ['no JSON', '/collect/json/users', 'x', {}, 400],
    ['nothing', '/collect/json/users', '', {}, 400],
    ['more than is allowed', '/collect/json/users', ' '.repeat(1_048_577), {}, 413],
    ['an unknown encoding', '/collect/bulk/users', 'x', { 'content-encoding': 'br' }, 415],
    ['a parameter that cannot be read', '/collect/bulk/users?delimiter=ab', 'x', {}, 400],
    ['append that is no object', '/collect/bulk/users?append=5', 'x', {}, 400],
    ['columns that cannot be told apart', '/collect/bulk/users', 'a,a\n1,2\n', {}, 400],
    ['no gzip', '/collect/bulk/users', 'x', { 'content-encoding': 'gzip' }, 400],
    ['a bomb', '/collect/bulk/users', gzipSync('x'.repeat(30_000_000)), { 'content-encoding': 'gzip' }, 413],
  ])('%s is refused', async (_what, path, body, headers, status) => {
    const answer = await send(path, body, { ...AUTH, ...headers })
    expect(answer).toEqual({ status, told: { status, message: expect.any(String) } })
    expect(await records()).toEqual([])
    await eventually('everything is given back', () => hub.leased.size === 0 && hub.doors.bytesInFlight === 0)
  })

  test('a webhook takes a body, or the parameters of its address', async () => {
    await send(`/c/4711/braze_users?key=${TOKEN}`, { email: 'a@example.com' }, {})
    await send(`/c/4711/braze_users?key=${TOKEN}&email=b%40example.com&tag=x&tag=y`, '', {}, 'GET')
    expect(await fields()).toEqual([{ email: 'a@example.com' }, { email: 'b@example.com', tag: ['x', 'y'] }])
    await send(`/c/4711/users?key=${TOKEN}&dryrun=true&a=1`, '', {}, 'GET')
    expect(await fields()).toHaveLength(2)
    expect((await send(`/c/4711/users?key=${TOKEN}&a=${'x'.repeat(2_000)}`, '', {}, 'GET')).status).toBe(400)
    expect((await send('/collect/json/users', '', AUTH, 'GET')).status).toBe(405)
  })
})

describe('files', () => {
  test('CSV, with what is broken set aside by its line', async () => {
    const text = 'id,name\n1,Ann\n2\n3,"B\n4,Carl\n'
    const answer = await send('/collect/bulk/users?filename=users.csv&timestamp_field=ts', text, CSV)
    expect(answer.told.data).toMatchObject({ message_count: 2, rejected_count: 2, filename: 'users.csv' })
    expect(await records()).toEqual([
      {
        id: expect.any(String),
        stream: 'users',
        timestamp_field: 'ts',
        file: 'users.csv',
        line: 2,
        fields: { id: '1', name: 'Ann' },
      },
      {
        id: expect.any(String),
        stream: 'users',
        timestamp_field: 'ts',
        file: 'users.csv',
        line: 5,
        fields: { id: '4', name: 'Carl' },
      },
    ])
    const kept = await hub.kept()
    expect(kept.filter(({ quarantined }) => quarantined === 'row_broken').map(({ text }) => text)).toEqual([
      '2',
      '3,"B',
    ])
    expect(verdicts().remarked.map(({ place, reason }) => `${place}: ${reason}`)).toEqual([
      'line 4 of users.csv: row_broken',
      'line 3 of users.csv: row_broken',
    ])
  })

  test('lines of JSON, gzip, and a type that is told from the first bytes', async () => {
    const text = '{"a":1}\n{"a":2}\n'
    for (const [body, headers] of [
      [text, NDJSON],
      [gzipSync(text), { ...NDJSON, 'content-encoding': 'gzip' }],
      [text, { ...AUTH, 'content-type': 'application/octet-stream' }],
    ] as const) {
      expect((await send(`/collect/bulk/s${Math.random()}`, body, headers)).told.data).toMatchObject({
        message_count: 2,
      })
    }
    expect(await fields()).toHaveLength(6)
  })

  test('parameters', async () => {
    const append = encodeURIComponent('{"from":"crm"}')
    await send(`/collect/bulk/users?headers=a,b&delimiter=t&append=${append}`, '1\t2\n', CSV)
    expect(await fields()).toEqual([{ a: '1', b: '2', from: 'crm' }])
    const answer = await send('/collect/bulk/users?dryrun=true', 'a,b\n1,2\n3\n', CSV)
    expect(answer.told.data).toMatchObject({ message_count: 1, rejected_count: 1, dryrun: true })
    expect(await fields()).toHaveLength(1)
  })

  test('a body far larger than what is held in memory', async () => {
    const rows = 60_000
    function* body() {
      yield 'id,text\n'
      for (let i = 0; i < rows; i += 1_000) {
        yield Array.from({ length: 1_000 }, (_, k) => `${i + k},${'x'.repeat(400)}\n`).join('')
      }
    }
    let most = 0
    const watch = setInterval(() => {
      most = Math.max(most, hub.doors.bytesInFlight)
    }, 1)
    const agent = new Agent()
    const post = () =>
      request(`${hub.origin}/collect/bulk/users`, {
        method: 'POST',
        headers: CSV,
        body: Readable.from(body()),
        dispatcher: agent,
      })
    const answer = await post()
    clearInterval(watch)
    expect((await answer.body.json()) as object).toMatchObject({
      data: { message_count: rows, rejected_count: 0 },
    })
    // The body has 24 MB; no more than the frames that wait for the disk and the one being filled are held.
    expect(most).toBeLessThan(16 * 1024 * 1024)
    expect(verdicts().counts).toContainEqual({
      type: 'lytics.users',
      verdict: 'accepted',
      reason: '',
      count: rows,
    })
    // The same again adds nothing.
    expect((await (await post()).body.json()) as object).toMatchObject({ data: { duplicate_count: rows } })
    expect(verdicts().counts).toContainEqual({
      type: 'lytics.users',
      verdict: 'accepted',
      reason: '',
      count: rows,
    })
    await agent.close()
    await eventually('everything is given back', () => hub.leased.size === 0 && hub.doors.bytesInFlight === 0)
  }, 60_000)

  test.each<[identity: string, sent: string[], kept: string[]]>([
    // A repeat adds nothing, the rest of a file that broke off is added, and so is all behind a change.
    ['file', ['1\n2\n', '1\n2\n', '1\n2\n3\n', '1\n9\n2\n'], ['1', '2', '3', '9', '2']],
    ['file', ['1\n1\n', '1\n1\n'], ['1', '1']],
    ['row', ['1\n2\n', '2\n1\n', '3\n'], ['1', '2', '3']],
    ['none', ['1\n', '1\n'], ['1', '1']],
  ])('rows are known again: %s', async (rowIdentity, sent, kept) => {
    await hub.sources.update('crm', { account: '4711', rowIdentity })
    for (const rows of sent) await send('/collect/bulk/users', `a\n${rows}`, CSV)
    expect(await fields()).toEqual(kept.map((a) => ({ a })))
    await send('/collect/bulk/other', `a\n${sent[0]}`, CSV)
    expect((await fields()).length).toBeGreaterThan(kept.length)
  })

  test('a sender that goes away leaves what was read, and is told of', async () => {
    const socket = connect(hub.port, '127.0.0.1')
    await once(socket, 'connect')
    socket.write(
      `POST /collect/bulk/users?filename=u.csv HTTP/1.1\r\nhost: x\r\nauthorization: ${TOKEN}\r\ncontent-type: application/csv\r\ncontent-length: 1000\r\n\r\na,b\n1,2\n3,4\n5,`,
    )
    await eventually('the body is being read', () => hub.doors.bytesInFlight > 0)
    socket.destroy()
    await eventually('the rows are kept', async () => (await fields()).length === 2)
    await eventually('it is told', () => verdicts().remarked.length === 1)
    expect(verdicts().remarked).toMatchObject([{ reason: 'upload_cut', place: 'after line 3 of u.csv' }])
    expect(hub.lines).toEqual(['a bulk upload ended early; what was read is kept'])
    await eventually('everything is given back', () => hub.leased.size === 0 && hub.doors.bytesInFlight === 0)
  })

  test('a full log is waited for', async () => {
    full = 2
    expect((await send('/collect/bulk/users', 'a\n1\n', CSV)).told.data).toMatchObject({ message_count: 1 })
    expect(await fields()).toEqual([{ a: '1' }])
  })

  test('a refused upload that goes on for long still gets its answer', async () => {
    await hub.sources.update('crm', { account: '4711', bulkBytesMax: 1_000_000 })
    function* body() {
      yield 'a\n'
      for (let i = 0; i < 100; i++) yield `${'x'.repeat(99_999)}\n`
    }
    const agent = new Agent()
    const answer = await request(`${hub.origin}/collect/bulk/users`, {
      method: 'POST',
      headers: CSV,
      body: Readable.from(body()),
      dispatcher: agent,
    })
    expect(answer.statusCode).toBe(413)
    expect(await answer.body.text()).toContain('The 9 rows before are kept')
    await agent.close()
  })

  test('more than the setting allows ends the upload; what came before is kept', async () => {
    await hub.sources.update('crm', { account: '4711', bulkBytesMax: 1_000_000 })
    const answer = await send('/collect/bulk/users', `a\n${`${'x'.repeat(500)}\n`.repeat(3_000)}`, CSV)
    expect(answer.status).toBe(413)
    expect(answer.told.message).toMatch(/The \d+ rows before are kept$/)
    expect((await fields()).length).toBeGreaterThan(1_000)
  })
})
