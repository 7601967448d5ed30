/**
 * Lineage: what became of one event, in every current. Computed from the log, the versions and the batch rows; nothing is stored per event.
 * Reads tables that other files of this room own.
 */

import { sql } from 'kysely'
import type { EventBatch } from '../core/batch.ts'
import type { CurrentDefinition } from '../currents/current.ts'
import { Selection } from '../currents/selection.ts'
import type { FrameView } from '../log/frame.ts'
import type { Log } from '../log/log.ts'
import type { BatchesTable } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import { decodeOffsets } from './offsets.ts'
import { unsentReason } from './slice.ts'

/** One kept record, copied out of the log. */
export interface KeptRecord {
  readonly offset: number
  /** Offset of the first record of its request. */
  readonly request: number
  readonly source: number
  readonly receivedAt: number
  readonly type: string
  readonly flags: number
  readonly bytes: Buffer
}

export type Fate =
  | { readonly outcome: 'out-of-scope'; readonly why: 'not_launched' | 'before_launch' | 'other_source' }
  | { readonly outcome: 'pending' }
  | { readonly outcome: 'filtered'; readonly reason: string; readonly version: number }
  | { readonly outcome: 'delivered'; readonly version: number; readonly batch: BatchSummary }
  | {
      readonly outcome: 'dead'
      readonly version: number
      readonly deadLetter: string
      readonly state: string
      readonly reason: string
      readonly message: string
      readonly status: number
      readonly answer: string
      readonly attempts: number
      readonly batch: BatchSummary | undefined
    }
  | { readonly outcome: 'missing' }

export interface BatchSummary {
  readonly id: string
  readonly count: number
  readonly attempts: number
  readonly status: number
  readonly firstSentAt: number
  readonly settledAt: number
  readonly replay: string | null
}

/** What became of one batch of the live flow, as the vendor decided it. */
export interface SentBatch extends BatchSummary {
  readonly firstOffset: number
  readonly delivered: number
  readonly failed: number
  readonly skipped: number
}

/** How batches of a stretch of the log went over time. */
export interface Pace {
  /** Tries of all batches. */
  readonly requests: number
  readonly delivered: number
  readonly failed: number
  readonly firstSentAt: number
  readonly lastSettledAt: number
  /** Width of a step. */
  readonly stepMs: number
  /** Steps in which something was settled, ascending; `at`: when the step begins. */
  readonly steps: readonly {
    readonly at: number
    readonly delivered: number
    readonly failed: number
    readonly batches: number
  }[]
}

export interface FateSubject {
  readonly number: number
  readonly startOffset: number | null
  /** Oldest first. */
  readonly versions: readonly VersionScope[]
}

/** A version of a current with the numbers of its sources. */
export interface VersionScope {
  readonly version: number
  readonly fromOffset: number
  readonly definition: CurrentDefinition
  readonly sources: ReadonlySet<number>
}

/** The record at an offset; undefined when the log lost it. Throws LOG_TRIMMED. */
export async function recordAt(log: Log, offset: number): Promise<KeptRecord | undefined> {
  const run = await log.read(offset, 1)
  for (const frame of run.frames) {
    const i = offset - frame.baseOffset
    if (i >= 0 && i < frame.count) return copied(frame, i)
  }
  return undefined
}

/** One row of a frame, which is only valid for this turn, as a record to keep. */
export function copied(frame: FrameView, i: number): KeptRecord {
  return {
    offset: frame.baseOffset + i,
    request: frame.baseOffset,
    source: frame.source,
    receivedAt: frame.receivedAt,
    type: frame.types[frame.rowType(i)] ?? '',
    flags: frame.rowFlags(i),
    bytes: Buffer.from(frame.bytes.subarray(frame.rowStart(i), frame.rowEnd(i))),
  }
}

/** A batch of one, for previews. */
export function batchOfOne(record: KeptRecord, connection: string): EventBatch {
  return {
    id: `${connection}-preview-${record.offset}`,
    connection,
    count: 1,
    joined: record.bytes,
    starts: Uint32Array.of(0),
    ends: Uint32Array.of(record.bytes.length),
    types: [record.type],
    flags: Uint8Array.of(record.flags),
    offsets: Float64Array.of(record.offset),
    requests: Float64Array.of(record.request),
    sources: Uint32Array.of(record.source),
    receivedAt: Float64Array.of(record.receivedAt),
  }
}

/** What became of a record in one current. */
export async function fateOf(store: Store, subject: FateSubject, record: KeptRecord): Promise<Fate> {
  if (subject.startOffset === null) return { outcome: 'out-of-scope', why: 'not_launched' }
  const applying = versionAt(subject, undefined, record.offset)
  if (applying !== undefined && !applying.sources.has(record.source))
    return { outcome: 'out-of-scope', why: 'other_source' }
  if (record.offset < subject.startOffset) return { outcome: 'out-of-scope', why: 'before_launch' }
  const checkpoint = await store.db
    .selectFrom('checkpoints')
    .select('position')
    .where('current', '=', subject.number)
    .executeTakeFirst()
  if (record.offset >= (checkpoint?.position ?? 0)) return { outcome: 'pending' }

  const batch = await batchHolding(store, subject.number, record.offset)
  const letter = await store.db
    .selectFrom('dead_letters')
    .selectAll()
    .where('current', '=', subject.number)
    .where('record_offset', '=', record.offset)
    .where('replay', 'is', null)
    .executeTakeFirst()
  if (letter !== undefined && letter.state !== 'delivered') {
    return {
      outcome: 'dead',
      version: letter.version,
      deadLetter: letter.id,
      state: letter.state,
      reason: letter.reason,
      message: letter.message,
      status: letter.status,
      answer: letter.answer,
      attempts: letter.attempts,
      batch: batch === undefined ? undefined : summary(batch),
    }
  }
  const version = versionAt(subject, batch?.version, record.offset)
  if (version === undefined) return { outcome: 'missing' }
  const reason = unsentReason(new Selection(version.definition), record.type, record.flags)
  // What was erased after it was sent was sent all the same.
  const wasSent = batch !== undefined && (reason === 'erased' || reason === 'suppressed')
  if (reason !== undefined && !wasSent) return { outcome: 'filtered', reason, version: version.version }
  if (batch === undefined) return { outcome: 'missing' }
  return { outcome: 'delivered', version: batch.version, batch: summary(batch) }
}

