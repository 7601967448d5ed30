import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Exchange } from '../../core/exchange.ts'
import type { Receipt } from '../../core/receipt.ts'
import type { EventWriter } from '../destination.ts'
import { batchOf, OPEN_EVENT, outcomes, rehearse, reply } from '../rehearsal.fixture.ts'
import { TreasureDataCredentials, TreasureDataSettings } from './settings.ts'
import { treasureData } from './treasure-data.ts'

const URL_V3 = 'https://in.treasuredata.com/postback/v3/event/my_db/my_table'
const KEY = '4711/0123456789abcdef0123456789abcdef01234567'

const targetOf = (settings: object) => ({
  settings: TreasureDataSettings.parse(settings),
  credentials: TreasureDataCredentials.parse({ writeKey: KEY }),
})

function writerOf(settings: object): EventWriter {
  if (treasureData.events === undefined) throw new Error('no intake')
  return treasureData.events.writer(targetOf(settings), {} as never, new Map())
}

function write(settings: object, events: readonly (object | string)[]): Exchange<readonly Receipt[]> {
  return writerOf(settings).write(batchOf(events))
}

const RECORDS = { form: 'records', region: 'us01', database: 'my_db', table: 'my_table' }
const FLAT = { ...RECORDS, layout: 'flat' }

describe('settings', () => {
  it.each([
    [{ url: URL_V3 }, URL_V3],
    [
      { url: 'http://127.0.0.1:7081/proxy/postback/v3/event/db1/tab' },
      'http://127.0.0.1:7081/proxy/postback/v3/event/db1/tab',
    ],
    [
      { region: 'us01', database: 'db1', table: 'tab' },
      'https://in.treasuredata.com/postback/v3/event/db1/tab',
    ],
    [
      { region: 'ap01', database: 'db1', table: 'tab' },
      'https://tokyo.in.treasuredata.com/postback/v3/event/db1/tab',
    ],
    [{ host: 'http://h:1/x/', database: 'db1', table: 'tab' }, 'http://h:1/x/postback/v3/event/db1/tab'],
    [
      { form: 'postback-v2', region: 'eu01', database: 'db1', table: 'tab' },
      'https://eu01.records.in.treasuredata.com/postback/v3/event/db1/tab',
    ],
    [RECORDS, 'https://us01.records.in.treasuredata.com/my_db/my_table'],
    [{ form: 'records', host: 'http://h:1', database: 'db1', table: 'tab' }, 'http://h:1/db1/tab'],
    [{ form: 'records', url: 'http://h:1/a/db1/tab' }, 'http://h:1/a/db1/tab'],
  ])('%j posts to %s', (settings, url) => {
    const { requests } = rehearse(write(settings, [OPEN_EVENT]), [reply(200, '{}')])
    expect(requests.map((request) => request.url)).toEqual([url])
  })

  it.each([
    [{}, /Give the url/],
    [{ url: `${URL_V3}?td_write_key=1%2Fa` }, /authorization/],
    [{ url: `${URL_V3}?x=1` }, /query/],
    [{ url: 'https://in.treasuredata.com/postback/v3/event/my_db' }, /must end in/],
    [{ url: 'https://in.treasuredata.com/postback/v3/event/My-Db/table' }, /must end in/],
    [{ url: 'https://in.treasuredata.com/my_db/my_table' }, /must end in/],
    [{ url: 'not an address' }, /spaces/],
    [{ url: URL_V3, table: 'other' }, /give one of the two/],
    [{ url: URL_V3, form: 'records' }, /Postback URL/],
    [{ region: 'us01', host: 'http://h', database: 'db1', table: 'tab' }, /not both/],
    [{ region: 'mars', database: 'db1', table: 'tab' }, /us01/],
    [{ region: 'us01', table: 'tab' }, /database is needed/],
    [{ region: 'us01', database: 'db1' }, /table is needed/],
    [{ region: 'us01', database: 'DB1', table: 'tab' }, /lower-case/],
    [{ region: 'us01', database: 'db', table: 'tab' }, /3 to 255/],
    [{ ...RECORDS, keyIn: 'query' }, /header only/],
    [{ url: URL_V3, form: 'postback-v2', keyIn: 'query' }, /header only/],
    [{ url: URL_V3, layout: 'flat' }, /records only/],
    [{ url: URL_V3, colour: 'red' }, /colour/],
  ])('refuses %j', (settings, problem) => {
    expect(TreasureDataSettings.safeParse(settings).error?.message).toMatch(problem)
  })
})

