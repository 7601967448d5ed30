/** Which door a request's path names. Pure; every other path belongs to the API. */

import { SEGMENT_CALLS, type SegmentCall } from '../catalog/segment-calls.ts'
import type { Entrance, EntranceIndex } from './sources.ts'

/**
 * Last parts of Segment's addresses and what the body is: one call, or a batch. `import` is an old name of batch;
 * the browser SDK uses single letters.
 */
const SEGMENT_PATHS: ReadonlyMap<string, SegmentCall | 'batch'> = new Map<string, SegmentCall | 'batch'>([
  ...SEGMENT_CALLS.flatMap((call) => [[call, call] as const, [call.slice(0, 1), call] as const]),
  ['batch', 'batch'],
  ['import', 'batch'],
  ['b', 'batch'],
])

/**
 * - currents: Braze Custom HTTP connector
 * - task: Treasure Data's Braze Currents Streaming, the same protocol with the write key as the bearer token
 * - postback: Treasure Data Postback
 * - records: Treasure Data's Data Ingestion API
 */
export type Door = 'currents' | 'task' | 'postback' | 'records'

/** An address of Segment's tracking API; the key says whose. */
export interface SegmentAddress {
  readonly door: 'segment'
  readonly call: SegmentCall | 'batch'
}

export interface LyticsAddress {
  /** json: objects; bulk: CSV or lines of JSON; webhook: objects, and the account stands in the address. */
  readonly door: 'lytics-json' | 'lytics-bulk' | 'lytics-webhook'
  readonly stream: string
  /** '' where the address has none. */
  readonly account: string
  readonly query: string
}

export interface Address {
  readonly door: Door
  /** Undefined when no source has this address. */
  readonly entrance: Entrance | undefined
  /** Without the question mark; '' when there is none. */
  readonly query: string
}

const CURRENTS = '/currents/'
const POSTBACK = '/postback/v3/event/'
/** Treasure Data's Tokyo page prints the two words the other way round. */
const TASKS = ['/v1/task/', '/task/v1/'] as const
/**
 * `application/vnd.treasuredata.v1+json`, and `.v1.single+json`, `.v1.js+json`, `.v1.mobile+json`; parameters
 * may follow.
 */
const RECORDS_MEDIA = /^application\/vnd\.treasuredata\.v1(\.[a-z]+)?\+json *(;|$)/i

const SEGMENT = '/v1/'
const COLLECT_JSON = '/collect/json/'
const COLLECT_BULK = '/collect/bulk/'
const WEBHOOK = '/c/'
/** Names of streams become part of record types. */
export const STREAM = /^[A-Za-z0-9_.-]{1,128}$/

/** An address of the Segment API; undefined for every other path. */
export function segmentAddressOf(url: string): SegmentAddress | undefined {
  if (!url.startsWith(SEGMENT)) return undefined
  const call = SEGMENT_PATHS.get(pathOf(url).slice(SEGMENT.length))
  return call === undefined ? undefined : { door: 'segment', call }
}

/** An address of Lytics; undefined for every other path, and for a stream that no name can have. */
export function lyticsAddressOf(url: string): LyticsAddress | undefined {
  if (!url.startsWith('/c')) return undefined
  const path = pathOf(url)
  const query = url.slice(path.length + 1)
  const [door, rest] = path.startsWith(COLLECT_JSON)
    ? (['lytics-json', path.slice(COLLECT_JSON.length)] as const)
    : path.startsWith(COLLECT_BULK)
      ? (['lytics-bulk', path.slice(COLLECT_BULK.length)] as const)
      : path.startsWith(WEBHOOK)
        ? (['lytics-webhook', path.slice(WEBHOOK.length)] as const)
        : []
  if (door === undefined) return undefined
  const [account = '', stream = ''] = door === 'lytics-webhook' ? rest.split('/', 2) : ['', rest]
  const whole = door === 'lytics-webhook' ? `${account}/${stream}` : stream
  return STREAM.test(stream) && whole === rest ? { door, stream, account, query } : undefined
}

function pathOf(url: string): string {
  const mark = url.indexOf('?')
  return mark < 0 ? url : url.slice(0, mark)
}

export function addressOf(url: string, media: string | undefined, index: EntranceIndex): Address | undefined {
  const mark = url.indexOf('?')
  const path = mark < 0 ? url : url.slice(0, mark)
  const query = mark < 0 ? '' : url.slice(mark + 1)
  if (path.startsWith(CURRENTS)) {
    const name = oneSegment(path, CURRENTS.length)
    return name === undefined ? undefined : { door: 'currents', entrance: ofKind(index.byName(name)), query }
  }
  if (path.startsWith(POSTBACK)) return tableAddress('postback', path, POSTBACK.length, query, index)
  for (const prefix of TASKS) {
    if (!path.startsWith(prefix)) continue
    const taskId = oneSegment(path, prefix.length)
    return taskId === undefined ? undefined : { door: 'task', entrance: index.byTask(taskId), query }
  }
  if (media !== undefined && RECORDS_MEDIA.test(media)) return tableAddress('records', path, 1, query, index)
  return undefined
}

/** Whether the body of a records request is one bare record, whatever members it has. */
export function isSingleRecord(media: string): boolean {
  return RECORDS_MEDIA.exec(media)?.[1]?.toLowerCase() === '.single'
}

/** `/currents/<name>` is the address of Braze sources only. */
function ofKind(entrance: Entrance | undefined): Entrance | undefined {
  return entrance?.source.kind === 'braze-currents' ? entrance : undefined
}

function tableAddress(
  door: Door,
  path: string,
  from: number,
  query: string,
  index: EntranceIndex,
): Address | undefined {
  const slash = path.indexOf('/', from)
  if (slash <= from) return undefined
  const table = oneSegment(path, slash + 1)
  if (table === undefined) return undefined
  return { door, entrance: index.byTable(path.slice(from, slash), table), query }
}

function oneSegment(path: string, from: number): string | undefined {
  return from < path.length && path.indexOf('/', from) < 0 ? path.slice(from) : undefined
}
