import { describe, expect, it } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { VirtualClock } from '../../core/clock.ts'
import { RECEIVED_AT } from '../../destinations/rehearsal.fixture.ts'
import { batchAt, KEY, testWarehouse } from './warehouse.fixture.ts'

const event = (id: string, properties: object = {}, type = 'users.messages.email.Open') => ({
  event_type: type,
  id,
  time: 1_780_000_000,
  user: { user_id: 'b1', external_user_id: 'u1' },
  properties,
})

describe('a row', () => {
  it('holds the event in typed columns, the whole of its properties, and where it came from', async () => {
    const { load, rows } = await testWarehouse()
    const properties = { campaign_id: 'c-1', attempt_count: 3, is_amp: true, price: 1.5, media_urls: ['a'] }
    expect(await load(batchAt([event('e1', properties)], [7]))).toEqual({
      status: 200,
      value: { written: 2, known: 0 },
    })
    expect(
      await rows(
        'select id, event_type, time, user_id, external_user_id, device_id, campaign_id, attempt_count, is_amp, price, media_urls, properties, extra, _offset, _received_at, _source, _current from braze.events',
      ),
    ).toEqual([
      [
        'e1',
        'users.messages.email.Open',
        '2026-05-28T20:26:40Z',
        'b1',
        'u1',
        null,
        'c-1',
        3,
        true,
        1.5,
        '["a"]',
        JSON.stringify(properties),
        null,
        7,
        new Date(RECEIVED_AT).toISOString().replace('.000', ''),
        'braze',
        KEY,
      ],
    ])
  })

  const HEAD = '"event_type":"t","id":"x","user":{"user_id":"b"}'
  const ODD: readonly (readonly [what: string, text: string, cells: readonly unknown[]])[] = [
    ['a number as id', '{"id":5,"properties":{}}', ['5', null, null, '{}', null]],
    ['an object as id', '{"id":{"a":1},"properties":{}}', [null, null, null, '{}', '{"id":{"a":1}}']],
    ['no members', '{}', [null, null, null, '{}', null]],
    [
      'a time that is none',
      `{${HEAD},"time":"soon","properties":{}}`,
      ['x', null, 'b', '{}', '{"time":"soon"}'],
    ],
    [
      'a time as text',
      `{${HEAD},"time":"2026-01-02T03:04:05Z","properties":{}}`,
      ['x', '2026-01-02T03:04:05Z', 'b', '{}', null],
    ],
    [
      'a time far away',
      `{${HEAD},"time":1e15,"properties":{}}`,
      ['x', null, 'b', '{}', '{"time":1000000000000000}'],
    ],
    [
      'a time with a fraction',
      `{${HEAD},"time":1.5,"properties":{}}`,
      ['x', '1970-01-01T00:00:01.5Z', 'b', '{}', null],
    ],
    ['no properties', `{${HEAD}}`, ['x', null, 'b', null, null]],
    ['properties first', `{"properties":{"q":1},${HEAD}}`, ['x', null, 'b', '{"q":1}', null]],
    ['properties alone', '{"properties":{"q":1}}', [null, null, null, '{"q":1}', null]],
    ['properties that are an array', `{${HEAD},"properties":[1]}`, ['x', null, 'b', '[1]', null]],
    ['properties null', `{${HEAD},"properties":null}`, ['x', null, 'b', null, null]],
    [
      'unknown members',
      `{${HEAD},"properties":{},"more":12345678901234567890123,"__proto__":1}`,
      ['x', null, 'b', '{}', '{"more":12345678901234567890123,"__proto__":1}'],
    ],
    [
      'unknown members of user',
      '{"id":"x","user":{"user_id":"b","vip":1.10},"properties":{}}',
      ['x', null, 'b', '{}', '{"user":{"vip":1.1}}'],
    ],
    ['a user that is none', '{"id":"x","user":"b","properties":{}}', ['x', null, null, '{}', '{"user":"b"}']],
    [
      'an escaped name',
      '{"i\\u0064":"x","user":{"user_id":"b"},"properties":{}}',
      ['x', null, 'b', '{}', null],
    ],
    [
      'white space',
      '{ "id" : "x" , "user" : { "user_id" : "b" } , "properties" : { "q" : 1 } }',
      ['x', null, 'b', '{ "q" : 1 }', null],
    ],
    [
      'numbers that JavaScript cannot hold',
      `{${HEAD},"properties":{"n":12345678901234567890,"e":1.10,"x":1E2,"m":1e999}}`,
      ['x', null, 'b', '{"n":12345678901234567890,"e":1.10,"x":1E2,"m":1e999}', null],
    ],
    ['a nul', `{${HEAD},"properties":{"s":"a\\u0000b"}}`, ['x', null, 'b', '{"s":"a\\u0000b"}', null]],
    [
      'a flat row of a Treasure Data door',
      '{"user_id":"b","param2":5,"time":60}',
      [null, '1970-01-01T00:01:00Z', 'b', '{"user_id":"b","param2":5,"time":60}', null],
    ],
  ]

  it(`lands whatever the event looks like: ${ODD.length} ways`, async () => {
    const { load, rows } = await testWarehouse()
    const texts = ODD.map(([, text]) => text)
    const offsets = ODD.map((_, i) => i)
    expect((await load(batchAt(texts, offsets))).status).toBe(200)
    const landed = await rows('select id, time, user_id, properties, extra from events order by _offset')
    for (const [i, [what, , cells]] of ODD.entries()) expect(landed[i], what).toEqual(cells)
  })

  it('lands with half a surrogate pair, which the engine does not take for JSON, beside a whole one', async () => {
    const { load, rows } = await testWarehouse()
    const broken = '{"id":"half","properties":{"s":"\\ud800","t":1}}'
    expect((await load(batchAt([broken, event('whole', { t: 2 })], [0, 1]))).status).toBe(200)
    const [half, whole] = await rows('select id, properties, extra, t from events order by _offset')
    expect(whole?.slice(1)).toEqual(['{"t":2}', null, 2])
    const kept = JSON.parse(String(half?.[2])) as { unreadable: { properties: string } }
    expect(kept.unreadable.properties).toBe('{"s":"\\ud800","t":1}')
  })

  it('lands with 200 levels of JSON', async () => {
    const { load, rows } = await testWarehouse()
    const deep = `${'['.repeat(200)}${']'.repeat(200)}`
    expect((await load(batchAt([`{"id":"d","properties":{"deep":${deep}}}`], [0]))).status).toBe(200)
    expect(await rows('select deep::varchar from events')).toEqual([[deep]])
  })
})

