/** Moments in rules: absolute ones, and those that move with the clock. */

import { readShift, type Shift, shifted } from '../date-math.ts'
import { momentOf } from '../mapping/moments.ts'

export type Moment = { readonly at: number } | { readonly shift: Shift }

/** A year alone would read as seconds since the epoch, which nobody means in a rule. */
const NUMBER_CHARS_MIN = 8

/** Reads `now-3d`, and whatever mappings read as a moment: in UTC where it names no zone. Undefined for anything else. */
export function readMoment(value: string | number): Moment | undefined {
  const shift = typeof value === 'string' ? readShift(value) : undefined
  if (shift !== undefined) return { shift }
  if (/^[+-]?[\d.]*$/.test(String(value)) && String(value).length < NUMBER_CHARS_MIN) return undefined
  const at = momentOf(value)
  return typeof at === 'number' ? { at } : undefined
}

/** The moment as of now. */
export function instantOf(moment: Moment, nowMs: number): number {
  return 'at' in moment ? moment.at : shifted(moment.shift, nowMs)
}
