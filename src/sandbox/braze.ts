/**
 * Braze: the senders of Currents connectors, and a port on which their state can be read. Braze's own REST
 * API does not answer here: every vendor path is 404.
 *
 *   GET /sandbox/state      the senders with their statistics (SenderState), beside what double.ts describes
 */

import { ThalwegError } from '../core/errors.ts'
import { type Answer, json } from './answer.ts'
import { Arrivals } from './arrivals.ts'
import type { Setting, Vendor } from './double.ts'
import { Sender, type SenderOptions } from './sender.ts'

/** Connectors per workspace; ours, generous. */
export const SENDERS_MAX = 32

export class Braze implements Vendor {
  readonly name = 'braze'
  readonly marker = 'event_type"'
  /** Nothing arrives at Braze yet. */
  readonly arrivals = new Arrivals(0)
  readonly #setting: Setting
  readonly #senders: Sender[] = []

  constructor(setting: Setting) {
    this.#setting = setting
  }

  /**
   * Starts a connector's sender on this double's clock and randomness. Throws INPUT_INVALID beyond 32, or for
   * a name twice.
   */
  startSender(options: Omit<SenderOptions, 'clock' | 'random'>): Sender {
    if (this.#senders.length >= SENDERS_MAX || this.#senders.some((sender) => sender.name === options.name)) {
      throw new ThalwegError(
        'INPUT_INVALID',
        `A sender named ${options.name} exists, or there are ${SENDERS_MAX}`,
      )
    }
    const { clock, random } = this.#setting
    const sender = new Sender({ ...options, clock, random })
    this.#senders.push(sender)
    sender.start()
    return sender
  }

  answer(): Answer {
    return json(404, { message: 'not found' })
  }

  answerUnread(): Answer {
    return this.answer()
  }

  tooMany(retryAfterS: number): Answer {
    return { ...json(429, { message: 'rate limited' }), headers: { 'retry-after': String(retryAfterS) } }
  }

  inspect(): Answer | undefined {
    return undefined
  }

  state(): Record<string, unknown> {
    return { senders: this.#senders.map((sender) => sender.state()) }
  }

  /** Senders keep their books: what they have under way cannot be forgotten. */
  reset(): void {}

  async close(): Promise<void> {
    await Promise.all(this.#senders.map((sender) => sender.stop()))
  }
}