describe('columns', () => {
  it('appear with the first value, by the naming rule, with the type that was seen', async () => {
    const { load, rows } = await testWarehouse()
    const first = { 'Plan Name': 'gold', n: 1, f: 1.5, b: true, o: { a: 1 }, nothing: null, time: 'x' }
    await load(batchAt([event('a', first)], [0]))
    await load(batchAt([event('b', { later: 'l', nothing: 2 })], [1]))
    const columns = (await rows('describe events')).map(([name, type]) => `${name} ${type}`)
    expect(columns).toEqual(
      expect.arrayContaining([
        'plan_name VARCHAR',
        'n BIGINT',
        'f DOUBLE',
        'b BOOLEAN',
        'o JSON',
        'property_time VARCHAR',
        'later VARCHAR',
        'nothing BIGINT',
      ]),
    )
    expect(
      await rows('select plan_name, n, f, b, o, property_time, later, nothing from events order by id'),
    ).toEqual([
      ['gold', 1, 1.5, true, '{"a":1}', 'x', null, null],
      [null, null, null, null, null, null, 'l', 2],
    ])
  })

  it('are bounded in number; what has none stays in properties', async () => {
    const { load, rows } = await testWarehouse()
    const many = Object.fromEntries(Array.from({ length: 400 }, (_, i) => [`k${i}`, i]))
    await load(batchAt([event('a', many)], [0]))
    expect(await rows(`select count(*) from (describe events) where column_name ~ '^k[0-9]+$'`)).toEqual([
      [256],
    ])
    expect(await rows(`select (properties->>'$.k399')::int from events`)).toEqual([[399]])
  })

  it('take no value that does not fit: the cell is null, the value stays, the misfit is told', async () => {
    const { load, rows, embedded } = await testWarehouse()
    await load(
      batchAt(
        [
          event('a', { campaign_id: { z: 1 }, attempt_count: 'three', is_amp: 1, price: '9' }),
          event('b', { attempt_count: 2.5 }),
        ],
        [0, 1],
      ),
    )
    await load(batchAt([event('c', { attempt_count: 'four' })], [2]))
    expect(await rows('select properties from events order by id')).toEqual([
      ['{"campaign_id":{"z":1},"attempt_count":"three","is_amp":1,"price":"9"}'],
      ['{"attempt_count":2.5}'],
      ['{"attempt_count":"four"}'],
    ])
    const misfits = await embedded.engine.misfits()
    expect(
      misfits.map(({ table, column, kind, count, sample }) => [table, column, kind, count, sample]).sort(),
    ).toEqual([
      ['events', 'attempt_count', 'number', 1, '2.5'],
      ['events', 'attempt_count', 'string', 2, '"three"'],
      ['events', 'campaign_id', 'object', 1, '{"z":1}'],
      ['events', 'is_amp', 'number', 1, '1'],
      ['events', 'price', 'string', 1, '"9"'],
    ])
  })

  it('of discovered whole numbers become doubles when a fraction comes, and only where that is exact', async () => {
    const { load, rows } = await testWarehouse()
    await load(batchAt([event('a', { small: 5, big: '9007199254740993' })], [0]))
    await load(batchAt(['{"id":"b","properties":{"small":5.5,"large":9007199254740993}}'], [1]))
    await load(batchAt(['{"id":"c","properties":{"large":0.5}}'], [2]))
    expect(await rows('select small, large from events order by id')).toEqual([
      [5, null],
      [5.5, '9007199254740993'],
      [null, null],
    ])
  })

  it('take the last of two members with one name, as JSON.parse does', async () => {
    const { load, rows } = await testWarehouse()
    await load(batchAt(['{"id":"a","properties":{"campaign_id":"1","campaign_id":"2"}}'], [0]))
    expect(await rows('select campaign_id, properties from events')).toEqual([
      ['2', '{"campaign_id":"1","campaign_id":"2"}'],
    ])
  })
})

