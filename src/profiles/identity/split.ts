/**
 * What an operator does to profiles: join two, or undo a join. Both are planned first: what would be, as profiles of their
 * own, while the given ones stay as they are; `preview` tells the difference. Values go with the identifiers that they came
 * by, so an undone merge gives back what each had.
 */

import { measure } from '../packed.ts'
import { type Edge, type HeldIdentifier, type IdentifierKey, keyOf, type Profile } from '../profile.ts'
import { compareText, type Fields } from '../values.ts'
import { type Merge, neverLink } from '../working-set.ts'
import { foldFields } from './fold.ts'
import { absorb, comparePriority, componentsOf, link, profileOf, strongestOf } from './graph.ts'
import type { Rules } from './rules.ts'

/** The stream of links that an operator made. */
export const OPERATOR_STREAM = 'operator'

export interface Plan {
  /** As they would be; their memberships are to be judged anew. */
  readonly profiles: readonly Profile[]
  /** Profiles that would be no more, and who has what they had. */
  readonly merges: readonly Merge[]
  /** Pairs to be recorded, so that the next record does not undo it. */
  readonly neverLinks: readonly string[]
  /** Fields of which the profile would have more values than the rules allow: no reason not to, but to know. */
  readonly crowded: readonly string[]
}

/** Two profiles become one, at the moment `at`. */
export function planMerge(one: Profile, two: Profile, rules: Rules, at: number): Plan {
  const [survivor, loser] =
    comparePriority(one, two, rules) <= 0
      ? [structuredClone(one), structuredClone(two)]
      : [structuredClone(two), structuredClone(one)]
  const identifiers = loser.identifiers.map(keyOf)
  const [a, b] = [strongestOf(survivor.identifiers, rules), strongestOf(loser.identifiers, rules)]
  absorb(survivor, loser)
  if (a !== undefined && b !== undefined) hold(survivor.edges, a, b, at)
  survivor.fields = foldFields(survivor, rules, at)
  measure(survivor)
  const crowded = [...rules.byField.values()].filter(
    ({ field, max }) => survivor.identifiers.filter((held) => held.field === field).length > max,
  )
  return {
    profiles: [survivor],
    merges: [{ at, offset: -1, survivor: survivor.id, loser: loser.id, identifiers }],
    neverLinks: [],
    crowded: crowded.map(({ field }) => field),
  }
}

/**
 * The loser of a merge comes back under its own id, with those of its identifiers that the profile still has, and with what
 * joined them since; what hangs by neither side without a pair that is never to be joined becomes profiles of their own.
 * undefined: the profile has none of the loser's identifiers, or no others.
 */
export function planUndo(
  profile: Profile,
  merge: Pick<Merge, 'at' | 'loser' | 'identifiers'>,
  rules: Rules,
  { neverLinks, newId, at }: { neverLinks: ReadonlySet<string>; newId: () => number; at: number },
): Plan | undefined {
  const whole = structuredClone(profile)
  const isLosers = keysIn(merge.identifiers)
  const losers = whole.identifiers.filter(isLosers)
  const others = whole.identifiers.filter((held) => !isLosers(held))
  const [loser, survivor] = [strongestOf(losers, rules), strongestOf(others, rules)]
  if (loser === undefined || survivor === undefined) return undefined
  // Who was there before, apart from who came since, and may belong to either.
  const settled = others.filter((held) => held === survivor || held.firstAt < merge.at)
  const sides = new Sides(whole.identifiers, neverLinks)
  sides.gather(losers)
  sides.gather(settled)
  sides.part(loser, survivor)
  const severed = sides.follow(whole.edges)
  const profiles = sides.groups().map((group) => {
    const isSurvivor = group.includes(survivor)
    const id = isSurvivor ? whole.id : group.includes(loser) ? merge.loser : newId()
    const part = profileOf(id, group, whole.edges)
    bridge(part, rules, at)
    if (isSurvivor) part.retired = whole.retired.filter((retired) => !isLosers(retired))
    else if (id === merge.loser) part.retired = whole.retired.filter(isLosers)
    if (isSurvivor) part.members = whole.members
    part.fields = foldFields(part, rules, at)
    measure(part)
    return part
  })
  const apart = [neverLink(keyOf(loser), keyOf(survivor)), ...severed.map(({ a, b }) => neverLink(a, b))]
  return { profiles, merges: [], neverLinks: [...new Set(apart)].sort(compareText), crowded: [] }
}

