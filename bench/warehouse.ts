/**
 * The embedded warehouse: loading as delivery does it, alone and beside a hub that takes in 30,000 events per second; a whole hub whose events become
 * rows, with the time from their acceptance until a query sees them; and a count by type over ten million rows. The yardstick, in the same run and on
 * one core as well: the engine's own reading of the same events as NDJSON, 20 typed columns of it.
 */

import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import type { EventBatch } from '../src/core/batch.ts'
import { systemClock } from '../src/core/clock.ts'
import type { EventWriter } from '../src/destinations/destination.ts'
import { batchOf, kernelForTests } from '../src/destinations/rehearsal.fixture.ts'
import { warehouse as destination } from '../src/destinations/warehouse/warehouse.ts'
import { buildLoadBodies } from '../src/sandbox/simulator/load.ts'
import { openDatabase } from '../src/warehouse/duckdb/database.ts'
import { type EmbeddedWarehouse, openEmbeddedWarehouse } from '../src/warehouse/duckdb/duckdb.ts'
import { HubProcess, load, quantile } from './rig.ts'

/** Batches as large as the destination makes them, and as many under way at once. */
const PER_BATCH = 16_384
const LANES = 3
const BATCHES = 12
/** Of a load that goes on: for some ten seconds. */
const BATCHES_SUSTAINED = 60
const PER_REQUEST = 100
const INGEST_PER_SECOND = 30_000
const LIGHT_PER_SECOND = 1_000
const FLOW_SECONDS = 8
const MEMORY_BYTES_MAX = 1_073_741_824
const COUNTED_ROWS = 10_000_000
const COUNTS = 15
const DRAIN_MS_MAX = 120_000
const LOOK_MS = 20
/** Kernel clock ticks per second, as Linux has them. */
const TICKS_PER_SECOND = 100

interface Row {
  readonly case: string
  readonly eventsPerSecond?: number
  readonly childMicrosPerEvent?: number
  /** Of the child's CPU time, against the yardstick's. */
  readonly timesYardstick?: number
  readonly hubMicrosPerEvent?: number
  readonly queryableP50Ms?: number
  readonly queryableP99Ms?: number
  readonly childRssMb?: number
  readonly countByTypeMs?: number
}

export async function warehouse(): Promise<Row[]> {
  const yard = await yardstick()
  const compared = ({ childMicrosPerEvent = 0, ...row }: Row): Row => ({
    ...row,
    childMicrosPerEvent,
    timesYardstick: childMicrosPerEvent / (yard.childMicrosPerEvent ?? 1),
  })
  return [
    yard,
    compared(await loading('load: events, one table', { shape: 'events' }, { batches: BATCHES_SUSTAINED })),
    compared(await loading('load: events, a table per type', { shape: 'events', tablePerType: true })),
    compared(await loading('load: events and raw', { shape: 'both' })),
    compared(
      await loading(
        'load: events, one table, beside ingest',
        { shape: 'events' },
        { batches: BATCHES_SUSTAINED, besideIngest: true },
      ),
    ),
    compared(await flow('hub to rows: light load', LIGHT_PER_SECOND)),
    compared(await flow('hub to rows: ingest at 30,000/s', INGEST_PER_SECOND)),
    await count(),
  ]
}

const YARDSTICK_COLUMNS = [
  'platform',
  'os_version',
  'device_model',
  'app_group_id',
  'app_id',
  'campaign_id',
  'campaign_name',
  'message_variation_id',
  'message_variation_name',
  'canvas_id',
  'canvas_name',
  'canvas_variation_id',
  'canvas_step_id',
  'dispatch_id',
  'email_address',
]

/** Reading, typing and compressing into a file, with the checkpoint. */
async function yardstick(): Promise<Row> {
  const folder = await mkdtemp(join(tmpdir(), 'thalweg-bench-'))
  const file = join(folder, 'events.ndjson')
  const bodies = buildLoadBodies({ seed: 4, bodies: 1_000, eventsPerBody: PER_REQUEST })
  const lines = bodies.flatMap(({ body }) =>
    (JSON.parse(body.toString()) as { events: object[] }).events.map((event) => `${JSON.stringify(event)}\n`),
  )
  await writeFile(file, lines.join(''))
  const instance = await DuckDBInstance.create(join(folder, 'yardstick.duckdb'), { threads: '1' })
  const connection = await instance.connect()
  try {
    const cpu = process.cpuUsage()
    const startedAt = performance.now()
    await connection.run(
      `CREATE TABLE events AS SELECT id, event_type, time, "user".*, properties.* FROM read_json('${file}', format = 'newline_delimited', columns = {
        id: 'VARCHAR', event_type: 'VARCHAR', time: 'DOUBLE', user: 'STRUCT(user_id VARCHAR, external_user_id VARCHAR)',
        properties: 'STRUCT(${YARDSTICK_COLUMNS.map((name) => `${name} VARCHAR`).join(', ')})' })`,
    )
    await connection.run('CHECKPOINT')
    const elapsedMs = performance.now() - startedAt
    const { user, system } = process.cpuUsage(cpu)
    return {
      case: 'yardstick: NDJSON, 20 typed columns',
      eventsPerSecond: (lines.length / elapsedMs) * 1000,
      childMicrosPerEvent: (user + system) / lines.length,
    }
  } finally {
    connection.closeSync()
    instance.closeSync()
    await rm(folder, { recursive: true, force: true })
  }
}

