/** What became of one record in one exchange. A destination gives exactly one receipt per record, in order. */

import type { Fault } from './fault.ts'

export type Receipt = Delivered | Skipped | Failed

export interface Delivered {
  readonly outcome: 'delivered'
}
/** The destination knowingly does not send this record (for example: no name in its vocabulary). Counted as filtered. */
export interface Skipped {
  readonly outcome: 'skipped'
  /** snake_case, from a small fixed set: it becomes a ledger reason. */
  readonly reason: string
}
export interface Failed {
  readonly outcome: 'failed'
  readonly fault: Fault
}

export const DELIVERED: Delivered = Object.freeze({ outcome: 'delivered' })

export function skipped(reason: string): Skipped {
  return { outcome: 'skipped', reason }
}

export function failed(fault: Fault): Failed {
  return { outcome: 'failed', fault }
}

let allDelivered: readonly Receipt[] = []

/** The same receipt for each of `count` records. */
export function receiptForAll(count: number, receipt: Receipt): readonly Receipt[] {
  if (receipt !== DELIVERED) return new Array<Receipt>(count).fill(receipt)
  // Most batches end so, and most have the same size.
  if (allDelivered.length !== count) allDelivered = Object.freeze(new Array<Receipt>(count).fill(DELIVERED))
  return allDelivered
}
