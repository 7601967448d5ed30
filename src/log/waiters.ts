/** Readers that wait for the head of a log to move. */

import { offAbort, onAbort } from '../core/aborts.ts'

interface Waiter {
  readonly offset: number
  readonly wake: () => void
}

export class Waiters {
  /** One per reader that waits. */
  #waiters: Waiter[] = []

  /** Resolves when `advanced` is told a head beyond `offset`, when all are woken, or when the signal is aborted, which it must not be yet. */
  wait(offset: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter)
        offAbort(signal, wake)
        resolve()
      }
      const waiter: Waiter = { offset, wake }
      this.#waiters.push(waiter)
      onAbort(signal, wake)
    })
  }

  advanced(head: number): void {
    for (const waiter of this.#waiters) if (waiter.offset < head) waiter.wake()
  }

  wakeAll(): void {
    for (const waiter of this.#waiters) waiter.wake()
  }
}
