/**
 * Audiences that are rules about people: what they say (registry.ts), who is in them by the fields of a moment
 * (rule-set.ts, which the engine of profiles judges by), and who is and was in them (history.ts, desk.ts, asked in the
 * process of the profiles). This folder decides memberships and keeps none: the engine writes them with what they follow from.
 */

import type { Clock } from '../../core/clock.ts'
import { ThalwegError } from '../../core/errors.ts'
import { fieldTypesOf } from '../filterql/filterql.ts'
import type { RuleJson } from '../filterql/json.ts'
import type { Why } from '../filterql/why.ts'
import type { ProfileSchema } from '../schema.ts'
import { HIDDEN, told } from '../view.ts'
import type { AudienceQueries, Named, Person, Preview, PreviewedChange, WhyAnswer } from './desk.ts'
import type { Comparison, Membership, MembersPage, MovesPage, MoveView, SizePoint } from './history.ts'
import {
  type Audience,
  type AudienceDefinition,
  AudienceRegistry,
  type AudienceRule,
  type AudienceVersion,
  type Reading,
  type RegistryParts,
} from './registry.ts'

export interface SizedAudience extends Audience {
  /** People in it now. */
  readonly size: number
}

export interface AudiencesParts extends Omit<RegistryParts, 'schema'> {
  readonly clock: Clock
  schema(): ProfileSchema
  /** Asked of the process of the profiles. */
  desk(): AudienceQueries
}

/** Somebody as people and programs are shown them: moments as text. */
export interface PersonView extends Omit<Person, 'fields'> {
  readonly fields: Readonly<Record<string, unknown>>
}

export interface PreviewView extends Omit<Preview, 'sample' | 'change'> {
  readonly sample: readonly PersonView[]
  readonly change:
    | (Omit<PreviewedChange, 'enteredSample' | 'leftSample'> & {
        readonly enteredSample: readonly PersonView[]
        readonly leftSample: readonly PersonView[]
      })
    | null
}

/** A listed audience. */
export interface ChangingAudience extends SizedAudience {
  /** Moves of the last CHANGE_MS. */
  readonly change: { readonly entered: number; readonly left: number }
}

export const CHANGE_MS = 86_400_000

/** Instants of a comparison, `from` not after `to`. */
export interface Instants {
  readonly from: number
  readonly to: number
}

export class RuleAudiences {
  readonly #parts: AudiencesParts
  readonly #registry: AudienceRegistry

  constructor(parts: AudiencesParts) {
    this.#parts = parts
    this.#registry = new AudienceRegistry(parts)
  }

  start(): Promise<void> {
    return this.#registry.start()
  }

  /** What the engine is to go by: another array after every change. */
  get rules(): readonly AudienceRule[] {
    return this.#registry.rules
  }

  /** Throws FILTERQL_INVALID, naming the audience, when a rule does not fit this schema. */
  check(schema: ProfileSchema): Promise<void> {
    return this.#registry.check(schema)
  }

