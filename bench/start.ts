/** From process start to ready with a long log. THALWEG_BENCH_LOG_GB (default 10) says how long; the disk needs that much. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildLoadBodies } from '../src/sandbox/simulator/load.ts'
import { HubProcess, load } from './rig.ts'

const PER_REQUEST = 100
const BODIES_AT_ONCE = 5_000

export async function start(): Promise<object[]> {
  const gigabytes = Number(process.env.THALWEG_BENCH_LOG_GB ?? 10)
  const folder = await mkdtemp(join(tmpdir(), 'thalweg-bench-start-'))
  try {
    const bodies = buildLoadBodies({ seed: 500, bodies: 64, eventsPerBody: PER_REQUEST })
    const bytesPerRequest = bodies.reduce((sum, { body }) => sum + body.length, 0) / bodies.length
    const filler = await HubProcess.start({ currents: [] }, folder)
    let requests = Math.ceil((gigabytes * 1e9) / bytesPerRequest)
    const events = requests * PER_REQUEST
    for (let round = 0; requests > 0; round++) {
      const now = Math.min(requests, BODIES_AT_ONCE)
      await load({ url: filler.url, bodies, connections: 16, requests: now, seed: 501 + round })
      requests -= now
    }
    await filler.close()
    const startedAt = performance.now()
    const hub = await HubProcess.start({ currents: [] }, folder)
    const readyMs = performance.now() - startedAt
    const { head } = await hub.stats()
    await hub.close()
    if (head !== events) throw new Error(`${events} events were written, ${head} were found`)
    return [{ case: `${gigabytes} GB, ${events} events`, readyMs }]
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
