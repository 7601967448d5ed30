/** How far a file was read, by the log itself: the manifest is written once a second, frames say the rest. */

import { type FrameView, ROW_ERASED, ROW_QUARANTINED, ROW_WORDS } from '../../log/frame.ts'
import type { Log } from '../../log/log.ts'
import { hourOf } from './event-hours.ts'
import { countedAfter, markOf } from './frame-mark.ts'
import type { FileRow, Progress } from './manifest.ts'
import { Tally } from './tally.ts'

const READ_BYTES = 1_048_576

export interface Recovered {
  readonly progress: Progress
  /** What the frames hold that the manifest does not count yet. */
  readonly tally: Tally
}

/**
 * Reads the log from where the manifest knows it to the head. `target` is the source that the frames are of. What
 * retention took cannot be of this file: it is held from `log_offset` on.
 */
export async function recover(log: Log, file: FileRow, target: number): Promise<Recovered> {
  const { read, duplicates, quarantined, at, record } = file
  const tally = new Tally()
  let progress: Progress = {
    position: { at, record },
    read,
    duplicates,
    quarantined,
    logOffset: file.log_offset,
  }
  let offset = Math.max(file.log_offset, log.tail)
  while (offset < log.head) {
    const pending = log.read(offset, READ_BYTES)
    const run = pending instanceof Promise ? await pending : pending
    for (const frame of run.frames) {
      if (frame.source !== target || frame.baseOffset < offset) continue
      const mark = markOf(frame)
      if (mark === undefined || mark.id !== file.number) continue
      progress = {
        ...countedAfter(frame, mark),
        position: mark.to,
        logOffset: frame.baseOffset + frame.count,
      }
      tallyFrame(frame, tally)
    }
    if (run.next <= offset) break
    offset = run.next
  }
  return { progress: { ...progress, logOffset: offset }, tally }
}

function tallyFrame(frame: FrameView, tally: Tally): void {
  for (let i = 0; i < frame.count; i++) {
    const last = frame.rows[i * ROW_WORDS + 7] ?? 0
    if (((last >>> 16) & (ROW_QUARANTINED | ROW_ERASED)) !== 0) continue
    const event: unknown = JSON.parse(frame.bytes.toString('utf8', frame.rowStart(i), frame.rowEnd(i)))
    const time = typeof event === 'object' && event !== null && 'time' in event ? event.time : undefined
    tally.add(frame.types[last & 0xffff] ?? '', typeof time === 'number' ? hourOf(time) : 0)
  }
}
