/** HTTP in → synced log → destination: throughput and CPU per event, unchanged and with the Segment mapping, and with further destinations. */

import { buildLoadBodies } from '../src/sandbox/simulator/load.ts'
import { type CurrentPlan, HubProcess, load, quantile, Sink } from './rig.ts'

export interface PipelineRow {
  readonly case: string
  readonly eventsPerSecond: number
  readonly cpuMicrosPerEvent: number
  readonly ackP50Ms: number
  readonly ackP99Ms: number
  readonly rssMb: number
}

const EVENTS = 600_000
const PER_REQUEST = 100
const CONNECTIONS = 16

export function unchanged(name: string, url: string): CurrentPlan {
  return {
    name,
    externalId: 'optional',
    delivery: { waitMs: 100, inFlightMax: 8 },
    destination: { kind: 'http', settings: { url: `${url}/events`, eventsPerRequest: 100 }, credentials: {} },
  }
}

export function mapped(name: string, url: string): CurrentPlan {
  return {
    name,
    externalId: 'optional',
    delivery: { waitMs: 100, inFlightMax: 8 },
    destination: {
      kind: 'segment',
      settings: { region: 'custom', host: `${url}/v1`, includeAnonymous: true },
      credentials: { writeKey: 'bench' },
    },
  }
}

export async function pipeline(rounds: number): Promise<PipelineRow[]> {
  const cases: [string, (url: string) => CurrentPlan[]][] = [
    ['one destination, unchanged', (url) => [unchanged('a', url)]],
    ['one destination, Segment mapping', (url) => [mapped('a', url)]],
    ['two unchanged', (url) => [unchanged('a', url), unchanged('b', url)]],
    ['unchanged and Segment mapping', (url) => [unchanged('a', url), mapped('b', url)]],
  ]
  const rows: PipelineRow[] = []
  for (const [name, plan] of cases) {
    const results: PipelineRow[] = []
    for (let round = 0; round < rounds; round++) results.push(await measure(name, plan, round))
    rows.push(median(results))
  }
  return rows
}

async function measure(
  name: string,
  plan: (url: string) => CurrentPlan[],
  round: number,
): Promise<PipelineRow> {
  // Mapped events carry the type as a property, so one marker counts both.
  const sink = new Sink('"event_type"')
  const url = await sink.listen()
  const currents = plan(url)
  const hub = await HubProcess.start({ currents })
  const bodies = buildLoadBodies({ seed: 100 + round, bodies: 64, eventsPerBody: PER_REQUEST })
  try {
    // Warm-up: the compiler's work is not part of the steady state.
    await load({ url: hub.url, bodies, connections: CONNECTIONS, requests: 1_000, seed: 1_000 + round })
    await hub.drained(60_000)
    const before = await hub.stats()
    const arrivedBefore = sink.events
    const startedAt = performance.now()
    const all = sink.arrived(arrivedBefore + EVENTS * currents.length, 120_000)
    const sent = await load({
      url: hub.url,
      bodies,
      connections: CONNECTIONS,
      requests: EVENTS / PER_REQUEST,
      seed: 2_000 + round,
    })
    await all
    const elapsedMs = performance.now() - startedAt
    const after = await hub.drained(60_000)
    if (sent.refused > 0) throw new Error(`${sent.refused} requests were refused`)
    return {
      case: name,
      eventsPerSecond: Math.round((EVENTS / elapsedMs) * 1000),
      cpuMicrosPerEvent: (after.cpuMicros - before.cpuMicros) / EVENTS,
      ackP50Ms: quantile(sent.latencies, 0.5),
      ackP99Ms: quantile(sent.latencies, 0.99),
      rssMb: Math.round(after.rssBytes / 1_048_576),
    }
  } finally {
    await hub.close()
    await sink.close()
  }
}

function median(rows: readonly PipelineRow[]): PipelineRow {
  const sorted = rows.toSorted((a, b) => a.eventsPerSecond - b.eventsPerSecond)
  return sorted[sorted.length >> 1] as PipelineRow
}

if (import.meta.main) console.table(await pipeline(Number(process.argv[2] ?? 1)))
