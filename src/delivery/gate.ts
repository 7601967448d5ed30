/**
 * The gate of one connection: whether the vendor may be tried now. After a fault that means "later" it closes for a while; then one
 * try goes through as a probe, and the others wait for its answer.
 *
 *   open ──fault──► closed(until) ──time──► half-open (one probe) ──success──► open
 *                       ▲                        └────────fault────────┐
 *                       └──────────────────────────────────────────────┘
 */

import type { Clock } from '../core/clock.ts'
import type { Random } from '../core/random.ts'

export interface GateSettings {
  readonly firstDelayMs: number
  readonly delayMsMax: number
}

export const GATE_DEFAULTS: GateSettings = { firstDelayMs: 500, delayMsMax: 60_000 }

/** A vendor that asks us to wait longer than this is asked again after this. */
const RETRY_AFTER_MS_MAX = 3_600_000

export type GateState = 'open' | 'closed' | 'half-open'

export class Gate {
  readonly #clock: Clock
  readonly #random: Random
  readonly #settings: GateSettings
  #state: GateState = 'open'
  #failures = 0
  #until = 0
  #waiters: (() => void)[] = []
  #closedSince: number | undefined

  constructor(clock: Clock, random: Random, settings: GateSettings = GATE_DEFAULTS) {
    this.#clock = clock
    this.#random = random
    this.#settings = settings
  }

  get state(): GateState {
    return this.#state
  }

  /** When the next try is due; undefined while open. */
  get retryAt(): number | undefined {
    return this.#state === 'open' ? undefined : this.#until
  }

  /** Since when nothing has been accepted because of faults; undefined while all is well. */
  get closedSince(): number | undefined {
    return this.#closedSince
  }

  /** True: the caller may try, and tells by `accepted`, `refused` or `abandoned` how it went. False: aborted before. */
  async pass(signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      if (this.#state === 'open') return true
      const waitMs = this.#until - this.#clock.now()
      if (this.#state === 'closed' && waitMs <= 0) {
        this.#state = 'half-open'
        return true
      }
      await this.#change(this.#state === 'closed' ? waitMs : undefined, signal)
    }
    return false
  }

  accepted(): void {
    if (this.#state === 'closed' && this.#until > this.#clock.now()) {
      // It left before another one was refused: no answer to "may I come again", and no reason to come before the time.
      this.#closedSince = this.#clock.now()
      return
    }
    this.#state = 'open'
    this.#failures = 0
    this.#closedSince = undefined
    this.#wake()
  }

  /** Closes the gate. Doubles the wait with each refusal in a row, spreads it by ±50 %, and never waits less than the vendor asked. */
  refused(retryAfterMs: number | undefined): void {
    const now = this.#clock.now()
    this.#closedSince ??= now
    if (this.#state === 'closed' && this.#until > now) {
      // Requests that were under way together fail together: that is one refusal, not many.
      this.#until = Math.max(this.#until, now + Math.min(retryAfterMs ?? 0, RETRY_AFTER_MS_MAX))
      return
    }
    const grown = Math.min(
      this.#settings.delayMsMax,
      this.#settings.firstDelayMs * 2 ** Math.min(this.#failures, 30),
    )
    const spread = grown * (0.5 + this.#random())
    this.#failures++
    this.#until = now + Math.max(spread, Math.min(retryAfterMs ?? 0, RETRY_AFTER_MS_MAX))
    this.#state = 'closed'
    this.#wake()
  }

  /** The try ended without telling whether the vendor is well: shut-down, or a fault that needs a person. The next caller probes. */
  abandoned(): void {
    if (this.#state !== 'half-open') return
    this.#state = 'closed'
    this.#wake()
  }

  #change(ms: number | undefined, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const cancel = ms === undefined ? undefined : this.#clock.after(ms, done)
      signal.addEventListener('abort', done, { once: true })
      this.#waiters.push(done)
      function done(): void {
        cancel?.()
        signal.removeEventListener('abort', done)
        resolve()
      }
    })
  }

  #wake(): void {
    const waiters = this.#waiters
    this.#waiters = []
    for (const wake of waiters) wake()
  }
}
