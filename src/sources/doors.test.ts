import { randomUUID } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { request } from 'undici'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { systemClock, VirtualClock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import type { ItemFault } from '../core/kernel/kernel.ts'
import { DEPTH_MAX } from '../core/kernel/kernel.ts'
import { ROW_HAS_ID } from '../log/frame.ts'
import {
  type DoorsUnderTest,
  type FixtureOptions,
  openDoorsUnderTest,
  replaced,
  TEST_LIMITS,
} from './doors.fixture.ts'

const TOKEN = 'braze-token-1'
const KEY = '1234/0123456789abcdef0123456789abcdef01234567'
const LENIENT_KEY = '1234/fedcba9876543210'
const MEDIA = 'application/vnd.treasuredata.v1+json'
const BEARER = { authorization: `Bearer ${TOKEN}` }
const TD1 = { authorization: `TD1 ${KEY}` }

async function open(options: FixtureOptions = {}): Promise<DoorsUnderTest> {
  const under = await openDoorsUnderTest(options)
  await under.sources.create({ name: 'braze', kind: 'braze-currents', settings: {}, token: TOKEN })
  await under.sources.create({ name: 'braze-2', kind: 'braze-currents', settings: {}, token: 'other-token' })
  await under.sources.create({
    name: 'td',
    kind: 'treasure-data',
    settings: { database: 'prod', table: 'events', taskId: 'task-1' },
    token: KEY,
  })
  await under.sources.create({
    name: 'td-lenient',
    kind: 'treasure-data',
    settings: { database: 'prod', table: 'lenient', taskId: 'task-2', keyMode: 'lenient' },
    token: LENIENT_KEY,
  })
  return under
}

/** A fixture for one test. */
async function openOnce(options: FixtureOptions = {}): Promise<DoorsUnderTest> {
  const under = await open(options)
  onTestFinished(() => under.close())
  return under
}

interface Reply {
  readonly status: number
  readonly headers: Record<string, string | string[] | undefined>
  readonly text: string
  readonly code: string | undefined
  readonly message: string
}

async function send(
  under: DoorsUnderTest,
  path: string,
  headers: Record<string, string>,
  body?: string | Buffer | AsyncIterable<Buffer>,
  method = 'POST',
): Promise<Reply> {
  const reply = await request(`${under.origin}${path}`, {
    method: method as 'POST',
    headers,
    body: (body ?? null) as string | null,
  })
  const text = await reply.body.text()
  const { error } = (text.startsWith('{') ? JSON.parse(text) : {}) as {
    error?: { code: string; message: string }
  }
  return {
    status: reply.statusCode,
    headers: reply.headers,
    text,
    code: error?.code,
    message: error?.message ?? '',
  }
}

function event(over: object = {}): { id: string } & Record<string, unknown> {
  return {
    event_type: 'users.messages.email.Open',
    id: randomUUID(),
    time: 1_477_502_783,
    user: { user_id: '0123456789abcdef01234567', external_user_id: 'u1' },
    properties: { campaign_name: 'Grüße' },
    ...over,
  }
}

function batch(...events: unknown[]): string {
  return JSON.stringify({ events })
}

function counts(accepted: number, duplicates = 0, quarantined = 0): string {
  return JSON.stringify({ accepted, duplicates, quarantined })
}

/** The records that came since `before`. */
async function keptSince(under: DoorsUnderTest, before: number) {
  return (await under.kept()).slice(before)
}

async function* pieces(body: Buffer, bytes: number): AsyncIterable<Buffer> {
  for (let at = 0; at < body.length; at += bytes) yield body.subarray(at, at + bytes)
}

let shared: DoorsUnderTest
beforeAll(async () => {
  shared = await open()
})
afterAll(() => shared.close())

describe('addresses', () => {
  const rows: readonly [method: string, path: string, media: string, status: number][] = [
    ['POST', '/currents/braze', 'application/json', 200],
    ['POST', '/currents/braze?any=thing&more', 'application/json', 200],
    ['POST', '/currents/', 'application/json', 418],
    ['POST', '/currents/braze/more', 'application/json', 418],
    ['POST', '/currents', 'application/json', 418],
    ['POST', '/prod/events', 'application/json', 418],
    ['POST', '/prod/events/more', MEDIA, 418],
    ['POST', '/api/v1/sources', 'application/json', 418],
    ['GET', '/', 'application/json', 418],
    ['GET', '/currents/braze', 'application/json', 405],
    ['HEAD', '/currents/braze', 'application/json', 405],
    ['OPTIONS', '/currents/braze', 'application/json', 405],
    ['PUT', '/v1/task/task-1', 'application/json', 405],
    ['GET', '/postback/v3/event/prod/events?td_format=pixel&td_write_key=x', 'application/json', 405],
    ['GET', '/prod/events', MEDIA, 405],
  ]
  test.each(rows)('%s %s (%s) → %i', async (method, path, media, status) => {
    const reply = await send(shared, path, { ...BEARER, 'content-type': media }, undefined, method)
    expect(reply.status).toBe(status)
    if (status === 405) expect(reply.headers.allow).toBe('POST')
  })

  test('a page about a current of the same name is not the door’s to answer', async () => {
    const page = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }
    expect((await send(shared, '/currents/braze', page, undefined, 'GET')).status).toBe(418)
    expect(
      (await send(shared, '/currents/braze', { ...BEARER, ...page }, undefined, 'POST')).status,
    ).not.toBe(418)
  })

  test('the pixel form is told why', async () => {
    const reply = await send(shared, '/postback/v3/event/prod/events?td_format=pixel', {}, undefined, 'GET')
    expect(reply.code).toBe('METHOD_UNSUPPORTED')
    expect(reply.message).toMatch(/pixel.*GET/)
  })
})

