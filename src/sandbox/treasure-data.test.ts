import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { VirtualClock } from '../core/clock.ts'
import { seededRandom } from '../core/random.ts'
import type { Double } from './double.ts'
import { DEMO, startTreasureData } from './sandbox.ts'
import { type Asked, ask } from './testing.ts'
import type { TreasureData } from './treasure-data.ts'
import { POSTBACK_V2_BYTES_MAX } from './treasure-data-postback.ts'
import { RECORD_BYTES_MAX, RECORDS_BODY_BYTES_MAX } from './treasure-data-records.ts'
import { columnsOf } from './treasure-data-rows.ts'

const NOW_S = 1_700_000_000
const KEY = DEMO.treasureDataKey
const WRONG = '1/ffffffffffffffffffffffffffffffffffffffff'
const POSTBACK = `/postback/v3/event/${DEMO.database}/braze`
const RECORDS = `/${DEMO.database}/braze`
const BATCH_TYPE = 'application/vnd.treasuredata.v1+json'

let clock: VirtualClock
let double: Double<TreasureData>

beforeEach(async () => {
  clock = new VirtualClock(NOW_S * 1000)
  double = await startTreasureData(
    { clock, random: seededRandom(7) },
    {
      tasks: {
        one: { database: DEMO.database, table: 'all_events' },
        many: {
          database: DEMO.database,
          table: 'untyped',
          multipleTables: true,
          tables: { 'users.messages.email.Open': 'users_message_email_open' },
        },
      },
    },
  )
})
afterEach(() => double.close())

function to(path: string, asked: Asked = {}) {
  return ask(double.url + path, asked)
}

function onlyRow() {
  const rows = double.vendor.rows()
  expect(rows).toHaveLength(1)
  const [row] = rows
  if (row === undefined) throw new Error('no row')
  return { ...row, columns: columnsOf(row) }
}

/** The example body of the partner page. */
const EXAMPLE = `{
    "events": [
        {
            "event_type": "users.message.email.Open",
            "id": "a1234567-89ab-cdef-0123-456789abcdef",
            "time": 1477502783,
            "user": { "user_id": "user_id", "timezone": "America/Chicago" },
            "properties": { "campaign_id": "11234567-89ab-cdef-0123-456789abcdef", "price": 1.10 }
        }
    ]
}`

