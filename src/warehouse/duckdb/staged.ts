/** The rows of one load for one table, on their way from events to the database, and what was noticed on the way. */

import type { PropertyColumn } from './layout.ts'

/**
 * A row as the database is given it: bytes of JSON that it takes apart itself. They may lie in the load order.
 *
 * `head` holds the event's own members, `properties` is kept as it is, `fitting` is what the typed columns are taken from, where that differs
 * from `properties`.
 */
export interface StagedRow {
  readonly head: Uint8Array
  readonly properties: Uint8Array | null
  readonly fitting: Uint8Array | null
  readonly extra: Uint8Array | null
  /** Unix seconds. */
  readonly time: number | null
}

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

/** Gathers over the rows of one load. */
export class Findings {
  readonly misfits = new Map<string, Misfit>()
  /** Columns that hold a value in at least one row. */
  readonly used = new Set<PropertyColumn>()
  /** Discovered whole-number columns that met a fraction. */
  readonly widen = new Set<PropertyColumn>()

  misfit(column: string, kind: string, sample: () => string): void {
    const key = `${column} ${kind}`
    const known = this.misfits.get(key)
    if (known === undefined)
      this.misfits.set(key, { column, kind, count: 1, sample: sample().slice(0, SAMPLE_CHARS_MAX) })
    else known.count++
  }
}