describe('authorization', () => {
  const body = batch(event())
  const CURRENTS = '/currents/braze'
  const rows: readonly [
    what: string,
    path: string,
    headers: Record<string, string>,
    status: number,
    code: string | undefined,
  ][] = [
    ['right token', CURRENTS, BEARER, 200, undefined],
    ['scheme in other case', CURRENTS, { authorization: `bEARER ${TOKEN}` }, 200, undefined],
    ['no token', CURRENTS, {}, 401, 'TOKEN_REFUSED'],
    ['wrong token', CURRENTS, { authorization: 'Bearer wrong' }, 401, 'TOKEN_REFUSED'],
    ['a beginning of the token', CURRENTS, { authorization: 'Bearer braze-token-' }, 401, 'TOKEN_REFUSED'],
    ['empty token', CURRENTS, { authorization: 'Bearer ' }, 401, 'TOKEN_REFUSED'],
    ['bare token', CURRENTS, { authorization: TOKEN }, 401, 'TOKEN_REFUSED'],
    ['other scheme', CURRENTS, { authorization: `Basic ${TOKEN}` }, 401, 'TOKEN_REFUSED'],
    ['token of another source', CURRENTS, { authorization: 'Bearer other-token' }, 401, 'TOKEN_REFUSED'],
    ['unknown source, stranger', '/currents/nope', { authorization: 'Bearer wrong' }, 401, 'TOKEN_REFUSED'],
    ['unknown source, no token', '/currents/nope', {}, 401, 'TOKEN_REFUSED'],
    ['unknown source, known sender', '/currents/nope', BEARER, 404, 'SOURCE_UNKNOWN'],
    ['source of another kind', '/currents/td', { authorization: `Bearer ${KEY}` }, 404, 'SOURCE_UNKNOWN'],
    ['task', '/v1/task/task-1', { authorization: `Bearer ${KEY}` }, 200, undefined],
    ['task, Tokyo order', '/task/v1/task-1', { authorization: `Bearer ${KEY}` }, 200, undefined],
    ['task, wrong key', '/v1/task/task-1', { authorization: 'Bearer no' }, 401, 'TOKEN_REFUSED'],
    [
      'task, lenient source, wrong key',
      '/v1/task/task-2',
      { authorization: 'Bearer no' },
      401,
      'TOKEN_REFUSED',
    ],
    ['unknown task, known key', '/v1/task/none', { authorization: `Bearer ${KEY}` }, 404, 'SOURCE_UNKNOWN'],
    ['postback, TD1', '/postback/v3/event/prod/events', TD1, 200, undefined],
    ['postback, header', '/postback/v3/event/prod/events', { 'x-td-write-key': KEY }, 200, undefined],
    [
      'postback, address',
      `/postback/v3/event/prod/events?td_write_key=${encodeURIComponent(KEY)}`,
      {},
      200,
      undefined,
    ],
    [
      'postback, address, bare slash',
      `/postback/v3/event/prod/events?a=1&td_write_key=${KEY}`,
      {},
      200,
      undefined,
    ],
    [
      'postback, wrong header beats right address',
      `/postback/v3/event/prod/events?td_write_key=${KEY}`,
      { 'x-td-write-key': 'wrong' },
      403,
      'KEY_REFUSED',
    ],
    [
      'postback, wrong TD1 beats right header',
      '/postback/v3/event/prod/events',
      { authorization: 'TD1 wrong', 'x-td-write-key': KEY },
      403,
      'KEY_REFUSED',
    ],
    ['postback, no key', '/postback/v3/event/prod/events', {}, 401, 'KEY_MISSING'],
    ['postback, bad percent', '/postback/v3/event/prod/events?td_write_key=%zz%', {}, 403, 'KEY_REFUSED'],
    ['postback, unknown table', '/postback/v3/event/prod/none', TD1, 404, 'SOURCE_UNKNOWN'],
    [
      'postback, unknown table, stranger',
      '/postback/v3/event/prod/none',
      { authorization: 'TD1 no' },
      403,
      'KEY_REFUSED',
    ],
    [
      'lenient, right key',
      '/postback/v3/event/prod/lenient',
      { 'x-td-write-key': LENIENT_KEY },
      200,
      undefined,
    ],
    ['lenient, no key', '/postback/v3/event/prod/lenient', {}, 403, 'KEY_REFUSED'],
  ]
  test.each(rows)('%s', async (_, path, headers, status, code) => {
    const before = (await shared.kept()).length
    const reply = await send(shared, path, headers, body)
    expect([reply.status, reply.code]).toEqual([status, code])
    if (status === 401) expect(reply.headers['www-authenticate']).toMatch(/^(Bearer|TD1) realm=/)
    if (status >= 400) expect(await keptSince(shared, before)).toEqual([])
    expect(reply.text).not.toContain(KEY)
  })

  const records: readonly [what: string, path: string, headers: Record<string, string>, status: number][] = [
    ['TD1', '/prod/events', TD1, 200],
    ['write key header', '/prod/events', { 'x-td-write-key': KEY }, 200],
    ['key in the address is not taken here', `/prod/events?td_write_key=${KEY}`, {}, 401],
    ['wrong key', '/prod/events', { authorization: 'TD1 wrong' }, 403],
    ['wrong key, lenient source', '/prod/lenient', { authorization: 'TD1 wrong' }, 403],
    ['unknown database', '/nope/events', TD1, 404],
  ]
  test.each(records)('records: %s', async (_, path, headers, status) => {
    const reply = await send(shared, path, { ...headers, 'content-type': MEDIA }, '{"records":[{"a":1}]}')
    expect(reply.status).toBe(status)
  })

  test('lenient key mode: a wrong key is answered 200, dropped, counted and logged', async () => {
    const under = await openOnce()
    const headers = { 'x-td-write-key': 'wrong' }
    const reply = await send(under, '/postback/v3/event/prod/lenient', headers, body)
    expect([reply.status, reply.text]).toEqual([200, '{}'])
    expect(await under.kept()).toEqual([])
    expect(under.doors.counters.of(under.sources.get('td-lenient').number).dropped).toBe(1)
    expect(under.lines).toEqual([expect.stringContaining('wrong write key')])
  })

  test('a revoked token is refused at once, a further one works beside the first', async () => {
    const under = await openOnce()
    const path = '/currents/braze'
    const { token } = await under.sources.addToken('braze', 'second')
    for (const each of [TOKEN, token, TOKEN]) {
      expect((await send(under, path, { authorization: `Bearer ${each}` }, body)).status).toBe(200)
    }
    const [first] = under.sources.get('braze').tokens.filter((each) => each.label === 'first')
    await under.sources.revokeToken('braze', first?.id ?? '')
    expect((await send(under, path, BEARER, body)).status).toBe(401)
    expect((await send(under, path, { authorization: `Bearer ${token}` }, body)).status).toBe(200)
  })
})

