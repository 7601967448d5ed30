/** Which segments may go. Pure: whole segments, oldest first, never the one being written. */

import type { Retention } from './log.ts'

export interface SegmentFacts {
  readonly end: number
  readonly bytes: number
  readonly receivedAtMax: number
}

export interface RetentionPlan {
  /** How many of the oldest segments may go. */
  readonly free: number
  /** Readers for whose sake a segment past the rule stays. */
  readonly heldBy: readonly string[]
}

/**
 * `sealed` are the segments that are no longer written to, oldest first; `otherBytes` is what the other segments in use take. A segment
 * is past the rule when its latest record is older than `ageMsMax`, or while all segments in use together are larger than `bytesMax`.
 * The plan stops at the first segment that stays.
 */
export function planRetention(
  sealed: readonly SegmentFacts[],
  otherBytes: number,
  holds: ReadonlyMap<string, number>,
  rule: Retention,
): RetentionPlan {
  let bytes = sealed.reduce((sum, segment) => sum + segment.bytes, otherBytes)
  let free = 0
  for (const segment of sealed) {
    const tooOld = rule.nowMs - segment.receivedAtMax > rule.ageMsMax
    if (!tooOld && bytes <= rule.bytesMax) break
    const heldBy = [...holds].filter(([, from]) => from < segment.end).map(([reader]) => reader)
    if (heldBy.length > 0 && !rule.despiteReaders) return { free, heldBy }
    bytes -= segment.bytes
    free++
  }
  return { free, heldBy: [] }
}
