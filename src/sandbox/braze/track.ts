/**
 * `POST /users/track`: attributes, then events, then purchases. At most 75 objects in all three together (legacy
 * plans: 75 in each, a setting). Valid objects are taken, invalid ones listed under `errors`; 400 only when none is valid.
 */

import { type Answer, isObject, json } from '../answer.ts'
import { applyAttributes } from './attributes.ts'
import { findOrCreate, isText, type Who, whoOf } from './identifiers.ts'
import type { Deeds, Profile, Profiles } from './profiles.ts'

export const TRACK_OBJECTS_MAX = 75

const ARRAYS = ['attributes', 'events', 'purchases'] as const
type ArrayName = (typeof ARRAYS)[number]

const QUANTITY_MAX = 100

interface ItemError {
  readonly type: string
  readonly input_array: ArrayName
  readonly index: number
}

interface Item {
  readonly given: Readonly<Record<string, unknown>>
  readonly who: Who
}

export interface TrackRules {
  /** Each array may hold 75 objects, not all together. */
  readonly legacyLimit: boolean
  /** Why an object is refused although nothing is wrong with it: a fault that is set. */
  readonly refusal: (id: string | undefined, given: Readonly<Record<string, unknown>>) => string | undefined
}

export interface Tracked {
  readonly answer: Answer
  readonly dataPoints: number
  /** It held more objects than a request may. */
  readonly overLimit?: true
}

export function track(
  body: Readonly<Record<string, unknown>>,
  profiles: Profiles,
  nowMs: number,
  rules: TrackRules,
): Tracked {
  const sent = ARRAYS.filter((name) => body[name] !== undefined)
  const misshapen = sent.find((name) => !Array.isArray(body[name]))
  if (misshapen !== undefined) return refused(`'${misshapen}' must be an array of objects`)
  const lengths = sent.map((name) => (body[name] as unknown[]).length)
  const most = rules.legacyLimit ? Math.max(0, ...lengths) : lengths.reduce((sum, length) => sum + length, 0)
  if (most > TRACK_OBJECTS_MAX) return { ...refused('Max Input Length Exceeded'), overLimit: true }
  return applied(body, sent, profiles, nowMs, rules)
}

function applied(
  body: Readonly<Record<string, unknown>>,
  sent: readonly ArrayName[],
  profiles: Profiles,
  nowMs: number,
  { refusal }: TrackRules,
): Tracked {
  const errors: ItemError[] = []
  const processed: Partial<Record<`${ArrayName}_processed`, number>> = {}
  let dataPoints = 0
  let valid = 0
  for (const name of sent) {
    const items = (body[name] as unknown[]).flatMap((given, index) => {
      const item = itemOf(name, given)
      const why = typeof item === 'string' ? item : refusal(idOf(item.who), item.given)
      if (typeof item !== 'string' && why === undefined) return [item]
      errors.push({ type: String(why), input_array: name, index })
      return []
    })
    for (const { given, who } of items) {
      const profile = findOrCreate(profiles, who, given._update_existing_only, nowMs)
      if (profile !== undefined) dataPoints += APPLY[name](profiles, profile, given, nowMs)
    }
    processed[`${name}_processed`] = items.length
    valid += items.length
  }
  if (valid === 0) {
    const message = "Valid data must be provided in the 'attributes', 'events', or 'purchases' fields."
    return { answer: json(400, { message, ...(errors.length === 0 ? {} : { errors }) }), dataPoints: 0 }
  }
  const answer = json(201, { message: 'success', ...processed, ...(errors.length === 0 ? {} : { errors }) })
  return { answer: { ...answer, accepted: valid }, dataPoints }
}

/** What a refusal names: an external or Braze id, the name of an alias. */
function idOf(who: Who): string | undefined {
  if (who.by === 'alias') return who.alias.name
  return who.by === 'external_id' || who.by === 'braze_id' ? who.id : undefined
}

/** A text says why the object is invalid. */
function itemOf(name: ArrayName, given: unknown): Item | string {
  if (!isObject(given)) return 'must be an object'
  const who = whoOf(given)
  if (typeof who === 'string') return who
  return CHECKS[name](given) ?? { given, who }
}

const CHECKS: Readonly<Record<ArrayName, (given: Readonly<Record<string, unknown>>) => string | undefined>> =
  {
    attributes({ email }) {
      const odd = email !== undefined && email !== null && !/^[^@\s]+@[^@\s]+$/.test(String(email))
      return odd ? "'email' is not a valid email address" : undefined
    },
    events({ name, time }) {
      if (!isText(name)) return "'name' is required"
      return timeOf(time) === undefined ? "'time' must be an ISO 8601 datetime" : undefined
    },
    purchases({ product_id: product, currency, price, quantity, time }) {
      if (!isText(product)) return "'product_id' is required"
      if (!isText(currency) || !/^[A-Z]{3}$/.test(currency)) return "'currency' must be an ISO 4217 code"
      if (typeof price !== 'number') return "'price' must be a number"
      if (quantity !== undefined && !isQuantity(quantity)) return "'quantity' must be from 1 to 100"
      return timeOf(time) === undefined ? "'time' must be an ISO 8601 datetime" : undefined
    },
  }

const APPLY: Readonly<
  Record<
    ArrayName,
    (profiles: Profiles, profile: Profile, given: Readonly<Record<string, unknown>>, nowMs: number) => number
  >
> = {
  attributes(profiles, profile, given, nowMs) {
    profile.updatedAtMs = nowMs
    return applyAttributes(profiles, profile, given)
  },
  events(_profiles, profile, given, nowMs) {
    profile.events ??= new Map()
    note(profile.events, String(given.name), timeOf(given.time) ?? nowMs, nowMs, 1)
    return 1
  },
  purchases(_profiles, profile, given, nowMs) {
    profile.purchases ??= new Map()
    const times = typeof given.quantity === 'number' ? given.quantity : 1
    note(profile.purchases, String(given.product_id), timeOf(given.time) ?? nowMs, nowMs, times)
    return times
  },
}

/** Times in the future become now. Nothing tells a repeat: the same event twice counts twice. */
function note(deeds: Map<string, Deeds>, name: string, atMs: number, nowMs: number, times: number): void {
  const at = Math.min(atMs, nowMs)
  const before = deeds.get(name)
  if (before === undefined) deeds.set(name, { first: at, last: at, count: times })
  else {
    before.first = Math.min(before.first, at)
    before.last = Math.max(before.last, at)
    before.count += times
  }
}

/** `2026-01-02T03:04:05:678Z` is one of the documented forms, too. */
function timeOf(value: unknown): number | undefined {
  if (!isText(value)) return undefined
  const at = Date.parse(value.replace(/(T\d\d:\d\d:\d\d):(\d{3})/, '$1.$2'))
  return Number.isNaN(at) ? undefined : at
}

function isQuantity(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= QUANTITY_MAX
}

function refused(message: string): Tracked {
  return { answer: json(400, { message }), dataPoints: 0 }
}