async function loading(
  name: string,
  settings: object,
  {
    batches = BATCHES,
    besideIngest = false,
  }: { readonly batches?: number; readonly besideIngest?: boolean } = {},
): Promise<Row> {
  const events = batches * PER_BATCH
  const dataDir = await mkdtemp(join(tmpdir(), 'thalweg-bench-'))
  const embedded = openEmbeddedWarehouse({
    dataDir,
    threads: 1,
    memoryBytesMax: MEMORY_BYTES_MAX,
    retentionAgeMs: 0,
    clock: systemClock,
    logger: { info: () => undefined, error: (about) => console.error(about) },
  })
  // Before the load begins: it would hold up the requests of this process.
  const loader = new Loader(embedded, settings)
  const stop = besideIngest ? await ingest() : async () => undefined
  try {
    // The columns are made, the file has its first blocks.
    await loader.load(PER_BATCH)
    const pid = (await embedded.host.pid()) ?? 0
    const cpuBefore = cpuMicrosOf(pid)
    const own = process.cpuUsage()
    const startedAt = performance.now()
    await loader.load(events)
    const elapsedMs = performance.now() - startedAt
    const { user, system } = process.cpuUsage(own)
    return {
      case: name,
      eventsPerSecond: (events / elapsedMs) * 1000,
      childMicrosPerEvent: (cpuMicrosOf(pid) - cpuBefore) / events,
      // Beside ingest this process also makes the load.
      ...(besideIngest ? {} : { hubMicrosPerEvent: (user + system) / events }),
      childRssMb: rssMbOf(pid),
    }
  } finally {
    await stop()
    await embedded.close()
    await rm(dataDir, { recursive: true, force: true })
  }
}

/** A hub under load; the function returned ends both. */
async function ingest(): Promise<() => Promise<void>> {
  const hub = await HubProcess.start({ currents: [] })
  const bodies = buildLoadBodies({ seed: 5, bodies: 64, eventsPerBody: PER_REQUEST })
  const seconds = 25
  const done = load({
    url: hub.url,
    bodies,
    connections: 16,
    seed: 6,
    requests: (seconds * INGEST_PER_SECOND) / PER_REQUEST,
    pacePerSecond: INGEST_PER_SECOND / PER_REQUEST,
  })
  // Told when it is waited for.
  done.catch(() => undefined)
  return async () => {
    await done.finally(() => hub.close())
  }
}

/** Events through a hub into its warehouse; a query that counts rows is asked all the while. */
async function flow(name: string, perSecond: number): Promise<Row> {
  const hub = await HubProcess.start({
    currents: [
      {
        name: 'w',
        externalId: 'optional',
        destination: { kind: 'warehouse', settings: { shape: 'events' }, credentials: null },
      },
    ],
  })
  const bodies = buildLoadBodies({ seed: 7, bodies: 64, eventsPerBody: PER_REQUEST })
  try {
    const first = await load({ url: hub.url, bodies, connections: 16, seed: 8, requests: bodies.length })
    await hub.drained(DRAIN_MS_MAX)
    const { pid } = await hub.warehouse()
    const seen = new Sightings(first.events)
    const before = { hub: await hub.stats(), child: cpuMicrosOf(pid) }
    let sending = true
    const startedAt = performance.now()
    const sent = load({
      url: hub.url,
      bodies,
      connections: 16,
      seed: 9,
      requests: (FLOW_SECONDS * perSecond) / PER_REQUEST,
      pacePerSecond: perSecond / PER_REQUEST,
      onAnswer: (events) => seen.accepted(events),
    }).finally(() => {
      sending = false
    })
    // When the watching fails, it is what failed: the load then only loses its connections.
    sent.catch(() => undefined)
    while (sending || !seen.all) {
      if (performance.now() - startedAt > DRAIN_MS_MAX) throw new Error('the warehouse does not keep up')
      seen.queryable((await hub.warehouse()).rows)
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    }
    const elapsedMs = performance.now() - startedAt
    const { events } = await sent
    const after = await hub.stats()
    const delays = seen.delays()
    return {
      case: name,
      eventsPerSecond: (events / elapsedMs) * 1000,
      childMicrosPerEvent: (cpuMicrosOf(pid) - before.child) / events,
      hubMicrosPerEvent: (after.cpuMicros - before.hub.cpuMicros) / events,
      queryableP50Ms: quantile(delays, 0.5),
      queryableP99Ms: quantile(delays, 0.99),
      childRssMb: rssMbOf(pid),
    }
  } finally {
    await hub.close()
  }
}