describe('exactly once', () => {
  const ids = async (rows: (sql: string) => Promise<readonly (readonly unknown[])[]>) =>
    (await rows('select id from events order by _offset')).map(([id]) => id)

  it('a batch that comes again is acknowledged and not written', async () => {
    const { load, rows } = await testWarehouse()
    const batch = batchAt([event('a'), event('b')], [10, 11])
    await load(batch)
    expect(await load(batch)).toEqual({ status: 200, value: { written: 0, known: 4 } })
    expect(await ids(rows)).toEqual(['a', 'b'])
  })

  it('batches that overlap, come late or fill a hole make one row per offset', async () => {
    const { load, rows } = await testWarehouse()
    await load(batchAt([event('c'), event('d')], [12, 13]))
    await load(batchAt([event('a'), event('c')], [10, 12]))
    await load(batchAt([event('b'), event('d'), event('e')], [11, 13, 14]))
    expect(await ids(rows)).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(await rows('select sum(len(_offsets))::int from events_raw')).toEqual([[5]])
  })

  it('another current may write the same offsets', async () => {
    const { load, rows } = await testWarehouse()
    await load(batchAt([event('a')], [10]))
    await load(batchAt([event('a')], [10], { connection: 'another' }))
    expect(await rows('select _current, count(*) from events group by 1 order by 1')).toEqual([
      ['another', 1],
      [KEY, 1],
    ])
  })

  it('the position outlives the process', async () => {
    const first = await testWarehouse()
    await first.load(batchAt([event('a')], [10]))
    await first.embedded.close()
    const second = await testWarehouse({ dataDir: first.dataDir })
    expect(await second.load(batchAt([event('a'), event('b')], [10, 11]))).toEqual({
      status: 200,
      value: { written: 2, known: 2 },
    })
    expect(await ids(second.rows)).toEqual(['a', 'b'])
  })

  it('a shape that is added later is filled by a replay', async () => {
    const { load, rows } = await testWarehouse()
    const batch = batchAt([event('a'), event('b')], [10, 11])
    await load(batch, { shape: 'events' })
    expect(await load(batch, { shape: 'both' })).toEqual({ status: 200, value: { written: 2, known: 2 } })
    expect(await rows('select events from events_raw')).toEqual([[JSON.stringify([event('a'), event('b')])]])
  })
})