describe('postback', () => {
  it('makes one row of the batch, its bytes unchanged', () => {
    const odd = '{"n":1e400, "d":1,"d":2}'
    const { requests, result } = rehearse(write({ url: URL_V3 }, [OPEN_EVENT, odd]), [reply(200, '{}')])
    expect(requests).toEqual([
      {
        method: 'POST',
        url: URL_V3,
        headers: { 'content-type': 'application/json', 'x-td-write-key': KEY },
        body: `{"events":[${JSON.stringify(OPEN_EVENT)},${odd}]}`,
        secrets: [KEY, encodeURIComponent(KEY)],
      },
    ])
    expect(outcomes(result)).toEqual(['delivered', 'delivered'])
  })

  it('puts the key into the URL when told so', () => {
    const { requests } = rehearse(write({ url: URL_V3, keyIn: 'query' }, [OPEN_EVENT]), [reply(200, '{}')])
    expect(requests[0]?.url).toBe(`${URL_V3}?td_write_key=${encodeURIComponent(KEY)}`)
    expect(requests[0]?.headers).toEqual({ 'content-type': 'application/json' })
    expect(requests[0]?.secrets).toContain(encodeURIComponent(KEY))
  })

  it.each([
    [200, 'delivered'],
    [400, 'failed:invalid'],
    [403, 'failed:unauthorized'],
    [404, 'failed:misconfigured'],
    [413, 'failed:oversized'],
    [429, 'failed:throttled'],
    [503, 'failed:unavailable'],
  ])('takes %i as %s, in both versions', (status, outcome) => {
    for (const form of ['postback-v3', 'postback-v2']) {
      const { result } = rehearse(write({ url: URL_V3, form }, [OPEN_EVENT, OPEN_EVENT]), [reply(status)])
      expect(outcomes(result)).toEqual([outcome, outcome])
    }
  })

  it('sends no Postback v2 body beyond 1,048,064 bytes', () => {
    // {"events":[ + {"p":""} + ]} around the text
    const room = 1_048_064 - 13 - '{"p":""}'.length
    const event = (bytes: number) => ({ p: 'x'.repeat(bytes) })
    const v2 = { url: URL_V3, form: 'postback-v2' }
    const fits = rehearse(write(v2, [event(room)]), [reply(200)])
    expect(fits.requests[0]?.body.length).toBe(1_048_064)
    const tooLarge = rehearse(write(v2, [event(room + 1)]), [])
    expect(tooLarge.requests).toEqual([])
    expect(outcomes(tooLarge.result)).toEqual(['failed:oversized'])
    expect(rehearse(write({ url: URL_V3 }, [event(room + 1)]), [reply(200)]).requests).toHaveLength(1)
  })

  it('states what it takes', () => {
    const limits = treasureData.events?.limits(TreasureDataSettings.parse({ url: URL_V3 }))
    expect(limits).toEqual({ recordsMax: 100, bytesMax: 1_000_000, waitMs: 1000, inFlightMax: 4 })
  })
})

