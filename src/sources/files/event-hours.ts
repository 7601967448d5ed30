/** The hour that an event in JSON happened in, read from its bytes. */

import type { Kernel } from '../../core/kernel/kernel.ts'

const TIME = Buffer.from('time')
const MEMBER_WORDS = 5
const MEMBERS_AT_FIRST = 256
const MEMBERS_MAX = 65_536
const HOUR_SECONDS = 3600
const HOURS_MAX = 0xffffffff

export class EventHours {
  readonly #kernel: Kernel
  #members = new Uint32Array(MEMBERS_AT_FIRST * MEMBER_WORDS)

  constructor(kernel: Kernel) {
    this.#kernel = kernel
  }

  /** Hours since the epoch; 0 for an event without a plain `time`. The bytes are one event that a scan accepts. */
  of(event: Buffer): number {
    const count = this.#find(event)
    for (let i = 0; i < count; i++) {
      const [parent, keyStart, keyEnd, start, end] = this.#members.subarray(i * MEMBER_WORDS)
      if (parent === 0 && event.subarray(keyStart, keyEnd).equals(TIME))
        return hourOf(Number(event.toString('latin1', start, end)))
    }
    return 0
  }

  #find(event: Buffer): number {
    for (;;) {
      try {
        return this.#kernel.members(event, this.#members)
      } catch (error) {
        const room = this.#members.length / MEMBER_WORDS
        if (!(error instanceof RangeError)) throw error
        if (room >= MEMBERS_MAX) return 0
        this.#members = new Uint32Array(2 * room * MEMBER_WORDS)
      }
    }
  }
}

/** Of Unix seconds. */
export function hourOf(seconds: number): number {
  const hour = Math.floor(seconds / HOUR_SECONDS)
  return hour >= 0 && hour <= HOURS_MAX ? hour : 0
}
