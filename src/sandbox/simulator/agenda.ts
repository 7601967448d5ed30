/**
 * What is still to happen, earliest first; at the same time in the order of adding. A binary heap with a
 * stated maximum.
 */

interface Entry<T> {
  readonly atMs: number
  readonly sequence: number
  readonly item: T
}

export class Agenda<T> {
  readonly #heap: Entry<T>[] = []
  readonly #itemsMax: number
  #sequence = 0

  constructor(itemsMax: number) {
    this.#itemsMax = itemsMax
  }

  get size(): number {
    return this.#heap.length
  }

  /** False, and nothing added, when the agenda is full. */
  add(atMs: number, item: T): boolean {
    if (this.#heap.length >= this.#itemsMax) return false
    this.#heap.push({ atMs, sequence: this.#sequence++, item })
    this.#rise(this.#heap.length - 1)
    return true
  }

  /** Takes the earliest item that is due at `nowMs`, if there is one. */
  take(nowMs: number): { readonly atMs: number; readonly item: T } | undefined {
    const first = this.#heap[0]
    if (first === undefined || first.atMs > nowMs) return undefined
    const last = this.#heap.pop()
    if (last !== undefined && last !== first) {
      this.#heap[0] = last
      this.#sink(0)
    }
    return first
  }

  #rise(from: number): void {
    let at = from
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#precedes(at, parent)) return
      this.#swap(at, parent)
      at = parent
    }
  }

  #sink(from: number): void {
    let at = from
    for (;;) {
      const left = 2 * at + 1
      const right = left + 1
      let least = at
      if (left < this.#heap.length && this.#precedes(left, least)) least = left
      if (right < this.#heap.length && this.#precedes(right, least)) least = right
      if (least === at) return
      this.#swap(at, least)
      at = least
    }
  }

  #precedes(a: number, b: number): boolean {
    const one = this.#heap[a]
    const other = this.#heap[b]
    if (one === undefined || other === undefined) return false
    return one.atMs < other.atMs || (one.atMs === other.atMs && one.sequence < other.sequence)
  }

  #swap(a: number, b: number): void {
    const one = this.#heap[a]
    const other = this.#heap[b]
    if (one === undefined || other === undefined) return
    this.#heap[a] = other
    this.#heap[b] = one
  }
}
