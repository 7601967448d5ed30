/** What was noticed while the events of a load were read for one table. */

import { isRawNumber } from '../../destinations/cell.ts'
import type { PropertyColumn } from './layout.ts'

/** Values that did not fit their column. The values themselves are in `properties`. */
export interface Misfit {
  readonly column: string
  /** What was there instead: string, object, array, boolean, number. */
  readonly kind: string
  count: number
  /** The first of them, cut at SAMPLE_CHARS_MAX. */
  readonly sample: string
}

export const SAMPLE_CHARS_MAX = 200

export class Findings {
  readonly misfits = new Map<string, Misfit>()
  /** Discovered whole-number columns that met a fraction. */
  readonly widen = new Set<PropertyColumn>()

  get isNothing(): boolean {
    return this.misfits.size === 0 && this.widen.size === 0
  }

  misfit(column: string, kind: string, sample: () => string): void {
    const key = `${column} ${kind}`
    const known = this.misfits.get(key)
    if (known === undefined)
      this.misfits.set(key, { column, kind, count: 1, sample: sample().slice(0, SAMPLE_CHARS_MAX) })
    else known.count++
  }
}

/** Of a value as parseExact gives it. */
export function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'array'
  return isRawNumber(value) ? 'number' : typeof value
}