/** Replays that carried the record. */
export async function replaysHolding(store: Store, current: number, offset: number): Promise<BatchSummary[]> {
  const rows = await store.db
    .selectFrom('batches')
    .selectAll()
    .where('current', '=', current)
    .where('replay', 'is not', null)
    .where('first_offset', '<=', offset)
    .where('last_offset', '>=', offset)
    .limit(100)
    .execute()
  return rows.filter((row) => holds(row, offset)).map(summary)
}

async function batchHolding(
  store: Store,
  current: number,
  offset: number,
): Promise<BatchesTable | undefined> {
  const rows = await store.db
    .selectFrom('batches')
    .selectAll()
    .where('current', '=', current)
    .where('replay', 'is', null)
    .where('slice_from', '<=', offset)
    .orderBy('slice_from', 'desc')
    // A slice holds at most as many batches as there are lanes.
    .limit(64)
    .execute()
  return rows.find(
    (row) =>
      offset < row.slice_to && offset >= row.first_offset && offset <= row.last_offset && holds(row, offset),
  )
}

function holds(row: BatchesTable, offset: number): boolean {
  return row.records === null || decodeOffsets(row.first_offset, row.records).includes(offset)
}

/** The version that settled a record, or else the one that applies at its offset. */
export function versionAt(
  subject: Pick<FateSubject, 'versions'>,
  settledBy: number | undefined,
  offset: number,
): VersionScope | undefined {
  if (settledBy !== undefined) return subject.versions.find((version) => version.version === settledBy)
  return subject.versions.findLast((version) => version.fromOffset <= offset)
}

/** The batches of the live flow whose first record lies in [from, to), in the order of the log; at most `limit`. */
export async function batchesIn(
  store: Store,
  current: number,
  { from, to }: { readonly from: number; readonly to: number },
  limit: number,
): Promise<SentBatch[]> {
  const rows = await store.db
    .selectFrom('batches')
    .selectAll()
    .where('current', '=', current)
    .where('first_offset', '>=', from)
    .where('first_offset', '<', to)
    .where('replay', 'is', null)
    .orderBy('first_offset')
    .limit(limit)
    .execute()
  return rows.map((row) => ({
    ...summary(row),
    firstOffset: row.first_offset,
    delivered: row.delivered,
    failed: row.failed,
    skipped: row.skipped,
  }))
}

const STEPS_MS = [
  100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 900_000, 3_600_000, 21_600_000,
  86_400_000,
]
const STEPS_MAX = 120

/** Of the batches whose first record lies in [from, to); undefined while none is settled. At most STEPS_MAX steps, unless it took half a year. */
export async function paceIn(
  store: Store,
  current: number,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<Pace | undefined> {
  const settled = store.db
    .selectFrom('batches')
    .where('current', '=', current)
    .where('first_offset', '>=', from)
    .where('first_offset', '<', to)
    .where('replay', 'is', null)
  const whole = await settled
    .select(({ fn }) => [
      fn.min('first_sent_at').as('first'),
      fn.max('settled_at').as('last'),
      fn.sum<number>('attempts').as('requests'),
      fn.sum<number>('delivered').as('delivered'),
      fn.sum<number>('failed').as('failed'),
    ])
    .executeTakeFirstOrThrow()
  // Of no rows an aggregate is null, whatever its type says.
  if ((whole.last as number | null) === null) return undefined
  const [first, last] = [Number(whole.first), Number(whole.last)]
  const stepMs = STEPS_MS.find((ms) => (last - first) / ms < STEPS_MAX) ?? 86_400_000
  const step = sql<number>`(settled_at - ${sql.lit(first)}) / ${sql.lit(stepMs)}`
  const steps = await settled
    .select(({ fn }) => [
      step.as('step'),
      fn.sum<number>('delivered').as('delivered'),
      fn.sum<number>('failed').as('failed'),
      fn.countAll<number>().as('batches'),
    ])
    .groupBy(step)
    .orderBy('step')
    .execute()
  return {
    requests: Number(whole.requests),
    delivered: Number(whole.delivered),
    failed: Number(whole.failed),
    firstSentAt: first,
    lastSettledAt: last,
    stepMs,
    steps: steps.map((one) => ({
      at: first + Number(one.step) * stepMs,
      delivered: Number(one.delivered),
      failed: Number(one.failed),
      batches: Number(one.batches),
    })),
  }
}

function summary(row: BatchesTable): BatchSummary {
  return {
    id: row.id,
    count: row.count,
    attempts: row.attempts,
    status: row.status,
    firstSentAt: row.first_sent_at,
    settledAt: row.settled_at,
    replay: row.replay,
  }
}
