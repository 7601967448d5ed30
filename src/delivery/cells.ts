/** Counting by minute and event type without making a string per record: type names are numbered, counts kept under number keys. */

import { labelOf, OTHER_TYPES } from '../store/labels.ts'

/** Numbers for type names, in order of appearance. Past NAMES_MAX, names share one number: a flood of invented types must not be a leak. */
export class TypeNumbers {
  readonly #numbers = new Map<string, number>()
  readonly #names: string[] = []

  numberOf(name: string): number {
    const known = this.#numbers.get(name)
    if (known !== undefined) return known
    const label = labelOf(name)
    if (label !== name) return this.numberOf(label)
    if (this.#names.length >= NAMES_MAX) return this.numberOf(OTHER_TYPES)
    const number = this.#names.length
    this.#names.push(name)
    this.#numbers.set(name, number)
    return number
  }

  nameOf(number: number): string {
    return this.#names[number] ?? OTHER_TYPES
  }

  constructor() {
    this.numberOf(OTHER_TYPES)
  }
}

const NAMES_MAX = 65_000

const TYPE_SPAN = 65_536

/** Counts per (minute, type). Minutes are receivedAt / 60000 rounded down: below 2^27 until the year 2225. */
export class Cells {
  readonly #counts = new Map<number, number>()

  add(minute: number, type: number, count = 1): void {
    const key = minute * TYPE_SPAN + type
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + count)
  }

  get size(): number {
    return this.#counts.size
  }

  total(): number {
    let sum = 0
    for (const count of this.#counts.values()) sum += count
    return sum
  }

  *entries(): Generator<{ minute: number; type: number; count: number }> {
    for (const [key, count] of this.#counts) {
      const minute = Math.floor(key / TYPE_SPAN)
      yield { minute, type: key - minute * TYPE_SPAN, count }
    }
  }
}
