/** For tests: the drift radar behind the real scan and intake, on a real log and store. */

import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { freshStore } from '../../../test/support/store.ts'
import { tempFolder } from '../../../test/support/temp.ts'
import { VirtualClock } from '../../core/clock.ts'
import { createKernel } from '../../core/kernel/create.ts'
import { SHAPE_DEPTH } from '../../core/kernel/shape.ts'
import { openDedupe } from '../../log/dedupe.ts'
import { openEmbeddedLog } from '../../log/embedded-log.ts'
import type { Log } from '../../log/log.ts'
import type { Dialect } from '../../store/columns.ts'
import type { DriftTable } from '../../store/schema.ts'
import type { Store } from '../../store/store.ts'
import { Account, BodyBuffer } from '../body.ts'
import { Intake } from '../intake.ts'
import { Drift } from './drift.ts'
import { pathOf } from './facts.ts'
import { ShapeTrail } from './shape-trail.ts'

export const START_MS = 1_780_000_000_000
const BODY_BYTES_MAX = 3_145_728
const BUFFERS_MAX = 33_554_432
const SEGMENT_BYTES = 4_194_304

export interface DriftOptions {
  readonly dialect?: Dialect
  /** Puts something between the radar and the store. */
  readonly wrapStore?: (store: Store) => Store
  /** The radar is not told of the doors' scan, as after a start: it takes every shape itself. */
  readonly forgetful?: boolean
}

export interface DriftUnderTest {
  readonly clock: VirtualClock
  readonly log: Log
  readonly store: Store
  readonly trouble: unknown[]
  /** The running radar. */
  drift: Drift
  /** Sends events, objects or texts, in one body through the intake. */
  send(events: readonly (object | string)[], source?: number): Promise<void>
  /** Waits until everything sent is counted. */
  counted(): Promise<void>
  /** Stops the radar without a last write, as a kill does, and starts another one on what is in the store. */
  restart(): Promise<void>
  /** All rows, by type, path and kind. */
  rows(): Promise<DriftTable[]>
  /** The findings as `finding type path kind expected ×count`, sorted. */
  findings(source?: number): Promise<string[]>
}

export async function openDrift(options: DriftOptions = {}): Promise<DriftUnderTest> {
  const clock = new VirtualClock(START_MS)
  const folder = await tempFolder()
  const log = await openEmbeddedLog({
    directory: join(folder, 'log'),
    clock,
    segmentBytes: SEGMENT_BYTES,
    slabBytesMax: 2 * BUFFERS_MAX,
  })
  onTestFinished(() => log.close())
  const dedupe = await openDedupe({ directory: join(folder, 'dedupe'), clock, log, memoryIdsMax: 400_000 })
  onTestFinished(() => dedupe.close())
  const fresh = await freshStore(options.dialect, clock)
  const store = options.wrapStore?.(fresh) ?? fresh
  const kernel = createKernel({ bodyBytesMax: BODY_BYTES_MAX, itemsMax: 200_000, key: Buffer.alloc(16, 5) })
  const trouble: unknown[] = []
  const onTrouble = (error: unknown) => void trouble.push(error)
  const made = (): Drift => {
    const drift = new Drift({ log, store, clock, kernel, onTrouble, gatherMs: 0 })
    onTestFinished(() => drift.stop())
    return drift
  }
  const account = new Account(BUFFERS_MAX)
  const takes = (drift: Drift): Intake =>
    new Intake(kernel, log, dedupe, options.forgetful ? new ShapeTrail() : drift.shapes, clock)
  const first = made()
  let intake = takes(first)

  const test: DriftUnderTest = {
    clock,
    log,
    store,
    trouble,
    drift: first,
    send: async (events, source = 1) => {
      const texts = events.map((event) => (typeof event === 'string' ? event : JSON.stringify(event)))
      const bytes = Buffer.from(`{"events":[${texts.join()}]}`)
      const body = BodyBuffer.lease(log, account, bytes.length, BODY_BYTES_MAX)
      if ('code' in body) throw new Error(body.message)
      body.add(bytes)
      const taken = intake.take(source, body, kernel.scan(body.body), 'events')
      if ('code' in taken) throw new Error(taken.message)
      await taken.durable
      body.free()
    },
    counted: async () => {
      const isCounted = async (): Promise<boolean> => {
        await clock.advance(1_000)
        return test.drift.position === log.head
      }
      await eventually('all is counted', isCounted, { withinMs: 60_000 })
    },
    restart: async () => {
      await test.drift.stop()
      test.drift = made()
      intake = takes(test.drift)
      await test.drift.start()
    },
    rows: () =>
      fresh.db
        .selectFrom('drift')
        .selectAll()
        .orderBy('event_type')
        .orderBy('path')
        .orderBy('kind')
        .execute(),
    findings: async (source) => {
      const found = await test.drift.findings({ source }, 100_000)
      return found.map(inShort).sort()
    },
  }
  await first.start()
  return test
}

export function inShort(row: DriftTable): string {
  const words = [row.finding, row.event_type, row.path, row.kind === 'type' ? '' : row.kind, row.expected]
  return `${words.filter((word) => word !== '').join(' ')} ×${row.count}`
}

/** How many of the events have each path, by type; '' is the type itself. From parsed events: another way than the radar's. */
export function countsOf(events: readonly object[]): Map<string, number> {
  const counts = new Map<string, number>()
  const add = (type: string, keys: readonly string[]): void => {
    const name = `${type} ${pathOf(keys)}`
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  const walk = (type: string, value: object, above: readonly string[]): void => {
    for (const [key, member] of Object.entries(value)) {
      const keys = [...above, key]
      add(type, keys)
      const isObject = typeof member === 'object' && member !== null && !Array.isArray(member)
      if (isObject && keys.length < SHAPE_DEPTH) walk(type, member, keys)
    }
  }
  for (const one of events) {
    const type = typeOf(one)
    add(type, [])
    walk(type, one, [])
  }
  return counts
}

export function typeOf(one: object): string {
  return (one as { event_type: string }).event_type
}

/** The same from the table, over all sources. */
export function countsIn(rows: readonly DriftTable[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { event_type, path, kind, count } of rows) {
    if (kind === 'missing') continue
    const key = `${event_type} ${path}`
    counts.set(key, (counts.get(key) ?? 0) + count)
  }
  return counts
}
