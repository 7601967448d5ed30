/** How long a sender waits for the log. */

import { ThalwegError } from '../core/errors.ts'

/** Shorter than senders usually wait, so that they hear from us why. */
const CONFIRMATION_MS_MAX = 8_000

/**
 * What `durable` resolves or rejects with; LOG_UNCONFIRMED when it takes too long, as when a cluster has lost its quorum. The log goes on with what it
 * took all the same: a sender that comes again is told of it by dedupe, once it is durable. Real time: a virtual clock does not move the disk.
 */
export function confirmed(durable: Promise<unknown>, withinMs = CONFIRMATION_MS_MAX): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const message = `The log did not confirm within ${withinMs / 1000} s; it may be kept or not`
      reject(new ThalwegError('LOG_UNCONFIRMED', message))
    }, withinMs)
    timer.unref()
    durable.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
