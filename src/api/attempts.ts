/**
 * Counts wrong tokens per address, so that guessing gets slow. Bounded: past its size the oldest address is
 * forgotten.
 */

import type { Clock } from '../core/clock.ts'

const ADDRESSES_MAX = 10_000
export const FAILURES_MAX = 30
const WINDOW_MS = 60_000

interface Failures {
  count: number
  readonly until: number
}

export class Attempts {
  readonly #clock: Clock
  readonly #failures = new Map<string, Failures>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Seconds until this address may try again; 0: now. */
  waitSeconds(address: string): number {
    const failures = this.#failures.get(address)
    if (failures === undefined || failures.count < FAILURES_MAX) return 0
    const leftMs = failures.until - this.#clock.now()
    if (leftMs > 0) return Math.ceil(leftMs / 1000)
    this.#failures.delete(address)
    return 0
  }

  failed(address: string): void {
    const now = this.#clock.now()
    const failures = this.#failures.get(address)
    if (failures !== undefined && failures.until > now) {
      failures.count++
      return
    }
    this.#failures.delete(address)
    this.#failures.set(address, { count: 1, until: now + WINDOW_MS })
    if (this.#failures.size <= ADDRESSES_MAX) return
    for (const oldest of this.#failures.keys()) {
      this.#failures.delete(oldest)
      break
    }
  }
}