describe('Postback', () => {
  it('makes one row of one POST, with the batch as the exact text in the column events', async () => {
    const told = await to(POSTBACK, { body: EXAMPLE, headers: { 'x-td-write-key': KEY } })
    expect([told.status, told.text, told.headers['content-type']]).toEqual([200, '{}', 'application/json'])
    const row = onlyRow()
    expect([row.database, row.table, row.time]).toEqual([DEMO.database, 'braze', NOW_S])
    expect(row.bytes.toString()).toBe(EXAMPLE)
    expect(row.columns).toEqual({
      events: EXAMPLE.slice(EXAMPLE.indexOf('['), EXAMPLE.lastIndexOf(']') + 1),
      time: NOW_S,
    })
    expect(double.arrivals.view().ids).toEqual(['a1234567-89ab-cdef-0123-456789abcdef'])
  })

  const escaped = encodeURIComponent(KEY)
  const keys: {
    what: string
    form: 'legacy' | 'v2'
    query?: string
    headers?: Record<string, string>
    strict: number
    rows: number
    lenient?: number
  }[] = [
    { what: 'header', form: 'legacy', headers: { 'x-td-write-key': KEY }, strict: 200, rows: 1 },
    { what: 'query', form: 'legacy', query: `?td_write_key=${escaped}`, strict: 200, rows: 1 },
    {
      what: 'wrong header over query',
      form: 'legacy',
      query: `?td_write_key=${escaped}`,
      headers: { 'x-td-write-key': WRONG },
      strict: 403,
      rows: 0,
      lenient: 200,
    },
    { what: 'none', form: 'legacy', strict: 403, rows: 0, lenient: 403 },
    {
      what: 'wrong',
      form: 'legacy',
      headers: { 'x-td-write-key': WRONG },
      strict: 403,
      rows: 0,
      lenient: 200,
    },
    {
      what: 'TD1 header',
      form: 'legacy',
      headers: { authorization: `TD1 ${KEY}` },
      strict: 403,
      rows: 0,
      lenient: 403,
    },
    { what: 'TD1 header', form: 'v2', headers: { authorization: `TD1 ${KEY}` }, strict: 200, rows: 1 },
    { what: 'X-TD-Write-Key', form: 'v2', headers: { 'x-td-write-key': KEY }, strict: 200, rows: 1 },
    {
      what: 'wrong TD1 over the other',
      form: 'v2',
      headers: { authorization: `TD1 ${WRONG}`, 'x-td-write-key': KEY },
      strict: 403,
      rows: 0,
      lenient: 200,
    },
    { what: 'query only', form: 'v2', query: `?td_write_key=${escaped}`, strict: 403, rows: 0, lenient: 403 },
  ]
  it.each(keys)(
    '$form, key by $what: $strict',
    async ({ form, query = '', headers = {}, strict, rows, lenient }) => {
      for (const [keyMode, status] of [
        ['strict', strict],
        ['lenient', lenient ?? strict],
      ] as const) {
        double.reset()
        double.vendor.configure({ keyMode, postback: form })
        expect((await to(POSTBACK + query, { body: { a: 1 }, headers })).status).toBe(status)
        expect(double.vendor.rows()).toHaveLength(rows)
        expect(double.vendor.drops().map((drop) => drop.reason)).toEqual(
          status === 200 && rows === 0 ? ['unknown_key'] : [],
        )
      }
    },
  )

  it.each([
    ['strict', 404, []],
    ['lenient', 200, ['unknown_database']],
  ] as const)('an unknown database, %s: %d', async (keyMode, status, drops) => {
    double.vendor.configure({ keyMode })
    const told = await to('/postback/v3/event/nowhere/t_1', {
      body: { a: 1 },
      headers: { 'x-td-write-key': KEY },
    })
    expect(told.status).toBe(status)
    expect(double.vendor.drops().map((drop) => drop.reason)).toEqual(drops)
  })

  it.each([
    ['no JSON', POSTBACK, '{"a":'],
    ['an array', POSTBACK, '[{"a":1}]'],
    ['a number', POSTBACK, '1'],
    ['nothing', POSTBACK, ''],
    ['a table with capitals', `/postback/v3/event/${DEMO.database}/Braze`, '{}'],
    ['a table of two characters', `/postback/v3/event/${DEMO.database}/ab`, '{}'],
  ])('answers 400 to %s, strict and lenient', async (_what, path, body) => {
    for (const keyMode of ['strict', 'lenient']) {
      double.vendor.configure({ keyMode })
      expect((await to(path, { body, headers: { 'x-td-write-key': KEY } })).status).toBe(400)
    }
    expect(double.vendor.rows()).toHaveLength(0)
  })

  it.each([
    ['/records-host', POSTBACK_V2_BYTES_MAX, 200],
    ['/records-host', POSTBACK_V2_BYTES_MAX + 1, 413],
    ['', POSTBACK_V2_BYTES_MAX + 1, 200],
  ])('host %j, body of %d bytes: %d', async (prefix, bytes, status) => {
    const body = `{"a":"${'x'.repeat(bytes - 8)}"}`
    expect((await to(prefix + POSTBACK, { body, headers: { 'x-td-write-key': KEY } })).status).toBe(status)
  })

  const DAY = 86_400
  it.each([
    ['now', NOW_S - 5, NOW_S - 5],
    ['as text', String(NOW_S - 5), NOW_S - 5],
    ['seven days ago', NOW_S - 7 * DAY, NOW_S - 7 * DAY],
    ['older', NOW_S - 7 * DAY - 1, NOW_S],
    ['three days ahead', NOW_S + 3 * DAY, NOW_S + 3 * DAY],
    ['later', NOW_S + 3 * DAY + 1, NOW_S],
    ['no number', 'soon', NOW_S],
  ])('td_record_time %s', async (_what, td_record_time, time) => {
    await to(POSTBACK, { body: { td_record_time }, headers: { 'x-td-write-key': KEY } })
    expect(onlyRow().columns).toEqual({ time })
  })

  it('fills in address, agent and global id only where asked', async () => {
    const headers = { 'x-td-write-key': KEY, 'user-agent': 'agent/1', cookie: 'a=b; _td_global=g-1' }
    await to(POSTBACK, {
      body: { td_ip: 'td_ip', td_ua: 'td_ua', td_global_id: 'td_global_id', n: null, on: true },
      headers,
    })
    expect(onlyRow().columns).toEqual({
      td_ip: '127.0.0.1',
      td_ua: 'agent/1',
      td_global_id: 'g-1',
      on: 'true',
      time: NOW_S,
    })
    double.reset()
    await to(POSTBACK, { body: { td_ip: '10.0.0.1' }, headers })
    expect(onlyRow().columns).toEqual({ td_ip: '10.0.0.1', time: NOW_S })
  })

  it('takes the pixel form: text columns and an image', async () => {
    const told = await to(
      `${POSTBACK}?td_format=pixel&td_write_key=${escaped}&Col-A=1&td_ua=td_ua&td_record_time=${NOW_S - 9}`,
      {
        headers: { 'user-agent': 'agent/1' },
      },
    )
    expect([told.status, told.headers['content-type'], told.text.slice(0, 6)]).toEqual([
      200,
      'image/gif',
      'GIF89a',
    ])
    expect(onlyRow().columns).toEqual({ col_a: '1', td_ua: 'agent/1', time: NOW_S - 9 })
  })

  it.each([
    ['no key', '?td_format=pixel&a=1', 'legacy', 403],
    ['v2', `?td_write_key=${escaped}`, 'v2', 405],
    [
      'a redirect',
      `?td_write_key=${escaped}&td_redirect=${encodeURIComponent('https://x.test/?id=td_global_id')}`,
      'legacy',
      302,
    ],
    ['JSON without td_format', `?td_write_key=${escaped}&a=1`, 'legacy', 200],
  ])('GET with %s', async (_what, query, postback, status) => {
    double.vendor.configure({ postback })
    const told = await to(POSTBACK + query, { headers: { cookie: '_td_global=g-1' } })
    expect(told.status).toBe(status)
    if (status === 302) expect(told.headers.location).toBe('https://x.test/?id=g-1')
    if (status === 200) expect(told.text).toBe('{}')
  })

  it('refuses the whole POST when a fault refuses one of its events', async () => {
    double.faults.set([{ kind: 'refuse', ids: ['a1234567-89ab-cdef-0123-456789abcdef'] }])
    expect((await to(POSTBACK, { body: EXAMPLE, headers: { 'x-td-write-key': KEY } })).status).toBe(400)
    expect(double.vendor.rows()).toHaveLength(0)
  })
})

