/**
 * From changes of profiles to what the vendor should hold of each person. Pure: works on the people that were loaded.
 *
 * Each identifier that the vendor knows belongs to one profile. A profile that is known by another identifier now, was
 * joined into another one, or is no more, lets go of what it had: nothing is wanted there any more. Then each profile
 * takes hold of its identifier and wants there what it is in.
 */

import { type Address, addressKey } from '../../core/audience-change.ts'
import type { ProfileChange } from '../follower.ts'
import { changed, type Lane, newPerson, type Person, type Slugs, sorted } from './person.ts'
import { addressOf, type ExportRule, type Membership, membershipsOf, slugsOf } from './rule.ts'

/** What a change means to one export. */
export interface Placing {
  readonly profile: number
  readonly mergedFrom: readonly number[]
  readonly isThere: boolean
  /** By what they are known now; undefined: by nothing. */
  readonly who: Address | undefined
  readonly members: readonly Membership[]
  readonly entered: readonly number[]
  readonly left: readonly number[]
}

/** undefined: the change is nothing to this export. */
export function placingOf(
  rule: ExportRule,
  change: ProfileChange,
  losers: ReadonlyMap<number, ProfileChange>,
): Placing | undefined {
  const { profile, before, after, mergedFrom } = change
  const who = after && addressOf(rule.identifiers, after)
  const had = before && addressOf(rule.identifiers, before)
  const members = membershipsOf(rule, after)
  const now = members.map(({ audience }) => audience)
  const earlier = membershipsOf(rule, before).map(({ audience }) => audience)
  if (mergedFrom.length === 0) {
    if (had === undefined && now.length + earlier.length === 0) return undefined
    if (after !== undefined && keyFor(who) === keyFor(had) && sameNumbers(now, earlier)) return undefined
  }
  const joined = mergedFrom.flatMap((loser) => membershipsOf(rule, losers.get(loser)?.before))
  const was = new Set([...earlier, ...joined.map(({ audience }) => audience)])
  return {
    profile,
    mergedFrom,
    isThere: after !== undefined,
    who,
    members,
    entered: now.filter((number) => !earlier.includes(number)),
    left: [...was].filter((number) => !now.includes(number)),
  }
}

/** As if everything was to be looked at anew: nobody entered or left. */
export function placingAgain(rule: ExportRule, { profile, after }: ProfileChange): Placing {
  return {
    profile,
    mergedFrom: [],
    isThere: after !== undefined,
    who: after && addressOf(rule.identifiers, after),
    members: membershipsOf(rule, after),
    entered: [],
    left: [],
  }
}

/** The people of one export that a transaction works on: all whom the profiles hold, and all who are named. */
export class People {
  readonly #byKey = new Map<string, Person>()
  readonly #byProfile = new Map<number, Set<Person>>()
  readonly #touched = new Set<Person>()

  constructor(people: readonly Person[]) {
    for (const person of people) this.#enter(person)
  }

  get touched(): readonly Person[] {
    return [...this.#touched]
  }

  at(who: Address): Person | undefined {
    return this.#byKey.get(addressKey(who))
  }

  add(who: Address, profile: number): Person {
    const person = newPerson(who, profile)
    this.#enter(person)
    return person
  }

  of(profile: number): readonly Person[] {
    return [...(this.#byProfile.get(profile) ?? [])]
  }

  give(person: Person, profile: number): void {
    this.#byProfile.get(person.profile)?.delete(person)
    person.profile = profile
    this.#file(person)
  }

  touch(person: Person): void {
    this.#touched.add(person)
  }

  #enter(person: Person): void {
    this.#byKey.set(addressKey(person.who), person)
    this.#file(person)
  }

  #file(person: Person): void {
    const those = this.#byProfile.get(person.profile)
    if (those === undefined) this.#byProfile.set(person.profile, new Set([person]))
    else those.add(person)
  }
}

/** How many moves were of people without an identifier. */
export function place(
  rule: ExportRule,
  people: People,
  placings: readonly Placing[],
  lane: Lane,
  nowMs: number,
): number {
  const slugs = slugsOf(rule)
  const news = (person: Person): void => {
    changed(person, slugs, lane, nowMs, rule.waitMs)
    people.touch(person)
  }
  for (const { profile, mergedFrom } of placings)
    for (const loser of mergedFrom)
      for (const person of people.of(loser)) {
        people.give(person, profile)
        people.touch(person)
      }
  // All let go before anybody takes hold: an identifier may have passed from one to another.
  const wantedBefore = new Map<number, readonly number[]>()
  for (const { profile, who } of placings) {
    const wanted = people.of(profile).flatMap((person) => person.wanted)
    wantedBefore.set(profile, wanted)
    for (const person of people.of(profile)) {
      if (!person.held || keyFor(who) === addressKey(person.who)) continue
      person.held = false
      person.wanted = []
      news(person)
    }
  }
  let omitted = 0
  for (const placing of placings) {
    if (!placing.isThere) continue
    if (placing.who === undefined) {
      if (placing.entered.length + placing.left.length > 0) omitted++
      continue
    }
    const wanted = wantedOf(rule, placing, wantedBefore.get(placing.profile) ?? [])
    const doubt = leftUntold(rule, placing, wantedBefore.get(placing.profile) ?? [], slugs)
    const known = people.at(placing.who)
    if (known === undefined && wanted.length + doubt.length === 0) continue
    const person = known ?? people.add(placing.who, placing.profile)
    if (person.profile !== placing.profile) people.give(person, placing.profile)
    const isSame =
      person.held && sameNumbers(person.wanted, wanted) && doubt.every((slug) => person.doubt.includes(slug))
    if (isSame && known !== undefined) continue
    person.held = true
    person.wanted = wanted
    person.doubt = sorted([...person.doubt, ...doubt])
    news(person)
  }
  return omitted
}

/** Ascending. `before`: what was wanted for them so far. */
function wantedOf(rule: ExportRule, { members, entered }: Placing, before: readonly number[]): number[] {
  const now = members.filter(
    ({ audience, counts }) =>
      before.includes(audience) || (rule.moves !== 'exit' && (counts || entered.includes(audience))),
  )
  const wanted = new Set(now.map(({ audience }) => audience))
  // Without exits, whoever was brought in stays in.
  return rule.audiences
    .map(({ number }) => number)
    .filter((number) => wanted.has(number) || (rule.moves === 'enter' && before.includes(number)))
}

/** They were in when they did not count yet, and left: the vendor is told all the same, whatever it holds. */
function leftUntold(rule: ExportRule, { left }: Placing, before: readonly number[], slugs: Slugs): string[] {
  if (rule.moves === 'enter') return []
  return left.filter((number) => !before.includes(number)).flatMap((number) => slugs.get(number) ?? [])
}

function sameNumbers(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((number, i) => number === other[i])
}

function keyFor(who: Address | undefined): string | undefined {
  return who === undefined ? undefined : addressKey(who)
}
