/**
 * The time of a simulated world. It moves from one alarm to the next, and only when everything that the last one set off has come to rest. Its
 * fractions of a millisecond are finer than anybody sees: what is sent at one instant arrives at another one, so no order is left to chance.
 */

import { type Clock, sleepOn, VirtualClock } from '../core/clock.ts'

/** When every simulated world begins: 1 June 2026, midnight UTC. */
export const BEGIN_MS = Date.UTC(2026, 5, 1)
export const HOUR_MS = 3_600_000
export const DAY_MS = 24 * HOUR_MS

/** The world's own clock, by which senders and vendors go. */
export class WorldClock implements Clock {
  /** Counts from 0, where a double has the most fractions. */
  readonly #clock = new VirtualClock(0)
  readonly #rest: () => Promise<void>

  /** `rest` resolves when nothing is left to do before the next alarm. */
  constructor(rest: () => Promise<void>) {
    this.#rest = rest
  }

  /** Milliseconds since the beginning, with fractions. */
  get elapsedMs(): number {
    return this.#clock.now()
  }

  now(): number {
    return BEGIN_MS + Math.floor(this.elapsedMs)
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, ms, signal)
  }

  after(ms: number, task: () => void): () => void {
    return this.#clock.after(ms, task)
  }

  advance(ms: number): Promise<void> {
    return this.#clock.advance(ms, this.#rest)
  }
}

interface Alarm {
  readonly task: () => void
  cancel: () => void
}

/**
 * The clock of one life of a hub: the world's, set wrong by `skewMs`. When the life has ended its alarms come at once, in real time, so that what
 * is left of it can be cleared away while the world's time stands.
 */
export class LifeClock implements Clock {
  readonly #world: WorldClock
  readonly #skewMs: () => number
  readonly #alarms = new Set<Alarm>()
  #endedAt: number | undefined

  constructor(world: WorldClock, skewMs: () => number) {
    this.#world = world
    this.#skewMs = skewMs
  }

  now(): number {
    return this.#endedAt ?? this.#world.now() + this.#skewMs()
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, ms, signal)
  }

  after(ms: number, task: () => void): () => void {
    const alarm: Alarm = {
      task: () => {
        this.#alarms.delete(alarm)
        task()
      },
      cancel: () => undefined,
    }
    this.#alarms.add(alarm)
    if (this.#endedAt === undefined) alarm.cancel = this.#world.after(ms, alarm.task)
    else soon(alarm)
    return () => {
      this.#alarms.delete(alarm)
      alarm.cancel()
    }
  }

  end(): void {
    this.#endedAt = this.now()
    for (const alarm of this.#alarms) {
      alarm.cancel()
      soon(alarm)
    }
  }
}

function soon(alarm: Alarm): void {
  const timer = setTimeout(alarm.task, 1)
  alarm.cancel = () => clearTimeout(timer)
}