describe('the credential probe', () => {
  const right: Readonly<Record<string, Record<string, string>>> = {
    '/currents/braze': BEARER,
    '/v1/task/task-1': { authorization: `Bearer ${KEY}` },
    '/postback/v3/event/prod/events': TD1,
    '/prod/events': { ...TD1, 'content-type': MEDIA },
  }
  const answers: Readonly<Record<string, string>> = {
    '/currents/braze': counts(0),
    '/v1/task/task-1': counts(0),
    '/postback/v3/event/prod/events': '{}',
    '/prod/events': '{"receipts":[]}',
  }
  const bodies = [undefined, '', '  \n', '{}', '{"events":[]}', ' { "events" : [ ] } ']
  const rows = Object.keys(right).flatMap((path) => bodies.map((body) => [path, body] as const))
  test.each(rows)('%s with %j keeps nothing and answers 200', async (path, body) => {
    const before = (await shared.kept()).length
    const reply = await send(shared, path, right[path] ?? {}, body)
    expect([reply.status, reply.text]).toEqual([200, answers[path]])
    expect(await keptSince(shared, before)).toEqual([])
  })
  test.each(rows)('%s with %j still checks the secret', async (path, body) => {
    const headers = {
      ...right[path],
      authorization: path.startsWith('/currents') || path.startsWith('/v1') ? 'Bearer x' : 'TD1 x',
    }
    expect([401, 403]).toContain((await send(shared, path, headers, body)).status)
  })
  test('an empty array is a probe on the Braze doors', async () => {
    expect((await send(shared, '/currents/braze', BEARER, '[]')).text).toBe(counts(0))
  })
})

