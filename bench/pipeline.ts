/** HTTP in → synced log → destination: throughput and CPU per event, unchanged and with the Segment mapping, and what more destinations cost. */

import { buildLoadBodies } from '../src/sandbox/simulator/load.ts'
import { type CurrentPlan, HubProcess, load, quantile, Sink } from './rig.ts'

export interface PipelineRow {
  readonly case: string
  readonly eventsPerSecond: number
  readonly cpuMicrosPerEvent: number
  /** CPU per event beside that of the yardstick of the same run: what is left when the machine of the day is taken out. */
  readonly timesYardstick: number
  readonly ackP50Ms: number
  readonly ackP99Ms: number
  readonly rssMb: number
}

const EVENTS = 400_000
/**
 * Before anything is measured, so that what is measured is the state of every hub after its first minutes: code is compiled, ids have been spilled
 * once (past 1.25 million), events go to recycled segments. With half of it a tenth of the CPU is still V8's compiler, in threads of its own.
 */
export const WARM_UP_REQUESTS = 16_000
const PER_REQUEST = 100
const CONNECTIONS = 16
/** Events per second of the fan-out: low enough that every destination keeps up, so that only the work itself is compared. */
const FAN_OUT_PACE = 60_000

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

const YARDSTICK: Case = {
  name: 'yardstick: in, synced file, out, and nothing else',
  plan: (url) => [unchanged('a', url)],
  script: 'bare-process.ts',
}

/** As fast as the machine goes. */
export async function pipeline(rounds: number): Promise<PipelineRow[]> {
  return inRounds(rounds, [
    YARDSTICK,
    { name: 'one destination, unchanged', plan: (url) => [unchanged('a', url)] },
    { name: 'one destination, Segment mapping', plan: (url) => [mapped('a', url)] },
  ])
}

/** At a fixed rate: what each further destination costs. */
export async function fanOut(rounds: number): Promise<PipelineRow[]> {
  return inRounds(
    rounds,
    [
      YARDSTICK,
      { name: 'one unchanged', plan: (url) => [unchanged('a', url)] },
      { name: 'two unchanged', plan: (url) => [unchanged('a', url), unchanged('b', url)] },
      {
        name: 'three unchanged',
        plan: (url) => [unchanged('a', url), unchanged('b', url), unchanged('c', url)],
      },
      {
        name: 'unchanged and Segment mapping',
        plan: (url) => [unchanged('a', url), mapped('b', url)],
      },
    ],
    FAN_OUT_PACE / PER_REQUEST,
  )
}

interface Case {
  readonly name: string
  readonly plan: (url: string) => CurrentPlan[]
  readonly script?: 'bare-process.ts'
}

type Measurement = Omit<PipelineRow, 'timesYardstick'>

async function inRounds(
  rounds: number,
  cases: readonly Case[],
  pacePerSecond?: number,
): Promise<PipelineRow[]> {
  const results = new Map<string, Measurement[]>()
  // Rounds outside, cases inside: what the machine does meanwhile falls on all of them alike.
  for (let round = 0; round < rounds; round++) {
    for (const each of cases) {
      const row = await measure(each, round, pacePerSecond)
      results.set(each.name, [...(results.get(each.name) ?? []), row])
    }
  }
  const medians = [...results.values()].map(median)
  const yardstick = medians.find((row) => row.case === YARDSTICK.name)?.cpuMicrosPerEvent ?? Number.NaN
  return medians.map((row) => ({ ...row, timesYardstick: row.cpuMicrosPerEvent / yardstick }))
}

async function measure(
  { name, plan, script }: Case,
  round: number,
  pacePerSecond: number | undefined,
): Promise<Measurement> {
  // Mapped events carry the type as a property, so one marker counts both.
  const sink = new Sink('"event_type"')
  const url = await sink.listen()
  const currents = plan(url)
  const hub = await HubProcess.start({ currents }, undefined, script)
  const bodies = buildLoadBodies({ seed: 100 + round, bodies: 64, eventsPerBody: PER_REQUEST })
  const load16 = { url: hub.url, bodies, connections: CONNECTIONS }
  try {
    await load({ ...load16, requests: WARM_UP_REQUESTS, seed: 1_000 + round })
    await hub.drained(60_000)
    await hub.recycle()
    const before = await hub.stats()
    const startedAt = performance.now()
    const all = sink.arrived(sink.events + EVENTS * currents.length, 120_000)
    const sent = await load({
      ...load16,
      requests: EVENTS / PER_REQUEST,
      seed: 2_000 + round,
      ...(pacePerSecond === undefined ? {} : { pacePerSecond }),
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

function median(rows: readonly Measurement[]): Measurement {
  const sorted = rows.toSorted((a, b) => a.cpuMicrosPerEvent - b.cpuMicrosPerEvent)
  return sorted[sorted.length >> 1] as Measurement
}
