/**
 * `/users/export/ids` answers at once; `/users/export/segment` promises a zip of files with one user a line, ready
 * after a while on the double's clock, at an address that works for some hours and needs no key. One export of a
 * segment at a time: a second request meanwhile is answered 429.
 */

import { zipSync } from 'fflate'
import type { Clock } from '../../core/clock.ts'
import { type Answer, isObject, json } from '../answer.ts'
import { isText } from './identifiers.ts'
import type { Deeds, Profile, Profiles } from './profiles.ts'
import type { Segment, Segments } from './segments.ts'

export const EXPORT_IDS_MAX = 50
export const USERS_PER_FILE = 5000
export const CUSTOM_ATTRIBUTES_MAX = 500
const LINK_LIVES_MS = 4 * 3_600_000
/** Finished exports kept at a time. */
const EXPORTS_MAX = 20

export const EXPORTS_PATH = '/exports/'

/** The user object, its members in the order of the documentation. */
const FIELDS: Readonly<Record<string, (profile: Profile) => unknown>> = {
  created_at: (profile) => brazeTime(profile.createdAtMs),
  external_id: (profile) => profile.externalId,
  user_aliases: ({ aliases }) =>
    Array.from(aliases ?? [], ([label, name]) => ({ alias_name: name, alias_label: label })),
  braze_id: (profile) => profile.brazeId,
  first_name: reserved('first_name'),
  last_name: reserved('last_name'),
  email: reserved('email'),
  dob: reserved('dob'),
  home_city: reserved('home_city'),
  country: reserved('country'),
  phone: reserved('phone'),
  language: reserved('language'),
  time_zone: reserved('time_zone'),
  gender: reserved('gender'),
  push_subscribe: reserved('push_subscribe'),
  email_subscribe: reserved('email_subscribe'),
  custom_attributes: ({ custom }) => (custom === undefined ? undefined : Object.fromEntries(custom)),
  custom_events: ({ events }) => deedsOf(events),
  purchases: ({ purchases }) => deedsOf(purchases),
  devices: ({ devices }) => devices?.map((id) => ({ device_id: id })),
}

function reserved(name: string): (profile: Profile) => unknown {
  return ({ fields }) => fields?.get(name)
}

function deedsOf(deeds: ReadonlyMap<string, Deeds> | undefined): unknown {
  return deeds === undefined
    ? undefined
    : Array.from(deeds, ([name, { first, last, count }]) => ({
        name,
        first: new Date(first).toISOString(),
        last: new Date(last).toISOString(),
        count,
      }))
}

/** `2020-07-10 15:00:00.000 UTC`. */
function brazeTime(ms: number): string {
  return new Date(ms).toISOString().replace('T', ' ').replace('Z', ' UTC')
}

/** Fields that are not set are null. Only what is asked for. */
function userOf(profile: Profile, fields: readonly string[], customWanted?: readonly string[]): object {
  return Object.fromEntries(
    fields.map((name) => {
      const value = FIELDS[name]?.(profile) ?? null
      const cut = name === 'custom_attributes' && customWanted !== undefined && isObject(value)
      return [name, cut ? only(value, customWanted) : value]
    }),
  )
}

function only(value: Readonly<Record<string, unknown>>, names: readonly string[]): object {
  return Object.fromEntries(names.filter((name) => name in value).map((name) => [name, value[name]]))
}

export function exportIds(body: Readonly<Record<string, unknown>>, profiles: Profiles): Answer {
  const fields = fieldsOf(body.fields_to_export)
  if (fields === undefined)
    return json(400, { message: "'fields_to_export' must be an array of field names" })
  const ids = Array.isArray(body.external_ids) ? body.external_ids.filter(isText) : []
  const aliases = Array.isArray(body.user_aliases) ? body.user_aliases.filter(isObject) : []
  if (ids.length + aliases.length > EXPORT_IDS_MAX)
    return json(400, { message: `max number of external_ids and user_aliases (${EXPORT_IDS_MAX}) exceeded` })
  const found: Profile[] = []
  const invalid: unknown[] = []
  const take = (profile: Profile | undefined, given: unknown): void => {
    if (profile === undefined) invalid.push(given)
    else found.push(profile)
  }
  for (const id of ids) take(profiles.byExternalId(id), id)
  for (const alias of aliases) {
    const { alias_label: label, alias_name: name } = alias
    take(isText(label) && isText(name) ? profiles.byAlias({ label, name }) : undefined, alias)
  }
  if (isText(body.braze_id)) take(profiles.byBrazeId(body.braze_id), body.braze_id)
  if (isText(body.device_id)) take(profiles.byDevice(body.device_id), body.device_id)
  if (isText(body.email_address)) take(profiles.byField('email', body.email_address), body.email_address)
  if (isText(body.phone)) take(profiles.byField('phone', body.phone), body.phone)
  if (found.length + invalid.length === 0) return json(400, { message: 'no user ids were given' })
  return json(200, {
    message: 'success',
    users: found.map((profile) => userOf(profile, fields)),
    ...(invalid.length === 0 ? {} : { invalid_user_ids: invalid }),
  })
}

