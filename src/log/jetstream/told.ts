/**
 * What other hubs told of messages that they appended, until those get their places. To be told costs the servers nothing that they would not do for
 * a bell; to ask for a message costs half as much as to append it. What is not here is asked for.
 */

import type { Message } from './message.ts'

/** Of one message: what is larger is asked for by those who have room for it. */
const BYTES_MAX = 256 * 1024
/** Of all that wait. */
const WAITING_BYTES_MAX = 8 * 1024 * 1024
/** Of more messages than hubs append in the same moment, some are older ones that nobody tells any more. */
const AWAITED_MAX = 8

export class Told {
  readonly #messages = new Map<number, Message>()
  /** Their hubs only rang. */
  readonly #untold = new Set<number>()
  #bytes = 0
  #changed: () => void = () => undefined
  /** Up to here messages may have been edited since they were told. */
  #refusedSeq = 0

  /** Whether a message is told. */
  static takes(body: Buffer): boolean {
    return body.length <= BYTES_MAX
  }

  keep(message: Message): void {
    const { seq, bytes } = message
    if (seq <= this.#refusedSeq || this.#messages.has(seq)) return
    if (this.#bytes + bytes.length > WAITING_BYTES_MAX) return
    this.#messages.set(seq, message)
    this.#bytes += bytes.length
    this.#changed()
  }

  /** It will not be told. */
  rung(seq: number): void {
    this.#untold.add(seq)
    this.#changed()
  }

  /**
   * Resolves when all from one sequence to another are told, or will not be, or after `ms`. Hubs that append in the same moment hear of their own
   * messages first, and of those before them right afterwards. By one at a time.
   */
  async within(from: number, to: number, ms: number): Promise<void> {
    if (to - from >= AWAITED_MAX || this.#hasAll(from, to)) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#changed = () => {
        if (!this.#hasAll(from, to)) return
        clearTimeout(timer)
        resolve()
      }
    })
    this.#changed = () => undefined
  }

  #hasAll(from: number, to: number): boolean {
    for (let seq = from; seq <= to; seq++)
      if (!this.#messages.has(seq) && !this.#untold.has(seq)) return false
    return true
  }

  at(seq: number): Message | undefined {
    return this.#messages.get(seq)
  }

  /** What lies up to a sequence has its place. */
  forget(seq: number): void {
    for (const one of this.#untold) if (one <= seq) this.#untold.delete(one)
    for (const [told, { bytes }] of this.#messages) {
      if (told > seq) continue
      this.#messages.delete(told)
      this.#bytes -= bytes.length
    }
  }

  /** A message was edited before it got its place here. */
  refuse(seq: number): void {
    this.#refusedSeq = Math.max(this.#refusedSeq, seq)
    this.forget(seq)
  }
}
