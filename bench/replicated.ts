/**
 * The log on NATS JetStream beside the embedded one: a closed loop of requests of 100 events (91 KB) and of one event, then reading back what no
 * memory holds. Servers, hub and load share this machine; CPU is given for the process with the log and for all servers together.
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../src/core/clock.ts'
import { openEmbeddedLog } from '../src/log/embedded-log.ts'
import { BODY_START, frameBytesFor, ROW_HAS_ID, sealFrame } from '../src/log/frame.ts'
import { openJetStreamLog } from '../src/log/jetstream/jetstream.ts'
import type { Log } from '../src/log/log.ts'
import { TestNats } from '../test/support/nats.ts'
import { cpuMicrosOf } from './process-stats.ts'

const EVENT_BYTES = 911
const TYPES = ['users.messages.email.Open']
const LOAD_MS = 2_500
const READ_BYTES = 1_048_576
const MEMORY_BYTES = 4 * 1024 * 1024

interface Subject {
  readonly what: string
  readonly log: Log
  readonly nats: TestNats | undefined
}

const CASES = [
  { rows: 100, outstanding: 16 },
  { rows: 100, outstanding: 1 },
  { rows: 1, outstanding: 64 },
]

export async function replicated(rounds: number): Promise<object[]> {
  const folder = await mkdtemp(join(tmpdir(), 'thalweg-bench-replicated-'))
  const one = await TestNats.start({ servers: 1 })
  const three = await TestNats.start({ servers: 3 })
  const measured = new Map<string, Measured[]>()
  try {
    for (let round = 0; round < rounds; round++) {
      for (const [what, nats] of [
        ['embedded', undefined],
        ['JetStream, one server', one],
        ['JetStream, three servers', three],
      ] as const) {
        const directory = join(folder, `${what}-${round}`)
        const log = await openOf(nats, directory)
        const subject = { what, log, nats }
        for (const { rows, outstanding } of CASES)
          note(
            measured,
            `${what}: append, ${rows} per request, ${outstanding} outstanding`,
            await append(subject, rows, outstanding),
          )
        note(measured, `${what}: read back`, await readBack(subject))
        await log.close()
      }
    }
  } finally {
    await Promise.all([one.close(), three.close()])
    await rm(folder, { recursive: true, force: true })
  }
  return [...measured].map(([what, runs]) => ({ case: what, ...best(runs) }))
}

async function openOf(nats: TestNats | undefined, directory: string): Promise<Log> {
  // What is read back must not lie in memory.
  const common = { directory, clock: systemClock, tailBytesMax: MEMORY_BYTES }
  if (nats === undefined) return await openEmbeddedLog(common)
  return await openJetStreamLog({ ...common, address: nats.parsed(), credentials: {} })
}

interface Measured {
  readonly eventsPerSecond: number
  readonly p50Ms?: number | undefined
  readonly p99Ms?: number | undefined
  readonly hubMicrosPerEvent: number
  readonly serversMicrosPerEvent: number
}

async function append(subject: Subject, rows: number, outstanding: number): Promise<Measured> {
  const body = Buffer.alloc(rows * EVENT_BYTES, 'x')
  const latencies: number[] = []
  const until = performance.now() + LOAD_MS
  const took = await measure(subject, async () => {
    await Promise.all(
      Array.from({ length: outstanding }, async () => {
        while (performance.now() < until) {
          const startedAt = performance.now()
          await request(subject.log, body, rows)
          latencies.push(performance.now() - startedAt)
        }
      }),
    )
    return latencies.length * rows
  })
  latencies.sort((a, b) => a - b)
  const at = (share: number): number | undefined => latencies[Math.floor(latencies.length * share)]
  return { ...took, p50Ms: at(0.5), p99Ms: at(0.99) }
}

let identity = 1

async function request(log: Log, body: Buffer, count: number): Promise<void> {
  const buffer = log.lease(frameBytesFor(body.length, TYPES, count))
  body.copy(buffer, BODY_START)
  const parts = { source: 1, receivedAt: Date.now(), bodyBytes: body.length, types: TYPES, count }
  const frameBytes = sealFrame(buffer, parts, (i, rows) => {
    const start = BODY_START + i * EVENT_BYTES
    rows.write(i, start, start + EVENT_BYTES, identity++, 1, 2, 3, i, 0, ROW_HAS_ID, 0)
  })
  await log.append(buffer, frameBytes)
}

async function readBack(subject: Subject): Promise<Measured> {
  const { log } = subject
  return await measure(subject, async () => {
    let events = 0
    const until = performance.now() + LOAD_MS
    for (let at = log.tail; at < log.head && performance.now() < until; ) {
      const run = await log.read(at, READ_BYTES)
      for (const { count } of run.frames) events += count
      at = run.next
    }
    return events
  })
}

async function measure({ nats }: Subject, work: () => Promise<number>): Promise<Measured> {
  const servers = cpuMicrosOf(nats?.pids ?? [])
  const cpu = process.cpuUsage()
  const startedAt = performance.now()
  const events = await work()
  const seconds = (performance.now() - startedAt) / 1000
  const used = process.cpuUsage(cpu)
  return {
    eventsPerSecond: events / seconds,
    hubMicrosPerEvent: (used.user + used.system) / events,
    serversMicrosPerEvent: (cpuMicrosOf(nats?.pids ?? []) - servers) / events,
  }
}

function note(measured: Map<string, Measured[]>, what: string, run: Measured): void {
  measured.set(what, [...(measured.get(what) ?? []), run])
}

/** The run that took the least CPU: what others did on the machine only adds. */
function best(runs: readonly Measured[]): Measured | undefined {
  return runs.toSorted((a, b) => cpuOf(a) - cpuOf(b))[0]
}

function cpuOf({ hubMicrosPerEvent, serversMicrosPerEvent }: Measured): number {
  return hubMicrosPerEvent + serversMicrosPerEvent
}
