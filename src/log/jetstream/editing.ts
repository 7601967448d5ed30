/** Frames of a message, edited: pure. */

import { ThalwegError } from '../../core/errors.ts'
import { FrameView, stampFrame } from '../frame.ts'
import type { FrameEdit } from '../log.ts'

export interface Edited {
  /** The whole message as it shall be; undefined: it stays as it is. */
  readonly bytes: Buffer | undefined
  /** The frames that changed, with their offsets. */
  readonly frames: readonly FrameView[]
}

/** Throws DEFECT when the edit gives a frame of another form. */
export function editFrames(frames: readonly FrameView[], edit: FrameEdit): Edited {
  const changed = frames.map((frame) => {
    const bytes = edit(new FrameView(Buffer.from(frame.bytes)))
    return bytes === undefined ? undefined : checked(frame, bytes)
  })
  const edited = changed.filter((frame) => frame !== undefined)
  if (edited.length === 0) return { bytes: undefined, frames: [] }
  const sent = frames.map((frame, i) => {
    const bytes = Buffer.from((changed[i] ?? frame).bytes)
    stampFrame(bytes, 0, 0)
    return bytes
  })
  return { bytes: Buffer.concat(sent), frames: edited }
}

function checked({ bytes }: FrameView, edited: Buffer): FrameView {
  const sameHead = edited.length === bytes.length && edited.compare(bytes, 12, 64, 12, 64) === 0
  if (!sameHead) throw new ThalwegError('DEFECT', 'a frame of the log was edited into one of another form')
  return new FrameView(edited)
}
