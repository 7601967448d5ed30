/** Loading the embedded warehouse as delivery does, two batches under way; its process alone, and beside a hub that takes in 30,000 events per second. */

import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EventBatch } from '../src/core/batch.ts'
import { systemClock } from '../src/core/clock.ts'
import type { EventWriter } from '../src/destinations/destination.ts'
import { batchOf, kernelForTests } from '../src/destinations/rehearsal.fixture.ts'
import { warehouse as destination } from '../src/destinations/warehouse/warehouse.ts'
import { buildLoadBodies } from '../src/sandbox/simulator/load.ts'
import { type EmbeddedWarehouse, openEmbeddedWarehouse } from '../src/warehouse/duckdb/duckdb.ts'
import { HubProcess, load } from './rig.ts'

const EVENTS = 180_000
const PER_BATCH = 9_000
const PER_REQUEST = 100
const INGEST_PER_SECOND = 30_000
const MEMORY_BYTES_MAX = 1_073_741_824
const COUNTS = 5
/** Kernel clock ticks per second, as Linux has them. */
const TICKS_PER_SECOND = 100

interface Row {
  readonly case: string
  readonly eventsPerSecond: number
  readonly childMicrosPerEvent: number
  readonly childRssMb: number
  readonly countByTypeMs: number
}

export async function warehouse(): Promise<Row[]> {
  return [
    await measure('events, one table', { shape: 'events' }, false),
    await measure('events, a table per type', { shape: 'events', tablePerType: true }, false),
    await measure('events and raw', { shape: 'both' }, false),
    await measure('events, one table, beside ingest', { shape: 'events' }, true),
  ]
}

async function measure(name: string, settings: object, besideIngest: boolean): Promise<Row> {
  const dataDir = await mkdtemp(join(tmpdir(), 'thalweg-bench-'))
  const embedded = openEmbeddedWarehouse({
    dataDir,
    threads: 1,
    memoryBytesMax: MEMORY_BYTES_MAX,
    retentionAgeMs: 0,
    clock: systemClock,
    logger: { info: () => undefined, error: (about) => console.error(about) },
  })
  const stop = besideIngest ? await ingest() : async () => undefined
  try {
    const loader = new Loader(embedded, settings)
    // The columns are made, the file has its first blocks.
    await loader.load(PER_BATCH)
    const pid = (await embedded.host.pid()) ?? 0
    const cpuBefore = cpuMicrosOf(pid)
    const startedAt = performance.now()
    await loader.load(EVENTS)
    const elapsedMs = performance.now() - startedAt
    return {
      case: name,
      eventsPerSecond: (EVENTS / elapsedMs) * 1000,
      childMicrosPerEvent: (cpuMicrosOf(pid) - cpuBefore) / EVENTS,
      childRssMb: rssMbOf(pid),
      countByTypeMs: await countByTypeMs(embedded),
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
  const seconds = 60
  const done = load({
    url: hub.url,
    bodies,
    connections: 16,
    seed: 6,
    requests: (seconds * INGEST_PER_SECOND) / PER_REQUEST,
    pacePerSecond: INGEST_PER_SECOND / PER_REQUEST,
  })
  return async () => {
    await done
    await hub.close()
  }
}

class Loader {
  readonly #embedded: EmbeddedWarehouse
  readonly #writer: EventWriter
  readonly #batch: EventBatch
  #offset = 0

  constructor(embedded: EmbeddedWarehouse, settings: object) {
    this.#embedded = embedded
    const intake = destination.events
    if (intake === undefined) throw new Error('the warehouse takes no events')
    const target = { settings: destination.settings.parse(settings), credentials: {} }
    this.#writer = intake.writer(
      target,
      kernelForTests(),
      new Map([[1, { name: 'bench', place: undefined }]]),
    )
    const bodies = buildLoadBodies({ seed: 4, bodies: PER_BATCH / PER_REQUEST, eventsPerBody: PER_REQUEST })
    this.#batch = batchOf(
      bodies.flatMap(({ body }) => (JSON.parse(body.toString()) as { events: object[] }).events),
    )
  }

  async load(events: number): Promise<void> {
    let left = Math.ceil(events / PER_BATCH)
    const lane = async (): Promise<void> => {
      while (left-- > 0) await this.#one()
    }
    await Promise.all([lane(), lane()])
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

/** The quickest of some: the first ones read the file. */
async function countByTypeMs({ engine }: EmbeddedWarehouse): Promise<number> {
  const [first] = await engine.tables()
  const sql = `select event_type, count(*) from ${first?.database}.${first?.table} group by 1`
  const times: number[] = []
  for (let i = 0; i < COUNTS; i++) {
    const startedAt = performance.now()
    const { pages } = await engine.query({ sql, timeoutMs: 60_000 }, new AbortController().signal)
    for await (const _page of pages);
    times.push(performance.now() - startedAt)
  }
  return Math.min(...times)
}

function cpuMicrosOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return ((Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND) * 1_000_000
}

function rssMbOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
}
