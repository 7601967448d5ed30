/**
 * The gate of one connection: whether the vendor may be tried now. After a fault that means "later" it closes for a while; then one
 * try goes through as a probe, and the others wait for its answer.
 *
 *   open ──fault──► closed(until) ──time──► half-open (one probe) ──success──► open
 *                       ▲                        └────────fault────────┐
 *                       └──────────────────────────────────────────────┘
 */

import { offAbort, onAbort } from '../core/aborts.ts'
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
  /** First come, first served: a batch that is refused again and again must not take every probe. */
  #queue: (() => void)[] = []
  #cancelAlarm: () => void = () => undefined
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
  pass(signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return Promise.resolve(false)
    if (this.#state === 'open') return Promise.resolve(true)
    return new Promise((resolve) => {
      const leave = (): void => {
        this.#queue = this.#queue.filter((other) => other !== enter)
        resolve(false)
      }
      const enter = (): void => {
        offAbort(signal, leave)
        resolve(true)
      }
      onAbort(signal, leave)
      this.#queue.push(enter)
      this.#serve()
    })
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
    this.#serve()
  }

  /** Closes the gate. Doubles the wait with each refusal in a row, spreads it by ±50 %, and never waits less than the vendor asked. */
  refused(retryAfterMs: number | undefined): void {
    const now = this.#clock.now()
    this.#closedSince ??= now
    const asked = Math.ceil(Math.min(retryAfterMs ?? 0, RETRY_AFTER_MS_MAX))
    if (this.#state === 'closed' && this.#until > now) {
      // Requests that were under way together fail together: that is one refusal, not many.
      this.#until = Math.max(this.#until, now + asked)
      return
    }
    const grown = Math.min(
      this.#settings.delayMsMax,
      this.#settings.firstDelayMs * 2 ** Math.min(this.#failures, 30),
    )
    const spread = grown * (0.5 + this.#random())
    this.#failures++
    this.#until = now + Math.max(Math.ceil(spread), asked)
    this.#state = 'closed'
    this.#serve()
  }

  /** The try ended without telling whether the vendor is well: shut-down, or a fault that needs a person. The next caller probes. */
  abandoned(): void {
    if (this.#state !== 'half-open') return
    this.#state = 'closed'
    this.#serve()
  }

  /** Lets in who may come in: all while open, the first when a probe is due, else sets the alarm for that. */
  #serve(): void {
    this.#cancelAlarm()
    if (this.#state === 'open') {
      const queue = this.#queue
      this.#queue = []
      for (const enter of queue) enter()
      return
    }
    if (this.#state === 'half-open' || this.#queue.length === 0) return
    const waitMs = this.#until - this.#clock.now()
    if (waitMs > 0) {
      this.#cancelAlarm = this.#clock.after(waitMs, () => this.#serve())
      return
    }
    this.#state = 'half-open'
    this.#queue.shift()?.()
  }
}
