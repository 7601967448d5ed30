/** The identifiers of a profile as a graph: which were seen together, and what holds together. */

import { type Edge, type HeldIdentifier, type IdentifierKey, keyOf, type Profile } from '../profile.ts'
import { compareText } from '../values.ts'
import type { Rules } from './rules.ts'

/** Identifiers that hang together by the edges that stay, each set in the order given, the sets by their first. */
export function componentsOf(
  identifiers: readonly HeldIdentifier[],
  edges: readonly Edge[],
): HeldIdentifier[][] {
  const parents = new Map<IdentifierKey, IdentifierKey>()
  const rootOf = (key: IdentifierKey): IdentifierKey => {
    const parent = parents.get(key)
    if (parent === undefined || parent === key) return key
    const root = rootOf(parent)
    parents.set(key, root)
    return root
  }
  for (const { a, b } of edges) parents.set(rootOf(a), rootOf(b))
  const components = new Map<IdentifierKey, HeldIdentifier[]>()
  for (const held of identifiers) {
    const root = rootOf(keyOf(held))
    const component = components.get(root)
    if (component === undefined) components.set(root, [held])
    else component.push(held)
  }
  return [...components.values()]
}

export function touches(edge: Edge, key: IdentifierKey): boolean {
  return edge.a === key || edge.b === key
}

/** The other end. */
export function acrossFrom(edge: Edge, key: IdentifierKey): IdentifierKey {
  return edge.a === key ? edge.b : edge.a
}

/** Adds to the edge between two identifiers, or makes it. Returns whether it is new. */
export function link(
  edges: Edge[],
  one: IdentifierKey,
  two: IdentifierKey,
  stream: string,
  firstAt: number,
  lastAt: number,
  count: number,
): boolean {
  const a = one < two ? one : two
  const b = one < two ? two : one
  for (const edge of edges) {
    if (edge.a !== a || edge.b !== b) continue
    edge.firstAt = Math.min(edge.firstAt, firstAt)
    edge.lastAt = Math.max(edge.lastAt, lastAt)
    edge.count += count
    return false
  }
  edges.push({ a, b, stream, firstAt, lastAt, count })
  return true
}

export function rankOf(held: { readonly field: string }, rules: Rules): number {
  return rules.byField.get(held.field)?.rank ?? Number.POSITIVE_INFINITY
}

/** Of the highest rank, met first, least text; undefined: of none. */
export function strongestOf(
  identifiers: readonly HeldIdentifier[],
  rules: Rules,
): HeldIdentifier | undefined {
  let strongest: HeldIdentifier | undefined
  for (const held of identifiers)
    if (strongest === undefined || compareStrength(held, strongest, rules) < 0) strongest = held
  return strongest
}

export function compareStrength(a: HeldIdentifier, b: HeldIdentifier, rules: Rules): number {
  const [rankA, rankB] = [rankOf(a, rules), rankOf(b, rules)]
  if (rankA !== rankB) return rankA < rankB ? -1 : 1
  return a.firstAt - b.firstAt || compareText(keyOf(a), keyOf(b))
}

/** The survivor of a merge first: who has the strongest identifier, is the oldest, has the smallest id. */
export function comparePriority(a: Profile, b: Profile, rules: Rules): number {
  const strength = ({ identifiers }: Profile): number =>
    identifiers.reduce((best, held) => Math.min(best, rankOf(held, rules)), Number.MAX_VALUE)
  return strength(a) - strength(b) || a.createdAt - b.createdAt || a.id - b.id
}

/** Gives all that the loser has to the survivor. */
export function absorb(survivor: Profile, loser: Profile): void {
  survivor.identifiers.push(...loser.identifiers)
  survivor.edges.push(...loser.edges)
  survivor.retired.push(...loser.retired)
  survivor.retired.sort((a, b) => a.lastAt - b.lastAt)
  forgetRetired(survivor)
  survivor.createdAt = Math.min(survivor.createdAt, loser.createdAt)
  survivor.seenAt = Math.max(survivor.seenAt, loser.seenAt)
  // Whether the person still is in them is judged anew; since when is not.
  const members = Object.entries(loser.members)
  if (members.length > 0) survivor.members = { ...survivor.members }
  for (const [audience, since] of members)
    survivor.members[audience] = Math.min(since, survivor.members[audience] ?? since)
  survivor.bytes += loser.bytes
}

/** Of one profile, the newest. */
export const RETIRED_MAX = 100

export function forgetRetired({ retired }: Profile): void {
  if (retired.length > RETIRED_MAX) retired.splice(0, retired.length - RETIRED_MAX)
}

/** A new profile of these identifiers, and of the edges between them. */
export function profileOf(id: number, identifiers: HeldIdentifier[], edges: readonly Edge[]): Profile {
  // One that begins has neither: nothing is gathered for each of millions.
  const keys = edges.length === 0 ? undefined : new Set(identifiers.map(keyOf))
  return {
    id,
    createdAt: identifiers.reduce((at, { firstAt }) => Math.min(at, firstAt), Number.POSITIVE_INFINITY),
    seenAt: identifiers.reduce((at, { lastAt }) => Math.max(at, lastAt), Number.NEGATIVE_INFINITY),
    identifiers,
    edges: edges.filter(({ a, b }) => keys?.has(a) === true && keys.has(b)),
    retired: [],
    fields: {},
    members: {},
    flipAt: null,
    bytes: 0,
  }
}
