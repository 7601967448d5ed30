/** Acknowledgement latency at half of the top rate, and the time from acceptance to delivery at light load. */

import { buildLoadBodies } from '../src/sandbox/simulator/load.ts'
import { unchanged, WARM_UP_REQUESTS } from './pipeline.ts'
import { HubProcess, load, quantile, Sink } from './rig.ts'

const CONNECTIONS = 16
const PER_REQUEST = 100
/** Also fills the segments that the measured run uses again. */
const PROBE_REQUESTS = 5_000
const HALF_RATE_SECONDS = 5
const LIGHT_EVENTS = 300
const LIGHT_PER_SECOND = 50

export async function latency(): Promise<object[]> {
  return [await atHalfRate(), await atLightLoad()]
}

async function atHalfRate(): Promise<object> {
  const sink = new Sink()
  const hub = await HubProcess.start({ currents: [unchanged('a', await sink.listen())] })
  const bodies = buildLoadBodies({ seed: 300, bodies: 64, eventsPerBody: PER_REQUEST })
  try {
    await load({ url: hub.url, bodies, connections: CONNECTIONS, requests: WARM_UP_REQUESTS, seed: 301 })
    await hub.drained(60_000)
    const top = await load({
      url: hub.url,
      bodies,
      connections: CONNECTIONS,
      requests: PROBE_REQUESTS,
      seed: 302,
    })
    await hub.drained(60_000)
    await hub.recycle()
    const perSecond = PROBE_REQUESTS / (top.elapsedMs / 1000) / 2
    const half = await load({
      url: hub.url,
      bodies,
      connections: CONNECTIONS,
      requests: Math.round(perSecond * HALF_RATE_SECONDS),
      pacePerSecond: perSecond,
      seed: 303,
    })
    return {
      case: 'acknowledgement at half of the top rate',
      eventsPerSecond: Math.round(perSecond * PER_REQUEST),
      p50Ms: quantile(half.latencies, 0.5),
      p99Ms: quantile(half.latencies, 0.99),
    }
  } finally {
    await hub.close()
    await sink.close()
  }
}

/** The batch wait is set to 0, so what is measured is the time beyond it. */
async function atLightLoad(): Promise<object> {
  const sink = new Sink()
  const url = await sink.listen()
  const current = unchanged('a', url)
  const hub = await HubProcess.start({
    currents: [{ ...current, delivery: { ...current.delivery, waitMs: 0 } }],
  })
  const bodies = buildLoadBodies({ seed: 310, bodies: 16, eventsPerBody: 1 })
  const delays = new Float64Array(LIGHT_EVENTS)
  try {
    await load({ url: hub.url, bodies, connections: 1, requests: 100, seed: 311 })
    await hub.drained(60_000)
    for (let i = 0; i < LIGHT_EVENTS; i++) {
      const due = performance.now() + 1000 / LIGHT_PER_SECOND
      const arrived = sink.arrived(sink.events + 1, 10_000)
      const sentAt = performance.now()
      const acknowledged = load({ url: hub.url, bodies, connections: 1, requests: 1, seed: 1_000 + i })
      await arrived
      delays[i] = performance.now() - sentAt
      await acknowledged
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())))
    }
    delays.sort()
    return {
      case: 'sent to delivered, light load, no batch wait',
      eventsPerSecond: LIGHT_PER_SECOND,
      p50Ms: quantile(delays, 0.5),
      p99Ms: quantile(delays, 0.99),
    }
  } finally {
    await hub.close()
    await sink.close()
  }
}
