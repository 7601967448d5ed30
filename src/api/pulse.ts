/**
 * The state of everything at one moment, in compact numbers: what live streams and metrics show. Taken at
 * most twice a second however many ask, because counting what is pending reads the log.
 */

import type { CurrentState } from '../currents/current.ts'
import type { ConnectionStats } from '../delivery/connection-stats.ts'
import type { ConnectionStatus } from '../delivery/delivery.ts'
import type { LogStats } from '../log/log.ts'
import type { SourceCounts } from '../sources/counters.ts'
import type { ApiParts } from './parts.ts'

export interface Beat {
  /** Milliseconds since the Unix epoch. */
  readonly at: number
  readonly log: LogBeat
  readonly sources: readonly SourceBeat[]
  readonly currents: readonly CurrentBeat[]
  /** Of the drift radar. */
  readonly unacknowledgedFindings: number
}

export interface LogBeat {
  readonly state: string
  readonly head: number
  readonly tail: number
  readonly stats: LogStats
}

export interface SourceBeat {
  readonly number: number
  readonly name: string
  /** Copied: the source goes on counting. */
  readonly counts: Readonly<SourceCounts>
}

export interface CurrentBeat {
  readonly number: number
  readonly name: string
  readonly state: CurrentState
  readonly stateReason: string
  readonly status: ConnectionStatus
  /** Copied together with `status.pending`, so that they fit each other; `status.stats` goes on counting. */
  readonly counts: Pick<ConnectionStats, 'delivered' | 'filtered' | 'dead' | 'requests'>
  /** Age of the oldest accepted record without an outcome, in milliseconds; 0: none. */
  readonly lagMs: number
}

/** Less than the second between two live updates, so that each of them is taken anew. */
const FRESH_MS = 500

export class Pulse {
  readonly #parts: ApiParts
  #beat: Promise<Beat> | undefined
  #until = 0

  constructor(parts: ApiParts) {
    this.#parts = parts
  }

  /**
   * The state of now, or of at most half a second ago. Real time: this bounds work, and a stopped virtual
   * clock must not freeze it.
   */
  beat(): Promise<Beat> {
    if (this.#beat === undefined || performance.now() >= this.#until) {
      this.#until = Number.POSITIVE_INFINITY
      this.#beat = this.#take().finally(() => {
        this.#until = performance.now() + FRESH_MS
      })
    }
    return this.#beat
  }

  async #take(): Promise<Beat> {
    const { clock, log, sources, counters, currents, drift } = this.#parts
    const at = clock.now()
    const rows: CurrentBeat[] = []
    for (const current of await currents.list()) {
      const row = await this.#current(current.number)
      if (row !== undefined) rows.push(row)
    }
    return {
      at,
      log: { state: log.state, head: log.head, tail: log.tail, stats: log.stats() },
      sources: sources
        .list()
        .map(({ number, name }) => ({ number, name, counts: structuredClone(counters.of(number)) })),
      currents: rows,
      unacknowledgedFindings: await drift.unacknowledged(),
    }
  }

  /**
   * undefined when it cannot be told now: deleted meanwhile, or the log was trimmed during the count. The
   * next beat tries again.
   */
  async #current(number: number): Promise<CurrentBeat | undefined> {
    const { delivery, clock, logger } = this.#parts
    try {
      const status = await delivery.status(number)
      const { name, state, stateReason } = status.current
      const { delivered, filtered, dead, requests } = status.stats
      const counts = { delivered, filtered, dead, requests }
      return { number, name, state, stateReason, status, counts, lagMs: lagOf(status, clock.now()) }
    } catch (error) {
      logger.warn({ err: error, current: number }, 'the state of a current could not be told')
      return undefined
    }
  }
}

export function lagOf(status: ConnectionStatus, now: number): number {
  return status.oldestUnsettledAt === undefined ? 0 : Math.max(0, now - status.oldestUnsettledAt)
}
