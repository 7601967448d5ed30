/**
 * Doors on a real server with the real kernel, log and dedupe index in a folder of their own: for tests only.
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { layStore } from '../../test/support/store.ts'
import { type Clock, VirtualClock } from '../core/clock.ts'
import { createKernel } from '../core/kernel/create.ts'
import type { Kernel } from '../core/kernel/kernel.ts'
import { openDedupe } from '../log/dedupe.ts'
import { openEmbeddedLog } from '../log/embedded-log.ts'
import { BODY_START, FrameView, ROW_FAULTS, ROW_QUARANTINED, type RowFault } from '../log/frame.ts'
import type { Log } from '../log/log.ts'
import { openStore } from '../store/store.ts'
import { createDoors, type DoorLimits, type Doors, serverTimeouts } from './doors.ts'
import { ShapeTrail } from './drift/shape-trail.ts'
import { openSources, type Sources } from './registry.ts'

/** A record as it was kept. */
export interface KeptRecord {
  readonly source: number
  readonly type: string
  readonly text: string
  readonly flags: number
  readonly quarantined: RowFault | undefined
}

export interface DoorsUnderTest {
  readonly origin: string
  readonly port: number
  readonly server: Server
  readonly doors: Doors
  readonly sources: Sources
  readonly log: Log
  /** What the doors wrote to their logger. */
  readonly lines: string[]
  /** Buffers that the doors have from the log and owe it. */
  readonly leased: ReadonlySet<Buffer>
  /** Every record in the log, in order. */
  kept(): Promise<KeptRecord[]>
  /** The body of every frame in the log, in order. */
  keptBodies(): Promise<string[]>
  /** Of each frame: the names of types that its readers see, and those in its bytes. */
  keptTypes(): Promise<{ readonly seen: readonly string[]; readonly written: readonly string[] }[]>
  close(): Promise<void>
}

export const TEST_LIMITS: DoorLimits & { readonly itemsMax: number } = {
  bodyBytesMax: 1024 * 1024,
  decompressedBytesMax: 4 * 1024 * 1024,
  itemsMax: 2_000,
  bodyTimeoutMs: 2_000,
  bytesInFlightMax: 32 * 1024 * 1024,
}

export interface FixtureOptions {
  readonly clock?: Clock
  readonly limits?: Partial<typeof TEST_LIMITS>
  /** Puts something between the doors and the log. */
  readonly wrapLog?: (log: Log) => Log
  /** Default: room for two of the largest bodies. */
  readonly segmentBytes?: number
  /** Ids that the dedupe index keeps in memory; a third of it in one request. */
  readonly dedupeIds?: number
  /** As of a node: reads the sources again. */
  readonly refresh?: (sources: Sources) => Promise<void>
}

const TAIL_BYTES = 8 * 1024 * 1024
const DEDUPE_IDS = 100_000
const START_MS = 1_700_000_000_000

const kernels = new Map<string, Kernel>()

/** One for all doors of the same limits, as in a hub: each has memory for its largest body. */
function kernelFor({ decompressedBytesMax: bodyBytesMax, itemsMax }: typeof TEST_LIMITS): Kernel {
  const limits = `${bodyBytesMax} ${itemsMax}`
  const kernel = kernels.get(limits) ?? createKernel({ bodyBytesMax, itemsMax, key: Buffer.alloc(16, 7) })
  kernels.set(limits, kernel)
  return kernel
}

export async function openDoorsUnderTest(options: FixtureOptions = {}): Promise<DoorsUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), 'thalweg-doors-'))
  const clock = options.clock ?? new VirtualClock(START_MS)
  const limits = { ...TEST_LIMITS, ...options.limits }
  const kernel = kernelFor(limits)
  const log = await openEmbeddedLog({
    directory: folder,
    clock,
    segmentBytes: options.segmentBytes ?? 2 * limits.decompressedBytesMax,
    slabBytesMax: limits.bytesInFlightMax + TAIL_BYTES,
    tailBytesMax: TAIL_BYTES,
  })
  const leased = new Set<Buffer>()
  const dedupe = await openDedupe({
    directory: join(folder, 'dedupe'),
    clock,
    log,
    memoryIdsMax: options.dedupeIds ?? DEDUPE_IDS,
  })
  const file = join(folder, 'store.db')
  await layStore(file)
  const store = await openStore(`sqlite:${file}`, { clock })
  const sources = await openSources(store, clock)
  const lines: string[] = []
  const note = (_fields: object, message: string) => void lines.push(message)
  const doors = createDoors({
    sources,
    kernel,
    log: countingLog(options.wrapLog?.(log) ?? log, leased),
    dedupe,
    shapes: new ShapeTrail(),
    clock,
    limits,
    logger: { warn: note, error: note },
    refresh: options.refresh && (() => options.refresh?.(sources) ?? Promise.resolve()),
  })
  const server = createServer(serverTimeouts(), (request, response) => {
    if (doors.handleIngest(request, response)) return
    response.writeHead(418)
    response.end('not a door')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://127.0.0.1:${port}`,
    port,
    server,
    doors,
    sources,
    log,
    lines,
    leased,
    kept: () => fromFrames(log, recordsOf),
    keptBodies: () => fromFrames(log, (frame) => [bodyOf(frame)]),
    keptTypes: () =>
      fromFrames(log, (frame) => [{ seen: frame.types, written: new FrameView(frame.bytes).types }]),
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      doors.close()
      await dedupe.close()
      await log.close()
      await store.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Keeps account of what is leased. */
function countingLog(log: Log, leased: Set<Buffer>): Log {
  return replaced(log, {
    lease(bytes) {
      const buffer = log.lease(bytes)
      leased.add(buffer)
      return buffer
    },
    release(buffer) {
      leased.delete(buffer)
      log.release(buffer)
    },
    append(buffer, frameBytes, types) {
      const appended = log.append(buffer, frameBytes, types)
      leased.delete(buffer)
      return appended
    },
  })
}

/** The log with some of its methods replaced. */
export function replaced(log: Log, over: Partial<Log>): Log {
  return new Proxy(log, {
    get(target, name) {
      const own: unknown = over[name as keyof Log]
      if (own !== undefined) return own
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

const READ_BYTES = 4 * 1024 * 1024

async function fromFrames<Result>(log: Log, look: (frame: FrameView) => Result[]): Promise<Result[]> {
  const results: Result[] = []
  for (let from = log.tail; from < log.head; ) {
    const run = await log.read(from, READ_BYTES)
    for (const frame of run.frames) results.push(...look(frame))
    from = run.next
  }
  return results
}

function recordsOf(frame: FrameView): KeptRecord[] {
  return Array.from({ length: frame.count }, (_, i) => {
    const flags = frame.rowFlags(i)
    return {
      source: frame.source,
      type: frame.types[frame.rowType(i)] ?? '?',
      text: frame.bytes.toString('utf8', frame.rowStart(i), frame.rowEnd(i)),
      flags,
      quarantined: (flags & ROW_QUARANTINED) === 0 ? undefined : ROW_FAULTS[frame.rowFault(i)],
    }
  })
}

function bodyOf(frame: FrameView): string {
  return frame.bytes.toString('utf8', BODY_START, BODY_START + frame.bodyBytes)
}
