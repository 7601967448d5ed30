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
import type { AudienceSizes } from './sizes.ts'

/** Somebody of an audience, by what they are known. */
export interface Named {
  readonly profile: number
  readonly identifiers: readonly { readonly field: string; readonly value: string }[]
}

/** The same, with what is known of them. */
export interface Person extends Named {
  readonly fields: Fields
}

export interface Preview {
  /** Of those that were looked at. */
  readonly matched: number
  readonly looked: number
  /** People there are; where `exact` is false, about. */
  readonly profiles: number
  /** What `matched` is, when everybody was looked at; else what it comes to for everybody. */
  readonly size: number
  readonly exact: boolean
  readonly sample: readonly Person[]
  /** Whom the rule would move; null when it was compared with none. */
  readonly change: PreviewedChange | null
}

export interface PreviewedChange {
  /** Whom the rule means and the kept one does not; left: the other way round. Where the preview is not exact, what it comes to. */
  readonly entered: number
  readonly left: number
  readonly enteredSample: readonly Person[]
  readonly leftSample: readonly Person[]
}

export interface PreviewRequest {
  readonly filter: string
  readonly rules: readonly AudienceRule[]
  readonly schema: Pick<ProfileSchema, 'fields'>
  readonly nowMs: number
  /** Number of the audience whose kept rule it is compared with. */
  readonly against: number | undefined
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
  audienceSizes(): Promise<ReadonlyMap<number, number>>
  /** Of these audiences: moves since an instant. */
  audienceChanges(audiences: readonly number[], since: number): Promise<history.MoveCounts[]>
  /** By what these profiles are known; those that are no more are left out. */
  audienceNames(profiles: readonly number[]): Promise<Named[]>
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
  readonly #sizes: AudienceSizes

  constructor(store: Store, people: PeopleSource, sizes: AudienceSizes) {
    this.#store = store
    this.#people = people
    this.#sizes = sizes
  }

