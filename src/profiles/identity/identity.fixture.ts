/** A small world for the tests of identity: a schema, records in a line, and a resolver that works on what it needs. */

import { type IdentifierKey, keyOf, type Profile } from '../profile.ts'
import type { MappedRecord } from '../record.ts'
import { ProfileSchema } from '../schema.ts'
import type { Value } from '../values.ts'
import { WorkingSet } from '../working-set.ts'
import { foldFields } from './fold.ts'
import { Resolver } from './resolver.ts'
import { compileRules, identify, type Rules } from './rules.ts'

export const DAY_MS = 86_400_000
export const START_MS = Date.UTC(2026, 0, 1)

/** user > email > phone > cookie. */
export const IDENTIFIERS = {
  user: { rank: 1 },
  email: { rank: 2, normalize: 'email', rotates: true },
  phone: { rank: 3, normalize: 'phone', windowDays: 365 },
  cookie: { rank: 4, perProfileMax: 50, rotates: true },
} as const

type FieldInput = (typeof ProfileSchema)['_zod']['input']['fields'][number]

export function schemaOf(
  identifiers: Readonly<Record<string, FieldInput['identifier']>> = IDENTIFIERS,
  rest: Partial<(typeof ProfileSchema)['_zod']['input']> = {},
): ProfileSchema {
  const fields: FieldInput[] = Object.entries(identifiers).map(([name, identifier]) => ({ name, identifier }))
  return ProfileSchema.parse({
    streams: [],
    ...rest,
    fields: [
      ...fields,
      { name: 'city' },
      { name: 'visits', type: 'int', merge: 'sum' },
      ...(rest.fields ?? []),
    ],
  })
}

export interface Said {
  readonly at?: number
  readonly joins?: boolean
  readonly stream?: string
  readonly values?: Readonly<Record<string, Value>>
}

/** Profiles as records make them, one after the other. */
export class World {
  readonly rules: Rules
  readonly set: WorkingSet
  readonly #resolver: Resolver
  #offset = 0

  constructor(schema: ProfileSchema = schemaOf(), neverLinks: Iterable<string> = []) {
    this.rules = compileRules(schema)
    this.set = new WorkingSet(1, new Set(neverLinks))
    this.#resolver = new Resolver(this.rules, this.set)
  }

  /** Goes on with these profiles. */
  load(profiles: readonly Profile[]): void {
    for (const profile of profiles) {
      this.set.profiles.set(profile.id, structuredClone(profile))
      this.set.nextId = Math.max(this.set.nextId, profile.id + 1)
      for (const held of profile.identifiers) this.set.owners.set(keyOf(held), profile.id)
    }
  }

  /** `carried`: `user:ann`, `email:ann@x.io`. Returns the id of the profile that the record went to. */
  say(carried: string, { at, joins = true, stream = 'web', values = {} }: Said = {}): number | undefined {
    const offset = this.#offset++
    const record = {
      stream,
      at: at ?? START_MS + offset * 1000,
      offset,
      joins,
      identifiers: identifiersOf(carried),
      values: new Map(Object.entries(values)),
    }
    return this.take(record)
  }

  take(record: MappedRecord): number | undefined {
    const identified = identify(record, this.rules)
    for (const { key } of identified.ids) if (!this.set.owners.has(key)) this.set.owners.set(key, null)
    return this.#resolver.take(record, identified)?.id
  }

  /** As an erasure does. */
  erase(id: number | undefined): void {
    for (const held of this.profile(id).identifiers) this.set.own(keyOf(held), null)
    this.set.profiles.delete(id ?? 0)
  }

  profile(id: number | undefined): Profile {
    const profile = id === undefined ? undefined : this.set.profiles.get(id)
    if (profile === undefined) throw new Error(`No profile ${id}`)
    return profile
  }

  fields(id: number | undefined, nowMs = START_MS): Readonly<Record<string, unknown>> {
    return foldFields(this.profile(id), this.rules, nowMs)
  }

  /** Who has which identifiers, as text, sorted. */
  people(): string[] {
    return [...this.set.profiles.values()]
      .map(({ identifiers }) =>
        identifiers
          .map(({ field, value }) => `${field}:${value}`)
          .sort()
          .join(' '),
      )
      .sort()
  }

  reasons(): string[] {
    return this.set.conflicts.map(({ field, value, reason }) => `${field}:${value} ${reason}`)
  }
}

/** `user:ann email:ann@x.io`; a value has no spaces. */
export function identifiersOf(carried: string): { field: string; value: string }[] {
  return carried
    .split(' ')
    .filter((part) => part !== '')
    .map((part) => {
      const colon = part.indexOf(':')
      return { field: part.slice(0, colon), value: part.slice(colon + 1) }
    })
}

/**
 * What must hold of a set whatever came: an identifier has one owner, who lists it; a profile hangs together by its edges; no
 * field has more values than it may, at the moment that the profile was last seen at. Returns what does not hold.
 */
export function breachesOf({ profiles, owners }: WorkingSet, rules: Rules): string[] {
  const breaches: string[] = []
  const seen = new Map<IdentifierKey, number>()
  for (const profile of profiles.values()) breaches.push(...breachesOfProfile(profile, rules, seen))
  for (const [key, id] of owners)
    if ((seen.get(key) ?? null) !== id) breaches.push(`${key} is owned by ${id}, held by ${seen.get(key)}`)
  return breaches
}

export function breachesOfProfile(
  profile: Profile,
  rules: Rules,
  seen = new Map<IdentifierKey, number>(),
): string[] {
  const breaches: string[] = []
  const { id, identifiers, edges, seenAt } = profile
  if (identifiers.length === 0) breaches.push(`${id} has no identifier`)
  if (identifiers.length > rules.limits.identifiersMax) breaches.push(`${id} has ${identifiers.length}`)
  const reached = new Set<IdentifierKey>()
  const keys = identifiers.map(keyOf)
  const queue = keys.slice(0, 1)
  for (let key = queue.pop(); key !== undefined; key = queue.pop()) {
    if (reached.has(key)) continue
    reached.add(key)
    for (const { a, b } of edges) if (a === key || b === key) queue.push(a === key ? b : a)
  }
  for (const key of keys) {
    if (seen.has(key)) breaches.push(`${key} is held twice`)
    seen.set(key, id)
    if (!reached.has(key)) breaches.push(`${key} hangs loose in ${id}`)
  }
  if (reached.size > keys.length) breaches.push(`${id} has edges to what it does not hold`)
  for (const rule of rules.byField.values()) {
    const count = identifiers.filter(
      ({ field, lastAt }) =>
        field === rule.field && (rule.windowMs === undefined || lastAt > seenAt - rule.windowMs),
    ).length
    if (count > rule.max) breaches.push(`${id} has ${count} of ${rule.field}`)
  }
  return breaches
}
