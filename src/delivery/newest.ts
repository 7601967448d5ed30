/** The log from its newest record back: stretch by stretch, and each of them read forwards. */

import type { FrameView } from '../log/frame.ts'
import type { Log } from '../log/log.ts'
import { copied, type KeptRecord } from './lineage.ts'

const STRETCH = 500
const READ_BYTES = 1_048_576

export interface Going {
  /** Nothing before it is needed. */
  readonly from: number
  /** Exclusive. */
  readonly before: number
}

export interface Stretch<Item> {
  /** Offset of its beginning, as far as it was read: a frame that begins before `from` is read whole. */
  readonly from: number
  /** Newest first. */
  readonly items: readonly Item[]
}

/**
 * What is found in the frames of [from, before), as far as they are kept, by stretches of about 500 records. `find` gives what a frame holds
 * before the offset `end`, newest first; it copies what it wants, since a frame is valid in its turn only.
 */
export async function* backwards<Item>(
  log: Log,
  { from, before }: Going,
  find: (frame: FrameView, end: number) => readonly Item[],
): AsyncGenerator<Stretch<Item>> {
  let end = before
  for (;;) {
    const begin = Math.max(from, log.tail, end - STRETCH)
    if (begin >= end) return
    const found: (readonly Item[])[] = []
    let first = begin
    for (let at = begin; at < end; ) {
      const run = await log.read(at, READ_BYTES)
      if (run.next <= at) break
      for (const frame of run.frames) {
        if (frame.baseOffset >= end) break
        first = Math.min(first, frame.baseOffset)
        found.push(find(frame, end))
      }
      at = run.next
    }
    yield { from: first, items: found.reverse().flat() }
    end = first
  }
}

/** Records of any source with offsets in [from, before), newest first. */
export function newestRecords(log: Log, going: Going): AsyncGenerator<Stretch<KeptRecord>> {
  return backwards(log, going, (frame, end) => {
    const base = frame.baseOffset
    const records: KeptRecord[] = []
    for (let i = Math.min(frame.count, end - base) - 1; i >= Math.max(0, going.from - base); i--)
      records.push(copied(frame, i))
    return records
  })
}