describe('bodies of the Braze doors', () => {
  const a = event()
  const b = event({ event_type: 'an.unknown.Type', user: {} })
  const noId = { event_type: 'x.y', time: 1 }
  const noType = { id: randomUUID() }
  const deep = `{"id":"deep","x":${'['.repeat(DEPTH_MAX + 1)}${']'.repeat(DEPTH_MAX + 1)}}`
  type Kept = readonly [text: string, type: string, quarantined?: ItemFault]
  const rows: readonly [what: string, body: string | Buffer, answer: string, kept: readonly Kept[]][] = [
    [
      'wrapped',
      batch(a, b),
      counts(2),
      [
        [JSON.stringify(a), 'users.messages.email.Open'],
        [JSON.stringify(b), 'an.unknown.Type'],
      ],
    ],
    ['bare', JSON.stringify(a), counts(1), [[JSON.stringify(a), 'users.messages.email.Open']]],
    [
      'array of events',
      JSON.stringify([a, b]),
      counts(2),
      [
        [JSON.stringify(a), 'users.messages.email.Open'],
        [JSON.stringify(b), 'an.unknown.Type'],
      ],
    ],
    [
      'array whose element is wrapped',
      JSON.stringify([{ events: [a] }]),
      counts(1),
      [[JSON.stringify(a), 'users.messages.email.Open']],
    ],
    [
      'no id',
      batch(noId, noId),
      counts(2),
      [
        [JSON.stringify(noId), 'x.y'],
        [JSON.stringify(noId), 'x.y'],
      ],
    ],
    ['no type', batch(noType), counts(1), [[JSON.stringify(noType), '']]],
    [
      'items that are not events beside good ones',
      `{"events":[1,${JSON.stringify(a)},null,"text",[2],${JSON.stringify(b)}]}`,
      counts(2, 0, 4),
      [
        ['1', '', 'not_an_object'],
        [JSON.stringify(a), 'users.messages.email.Open'],
        ['null', '', 'not_an_object'],
        ['"text"', '', 'not_an_object'],
        ['[2]', '', 'not_an_object'],
        [JSON.stringify(b), 'an.unknown.Type'],
      ],
    ],
    [
      'too deep beside a good one',
      `{"events":[${deep},${JSON.stringify(a)}]}`,
      counts(1, 0, 1),
      [
        [deep, '', 'too_deep'],
        [JSON.stringify(a), 'users.messages.email.Open'],
      ],
    ],
  ]
  test.each(rows)('%s', async (_, body, answer, kept) => {
    const under = await openOnce()
    const reply = await send(under, '/currents/braze', BEARER, body)
    expect([reply.status, reply.text]).toEqual([200, answer])
    const number = under.sources.get('braze').number
    expect(await under.kept()).toMatchObject(
      kept.map(([text, type, quarantined]) => ({ source: number, text, type, quarantined })),
    )
  })

  const hurt: readonly [what: string, good: number, body: Buffer][] = [
    ['cut inside the second event', 1, Buffer.from(batch(a, b).slice(0, -30))],
    ['a syntax error in the second event', 1, Buffer.from(`{"events":[${JSON.stringify(a)},{"id":"x",}]}`)],
    [
      'bytes that are not UTF-8 in the second event',
      1,
      Buffer.concat([
        Buffer.from(`{"events":[${JSON.stringify(a)},{"id":"`),
        Buffer.from([0xff]),
        Buffer.from('"}]}'),
      ]),
    ],
    ['bytes behind a bare event', 1, Buffer.from(`${JSON.stringify(a)} tail`)],
  ]
  test.each(hurt)('%s: the good events are kept, the rest is set aside', async (_, good, body) => {
    const under = await openOnce()
    const reply = await send(under, '/currents/braze', BEARER, body)
    expect(reply.status).toBe(200)
    const kept = await under.kept()
    expect(kept.filter((each) => each.quarantined === undefined).map((each) => each.text)).toEqual(
      [JSON.stringify(a)].slice(0, good),
    )
    expect(kept.filter((each) => each.quarantined !== undefined).length).toBeGreaterThan(0)
    expect(JSON.parse(reply.text)).toMatchObject({ accepted: good })
  })

  const broken: readonly [what: string, body: string][] = [
    ['text', 'hello'],
    ['a number', '42'],
    ['an event cut short', '{"id":"a","event_type":"x'],
    ['an opening brace', '{'],
  ]
  test.each(broken)('%s is answered 400 with what and where', async (_, body) => {
    const before = (await shared.kept()).length
    const reply = await send(shared, '/currents/braze', BEARER, body)
    expect([reply.status, reply.code]).toEqual([400, 'BODY_BROKEN'])
    expect(reply.message).toMatch(/at byte \d+\. Send/)
    expect(await keptSince(shared, before)).toEqual([])
  })

  test('a task door keeps events the same way', async () => {
    const under = await openOnce()
    const reply = await send(under, '/v1/task/task-1', { authorization: `Bearer ${KEY}` }, batch(a, 5))
    expect([reply.status, reply.text]).toEqual([200, counts(1, 0, 1)])
    expect((await under.kept()).map((each) => each.text)).toEqual([JSON.stringify(a), '5'])
  })

  test('frames carry real type names, also when there are more than the kernel remembers', async () => {
    const under = await openOnce()
    const types = Array.from({ length: 9_000 }, (_, i) => `made.up.Type${i}`)
    for (let at = 0; at < types.length; at += 1_500) {
      const events = types.slice(at, at + 1_500).map((event_type) => ({ event_type }))
      const reply = await send(under, '/currents/braze', BEARER, batch(...events))
      expect(reply.status).toBe(200)
    }
    expect((await under.kept()).map((each) => each.type)).toEqual(types)
  })

  test.each([
    ['usual ones', '"users.messages.email.Open"', 'users.messages.email.Open'],
    ['one cut within a pair', `"${'x'.repeat(1023)}😀"`, `${'x'.repeat(1023)}\ufffd`],
    ['one with half of a pair', '"a\\ud83db"', 'a\ufffdb'],
    ['none', '7', ''],
  ])('readers of the newest frames see the names of types that are written: %s', async (_, name, seen) => {
    const under = await openOnce()
    // Beyond the kernel's table names are read in another way.
    const others = Array.from({ length: 9_000 }, (_, i) => ({ event_type: `made.up.Type${i}` }))
    for (const before of [[], others]) {
      for (let at = 0; at < before.length; at += 1_500)
        await send(under, '/currents/braze', BEARER, batch(...before.slice(at, at + 1_500)))
      const reply = await send(under, '/currents/braze', BEARER, `{"events":[{"event_type":${name}}]}`)
      expect(reply.status).toBe(200)
      expect((await under.kept()).at(-1)?.type).toBe(seen)
    }
    for (const { seen, written } of await under.keptTypes()) expect(seen).toEqual(written)
  })
})

describe('repeats', () => {
  test('are dropped and counted, per source, within a batch and across batches', async () => {
    const under = await openOnce()
    const [a, b, c] = [event(), event(), event()]
    const path = '/currents/braze'
    expect((await send(under, path, BEARER, batch(a, b, a))).text).toBe(counts(2, 1))
    expect((await send(under, path, BEARER, batch(b, c))).text).toBe(counts(1, 1))
    expect((await send(under, path, BEARER, batch(a, b, c))).text).toBe(counts(0, 3))
    const other = { authorization: 'Bearer other-token' }
    expect((await send(under, '/currents/braze-2', other, batch(a))).text).toBe(counts(1))
    expect((await under.kept()).map((each) => each.text)).toEqual(
      [a, b, c, a].map((each) => JSON.stringify(each)),
    )
  })

  test('quarantined items and events without an id are not compared', async () => {
    const under = await openOnce()
    const body = '{"events":[{"event_type":"x"},7]}'
    for (let i = 0; i < 2; i++) {
      expect((await send(under, '/currents/braze', BEARER, body)).text).toBe(counts(1, 0, 1))
    }
  })

  test('a Braze export on the Postback door is compared, other records are not', async () => {
    const under = await openOnce()
    const path = '/postback/v3/event/prod/events'
    const a = event()
    for (let i = 0; i < 2; i++) await send(under, path, TD1, batch(a))
    for (let i = 0; i < 2; i++) await send(under, path, TD1, '{"id":"user-7","action":"click"}')
    const td = { ...TD1, 'content-type': MEDIA }
    for (let i = 0; i < 2; i++) await send(under, '/prod/events', td, '{"records":[{"id":"user-8"}]}')
    expect((await under.kept()).map((each) => each.text)).toEqual([
      JSON.stringify(a),
      '{"id":"user-7","action":"click"}',
      '{"id":"user-7","action":"click"}',
      '{"id":"user-8"}',
      '{"id":"user-8"}',
    ])
    // The index of known ids is rebuilt from the log: what was not compared must not be in it after a restart.
    const identified = (await under.kept()).map((each) => (each.flags & ROW_HAS_ID) !== 0)
    expect(identified).toEqual([true, false, false, false, false])
  })
})

