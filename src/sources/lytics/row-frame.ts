/** A frame that a door fills itself: records one after another, joined by commas, with a row of items for each. */

import {
  ITEM_END,
  ITEM_FAULT,
  ITEM_FLAGS,
  ITEM_HAS_ID,
  ITEM_ID,
  ITEM_START,
  ITEM_WORDS,
} from '../../core/kernel/kernel.ts'
import { ROW_FAULTS, type RowFault } from '../../log/frame.ts'
import type { BodyBuffer } from '../body.ts'
import type { Items } from '../intake.ts'
import type { Refusal } from '../refusals.ts'
import type { Made } from './record.ts'

const ROWS_FIRST = 256
const COMMA = Buffer.from(',')

export class RowFrame {
  readonly body: BodyBuffer
  #items = new Uint32Array(ROWS_FIRST * ITEM_WORDS)
  count = 0

  constructor(body: BodyBuffer) {
    this.body = body
  }

  get items(): Items {
    return { count: this.count, items: this.#items }
  }

  /** After a refusal the frame is as it was. */
  add({ identity, pieces }: Made): Refusal | undefined {
    const refused = this.#write(pieces)
    if (refused !== undefined) return refused
    const row = this.count++ * ITEM_WORDS
    this.#items.set(identity, row + ITEM_ID)
    this.#items[row + ITEM_FLAGS] = ITEM_HAS_ID
    return undefined
  }

  /** Adds what could not be taken as a record. */
  addBroken(fault: RowFault, raw: Buffer): Refusal | undefined {
    const refused = this.#write([raw])
    if (refused !== undefined) return refused
    this.#items[this.count++ * ITEM_WORDS + ITEM_FAULT] = ROW_FAULTS.indexOf(fault)
    return undefined
  }

  #write(pieces: readonly (string | Buffer)[]): Refusal | undefined {
    const before = this.body.used
    const start = this.count === 0 ? before : before + COMMA.length
    if (this.count > 0) {
      const refused = this.body.add(COMMA)
      if (refused !== undefined) return refused
    }
    for (const piece of pieces) {
      const refused = this.body.add(typeof piece === 'string' ? Buffer.from(piece) : piece)
      if (refused === undefined) continue
      this.body.used = before
      return refused
    }
    if ((this.count + 1) * ITEM_WORDS > this.#items.length) {
      const grown = new Uint32Array(2 * this.#items.length)
      grown.set(this.#items)
      this.#items = grown
    }
    const row = this.count * ITEM_WORDS
    this.#items[row + ITEM_START] = start
    this.#items[row + ITEM_END] = this.body.used
    return undefined
  }
}