describe('records API', () => {
  function records(body: unknown, headers: Record<string, string> = {}, path = RECORDS) {
    return to(path, {
      body,
      headers: { 'content-type': BATCH_TYPE, authorization: `TD1 ${KEY}`, ...headers },
    })
  }
  const many = (count: number) => ({ records: Array.from({ length: count }, (_, i) => ({ id: `r${i}` })) })

  it('makes a row of each record, byte for byte, and answers a receipt for each', async () => {
    const told = await records(
      '{"records":[{"id":"a","price":1.10,"nest":{"n": 12345678901234567890}}, {"id":"b","time":1600000000,"uuid":"u"}]}',
    )
    expect(told.json).toEqual({ receipts: [{ success: true }, { success: true }] })
    const [first, second] = double.vendor.rows()
    if (first === undefined || second === undefined) throw new Error('two rows expected')
    expect(first.bytes.toString()).toBe('{"id":"a","price":1.10,"nest":{"n": 12345678901234567890}}')
    expect(columnsOf(first)).toEqual({
      id: 'a',
      price: 1.1,
      nest: '{"n": 12345678901234567890}',
      time: NOW_S,
    })
    expect(columnsOf(second)).toEqual({ id: 'b', time: 1_600_000_000 })
    expect(double.arrivals.view().ids).toEqual(['a', 'b'])
  })

  it.each([
    ['batch, records', BATCH_TYPE, { records: [{ a: 1 }] }, { a: 1 }],
    ['batch, events', `${BATCH_TYPE}; charset=utf-8`, { events: [{ a: 1 }] }, { a: 1 }],
    ['single', 'application/vnd.treasuredata.v1.single+json', { a: 1 }, { a: 1 }],
    [
      'js',
      'application/vnd.treasuredata.v1.js+json',
      { events: [{ td_global_id: 'td_global_id' }] },
      { td_global_id: 'g-1' },
    ],
    [
      'mobile',
      'application/vnd.treasuredata.v1.mobile+json',
      { events: [{ a: 1 }] },
      { a: 1, td_ip: '127.0.0.1' },
    ],
  ])('takes the media type %s', async (_what, type, body, columns) => {
    const told = await records(body, { 'content-type': type, cookie: '_td_global=g-1' })
    expect([told.status, told.json]).toEqual([200, { receipts: [{ success: true }] }])
    expect(onlyRow().columns).toEqual({ ...columns, time: NOW_S })
  })

  it('takes gzip', async () => {
    const told = await records(gzipSync(JSON.stringify(many(2))), { 'content-encoding': 'gzip' })
    expect(told.json.receipts).toHaveLength(2)
    expect((await records('not gzip', { 'content-encoding': 'gzip' })).status).toBe(400)
  })

  const big = (bytes: number) => `{"a":"${'x'.repeat(bytes - 8)}"}`
  it.each([
    ['no key', 401, many(1), { authorization: '' }, RECORDS],
    ['another scheme', 401, many(1), { authorization: `Bearer ${KEY}` }, RECORDS],
    ['an unknown key', 403, many(1), { authorization: `TD1 ${WRONG}` }, RECORDS],
    ['an unknown database', 404, many(1), {}, '/nowhere/braze'],
    ['500 records', 200, many(500), {}, RECORDS],
    ['501 records', 413, many(501), {}, RECORDS],
    ['no records', 400, many(0), {}, RECORDS],
    ['no array', 400, { records: {} }, {}, RECORDS],
    ['an array alone', 400, [{ a: 1 }], {}, RECORDS],
    ['broken JSON', 400, '{"records":[', {}, RECORDS],
    ['plain JSON', 400, many(1), { 'content-type': 'application/json' }, RECORDS],
    [
      '5 MB',
      200,
      `{"records":[${Array(5).fill(big(999_900)).join()}]}${' '.repeat(RECORDS_BODY_BYTES_MAX - 4_999_518)}`,
      {},
      RECORDS,
    ],
    ['beyond 5 MB', 413, `{"records":[{}]}${' '.repeat(RECORDS_BODY_BYTES_MAX)}`, {}, RECORDS],
  ] as [string, number, unknown, Record<string, string>, string][])(
    '%s: %d',
    async (_what, status, body, headers, path) => {
      expect((await records(body, headers, path)).status).toBe(status)
    },
  )

  it.each([
    [
      'not an object',
      [1, null, 'a', [], { a: 1 }],
      [
        'InvalidPropertyValueError',
        'InvalidPropertyValueError',
        'InvalidPropertyValueError',
        'InvalidPropertyValueError',
        true,
      ],
    ],
    ['an empty name', [{ '': 1 }], ['InvalidPropertyNameError']],
    [
      'a name that is too long',
      [{ ['n'.repeat(128)]: 1 }, { ['n'.repeat(129)]: 1 }],
      [true, 'InvalidPropertyNameError'],
    ],
    ['a name that gets an alias', [{ 'Campaign-Name': 1 }], [true]],
    [
      'a time that is none',
      [{ time: '2024' }, { time: 1.5 }, { time: 1 }],
      ['InvalidPropertyValueError', 'InvalidPropertyValueError', true],
    ],
    [
      'a large record',
      [{ a: 'x'.repeat(RECORD_BYTES_MAX - 8) }, { a: 'x'.repeat(RECORD_BYTES_MAX - 7) }],
      [true, 'InvalidPropertyValueError'],
    ],
  ])('fails a record alone: %s', async (_what, list, outcomes) => {
    const told = await records({ records: list })
    expect(told.status).toBe(200)
    expect(
      told.json.receipts.map(
        (receipt: { success: boolean; error?: { name: string } }) => receipt.error?.name ?? receipt.success,
      ),
    ).toEqual(outcomes)
    expect(double.vendor.rows()).toHaveLength(outcomes.filter((outcome) => outcome === true).length)
  })

  it('fails every record for a table name that is none', async () => {
    const told = await records(many(1), {}, `/${DEMO.database}/Braze`)
    expect(told.json).toEqual({
      receipts: [{ success: false, error: { name: 'InvalidCollectionNameError' } }],
    })
  })

  it('refuses 3 of 100 by a fault and takes the 97', async () => {
    double.faults.set([{ kind: 'refuse', ids: ['r7', 'r50', 'r99'] }])
    const told = await records(many(100))
    const failed = told.json.receipts.flatMap((receipt: { success: boolean }, i: number) =>
      receipt.success ? [] : [i],
    )
    expect(failed).toEqual([7, 50, 99])
    expect(double.arrivals.total).toBe(97)
    expect(told.json.receipts[7]).toEqual({ success: false, error: { name: 'InvalidPropertyValueError' } })
  })

  it('cuts receipts by a fault, having stored everything', async () => {
    double.faults.set([{ kind: 'cut_receipts', keep: 4, next: 1 }])
    expect((await records(many(10))).json.receipts).toHaveLength(4)
    expect(double.vendor.rows()).toHaveLength(10)
    expect((await records(many(10))).json.receipts).toHaveLength(10)
  })
})