describe('Treasure Data Postback', () => {
  const path = '/postback/v3/event/prod/events'
  const a = event()
  const rows: readonly [what: string, body: string, kept: readonly string[]][] = [
    ['a Braze export becomes its events', batch(a, event()), []],
    [
      'another object is one record as it is',
      '{"user_id":"u-1","param2":1234}',
      ['{"user_id":"u-1","param2":1234}'],
    ],
    [
      'special keys are plain data',
      '{"td_record_time":1,"td_ip":"td_ip","n":{"a":[1,2]}}',
      ['{"td_record_time":1,"td_ip":"td_ip","n":{"a":[1,2]}}'],
    ],
  ]
  test.each(rows)('%s', async (_, body, kept) => {
    const under = await openOnce()
    const reply = await send(under, path, TD1, body)
    expect([reply.status, reply.text, reply.headers['content-length']]).toEqual([200, '{}', '2'])
    const expected =
      kept.length > 0 ? kept : JSON.parse(body).events.map((each: object) => JSON.stringify(each))
    expect((await under.kept()).map((each) => each.text)).toEqual(expected)
  })

  const refused: readonly [body: string, code: string][] = [
    ['[{"a":1}]', 'BODY_NOT_OBJECT'],
    ['[]', 'BODY_NOT_OBJECT'],
    ['"text"', 'BODY_NOT_OBJECT'],
    ['12', 'BODY_NOT_OBJECT'],
    ['null', 'BODY_NOT_OBJECT'],
    ['{"a":', 'BODY_BROKEN'],
  ]
  test.each(refused)('%s is answered 400 (%s)', async (body, code) => {
    const reply = await send(shared, path, TD1, body)
    expect([reply.status, reply.code]).toEqual([400, code])
  })
})

describe('Treasure Data records', () => {
  const OK = { success: true }
  const NO = { success: false, error: { name: 'InvalidPropertyValueError' } }
  const single = 'application/vnd.treasuredata.v1.single+json'
  const rows: readonly [what: string, media: string, body: string, receipts: object[], kept: string[]][] = [
    ['records', MEDIA, '{"records":[{"a":1},{"b":2}]}', [OK, OK], ['{"a":1}', '{"b":2}']],
    ['events', MEDIA, '{"events":[{"a":1}]}', [OK], ['{"a":1}']],
    ['charset', `${MEDIA}; charset=utf-8`, '{"records":[{"a":1}]}', [OK], ['{"a":1}']],
    ['js', 'application/vnd.treasuredata.v1.js+json', '{"events":[{"a":1}]}', [OK], ['{"a":1}']],
    ['mobile', 'application/vnd.treasuredata.v1.mobile+json', '{"events":[{"a":1}]}', [OK], ['{"a":1}']],
    ['one bare record', MEDIA, '{"a":1}', [OK], ['{"a":1}']],
    ['single', single, '{"a":1}', [OK], ['{"a":1}']],
    [
      'single with an events member',
      single,
      ' {"events":[{"a":1}],"b":2} ',
      [OK],
      ['{"events":[{"a":1}],"b":2}'],
    ],
    ['single with a records member', single, '{"records":[1]}', [OK], ['{"records":[1]}']],
    [
      'records behind other members',
      MEDIA,
      '{ "note" : {"records":[9],"x":"a\\"b"}, "records" : [ {"a":1} ] }',
      [OK],
      ['{"a":1}'],
    ],
    [
      'items that are no objects',
      MEDIA,
      '{"records":[{"a":1},5,null,{"b":2}]}',
      [OK, NO, NO, OK],
      ['{"a":1}', '5', 'null', '{"b":2}'],
    ],
    ['none', MEDIA, '{"records":[]}', [], []],
  ]
  test.each(rows)('%s', async (_, media, body, receipts, kept) => {
    const under = await openOnce()
    const reply = await send(under, '/prod/events?modified=1', { ...TD1, 'content-type': media }, body)
    expect([reply.status, JSON.parse(reply.text)]).toEqual([200, { receipts }])
    expect((await under.kept()).map((each) => each.text)).toEqual(kept)
  })

  const refused: readonly [what: string, body: string, status: number, code: string][] = [
    ['an array', '[{"a":1}]', 400, 'BODY_NOT_OBJECT'],
    ['no JSON', '{"records', 400, 'BODY_BROKEN'],
    ['501 records', JSON.stringify({ records: Array.from({ length: 501 }, () => ({})) }), 413, 'BODY_ITEMS'],
    [
      'a record over 1,000 KB',
      JSON.stringify({ records: [{ a: 'x'.repeat(1_024_000) }] }),
      413,
      'RECORD_OVERSIZED',
    ],
  ]
  test.each(refused)('refuses %s', async (_, body, status, code) => {
    const under = await openOnce({
      limits: { bodyBytesMax: 8 * 1024 * 1024, decompressedBytesMax: 8 * 1024 * 1024 },
    })
    const reply = await send(under, '/prod/events', { ...TD1, 'content-type': MEDIA }, body)
    expect([reply.status, reply.code]).toEqual([status, code])
    expect(await under.kept()).toEqual([])
  })

  test('takes 500 records and refuses more than 5 MB', async () => {
    const limits = { bodyBytesMax: 8 * 1024 * 1024, decompressedBytesMax: 8 * 1024 * 1024 }
    const under = await openOnce({ limits })
    const headers = { ...TD1, 'content-type': MEDIA }
    const most = JSON.stringify({ records: Array.from({ length: 500 }, (_, a) => ({ a })) })
    expect((await send(under, '/prod/events', headers, most)).status).toBe(200)
    const big = JSON.stringify({ records: Array.from({ length: 6 }, () => ({ a: 'x'.repeat(900_000) })) })
    const reply = await send(under, '/prod/events', headers, big)
    expect([reply.status, reply.code]).toEqual([413, 'BODY_OVERSIZED'])
  })
})

