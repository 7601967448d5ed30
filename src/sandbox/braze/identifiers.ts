/** Who an object of a call means (/users/track: external_id, user_alias, braze_id, email or phone). */

import { isObject } from '../answer.ts'
import type { Alias, Profile, Profiles } from './profiles.ts'

/** An external id stays below this many bytes (text of the live error, from rudder-transformer). */
export const EXTERNAL_ID_BYTES_MAX = 987

export type Who =
  | { readonly by: 'external_id'; readonly id: string }
  | { readonly by: 'alias'; readonly alias: Alias }
  | { readonly by: 'braze_id'; readonly id: string }
  | { readonly by: 'email' | 'phone'; readonly address: string }

/** A text says why there is nobody meant. */
export function whoOf(given: Readonly<Record<string, unknown>>): Who | string {
  const { external_id: externalId, user_alias: alias, braze_id: brazeId, email, phone } = given
  if (isText(externalId)) {
    return Buffer.byteLength(externalId) > EXTERNAL_ID_BYTES_MAX
      ? `external_id must be less than ${EXTERNAL_ID_BYTES_MAX + 1} bytes`
      : { by: 'external_id', id: externalId }
  }
  if (alias !== undefined) {
    const named = aliasOf(alias)
    return named === undefined
      ? "'user_alias' must have 'alias_name' and 'alias_label'"
      : { by: 'alias', alias: named }
  }
  if (isText(brazeId)) return { by: 'braze_id', id: brazeId }
  if (isText(email)) return { by: 'email', address: email }
  if (isText(phone)) return { by: 'phone', address: phone }
  return "'external_id', 'braze_id', 'user_alias', 'email' or 'phone' is required"
}

/** undefined: the value is no alias. */
export function aliasOf(value: unknown): Alias | undefined {
  if (!isObject(value) || !isText(value.alias_label) || !isText(value.alias_name)) return undefined
  return { label: value.alias_label, name: value.alias_name }
}

export function find(profiles: Profiles, who: Who): Profile | undefined {
  switch (who.by) {
    case 'external_id':
      return profiles.byExternalId(who.id)
    case 'alias':
      return profiles.byAlias(who.alias)
    case 'braze_id':
      return profiles.byBrazeId(who.id)
    default:
      return profiles.byField(who.by, who.address)
  }
}

/** The profile that is meant, made if the call may make it. */
export function findOrCreate(
  profiles: Profiles,
  who: Who,
  updateOnly: unknown,
  nowMs: number,
): Profile | undefined {
  const found = find(profiles, who)
  if (found !== undefined) return found
  if (who.by === 'braze_id' || updateOnly === true) return undefined
  // With an alias the default is to update only.
  if (who.by === 'alias' && updateOnly !== false) return undefined
  const made = profiles.create(who.by === 'external_id' ? who.id : undefined, nowMs)
  if (who.by === 'alias') profiles.addAlias(made, who.alias)
  if (who.by === 'email' || who.by === 'phone') profiles.setField(made, who.by, who.address)
  return made
}

export function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
