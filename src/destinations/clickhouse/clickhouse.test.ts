import { describe, expect, it } from 'vitest'
import type { EventBatch } from '../../core/batch.ts'
import { batchOf, outcomes, rehearse, reply, type Seen } from '../rehearsal.fixture.ts'
import { clickhouse } from './clickhouse.ts'
import { ClickhouseSettings } from './settings.ts'

function targetOf(also: object = {}) {
  const settings = ClickhouseSettings.parse({
    url: 'http://ch.test:8123/',
    database: "d'b",
    table: 'ev',
    ...also,
  })
  return { settings, credentials: { user: 'loader', password: 'secret' } }
}

function write(batch: EventBatch, also: object = {}) {
  const writer = clickhouse.events?.writer(targetOf(also), {} as never, new Map())
  if (writer === undefined) throw new Error('no intake')
  return writer.write(batch)
}

const columns = (version: string, ...types: readonly (readonly [string, string])[]) =>
  reply(
    200,
    [['_current', 'String'], ['_offset', 'Int64'], ...types]
      .map(([name, type]) => `${name}\t${type}\t${version}\n`)
      .join(''),
  )

const OLD = '18.16.1'
const NEW = '26.3.1.1'
const FIXED = [
  'id',
  'event_type',
  'user_id',
  'external_user_id',
  'device_id',
  'timezone',
  'properties',
  'extra',
  '_source',
].map((name) => [name, 'Nullable(String)'] as const)
const WHOLE = [...FIXED, ['time', 'Nullable(DateTime)'] as const, ['_received_at', 'DateTime'] as const]

const queries = (requests: readonly Seen[]) =>
  requests.map(({ body }) => body.split(/\s+/).slice(0, 2).join(' '))
const failure = (code: number, status = 500) =>
  reply(status, `Code: ${code}, e.displayText() = DB::Exception: no`)

