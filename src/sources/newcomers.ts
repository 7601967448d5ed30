/**
 * Senders whom another node may have let in a moment ago. Before one is turned away the sources are read again, and its request is received anew:
 * whoever makes a source and tries it at once, through whatever stands before the nodes, is not told that its token is wrong.
 */

import type { Clock } from '../core/clock.ts'
import type { Caller } from './desk.ts'

/** Between two readings: however many strangers come, the store hears of them no more often. */
const BETWEEN_MS = 250
/** Requests that wait for a reading; beyond that a stranger is turned away at once. */
const WAITING_MAX = 200

export class Newcomers {
  readonly #refresh: (() => Promise<void>) | undefined
  readonly #clock: Clock
  readonly #receive: (caller: Caller) => void
  /** Whose request was received anew already, or is about to be. */
  readonly #known = new WeakSet<Caller['request']>()
  #waiting: Caller[] = []
  #readAt = Number.NEGATIVE_INFINITY

  /** `refresh`: reads the sources again; undefined where nobody else changes them. */
  constructor(refresh: (() => Promise<void>) | undefined, clock: Clock, receive: (caller: Caller) => void) {
    this.#refresh = refresh
    this.#clock = clock
    this.#receive = receive
  }

  /** True: its request, of which nothing may have been read, will be received anew. False: turn it away. */
  mayBe(caller: Caller): boolean {
    if (this.#refresh === undefined || this.#known.has(caller.request)) return false
    if (this.#waiting.length >= WAITING_MAX) return false
    this.#known.add(caller.request)
    this.#waiting.push(caller)
    if (this.#waiting.length === 1) void this.#read(this.#refresh)
    return true
  }

  async #read(refresh: () => Promise<void>): Promise<void> {
    const waitMs = this.#readAt + BETWEEN_MS - this.#clock.now()
    if (waitMs > 0) await this.#clock.sleep(waitMs)
    const waiting = this.#waiting
    // Whoever comes from here on may be of a source that this reading does not see.
    this.#waiting = []
    this.#readAt = this.#clock.now()
    // Without a store the sources stay as they are known.
    await refresh().catch(() => undefined)
    for (const caller of waiting) if (!caller.request.destroyed) this.#receive(caller)
  }
}
