/**
 * What the frames of an import say of themselves: which file they came from, which stretch of it, and what was counted
 * before. It stands in front of the events in the frame's body, `{"file":{…},"events":[…]}`, so it is durable
 * exactly when they are, and how far an import came is read from the log itself.
 */

import type { FrameView } from '../../log/frame.ts'
import { BODY_START, ROW_QUARANTINED, ROW_WORDS } from '../../log/frame.ts'
import type { Position } from './chunks.ts'

/** Of one version of one file, from its beginning. */
export interface Counted {
  readonly read: number
  readonly duplicates: number
  readonly quarantined: number
}

export interface FrameMark {
  /** Number of the file in the manifest. */
  readonly id: number
  readonly name: string
  readonly from: Position
  readonly to: Position
  /** Records in this stretch, duplicates and notes included. */
  readonly read: number
  /** Before this stretch. */
  readonly before: Counted
}

const BEGIN = Buffer.from('{"file":{"id":')
const END = Buffer.from('},"events":[')
/** A name of 1,024 bytes, escaped, and the numbers. */
const MARK_BYTES_MAX = 8 * 1024

/** The body up to the array of events. */
export function markBytes(mark: FrameMark): Buffer {
  const { id, name, from, to, read, before } = mark
  return Buffer.from(`{"file":${JSON.stringify({ id, name, from, to, read, before })},"events":`)
}

/** The mark of a frame; undefined when it is not one of an import. */
export function markOf({ bytes }: FrameView): FrameMark | undefined {
  const body = bytes.subarray(BODY_START, BODY_START + MARK_BYTES_MAX)
  if (!body.subarray(0, BEGIN.length).equals(BEGIN)) return undefined
  const end = body.indexOf(END)
  if (end < 0) return undefined
  try {
    const mark = JSON.parse(body.toString('utf8', '{"file":'.length, end + 1)) as Partial<FrameMark>
    return isWhole(mark) ? mark : undefined
  } catch {
    // A request that happens to begin alike.
    return undefined
  }
}

function isWhole(mark: Partial<FrameMark>): mark is FrameMark {
  const { id, from, to, read, before } = mark
  return [
    id,
    from?.at,
    from?.record,
    to?.at,
    to?.record,
    read,
    before?.read,
    before?.duplicates,
    before?.quarantined,
  ].every(Number.isSafeInteger)
}

/** What is counted behind the frame: its rows are what was kept of its stretch. */
export function countedAfter(frame: FrameView, { read, before }: FrameMark): Counted {
  let quarantined = 0
  for (let i = 0; i < frame.count; i++) {
    if ((((frame.rows[i * ROW_WORDS + 7] ?? 0) >>> 16) & ROW_QUARANTINED) !== 0) quarantined++
  }
  return {
    read: before.read + read,
    duplicates: before.duplicates + read - frame.count,
    quarantined: before.quarantined + quarantined,
  }
}
