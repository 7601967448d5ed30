import type { DuckDBConnection } from '@duckdb/node-api'
import { expect, onTestFinished, test } from 'vitest'
import { tempFolder } from '../../../test/support/temp.ts'
import type { EventBatch } from '../../core/batch.ts'
import { seededRandom } from '../../core/random.ts'
import { kernelForTests } from '../../destinations/rehearsal.fixture.ts'
import { type Database, openDatabase, ROW_GROUP_ROWS } from './database.ts'
import { Loader } from './loader.ts'
import { batchAt, loadRequest } from './warehouse.fixture.ts'

/** Two of them are more than a transaction takes. */
const PER_BATCH = ROW_GROUP_ROWS * 0.75

test('what is taken in while others are committed is there once, whatever comes twice', async () => {
  const { loader, overlaps, rows } = await opened()
  await loader.load(orderAt(0, 10))
  const random = seededRandom(5)
  // Every fourth begins within the one before it, and comes twice at the same time.
  const starts: number[] = []
  for (let i = 0, at = 10; i < 9; i++, at += PER_BATCH) {
    if (i % 4 === 3) at -= Math.ceil((random() * PER_BATCH) / 2)
    starts.push(at)
  }
  const loads = starts.flatMap((start, i) => (i % 4 === 3 ? [start, start] : [start]))
  const loaded = await Promise.all(loads.map((start) => loader.load(orderAt(start, PER_BATCH))))
  for (const { written, known } of loaded) expect(written + known).toBe(PER_BATCH)
  const all = new Set<number>()
  for (const start of starts) for (let i = 0; i < PER_BATCH; i++) all.add(start + i)
  for (let i = 0; i < 10; i++) all.add(i)
  expect(await rows('select count(*)::int, count(distinct _offset)::int from braze.events')).toEqual([
    [all.size, all.size],
  ])
  expect(10 + loaded.reduce((sum, { written }) => sum + written, 0)).toBe(all.size)
  expect(overlaps(), 'no transaction took its rows in while another one was committed').toBeGreaterThan(0)
})

test('when a commit fails, so does what it is for, and nothing that comes behind it', async () => {
  const { loader, overlaps, failNextCommit, toFail, rows } = await opened()
  await loader.load(orderAt(0, 10))
  const loads = Array.from({ length: 6 }, (_, i) => loader.load(orderAt(10 + i * PER_BATCH, PER_BATCH)))
  const outcomes = Promise.allSettled(loads)
  while (overlaps() === 0) await new Promise((resolve) => setImmediate(resolve))
  failNextCommit()
  const failed = (await outcomes).flatMap(({ status }, i) => (status === 'rejected' ? [i] : []))
  expect(toFail(), 'no commit failed').toBe(0)
  expect(failed.length).toBeLessThanOrEqual(1)
  // Delivery sends again what was not acknowledged: what of it is there already is known.
  const again = await Promise.all(loads.map((_, i) => loader.load(orderAt(10 + i * PER_BATCH, PER_BATCH))))
  for (const [i, { written, known }] of again.entries()) {
    expect(written + known).toBe(PER_BATCH)
    if (!failed.includes(i)) expect(written).toBe(0)
  }
  const all = 10 + loads.length * PER_BATCH
  expect(await rows('select count(*)::int, count(distinct _offset)::int from braze.events')).toEqual([
    [all, all],
  ])
})

test('a database that was closed knows what it has, though its position lies beyond it', async () => {
  const folder = await tempFolder()
  const first = await opened(folder)
  await first.loader.load(orderAt(0, 100))
  first.database.close()
  const second = await opened(folder)
  expect(await second.loader.load(orderAt(50, 100))).toEqual({ written: 50, known: 50 })
  expect(await second.loader.load(orderAt(5_000_000, 5))).toEqual({ written: 5, known: 0 })
  expect(await second.loader.load(orderAt(4_999_998, 5))).toEqual({ written: 2, known: 3 })
})

interface Opened {
  readonly database: Database
  readonly loader: Loader
  /** Commits during which another transaction had begun. */
  overlaps(): number
  failNextCommit(): void
  /** Commits that are still to fail. */
  toFail(): number
  rows(sql: string): Promise<readonly unknown[]>
}

async function opened(given?: string): Promise<Opened> {
  const folder = given ?? (await tempFolder())
  const database = await openDatabase({ folder, threads: 1, memoryBytesMax: 536_870_912 })
  let isClosed = false
  const close = (): void => {
    if (!isClosed) database.close()
    isClosed = true
  }
  onTestFinished(close)
  let overlapping = 0
  let toFail = 0
  const open = new Set<DuckDBConnection>()
  const watched = (connection: DuckDBConnection): DuckDBConnection =>
    new Proxy(connection, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name)
        if (typeof member !== 'function') return member
        if (name !== 'run') return member.bind(target)
        return async (...given: Parameters<DuckDBConnection['run']>) => {
          if (given[0].startsWith('BEGIN')) {
            open.add(target)
            if (open.size > 1) overlapping++
          }
          if (given[0] === 'COMMIT' && toFail > 0) {
            toFail--
            throw new Error('the disk is full')
          }
          try {
            return await target.run(...given)
          } finally {
            if (given[0] === 'COMMIT' || given[0] === 'ROLLBACK') open.delete(target)
          }
        }
      },
    })
  const loader = new Loader([watched(database.loading), watched(database.loadingNext)], kernelForTests())
  return {
    database: { ...database, close },
    loader,
    overlaps: () => overlapping,
    failNextCommit: () => {
      toFail = 1
    },
    toFail: () => toFail,
    rows: async (sql) => (await database.browsing.runAndReadAll(sql)).getRows(),
  }
}

/** So many events from an offset on, as the child is told to load them. */
function orderAt(offset: number, count: number): Buffer {
  const offsets = Array.from({ length: count }, (_, i) => offset + i)
  const batch: EventBatch = batchAt(
    offsets.map((at) => `{"id":"e${at}","event_type":"t","time":1780000000}`),
    offsets,
  )
  const { body } = loadRequest(batch, { shape: 'events' })
  if (body === undefined) throw new Error('an order has a body')
  return Buffer.concat(body instanceof Uint8Array ? [body] : body)
}
