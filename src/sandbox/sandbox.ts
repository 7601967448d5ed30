/**
 * Stand-ins for the vendors, one HTTP server each, so that the whole of Thalweg runs and is tested without an
 * account anywhere. They answer as the vendors' public documentation says, keep what arrived within stated
 * bounds, and can be made to fail on demand (faults.ts). This room never imports more than core and catalog,
 * keeps nothing on disk, and never tells a client on a vendor's path that it is not the vendor.
 */

import type { Clock } from '../core/clock.ts'
import { systemClock } from '../core/clock.ts'
import type { Random } from '../core/random.ts'
import { systemRandom } from '../core/random.ts'
import { PERMISSIONS } from './braze/access.ts'
import { Braze, type BrazeOptions } from './braze/braze.ts'
import { type Double, type DoubleOptions, startDouble } from './double.ts'
import { HttpSink, type HttpSinkOptions } from './http-sink.ts'
import { Segment, type SegmentOptions } from './segment.ts'
import { TreasureData, type TreasureDataOptions } from './treasure-data.ts'

/** What the demo uses; shaped like the real ones, secret to nobody. */
export const DEMO = {
  treasureDataKey: '1/0123456789abcdef0123456789abcdef01234567',
  database: 'thalweg_demo',
  table: 'currents',
  taskId: '3f8b7c1e-5d2a-4b96-8f0e-7a1c9d4e2b60',
  segmentWriteKey: 'thalwegDemoWriteKey0123456789abc',
  brazeRestKey: '01234567-89ab-cdef-0123-456789abcdef',
  /** Not published for Treasure Data: a slug of the usual form. */
  brazePartner: 'treasure_data',
  brazePartnerKey: 'thalweg-demo-partner-key',
  brazeImportKey: 'thalweg-demo-data-import-key',
} as const

/** Ports from the first one upward; the fourth is kept for Lytics. */
const PORT_OFFSETS = { braze: 0, treasureData: 1, segment: 2, http: 4 } as const

export interface SandboxOptions {
  /** Default 127.0.0.1. */
  readonly host?: string
  /** First port: braze, then treasure-data, segment, (lytics), http. 0 (default) takes any free ones. */
  readonly port?: number
  readonly clock?: Clock
  /** For faults with a probability, generated ids and the senders' jitter. */
  readonly random?: Random
  /** false: the doubles only count, for benchmarks. Default true. */
  readonly inspect?: boolean
  readonly bodyBytesMax?: number
  /** Default: the demo's keys and partner. */
  readonly braze?: Partial<BrazeOptions>
  /** Default: the demo's key, database and task. */
  readonly treasureData?: Partial<TreasureDataOptions>
  /** Default: the demo's write key. */
  readonly segment?: Partial<SegmentOptions>
  readonly http?: HttpSinkOptions
}

export interface Sandbox {
  readonly braze: Double<Braze>
  readonly treasureData: Double<TreasureData>
  readonly segment: Double<Segment>
  readonly http: Double<HttpSink>
  /** Base addresses without a trailing slash. */
  readonly addresses: { braze: string; treasureData: string; segment: string; http: string }
  /** Ends senders and servers. */
  close(): Promise<void>
}

/** Starts all doubles; rejects, leaving none behind, when a port is taken. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const opened: { close(): Promise<void> }[] = []
  const close = async () => {
    await Promise.all(opened.map((double) => double.close()))
  }
  const opening = async <D extends { close(): Promise<void> }>(starting: Promise<D>): Promise<D> => {
    const double = await starting
    opened.push(double)
    return double
  }
  try {
    const braze = await opening(startBraze(doubleOptions(options, 'braze'), options.braze))
    const treasureData = await opening(
      startTreasureData(doubleOptions(options, 'treasureData'), options.treasureData),
    )
    const segment = await opening(startSegment(doubleOptions(options, 'segment'), options.segment))
    const http = await opening(startHttpSink(doubleOptions(options, 'http'), options.http))
    const addresses = {
      braze: braze.url,
      treasureData: treasureData.url,
      segment: segment.url,
      http: http.url,
    }
    return { braze, treasureData, segment, http, addresses, close }
  } catch (error) {
    await close()
    throw error
  }
}

export function startBraze(
  double: DoubleOptions,
  options: Partial<BrazeOptions> = {},
): Promise<Double<Braze>> {
  const demo: BrazeOptions = {
    restKeys: [{ key: DEMO.brazeRestKey, permissions: PERMISSIONS }],
    partners: [{ name: DEMO.brazePartner, title: 'Treasure Data Cohorts', keys: [DEMO.brazePartnerKey] }],
    importKeys: [DEMO.brazeImportKey],
  }
  return startDouble(double, (setting) => new Braze(setting, { ...demo, ...options }))
}

export function startTreasureData(
  double: DoubleOptions,
  options: Partial<TreasureDataOptions> = {},
): Promise<Double<TreasureData>> {
  const demo: TreasureDataOptions = {
    keys: [DEMO.treasureDataKey],
    databases: [DEMO.database],
    tasks: { [DEMO.taskId]: { database: DEMO.database, table: DEMO.table } },
  }
  return startDouble(double, (setting) => new TreasureData(setting, { ...demo, ...options }))
}

export function startSegment(
  double: DoubleOptions,
  options: Partial<SegmentOptions> = {},
): Promise<Double<Segment>> {
  const demo: SegmentOptions = { writeKeys: [DEMO.segmentWriteKey] }
  return startDouble(double, (setting) => new Segment(setting, { ...demo, ...options }))
}

export function startHttpSink(
  double: DoubleOptions,
  options: HttpSinkOptions = {},
): Promise<Double<HttpSink>> {
  return startDouble(double, (setting) => new HttpSink(setting, options))
}

function doubleOptions(options: SandboxOptions, name: keyof typeof PORT_OFFSETS): DoubleOptions {
  const first = options.port ?? 0
  return {
    ...(options.host === undefined ? {} : { host: options.host }),
    port: first === 0 ? 0 : first + PORT_OFFSETS[name],
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
    inspect: options.inspect ?? true,
    ...(options.bodyBytesMax === undefined ? {} : { bodyBytesMax: options.bodyBytesMax }),
  }
}
