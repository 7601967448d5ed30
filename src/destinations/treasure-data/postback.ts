/**
 * Postback, versions 3 and 2: one request makes one row, whose column `events` holds the events as a JSON
 * array. The events travel as the bytes they came in.
 */

import { type EventBatch, eventValue, type Limits } from '../../core/batch.ts'
import { DELIVERED, failed, receiptForAll } from '../../core/receipt.ts'
import type { EventWriter, Target } from '../destination.ts'
import { EVENTS_ENVELOPE, envelopeBytes, enveloped } from '../envelope.ts'
import { placeOf } from './place.ts'
import type { TreasureDataCredentials, TreasureDataSettings } from './settings.ts'
import { faultOf, postbackDraft } from './wire.ts'

/**
 * 100 events is what Braze sends. Version 3 publishes no limit in bytes; 1 MB stays below that of version 2.
 */
export const POSTBACK_LIMITS: Limits = { recordsMax: 100, bytesMax: 1_000_000, waitMs: 1000, inFlightMax: 4 }

/** Postback v2: a body beyond this is answered 413. */
const V2_BODY_BYTES_MAX = 1_048_064

function roomFor(bodyBytesMax: number): number {
  return bodyBytesMax - envelopeBytes(EVENTS_ENVELOPE)
}

export function postbackWriter(target: Target<TreasureDataSettings, TreasureDataCredentials>): EventWriter {
  const { settings, credentials } = target
  const draft = postbackDraft(placeOf(settings).url, credentials.writeKey, settings.keyIn)
  const bytesMax = settings.form === 'postback-v2' ? roomFor(V2_BODY_BYTES_MAX) : Number.POSITIVE_INFINITY
  return {
    *write(batch: EventBatch) {
      if (batch.count === 0) return []
      if (batch.joined.length > bytesMax)
        return receiptForAll(batch.count, failed(tooLarge(batch.joined.length)))
      const fault = faultOf(yield { ...draft, body: enveloped(EVENTS_ENVELOPE, batch) })
      return receiptForAll(batch.count, fault === undefined ? DELIVERED : failed(fault))
    },
    preview: (batch, i) => ({ events: [eventValue(batch, i)] }),
  }
}

function tooLarge(bytes: number) {
  return {
    kind: 'oversized',
    message: `${bytes} bytes of events do not fit into a Postback v2 body of ${V2_BODY_BYTES_MAX} bytes; nothing was sent`,
  } as const
}
