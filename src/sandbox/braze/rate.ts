/**
 * Rate limits of the REST API, in fixed windows on the double's clock (Braze, "API limits"), with their headers.
 * `x-ratelimit-reset` is documented as seconds since the epoch; clients have also met seconds from now, so it is a
 * setting.
 */

import type { Clock } from '../../core/clock.ts'

export interface Limit {
  readonly requests: number
  readonly windowMs: number
}

export const LIMITS = {
  'users.track': { requests: 3_000, windowMs: 3_000 },
  // Shared by identify, alias/new and delete.
  'users.identity': { requests: 20_000, windowMs: 60_000 },
  'users.export.ids': { requests: 2_400, windowMs: 60_000 },
  'partners.cohorts': { requests: 250_000, windowMs: 3_600_000 },
  other: { requests: 250_000, windowMs: 3_600_000 },
} as const satisfies Record<string, Limit>

export type LimitName = keyof typeof LIMITS

export type ResetStyle = 'epoch' | 'seconds'

interface Window {
  startedAtMs: number
  used: number
}

export interface Rated {
  readonly passes: boolean
  /** Whole seconds until the window ends; at least 1. */
  readonly retryAfterS: number
  readonly headers: Readonly<Record<string, string>>
}

export class RateLimits {
  readonly #clock: Clock
  readonly #windows = new Map<LimitName, Window>()
  readonly #limits: Readonly<Record<LimitName, Limit>>
  resetStyle: ResetStyle = 'epoch'

  constructor(clock: Clock, limits: Partial<Record<LimitName, Limit>> = {}) {
    this.#clock = clock
    this.#limits = { ...LIMITS, ...limits }
  }

  /** Counts one request. */
  take(name: LimitName): Rated {
    const { requests, windowMs } = this.#limits[name]
    const now = this.#clock.now()
    let window = this.#windows.get(name)
    if (window === undefined || now - window.startedAtMs >= windowMs) {
      window = { startedAtMs: now, used: 0 }
      this.#windows.set(name, window)
    }
    const passes = window.used < requests
    if (passes) window.used++
    const resetMs = window.startedAtMs + windowMs
    const retryAfterS = Math.max(1, Math.ceil((resetMs - now) / 1000))
    const reset = this.resetStyle === 'epoch' ? Math.ceil(resetMs / 1000) : retryAfterS
    const headers = {
      'x-ratelimit-limit': String(requests),
      'x-ratelimit-remaining': String(requests - window.used),
      'x-ratelimit-reset': String(reset),
    }
    // Clients report that a 429 comes with a wait of its own instead (rudder-transformer, Braze).
    return passes
      ? { passes, retryAfterS, headers }
      : { passes, retryAfterS, headers: { 'x-ratelimit-retry-after': String(retryAfterS) } }
  }

  clear(): void {
    this.#windows.clear()
  }
}
