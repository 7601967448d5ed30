/** What ten running currents cost while nothing comes in. */

import { unchanged } from './pipeline.ts'
import { HubProcess, Sink } from './rig.ts'

const CURRENTS = 10
const SETTLE_MS = 3_000
const WATCH_MS = 20_000

export async function idle(): Promise<object[]> {
  const sink = new Sink()
  const url = await sink.listen()
  const hub = await HubProcess.start({
    currents: Array.from({ length: CURRENTS }, (_, i) => unchanged(`c${i}`, url)),
  })
  try {
    await pause(SETTLE_MS)
    const before = await hub.stats()
    await pause(WATCH_MS)
    const after = await hub.stats()
    return [
      {
        case: `${CURRENTS} currents, no traffic`,
        percentOfCore: ((after.cpuMicros - before.cpuMicros) / 1000 / WATCH_MS) * 100,
        rssMb: Math.round(after.rssBytes / 1_048_576),
      },
    ]
  } finally {
    await hub.close()
    await sink.close()
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