describe('records', () => {
  const ok = { success: true }
  const no = (name?: string) => ({ success: false, error: name === undefined ? undefined : { name } })

  it('makes one row of each event, its bytes unchanged', () => {
    const { requests } = rehearse(write(RECORDS, [OPEN_EVENT, '{"n" :1e400}']), [
      reply(200, { receipts: [ok, ok] }),
    ])
    expect(requests).toEqual([
      {
        method: 'POST',
        url: 'https://us01.records.in.treasuredata.com/my_db/my_table',
        headers: {
          'content-type': 'application/vnd.treasuredata.v1+json',
          accept: 'application/vnd.treasuredata.v1+json',
          authorization: `TD1 ${KEY}`,
        },
        body: `{"records":[${JSON.stringify(OPEN_EVENT)},{"n" :1e400}]}`,
        secrets: [KEY, encodeURIComponent(KEY)],
      },
    ])
  })

  it.each([
    ['all taken', { receipts: [ok, ok, ok] }, ['delivered', 'delivered', 'delivered']],
    [
      'the sender at fault',
      {
        receipts: [
          no('InvalidCollectionNameError'),
          no('InvalidPropertyNameError'),
          no('InvalidPropertyValueError'),
        ],
      },
      ['failed:invalid', 'failed:invalid', 'failed:invalid'],
    ],
    [
      'keep and retry',
      { receipts: [no('ServerError'), no(), { success: false }] },
      ['failed:unavailable', 'failed:unavailable', 'failed:unavailable'],
    ],
    [
      'one of each',
      { receipts: [ok, no('InvalidPropertyValueError'), no('x')] },
      ['delivered', 'failed:invalid', 'failed:unavailable'],
    ],
    ['too few', { receipts: [ok] }, ['delivered', 'failed:unclear', 'failed:unclear']],
    ['too many', { receipts: [ok, ok, ok, ok] }, ['failed:unclear', 'failed:unclear', 'failed:unclear']],
    ['none', {}, ['failed:unclear', 'failed:unclear', 'failed:unclear']],
    ['not a list', { receipts: { 0: ok } }, ['failed:unclear', 'failed:unclear', 'failed:unclear']],
    ['not JSON', '<html>', ['failed:unclear', 'failed:unclear', 'failed:unclear']],
    ['null', null, ['failed:unclear', 'failed:unclear', 'failed:unclear']],
    [
      'strange receipts',
      { receipts: [null, 'x', {}] },
      ['failed:unclear', 'failed:unclear', 'failed:unclear'],
    ],
    [
      'success in words',
      { receipts: [{ success: 'true' }, ok, ok] },
      ['failed:unclear', 'delivered', 'delivered'],
    ],
  ])('reads receipts: %s', (_name, body, expected) => {
    const answer = reply(200, typeof body === 'string' ? body : JSON.stringify(body))
    expect(outcomes(rehearse(write(RECORDS, [{}, {}, {}]), [answer]).result)).toEqual(expected)
  })

  it('names the reason and shows the receipt', () => {
    const { result } = rehearse(write(RECORDS, [{}]), [
      reply(200, { receipts: [no('InvalidPropertyValueError')] }),
    ])
    expect(result[0]).toMatchObject({
      fault: {
        kind: 'invalid',
        message: 'Treasure Data refuses this record: InvalidPropertyValueError',
        status: 200,
        answer: '{"success":false,"error":{"name":"InvalidPropertyValueError"}}',
      },
    })
  })

  it.each([
    [400, 'failed:invalid'],
    [401, 'failed:unauthorized'],
    [403, 'failed:unauthorized'],
    [404, 'failed:misconfigured'],
    [413, 'failed:oversized'],
    [500, 'failed:unavailable'],
  ])('takes %i as %s', (status, outcome) => {
    const { result } = rehearse(write(RECORDS, [{}, {}]), [reply(status, { receipts: [ok, ok] })])
    expect(outcomes(result)).toEqual([outcome, outcome])
  })

  it('does not send a record beyond 1,000 KB, and sends the others', () => {
    const large = { p: 'x'.repeat(1_000_000) }
    const { requests, result } = rehearse(write(RECORDS, [{ a: 1 }, large, { b: 2 }]), [
      reply(200, { receipts: [ok, ok] }),
    ])
    expect(requests.map((request) => request.body)).toEqual(['{"records":[{"a":1},{"b":2}]}'])
    expect(outcomes(result)).toEqual(['delivered', 'failed:oversized', 'delivered'])
  })

  it('splits what is too much for one request', () => {
    const events = Array.from({ length: 6 }, (_, i) => ({ i, p: 'x'.repeat(900_000) }))
    const vendor = (request: { body: string }) => {
      expect(Buffer.byteLength(request.body)).toBeLessThanOrEqual(5_000_000)
      const { records } = JSON.parse(request.body) as { records: unknown[] }
      return reply(200, { receipts: records.map(() => ok) })
    }
    const { requests, result } = rehearse(write(RECORDS, events), vendor)
    expect(requests).toHaveLength(2)
    expect(outcomes(result)).toEqual(events.map(() => 'delivered'))
  })

  it('gives one receipt per event in order, whatever Treasure Data answers', () => {
    const receipt = fc.oneof(fc.constant(ok), fc.constant(no('InvalidPropertyValueError')), fc.jsonValue())
    fc.assert(
      fc.property(
        fc.array(fc.jsonValue(), { maxLength: 5 }),
        fc.constantFrom(200, 200, 200, 201, 400, 403, 429, 500, 302),
        fc.oneof(
          fc.array(receipt, { maxLength: 6 }).map((receipts) => JSON.stringify({ receipts })),
          fc.string(),
          fc.json(),
        ),
        (values, status, body) => {
          const { result } = rehearse(
            write(
              RECORDS,
              values.map((value) => ({ value })),
            ),
            [reply(status, body)],
          )
          expect(result).toHaveLength(values.length)
          for (const one of result) expect(one).toHaveProperty('outcome')
        },
      ),
      { seed: 4242, numRuns: 300 },
    )
  })
})