describe('streaming connector', () => {
  const event = {
    event_type: 'users.messages.email.Open',
    id: 'e1',
    time: 1_477_502_783,
    user: { external_user_id: 'u1', timezone: null, extra: { deep: 1 } },
    properties: { price: 3.14, machine_open: true, reasons: ['a', 'b'], Campaign: 'C' },
  }
  function task(path: string, body: unknown, authorization = `Bearer ${KEY}`) {
    return to(path, { body, headers: { authorization } })
  }

  it.each(['/v1/task/one', '/task/v1/one'])('flattens each event into a row at %s', async (path) => {
    expect((await task(path, { events: [event] })).status).toBe(200)
    const row = onlyRow()
    expect(row.table).toBe('all_events')
    expect(row.columns).toEqual({
      event_type: 'users.messages.email.Open',
      id: 'e1',
      event_time: 1_477_502_783,
      user_external_user_id: 'u1',
      user_extra: '{"deep":1}',
      properties_price: 3.14,
      properties_machine_open: 'true',
      properties_reasons: '["a","b"]',
      properties_campaign: 'C',
      time: NOW_S,
    })
  })

  it('gives each type a table where asked, by name or by override', async () => {
    const events = [event, { id: 'e2', event_type: 'users.behaviors.app.SessionStart' }, { id: 'e3' }, 'junk']
    expect((await task('/v1/task/many', { events })).status).toBe(200)
    expect(double.vendor.rows().map((row) => row.table)).toEqual([
      'users_message_email_open',
      'users_behaviors_app_session_start',
      'untyped',
    ])
    expect(double.vendor.drops().map((drop) => [drop.reason, drop.bytes.toString()])).toEqual([
      ['not_an_object', '"junk"'],
    ])
  })

  it.each([
    ['no events', 200, '/v1/task/one', { events: [] }, `Bearer ${KEY}`],
    ['no body', 200, '/v1/task/one', '', `Bearer ${KEY}`],
    ['a probe with a wrong key', 403, '/v1/task/one', { events: [] }, `Bearer ${WRONG}`],
    ['no token', 401, '/v1/task/one', { events: [] }, ''],
    ['an unknown task', 404, '/v1/task/none', { events: [] }, `Bearer ${KEY}`],
    ['a task named like a method', 404, '/v1/task/toString', { events: [] }, `Bearer ${KEY}`],
    ['broken JSON', 400, '/v1/task/one', '{', `Bearer ${KEY}`],
    ['no array', 400, '/v1/task/one', { events: 1 }, `Bearer ${KEY}`],
    ['beyond 1 MB', 413, '/v1/task/one', `{"events":[]}${' '.repeat(1_000_000)}`, `Bearer ${KEY}`],
  ] as [string, number, string, unknown, string][])(
    '%s: %d',
    async (_what, status, path, body, authorization) => {
      expect((await task(path, body, authorization)).status).toBe(status)
    },
  )
})

