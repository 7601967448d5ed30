/**
 * Membership as an attribute of the Braze profile, by `/users/track`: a value in an array attribute, or one boolean
 * attribute. For those without a partner key. It costs a data point a change; only people who exist are changed. Braze
 * cannot find people by device here: such decisions are skipped.
 */

import * as z from 'zod'
import type { EventBatch } from '../../core/batch.ts'
import type { Exchange } from '../../core/exchange.ts'
import { DELIVERED, type Receipt, skipped } from '../../core/receipt.ts'
import type { Destination, EventWriter, Target } from '../destination.ts'
import { decisionsOf, type Placed } from './decisions.ts'
import { checkEndpoint, host, instance } from './endpoint.ts'
import {
  attributeName,
  checkTrack,
  personObject,
  TrackCredentials,
  threads,
  tracked,
  trackLimits,
} from './track.ts'

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
    threads,
  })
  .superRefine((settings, context) => {
    checkEndpoint(settings, context)
    if ((settings.form === 'array') === (settings.value !== undefined)) return
    const message =
      settings.form === 'array' ? 'Form array needs the value of the element' : 'Form boolean has no value'
    context.addIssue({ code: 'custom', path: ['value'], message })
  })
export type AttributeSettings = z.infer<typeof AttributeSettings>

export const brazeAttribute: Destination<AttributeSettings, TrackCredentials> = {
  name: 'braze-attribute',
  title: 'Braze attribute',
  description:
    'Membership as a custom attribute of Braze profiles, by /users/track: needs a REST key only, costs a data point a change.',
  settings: AttributeSettings,
  credentials: TrackCredentials,
  check: checkTrack,
  memberships: {
    limits: trackLimits,
    writer: (target) => new AttributeWriter(target),
  },
}

const NO_IDENTIFIER = skipped('no_identifier')

class AttributeWriter implements EventWriter {
  readonly #target: Target<AttributeSettings, TrackCredentials>

  constructor(target: Target<AttributeSettings, TrackCredentials>) {
    this.#target = target
  }

  *write(batch: EventBatch): Exchange<readonly Receipt[]> {
    const { decisions, receipts } = decisionsOf(batch)
    const sent = decisions.filter(({ who }) => who.kind !== 'device_id')
    const answers = yield* tracked(
      this.#target,
      sent.map((decision) => this.#object(decision)),
    )
    const told = new Map(sent.map(({ place }, i) => [place, answers[i] ?? DELIVERED]))
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
    // Those by device are not sent.
    const kind = who.kind === 'device_id' ? 'external_id' : who.kind
    const written = form === 'boolean' ? enters : enters ? { add: [value] } : { remove: [value] }
    return { ...personObject({ ...who, kind }, true), [attribute]: written }
  }
}
