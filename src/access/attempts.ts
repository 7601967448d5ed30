/**
 * Counts what was wrong, per address or whatever else tried, so that guessing gets slow. Bounded: past its size the oldest is
 * forgotten. Each node counts for itself.
 */

import type { Clock } from '../core/clock.ts'

const KEYS_MAX = 10_000

export interface AttemptsLimit {
  /** So many failures within `windowMs`, then none until the window ends. */
  readonly failuresMax: number
  readonly windowMs: number
}

interface Failures {
  count: number
  readonly until: number
}

export class Attempts {
  readonly #clock: Clock
  readonly #limit: AttemptsLimit
  readonly #failures = new Map<string, Failures>()

  constructor(clock: Clock, limit: AttemptsLimit) {
    this.#clock = clock
    this.#limit = limit
  }

  /** Seconds until this one may try again; 0: now. */
  waitSeconds(key: string): number {
    const failures = this.#failures.get(key)
    if (failures === undefined || failures.count < this.#limit.failuresMax) return 0
    const leftMs = failures.until - this.#clock.now()
    if (leftMs > 0) return Math.ceil(leftMs / 1000)
    this.#failures.delete(key)
    return 0
  }

  failed(key: string): void {
    const now = this.#clock.now()
    const failures = this.#failures.get(key)
    if (failures !== undefined && failures.until > now) {
      failures.count++
      return
    }
    this.#failures.delete(key)
    this.#failures.set(key, { count: 1, until: now + this.#limit.windowMs })
    if (this.#failures.size <= KEYS_MAX) return
    for (const oldest of this.#failures.keys()) {
      this.#failures.delete(oldest)
      break
    }
  }

  /** The right one came: earlier mistakes are forgiven. */
  succeeded(key: string): void {
    this.#failures.delete(key)
  }
}