describe('encodings', () => {
  const a = event()
  const path = '/currents/braze'
  test('gzip, chunks and both', async () => {
    const under = await openOnce()
    const big = Array.from({ length: 300 }, () => event())
    const plain = Buffer.from(batch(...big))
    const ways: readonly [Record<string, string>, Buffer | AsyncIterable<Buffer>][] = [
      [{ 'content-encoding': 'gzip' }, gzipSync(batch(a))],
      [{ 'content-encoding': 'GZIP' }, gzipSync(plain)],
      [{ 'content-encoding': 'identity' }, Buffer.from(batch(event()))],
      [{}, pieces(Buffer.from(batch(event())), 7)],
      [{ 'content-encoding': 'x-gzip' }, pieces(gzipSync(batch(event())), 11)],
      [{}, pieces(Buffer.from(batch(...Array.from({ length: 500 }, () => event()))), 4_000)],
    ]
    const answers: string[] = []
    for (const [headers, body] of ways)
      answers.push((await send(under, path, { ...BEARER, ...headers }, body)).text)
    expect(answers).toEqual([1, 300, 1, 1, 1, 500].map((n) => counts(n)))
    const kept = await under.kept()
    expect(kept[0]?.text).toBe(JSON.stringify(a))
    expect(kept.slice(1, 301).map((each) => each.text)).toEqual(big.map((each) => JSON.stringify(each)))
    expectNothingHeld(under)
  })

  const bomb = gzipSync(Buffer.alloc(3 * 1024 * 1024, ' '))
  const refused: readonly [
    what: string,
    headers: Record<string, string>,
    body: Buffer,
    status: number,
    code: string,
  ][] = [
    ['unknown encoding', { 'content-encoding': 'br' }, Buffer.from('x'), 415, 'ENCODING_UNKNOWN'],
    ['two encodings', { 'content-encoding': 'gzip, gzip' }, Buffer.from('x'), 415, 'ENCODING_UNKNOWN'],
    ['not gzip', { 'content-encoding': 'gzip' }, Buffer.from(batch(a)), 400, 'BODY_ENCODING'],
    ['cut gzip', { 'content-encoding': 'gzip' }, gzipSync(batch(a)).subarray(0, 60), 400, 'BODY_ENCODING'],
    ['a bomb', { 'content-encoding': 'gzip' }, bomb, 413, 'BODY_RATIO'],
  ]
  test.each(refused)('%s', async (_, headers, body, status, code) => {
    const before = (await shared.kept()).length
    const reply = await send(shared, path, { ...BEARER, ...headers }, body)
    expect([reply.status, reply.code]).toEqual([status, code])
    expect(await keptSince(shared, before)).toEqual([])
    expectNothingHeld(shared)
  })

  test('more decompressed bytes than allowed, without an odd ratio', async () => {
    const noise = Array.from({ length: 60_000 }, () => randomUUID()).join('')
    const body = gzipSync(JSON.stringify({ noise: noise.repeat(2) }), { level: 1 })
    const under = await openOnce({
      limits: { bodyBytesMax: 3 * 1024 * 1024, decompressedBytesMax: 4 * 1024 * 1024 },
    })
    const reply = await send(under, path, { ...BEARER, 'content-encoding': 'gzip' }, body)
    expect([reply.status, reply.code]).toEqual([413, 'BODY_OVERSIZED'])
    expectNothingHeld(under)
  })
})

