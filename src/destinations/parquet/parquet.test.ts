import { describe, expect, it } from 'vitest'
import { batchOf, outcomes, rehearse, reply } from '../rehearsal.fixture.ts'
import { fileName, partitionOf, rangeIn } from './layout.ts'
import { parquet } from './parquet.ts'
import { ParquetCredentials, ParquetSettings } from './settings.ts'
import { readRequest } from './wire.ts'

function write(events: readonly object[], settings: object = {}, credentials: object = {}) {
  const target = {
    settings: ParquetSettings.parse(settings),
    credentials: ParquetCredentials.parse(credentials),
  }
  const writer = parquet.events?.writer(target, {} as never, new Map())
  if (writer === undefined) throw new Error('no intake')
  return writer.write(batchOf(events))
}

const day = (n: number) => 1_780_000_000 + n * 86_400

describe('partitions', () => {
  it.each<[ParquetSettings['partition'], string | undefined, string | undefined, string]>([
    ['type-and-day', 'a.B', '2026-01-02T03:04:05.000000Z', 'event_type=a.B/date=2026-01-02/'],
    ['type-and-hour', 'a.B', '2026-01-02T03:04:05.000000Z', 'event_type=a.B/date=2026-01-02/hour=03/'],
    ['type', 'a.B', undefined, 'event_type=a.B/'],
    ['day', 'a.B', '2026-01-02T03:04:05.000000Z', 'date=2026-01-02/'],
    ['hour', 'a.B', '2026-01-02T03:04:05.000000Z', 'date=2026-01-02/hour=03/'],
    [
      'type-and-day',
      undefined,
      undefined,
      'event_type=__HIVE_DEFAULT_PARTITION__/date=__HIVE_DEFAULT_PARTITION__/',
    ],
    ['type', '../../etc', undefined, 'event_type=..%2F..%2Fetc/'],
    ['type', "it's é~", undefined, 'event_type=it%27s%20%C3%A9%7e/'],
  ])('%s of %s at %s: %s', (partition, type, time, folder) => {
    expect(partitionOf(partition, type, time)).toBe(folder)
  })

  it('of long types have names that a file system takes, and differ', () => {
    const folders = ['a', 'b'].map((end) => partitionOf('type', 'é'.repeat(500) + end, undefined))
    expect(new Set(folders).size).toBe(2)
    for (const folder of folders) expect(folder.length).toBeLessThan(255)
  })

  it('have files whose names are read as they were written', () => {
    expect(rangeIn(`x/${fileName('c0ffee', 5, 17)}`, 'c0ffee')).toEqual([5, 17])
    expect(rangeIn(`x/${fileName('c0ffee', 5, 17)}`, 'c0ff')).toBeUndefined()
    expect(rangeIn('x/part-c0ffee-5-17.parquet.tmp', 'c0ffee')).toBeUndefined()
  })
})

describe('the requests', () => {
  const events = [
    { event_type: 'a', user: null, time: day(0) },
    { event_type: 'b', user: null, time: day(0) },
    { event_type: 'a', user: null, time: day(1) },
    { event_type: 'a', user: null, time: day(0) },
  ]

  it('are one for each partition', () => {
    const { requests, result } = rehearse(write(events, { prefix: 'lake/x' }), [reply(200)])
    expect(outcomes(result)).toEqual(Array(4).fill('delivered'))
    expect(requests.map(({ url, headers, body }) => [url, headers, body.split('\n').length - 1])).toEqual([
      [
        'parquet://folder/lake/x/events/event_type=a/date=2026-05-28/',
        { current: 'c0ffee', rows: '2', offsets: '1000-1003' },
        2,
      ],
      [
        'parquet://folder/lake/x/events/event_type=b/date=2026-05-28/',
        { current: 'c0ffee', rows: '1', offsets: '1001-1001' },
        1,
      ],
      [
        'parquet://folder/lake/x/events/event_type=a/date=2026-05-29/',
        { current: 'c0ffee', rows: '1', offsets: '1002-1002' },
        1,
      ],
    ])
  })

  it('end at the first fault; what was written stays delivered', () => {
    const { requests, result } = rehearse(write(events), [reply(200), reply(503)])
    expect(requests).toHaveLength(2)
    expect(outcomes(result)).toEqual(['delivered', 'failed:unavailable', 'failed:unavailable', 'delivered'])
  })

  it('are read as they were written', () => {
    const keys = { accessKeyId: 'AK', secretAccessKey: 'SK', sessionToken: 'ST' }
    const settings = { store: 's3', bucket: 'lake', endpoint: 'http://127.0.0.1:9', pathStyle: true }
    const step = write(events, settings, keys).next()
    if (step.done === true) throw new Error('nothing was asked')
    expect(readRequest(step.value)).toMatchObject({
      store: {
        bucket: { kind: 's3', bucket: 'lake', prefix: '', endpoint: 'http://127.0.0.1:9', pathStyle: true },
        credentials: keys,
      },
      folder: 'events/event_type=a/date=2026-05-28/',
      rows: { current: 'c0ffee', count: 2, from: 1000, to: 1003 },
    })
    expect(step.value.secrets).toEqual(['SK', 'ST'])
  })
})

describe('settings', () => {
  it.each([
    [{ store: 's3' }, false],
    [{ bucket: 'lake' }, false],
    [{ store: 's3', bucket: 'lake' }, true],
    [{ prefix: '../x' }, false],
    [{ prefix: '/x' }, false],
    [{ prefix: 'a//b' }, false],
    [{ prefix: 'a/_b' }, false],
    [{ prefix: 'a/year=2026' }, true],
    [{ table: 'a/b' }, false],
  ])('%j: %s', (settings, good) => {
    expect(ParquetSettings.safeParse(settings).success).toBe(good)
  })
})
