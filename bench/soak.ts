/**
 * Whether the hub's memory is flat: three currents under a steady load, the resident set sampled every ten seconds, and the slope of a straight
 * line through the samples. THALWEG_BENCH_SOAK_MINUTES (default 60) says how long, THALWEG_BENCH_SOAK_RATE (default 20,000) how many events
 * per second. What is bounded by an operator's setting is set so low that it is full before the line begins: the size of the log, and the window of
 * the ids that are remembered (8 days by default, with 1.3 bytes of memory per id).
 */

import { buildLoadBodies } from '../src/sandbox/simulator/load.ts'
import { lineThrough, type Point } from './line.ts'
import { mapped, unchanged } from './pipeline.ts'
import { HubProcess, type HubStats, load, Sink } from './rig.ts'

const PER_REQUEST = 100
const CONNECTIONS = 16
const SAMPLE_MS = 10_000
const STRETCH_SECONDS = 10
/** Part of the run before the line begins: buffers fill, code is compiled, segments are used for the first time. */
const WARM_UP_SHARE = 0.25
const MB = 1_048_576

interface Sample {
  readonly minutes: number
  readonly stats: HubStats
}

export async function soak(): Promise<object[]> {
  const minutes = Number(process.env.THALWEG_BENCH_SOAK_MINUTES ?? 60)
  const rate = Number(process.env.THALWEG_BENCH_SOAK_RATE ?? 20_000)
  if (!(minutes > 0) || !(rate > 0)) throw new RangeError('The minutes and the rate of a soak are above zero')
  const sink = new Sink()
  const url = await sink.listen()
  const hub = await HubProcess.start({
    settings: { retentionBytes: 1_000_000_000, dedupeWindowMs: 120_000 },
    currents: [unchanged('a', url), unchanged('b', url), mapped('c', url)],
  })
  const watch = new Watch(hub)
  try {
    const eventsPerSecond = await loadFor(minutes, rate, hub.url)
    const samples = await watch.stop()
    await hub.drained(120_000)
    return [rowOf(samples, eventsPerSecond)]
  } finally {
    await watch.stop()
    await hub.close()
    await sink.close()
  }
}

/** Load for a time, in stretches of requests: a machine that falls behind does fewer of them. Gives the rate that was reached. */
async function loadFor(minutes: number, rate: number, url: string): Promise<number> {
  const bodies = buildLoadBodies({ seed: 600, bodies: 64, eventsPerBody: PER_REQUEST })
  const pacePerSecond = rate / PER_REQUEST
  const requests = Math.ceil(pacePerSecond * STRETCH_SECONDS)
  const startedAt = performance.now()
  let events = 0
  for (let seed = 601; performance.now() - startedAt < minutes * 60_000; seed++) {
    const sent = await load({ url, bodies, connections: CONNECTIONS, requests, pacePerSecond, seed })
    if (sent.refused > 0) throw new Error(`${sent.refused} requests were refused`)
    events += sent.events
  }
  return events / ((performance.now() - startedAt) / 1000)
}

/** Samples until it is stopped. */
class Watch {
  readonly #hub: HubProcess
  readonly #samples: Sample[] = []
  readonly #startedAt = performance.now()
  readonly #timer: NodeJS.Timeout
  #asking: Promise<void> = Promise.resolve()

  constructor(hub: HubProcess) {
    this.#hub = hub
    this.#timer = setInterval(() => {
      this.#asking = this.#asking.then(() => this.#sample())
    }, SAMPLE_MS)
  }

  async stop(): Promise<readonly Sample[]> {
    clearInterval(this.#timer)
    await this.#asking
    return this.#samples
  }

  async #sample(): Promise<void> {
    const stats = await this.#hub.stats()
    const minutes = (performance.now() - this.#startedAt) / 60_000
    this.#samples.push({ minutes, stats })
    const pending = stats.pending.reduce((sum, count) => sum + count, 0)
    const mb = (bytes: number): string => (bytes / MB).toFixed(0)
    console.log(
      `${minutes.toFixed(1)} min: ${mb(stats.rssBytes)} MB, of it heap ${mb(stats.heapBytes)} MB; ${stats.head} events, ${pending} pending`,
    )
  }
}

function rowOf(samples: readonly Sample[], eventsPerSecond: number): object {
  const steady = samples.slice(Math.floor(samples.length * WARM_UP_SHARE))
  const points = steady.map(({ minutes, stats }): Point => [minutes / 60, stats.rssBytes / MB])
  const sizes = points.map(([, mb]) => mb)
  return {
    case: `two unchanged and Segment mapping, ${samples.at(-1)?.minutes.toFixed(0)} minutes`,
    eventsPerSecond: Math.round(eventsPerSecond),
    samples: steady.length,
    rssMbMin: Math.min(...sizes),
    rssMbMax: Math.max(...sizes),
    rssMbPerHour: lineThrough(points).slope,
  }
}
