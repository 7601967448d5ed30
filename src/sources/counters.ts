/**
 * What came through the doors since the process started: per source, in memory, for /metrics and the inbox.
 */

/** Upper bounds of the answer-time buckets in milliseconds; one more bucket takes what is above. */
export const ANSWER_MS_BOUNDS = [1, 2, 5, 10, 25, 50, 100, 250, 1000, 5000] as const

export interface SourceCounts {
  /** Requests that this source was found for, whatever the answer. */
  requests: number
  accepted: number
  duplicates: number
  quarantined: number
  /** Body bytes taken into the log, decompressed. */
  bytes: number
  /** Requests with a wrong key that were answered 200 and dropped: lenient key mode. */
  dropped: number
  /** Requests answered with other than 2xx, by status. */
  readonly refused: Record<number, number>
  /** Answers by time from the request's head to the answer; see ANSWER_MS_BOUNDS. Not cumulative. */
  readonly answerMs: number[]
  answerMsSum: number
  /** Milliseconds since the epoch of the last authorized request; 0 = none yet. */
  seenAt: number
  /** Milliseconds since the epoch of the last request that brought a new event; 0 = none yet. */
  eventAt: number
}

export class Counters {
  /** By source number. As many as there are sources. */
  readonly sources = new Map<number, SourceCounts>()
  /** Refusals of requests that no source was found for, by status. */
  readonly strangers: Record<number, number> = {}

  of(source: number): SourceCounts {
    const known = this.sources.get(source)
    if (known !== undefined) return known
    const fresh = freshCounts()
    this.sources.set(source, fresh)
    return fresh
  }

  /** Drops the counts of a removed source. */
  forget(source: number): void {
    this.sources.delete(source)
  }
}

export function countStatus(counts: Record<number, number>, status: number): void {
  counts[status] = (counts[status] ?? 0) + 1
}

export function countAnswer(counts: SourceCounts, tookMs: number): void {
  let bucket = 0
  while (bucket < ANSWER_MS_BOUNDS.length && tookMs > (ANSWER_MS_BOUNDS[bucket] ?? 0)) bucket++
  counts.answerMs[bucket] = (counts.answerMs[bucket] ?? 0) + 1
  counts.answerMsSum += tookMs
}

function freshCounts(): SourceCounts {
  return {
    requests: 0,
    accepted: 0,
    duplicates: 0,
    quarantined: 0,
    bytes: 0,
    dropped: 0,
    refused: {},
    answerMs: new Array<number>(ANSWER_MS_BOUNDS.length + 1).fill(0),
    answerMsSum: 0,
    seenAt: 0,
    eventAt: 0,
  }
}
