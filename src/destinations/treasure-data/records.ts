/**
 * The records API (Treasure Data, Data Ingestion API): one row per event and one receipt per row. At most 500
 * records of 1,000 KB each and 5 MB per request. In the nested layout the events travel as the bytes they
 * came in.
 */

import { type EventBatch, eventValue, type Limits } from '../../core/batch.ts'
import type { Fault } from '../../core/fault.ts'
import type { EventWriter, Target } from '../destination.ts'
import { envelopeBytes, enveloped, RECORDS_ENVELOPE, wrapped } from '../envelope.ts'
import { exactEventValue } from '../exact.ts'
import { type Laid, type ParcelLimits, parcelsOf, type Receipts, sendParcels, settled } from '../parcels.ts'
import { flatRow } from './flat.ts'
import { placeOf } from './place.ts'
import { receiptsOf } from './receipts.ts'
import type { TreasureDataCredentials, TreasureDataSettings } from './settings.ts'
import { faultOf, recordsDraft } from './wire.ts'

/** A vendor's KB and MB may be decimal or binary; the smaller reading is safe in both. */
const RECORD_BYTES_MAX = 1_000_000
const BODY_BYTES_MAX = 5_000_000
const RECORDS_MAX = 500

const PARCEL_LIMITS: ParcelLimits = {
  recordsMax: RECORDS_MAX,
  recordBytesMax: RECORD_BYTES_MAX,
  bytesMax: BODY_BYTES_MAX - envelopeBytes(RECORDS_ENVELOPE),
}

/**
 * Flat rows repeat their parents' names and escape nested text, so a batch of half the size still makes one
 * request.
 */
export function recordsLimits(layout: TreasureDataSettings['layout']): Limits {
  const bytesMax = layout === 'flat' ? PARCEL_LIMITS.bytesMax / 2 : PARCEL_LIMITS.bytesMax
  return { recordsMax: RECORDS_MAX, bytesMax: Math.floor(bytesMax), waitMs: 1000, inFlightMax: 4 }
}

export function recordsWriter(target: Target<TreasureDataSettings, TreasureDataCredentials>): EventWriter {
  const { settings, credentials } = target
  const draft = recordsDraft(placeOf(settings).url, credentials.writeKey)
  const flat = settings.layout === 'flat'
  return {
    *write(batch) {
      const receipts: Receipts = new Array(batch.count)
      const laid = flat ? flatRows(batch) : nestedRows(batch)
      const bodyOf = (pieces: readonly Uint8Array[]) =>
        flat ? wrapped(RECORDS_ENVELOPE, pieces) : enveloped(RECORDS_ENVELOPE, batch, pieces)
      yield* sendParcels(parcelsOf(laid, PARCEL_LIMITS, receipts, tooLarge), receipts, {
        request: (parcel) => ({ ...draft, body: bodyOf(parcel.pieces) }),
        faultOf,
        receiptsOf,
      })
      return settled(receipts)
    },
    preview: (batch, i) => (flat ? flatRow(exactEventValue(batch, i)) : eventValue(batch, i)),
  }
}

function nestedRows(batch: EventBatch): Laid {
  return { bytes: batch.joined, starts: batch.starts, ends: batch.ends, count: batch.count }
}

function flatRows(batch: EventBatch): Laid {
  const rows = Array.from({ length: batch.count }, (_, i) =>
    Buffer.from(JSON.stringify(flatRow(exactEventValue(batch, i)))),
  )
  const starts = new Uint32Array(batch.count)
  const ends = new Uint32Array(batch.count)
  const pieces: Uint8Array[] = []
  let at = 0
  for (const [i, row] of rows.entries()) {
    if (i > 0) {
      pieces.push(COMMA)
      at++
    }
    pieces.push(row)
    starts[i] = at
    at += row.length
    ends[i] = at
  }
  return { bytes: Buffer.concat(pieces, at), starts, ends, count: batch.count }
}

const COMMA = new Uint8Array([0x2c])

function tooLarge(bytes: number): Fault {
  return {
    kind: 'oversized',
    message: `The row has ${bytes} bytes; the records API takes at most ${RECORD_BYTES_MAX}. It was not sent`,
  }
}
