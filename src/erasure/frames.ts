/** What an erasure changes in a frame of the log: records of the person are blanked, words about them in others' records blotted out. */

import type { Traces } from '../core/traces.ts'
import { absenceOf, BODY_START, blankRow, type FrameView, ROW_ERASED } from '../log/frame.ts'

export interface FrameTally {
  /** Records of the person. */
  theirs: number
  /** Records of others that mention them. */
  mentions: number
}

/** What stands in front of the events of an import: it says how far the file was read, and must stay readable. */
const IMPORT_MARK = '{"file":{"id":'
const SPACE = 0x20

/** The frame, changed in place; undefined when nothing in it is about them. Adds to `tally`; told of each record of theirs before it is blanked. */
export function eraseInFrame(
  frame: FrameView,
  traces: Traces,
  tally: FrameTally,
  onTheirs: (record: Buffer) => void = () => undefined,
): Buffer | undefined {
  const { bytes, bodyBytes, count } = frame
  const bodyEnd = BODY_START + bodyBytes
  if (!traces.mayBeIn(bytes.toString('latin1', BODY_START, bodyEnd))) return undefined
  let isChanged = false
  let behind = BODY_START
  for (let i = 0; i < count; i++) {
    const [start, end] = [frame.rowStart(i), frame.rowEnd(i)]
    isChanged = cleanBetween(bytes, behind, start, traces) || isChanged
    behind = end
    const record = bytes.subarray(start, end)
    if (absenceOf(frame.rowFlags(i)) !== undefined || !traces.mayBeIn(record.toString('latin1'))) continue
    const bearing = traces.bearingOf(record)
    if (bearing === 'none') continue
    isChanged = true
    if (bearing === 'theirs') {
      tally.theirs++
      onTheirs(record)
      blankRow(frame, i, ROW_ERASED)
    } else {
      tally.mentions++
      record.write(traces.maskedBytes(record.toString('latin1')), 'latin1')
    }
  }
  return cleanBetween(bytes, behind, bodyEnd, traces) || isChanged ? bytes : undefined
}

/** Between the records lie repeats that dedupe dropped, and what was around the events: nobody reads it, but for the mark of an import. */
function cleanBetween(bytes: Buffer, from: number, to: number, traces: Traces): boolean {
  if (to - from < 2) return false
  const text = bytes.toString('latin1', from, to)
  if (!traces.mayBeIn(text)) return false
  if (!text.startsWith(IMPORT_MARK)) bytes.fill(SPACE, from, to)
  else if (traces.mentions(text)) bytes.write(traces.maskedBytes(text), from, 'latin1')
  else return false
  return true
}
