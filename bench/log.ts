/**
 * What the embedded log and dedupe cost: a closed loop of requests of 100 events (91 KB) with K outstanding, reading back from disk, and
 * marks per id. Run: node bench/log.ts [seconds]. Bare writev + sync to a preallocated file on the same machine is the bound.
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { systemClock } from '../src/core/clock.ts'
import { openDedupe } from '../src/log/dedupe.ts'
import { openEmbeddedLog } from '../src/log/embedded-log.ts'
import { BODY_START, frameBytesFor, ROW_HAS_ID, sealFrame } from '../src/log/frame.ts'
import type { Log } from '../src/log/log.ts'

const ROWS = 100
const EVENT_BYTES = 911
const SECONDS = Number(process.argv[2] ?? 5)
const BODY = Buffer.alloc(ROWS * EVENT_BYTES, 'x')
const TYPES = ['users.messages.email.Open']

interface Row {
  readonly what: string
  readonly eventsPerSecond: string
  readonly p50ms: string
  readonly p99ms: string
  readonly cpuMicrosPerEvent: string
}

let identity = 1

/** One request as a door makes it: the body copied to its place, then types and rows. */
function request(log: Log): Promise<number> {
  const buffer = log.lease(frameBytesFor(BODY.length, TYPES, ROWS))
  BODY.copy(buffer, BODY_START)
  const parts = { source: 1, receivedAt: Date.now(), bodyBytes: BODY.length, types: TYPES, count: ROWS }
  const frameBytes = sealFrame(buffer, parts, (i, rows) => {
    const start = BODY_START + i * EVENT_BYTES
    rows.write(i, start, start + EVENT_BYTES, identity++, 1, 2, 3, i, 0, ROW_HAS_ID, 0)
  })
  try {
    return log.append(buffer, frameBytes)
  } catch (error) {
    log.release(buffer)
    throw error
  }
}

/** K requests outstanding for a while; a refusal waits 2 ms, and counts into the latency. */
async function closedLoop(log: Log, outstanding: number, what: string): Promise<Row> {
  const latencies: number[] = []
  const until = performance.now() + SECONDS * 1000
  const measured = await measure(async () => {
    await Promise.all(Array.from({ length: outstanding }, () => sendUntil(log, until, latencies)))
  })
  return report(`${what}, K=${outstanding}`, latencies.length * ROWS, measured, latencies)
}

async function sendUntil(log: Log, until: number, latencies: number[]): Promise<void> {
  while (performance.now() < until) {
    const started = performance.now()
    for (;;) {
      try {
        await request(log)
        break
      } catch {
        await systemClock.sleep(2)
      }
    }
    latencies.push(performance.now() - started)
  }
}

async function readBack(log: Log): Promise<Row> {
  let events = 0
  const measured = await measure(async () => {
    for (let at = log.tail; at < log.head; ) {
      const run = await log.read(at, 1024 * 1024)
      for (const frame of run.frames) events += frame.count
      at = run.next
    }
  })
  return report('read back, 1 MB at a time', events, measured, [])
}

async function marks(log: Log, folder: string, ids: number): Promise<Row> {
  const directory = join(folder, `dedupe-${ids}`)
  const dedupe = await openDedupe({
    directory,
    clock: systemClock,
    log: { ...silent, head: log.head },
    memoryIdsMax: 3 * ids,
  })
  const count = ROWS
  const items = new Uint32Array(count * 4)
  const skip = new Uint8Array(count)
  const seen = new Uint8Array(count)
  const measured = await measure(async () => {
    for (let i = 0; i < ids; i += count) {
      for (let word = 0; word < items.length; word++) items[word] = Math.imul(i * 4 + word, 0x9e3779b1)
      dedupe.mark(1, items, count, 4, 0, Date.now(), skip, seen)
      if (i % 100_000 === 0) await nextTurn()
    }
  })
  await dedupe.close()
  return report(`dedupe.mark, up to ${ids / 1e6} M ids in the table`, ids, measured, [])
}

async function marksWithSpills(log: Log, folder: string, ids: number): Promise<Row> {
  const directory = join(folder, 'dedupe-spills')
  const dedupe = await openDedupe({ directory, clock: systemClock, log: { ...silent, head: log.head } })
  const items = new Uint32Array(ROWS * 4)
  const skip = new Uint8Array(ROWS)
  const seen = new Uint8Array(ROWS)
  const latencies: number[] = []
  const measured = await measure(async () => {
    for (let i = 0; i < ids; i += ROWS) {
      for (let word = 0; word < items.length; word++) items[word] = Math.imul(i * 4 + word, 0x9e3779b1)
      const started = performance.now()
      for (;;) {
        try {
          dedupe.mark(1, items, ROWS, 4, 0, Date.now(), skip, seen)
          break
        } catch {
          await systemClock.sleep(2)
        }
      }
      latencies.push(performance.now() - started)
      if (i % 10_000 === 0) await nextTurn()
    }
  })
  const { runs, bytes } = dedupe.stats()
  await dedupe.close()
  const what = `dedupe.mark with spills, ${ids / 1e6} M ids (${runs} runs, ${Math.round(bytes / 1e6)} MB), per call of 100`
  return report(what, ids, measured, latencies)
}

const silent = {
  durable: () => Promise.resolve(),
  hold: () => undefined,
  async *identities() {},
}

interface Measured {
  readonly seconds: number
  readonly cpuMicros: number
}

async function measure(work: () => Promise<void>): Promise<Measured> {
  const cpu = process.cpuUsage()
  const started = performance.now()
  await work()
  const used = process.cpuUsage(cpu)
  return { seconds: (performance.now() - started) / 1000, cpuMicros: used.user + used.system }
}

function report(what: string, events: number, measured: Measured, latencies: number[]): Row {
  latencies.sort((a, b) => a - b)
  const at = (share: number) => latencies[Math.floor(latencies.length * share)]?.toFixed(2) ?? '-'
  return {
    what,
    eventsPerSecond: Math.round(events / measured.seconds).toLocaleString('en'),
    p50ms: at(0.5),
    p99ms: at(0.99),
    cpuMicrosPerEvent: (measured.cpuMicros / events).toFixed(3),
  }
}

const folder = await mkdtemp(join(tmpdir(), 'thalweg-bench-log-'))
try {
  const log = await openEmbeddedLog({ directory: join(folder, 'log'), clock: systemClock })
  const retention = setInterval(() => {
    void log.retain({
      ageMsMax: Number.POSITIVE_INFINITY,
      bytesMax: 1e9,
      despiteReaders: false,
      nowMs: Date.now(),
    })
  }, 100)
  const rows = [await closedLoop(log, 16, 'append 91 KB, new segments')]
  for (const outstanding of [1, 16, 32])
    rows.push(await closedLoop(log, outstanding, 'append 91 KB, recycled segments'))
  clearInterval(retention)
  rows.push(await readBack(log))
  for (const ids of [1e6, 4e6]) rows.push(await marks(log, folder, ids))
  rows.push(await marksWithSpills(log, folder, 20e6))
  console.table(rows)
  await log.close()
} finally {
  await rm(folder, { recursive: true })
}
