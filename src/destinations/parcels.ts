/**
 * Cuts records into request bodies that a vendor's limits allow, and accounts for them. For vendors that
 * limit more than delivery's batches do: bytes per record, or bytes of our mapped form instead of the bytes
 * that came. Pure: it copies nothing and sends nothing.
 */

import type { Exchange, WireReply, WireRequest } from '../core/exchange.ts'
import type { Fault } from '../core/fault.ts'
import { DELIVERED, failed, type Receipt } from '../core/receipt.ts'

/**
 * Record i lies at bytes[starts[i] .. ends[i]). Neighbours that stand one byte apart are joined by a comma
 * there.
 */
export interface Laid {
  readonly bytes: Uint8Array
  readonly starts: Uint32Array
  readonly ends: Uint32Array
  readonly count: number
}

export interface ParcelLimits {
  readonly recordsMax: number
  readonly recordBytesMax: number
  /** Records and the commas between them, without the envelope. */
  readonly bytesMax: number
}

export interface Parcel {
  /** Records [from, to) that had no receipt before. */
  readonly from: number
  readonly to: number
  readonly count: number
  /** The records joined by commas. */
  readonly pieces: readonly Uint8Array[]
}

/** One receipt per record as it becomes known. */
export type Receipts = (Receipt | undefined)[]

const UNTOLD = failed({
  kind: 'defect',
  message: 'A destination gave fewer receipts than it was sent records',
})

const COMMA = new Uint8Array([0x2c])

/**
 * Parcels of the records that have no receipt yet, in order, each within the limits. A record beyond
 * recordBytesMax, or too large to travel even alone, gets the receipt `tooLarge(its bytes)` and no parcel. At
 * most one parcel per record.
 */
export function parcelsOf(
  laid: Laid,
  limits: ParcelLimits,
  receipts: Receipts,
  tooLarge: (bytes: number) => Fault,
): Parcel[] {
  const parcels: Parcel[] = []
  const largest = Math.min(limits.recordBytesMax, limits.bytesMax)
  let packer: Packer | undefined
  for (let i = 0; i < laid.count; i++) {
    if (receipts[i] !== undefined) continue
    const bytes = (laid.ends[i] ?? 0) - (laid.starts[i] ?? 0)
    if (bytes > largest) {
      receipts[i] = failed(tooLarge(bytes))
      continue
    }
    if (
      packer === undefined ||
      packer.count === limits.recordsMax ||
      packer.bytes + 1 + bytes > limits.bytesMax
    ) {
      if (packer !== undefined) parcels.push(packer.close())
      packer = new Packer(laid, i)
    } else {
      packer.add(i)
    }
  }
  if (packer !== undefined) parcels.push(packer.close())
  return parcels
}

/** A parcel in the making: stretches of records that already lie joined stay one piece. */
class Packer {
  count = 1
  bytes: number
  readonly #laid: Laid
  readonly #from: number
  readonly #pieces: Uint8Array[] = []
  #to: number
  #start: number
  #end: number

  constructor(laid: Laid, i: number) {
    this.#laid = laid
    this.#from = i
    this.#to = i + 1
    this.#start = laid.starts[i] ?? 0
    this.#end = laid.ends[i] ?? 0
    this.bytes = this.#end - this.#start
  }

  add(i: number): void {
    const start = this.#laid.starts[i] ?? 0
    const end = this.#laid.ends[i] ?? 0
    if (start !== this.#end + 1) {
      this.#pieces.push(this.#laid.bytes.subarray(this.#start, this.#end), COMMA)
      this.#start = start
    }
    this.#end = end
    this.#to = i + 1
    this.bytes += 1 + end - start
    this.count++
  }

  close(): Parcel {
    this.#pieces.push(this.#laid.bytes.subarray(this.#start, this.#end))
    return { from: this.#from, to: this.#to, count: this.count, pieces: this.#pieces }
  }
}

export interface Conversation {
  request(parcel: Parcel): WireRequest
  /** What is wrong with the whole request; undefined when the vendor took it. */
  faultOf(reply: WireReply): Fault | undefined
  /** Receipts of a request that was taken, one per record; absent: all were delivered. */
  receiptsOf?(reply: WireReply, count: number): readonly Receipt[]
}

/**
 * Sends the parcels one after another and completes `receipts`. A refusal of the data concerns its own parcel
 * only; after any other fault nothing more is sent, and the records that were not sent get the same fault:
 * the vendor would say it again.
 */
export function* sendParcels(
  parcels: readonly Parcel[],
  receipts: Receipts,
  conversation: Conversation,
): Exchange<void> {
  let halt: Receipt | undefined
  for (const parcel of parcels) {
    if (halt !== undefined) {
      fill(receipts, parcel, always(halt))
      continue
    }
    const reply = yield conversation.request(parcel)
    const fault = conversation.faultOf(reply)
    if (fault === undefined) {
      const told = conversation.receiptsOf?.(reply, parcel.count)
      fill(receipts, parcel, (k) => (told === undefined ? DELIVERED : (told[k] ?? UNTOLD)))
      continue
    }
    const receipt = failed(fault)
    fill(receipts, parcel, always(receipt))
    if (fault.kind !== 'invalid' && fault.kind !== 'oversized') halt = receipt
  }
}

function always(receipt: Receipt): () => Receipt {
  return () => receipt
}

function fill(receipts: Receipts, parcel: Parcel, receiptOf: (k: number) => Receipt): void {
  let k = 0
  for (let i = parcel.from; i < parcel.to; i++) {
    if (receipts[i] === undefined) receipts[i] = receiptOf(k++)
  }
}

/** The receipts of a finished exchange; a hole is our mistake and says so. */
export function settled(receipts: Receipts): readonly Receipt[] {
  return receipts.includes(undefined)
    ? Array.from(receipts, (receipt) => receipt ?? UNTOLD)
    : (receipts as readonly Receipt[])
}
