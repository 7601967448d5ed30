/**
 * A list bounded by count and by bytes: the oldest items leave when a new one would exceed a bound, and they
 * are counted.
 */
export class BoundedFifo<T> {
  readonly #countMax: number
  readonly #bytesMax: number
  #items: T[] = []
  #sizes: number[] = []
  #head = 0
  #bytes = 0
  #dropped = 0

  constructor(countMax: number, bytesMax: number = Number.POSITIVE_INFINITY) {
    this.#countMax = countMax
    this.#bytesMax = bytesMax
  }

  /**
   * `bytes` is what the item counts towards the byte bound. An item larger than the bound itself is dropped
   * at once.
   */
  push(item: T, bytes = 0): void {
    this.#items.push(item)
    this.#sizes.push(bytes)
    this.#bytes += bytes
    while (this.length > this.#countMax || this.#bytes > this.#bytesMax) this.#shift()
    // Moving the tail down costs its length, so it happens only when the empty head is at least as long.
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) this.#compact()
  }

  get length(): number {
    return this.#items.length - this.#head
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Items that left because of a bound. */
  get dropped(): number {
    return this.#dropped
  }

  /** Items pushed since the last clear. */
  get total(): number {
    return this.length + this.#dropped
  }

  /** Oldest first; `offset` counts from the oldest item still kept. */
  slice(offset = 0, limit: number = Number.POSITIVE_INFINITY): T[] {
    const from = this.#head + Math.max(0, offset)
    return this.#items.slice(from, from + limit)
  }

  /** Newest first; `offset` counts from the newest. */
  newest(offset: number, limit: number): T[] {
    const end = this.length - offset
    return this.slice(Math.max(0, end - limit), Math.max(0, Math.min(end, limit))).reverse()
  }

  *[Symbol.iterator](): Generator<T> {
    for (let i = this.#head; i < this.#items.length; i++) yield this.#items[i] as T
  }

  clear(): void {
    this.#items = []
    this.#sizes = []
    this.#head = 0
    this.#bytes = 0
    this.#dropped = 0
  }

  #shift(): void {
    this.#bytes -= this.#sizes[this.#head] ?? 0
    this.#items[this.#head] = undefined as T
    this.#head++
    this.#dropped++
  }

  #compact(): void {
    this.#items = this.#items.slice(this.#head)
    this.#sizes = this.#sizes.slice(this.#head)
    this.#head = 0
  }
}
