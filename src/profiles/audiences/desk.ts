/**
 * Questions about audiences, answered by the process that keeps the people. Arguments and answers travel: plain values only.
 */

import type { Store } from '../../store/store.ts'
import { fieldTypesOf } from '../filterql/filterql.ts'
import { parseFilter } from '../filterql/parse.ts'
import { includesOf } from '../filterql/tree.ts'
import type { Why } from '../filterql/why.ts'
import type { Profile } from '../profile.ts'
import type { ProfileSchema } from '../schema.ts'
import type { Fields } from '../values.ts'
import * as history from './history.ts'
import type { AudienceRule } from './registry.ts'
import { RuleSet, resolver } from './rule-set.ts'

/** Somebody of an audience, with what is known of them. */
export interface Person {
  readonly profile: number
  readonly identifiers: readonly { readonly field: string; readonly value: string }[]
  readonly fields: Fields
}

export interface Preview {
  /** Of those that were looked at. */
  readonly matched: number
  readonly looked: number
  readonly profiles: number
  /** What `matched` is, when everybody was looked at; else what it comes to for everybody. */
  readonly size: number
  readonly exact: boolean
  readonly sample: readonly Person[]
}

export interface PreviewRequest {
  readonly filter: string
  readonly rules: readonly AudienceRule[]
  readonly schema: Pick<ProfileSchema, 'fields'>
  readonly nowMs: number
  /** At most so many are looked at: all, or as many from all over. */
  readonly profilesMax: number
  readonly sampleMax: number
}

export interface WhyRequest {
  readonly audience: number
  readonly profile: number
  readonly rules: readonly AudienceRule[]
  readonly schema: Pick<ProfileSchema, 'fields'>
  readonly nowMs: number
}

export interface WhyAnswer {
  readonly profile: number
  readonly why: Why
  /** As it is kept; differs from `why` only until the engine has judged by a changed rule. */
  readonly since: number | null
  /** Latest first. */
  readonly moves: readonly history.MoveView[]
}

export interface AudienceQueries {
  /** Audience → members, for those that have some. */
  audienceSizes(): Promise<Map<number, number>>
  audienceSize(audience: number): Promise<number>
  audienceMembers(audience: number, page: history.MembersPage): Promise<history.Membership[]>
  audienceSample(audience: number, limit: number, seed: number): Promise<Person[]>
  audienceMoves(page: history.MovesPage): Promise<history.MoveView[]>
  audienceAt(audience: number, at: number, page: history.MembersPage): Promise<history.Membership[]>
  audienceSizeAt(audience: number, at: number): Promise<number>
  audienceCompare(
    audience: number,
    instants: { readonly a: number; readonly b: number; readonly limit: number },
  ): Promise<history.Comparison>
  audienceOverTime(
    audience: number,
    window: { readonly from: number; readonly to: number; readonly stepMs: number },
  ): Promise<history.SizePoint[]>
  audiencePreview(request: PreviewRequest): Promise<Preview>
  /** Undefined: there is no such profile. */
  audienceWhy(request: WhyRequest): Promise<WhyAnswer | undefined>
}

/** Where the people come from: the engine's. */
export interface PeopleSource {
  profiles(ids: readonly number[]): Promise<Profile[]>
  /** A page of everybody, by id. */
  judgedAfter(id: number, limit: number): Promise<Pick<Profile, 'id' | 'fields'>[]>
  survivorOf(id: number): Promise<number | undefined>
}

/** Profiles that are judged before others have their turn. */
const PAGE = 500
const WHY_MOVES = 20

export class AudienceDesk implements AudienceQueries {
  readonly #store: Store
  readonly #people: PeopleSource

  constructor(store: Store, people: PeopleSource) {
    this.#store = store
    this.#people = people
  }

