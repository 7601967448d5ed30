/**
 * The partner cohort API: `POST /partners/<partner>/cohorts` names a cohort, `…/cohorts/users` changes who is in it.
 * Keys travel in the body. At most 1,000 identifiers of all kinds in a request. Only people who exist are added or
 * removed, nobody is created, and an unknown id is no error:
 *
 *   user_ids     the profile with this external id
 *   aliases      the profile with this alias
 *   device_ids   the profile with this device while it is anonymous; a device of an identified one is ignored
 */

import { type Answer, isObject, json } from '../answer.ts'
import type { Partner } from './access.ts'
import type { Profile, Profiles } from './profiles.ts'

export const COHORT_IDENTIFIERS_MAX = 1000

export interface Cohort {
  readonly partner: string
  readonly id: string
  /** As the segment filter shows it. */
  name: string
  readonly createdAt: string
  readonly members: Set<Profile>
}

export interface CohortTally {
  requests: number
  /** Identifiers that found a profile that may be matched by them, and the rest. */
  matched: number
  ignored: number
  /** The most that one request held, also of refused ones; requests beyond the limit. */
  identifiersMax: number
  overLimit: number
  locked: number
  /** Requests without the User-Agent `partner-<Organization>-<Product>/<version>`. */
  genericAgents: number
}

export interface CohortOptions {
  readonly partners: readonly Partner[]
  /** Data import keys of the workspace. */
  readonly importKeys: readonly string[]
}

const AGENT = /^partner-[A-Z][A-Za-z0-9]*-[A-Z][A-Za-z0-9]*\/\S+$/

export class Cohorts {
  readonly #profiles: Profiles
  readonly #options: CohortOptions
  readonly #cohorts = new Map<string, Cohort>()
  readonly #lockedUntilMs = new Map<string, number>()
  tally: CohortTally = emptyTally()
  /** How long a change keeps its cohort locked: another one meanwhile is answered 423. 0: never. */
  lockMs = 0

  constructor(profiles: Profiles, options: CohortOptions) {
    this.#profiles = profiles
    this.#options = options
  }

  get(partner: string, id: string): Cohort | undefined {
    return this.#cohorts.get(keyOf(partner, id))
  }

  list(): Cohort[] {
    return [...this.#cohorts.values()]
  }

  partner(name: string): Partner | undefined {
    return this.#options.partners.find((partner) => partner.name === name)
  }

  /** undefined: the keys are good. */
  refusal(partner: Partner | undefined, body: Readonly<Record<string, unknown>>): Answer | undefined {
    const { partner_api_key: partnerKey, client_secret: secret } = body
    if (partner === undefined || !partner.keys.some((key) => key === partnerKey))
      return json(401, { message: 'invalid partner_api_key' })
    if (!this.#options.importKeys.some((key) => key === secret))
      return json(401, { message: 'invalid client_secret' })
    return undefined
  }

  name(partner: Partner, body: Readonly<Record<string, unknown>>): Answer {
    const { cohort_id: id, name, created_at: createdAt } = body
    if (typeof id !== 'string' || id === '') return json(400, { message: 'cohort_id must be a string' })
    if (typeof name !== 'string' || name === '') return json(400, { message: 'name must not be empty' })
    if (typeof createdAt !== 'string' || !isIsoTime(createdAt))
      return json(400, { message: 'created_at must be in ISO-8601 format' })
    const known = this.get(partner.name, id)
    if (known !== undefined) known.name = name
    else
      this.#cohorts.set(keyOf(partner.name, id), {
        partner: partner.name,
        id,
        name,
        createdAt,
        members: new Set(),
      })
    return json(201, { message: 'success' })
  }

