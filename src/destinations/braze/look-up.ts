/**
 * What Braze holds of people, by `/users/export/ids`: the array attribute of each, as it is there now. Reads only; needs
 * the permission users.export.ids.
 */

import { type Address, addressKey } from '../../core/audience-change.ts'
import { type Exchange, faultFrom, type WireReply, type WireRequest } from '../../core/exchange.ts'
import type { Fault } from '../../core/fault.ts'
import { spellings } from '../credential.ts'
import type { LookedUp, Target } from '../destination.ts'
import type { AudienceAttributeSettings } from './audience-attribute.ts'
import { faultOf, restUrl } from './endpoint.ts'
import type { TrackCredentials } from './track.ts'

/** External ids and aliases of one request together; by Braze id one person a request (Braze, /users/export/ids). */
export const LOOK_UP_MAX = 50

type LookUpTarget = Target<AudienceAttributeSettings, TrackCredentials>

/** As many requests as it takes; the first that fails ends it. */
export function* lookUp(target: LookUpTarget, people: readonly Address[]): Exchange<LookedUp | Fault> {
  const found = new Map<string, ReadonlySet<string>>()
  const together = people.filter(({ kind }) => kind !== 'braze_id')
  const asked: Address[][] = people.filter(({ kind }) => kind === 'braze_id').map((one) => [one])
  for (let from = 0; from < together.length; from += LOOK_UP_MAX)
    asked.push(together.slice(from, from + LOOK_UP_MAX))
  for (const some of asked) {
    const reply = yield requestFor(target, some)
    const users = faultOf(reply) ?? usersIn(reply)
    if ('kind' in users) return users
    for (const user of users) {
      const elements = elementsOf(user, target.settings.attribute)
      for (const address of addressesOf(user)) found.set(addressKey(address), elements)
    }
  }
  return found
}

/** External ids and aliases, or one Braze id. */
function requestFor({ settings, credentials }: LookUpTarget, people: readonly Address[]): WireRequest {
  const externalIds = people.filter(({ kind }) => kind === 'external_id').map(({ value }) => value)
  const aliases = people
    .filter(({ kind }) => kind === 'alias')
    .map(({ label, value }) => ({ alias_name: value, alias_label: label }))
  const brazeId = people.find(({ kind }) => kind === 'braze_id')?.value
  const asked = {
    ...(externalIds.length === 0 ? {} : { external_ids: externalIds }),
    ...(aliases.length === 0 ? {} : { user_aliases: aliases }),
    ...(brazeId === undefined ? {} : { braze_id: brazeId }),
    fields_to_export: ['external_id', 'braze_id', 'user_aliases', 'custom_attributes'],
  }
  return {
    method: 'POST',
    url: restUrl(settings, '/users/export/ids'),
    headers: { 'content-type': 'application/json', authorization: `Bearer ${credentials.restKey}` },
    body: Buffer.from(JSON.stringify(asked)),
    secrets: spellings(credentials.restKey),
  }
}

type User = Readonly<Record<string, unknown>>

function usersIn(reply: WireReply): readonly User[] | Fault {
  let users: unknown
  try {
    users = (JSON.parse(new TextDecoder().decode(reply.body)) as { users?: unknown } | null)?.users
  } catch {
    // Told below.
  }
  if (Array.isArray(users)) return users.filter(isObject)
  return faultFrom('unclear', 'Braze answers without a list of users', reply)
}

function addressesOf({ external_id: externalId, braze_id: brazeId, user_aliases: aliases }: User): Address[] {
  const found: Address[] = []
  if (typeof externalId === 'string') found.push({ kind: 'external_id', label: '', value: externalId })
  if (typeof brazeId === 'string') found.push({ kind: 'braze_id', label: '', value: brazeId })
  for (const alias of Array.isArray(aliases) ? aliases : []) {
    const { alias_label: label, alias_name: value } = isObject(alias) ? alias : ({} as User)
    if (typeof label === 'string' && typeof value === 'string') found.push({ kind: 'alias', label, value })
  }
  return found
}

function elementsOf({ custom_attributes: custom }: User, attribute: string): ReadonlySet<string> {
  const value = isObject(custom) ? custom[attribute] : undefined
  return new Set(Array.isArray(value) ? value.filter((element) => typeof element === 'string') : [])
}

function isObject(value: unknown): value is User {
  return typeof value === 'object' && value !== null
}