  audienceSizes(): Promise<Map<number, number>> {
    return history.sizes(this.#store.db)
  }

  audienceSize(audience: number): Promise<number> {
    return history.size(this.#store.db, audience)
  }

  audienceMembers(audience: number, page: history.MembersPage): Promise<history.Membership[]> {
    return history.members(this.#store.db, audience, page)
  }

  async audienceSample(audience: number, limit: number, seed: number): Promise<Person[]> {
    const members = await history.sample(this.#store.db, audience, limit, seed)
    return (await this.#people.profiles(members.map(({ profile }) => profile))).map(personFrom)
  }

  audienceMoves(page: history.MovesPage): Promise<history.MoveView[]> {
    return history.moves(this.#store.db, page)
  }

  audienceAt(audience: number, at: number, page: history.MembersPage): Promise<history.Membership[]> {
    return history.membersAt(this.#store.db, audience, at, page)
  }

  audienceSizeAt(audience: number, at: number): Promise<number> {
    return history.sizeAt(this.#store.db, audience, at)
  }

  audienceCompare(
    audience: number,
    instants: Parameters<AudienceQueries['audienceCompare']>[1],
  ): Promise<history.Comparison> {
    return history.compare(this.#store.db, audience, instants)
  }

  audienceOverTime(
    audience: number,
    window: Parameters<AudienceQueries['audienceOverTime']>[1],
  ): Promise<history.SizePoint[]> {
    return history.sizeOverTime(this.#store.db, audience, window)
  }

  async audiencePreview({
    filter,
    rules,
    schema,
    nowMs,
    profilesMax,
    sampleMax,
  }: PreviewRequest): Promise<Preview> {
    const set = setFor(rules, UNSAVED, schema, filter)
    const profiles = await this.#count()
    let matched = 0
    let looked = 0
    const sample: number[] = []
    for await (const profile of this.#some(profiles, profilesMax)) {
      looked++
      if (!set.holds(UNSAVED, profile.fields, nowMs)) continue
      matched++
      if (sample.length < sampleMax) sample.push(profile.id)
    }
    const exact = profiles <= profilesMax
    const size = exact || looked === 0 ? matched : Math.round((matched / looked) * profiles)
    const people = await this.#people.profiles(sample)
    return { matched, looked, profiles, size, exact, sample: people.map(personFrom) }
  }

  async audienceWhy({ audience, profile, rules, schema, nowMs }: WhyRequest): Promise<WhyAnswer | undefined> {
    const id = await this.#people.survivorOf(profile)
    const [found] = id === undefined ? [] : await this.#people.profiles([id])
    if (found === undefined) return undefined
    const why = setFor(rules, audience, schema).why(audience, found.fields, nowMs)
    const moves = await history.moves(this.#store.db, { audience, profile: found.id, limit: WHY_MOVES })
    return { profile: found.id, why, since: found.members[audience] ?? null, moves }
  }

  async #count(): Promise<number> {
    const { count } = await this.#store.db
      .selectFrom('profiles')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .where('merged_into', 'is', null)
      .executeTakeFirstOrThrow()
    return Number(count)
  }

  /** Everybody, or pages from all over that make up at most so many. */
  async *#some(profiles: number, max: number): AsyncGenerator<Pick<Profile, 'id' | 'fields'>> {
    if (profiles <= max) {
      for (let after = 0; ; ) {
        const page = await this.#people.judgedAfter(after, PAGE)
        yield* page
        const last = page.at(-1)
        if (last === undefined || page.length < PAGE) return
        after = last.id
      }
    }
    const { last } = await this.#store.db
      .selectFrom('profiles')
      .select(({ fn }) => fn.max('id').as('last'))
      .executeTakeFirstOrThrow()
    const pages = Math.max(1, Math.floor(max / PAGE))
    let seen = 0
    for (let page = 0; page < pages; page++) {
      const from = Math.max(seen, Math.floor((Number(last) * page) / pages))
      for (const profile of await this.#people.judgedAfter(from, PAGE)) {
        seen = profile.id
        yield profile
      }
    }
  }
}

/** Number of a rule that has none yet. */
const UNSAVED = 0

/** An audience, or a rule that is not kept, with all that it includes and no others. */
function setFor(
  rules: readonly AudienceRule[],
  audience: number,
  schema: Pick<ProfileSchema, 'fields'>,
  filter?: string,
): RuleSet {
  const parsed = rules.map((rule) => ({ ...rule, filter: parseFilter(rule.filter) }))
  if (filter !== undefined) parsed.push({ number: audience, slug: '', filter: parseFilter(filter) })
  const resolve = resolver(parsed)
  const needed = new Map<number, (typeof parsed)[number]>()
  const gather = (name: string): void => {
    const rule = resolve(name)
    if (rule === undefined || needed.has(rule.number)) return
    needed.set(rule.number, rule)
    for (const included of includesOf(rule.filter.statement.rule)) gather(included)
  }
  gather(String(audience))
  return new RuleSet([...needed.values()], fieldTypesOf(schema))
}

function personFrom({ id, identifiers, fields }: Profile): Person {
  return { profile: id, identifiers: identifiers.map(({ field, value }) => ({ field, value })), fields }
}
