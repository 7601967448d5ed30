/** Requests of one event each, over many connections: bound by the HTTP server and by how many requests share a sync. */

import { buildLoadBodies } from '../src/sandbox/simulator/load.ts'
import { unchanged } from './pipeline.ts'
import { HubProcess, load, quantile, Sink } from './rig.ts'

const CONNECTIONS = 64
const REQUESTS = 100_000
/** Until code is compiled: see pipeline.ts. */
const WARM_UP_REQUESTS = 60_000

export async function single(): Promise<object[]> {
  const sink = new Sink()
  const hub = await HubProcess.start({ currents: [unchanged('a', await sink.listen())] })
  const bodies = buildLoadBodies({ seed: 400, bodies: 256, eventsPerBody: 1 })
  try {
    await load({ url: hub.url, bodies, connections: CONNECTIONS, requests: WARM_UP_REQUESTS, seed: 401 })
    await hub.drained(60_000)
    const before = await hub.stats()
    const sent = await load({ url: hub.url, bodies, connections: CONNECTIONS, requests: REQUESTS, seed: 402 })
    const after = await hub.drained(60_000)
    if (sent.refused > 0) throw new Error(`${sent.refused} requests were refused`)
    return [
      {
        case: 'one event per request',
        requestsPerSecond: Math.round((REQUESTS / sent.elapsedMs) * 1000),
        cpuMicrosPerRequest: (after.cpuMicros - before.cpuMicros) / REQUESTS,
        ackP50Ms: quantile(sent.latencies, 0.5),
        ackP99Ms: quantile(sent.latencies, 0.99),
      },
    ]
  } finally {
    await hub.close()
    await sink.close()
  }
}
