/** The members of one event at a time, as rows in memory that is used again. Room for more than usual is made when an event needs it. */

import type { Kernel } from './kernel.ts'

/** Words of a row: parent (0 = root, else 1 + the parent's row), key start, key end, value start, value end. */
export const MEMBER_WORDS = 5

const ROWS_FIRST = 512
/** `"":0` and a comma are five bytes; the last member has no comma. */
const MEMBER_BYTES_MIN = 4
/** Larger tables serve one event and go. */
const KEPT_WORDS_MAX = 65_536 * MEMBER_WORDS

export class MemberTable {
  readonly #kernel: Kernel
  #kept = new Uint32Array(ROWS_FIRST * MEMBER_WORDS)
  /** Of the event listed last. */
  rows = this.#kept

  constructor(kernel: Kernel) {
    this.#kernel = kernel
  }

  /** Gives the number of rows. Throws TypeError when the bytes are not one event that a scan accepts. */
  list(event: Uint8Array): number {
    this.rows = this.#kept
    try {
      return this.#kernel.members(event, this.rows)
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
    }
    this.rows = new Uint32Array((Math.ceil(event.length / MEMBER_BYTES_MIN) + 1) * MEMBER_WORDS)
    if (this.rows.length <= KEPT_WORDS_MAX) this.#kept = this.rows
    return this.#kernel.members(event, this.rows)
  }
}
