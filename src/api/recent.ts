/** What came in last: the log read backwards, a stretch at a time, so that the answer costs little however long the log is. */

import { backwards } from '../delivery/newest.ts'
import { type FrameView, ROW_ERASED, ROW_QUARANTINED } from '../log/frame.ts'
import type { Log } from '../log/log.ts'

/** Records gone through for one answer: a filter that matches little must not read the whole log. */
export const SCANNED_MAX = 20_000

export interface RecentEvent {
  readonly offset: number
  readonly source: number
  readonly receivedAt: number
  readonly type: string
  readonly bytes: Buffer
  readonly quarantined: boolean
  readonly erased: boolean
}

export interface RecentBatch {
  readonly offset: number
  readonly source: number
  readonly receivedAt: number
  readonly records: number
  readonly bytes: number
  readonly quarantined: number
  /** Types of its records with their counts, the most first. */
  readonly types: readonly (readonly [type: string, count: number])[]
}

export interface Going {
  /** Only what lies before this offset; undefined: from the head on. */
  readonly before: number | undefined
  readonly limit: number
}

export interface Found<Item> {
  /** Newest first. */
  readonly items: readonly Item[]
  /** What `before` is next; undefined: the log begins here. */
  readonly next: number | undefined
}

/** Records that `takes` chooses by their frame and type. */
export function recentEvents(
  log: Log,
  going: Going,
  takes: (source: number, type: string) => boolean,
): Promise<Found<RecentEvent>> {
  return recent(log, going, (frame, before) => {
    const found: RecentEvent[] = []
    for (let i = Math.min(frame.count, before - frame.baseOffset) - 1; i >= 0; i--) {
      const type = frame.types[frame.rowType(i)] ?? ''
      if (takes(frame.source, type)) found.push(eventAt(frame, i, type))
    }
    return found
  })
}

/** Requests as they were taken: each is one frame of the log. */
export function recentBatches(
  log: Log,
  going: Going,
  takes: (source: number) => boolean,
): Promise<Found<RecentBatch>> {
  return recent(log, going, (frame) => (takes(frame.source) ? [batchOf(frame)] : []))
}

/** At most SCANNED_MAX records are gone through. `find`: see `backwards`. */
async function recent<Item extends { readonly offset: number }>(
  log: Log,
  { before = log.head, limit }: Going,
  find: (frame: FrameView, end: number) => Item[],
): Promise<Found<Item>> {
  const items: Item[] = []
  let end = Math.min(before, log.head)
  for await (const stretch of backwards(log, { from: end - SCANNED_MAX, before: end }, find)) {
    items.push(...stretch.items)
    end = stretch.from
    if (items.length >= limit) break
  }
  const shown = items.slice(0, limit)
  const last = items.length > limit ? shown.at(-1)?.offset : end
  return { items: shown, next: last === undefined || last <= log.tail ? undefined : last }
}

function eventAt(frame: FrameView, i: number, type: string): RecentEvent {
  const flags = frame.rowFlags(i)
  return {
    offset: frame.baseOffset + i,
    source: frame.source,
    receivedAt: frame.receivedAt,
    type,
    bytes: Buffer.from(frame.bytes.subarray(frame.rowStart(i), frame.rowEnd(i))),
    quarantined: (flags & ROW_QUARANTINED) !== 0,
    erased: (flags & ROW_ERASED) !== 0,
  }
}

function batchOf(frame: FrameView): RecentBatch {
  const types = new Map<string, number>()
  let quarantined = 0
  let bytes = 0
  for (let i = 0; i < frame.count; i++) {
    const type = frame.types[frame.rowType(i)] ?? ''
    types.set(type, (types.get(type) ?? 0) + 1)
    if ((frame.rowFlags(i) & ROW_QUARANTINED) !== 0) quarantined++
    bytes += frame.rowEnd(i) - frame.rowStart(i)
  }
  const { baseOffset: offset, source, receivedAt, count: records } = frame
  return {
    offset,
    source,
    receivedAt,
    records,
    bytes,
    quarantined,
    types: [...types].sort(([, a], [, b]) => b - a),
  }
}
