/** The destination and its loader against a real PostgreSQL. */

import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { postgresDatabase, type TestDatabase } from '../../../test/support/postgres.ts'
import { DISCOVERED_COLUMNS_MAX } from '../../catalog/columns.ts'
import type { EventBatch } from '../../core/batch.ts'
import { postgres } from '../../destinations/postgres/postgres.ts'
import { PostgresCredentials, PostgresSettings } from '../../destinations/postgres/settings.ts'
import { OPEN_EVENT, RECEIVED_AT } from '../../destinations/rehearsal.fixture.ts'
import { batchAt, converse, kindsOf, range } from '../exchange.fixture.ts'
import { PostgresLoader } from './loader.ts'

let database: TestDatabase
let client: pg.Client
let loader: PostgresLoader
let schema = ''
let schemas = 0

beforeAll(async () => {
  database = await postgresDatabase('empty')
  client = new pg.Client({ connectionString: database.url })
  await client.connect()
  loader = new PostgresLoader()
})
afterAll(async () => {
  await loader.close()
  await client.end()
  await database.drop()
})
beforeEach(() => {
  schema = `s${schemas++}`
})

function settingsOf(also: object = {}): PostgresSettings {
  const url = new URL(database.url)
  return PostgresSettings.parse({
    host: url.searchParams.get('host'),
    database: url.pathname.slice(1),
    schema,
    ...also,
  })
}

function targetOf(also: object = {}, user = 'thalweg') {
  return { settings: settingsOf(also), credentials: PostgresCredentials.parse({ user }) }
}

async function write(batch: EventBatch, also: object = {}, by: PostgresLoader = loader): Promise<string> {
  const writer = postgres.events?.writer(
    targetOf(also),
    {} as never,
    new Map([[1, { name: 'web', place: undefined }]]),
  )
  if (writer === undefined) throw new Error('no intake')
  return kindsOf(await converse(writer.write(batch), by))
}

async function rows<T extends object>(sql: string): Promise<T[]> {
  return (await client.query<T>(sql.replaceAll('$schema', `"${schema}"`))).rows
}

async function offsets(): Promise<number[]> {
  const found = await rows<{ _offset: string }>('select _offset from $schema.events order by _offset')
  return found.map((row) => Number(row._offset))
}

const numbered = (offset: number) => ({ ...OPEN_EVENT, id: `e${offset}` })