describe('bounds', () => {
  const path = '/currents/braze'

  test('a body over the limit is answered 413, by its length or as it comes', async () => {
    const under = await openOnce()
    const body = Buffer.alloc(TEST_LIMITS.bodyBytesMax + 1, ' ')
    for (const form of [body, pieces(body, 64 * 1024)]) {
      const reply = await send(under, path, BEARER, form)
      expect([reply.status, reply.code]).toEqual([413, 'BODY_OVERSIZED'])
      expect(reply.message).toContain(`at most ${TEST_LIMITS.bodyBytesMax} bytes`)
      expect(reply.message).toContain('Braze splits')
    }
    expectNothingHeld(under)
  })

  test('a body of exactly the limit is taken, even alone at the bound of bytes in flight', async () => {
    const limits = { bytesInFlightMax: TEST_LIMITS.bodyBytesMax }
    const under = await openOnce({ limits })
    const body = Buffer.alloc(TEST_LIMITS.bodyBytesMax, ' ')
    body.write(JSON.stringify(event()))
    expect((await send(under, path, BEARER, body)).text).toBe(counts(1))
  })

  test('a sender of a huge body still reads the answer', async () => {
    const under = await openOnce()
    const body = Buffer.alloc(64 * 1024 * 1024, ' ')
    const reply = await send(under, path, BEARER, body)
    expect([reply.status, reply.code, reply.headers.connection]).toEqual([413, 'BODY_OVERSIZED', 'close'])
  })

  test('too many items are answered 413', async () => {
    const under = await openOnce()
    const events = Array.from({ length: TEST_LIMITS.itemsMax + 1 }, () => ({}))
    const reply = await send(under, path, BEARER, batch(...events))
    expect([reply.status, reply.code]).toEqual([413, 'BODY_ITEMS'])
    expect((await send(under, path, BEARER, batch(...events.slice(1)))).text).toBe(
      counts(TEST_LIMITS.itemsMax),
    )
  })

  test('more ids than the dedupe index has room for are answered 413, and none is taken for known', async () => {
    const under = await openOnce({ dedupeIds: 30 })
    const events = Array.from({ length: 20 }, () => event())
    const reply = await send(under, path, BEARER, batch(...events))
    expect([reply.status, reply.code]).toEqual([413, 'BODY_OVERSIZED'])
    expectNothingHeld(under)
    expect((await send(under, path, BEARER, batch(...events.slice(0, 10)))).text).toBe(counts(10))
  })

  test('a small frame does not keep a large buffer', async () => {
    const sizes: number[] = []
    const under = await openOnce({
      wrapLog: (log) =>
        replaced(log, {
          append(buffer, frameBytes) {
            sizes.push(buffer.length)
            return log.append(buffer, frameBytes)
          },
        }),
    })
    const large = Buffer.from(`${JSON.stringify({ id: 'x' })}${' '.repeat(100_000)}`)
    await send(under, path, BEARER, pieces(Buffer.from(batch(event())), 50))
    await send(under, path, { ...BEARER, 'content-encoding': 'gzip' }, gzipSync(batch(event())))
    await send(under, path, BEARER, pieces(large, 30_000))
    expect(sizes.slice(0, 2)).toEqual([1024, 1024])
    expect(sizes).toHaveLength(3)
  })

  test('many tiny events need more rows than bytes', async () => {
    const under = await openOnce()
    const events = Array.from({ length: 1_999 }, (_, i) => ({ event_type: `t${i % 7}` }))
    expect((await send(under, path, BEARER, batch(...events))).text).toBe(counts(1_999))
    expect((await under.kept()).map((each) => each.type)).toEqual(events.map((each) => each.event_type))
  })

  test('a slow body is answered 408 and the connection closed', async () => {
    const under = await openOnce({ clock: systemClock, limits: { bodyTimeoutMs: 150 } })
    const socket = await rawRequest(under.port, path, 'content-length: 100', '{"events":[')
    const answer = await untilClosed(socket)
    expect(answer).toMatch(/^HTTP\/1\.1 408 /)
    expect(answer).toContain('"code":"BODY_SLOW"')
    expectNothingHeld(under)
  })

  test('bytes in flight: further requests are answered 503 before they are read, and room comes back', async () => {
    const under = await openOnce({ limits: { bytesInFlightMax: 256 * 1024 } })
    // Needs a buffer of the whole bound: buffers come in steps of 32 KB at this size.
    const socket = await rawRequest(under.port, path, 'content-length: 230000', '{"events":[')
    await expect.poll(() => under.doors.bytesInFlight).toBe(256 * 1024)
    const small = Buffer.from(JSON.stringify(event()))
    const refused = await send(under, path, BEARER, Buffer.alloc(100_000, ' '))
    expect([refused.status, refused.code]).toEqual([503, 'DOORS_BUSY'])
    expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1)
    expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(5)
    expect((await send(under, path, BEARER, small)).status).toBe(503)
    socket.destroy()
    await expect.poll(() => under.doors.bytesInFlight).toBe(0)
    expect((await send(under, path, BEARER, small)).text).toBe(counts(1))
  })

  test('a sender that goes away leaves nothing behind', async () => {
    const under = await openOnce()
    for (const head of ['content-length: 1000', 'transfer-encoding: chunked']) {
      const socket = await rawRequest(under.port, path, head, 'c\r\n{"events":[')
      await expect.poll(() => under.doors.bytesInFlight).toBeGreaterThan(0)
      socket.destroy()
      await expect.poll(() => under.doors.bytesInFlight).toBe(0)
    }
    expect(await under.kept()).toEqual([])
  })

  test('the optional rate limit is answered 429 and recovers', async () => {
    const clock = new VirtualClock(1_700_000_000_000)
    const under = await openOnce({ clock })
    await under.sources.update('braze', { requestsPerSecondMax: 2 })
    const statuses: number[] = []
    for (let i = 0; i < 3; i++) statuses.push((await send(under, path, BEARER, batch(event()))).status)
    expect(statuses).toEqual([200, 200, 429])
    const refused = await send(under, path, BEARER, batch(event()))
    expect([refused.code, refused.headers['retry-after']]).toEqual(['RATE_LIMITED', '1'])
    await clock.advance(1000)
    expect((await send(under, path, BEARER, batch(event()))).status).toBe(200)
    const other = { authorization: 'Bearer other-token' }
    expect((await send(under, '/currents/braze-2', other, batch(event()))).status).toBe(200)
  })
})