interface Made {
  readonly segment: string
  readonly readyAtMs: number
  readonly zip: Buffer
  readonly callback: string | undefined
}

export interface ExportParts {
  readonly clock: Clock
  readonly segments: Segments
  /** Calls a callback endpoint; its failures are its own business. */
  readonly call: (url: string, body: object) => void
  readonly newId: () => string
}

export class SegmentExports {
  readonly #parts: ExportParts
  readonly #made = new Map<string, Made>()
  /** From the request to the file. */
  delayMs = 0

  constructor(parts: ExportParts) {
    this.#parts = parts
  }

  start(body: Readonly<Record<string, unknown>>, host: string): Answer {
    const { clock, segments, newId } = this.#parts
    const { segment_id: id, fields_to_export: wanted, callback_endpoint: callback } = body
    const segment = typeof id === 'string' ? segments.get(id) : undefined
    if (segment === undefined) return json(400, { message: 'Invalid Segment ID' })
    const fields = fieldsOf(wanted)
    if (fields === undefined)
      return json(400, { message: "'fields_to_export' must be an array of field names" })
    const custom = body.custom_attributes_to_export
    if (custom !== undefined && !(Array.isArray(custom) && custom.length <= CUSTOM_ATTRIBUTES_MAX))
      return json(400, { message: `at most ${CUSTOM_ATTRIBUTES_MAX} custom attributes may be exported` })
    const now = clock.now()
    if ([...this.#made.values()].some((made) => made.segment === segment.id && made.readyAtMs > now))
      return json(429, { message: 'an export of this segment is running' })
    const prefix = `${newId()}-${Math.floor(now / 1000)}`
    const url = `http://${host}${EXPORTS_PATH}${prefix}.zip`
    this.#keep(prefix, {
      segment: segment.id,
      readyAtMs: now + this.delayMs,
      zip: zipOf(segment, segments, fields, custom?.filter(isText)),
      callback: isText(callback) ? callback : undefined,
    })
    clock.after(this.delayMs, () => this.#ready(prefix, url))
    return json(200, { message: 'success', object_prefix: prefix, url })
  }

  /** The file at an address that `start` gave. */
  download(path: string): Answer {
    const made = this.#made.get(path.slice(EXPORTS_PATH.length).replace(/\.zip$/, ''))
    const age = made === undefined ? -1 : this.#parts.clock.now() - made.readyAtMs
    if (made === undefined || age < 0 || age > LINK_LIVES_MS)
      return {
        status: 403,
        headers: { 'content-type': 'application/xml' },
        body: '<Error><Code>AccessDenied</Code></Error>',
      }
    return { status: 200, headers: { 'content-type': 'application/zip' }, body: made.zip }
  }

  clear(): void {
    this.#made.clear()
  }

  #ready(prefix: string, url: string): void {
    const callback = this.#made.get(prefix)?.callback
    if (callback !== undefined) this.#parts.call(callback, { success: true, url })
  }

  #keep(prefix: string, made: Made): void {
    const [oldest] = this.#made.keys()
    if (this.#made.size >= EXPORTS_MAX && oldest !== undefined) this.#made.delete(oldest)
    this.#made.set(prefix, made)
  }
}

/** Files of 5,000 users, one JSON object a line. */
function zipOf(
  segment: Segment,
  segments: Segments,
  fields: readonly string[],
  custom: readonly string[] | undefined,
): Buffer {
  const files: Record<string, Uint8Array> = {}
  let lines: string[] = []
  const close = (): void => {
    files[`${segment.id}-${Object.keys(files).length + 1}.txt`] = Buffer.from(`${lines.join('\n')}\n`)
    lines = []
  }
  for (const profile of segments.members(segment)) {
    lines.push(JSON.stringify(userOf(profile, fields, custom)))
    if (lines.length === USERS_PER_FILE) close()
  }
  if (lines.length > 0) close()
  return Buffer.from(zipSync(files, { level: 1 }))
}

/** undefined: absent, empty, or a name that does not exist. */
function fieldsOf(value: unknown): string[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined
  return value.every((name) => typeof name === 'string' && name in FIELDS) ? (value as string[]) : undefined
}
