/**
 * Time as a dependency. Everything that waits or stamps asks a Clock, so that tests and simulations can drive it.
 */

import { offAbort, onAbort } from './aborts.ts'

export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number
  /** Resolves after `ms` milliseconds of this clock; resolves at once when `signal` is or becomes aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Calls `task` once after `ms`; returns the cancel function. Never keeps the process alive by itself. */
  after(ms: number, task: () => void): () => void
}

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) => sleepOn(systemClock, ms, signal),
  after(ms, task) {
    // setTimeout overflows past 2^31 ms: cap, the caller re-arms on a level anyway. A moment that has passed by now is at once.
    const timer = setTimeout(task, Math.max(0, Math.min(ms, 0x7fffffff)))
    timer.unref()
    return () => clearTimeout(timer)
  },
}

/**
 * Waits in real time, whatever clock the rest goes by, and keeps the process alive meanwhile: for what only gathers work or tries again,
 * which a stopped virtual clock must not hold up.
 */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** In the place of `pause` where a simulation lets its own time pass. */
export type Pause = (ms: number) => Promise<void>

interface Alarm {
  readonly at: number
  readonly sequence: number
  readonly task: () => void
}

/** A clock that stands still until told to move. Alarms fire in order of their time, then of their making. */
export class VirtualClock implements Clock {
  #now: number
  #sequence = 0
  #alarms: Alarm[] = []

  constructor(startMs: number) {
    this.#now = startMs
  }

  now(): number {
    return this.#now
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, ms, signal)
  }

  after(ms: number, task: () => void): () => void {
    const alarm: Alarm = { at: this.#now + Math.max(0, ms), sequence: this.#sequence++, task }
    this.#alarms.push(alarm)
    return () => {
      this.#alarms = this.#alarms.filter((other) => other !== alarm)
    }
  }

  /**
   * Moves time forward by `ms`, firing every alarm on the way. Between alarms time stands until `rest` resolves: by default
   * pending microtasks and I/O callbacks run.
   */
  async advance(ms: number, rest: () => Promise<void> = nextTurn): Promise<void> {
    const until = this.#now + ms
    for (;;) {
      await rest()
      const next = this.#earliest()
      if (next === undefined || next.at > until) break
      this.#alarms = this.#alarms.filter((other) => other !== next)
      this.#now = Math.max(this.#now, next.at)
      next.task()
    }
    this.#now = until
    await rest()
  }

  #earliest(): Alarm | undefined {
    let first: Alarm | undefined
    for (const alarm of this.#alarms) {
      if (
        first === undefined ||
        alarm.at < first.at ||
        (alarm.at === first.at && alarm.sequence < first.sequence)
      ) {
        first = alarm
      }
    }
    return first
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** `Clock.sleep` of a clock that has `after`. */
export function sleepOn(clock: Pick<Clock, 'after'>, ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const cancel = clock.after(ms, () => {
      if (signal !== undefined) offAbort(signal, stop)
      resolve()
    })
    function stop(): void {
      cancel()
      resolve()
    }
    if (signal !== undefined) onAbort(signal, stop)
  })
}
