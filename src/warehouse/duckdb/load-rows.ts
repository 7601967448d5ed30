/** Some records of a load order, as the rows of one table. */

import type { LoadOrder } from '../../destinations/warehouse/load-order.ts'

export class LoadRows {
  /** The records' places in the order, ascending. */
  readonly places: readonly number[]
  /** False: no event of the order holds half of a surrogate pair. True: look. */
  readonly mayHalve: boolean
  readonly #order: LoadOrder
  readonly #joined: Buffer
  /** The first backslash from the last record that was asked about on. */
  #escape = -1
  #askedFrom = 0

  constructor(order: LoadOrder, places: readonly number[], mayHalve: boolean) {
    this.#order = order
    this.places = places
    this.mayHalve = mayHalve
    this.#joined = bufferOf(order)
  }

  get connection(): string {
    return this.#order.head.connection
  }

  bytesOf(i: number): Uint8Array {
    const { starts, ends } = this.#order.records
    const start = starts[i] ?? 0
    return new Uint8Array(this.#joined.buffer, this.#joined.byteOffset + start, (ends[i] ?? 0) - start)
  }

  textOf(i: number): string {
    const { starts, ends } = this.#order.records
    return this.#joined.toString('utf8', starts[i], ends[i])
  }

  /** Whether a backslash stands in the record. Quick when records are asked for in their order. */
  escapesIn(i: number): boolean {
    const { starts, ends } = this.#order.records
    const start = starts[i] ?? 0
    if (this.#escape < start || start < this.#askedFrom) {
      const found = this.#joined.indexOf(BACKSLASH, start)
      this.#escape = found < 0 ? this.#joined.length : found
    }
    this.#askedFrom = start
    return this.#escape < (ends[i] ?? 0)
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

  sourceNumberOf(i: number): number {
    return this.#order.records.sources[i] ?? 0
  }

  sourceOf(i: number): string | null {
    return this.#order.head.sources[String(this.sourceNumberOf(i))]?.name ?? null
  }

  without(known: ReadonlySet<number>): LoadRows {
    return known.size === 0
      ? this
      : new LoadRows(
          this.#order,
          this.places.filter((i) => !known.has(this.offsetOf(i))),
          this.mayHalve,
        )
  }
}

/** How JSON begins a surrogate that is no character: the kernel takes no UTF-8 with one. */
const SURROGATE_ESCAPES = ['\\ud', '\\uD']

export function mayHalve(order: LoadOrder): boolean {
  const joined = bufferOf(order)
  return SURROGATE_ESCAPES.some((sign) => joined.includes(sign))
}

const BACKSLASH = 0x5c

function bufferOf({ records: { joined } }: LoadOrder): Buffer {
  return Buffer.from(joined.buffer, joined.byteOffset, joined.length)
}
