/**
 * A parcel: the records of one batch on their way, with what is needed to account for each of them afterwards. Built by the slice reader
 * and by redrive; handed to the courier; the courier writes outcomes into it. A parcel's batch never changes; halving makes two new ones.
 */

import type { EventBatch } from '../core/batch.ts'
import type { Fault } from '../core/fault.ts'
import type { BatchStore } from './batch-builder.ts'

/** What became of one record: 0 = not decided yet. */
export const UNDECIDED = 0
export const DELIVERED_OUTCOME = 1
export const SKIPPED_OUTCOME = 2
export const DEAD_OUTCOME = 3

export interface Parcel {
  readonly batch: EventBatch
  /** What the batch lies in, to be used again when nobody sends or reads from it any more; absent: memory of its own. */
  readonly store: BatchStore | undefined
  /** One of the outcomes above per record; written by the courier. */
  readonly outcomes: Uint8Array
  /** Why, for skipped and dead ones. */
  readonly notes: Map<number, Note>
  /** Written by the courier. */
  attempts: number
  /** The highest HTTP status among the answers that decided a record; 0: none did. */
  status: number
  firstSentAt: number
}

export interface Note {
  /** The ledger's reason: short, snake_case. */
  readonly reason: string
  readonly fault: Fault | undefined
  /** What was sent for this record, redacted; at most SENT_CHARS_MAX. */
  readonly sent: string
  readonly attempts: number
}

export const SENT_CHARS_MAX = 65_536

export function parcelOf(batch: EventBatch, store?: BatchStore): Parcel {
  return {
    batch,
    store,
    outcomes: new Uint8Array(batch.count),
    notes: new Map(),
    attempts: 0,
    status: 0,
    firstSentAt: 0,
  }
}

/** Some of a batch's records as a batch of their own; `mark` makes its id. Shares the bytes where they lie together. */
export function partOf(batch: EventBatch, members: readonly number[], mark: string): EventBatch {
  const first = members[0] ?? 0
  const together = members.every((member, i) => member === first + i)
  const count = members.length
  const starts = new Uint32Array(count)
  const ends = new Uint32Array(count)
  let joined: Uint8Array
  if (together) {
    const base = batch.starts[first] ?? 0
    joined = batch.joined.subarray(base, batch.ends[first + count - 1])
    for (let i = 0; i < count; i++) {
      starts[i] = (batch.starts[first + i] ?? 0) - base
      ends[i] = (batch.ends[first + i] ?? 0) - base
    }
  } else {
    const pieces: Uint8Array[] = []
    let at = 0
    for (let i = 0; i < count; i++) {
      const member = members[i] ?? 0
      const bytes = batch.joined.subarray(batch.starts[member], batch.ends[member])
      if (i > 0) {
        pieces.push(COMMA)
        at++
      }
      pieces.push(bytes)
      starts[i] = at
      at += bytes.length
      ends[i] = at
    }
    joined = Buffer.concat(pieces)
  }
  return {
    id: `${batch.id}${mark}`,
    connection: batch.connection,
    count,
    joined,
    starts,
    ends,
    types: members.map((member) => batch.types[member] ?? ''),
    flags: Uint8Array.from(members, (member) => batch.flags[member] ?? 0),
    offsets: Float64Array.from(members, (member) => batch.offsets[member] ?? 0),
    requests: Float64Array.from(members, (member) => batch.requests[member] ?? 0),
    sources: Uint32Array.from(members, (member) => batch.sources[member] ?? 0),
    receivedAt: Float64Array.from(members, (member) => batch.receivedAt[member] ?? 0),
  }
}

const COMMA = Buffer.from(',')