describe('the row of an event', () => {
  it('has typed columns, all properties as JSON, and where it came from', async () => {
    expect(await write(batchAt([7], numbered))).toBe('delivered')
    const [row] = await rows<Record<string, unknown>>('select * from $schema.events')
    expect(row).toMatchObject({
      id: 'e7',
      event_type: 'users.messages.email.Open',
      time: new Date(1477502783_000),
      external_user_id: 'u1',
      campaign_name: 'Test Campaign',
      properties: OPEN_EVENT.properties,
      extra: null,
      _offset: '7',
      _received_at: new Date(RECEIVED_AT),
      _source: 'web',
      _current: 'c0ffee',
      canvas_id: null,
    })
  })

  it('keeps what the catalog does not know, in new columns and in JSON', async () => {
    const odd = {
      id: 'x',
      event_type: 'users.new.Thing',
      time: 'yesterday',
      user: { user_id: 5, shoe_size: 44 },
      properties: { Score: 1.5, 'is nice?': true, deep: { a: [1] }, 'campaign id': 'no', campaign_id: 9 },
      more: [1],
    }
    expect(await write(batchAt([1], () => odd))).toBe('delivered')
    const [row] = await rows<Record<string, unknown>>('select * from $schema.events')
    expect(row).toMatchObject({
      time: null,
      user_id: '5',
      score: 1.5,
      is_nice_: true,
      deep: { a: [1] },
      campaign_id: '9',
      properties: odd.properties,
      extra: { time: 'yesterday', user: { shoe_size: 44 }, more: [1] },
    })
  })

  it('leaves a cell empty when the value does not fit, and keeps the value', async () => {
    await write(batchAt([1], () => ({ ...OPEN_EVENT, properties: { score: 1, is_drop: 'perhaps' } })))
    const event = { ...OPEN_EVENT, properties: { score: 'high', is_drop: true } }
    expect(
      await write(batchAt([2, 3], (at) => (at === 2 ? event : { ...event, properties: { score: 3 } }))),
    ).toBe('delivered')
    expect(await rows('select score, is_drop, properties from $schema.events order by _offset')).toEqual([
      { score: '1', is_drop: null, properties: { score: 1, is_drop: 'perhaps' } },
      { score: null, is_drop: true, properties: { score: 'high', is_drop: true } },
      { score: '3', is_drop: null, properties: { score: 3 } },
    ])
  })

  it.each([
    ['a NUL', { name: 'a\0b', deep: ['\0'] }, { name: 'a\ufffdb', deep: ['\ufffd'] }],
    ['half a pair', { name: '\ud83d!', '\udc00': 1 }, { name: '\ufffd!', '\ufffd': 1 }],
    ['what COPY escapes', { name: 'a\\N\t\r\n\\.\b' }, { name: 'a\\N\t\r\n\\.\b' }],
  ])('stores %s', async (_what, properties, stored) => {
    expect(await write(batchAt([1], () => ({ ...OPEN_EVENT, properties })))).toBe('delivered')
    const [row] = await rows<{ properties: object; name: string }>(
      'select name, properties from $schema.events',
    )
    expect(row).toEqual({ name: stored.name, properties: stored })
  })

  it('stores numbers of any size', async () => {
    const text = `{"event_type":"n","properties":{"big":12345678901234567890,"huge":1e400,"vast":-1.5e999999,"digits":${'9'.repeat(200_000)},"max":9223372036854775807}}`
    expect(await write(batchAt([1], () => text))).toBe('delivered')
    const [row] = await rows<Record<string, unknown>>(
      `select big, huge, max, properties->>'big' as p_big, (properties->'huge')::numeric = 1e400 as p_huge,
              properties->>'vast' as p_vast, length(properties->>'digits') as p_digits from $schema.events`,
    )
    expect(row).toEqual({
      big: '12345678901234567890',
      huge: null,
      max: '9223372036854775807',
      p_big: '12345678901234567890',
      p_huge: true,
      p_vast: '-1.5e999999',
      p_digits: 200_000,
    })
  })

  it('takes an event of 10 MB', async () => {
    const blob = 'é'.repeat(5_000_000)
    expect(await write(batchAt([1], () => ({ ...OPEN_EVENT, properties: { blob } })))).toBe('delivered')
    expect(await rows('select length(blob) as n from $schema.events')).toEqual([{ n: 5_000_000 }])
  })
})

describe('each row once', () => {
  it('in batches cut anew, in any order, over again', async () => {
    expect(await write(batchAt(range(0, 9), numbered))).toBe('delivered')
    expect(await write(batchAt(range(5, 14), numbered))).toBe('delivered')
    expect(await write(batchAt([3, 17, 19], numbered))).toBe('delivered')
    expect(await write(batchAt(range(15, 20), numbered))).toBe('delivered')
    expect(await offsets()).toEqual(range(0, 20))
    expect(await rows('select current, position from $schema.thalweg_positions')).toEqual([
      { current: 'c0ffee', position: '20' },
    ])
  })

  it('however many load at once', async () => {
    const other = new PostgresLoader()
    await write(batchAt([0], numbered))
    const batches = [range(1, 50), range(20, 70), range(1, 50), range(60, 99), range(0, 99)]
    const kinds = await Promise.all(
      batches.map((places, i) => write(batchAt(places, numbered), {}, i % 2 === 0 ? loader : other)),
    )
    await other.close()
    expect(new Set(kinds)).toEqual(new Set(['delivered']))
    expect(await offsets()).toEqual(range(0, 99))
  })

  it('for each current by itself', async () => {
    await write(batchAt([1, 2], numbered, 'one'))
    await write(batchAt([1, 2], numbered, 'two'))
    expect(await rows('select count(*)::int as n from $schema.events')).toEqual([{ n: 4 }])
  })

  it('when somebody removed the position', async () => {
    await write(batchAt(range(0, 9), numbered))
    await rows('delete from $schema.thalweg_positions')
    expect(await write(batchAt(range(5, 12), numbered))).toBe('delivered')
    expect(await offsets()).toEqual(range(0, 12))
  })
})

