/** The optional limit of requests per second of one source: a bucket that holds one second's worth. */

import type { Clock } from '../core/clock.ts'
import { type Refusal, refusal } from './refusals.ts'
import type { Source } from './sources.ts'

interface Bucket {
  tokens: number
  filledAt: number
}

export class Pace {
  readonly #clock: Clock
  /** By source number; only sources with a limit have one. */
  readonly #buckets = new Map<number, Bucket>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Takes one request off the source's bucket; a refusal when it is empty. */
  refusal(source: Source): Refusal | undefined {
    const perSecond =
      'requestsPerSecondMax' in source.settings ? source.settings.requestsPerSecondMax : undefined
    if (perSecond === undefined) return undefined
    const bucket = this.#filled(source.number, perSecond)
    if (bucket.tokens >= 1) {
      bucket.tokens--
      return undefined
    }
    const seconds = Math.max(1, Math.ceil((1 - bucket.tokens) / perSecond))
    const message = `The source ${source.name} is limited to ${perSecond} requests per second: send again later, or raise its limit`
    return refusal('RATE_LIMITED', message, { retryAfterSeconds: seconds }, ['retry-after', String(seconds)])
  }

  #filled(source: number, perSecond: number): Bucket {
    const now = this.#clock.now()
    const bucket = this.#buckets.get(source) ?? { tokens: perSecond, filledAt: now }
    this.#buckets.set(source, bucket)
    // A clock set back gives nothing, and takes nothing.
    const elapsedMs = Math.max(0, now - bucket.filledAt)
    bucket.tokens = Math.min(perSecond, bucket.tokens + (elapsedMs * perSecond) / 1000)
    bucket.filledAt = now
    return bucket
  }
}
