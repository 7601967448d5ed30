/** Every record that a log keeps, with what its row says. */

import { type FrameView, ROW_QUARANTINED } from '../../src/log/frame.ts'
import type { Log } from '../../src/log/log.ts'

export interface LoggedRecord {
  readonly source: number
  readonly quarantined: boolean
  /** As the frame has it. */
  readonly type: string
  readonly offset: number
  readonly receivedAt: number
  readonly text: string
}

export async function loggedRecords(log: Log): Promise<LoggedRecord[]> {
  const records: LoggedRecord[] = []
  for (let at = log.tail; at < log.head; ) {
    const run = await log.read(at, 4 * 1024 * 1024)
    for (const frame of run.frames) for (let i = 0; i < frame.count; i++) records.push(recordOf(frame, i))
    if (run.next <= at) throw new Error(`the log cannot be read at ${at}`)
    at = run.next
  }
  return records
}

function recordOf(frame: FrameView, i: number): LoggedRecord {
  return {
    source: frame.source,
    quarantined: (frame.rowFlags(i) & ROW_QUARANTINED) !== 0,
    type: frame.types[frame.rowType(i)] ?? '',
    offset: frame.baseOffset + i,
    receivedAt: frame.receivedAt,
    text: frame.bytes.toString('utf8', frame.rowStart(i), frame.rowEnd(i)),
  }
}