  async audienceSizes(): Promise<ReadonlyMap<number, number>> {
    return (await this.#sizes.all()).sizes
  }

  audienceChanges(audiences: readonly number[], since: number): Promise<history.MoveCounts[]> {
    return Promise.all(audiences.map((audience) => history.movesSince(this.#store.db, audience, since)))
  }

  async audienceNames(profiles: readonly number[]): Promise<Named[]> {
    const found = await this.#people.profiles([...new Set(profiles)])
    return found.map(({ id, identifiers }) => ({
      profile: id,
      identifiers: identifiers.map(({ field, value }) => ({ field, value })),
    }))
  }

  async audienceSize(audience: number): Promise<number> {
    return (await this.#sizes.all()).sizes.get(audience) ?? 0
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
    against,
    profilesMax,
    sampleMax,
  }: PreviewRequest): Promise<Preview> {
    const set = setFor(rules, against === undefined ? [UNSAVED] : [UNSAVED, against], schema, filter)
    const matched = new Sampled(sampleMax)
    const entered = new Sampled(sampleMax)
    const left = new Sampled(sampleMax)
    const crowd = await this.#crowd(profilesMax)
    let looked = 0
    for await (const { id, fields } of crowd.people) {
      looked++
      const holds = set.holds(UNSAVED, fields, nowMs)
      if (holds) matched.take(id)
      if (against === undefined || set.holds(against, fields, nowMs) === holds) continue
      if (holds) entered.take(id)
      else left.take(id)
    }
    const exact = crowd.profiles === undefined
    const profiles = crowd.profiles?.() ?? looked
    const inAll = (count: number): number =>
      exact || looked === 0 ? count : Math.round((count / looked) * profiles)
    const shown = async ({ sample }: Sampled): Promise<Person[]> =>
      (await this.#people.profiles(sample)).map(personFrom)
    return {
      ...{ matched: matched.count, looked, profiles, size: inAll(matched.count), exact },
      sample: await shown(matched),
      change:
        against === undefined
          ? null
          : {
              ...{ entered: inAll(entered.count), left: inAll(left.count) },
              enteredSample: await shown(entered),
              leftSample: await shown(left),
            },
    }
  }

  async audienceWhy({ audience, profile, rules, schema, nowMs }: WhyRequest): Promise<WhyAnswer | undefined> {
    const id = await this.#people.survivorOf(profile)
    const [found] = id === undefined ? [] : await this.#people.profiles([id])
    if (found === undefined) return undefined
    const why = setFor(rules, [audience], schema).why(audience, found.fields, nowMs)
    const moves = await history.moves(this.#store.db, { audience, profile: found.id, limit: WHY_MOVES })
    return { profile: found.id, why, since: found.members[audience] ?? null, moves }
  }

  /**
   * Everybody, or pages from all over that make up at most so many. Nobody is counted first, because counting millions takes longer than
   * looking at some: `profiles` tells afterwards how many there are, by how densely the numbers of the pages are used; absent: these are all.
   */
  async #crowd(max: number): Promise<Crowd> {
    const beyond = await this.#store.db
      .selectFrom('profiles')
      .select('id')
      .orderBy('id')
      .offset(max)
      .limit(1)
      .executeTakeFirst()
    if (beyond === undefined) return { people: this.#everybody() }
    const { last } = await this.#store.db
      .selectFrom('profiles')
      .select(({ fn }) => fn.max('id').as('last'))
      .executeTakeFirstOrThrow()
    const seen = { people: 0, numbers: 0 }
    const profiles = () => Math.round((seen.people / Math.max(1, seen.numbers)) * Number(last))
    return { people: this.#pages(Number(last), Math.max(1, Math.floor(max / PAGE)), seen), profiles }
  }

  async *#everybody(): AsyncGenerator<Judged> {
    for (let after = 0; ; ) {
      const page = await this.#people.judgedAfter(after, PAGE)
      yield* page
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE) return
      after = last.id
    }
  }

  async *#pages(
    last: number,
    pages: number,
    seen: { people: number; numbers: number },
  ): AsyncGenerator<Judged> {
    let after = 0
    for (let page = 0; page < pages; page++) {
      const from = Math.max(after, Math.floor((last * page) / pages))
      const people = await this.#people.judgedAfter(from, PAGE)
      after = people.at(-1)?.id ?? last
      seen.people += people.length
      seen.numbers += after - from
      yield* people
    }
  }
}

type Judged = Pick<Profile, 'id' | 'fields'>

interface Crowd {
  readonly people: AsyncIterable<Judged>
  readonly profiles?: () => number
}

/** How many, and the first of them. */
class Sampled {
  readonly #max: number
  readonly sample: number[] = []
  count = 0

  constructor(max: number) {
    this.#max = max
  }

  take(profile: number): void {
    this.count++
    if (this.sample.length < this.#max) this.sample.push(profile)
  }
}

/** Number of a rule that has none yet. */
const UNSAVED = 0

/** Audiences with all that they include and no others. `filter`: of UNSAVED, a rule that is not kept. */
function setFor(
  rules: readonly AudienceRule[],
  audiences: readonly number[],
  schema: Pick<ProfileSchema, 'fields'>,
  filter?: string,
): RuleSet {
  const parsed = rules.map((rule) => ({ ...rule, filter: parseFilter(rule.filter) }))
  if (filter !== undefined) parsed.push({ number: UNSAVED, slug: '', filter: parseFilter(filter) })
  const resolve = resolver(parsed)
  const needed = new Map<number, (typeof parsed)[number]>()
  const gather = (name: string): void => {
    const rule = resolve(name)
    if (rule === undefined || needed.has(rule.number)) return
    needed.set(rule.number, rule)
    for (const included of includesOf(rule.filter.statement.rule)) gather(included)
  }
  for (const audience of audiences) gather(String(audience))
  return new RuleSet([...needed.values()], fieldTypesOf(schema))
}

function personFrom({ id, identifiers, fields }: Profile): Person {
  return { profile: id, identifiers: identifiers.map(({ field, value }) => ({ field, value })), fields }
}
