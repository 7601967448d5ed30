/** Lets through a first few of each, then one now and then: so that whoever is refused all day does not fill the disk with it. */

import type { Clock } from '../core/clock.ts'

const FIRST = 100
const EVERY_MS = 10_000
const KEYS_MAX = 10_000

export class Trickle {
  readonly #clock: Clock
  /** By key, a time: as far as it lies behind now, so many may pass. */
  readonly #spent = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  passes(key: string): boolean {
    const now = this.#clock.now()
    const spent = Math.max(this.#spent.get(key) ?? 0, now - FIRST * EVERY_MS) + EVERY_MS
    if (spent > now) return false
    this.#spent.delete(key)
    this.#spent.set(key, spent)
    if (this.#spent.size > KEYS_MAX) {
      for (const oldest of this.#spent.keys()) {
        this.#spent.delete(oldest)
        break
      }
    }
    return true
  }
}