  change(
    partner: Partner,
    body: Readonly<Record<string, unknown>>,
    agent: string | undefined,
    nowMs: number,
  ): Answer {
    this.tally.requests++
    if (agent === undefined || !AGENT.test(agent)) this.tally.genericAgents++
    const { cohort_id: id, cohort_changes: given } = body
    if (typeof id !== 'string' || id === '') return json(400, { message: 'cohort_id must be a string' })
    if (!Array.isArray(given) || !given.every(isChange))
      return json(400, { message: 'cohort_changes must be an array of objects with ids' })
    const count = given.reduce((sum, change) => sum + identifiersOf(change), 0)
    this.tally.identifiersMax = Math.max(this.tally.identifiersMax, count)
    if (count > COHORT_IDENTIFIERS_MAX) {
      this.tally.overLimit++
      return json(400, { message: `at most ${COHORT_IDENTIFIERS_MAX} ids may be given` })
    }
    // An empty change is how partners test their keys, with any cohort.
    if (count === 0) return json(201, { message: 'success' })
    const cohort = this.get(partner.name, id)
    if (cohort === undefined) return json(400, { message: 'cohort_id is not known: name the cohort first' })
    if (this.#isLocked(cohort, nowMs)) return json(423, { message: 'the cohort is being updated' })
    for (const change of given) this.#apply(change, cohort.members)
    return { ...json(201, { message: 'success' }), accepted: count }
  }

  /** A profile that is no more; `heir`: the one that it was merged into. */
  forget(profile: Profile, heir?: Profile): void {
    for (const { members } of this.#cohorts.values()) {
      if (members.delete(profile) && heir !== undefined) members.add(heir)
    }
  }

  clear(): void {
    this.#cohorts.clear()
    this.#lockedUntilMs.clear()
    this.tally = emptyTally()
  }

  #apply(change: GivenChange, members: Set<Profile>): void {
    const { user_ids: users = [], aliases = [], device_ids: devices = [], should_remove: leaves } = change
    const turn = (profile: Profile | undefined): void => {
      if (profile === undefined) {
        this.tally.ignored++
        return
      }
      this.tally.matched++
      if (leaves === true) members.delete(profile)
      else members.add(profile)
    }
    for (const id of users) turn(this.#profiles.byExternalId(id))
    for (const { alias_label: label, alias_name: name } of aliases)
      turn(this.#profiles.byAlias({ label, name }))
    for (const id of devices) turn(anonymous(this.#profiles.byDevice(id)))
  }

  #isLocked({ partner, id }: Cohort, nowMs: number): boolean {
    if (this.lockMs === 0) return false
    const key = keyOf(partner, id)
    if ((this.#lockedUntilMs.get(key) ?? 0) > nowMs) {
      this.tally.locked++
      return true
    }
    this.#lockedUntilMs.set(key, nowMs + this.lockMs)
    return false
  }
}

interface GivenChange {
  readonly user_ids?: readonly string[]
  readonly device_ids?: readonly string[]
  readonly aliases?: readonly { readonly alias_label: string; readonly alias_name: string }[]
  readonly should_remove?: boolean
}

function isChange(value: unknown): value is GivenChange {
  if (!isObject(value)) return false
  const { user_ids: users, device_ids: devices, aliases, should_remove: leaves } = value
  if (users === undefined && devices === undefined && aliases === undefined) return false
  return (
    areTexts(users) &&
    areTexts(devices) &&
    (aliases === undefined || (Array.isArray(aliases) && aliases.every(isAlias))) &&
    (leaves === undefined || typeof leaves === 'boolean')
  )
}

function areTexts(value: unknown): boolean {
  return value === undefined || (Array.isArray(value) && value.every((id) => typeof id === 'string'))
}

function isAlias(value: unknown): boolean {
  return isObject(value) && typeof value.alias_label === 'string' && typeof value.alias_name === 'string'
}

function identifiersOf({ user_ids: users, device_ids: devices, aliases }: GivenChange): number {
  return (users?.length ?? 0) + (devices?.length ?? 0) + (aliases?.length ?? 0)
}

/** The identifiers of a change as texts: of an alias its name. Empty for a body that is no change. */
export function identifiersIn({ cohort_changes: changes }: Readonly<Record<string, unknown>>): string[] {
  if (!Array.isArray(changes) || !changes.every(isChange)) return []
  return changes.flatMap(({ user_ids: users = [], device_ids: devices = [], aliases = [] }) => [
    ...users,
    ...devices,
    ...aliases.map(({ alias_name: name }) => name),
  ])
}

function anonymous(profile: Profile | undefined): Profile | undefined {
  return profile?.identified === true ? undefined : profile
}

function isIsoTime(text: string): boolean {
  return /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/.test(text)
}

function keyOf(partner: string, id: string): string {
  return `${partner}\0${id}`
}

function emptyTally(): CohortTally {
  return { requests: 0, matched: 0, ignored: 0, identifiersMax: 0, overLimit: 0, locked: 0, genericAgents: 0 }
}