describe('the tables', () => {
  it('are not made when the operator says so', async () => {
    const told = await write(batchAt([1], numbered), { create: false })
    expect(told).toBe('misconfigured')
    await rows('create schema $schema')
    await rows(
      'create table $schema.events (_current text, _offset bigint, id varchar, properties json, time integer)',
    )
    await rows(
      'create table $schema.thalweg_positions (current text primary key, position bigint, updated_at timestamptz)',
    )
    expect(await write(batchAt([1], numbered), { create: false })).toBe('delivered')
    expect(await rows('select * from $schema.events')).toEqual([
      { _current: 'c0ffee', _offset: '1', id: 'e1', properties: OPEN_EVENT.properties, time: null },
    ])
  })

  it('need the columns that name a row', async () => {
    await rows('create schema $schema')
    await rows('create table $schema.events (_current text, _offset text)')
    expect(await write(batchAt([1], numbered), { create: false })).toBe('misconfigured')
  })

  it('get a bounded number of new columns', async () => {
    const properties = Object.fromEntries(
      range(0, DISCOVERED_COLUMNS_MAX + 9).map((n) => [`made_up_${n}`, n]),
    )
    const more = { made_up_later: 1 }
    expect(await write(batchAt([1], () => ({ ...OPEN_EVENT, properties })))).toBe('delivered')
    expect(await write(batchAt([2], () => ({ ...OPEN_EVENT, properties: more })))).toBe('delivered')
    const [columns] = await rows<{ n: number }>(
      `select count(*)::int as n from information_schema.columns where table_schema = '${schema}' and column_name like 'made_up_%'`,
    )
    expect(columns?.n).toBe(DISCOVERED_COLUMNS_MAX)
    const kept = await rows<{ properties: object }>('select properties from $schema.events order by _offset')
    expect(kept.map((row) => row.properties)).toEqual([properties, more])
  })

  it('are looked at again when a column is gone', async () => {
    await write(batchAt([1], numbered))
    await rows('alter table $schema.events drop column campaign_name')
    expect(await write(batchAt([2], numbered))).toBe('unavailable')
    expect(await write(batchAt([2], numbered))).toBe('delivered')
  })
})

describe('what goes wrong', () => {
  const checked = async (also: object, user?: string) =>
    kindsOf(await converse(postgres.check(targetOf(also, user)), loader))

  it.each<[string, object, string]>([
    ['nothing listens', { host: '127.0.0.1', port: 1, tls: 'off' }, 'unreachable'],
    ['the database is unknown', { database: 'nobody_made_this' }, 'misconfigured'],
    ['the schema is missing and may not be made', { create: false }, 'misconfigured'],
  ])('%s', async (_what, also, kind) => {
    expect(await checked(also)).toBe(kind)
    expect(await write(batchAt([1], numbered), also)).toBe(kind)
  })

  it('the user is unknown or may not', async () => {
    expect(await checked({}, 'nobody_made_this')).toBe('unauthorized')
    await client.query('create role poor login')
    expect(await checked({}, 'poor')).toBe('misconfigured')
    await client.query('drop role poor')
  })

  it('a record is refused', async () => {
    await write(batchAt([1], numbered))
    await rows(`alter table $schema.events add constraint no_bob check (external_user_id <> 'bob')`)
    const bob = { ...OPEN_EVENT, user: { external_user_id: 'bob' } }
    expect(await write(batchAt([2, 3], (at) => (at === 2 ? bob : numbered(at))))).toBe('invalid')
    expect(await write(batchAt([3], numbered))).toBe('delivered')
    expect(await offsets()).toEqual([1, 3])
  })

  it('we stop in the middle', async () => {
    await write(batchAt([1], numbered))
    await client.query('begin')
    await rows('lock table $schema.thalweg_positions')
    const stop = new AbortController()
    const writer = postgres.events?.writer(targetOf(), {} as never, new Map())
    if (writer === undefined) throw new Error('no intake')
    const talk = converse(writer.write(batchAt([2], numbered)), loader, stop.signal)
    stop.abort()
    expect(kindsOf(await talk)).toBe('unreachable')
    await client.query('rollback')
    expect(await write(batchAt([2], numbered))).toBe('delivered')
    expect(await offsets()).toEqual([1, 2])
  })
})

describe('the check', () => {
  it('leaves nothing behind', async () => {
    expect(kindsOf(await converse(postgres.check(targetOf()), loader))).toBe('delivered')
    expect(await rows(`select 1 from pg_namespace where nspname = '${schema}'`)).toEqual([])
  })
})
