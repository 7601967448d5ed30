import { BoundedFifo } from './fifo.ts'

export const ARRIVALS_MAX_DEFAULT = 1_000_000

export interface ArrivalsView {
  /** Ids in the order in which the double accepted them, repeats included; the newest `idsMax` of them. */
  readonly ids: readonly string[]
  /** Everything accepted with an id since the last reset. */
  readonly total: number
  /** How many of `total` are no longer in `ids`. */
  readonly dropped: number
}

/**
 * Which event ids a double accepted, how often and in which order: what a test needs to prove that nothing
 * was lost. Costs about 50 bytes per id and keeps at most `idsMax`.
 */
export class Arrivals {
  readonly #ids: BoundedFifo<string>

  constructor(idsMax: number = ARRIVALS_MAX_DEFAULT) {
    this.#ids = new BoundedFifo(idsMax)
  }

  add(id: string): void {
    this.#ids.push(id)
  }

  view(offset = 0, limit: number = Number.POSITIVE_INFINITY): ArrivalsView {
    return { ids: this.#ids.slice(offset, limit), total: this.#ids.total, dropped: this.#ids.dropped }
  }

  get total(): number {
    return this.#ids.total
  }

  /** How often each kept id arrived. */
  counts(): Map<string, number> {
    const counts = new Map<string, number>()
    for (const id of this.#ids) counts.set(id, (counts.get(id) ?? 0) + 1)
    return counts
  }

  /** Distinct ids among the kept ones. Walks them all. */
  distinct(): number {
    return new Set(this.#ids).size
  }

  /** Those of `expected` that never arrived, in their order. Only meaningful while nothing was dropped. */
  missing(expected: Iterable<string>): string[] {
    const seen = new Set(this.#ids)
    return [...expected].filter((id) => !seen.has(id))
  }

  clear(): void {
    this.#ids.clear()
  }
}