describe('flat rows', () => {
  it.each<[string, object | string, string]>([
    [
      'two levels',
      {
        event_type: 't',
        time: 5,
        user: { external_user_id: 'u' },
        properties: { campaign_name: 'C', price: 3.14 },
      },
      '{"event_type":"t","event_time":5,"user_external_user_id":"u","properties_campaign_name":"C","properties_price":3.14}',
    ],
    [
      'deeper parts as text',
      { tags: ['a'], properties: { list: [1, { b: 2 }], more: { c: true } } },
      '{"tags":"[\\"a\\"]","properties_list":"[1,{\\"b\\":2}]","properties_more":"{\\"c\\":true}"}',
    ],
    ['booleans as text', { a: true, properties: { b: false } }, '{"a":"true","properties_b":"false"}'],
    ['no nulls', { a: null, properties: { b: null, c: 0 } }, '{"properties_c":0}'],
    ['empty objects', { user: {}, a: '' }, '{"a":""}'],
    ['names', { 'Été-x': 1, '9a': 2, '': 3 }, '{"_t__x":1,"_9a":2,"_":3}'],
    [
      'names of others',
      { time: 1, uuid: 'x', properties: { time: 2 } },
      '{"event_time":1,"event_uuid":"x","properties_time":2}',
    ],
    [
      'equal names',
      { a_b: 1, a: { b: 2, B: 3, b_2: 4 }, event_time: 5, time: 6, Time: 7 },
      '{"a_b":1,"a_b_2":2,"a_b_3":3,"a_b_2_2":4,"event_time":5,"event_time_2":6,"event_time_3":7}',
    ],
    [
      'great numbers',
      '{"a":12345678901234567890,"p":{"q":[1e400]}}',
      '{"a":12345678901234567890,"p_q":"[1e400]"}',
    ],
    [
      'a name from the engine room',
      '{"__proto__":1,"constructor":{"x":2}}',
      '{"__proto__":1,"constructor_x":2}',
    ],
  ])('%s', (_name, event, row) => {
    const { requests } = rehearse(write(FLAT, [event]), [reply(200, { receipts: [{ success: true }] })])
    expect(requests[0]?.body).toBe(`{"records":[${row}]}`)
    expect(JSON.stringify(writerOf(FLAT).preview(batchOf([event]), 0))).toBe(row)
  })

  it('names a hundred thousand equal columns in moderate time', () => {
    const many = Object.fromEntries(
      Array.from({ length: 30_000 }, (_, i) => [String.fromCodePoint(0x4e00 + (i % 20_000), 0x5000 + i), 1]),
    )
    const row = writerOf(FLAT).preview(batchOf([many]), 0)
    expect(Object.keys(row as object)).toHaveLength(30_000)
  })
})

describe('check', () => {
  const v3 = { url: URL_V3 }

  it.each<[string, object, number[], string[], string]>([
    ['v3, all well', v3, [400, 400], ['[]', '{"records":[]}'], 'delivered'],
    ['v3, a lenient host', v3, [200, 200], ['[]', '{"records":[]}'], 'delivered'],
    ['v3, a wrong key', v3, [400, 401], ['[]', '{"records":[]}'], 'failed:unauthorized'],
    ['v3, no such database', v3, [400, 404], ['[]', '{"records":[]}'], 'failed:misconfigured'],
    ['v3, no such address', v3, [404], ['[]'], 'failed:misconfigured'],
    ['v3, no key', v3, [403], ['[]'], 'failed:unauthorized'],
    ['v3, down', v3, [503], ['[]'], 'failed:unavailable'],
    ['v3 elsewhere', { url: 'http://h:1/postback/v3/event/db1/tab' }, [400], ['[]'], 'delivered'],
    ['records', RECORDS, [400], ['{"records":[]}'], 'delivered'],
    ['records, a wrong key', RECORDS, [401], ['{"records":[]}'], 'failed:unauthorized'],
  ])('%s', (_name, settings, statuses, bodies, outcome) => {
    const { requests, result } = rehearse(
      treasureData.check(targetOf(settings)),
      statuses.map((status) => reply(status)),
    )
    expect(requests.map((request) => request.body)).toEqual(bodies)
    expect(outcomes([result])).toEqual([outcome])
  })

  it('asks the records endpoint of the same site or of the given host', () => {
    const urls = (settings: object) =>
      rehearse(treasureData.check(targetOf(settings)), [reply(400)]).requests.map((request) => request.url)
    expect(urls({ url: 'https://tokyo.in.treasuredata.com/postback/v3/event/db1/tab' })[1]).toBe(
      'https://ap01.records.in.treasuredata.com/db1/tab',
    )
    expect(urls({ url: 'http://h:1/postback/v3/event/db1/tab', verifyHost: 'http://r:2' })[1]).toBe(
      'http://r:2/db1/tab',
    )
  })
})