/** Identifiers in groups that grow along the surest links, and never across pairs that are not to be joined. */
class Sides {
  readonly #groups = new Map<IdentifierKey, Set<HeldIdentifier>>()
  readonly #apart: Set<string>

  constructor(identifiers: readonly HeldIdentifier[], neverLinks: ReadonlySet<string>) {
    for (const held of identifiers) this.#groups.set(keyOf(held), new Set([held]))
    this.#apart = new Set(neverLinks)
  }

  gather([first, ...rest]: readonly HeldIdentifier[]): void {
    for (const held of rest) if (first !== undefined) this.#unite(keyOf(first), keyOf(held))
  }

  part(a: HeldIdentifier, b: HeldIdentifier): void {
    this.#apart.add(neverLink(keyOf(a), keyOf(b)))
  }

  /** Returns the links between groups that stayed apart. */
  follow(edges: readonly Edge[]): Edge[] {
    const surest = edges.toSorted(
      (one, two) =>
        two.count - one.count ||
        two.lastAt - one.lastAt ||
        compareText(one.a, two.a) ||
        compareText(one.b, two.b),
    )
    for (const { a, b } of surest) if (!this.#areApart(a, b)) this.#unite(a, b)
    return edges.filter(({ a, b }) => this.#groups.get(a) !== this.#groups.get(b))
  }

  groups(): HeldIdentifier[][] {
    return [...new Set(this.#groups.values())].map((group) => [...group])
  }

  #areApart(a: IdentifierKey, b: IdentifierKey): boolean {
    const [one, two] = [this.#groups.get(a), this.#groups.get(b)]
    if (one === undefined || two === undefined) return true
    if (one === two) return false
    for (const held of one)
      for (const other of two) if (this.#apart.has(neverLink(keyOf(held), keyOf(other)))) return true
    return false
  }

  #unite(a: IdentifierKey, b: IdentifierKey): void {
    const [one, two] = [this.#groups.get(a), this.#groups.get(b)]
    if (one === undefined || two === undefined || one === two) return
    for (const held of two) {
      one.add(held)
      this.#groups.set(keyOf(held), one)
    }
  }
}

/** What were one profile before stay one, though the link between them went with what was retired or cut off. */
function bridge(profile: Profile, rules: Rules, at: number): void {
  const [first, ...others] = componentsOf(profile.identifiers, profile.edges)
  const anchor = strongestOf(first ?? [], rules)
  for (const component of others) {
    const end = strongestOf(component, rules)
    if (anchor !== undefined && end !== undefined) hold(profile.edges, anchor, end, at)
  }
}

function hold(edges: Edge[], a: HeldIdentifier, b: HeldIdentifier, at: number): void {
  link(edges, keyOf(a), keyOf(b), OPERATOR_STREAM, at, at, 1)
}

function keysIn(keys: readonly IdentifierKey[]): (held: { field: string; value: string }) => boolean {
  const all = new Set(keys)
  return (held) => all.has(keyOf(held))
}

export interface Difference {
  readonly id: number
  /** null: it is not, or will not be. */
  readonly before: View | null
  readonly after: View | null
  /** Fields that differ; and those of them that rules of audiences ask for. */
  readonly changed: readonly string[]
  readonly asked: readonly string[]
}

export interface View {
  readonly identifiers: readonly { readonly field: string; readonly value: string }[]
  readonly fields: Fields
}

/** What a plan would change, by profile; `askedFields`: fields that audiences ask for. */
export function preview(
  before: readonly Profile[],
  { profiles }: Plan,
  rules: Rules,
  askedFields: ReadonlySet<string>,
  nowMs: number,
): Difference[] {
  const viewOf = (profile: Profile | undefined): View | null =>
    profile === undefined
      ? null
      : {
          identifiers: profile.identifiers.map(({ field, value }) => ({ field, value })),
          fields: foldFields(profile, rules, nowMs),
        }
  const ids = [...new Set([...before, ...profiles].map(({ id }) => id))].sort((a, b) => a - b)
  return ids.map((id) => {
    const was = viewOf(before.find((profile) => profile.id === id))
    const will = viewOf(profiles.find((profile) => profile.id === id))
    const names = new Set([...Object.keys(was?.fields ?? {}), ...Object.keys(will?.fields ?? {})])
    const changed = [...names]
      .filter((name) => JSON.stringify(was?.fields[name]) !== JSON.stringify(will?.fields[name]))
      .sort(compareText)
    return { id, before: was, after: will, changed, asked: changed.filter((name) => askedFields.has(name)) }
  })
}
