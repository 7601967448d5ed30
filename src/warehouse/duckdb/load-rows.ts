/** Some records of a load order, as the rows of one table. */

import type { LoadOrder } from '../../destinations/warehouse/load-order.ts'

export class LoadRows {
  /** The records' places in the order, ascending. */
  readonly places: readonly number[]
  readonly #order: LoadOrder

  constructor(order: LoadOrder, places: readonly number[]) {
    this.#order = order
    this.places = places
  }

  get connection(): string {
    return this.#order.head.connection
  }

  bytesOf(i: number): Buffer {
    const { joined, starts, ends } = this.#order.records
    const start = starts[i] ?? 0
    return Buffer.from(joined.buffer, joined.byteOffset + start, (ends[i] ?? 0) - start)
  }

  offsetOf(i: number): number {
    return this.#order.records.offsets[i] ?? 0
  }

  /** Offset of the first record of the request that brought it. */
  requestOf(i: number): number {
    return this.#order.records.requests[i] ?? 0
  }

  /** Milliseconds since the epoch. */
  receivedAtOf(i: number): number {
    return this.#order.records.receivedAt[i] ?? 0
  }

  sourceOf(i: number): string | null {
    return this.#order.head.sources[String(this.#order.records.sources[i] ?? 0)]?.name ?? null
  }

  without(known: ReadonlySet<number>): LoadRows {
    return known.size === 0
      ? this
      : new LoadRows(
          this.#order,
          this.places.filter((i) => !known.has(this.offsetOf(i))),
        )
  }
}