describe('the raw shape', () => {
  it('is one row per request, also when batches cut it', async () => {
    const { load, rows } = await testWarehouse()
    await load(batchAt([event('a'), event('b'), event('c')], [10, 11, 12], { requests: [10, 10, 12] }))
    await load(batchAt([event('d'), event('e')], [13, 14], { requests: [12, 14] }))
    const texts = (await rows('select events from events_raw order by _request')).map(([text]) =>
      (JSON.parse(String(text)) as { id: string }[]).map(({ id }) => id),
    )
    expect(texts).toEqual([['a', 'b'], ['c', 'd'], ['e']])
  })

  it('keeps the bytes of the events as they came, and answers the documented count per type', async () => {
    const { load, rows } = await testWarehouse()
    const text = '{ "event_type":"t.A", "n":1.10 }'
    await load(batchAt([text, event('b', {}, 't.B'), event('c', {}, 't.B')], [0, 1, 2]), { shape: 'raw' })
    expect(await rows(`select events[2:${1 + text.length}] from events_raw`)).toEqual([[text]])
    expect(
      await rows(
        `select e->>'$.event_type', count(*) from (select unnest(events::json[]) e from events_raw) group by 1 order by 1`,
      ),
    ).toEqual([
      ['t.A', 1],
      ['t.B', 2],
    ])
  })
})

describe('where rows go', () => {
  it('a table per type', async () => {
    const { load, rows, embedded } = await testWarehouse()
    const batch = batchAt(
      [event('a'), event('b', {}, 'users.behaviors.CustomEvent'), event('c', {}, '')],
      [0, 1, 2],
    )
    await load(batch, { shape: 'events', tablePerType: true })
    expect(await load(batch, { shape: 'events', tablePerType: true })).toMatchObject({ value: { known: 3 } })
    expect((await embedded.engine.tables()).map(({ table, rows: count }) => [table, count])).toEqual([
      ['other', 1],
      ['users_behaviors_customevent', 1],
      ['users_messages_email_open', 1],
    ])
    expect(await rows('select id from users_behaviors_customevent')).toEqual([['b']])
  })

  it('the table of the source, where it has one and the current wants it', async () => {
    const { load, rows } = await testWarehouse()
    await load(batchAt([event('a')], [0], { source: 2 }), { sourceTable: true })
    await load(batchAt([event('b')], [1], { source: 1 }), { sourceTable: true })
    expect(await rows('select id, _source from shop.clicks')).toEqual([['a', 'postback']])
    expect(await rows('select id, _source from events')).toEqual([['b', 'braze']])
  })
})

describe('retention', () => {
  it('removes rows past the age, and loading goes on', async () => {
    const clock = new VirtualClock(RECEIVED_AT)
    const { load, rows } = await testWarehouse({ clock, retentionAgeMs: 60_000 })
    await load(batchAt([event('a')], [0]))
    // Retention runs every hour.
    clock.advance(3_600_000)
    await eventually(
      'old rows are gone',
      async () => (await rows('select count(*) from events'))[0]?.[0] === 0,
    )
    expect(await rows('select count(*) from events_raw')).toEqual([[0]])
    await load(batchAt([event('b')], [1]))
    expect(await rows('select id from events')).toEqual([['b']])
  })
})
