/**
 * Tries a Treasure Data table without leaving a row behind.
 *
 *   Postback: an empty array. A row is an object, so this is refused with 400 or ignored; either shows that the address is right.
 *   Records: a request without records (the API takes 1 to 500), where 401, 403 or 404 tell of a wrong key or table.
 */

import type { Exchange } from '../../core/exchange.ts'
import { DELIVERED, failed, type Receipt } from '../../core/receipt.ts'
import type { Target } from '../destination.ts'
import { RECORDS_ENVELOPE, wrapped } from '../envelope.ts'
import { placeOf } from './place.ts'
import type { TreasureDataCredentials, TreasureDataSettings } from './settings.ts'
import { type Draft, faultOf, postbackDraft, recordsDraft } from './wire.ts'

const NO_ROW = new TextEncoder().encode('[]')
const NO_RECORDS = wrapped(RECORDS_ENVELOPE, [])

export function* checkTreasureData(
  target: Target<TreasureDataSettings, TreasureDataCredentials>,
): Exchange<Receipt> {
  const { settings, credentials } = target
  const place = placeOf(settings)
  if (settings.form !== 'records') {
    const receipt = yield* probe(postbackDraft(place.url, credentials.writeKey, settings.keyIn), [NO_ROW])
    // Postback says nothing about the key. Without a records endpoint beside it, that is all that can be
    // known.
    if (receipt.outcome !== 'delivered' || place.recordsUrl === undefined) return receipt
  }
  const url = settings.form === 'records' ? place.url : (place.recordsUrl ?? place.url)
  return yield* probe(recordsDraft(url, credentials.writeKey), NO_RECORDS)
}

function* probe(draft: Draft, body: readonly Uint8Array[]): Exchange<Receipt> {
  const fault = faultOf(yield { ...draft, body })
  // 400 refuses the empty body only: it is the answer that was asked for.
  return fault === undefined || fault.kind === 'invalid' ? DELIVERED : failed(fault)
}