describe('inspection', () => {
  beforeEach(async () => {
    const headers = { 'x-td-write-key': KEY }
    await to(POSTBACK, { body: EXAMPLE, headers })
    await clock.advance(1000)
    await to(`/postback/v3/event/${DEMO.database}/other`, { body: { plain: 1 }, headers })
  })

  it('pages rows by table, as columns or as sent', async () => {
    const page = await to(`/sandbox/rows?database=${DEMO.database}&table=other`)
    expect(page.json).toMatchObject({
      matching: 1,
      rows: [{ table: 'other', columns: { plain: 1, time: NOW_S + 1 } }],
    })
    const raw = await to('/sandbox/rows?limit=1&raw=1')
    expect(raw.json).toMatchObject({ matching: 2, rows: [{ table: 'braze', raw: EXAMPLE }] })
    expect((await to('/sandbox/rows?offset=1')).json.rows).toHaveLength(1)
  })

  it('counts tables and event types', async () => {
    expect((await to('/sandbox/tables')).json).toEqual({
      tables: { [`${DEMO.database}.braze`]: 1, [`${DEMO.database}.other`]: 1 },
    })
    expect((await to('/sandbox/types')).json).toEqual({ types: { 'users.message.email.Open': 1, '': 1 } })
    expect((await to('/sandbox/types?table=braze')).json).toEqual({
      types: { 'users.message.email.Open': 1 },
    })
  })

  it('shows rows only after the query delay', async () => {
    await to('/sandbox/settings', { method: 'PUT', body: { queryDelayMs: 1000 } })
    expect((await to('/sandbox/rows')).json.matching).toBe(1)
    await clock.advance(1000)
    expect((await to('/sandbox/rows')).json.matching).toBe(2)
  })

  it('refuses settings that do not exist', async () => {
    expect((await to('/sandbox/settings', { method: 'PUT', body: { keyMode: 'sloppy' } })).status).toBe(400)
  })
})

it('keeps rows within its bounds and counts what left', async () => {
  const small = await startTreasureData({ clock, random: seededRandom(1) }, { rowsMax: 3, rowBytesMax: 60 })
  for (let i = 0; i < 5; i++) {
    const body = `{"i":${i},"s":"${'x'.repeat(16)}"}`
    await ask(`${small.url}${POSTBACK}`, { body, headers: { 'x-td-write-key': KEY } })
  }
  expect(small.state()).toMatchObject({ events: 5, rows: { total: 5, kept: 2, dropped: 3, bytes: 60 } })
  await small.close()
})
