/** Trying a transaction again when another one was in its way. */

import type { Clock } from '../core/clock.ts'
import type { Random } from '../core/random.ts'
import { isConflict, unavailable } from './outages.ts'

export interface Retry {
  readonly clock: Clock
  /** For the jitter: two transactions that met must not meet again. */
  readonly random: Random
  readonly conflict?: (error: unknown, attempt: number) => void
}

const TRIES_MAX = 6
const PAUSE_MS_FIRST = 10

/**
 * Runs `work`, and again while it ends in a conflict: the second time at once (most conflicts are over when they are
 * reported), then after about 10, 20, 40 and 80 ms. Throws STORE_UNAVAILABLE when the sixth try met a conflict too.
 */
export async function untilNoConflict<T>(
  work: () => Promise<T>,
  { clock, random, conflict }: Retry,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (!isConflict(error)) throw error
      conflict?.(error, attempt)
      if (attempt === TRIES_MAX)
        throw unavailable(`other transactions were in the way ${TRIES_MAX} times`, error)
    }
    if (attempt > 1) await clock.sleep(PAUSE_MS_FIRST * 2 ** (attempt - 2) * (0.5 + random()))
  }
}
