/**
 * The audiences of a person as an array attribute of the Braze profile, by `/users/track`: slugs are added and removed,
 * all of one person in one object. For exports, which know what each person's array holds; nothing else writes here.
 */

import * as z from 'zod'
import { type AudienceChange, addressKey, audienceChangeOf } from '../../core/audience-change.ts'
import { type EventBatch, joinedText } from '../../core/batch.ts'
import type { Exchange } from '../../core/exchange.ts'
import { DELIVERED, type Receipt, skipped } from '../../core/receipt.ts'
import type { Destination, EventWriter, Target } from '../destination.ts'
import { checkEndpoint, host, instance } from './endpoint.ts'
import { lookUp } from './look-up.ts'
import {
  attributeName,
  checkTrack,
  personObject,
  TrackCredentials,
  threads,
  tracked,
  trackLimits,
} from './track.ts'

export const AudienceAttributeSettings = z
  .strictObject({
    instance,
    host,
    attribute: attributeName
      .default('lytics_segments')
      .describe('Name of the array attribute that holds the slugs of audiences.'),
    existingOnly: z
      .boolean()
      .default(true)
      .describe(
        'true: only people whom Braze knows are changed. false: Braze makes a profile for an external id or alias that it does not know.',
      ),
    threads,
  })
  .superRefine(checkEndpoint)
export type AudienceAttributeSettings = z.infer<typeof AudienceAttributeSettings>

type AttributeTarget = Target<AudienceAttributeSettings, TrackCredentials>

export const brazeAudiences: Destination<AudienceAttributeSettings, TrackCredentials> = {
  name: 'braze-audiences',
  title: 'Braze audiences',
  description:
    'The audiences of each person as slugs in an array attribute of the Braze profile, by /users/track: a data point for each change of a person. For exports of audiences.',
  settings: AudienceAttributeSettings,
  credentials: TrackCredentials,
  check: checkTrack,
  audiences: {
    limits: trackLimits,
    writer: (target) => new AudienceAttributeWriter(target),
    lookUp,
  },
}

const NO_CHANGE = skipped('not_an_audience_change')

class AudienceAttributeWriter implements EventWriter {
  readonly #target: AttributeTarget

  constructor(target: AttributeTarget) {
    this.#target = target
  }

  *write(batch: EventBatch): Exchange<readonly Receipt[]> {
    const { people, changes } = changesOf(batch)
    const answers = yield* tracked(
      this.#target,
      changes.map((change) => this.#object(change)),
    )
    return people.map((place) => (place === undefined ? NO_CHANGE : (answers[place] ?? DELIVERED)))
  }

  preview(batch: EventBatch, i: number): unknown {
    const { people, changes } = changesOf(batch)
    const change = changes[people[i] ?? -1]
    return change === undefined ? undefined : this.#object(change)
  }

  #object({ who, add, remove }: AudienceChange): object {
    const { attribute, existingOnly } = this.#target.settings
    return { ...personObject(who, existingOnly), [attribute]: { add, remove } }
  }
}

interface Changes {
  /** Of each record the place of its person in `changes`; undefined: it is no such record. */
  readonly people: readonly (number | undefined)[]
  /** Each person once: Braze does not say in which order it applies two objects about one. */
  readonly changes: readonly AudienceChange[]
}

function changesOf(batch: EventBatch): Changes {
  const places = new Map<string, number>()
  const changes: AudienceChange[] = []
  const records = JSON.parse(`[${joinedText(batch)}]`) as Record<string, unknown>[]
  const people = records.map((record) => {
    const change = audienceChangeOf(record)
    if (change === undefined) return undefined
    const key = addressKey(change.who)
    const place = places.get(key) ?? changes.length
    places.set(key, place)
    changes[place] = followedBy(changes[place], change)
    return place
  })
  return { people, changes }
}

/** What both do together: of a slug that both name, the later says what becomes of it. */
function followedBy(first: AudienceChange | undefined, then: AudienceChange): AudienceChange {
  if (first === undefined) return then
  const later = new Set([...then.add, ...then.remove])
  const before = (slugs: readonly string[]): string[] => slugs.filter((slug) => !later.has(slug))
  return {
    who: then.who,
    add: [...before(first.add), ...then.add],
    remove: [...before(first.remove), ...then.remove],
  }
}
