/**
 * Membership as an attribute of the Braze profile, by `/users/track`: a value in an array attribute, or one boolean
 * attribute. For those without a partner key. It costs a data point a change; only people who exist are changed. Braze
 * cannot find people by device here: such decisions are skipped.
 *
 * | answer             | here                                                             |
 * |--------------------|------------------------------------------------------------------|
 * | 2xx                | accepted, but for the objects that `errors` names: dead letters   |
 * | 400                | the objects that `errors` names are refused; without: split       |
 * | 401, 403, 404      | the connection halts until key or address are mended             |
 * | 429, 5xx           | later                                                            |
 */

import * as z from 'zod'
import type { EventBatch, Limits } from '../../core/batch.ts'
import { answerText, type Exchange, type WireReply, type WireRequest } from '../../core/exchange.ts'
import type { Fault } from '../../core/fault.ts'
import type { Identifier } from '../../core/membership.ts'
import { DELIVERED, failed, type Receipt, skipped } from '../../core/receipt.ts'
import { Secret, spellings } from '../credential.ts'
import type { Destination, EventWriter, Target } from '../destination.ts'
import { decisionsOf, type Placed } from './decisions.ts'
import { checkEndpoint, faultOf, host, instance, restUrl } from './endpoint.ts'

/** Objects of all three arrays together; legacy plans allow 75 in each (Braze, API limits). */
export const TRACK_OBJECTS_MAX = 75

const attributeName = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[^$]/, 'The name of an attribute does not begin with $')

export const AttributeSettings = z
  .strictObject({
    instance,
    host,
    form: z
      .enum(['array', 'boolean'])
      .default('array')
      .describe(
        'array: a value that is added to and removed from an array attribute; Braze keeps 25 elements by default. boolean: one attribute that is true while somebody is in.',
      ),
    attribute: attributeName.describe('Name of the custom attribute.'),
    value: z
      .string()
      .min(1)
      .max(255)
      .optional()
      .describe('Form array: the element that means this audience.'),
    threads: z.int().min(1).max(32).default(5).describe('Requests under way at once.'),
  })
  .superRefine((settings, context) => {
    checkEndpoint(settings, context)
    if ((settings.form === 'array') === (settings.value !== undefined)) return
    const message =
      settings.form === 'array' ? 'Form array needs the value of the element' : 'Form boolean has no value'
    context.addIssue({ code: 'custom', path: ['value'], message })
  })
export type AttributeSettings = z.infer<typeof AttributeSettings>

export const AttributeCredentials = z.strictObject({
  restKey: Secret.describe('REST API key with the permission users.track.'),
})
export type AttributeCredentials = z.infer<typeof AttributeCredentials>

export const brazeAttribute: Destination<AttributeSettings, AttributeCredentials> = {
  name: 'braze-attribute',
  title: 'Braze attribute',
  description:
    'Membership as a custom attribute of Braze profiles, by /users/track: needs a REST key only, costs a data point a change.',
  settings: AttributeSettings,
  credentials: AttributeCredentials,
  /** An object that means nobody: an accepted key gets 400 for it, and nothing changes. */
  *check(target) {
    const fault = faultOf(yield requestOf(target, [{}]))
    return fault === undefined || fault.kind === 'invalid' ? DELIVERED : failed(fault)
  },
  memberships: {
    limits: ({ threads }): Limits => ({
      recordsMax: TRACK_OBJECTS_MAX,
      bytesMax: 1_000_000,
      waitMs: 200,
      inFlightMax: threads,
    }),
    writer: (target) => new AttributeWriter(target),
  },
}

const NO_IDENTIFIER = skipped('no_identifier')

class AttributeWriter implements EventWriter {
  readonly #target: Target<AttributeSettings, AttributeCredentials>

  constructor(target: Target<AttributeSettings, AttributeCredentials>) {
    this.#target = target
  }

  *write(batch: EventBatch): Exchange<readonly Receipt[]> {
    const { decisions, receipts } = decisionsOf(batch)
    const sent = decisions.filter(({ who }) => who.kind !== 'device_id')
    const told = new Map<number, Receipt>()
    if (sent.length > 0) {
      const reply = yield requestOf(
        this.#target,
        sent.map((decision) => this.#object(decision)),
      )
      const answers = receiptsOf(reply, sent.length)
      for (const [i, { place }] of sent.entries()) told.set(place, answers[i] ?? DELIVERED)
    }
    const unsent = new Set(decisions.filter((one) => !sent.includes(one)).map(({ place }) => place))
    // A name is nothing to an attribute: it is done.
    return receipts((place) => told.get(place) ?? (unsent.has(place) ? NO_IDENTIFIER : DELIVERED))
  }

  preview(batch: EventBatch, i: number): unknown {
    const decision = decisionsOf(batch).decisions.find(({ place }) => place === i)
    return decision === undefined || decision.who.kind === 'device_id' ? undefined : this.#object(decision)
  }

  #object({ who, enters }: Placed): object {
    const { form, attribute, value } = this.#target.settings
    const written = form === 'boolean' ? enters : enters ? { add: [value] } : { remove: [value] }
    return { ...personOf(who), _update_existing_only: true, [attribute]: written }
  }
}

function personOf({ kind, label, value }: Identifier): object {
  return kind === 'external_id'
    ? { external_id: value }
    : { user_alias: { alias_name: value, alias_label: label } }
}

function requestOf(
  { settings, credentials }: Target<AttributeSettings, AttributeCredentials>,
  attributes: readonly object[],
): WireRequest {
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
