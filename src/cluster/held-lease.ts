/** A lease that this process holds: until when it may act, by clocks of its own, and that it stops by itself. */

import type { Lease } from '../store/leases.ts'

/** Clocks of this process, in milliseconds. */
export interface OwnClocks {
  /** Never goes back; need not count while the machine sleeps. */
  monotonic(): number
  /** Counts while the machine sleeps; may be set. */
  wall(): number
}

export const OWN_CLOCKS: OwnClocks = { monotonic: () => performance.now(), wall: () => Date.now() }

/** A moment on both clocks. */
export interface Moment {
  readonly monotonic: number
  readonly wall: number
}

export function momentOf(clocks: OwnClocks): Moment {
  return { monotonic: clocks.monotonic(), wall: clocks.wall() }
}

export class LeaseInHand implements Lease {
  readonly name: string
  readonly token: number
  readonly #clocks: OwnClocks
  readonly #spanMs: number
  readonly #lost = new AbortController()
  /** Before the statement that granted it was sent: the database began to count later. */
  #grantedAt: Moment

  /** `spanMs`: how long after a grant it may act; less than the lease lasts in the database. */
  constructor(name: string, token: number, grantedAt: Moment, spanMs: number, clocks: OwnClocks) {
    this.name = name
    this.token = token
    this.#clocks = clocks
    this.#spanMs = spanMs
    this.#grantedAt = grantedAt
  }

  get lost(): AbortSignal {
    return this.#lost.signal
  }

  /** By whichever clock ran further: a machine that slept does not count its sleep on the other one. */
  mayAct(): boolean {
    if (this.#lost.signal.aborted) return false
    const { monotonic, wall } = this.#grantedAt
    const since = Math.max(this.#clocks.monotonic() - monotonic, this.#clocks.wall() - wall)
    if (since < this.#spanMs) return true
    this.lose('it was not renewed in time')
    return false
  }

  /** Granted anew at a moment before the database was asked. One that is lost stays lost. */
  renewed(grantedAt: Moment): void {
    if (this.mayAct()) this.#grantedAt = grantedAt
  }

  refused(): void {
    this.lose('the store refused a write: another node holds it')
  }

  lose(why: string): void {
    if (!this.#lost.signal.aborted) this.#lost.abort(new Error(why))
  }
}
