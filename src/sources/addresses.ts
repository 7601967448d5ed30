/** Which door a request's path names. Pure; every other path belongs to the API. */

import type { Entrance, EntranceIndex } from './sources.ts'

/**
 * - currents: Braze Custom HTTP connector
 * - task: Treasure Data's Braze Currents Streaming, the same protocol with the write key as the bearer token
 * - postback: Treasure Data Postback
 * - records: Treasure Data's Data Ingestion API
 */
export type Door = 'currents' | 'task' | 'postback' | 'records'

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
