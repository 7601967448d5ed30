/** The newest kept records: the log is read backwards in stretches, and each of them forwards. */

import type { Log } from '../log/log.ts'
import { copied, type KeptRecord } from './lineage.ts'

const STRETCH = 256
const READ_BYTES = 1_048_576

export interface Stretch {
  /** Offset of its beginning. */
  readonly from: number
  /** Newest first. */
  readonly records: readonly KeptRecord[]
}

/** Records of any source with offsets in [from, before), as far as they are kept, by stretches of at most 256 records. */
export async function* newestRecords(
  log: Log,
  { from, before }: { readonly from: number; readonly before: number },
): AsyncGenerator<Stretch> {
  let end = before
  for (;;) {
    const begin = Math.max(from, log.tail, end - STRETCH)
    if (begin >= end) return
    const records: KeptRecord[] = []
    for (let at = begin; at < end; ) {
      const run = await log.read(at, READ_BYTES)
      for (const frame of run.frames) {
        const base = frame.baseOffset
        const last = Math.min(frame.count, end - base)
        for (let i = Math.max(0, at - base); i < last; i++) records.push(copied(frame, i))
      }
      if (run.next <= at) break
      at = run.next
    }
    yield { from: begin, records: records.reverse() }
    end = begin
  }
}