describe('the log', () => {
  const path = '/currents/braze'

  test.each(['LOG_FULL', 'LOG_STOPPED'] as const)(
    '%s at append: 503, and the same ids are new later',
    async (code) => {
      let broken = true
      const under = await openOnce({
        wrapLog: (log) =>
          replaced(log, {
            append(buffer, frameBytes) {
              if (broken) throw new ThalwegError(code, 'made for the test')
              return log.append(buffer, frameBytes)
            },
          }),
      })
      const body = batch(event(), event())
      const reply = await send(under, path, BEARER, body)
      expect([reply.status, reply.code]).toEqual([503, code])
      expect(reply.headers['retry-after']).toMatch(/^[1-5]$/)
      expectNothingHeld(under)
      broken = false
      expect((await send(under, path, BEARER, body)).text).toBe(counts(2))
    },
  )

  test('LOG_FULL at lease: 503 before the body is read', async () => {
    const full = () => {
      throw new ThalwegError('LOG_FULL', 'made for the test')
    }
    const under = await openOnce({ wrapLog: (log) => replaced(log, { lease: full }) })
    const reply = await send(under, path, BEARER, batch(event()))
    expect([reply.status, reply.code]).toEqual([503, 'LOG_FULL'])
    expectNothingHeld(under)
  })

  test('a stopped log refuses before anything is read, and still answers probes', async () => {
    const under = await openOnce({ wrapLog: (log) => replaced(log, { state: 'stopped' }) })
    const reply = await send(under, path, BEARER, batch(event()))
    expect([reply.status, reply.code]).toEqual([503, 'LOG_STOPPED'])
    expect((await send(under, path, BEARER)).status).toBe(200)
    expectNothingHeld(under)
  })

  test('a write that fails after append is answered 503, never 200', async () => {
    const stopped = new ThalwegError('LOG_STOPPED', 'made for the test')
    const under = await openOnce({
      wrapLog: (log) =>
        replaced(log, {
          append: (buffer, frameBytes) => log.append(buffer, frameBytes).then(() => Promise.reject(stopped)),
        }),
    })
    const reply = await send(under, path, BEARER, batch(event()))
    expect([reply.status, reply.code]).toEqual([503, 'LOG_STOPPED'])
    expect(under.doors.counters.of(under.sources.get('braze').number).accepted).toBe(0)
    expectNothingHeld(under)
  })

  test('what nobody foresaw is answered 500, logged, and leaves nothing behind', async () => {
    const under = await openOnce({
      wrapLog: (log) =>
        replaced(log, {
          append() {
            throw new RangeError('a defect made for the test')
          },
        }),
    })
    const reply = await send(under, path, BEARER, batch(event()))
    expect([reply.status, reply.code]).toEqual([500, 'DEFECT'])
    expect(reply.text).not.toContain('RangeError')
    expect(under.lines).toHaveLength(1)
    expectNothingHeld(under)
  })

  test('nobody is answered before the sync, neither for new events nor for repeats of them', async () => {
    const gate = Promise.withResolvers<void>()
    const under = await openOnce({
      wrapLog: (log) =>
        replaced(log, {
          append: (buffer, frameBytes) =>
            log.append(buffer, frameBytes).then((offset) => gate.promise.then(() => offset)),
          durable: () => log.durable().then(() => gate.promise),
        }),
    })
    const answered: string[] = []
    const [a, b] = [event(), event()]
    const first = send(under, path, BEARER, batch(a)).then((reply) => answered.push(reply.text))
    await expect.poll(() => under.log.head).toBe(1)
    const second = send(under, path, BEARER, batch(a)).then((reply) => answered.push(reply.text))
    const third = send(under, path, BEARER, batch(a, b)).then((reply) => answered.push(reply.text))
    await expect.poll(() => under.log.head).toBe(2)
    expect(answered).toEqual([])
    gate.resolve()
    await Promise.all([first, second, third])
    expect(answered.sort()).toEqual([counts(0, 1), counts(1), counts(1, 1)])
  })
})

describe('counters', () => {
  test('count per source what came and how it was answered', async () => {
    const clock = new VirtualClock(1_700_000_000_000)
    const under = await openOnce({ clock })
    const a = event()
    const body = batch(a, a, 1)
    await send(under, '/currents/braze', BEARER, body)
    await clock.advance(500)
    await send(under, '/currents/braze', BEARER)
    await send(under, '/currents/braze', BEARER, 'junk')
    await send(under, '/currents/braze', {}, body)
    await send(under, '/currents/nope', BEARER, body)
    const counted = under.doors.counters.of(under.sources.get('braze').number)
    expect(counted).toMatchObject({
      requests: 4,
      accepted: 1,
      duplicates: 1,
      quarantined: 1,
      bytes: Buffer.byteLength(body),
      refused: { 400: 1, 401: 1 },
      seenAt: 1_700_000_000_500,
      eventAt: 1_700_000_000_000,
    })
    expect(counted.answerMs.reduce((sum, n) => sum + n)).toBe(4)
    expect(under.doors.counters.strangers).toEqual({ 404: 1 })
  })
})

function expectNothingHeld(under: DoorsUnderTest): void {
  expect([under.doors.bytesInFlight, under.leased.size]).toEqual([0, 0])
}

/** A POST whose body is only begun. */
function rawRequest(port: number, path: string, head: string, begun: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(
        `POST ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${TOKEN}\r\n${head}\r\n\r\n${begun}`,
        () => resolve(socket),
      )
    })
    socket.on('error', reject)
  })
}

function untilClosed(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
    })
    socket.on('close', () => resolve(text))
  })
}