describe('an exchange', () => {
  it('asks for the columns and for the rows that are there, and inserts the others', () => {
    const { requests, result } = rehearse(write(batchOf([{ id: 'a' }, { id: 'b' }])), [
      columns(OLD, ...WHOLE),
      reply(200, '1000\n'),
      reply(200),
    ])
    expect(outcomes(result)).toEqual(['delivered', 'delivered'])
    expect(requests[1]?.body).toBe(
      "SELECT _offset FROM `d'b`.`ev` WHERE _current = 'c0ffee' AND _offset BETWEEN 1000 AND 1001 FORMAT TabSeparated",
    )
    expect(requests.slice(1).map(({ url }) => url)).toEqual([
      'http://ch.test:8123/?query_id=thalweg-c0ffee',
      'http://ch.test:8123/?query_id=thalweg-c0ffee',
    ])
    const [head, ...rows] = requests[2]?.body.trimEnd().split('\n') ?? []
    expect(head).toMatch(/^INSERT INTO `d'b`\.`ev` \(`_current`, `_offset`, .*\) FORMAT JSONEachRow$/)
    expect(rows.map((row) => JSON.parse(row))).toEqual([
      {
        _current: 'c0ffee',
        _offset: 1001,
        id: 'b',
        properties: '{"id":"b"}',
        _received_at: '2026-01-02 03:04:05',
      },
    ])
  })

  it('inserts nothing when all rows are there', () => {
    const { requests, result } = rehearse(write(batchOf([{}, {}])), [
      columns(OLD, ...WHOLE),
      reply(200, '1001\n1000\n'),
    ])
    expect(requests).toHaveLength(2)
    expect(outcomes(result)).toEqual(['delivered', 'delivered'])
  })

  it('makes what is missing, as far as it may', () => {
    const event = { user: null, properties: { campaign_name: 'x', shoe: 44, deep: {} } }
    const made = [
      reply(200),
      reply(200, OLD),
      reply(200),
      reply(200),
      columns(OLD, ...WHOLE),
      reply(200),
      columns(OLD),
    ]
    const { requests } = rehearse(write(batchOf([event])), [...made, reply(200)])
    expect(queries(requests)).toEqual([
      'SELECT name,',
      'SELECT version()',
      'CREATE DATABASE',
      'CREATE TABLE',
      'SELECT name,',
      'ALTER TABLE',
      'SELECT name,',
      'SELECT _offset',
      'INSERT INTO',
    ])
    expect(requests[5]?.body).toBe(
      "ALTER TABLE `d'b`.`ev` ADD COLUMN `campaign_name` Nullable(String), ADD COLUMN `shoe` Nullable(Int64)",
    )
    const frozen = rehearse(write(batchOf([event]), { create: false }), [reply(200)])
    expect(outcomes(frozen.result)).toEqual(['failed:misconfigured'])
    expect(frozen.requests).toHaveLength(1)
  })

  it('uses what newer servers can do', () => {
    const made = [reply(200), reply(200, NEW), reply(200), reply(200)]
    const fine = columns(
      NEW,
      ...FIXED,
      ['time', "Nullable(DateTime64(6, 'UTC'))"],
      ['_received_at', 'DateTime'],
    )
    const { requests } = rehearse(write(batchOf([{ user: null, time: 1780000000.25 }])), [
      ...made,
      fine,
      reply(200),
    ])
    expect(requests[3]?.body).toContain("`time` Nullable(DateTime64(6, 'UTC'))")
    expect(requests[3]?.body).toContain('INDEX thalweg_offsets `_offset` TYPE minmax')
    const insert = requests.at(-1)
    expect(insert?.url).toMatch(
      /\?query_id=thalweg-c0ffee&async_insert=0&insert_deduplication_token=[0-9a-f]{64}$/,
    )
    expect(insert?.body).toContain('"time":"2026-05-28 20:26:40.250000"')
  })

  it('names an insert by its rows', () => {
    const tokenOf = (present: string) =>
      rehearse(write(batchOf([{}, {}, {}])), [columns(NEW, ...WHOLE), reply(200, present)]).requests.at(-1)
        ?.url
    expect(tokenOf('')).toBe(tokenOf(''))
    expect(tokenOf('')).not.toBe(tokenOf('1001\n'))
  })

  it('keeps a time that the column cannot hold', () => {
    const { requests } = rehearse(write(batchOf([{ user: null, time: -1 }])), [
      columns(OLD, ...WHOLE),
      reply(200),
    ])
    expect(JSON.parse(requests.at(-1)?.body.split('\n')[1] ?? '')).toMatchObject({ extra: '{"time":-1}' })
  })
})

describe('faults', () => {
  it.each<[number, string]>([
    [193, 'unauthorized'],
    [516, 'unauthorized'],
    [497, 'misconfigured'],
    [115, 'misconfigured'],
    [27, 'invalid'],
    [469, 'invalid'],
    [216, 'throttled'],
    [252, 'unavailable'],
    [241, 'unavailable'],
    [242, 'unavailable'],
    [60, 'unavailable'],
    [16, 'unavailable'],
    [9999, 'unavailable'],
  ])('%d: %s', (code, kind) => {
    const { result } = rehearse(write(batchOf([{}])), [columns(OLD, ...WHOLE), reply(200), failure(code)])
    expect(outcomes(result)).toEqual([`failed:${kind}`])
  })

  it('reads the number from the header, or behind a good beginning', () => {
    const answers = [
      reply(500, 'busy', { 'x-clickhouse-exception-code': '193' }),
      reply(200, 'x\tString\nCode: 193. DB::Exception: no'),
    ]
    for (const answer of answers)
      expect(outcomes(rehearse(write(batchOf([{}])), [answer]).result)).toEqual(['failed:unauthorized'])
  })

  it('halts when there is no such table to look at', () => {
    expect(outcomes(rehearse(write(batchOf([{}])), [failure(81, 404)]).result)).toEqual([
      'failed:misconfigured',
    ])
  })
})
