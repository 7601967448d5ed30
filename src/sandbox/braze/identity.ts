/**
 * `/users/identify`, `/users/alias/new` and `/users/delete`: at most 50 objects a call. An alias or id that nobody has
 * still counts as processed: the answer says success, nothing happens.
 */

import { type Answer, isObject, json } from '../answer.ts'
import { aliasOf, find, isText, whoOf } from './identifiers.ts'
import type { Profile, Profiles } from './profiles.ts'

export const IDENTITY_OBJECTS_MAX = 50

interface ItemError {
  readonly type: string
  readonly input_array: string
  readonly index: number
}

/** `moved(from, to)`: what was kept of `from` elsewhere (cohorts) now belongs to `to`. */
export type Moved = (from: Profile, to: Profile) => void

export function identify(
  body: Readonly<Record<string, unknown>>,
  profiles: Profiles,
  nowMs: number,
  moved: Moved,
): Answer {
  return eachOf(body, 'aliases_to_identify', 'aliases_processed', (given) => {
    const alias = aliasOf(given.user_alias)
    if (!isText(given.external_id)) return "'external_id' is required"
    if (alias === undefined) return "'user_alias' must have 'alias_name' and 'alias_label'"
    const anonymous = profiles.byAlias(alias)
    if (anonymous === undefined || anonymous.identified) return undefined
    const known = profiles.byExternalId(given.external_id)
    if (known === undefined) profiles.identify(anonymous, given.external_id)
    else if (!sharesLabel(known, anonymous)) merge(profiles, anonymous, known, nowMs, moved)
    return undefined
  })
}

export function newAliases(
  body: Readonly<Record<string, unknown>>,
  profiles: Profiles,
  nowMs: number,
): Answer {
  return eachOf(body, 'user_aliases', 'aliases_processed', (given) => {
    const alias = aliasOf(given)
    if (alias === undefined) return "'alias_name' and 'alias_label' are required"
    if (given.external_id === undefined) {
      if (profiles.byAlias(alias) === undefined) profiles.addAlias(profiles.create(undefined, nowMs), alias)
      return undefined
    }
    const owner = isText(given.external_id) ? profiles.byExternalId(given.external_id) : undefined
    if (owner !== undefined) profiles.addAlias(owner, alias)
    return undefined
  })
}

/** `gone(profile)`: it must leave what else keeps it. */
export function deleteUsers(
  body: Readonly<Record<string, unknown>>,
  profiles: Profiles,
  gone: (profile: Profile) => void,
): Answer {
  const given = [
    ...textsOf(body.external_ids).map((id) => ({ external_id: id })),
    ...textsOf(body.braze_ids).map((id) => ({ braze_id: id })),
    ...(Array.isArray(body.user_aliases) ? body.user_aliases.map((alias) => ({ user_alias: alias })) : []),
  ]
  if (given.length === 0 || given.length > IDENTITY_OBJECTS_MAX)
    return json(400, { message: `from 1 to ${IDENTITY_OBJECTS_MAX} users may be deleted at once` })
  let deleted = 0
  for (const one of given) {
    const who = whoOf(one)
    const profile = typeof who === 'string' ? undefined : find(profiles, who)
    if (profile === undefined) continue
    gone(profile)
    profiles.remove(profile)
    deleted++
  }
  return json(200, { deleted, message: 'success' })
}

function eachOf(
  body: Readonly<Record<string, unknown>>,
  array: string,
  processed: string,
  take: (given: Readonly<Record<string, unknown>>) => string | undefined,
): Answer {
  const items = body[array]
  if (!Array.isArray(items) || items.length === 0)
    return json(400, { message: `'${array}' must be an array` })
  if (items.length > IDENTITY_OBJECTS_MAX)
    return json(400, { message: `'${array}' must have at most ${IDENTITY_OBJECTS_MAX} objects` })
  const errors = items.flatMap((given: unknown, index): ItemError[] => {
    const type = isObject(given) ? take(given) : 'must be an object'
    return type === undefined ? [] : [{ type, input_array: array, index }]
  })
  const done = items.length - errors.length
  if (done === 0) return json(400, { message: 'no valid objects were given', errors })
  return json(201, { [processed]: done, message: 'success', ...(errors.length === 0 ? {} : { errors }) })
}

/** Two names under one label: Braze does not merge such profiles. */
function sharesLabel(one: Profile, other: Profile): boolean {
  for (const label of one.aliases?.keys() ?? []) if (other.aliases?.has(label) === true) return true
  return false
}

/** The anonymous profile is swallowed: only what is empty on the identified one is filled, counts are summed. */
function merge(profiles: Profiles, from: Profile, to: Profile, nowMs: number, moved: Moved): void {
  const { aliases, devices, fields, custom } = from
  moved(from, to)
  profiles.remove(from)
  for (const [label, name] of aliases ?? []) profiles.addAlias(to, { label, name })
  for (const device of devices ?? []) profiles.addDevice(to, device)
  for (const [name, value] of fields ?? [])
    if (to.fields?.has(name) !== true) profiles.setField(to, name, value)
  for (const [name, value] of custom ?? []) {
    to.custom ??= new Map()
    if (!to.custom.has(name)) to.custom.set(name, value)
  }
  to.events = summed(to.events, from.events)
  to.purchases = summed(to.purchases, from.purchases)
  to.updatedAtMs = nowMs
}

function summed(one: Profile['events'], other: Profile['events']): Profile['events'] {
  if (one === undefined || other === undefined) return one ?? other
  for (const [name, deeds] of other) {
    const mine = one.get(name)
    if (mine === undefined) one.set(name, deeds)
    else
      one.set(name, {
        first: Math.min(mine.first, deeds.first),
        last: Math.max(mine.last, deeds.last),
        count: mine.count + deeds.count,
      })
  }
  return one
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter(isText) : []
}
