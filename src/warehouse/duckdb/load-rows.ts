/** Some records of a load order, as the rows of one table. */

import type { LoadOrder } from '../../destinations/warehouse/load-order.ts'

export class LoadRows {
  /** The records' places in the order, ascending. */
  readonly places: readonly number[]
  /** False: no event of the order holds half of a surrogate pair. */
  readonly #mayHalve: boolean
  readonly #order: LoadOrder
  readonly #joined: Buffer

  constructor(order: LoadOrder, places: readonly number[], mayHalve: boolean) {
    this.#order = order
    this.places = places
    this.#mayHalve = mayHalve
    this.#joined = bufferOf(order)
  }

  get connection(): string {
    return this.#order.head.connection
  }

  /** Where the event begins in the bytes of the order. */
  startOf(i: number): number {
    return this.#order.records.starts[i] ?? 0
  }

  endOf(i: number): number {
    return this.#order.records.ends[i] ?? 0
  }

  bytesOf(i: number): Buffer {
    return this.stretch(this.startOf(i), this.endOf(i))
  }

  stretch(start: number, end: number): Buffer {
    return this.#joined.subarray(start, end)
  }

  textOf(i: number): string {
    return this.#joined.toString('utf8', this.startOf(i), this.endOf(i))
  }

  /** Whether the event may hold half of a surrogate pair. */
  mayHalveIn(i: number): boolean {
    if (!this.#mayHalve) return false
    const event = this.bytesOf(i)
    return SURROGATE_ESCAPES.some((sign) => event.includes(sign))
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
          this.#mayHalve,
        )
  }
}

/** How JSON begins a surrogate that is no character: the kernel takes no UTF-8 with one. */
const SURROGATE_ESCAPES = ['\\ud', '\\uD']

export function mayHalve(order: LoadOrder): boolean {
  const joined = bufferOf(order)
  return SURROGATE_ESCAPES.some((sign) => joined.includes(sign))
}

function bufferOf({ records: { joined } }: LoadOrder): Buffer {
  return Buffer.from(joined.buffer, joined.byteOffset, joined.length)
}