  /** By slug. */
  async list(): Promise<ChangingAudience[]> {
    const audiences = await this.#registry.list()
    if (audiences.length === 0) return []
    const sizes = await this.#desk.audienceSizes()
    const since = this.#parts.clock.now() - CHANGE_MS
    const changes = await this.#desk.audienceChanges(
      audiences.map(({ number }) => number),
      since,
    )
    return audiences.map((audience, i) => ({
      ...audience,
      size: sizes.get(audience.number) ?? 0,
      change: { entered: changes[i]?.entered ?? 0, left: changes[i]?.left ?? 0 },
    }))
  }

  /** Slugs of the audiences that include it, by slug. */
  async including(which: number | string): Promise<string[]> {
    const { slug } = await this.#registry.get(which)
    return (await this.#registry.list()).flatMap((one) => (one.includes.includes(slug) ? [one.slug] : []))
  }

  /** Throws AUDIENCE_UNKNOWN, as all that follow. */
  async get(which: number | string): Promise<SizedAudience> {
    return this.#sized(await this.#registry.get(which))
  }

  versions(which: number | string): Promise<AudienceVersion[]> {
    return this.#registry.versions(which)
  }

  /** Throws what AudienceRegistry.create throws. */
  async create(definition: AudienceDefinition, author: string, note?: string): Promise<SizedAudience> {
    return this.#sized(await this.#registry.create(definition, author, note))
  }

  async revise(
    which: number | string,
    definition: AudienceDefinition,
    author: string,
    note: string,
  ): Promise<SizedAudience> {
    return this.#sized(await this.#registry.revise(which, definition, author, note))
  }

  /** Throws AUDIENCE_IN_USE. Its members leave it as the engine comes to them. */
  remove(which: number | string): Promise<void> {
    return this.#registry.remove(which)
  }

  /** Throws FILTERQL_INVALID, AUDIENCE_INVALID. */
  validate(filter: string | RuleJson): Promise<Reading> {
    return this.#registry.validate(filter)
  }

  /**
   * How many a rule means, and some of them, before it is kept; `against`: and whom it would move if it became the rule of this audience.
   * At most `profilesMax` people are looked at.
   */
  async preview(
    filter: string | RuleJson,
    limits: { readonly profilesMax: number; readonly sampleMax: number },
    seesPersonal: boolean,
    against?: number | string,
  ): Promise<PreviewView> {
    const { filter: text } = await this.#registry.validate(filter)
    const compared = against === undefined ? undefined : (await this.#registry.get(against)).number
    const { sample, change, ...counts } = await this.#desk.audiencePreview({
      ...{ filter: text, against: compared },
      ...this.#now(),
      ...limits,
    })
    return {
      ...counts,
      sample: this.#shown(sample, seesPersonal),
      change: change && {
        ...change,
        enteredSample: this.#shown(change.enteredSample, seesPersonal),
        leftSample: this.#shown(change.leftSample, seesPersonal),
      },
    }
  }

  /** By what these profiles are known, by profile. Those that are no more are missing. */
  async names(
    profiles: readonly number[],
    seesPersonal: boolean,
  ): Promise<ReadonlyMap<number, Named['identifiers']>> {
    if (profiles.length === 0) return new Map()
    const personal = seesPersonal ? NOTHING_PERSONAL : this.#personal
    const named = await this.#desk.audienceNames(profiles)
    return new Map(named.map(({ profile, identifiers }) => [profile, masked(identifiers, personal)]))
  }

  /** `at`: as of that instant, else now. */
  async members(which: number | string, page: MembersPage, at?: number): Promise<Membership[]> {
    const number = await this.#registry.numberOf(which)
    return at === undefined
      ? this.#desk.audienceMembers(number, page)
      : this.#desk.audienceAt(number, at, page)
  }

  /** `at`: as of that instant, else now. */
  async size(which: number | string, at?: number): Promise<number> {
    const number = await this.#registry.numberOf(which)
    return at === undefined ? this.#desk.audienceSize(number) : this.#desk.audienceSizeAt(number, at)
  }

  async sample(which: number | string, limit: number, seesPersonal: boolean): Promise<PersonView[]> {
    const number = await this.#registry.numberOf(which)
    // Another one each second, the same one for who asks twice.
    const seed = (Math.floor(this.#parts.clock.now() / 1_000) * 0.7548776662466927) % 1
    return this.#shown(await this.#desk.audienceSample(number, limit, seed), seesPersonal)
  }

  async moves(which: number | string, page: Omit<MovesPage, 'audience'>): Promise<MoveView[]> {
    return this.#desk.audienceMoves({ ...page, audience: await this.#registry.numberOf(which) })
  }

  async compare(which: number | string, { from, to }: Instants, limit: number): Promise<Comparison> {
    const number = await this.#registry.numberOf(which)
    return this.#desk.audienceCompare(number, { a: from, b: to, limit })
  }

  async overTime(which: number | string, instants: Instants, stepMs: number): Promise<SizePoint[]> {
    const number = await this.#registry.numberOf(which)
    return this.#desk.audienceOverTime(number, { ...instants, stepMs })
  }

  /** Audiences within are named by their slugs. Throws PROFILE_UNKNOWN. */
  async why(which: number | string, profile: number, seesPersonal: boolean): Promise<WhyAnswer> {
    const { number } = await this.#registry.get(which)
    const answer = await this.#desk.audienceWhy({ audience: number, profile, ...this.#now() })
    if (answer === undefined) throw new ThalwegError('PROFILE_UNKNOWN', `There is no profile ${profile}`)
    const slugs = new Map(this.rules.map((rule) => [String(rule.number), rule.slug]))
    return { ...answer, why: shownWhy(answer.why, slugs, seesPersonal ? NOTHING_PERSONAL : this.#personal) }
  }

  get #desk(): AudienceQueries {
    return this.#parts.desk()
  }

  get #personal(): ReadonlySet<string> {
    return new Set(this.#parts.schema().fields.flatMap(({ name, personal }) => (personal ? [name] : [])))
  }

  #now() {
    return { rules: this.rules, schema: this.#parts.schema(), nowMs: this.#parts.clock.now() }
  }

  async #sized(audience: Audience): Promise<SizedAudience> {
    return { ...audience, size: await this.#desk.audienceSize(audience.number) }
  }

  #shown(people: readonly Person[], seesPersonal: boolean): PersonView[] {
    const personal = seesPersonal ? NOTHING_PERSONAL : this.#personal
    const types = fieldTypesOf(this.#parts.schema())
    return people.map(({ profile, identifiers, fields }) => ({
      profile,
      identifiers: masked(identifiers, personal),
      fields: Object.fromEntries(
        Object.entries(fields).map(([name, value]) => [
          name,
          personal.has(name) ? HIDDEN : told(value, types.get(name) ?? 'string'),
        ]),
      ),
    }))
  }
}

const NOTHING_PERSONAL: ReadonlySet<string> = new Set()

function masked(identifiers: Named['identifiers'], personal: ReadonlySet<string>): Named['identifiers'] {
  return identifiers.map(({ field, value }) => ({ field, value: personal.has(field) ? HIDDEN : value }))
}

function shownWhy(why: Why, slugs: ReadonlyMap<string, string>, personal: ReadonlySet<string>): Why {
  const { condition, audience, parts, text, ...common } = why
  const isHidden = condition?.actual !== null && condition?.fields.some((field) => personal.has(field))
  const slug = audience === undefined ? undefined : (slugs.get(audience) ?? audience)
  return {
    ...common,
    text: slug === undefined ? text : `INCLUDE ${slug}`,
    parts: parts.map((part) => shownWhy(part, slugs, personal)),
    ...(condition === undefined
      ? {}
      : { condition: isHidden ? { ...condition, actual: HIDDEN } : condition }),
    ...(slug === undefined ? {} : { audience: slug }),
  }
}
