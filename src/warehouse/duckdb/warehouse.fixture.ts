/** For tests: an embedded warehouse in a folder of its own, its child process included. */

import { onTestFinished } from 'vitest'
import { tempFolder } from '../../../test/support/temp.ts'
import type { EventBatch } from '../../core/batch.ts'
import { type Clock, systemClock } from '../../core/clock.ts'
import type { WireRequest } from '../../core/exchange.ts'
import { batchOf, kernelForTests } from '../../destinations/rehearsal.fixture.ts'
import { warehouse } from '../../destinations/warehouse/warehouse.ts'
import type { Cell } from '../warehouse.ts'
import { type EmbeddedWarehouse, openEmbeddedWarehouse } from './duckdb.ts'

export interface TestWarehouse {
  readonly embedded: EmbeddedWarehouse
  readonly dataDir: string
  /** Sends a batch with the settings; the answer's status and value. */
  load(batch: EventBatch, settings?: object): Promise<{ status: number; value: unknown }>
  /** All rows of a query. */
  rows(sql: string): Promise<readonly (readonly Cell[])[]>
}

export const SOURCE_NAME = 'braze'
export const KEY = 'c0ffee'
const MEMORY_BYTES_MAX = 268_435_456

export interface TestWarehouseOptions {
  readonly dataDir?: string
  readonly clock?: Clock
  readonly retentionAgeMs?: number
}

export async function testWarehouse(options: TestWarehouseOptions = {}): Promise<TestWarehouse> {
  const dataDir = options.dataDir ?? (await tempFolder())
  const embedded = openEmbeddedWarehouse({
    dataDir,
    threads: 1,
    memoryBytesMax: MEMORY_BYTES_MAX,
    retentionAgeMs: options.retentionAgeMs ?? 0,
    clock: options.clock ?? systemClock,
    logger: { info: () => undefined, error: () => undefined },
  })
  onTestFinished(() => embedded.close())
  return {
    embedded,
    dataDir,
    load: (batch, settings = {}) => load(embedded, batch, settings),
    rows: (sql) => rowsOf(embedded, sql),
  }
}

/** As TestWarehouse.load. */
export async function load(
  embedded: EmbeddedWarehouse,
  batch: EventBatch,
  settings: object,
): Promise<{ status: number; value: unknown }> {
  const { status, body } = await embedded.send(loadRequest(batch, settings))
  return { status, value: JSON.parse(Buffer.from(body).toString()) }
}

/** What the destination asks the warehouse to load of a batch. */
export function loadRequest(batch: EventBatch, settings: object): WireRequest {
  const intake = warehouse.events
  if (intake === undefined) throw new Error('the warehouse takes no events')
  const target = { settings: warehouse.settings.parse(settings), credentials: {} }
  const place = { database: 'shop', table: 'clicks' }
  const sources = new Map([
    [1, { name: SOURCE_NAME, place: undefined }],
    [2, { name: 'postback', place }],
  ])
  const step = intake.writer(target, kernelForTests(), sources).write(batch).next()
  if (step.done) throw new Error('nothing to send')
  return step.value
}

async function rowsOf({ engine }: EmbeddedWarehouse, sql: string): Promise<readonly (readonly Cell[])[]> {
  const stream = await engine.query({ sql, timeoutMs: 20_000 }, new AbortController().signal)
  const rows: (readonly Cell[])[] = []
  for await (const page of stream.pages) rows.push(...page)
  return rows
}

/** A batch whose records lie at these offsets; unless told otherwise they came in one request. */
export function batchAt(
  events: readonly (object | string)[],
  offsets: readonly number[],
  also: {
    readonly requests?: readonly number[]
    readonly source?: number
    readonly connection?: string
  } = {},
): EventBatch {
  return {
    ...batchOf(events, also.connection ?? KEY),
    offsets: Float64Array.from(offsets),
    requests: Float64Array.from(also.requests ?? offsets.map(() => offsets[0] ?? 0)),
    sources: new Uint32Array(offsets.length).fill(also.source ?? 1),
  }
}
