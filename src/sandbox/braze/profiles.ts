/**
 * The people of one Braze workspace and what finds them: external id, Braze id, alias, device, email, phone.
 * A profile with an external id is identified, any other is anonymous. Sized for millions: what few profiles
 * have is absent until it is there.
 */

import type { Random } from '../../core/random.ts'

export interface Alias {
  readonly label: string
  readonly name: string
}

/** First and last time in milliseconds, and how often. */
export interface Deeds {
  first: number
  last: number
  count: number
}

export class Profile {
  /** 24 hexadecimal digits, never used again. */
  readonly brazeId: string
  readonly createdAtMs: number
  updatedAtMs: number
  externalId: string | undefined
  /** Label → name: one name per label (Braze, "User aliases"). */
  aliases: Map<string, string> | undefined
  devices: string[] | undefined
  /** Reserved fields by their names: email, phone, first_name, … */
  fields: Map<string, unknown> | undefined
  custom: Map<string, unknown> | undefined
  events: Map<string, Deeds> | undefined
  purchases: Map<string, Deeds> | undefined

  constructor(brazeId: string, externalId: string | undefined, nowMs: number) {
    this.brazeId = brazeId
    this.externalId = externalId
    this.createdAtMs = nowMs
    this.updatedAtMs = nowMs
  }

  get identified(): boolean {
    return this.externalId !== undefined
  }
}

/** What a person is loaded from. */
export interface Person {
  readonly externalId?: string | undefined
  readonly brazeId?: string
  readonly aliases?: readonly Alias[]
  readonly devices?: readonly string[]
  readonly fields?: Readonly<Record<string, unknown>>
  readonly custom?: Readonly<Record<string, unknown>>
}

/** Fields that find a profile. */
const FOUND_BY = ['email', 'phone'] as const
type FoundBy = (typeof FOUND_BY)[number]

export class Profiles {
  readonly #random: Random
  readonly #byBrazeId = new Map<string, Profile>()
  readonly #byExternalId = new Map<string, Profile>()
  readonly #byAlias = new Map<string, Profile>()
  readonly #byDevice = new Map<string, Profile>()
  /** Several profiles may share an address. */
  readonly #byField: Readonly<Record<FoundBy, Map<string, Set<Profile>>>> = {
    email: new Map(),
    phone: new Map(),
  }

  constructor(random: Random) {
    this.#random = random
  }

  get size(): number {
    return this.#byBrazeId.size
  }

  all(): IterableIterator<Profile> {
    return this.#byBrazeId.values()
  }

  byBrazeId(id: string): Profile | undefined {
    return this.#byBrazeId.get(id)
  }

  byExternalId(id: string): Profile | undefined {
    return this.#byExternalId.get(id)
  }

  byAlias({ label, name }: Alias): Profile | undefined {
    return this.#byAlias.get(aliasKey(label, name))
  }

  byDevice(id: string): Profile | undefined {
    return this.#byDevice.get(id)
  }

  /** Of several, the most recently updated, one with an external id before others (/users/track, email). */
  byField(field: FoundBy, value: string): Profile | undefined {
    let best: Profile | undefined
    for (const profile of this.#byField[field].get(addressKey(value)) ?? []) {
      if (best === undefined || isBefore(profile, best)) best = profile
    }
    return best
  }

  /** Loads a person who was there before: nothing checks the workspace's rules for calls. */
  load(person: Person, nowMs: number): Profile {
    const profile = this.create(person.externalId, nowMs, person.brazeId)
    for (const alias of person.aliases ?? []) this.addAlias(profile, alias)
    for (const device of person.devices ?? []) this.addDevice(profile, device)
    for (const [name, value] of Object.entries(person.fields ?? {})) this.setField(profile, name, value)
    if (person.custom !== undefined) profile.custom = new Map(Object.entries(person.custom))
    return profile
  }

  create(externalId: string | undefined, nowMs: number, brazeId: string = this.#newId()): Profile {
    const profile = new Profile(brazeId, externalId, nowMs)
    this.#byBrazeId.set(brazeId, profile)
    if (externalId !== undefined) this.#byExternalId.set(externalId, profile)
    return profile
  }

  identify(profile: Profile, externalId: string): void {
    profile.externalId = externalId
    this.#byExternalId.set(externalId, profile)
  }

  /** False when the alias belongs to somebody, or the profile has another name under the label. */
  addAlias(profile: Profile, alias: Alias): boolean {
    const key = aliasKey(alias.label, alias.name)
    if (this.#byAlias.has(key) || profile.aliases?.has(alias.label) === true) return false
    profile.aliases ??= new Map()
    profile.aliases.set(alias.label, alias.name)
    this.#byAlias.set(key, profile)
    return true
  }

  /** A device is one profile's at a time: a new owner takes it over. */
  addDevice(profile: Profile, device: string): void {
    const owner = this.#byDevice.get(device)
    if (owner === profile) return
    if (owner?.devices !== undefined) owner.devices = owner.devices.filter((one) => one !== device)
    profile.devices = [...(profile.devices ?? []), device]
    this.#byDevice.set(device, profile)
  }

  /** null removes. */
  setField(profile: Profile, name: string, value: unknown): void {
    if (isFoundBy(name)) this.#moveAddress(profile, name, value)
    if (value === null) profile.fields?.delete(name)
    else {
      profile.fields ??= new Map()
      profile.fields.set(name, value)
    }
  }

  /** The profile is no more; its ids find nothing. */
  remove(profile: Profile): void {
    this.#byBrazeId.delete(profile.brazeId)
    if (profile.externalId !== undefined) this.#byExternalId.delete(profile.externalId)
    for (const [label, name] of profile.aliases ?? []) this.#byAlias.delete(aliasKey(label, name))
    for (const device of profile.devices ?? []) this.#byDevice.delete(device)
    for (const field of FOUND_BY) this.#moveAddress(profile, field, null)
  }

  clear(): void {
    for (const index of [this.#byBrazeId, this.#byExternalId, this.#byAlias, this.#byDevice]) index.clear()
    for (const field of FOUND_BY) this.#byField[field].clear()
  }

  #moveAddress(profile: Profile, field: FoundBy, value: unknown): void {
    const index = this.#byField[field]
    const before = profile.fields?.get(field)
    if (typeof before === 'string') {
      const sharing = index.get(addressKey(before))
      sharing?.delete(profile)
      if (sharing?.size === 0) index.delete(addressKey(before))
    }
    if (typeof value !== 'string') return
    const sharing = index.get(addressKey(value))
    if (sharing === undefined) index.set(addressKey(value), new Set([profile]))
    else sharing.add(profile)
  }

  #newId(): string {
    let id = ''
    while (id.length < 24) id += Math.floor(this.#random() * 16).toString(16)
    return this.#byBrazeId.has(id) ? this.#newId() : id
  }
}

function isFoundBy(name: string): name is FoundBy {
  return FOUND_BY.some((field) => field === name)
}

function isBefore(one: Profile, other: Profile): boolean {
  if (one.identified !== other.identified) return one.identified
  return one.updatedAtMs > other.updatedAtMs
}

function aliasKey(label: string, name: string): string {
  return `${label}\0${name}`
}

function addressKey(value: string): string {
  return value.trim().toLowerCase()
}