/** When how many events were accepted, and when a query saw as many rows. */
class Sightings {
  #accepted: number
  readonly #waiting: { readonly count: number; readonly at: number }[] = []
  readonly #delays: number[] = []

  /** `accepted`: events and rows before. */
  constructor(accepted: number) {
    this.#accepted = accepted
  }

  get all(): boolean {
    return this.#waiting.length === 0
  }

  accepted(events: number): void {
    this.#accepted += events
    this.#waiting.push({ count: this.#accepted, at: performance.now() })
  }

  queryable(rows: number): void {
    for (let first = this.#waiting[0]; first !== undefined && first.count <= rows; first = this.#waiting[0]) {
      this.#delays.push(performance.now() - first.at)
      this.#waiting.shift()
    }
  }

  /** In ms, sorted. */
  delays(): Float64Array {
    return Float64Array.from(this.#delays).sort()
  }
}

class Loader {
  readonly #embedded: EmbeddedWarehouse
  readonly #writer: EventWriter
  readonly #batch: EventBatch
  #offset = 0

  /** `also`: members that the events have instead of their own. */
  constructor(embedded: EmbeddedWarehouse, settings: object, also: object = {}) {
    this.#embedded = embedded
    const intake = destination.events
    if (intake === undefined) throw new Error('the warehouse takes no events')
    const target = { settings: destination.settings.parse(settings), credentials: {} }
    this.#writer = intake.writer(
      target,
      kernelForTests(),
      new Map([[1, { name: 'bench', place: undefined }]]),
    )
    const bodies = buildLoadBodies({
      seed: 4,
      bodies: Math.ceil(PER_BATCH / PER_REQUEST),
      eventsPerBody: PER_REQUEST,
    })
    const events = bodies.flatMap(({ body }) => (JSON.parse(body.toString()) as { events: object[] }).events)
    this.#batch = batchOf(events.slice(0, PER_BATCH).map((event) => ({ ...event, ...also })))
  }

  async load(events: number): Promise<void> {
    let left = Math.ceil(events / PER_BATCH)
    const lane = async (): Promise<void> => {
      while (left-- > 0) await this.#one()
    }
    await Promise.all(Array.from({ length: LANES }, lane))
  }

  async #one(): Promise<void> {
    const base = this.#offset
    this.#offset += PER_BATCH
    const batch = {
      ...this.#batch,
      offsets: this.#batch.offsets.map((_, i) => base + i),
      requests: this.#batch.offsets.map((_, i) => base + i - (i % PER_REQUEST)),
    }
    const step = this.#writer.write(batch).next()
    if (step.done) throw new Error('nothing to send')
    const { status, body } = await this.#embedded.send(step.value)
    if (status !== 200) throw new Error(Buffer.from(body).toString())
  }
}

/** Loaded rows, written again by the engine until there are enough. Without properties: a count by type does not look at their columns. */
async function count(): Promise<Row> {
  const dataDir = await mkdtemp(join(tmpdir(), 'thalweg-bench-'))
  const parts = {
    dataDir,
    threads: 1,
    memoryBytesMax: MEMORY_BYTES_MAX,
    retentionAgeMs: 0,
    clock: systemClock,
  }
  const logger = { info: () => undefined, error: (about: object) => console.error(about) }
  const made = BATCHES * PER_BATCH
  try {
    const first = openEmbeddedWarehouse({ ...parts, logger })
    await new Loader(first, { shape: 'events' }, { properties: {} }).load(made)
    await first.close()
    const folder = join(dataDir, 'warehouse')
    const database = await openDatabase({ folder, threads: 1, memoryBytesMax: MEMORY_BYTES_MAX })
    await database.loading.run('CREATE TEMP TABLE loaded AS FROM braze.events')
    for (let rows = made; rows < COUNTED_ROWS; rows += made)
      await database.loading.run(
        `INSERT INTO braze.events FROM loaded LIMIT ${Math.min(made, COUNTED_ROWS - rows)}`,
      )
    database.close()
    const second = openEmbeddedWarehouse({ ...parts, logger })
    try {
      return { case: 'count by type, 10 M rows', countByTypeMs: await countByTypeMs(second) }
    } finally {
      await second.close()
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
}

/** The median. */
async function countByTypeMs({ engine }: EmbeddedWarehouse): Promise<number> {
  const sql = 'select event_type, count(*) from events group by 1'
  const times = new Float64Array(COUNTS)
  let counted = 0
  for (let i = 0; i < COUNTS; i++) {
    const startedAt = performance.now()
    const { pages } = await engine.query({ sql, timeoutMs: 60_000 }, new AbortController().signal)
    counted = 0
    for await (const page of pages) for (const [, rows] of page) counted += Number(rows)
    times[i] = performance.now() - startedAt
  }
  if (counted !== COUNTED_ROWS) throw new Error(`counted ${counted} rows`)
  return quantile(times.sort(), 0.5)
}

function cpuMicrosOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return ((Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND) * 1_000_000
}

function rssMbOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
}
