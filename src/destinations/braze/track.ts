/**
 * `/users/track` with attributes: what is the same for all who write attributes of people who exist. It costs a data
 * point for each attribute of each object.
 *
 * | answer             | here                                                             |
 * |--------------------|------------------------------------------------------------------|
 * | 2xx                | accepted, but for the objects that `errors` names: dead letters   |
 * | 400                | the objects that `errors` names are refused; without: split       |
 * | 401, 403, 404      | the connection halts until key or address are mended             |
 * | 429, 5xx           | later                                                            |
 */

import * as z from 'zod'
import type { Address } from '../../core/audience-change.ts'
import type { Limits } from '../../core/batch.ts'
import { answerText, type Exchange, type WireReply, type WireRequest } from '../../core/exchange.ts'
import type { Fault } from '../../core/fault.ts'
import { DELIVERED, failed, type Receipt } from '../../core/receipt.ts'
import { Secret, spellings } from '../credential.ts'
import type { Target } from '../destination.ts'
import { type Endpoint, faultOf, restUrl } from './endpoint.ts'

/** Objects of all three arrays together; legacy plans allow 75 in each (Braze, API limits). */
export const TRACK_OBJECTS_MAX = 75

export const attributeName = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[^$]/, 'The name of an attribute does not begin with $')

export const threads = z.int().min(1).max(32).default(5).describe('Requests under way at once.')

export const TrackCredentials = z.strictObject({
  restKey: Secret.describe(
    'REST API key with the permission users.track; for reconciling an export, users.export.ids, too.',
  ),
})
export type TrackCredentials = z.infer<typeof TrackCredentials>

type TrackTarget = Target<Endpoint, TrackCredentials>

export function trackLimits({ threads: inFlightMax }: { readonly threads: number }): Limits {
  return { recordsMax: TRACK_OBJECTS_MAX, bytesMax: 1_000_000, waitMs: 200, inFlightMax }
}

/** An object that means nobody: an accepted key gets 400 for it, and nothing changes. */
export function* checkTrack(target: TrackTarget): Exchange<Receipt> {
  const fault = faultOf(yield trackRequest(target, [{}]))
  return fault === undefined || fault.kind === 'invalid' ? DELIVERED : failed(fault)
}

/** One request with these objects, none: none; one receipt for each object. */
export function* tracked(target: TrackTarget, attributes: readonly object[]): Exchange<readonly Receipt[]> {
  if (attributes.length === 0) return []
  return receiptsOf(yield trackRequest(target, attributes), attributes.length)
}

/** As `/users/track` names somebody. `existingOnly`: Braze changes those whom it knows, and makes nobody. */
export function personObject({ kind, label, value }: Address, existingOnly: boolean): object {
  const who = kind === 'alias' ? { user_alias: { alias_name: value, alias_label: label } } : { [kind]: value }
  return { ...who, _update_existing_only: existingOnly }
}

function trackRequest({ settings, credentials }: TrackTarget, attributes: readonly object[]): WireRequest {
  return {
    method: 'POST',
    url: restUrl(settings, '/users/track'),
    headers: { 'content-type': 'application/json', authorization: `Bearer ${credentials.restKey}` },
    body: Buffer.from(JSON.stringify({ attributes })),
    secrets: spellings(credentials.restKey),
  }
}

interface ItemError {
  readonly type?: unknown
  readonly index?: unknown
}

/** One receipt for each object that was sent. Errors that name no object leave open which ones were taken. */
function receiptsOf(reply: WireReply, count: number): readonly Receipt[] {
  const fault = faultOf(reply)
  if (fault !== undefined && fault.kind !== 'invalid') return new Array<Receipt>(count).fill(failed(fault))
  const errors = errorsIn(reply)
  const named = new Map<number, ItemError>()
  for (const error of errors) if (isIndex(error.index, count)) named.set(error.index, error)
  if (named.size < errors.length) {
    const message = 'Braze reports errors without saying of which objects'
    return new Array<Receipt>(count).fill(failed(itemFault(reply, 'unclear', message)))
  }
  // Refused as a whole: without a word about single objects it is for delivery to find them by halving.
  const otherwise = fault === undefined ? DELIVERED : failed(fault)
  return Array.from({ length: count }, (_, i) => {
    const error = named.get(i)
    if (error === undefined) return otherwise
    const why = typeof error.type === 'string' ? error.type.slice(0, 500) : 'no reason given'
    return failed(itemFault(reply, 'invalid', `Braze refuses this update: ${why}`))
  })
}

function errorsIn(reply: WireReply): readonly ItemError[] {
  let answer: unknown
  try {
    answer = JSON.parse(new TextDecoder().decode(reply.body))
  } catch {
    // A 2xx without JSON names no errors; a 400 is told by its status.
    return []
  }
  const errors = (answer as { errors?: unknown } | null)?.errors
  return Array.isArray(errors) ? errors.filter((error) => typeof error === 'object' && error !== null) : []
}

function isIndex(value: unknown, count: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < count
}

function itemFault(reply: WireReply, kind: 'invalid' | 'unclear', message: string): Fault {
  return { kind, message, status: reply.status, answer: answerText(reply) }
}
