/** The destination and its writer in a folder and in a bucket of a real server. */

import { readdirSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { describe, expect, it, onTestFinished } from 'vitest'
import { BUCKET_CREDENTIALS, testBucket } from '../../../test/support/bucket.ts'
import { tempFolder } from '../../../test/support/temp.ts'
import type { EventBatch } from '../../core/batch.ts'
import { parquet } from '../../destinations/parquet/parquet.ts'
import { ParquetCredentials, ParquetSettings } from '../../destinations/parquet/settings.ts'
import { batchAt, converse, kindsOf, range } from '../exchange.fixture.ts'
import { ParquetWriter } from './writer.ts'

interface Rig {
  readonly folder: string
  readonly writer: ParquetWriter
}

async function rig(): Promise<Rig> {
  const folder = await tempFolder()
  const writer = new ParquetWriter({ root: join(folder, 'files'), scratch: join(folder, 'scratch') })
  onTestFinished(() => writer.close())
  return { folder, writer }
}

async function write({ writer }: Rig, batch: EventBatch, settings: object = {}, credentials: object = {}) {
  const target = {
    settings: ParquetSettings.parse(settings),
    credentials: ParquetCredentials.parse(credentials),
  }
  const events = parquet.events?.writer(target, {} as never, new Map())
  if (events === undefined) throw new Error('no intake')
  return kindsOf(await converse(events.write(batch), writer))
}

const eventOf = (offset: number) => ({
  id: `e${offset}`,
  event_type: offset % 2 === 0 ? 'even.Type' : 'odd~Type',
  user: null,
  time: 1_780_000_000,
})

const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.parquet'))
    .sort()

async function query(sql: string): Promise<unknown[][]> {
  const duckdb = await DuckDBInstance.create()
  const connection = await duckdb.connect()
  const found = await connection.runAndReadAll(sql)
  connection.closeSync()
  duckdb.closeSync()
  return found.getRows()
}

const EVEN = 'events/event_type=even.Type/date=2026-05-28'
const ODD = 'events/event_type=odd%7eType/date=2026-05-28'

describe('a folder', () => {
  it('has a file for each partition of a flush, and readers find the partitions', async () => {
    const one = await rig()
    expect(await write(one, batchAt(range(0, 9), eventOf))).toBe('delivered')
    const root = join(one.folder, 'files')
    expect(filesIn(root)).toEqual([`${EVEN}/part-c0ffee-0-8.parquet`, `${ODD}/part-c0ffee-1-9.parquet`])
    expect(
      await query(
        `select event_type, count(*)::int from read_parquet('${root}/events/**/*.parquet', hive_partitioning = true) where date = '2026-05-28' group by 1 order by 1`,
      ),
    ).toEqual([
      ['even.Type', 5],
      ['odd~Type', 5],
    ])
    expect(
      await query(
        `select distinct compression from parquet_metadata('${root}/${EVEN}/part-c0ffee-0-8.parquet')`,
      ),
    ).toEqual([['ZSTD']])
  })

  it('is gone on with by another process where a flush was killed in the middle', async () => {
    const one = await rig()
    await write(one, batchAt(range(0, 9), eventOf))
    await rm(join(one.folder, 'files', ODD, 'part-c0ffee-1-9.parquet'))
    const next = {
      ...one,
      writer: new ParquetWriter({ root: join(one.folder, 'files'), scratch: join(one.folder, 'scratch') }),
    }
    onTestFinished(() => next.writer.close())
    expect(await write(next, batchAt(range(0, 13), eventOf))).toBe('delivered')
    expect(filesIn(join(one.folder, 'files'))).toEqual([
      `${EVEN}/part-c0ffee-0-8.parquet`,
      `${EVEN}/part-c0ffee-10-12.parquet`,
      `${ODD}/part-c0ffee-1-13.parquet`,
    ])
  })

  it('gets the rows between the offsets of a file that are not in it', async () => {
    const one = await rig()
    await write(one, batchAt([0, 2, 6, 8], eventOf))
    expect(await write(one, batchAt([4], eventOf))).toBe('delivered')
    expect(await write(one, batchAt([0, 4, 8], eventOf))).toBe('delivered')
    expect(filesIn(join(one.folder, 'files'))).toEqual([
      `${EVEN}/part-c0ffee-0-8.parquet`,
      `${EVEN}/part-c0ffee-4-4.parquet`,
    ])
  })

  it('gets each row once, however many write at once', async () => {
    const one = await rig()
    const batches = [range(0, 50), range(20, 70), range(60, 99), range(0, 99)]
    await Promise.all(batches.map((offsets) => write(one, batchAt(offsets, eventOf))))
    expect(
      await query(
        `select count(*)::int, count(distinct _offset)::int from read_parquet('${one.folder}/files/**/*.parquet')`,
      ),
    ).toEqual([[100, 100]])
  })

  it('that cannot be made is told of, and written when it can', async () => {
    const one = await rig()
    await writeFile(join(one.folder, 'files'), 'in the way')
    expect(await write(one, batchAt([0], eventOf))).toBe('unavailable')
    await rm(join(one.folder, 'files'))
    expect(await write(one, batchAt([0], eventOf))).toBe('delivered')
  })

  it('is tried without leaving anything', async () => {
    const one = await rig()
    const target = { settings: ParquetSettings.parse({}), credentials: {} }
    expect(kindsOf(await converse(parquet.check(target), one.writer))).toBe('delivered')
    const left = readdirSync(join(one.folder, 'files'), { recursive: true, encoding: 'utf8' })
    expect(left).toEqual(['events'])
  })
})

describe('a bucket', () => {
  it('gets each row once', async () => {
    const one = await rig()
    const { bucket, endpoint, region, pathStyle } = await testBucket()
    const settings = { store: 's3', bucket, endpoint, region, pathStyle, prefix: 'lake', partition: 'type' }
    for (const offsets of [range(0, 9), range(4, 15), range(0, 15)])
      expect(await write(one, batchAt(offsets, eventOf), settings, BUCKET_CREDENTIALS)).toBe('delivered')
    const listing = await (await fetch(`${endpoint}/${bucket}?prefix=lake/`)).text()
    expect([...listing.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key]) => key)).toEqual([
      'lake/events/event_type=even.Type/part-c0ffee-0-8.parquet',
      'lake/events/event_type=even.Type/part-c0ffee-10-14.parquet',
      'lake/events/event_type=odd%7eType/part-c0ffee-1-9.parquet',
      'lake/events/event_type=odd%7eType/part-c0ffee-11-15.parquet',
    ])
  })

  it.each([
    ['that is not there', { bucket: 'nobody-made-this' }, {}, 'misconfigured'],
    ['whose server does not answer', { endpoint: 'http://127.0.0.1:1' }, {}, 'unavailable'],
    ['that does not know us', {}, { accessKeyId: 'NOBODY', secretAccessKey: 'x' }, 'unauthorized'],
  ])('%s is told of', async (_what, also, keys, kind) => {
    const one = await rig()
    const { bucket, endpoint, region, pathStyle } = await testBucket()
    const settings = { store: 's3', bucket, endpoint, region, pathStyle, ...also }
    expect(await write(one, batchAt([0], eventOf), settings, { ...BUCKET_CREDENTIALS, ...keys })).toBe(kind)
  })
})
