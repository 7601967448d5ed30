/** What one connection did since the process started, for status pages and metrics. Survives changes of the definition. */

import type { Fault } from '../core/fault.ts'
import type { Attempt } from './courier.ts'

/** Upper bounds in milliseconds; one more bucket holds the rest. */
export const LATENCY_BUCKETS_MS = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000] as const

const RECENT_MAX = 20

export interface RecentAttempt extends Attempt {
  readonly at: number
}

export class ConnectionStats {
  delivered = 0
  filtered = 0
  dead = 0
  requests = 0
  bytes = 0
  readonly answers = new Map<number, number>()
  readonly latency = new Float64Array(LATENCY_BUCKETS_MS.length + 1)
  latencySumMs = 0
  lastAcceptedAt: number | undefined
  lastFault: (Fault & { readonly at: number }) | undefined
  readonly #recent: RecentAttempt[] = []

  attempted(attempt: Attempt, now: number): void {
    this.requests++
    this.bytes += attempt.bytes
    this.answers.set(attempt.status, (this.answers.get(attempt.status) ?? 0) + 1)
    const bucket = LATENCY_BUCKETS_MS.findIndex((bound) => attempt.elapsedMs <= bound)
    const at = bucket === -1 ? LATENCY_BUCKETS_MS.length : bucket
    this.latency[at] = (this.latency[at] ?? 0) + 1
    this.latencySumMs += attempt.elapsedMs
    if (attempt.fault === undefined) this.lastAcceptedAt = now
    else this.lastFault = { ...attempt.fault, at: now }
    if (this.#recent.length >= RECENT_MAX) this.#recent.shift()
    this.#recent.push({ ...attempt, at: now })
  }

  /** The last attempts, oldest first. */
  get recent(): readonly RecentAttempt[] {
    return this.#recent
  }
}
