/**
 * The profiles that all evidence at once gives, whatever order it came in: the links of all records, the surest first, each
 * taken unless the profile that came out would break a rule. What arrival made of the same evidence is compared with it; the
 * difference is drift, and is told, not repaired silently.
 */

import { type Edge, type IdentifierKey, identifierKey, type Profile } from '../profile.ts'
import type { MappedRecord } from '../record.ts'
import { compareText } from '../values.ts'
import { acrossFrom } from './graph.ts'
import { qualityOf } from './metrics.ts'
import { type Refusal, RIVALS_WINDOW_MS, strangersOf } from './resolver.ts'
import type { Identified, Rule, Rules } from './rules.ts'

/** When an identifier was seen. */
interface Sighting {
  readonly key: IdentifierKey
  readonly rule: Rule
  lastAt: number
  /** Beside a stronger one. */
  vouchedAt?: number
}

/** What records said of who belongs together. It is the same in whatever order they are added. */
export class Evidence {
  readonly #rules: Rules
  readonly sightings = new Map<IdentifierKey, Sighting>()
  readonly edges = new Map<string, Edge>()

  constructor(rules: Rules) {
    this.#rules = rules
  }

  /** All links of a record, also those that its arrival was refused. */
  addRecord({ at, stream, joins }: MappedRecord, { ids }: Identified): void {
    for (const id of ids) this.#see(id.field, id.value, at)
    const [first, ...others] = ids
    if (first === undefined || !joins) return
    for (const { key } of others) this.#link(first.key, key, { stream, firstAt: at, lastAt: at, count: 1 })
  }

  /** What a profile knows: only the links that its arrival allowed. */
  addProfile({ identifiers, edges }: Pick<Profile, 'identifiers' | 'edges'>): void {
    for (const { field, value, lastAt } of identifiers) this.#see(field, value, lastAt)
    for (const edge of edges) this.#link(edge.a, edge.b, edge)
  }

  #see(field: string, value: string, at: number): void {
    const rule = this.#rules.byField.get(field)
    if (rule === undefined) return
    const key = identifierKey(field, value)
    const known = this.sightings.get(key)
    if (known === undefined) this.sightings.set(key, { key, rule, lastAt: at })
    else known.lastAt = Math.max(known.lastAt, at)
  }

  #link(one: IdentifierKey, two: IdentifierKey, seen: Omit<Edge, 'a' | 'b'>): void {
    const [a, b] = one < two ? [one, two] : [two, one]
    const name = `${a}\n${b}`
    const known = this.edges.get(name)
    if (known === undefined) {
      this.edges.set(name, { ...seen, a, b })
      return
    }
    known.firstAt = Math.min(known.firstAt, seen.firstAt)
    known.lastAt = Math.max(known.lastAt, seen.lastAt)
    known.count += seen.count
  }
}

export interface Rebuilt {
  /** Who belongs together, each sorted, the sets by their first. */
  readonly clusters: readonly (readonly IdentifierKey[])[]
  /** What rotated out: nobody's. */
  readonly retired: readonly IdentifierKey[]
  /** Links that would have broken a rule. */
  readonly rejected: readonly {
    readonly a: IdentifierKey
    readonly b: IdentifierKey
    readonly reason: Refusal
  }[]
}

interface Cluster {
  readonly members: Sighting[]
}

interface Link {
  readonly edge: Edge
  readonly stronger: Sighting
  readonly weaker: Sighting
}

/** In O(n log n) of the edges, besides the members of the clusters that they join. */
export function rebuild(evidence: Evidence, rules: Rules, neverLinks: ReadonlySet<string>): Rebuilt {
  const clusters = new Map<IdentifierKey, Cluster>()
  const sightings = new Map<IdentifierKey, Sighting>()
  for (const { key, rule, lastAt } of evidence.sightings.values()) {
    const sighting = { key, rule, lastAt }
    sightings.set(key, sighting)
    clusters.set(key, { members: [sighting] })
  }
  const links = linksOf(evidence, sightings, rules)
  const newest = new Map<IdentifierKey, number>()
  for (const { weaker, edge } of links)
    newest.set(weaker.key, Math.max(newest.get(weaker.key) ?? edge.lastAt, edge.lastAt))
  const shared = sharedOf(links)
  const strangers = strangersOf(neverLinks)
  const degrees = new Map<IdentifierKey, number>()
  const rejected: Rebuilt['rejected'][number][] = []

  const refusal = (link: Link, one: Cluster, two: Cluster): Refusal | undefined => {
    const { weaker, stronger, edge } = link
    if (shared.has(weaker.key) || shared.has(stronger.key)) return 'shared'
    const { windowMs } = weaker.rule
    // The number went to somebody else.
    if (windowMs !== undefined && edge.lastAt <= (newest.get(weaker.key) ?? 0) - windowMs) return 'outdated'
    if (one === two) return undefined
    const isStranger = ({ key }: Sighting): boolean =>
      (strangers.get(key) ?? []).some((other) => clusters.get(other) === two)
    if (strangers.size > 0 && one.members.some(isStranger)) return 'never_link'
    const members = [...one.members, ...two.members]
    for (const rule of rules.byField.values()) {
      // As the record that brought the link said it: the stronger has another value now.
      const isReplaced = rule === weaker.rule && rule.rotates && stronger.rule.rank < rule.rank
      if (!isReplaced && valuesOf(rule, one.members, two.members) > rule.max) return 'max_values'
    }
    const lasting = members.filter(({ rule }) => !isRetirable(rule)).length
    if (lasting > rules.limits.identifiersMax) return 'identifiers_max'
    for (const [end, other] of [
      [stronger, weaker],
      [weaker, stronger],
    ] as const)
      if (!isRetirable(other.rule) && (degrees.get(end.key) ?? 0) >= rules.limits.neighboursMax)
        return 'neighbours_max'
    return undefined
  }

  for (const link of links) {
    const { stronger, weaker, edge } = link
    const [one, two] = [clusters.get(stronger.key), clusters.get(weaker.key)]
    if (one === undefined || two === undefined) continue
    const reason = refusal(link, one, two)
    if (reason !== undefined) {
      rejected.push({ a: edge.a, b: edge.b, reason })
      continue
    }
    if (stronger.rule.rank < weaker.rule.rank)
      weaker.vouchedAt = Math.max(weaker.vouchedAt ?? edge.lastAt, edge.lastAt)
    if (!isRetirable(weaker.rule)) degrees.set(stronger.key, (degrees.get(stronger.key) ?? 0) + 1)
    if (!isRetirable(stronger.rule)) degrees.set(weaker.key, (degrees.get(weaker.key) ?? 0) + 1)
    if (one === two) continue
    const [large, small] = one.members.length >= two.members.length ? [one, two] : [two, one]
    for (const member of small.members) {
      large.members.push(member)
      clusters.set(member.key, large)
    }
  }
  return settled(new Set(clusters.values()), rejected, rules)
}

/** The surest first: the stronger its weaker end, the more often and the later it was seen. */
function linksOf(
  { edges }: Evidence,
  sightings: ReadonlyMap<IdentifierKey, Sighting>,
  { droppedFollow }: Rules,
): Link[] {
  const links: Link[] = []
  for (const edge of edges.values()) {
    const [a, b] = [sightings.get(edge.a), sightings.get(edge.b)]
    if (a === undefined || b === undefined) continue
    links.push(
      a.rule.rank <= b.rule.rank ? { edge, stronger: a, weaker: b } : { edge, stronger: b, weaker: a },
    )
  }
  return links.sort((one, two) => {
    const often = two.edge.count - one.edge.count
    const late = two.edge.lastAt - one.edge.lastAt
    return (
      one.weaker.rule.rank - two.weaker.rule.rank ||
      (droppedFollow ? late || often : often || late) ||
      compareText(one.edge.a, two.edge.a) ||
      compareText(one.edge.b, two.edge.b)
    )
  })
}

/**
 * Identifiers seen within 30 days beside more different values of one stronger field than a person has: one of their own,
 * and `sharedAfter` of others.
 */
function sharedOf(links: readonly Link[]): ReadonlySet<IdentifierKey> {
  const meetings = new Map<IdentifierKey, { rule: Rule; moments: Map<string, [number, IdentifierKey][]> }>()
  for (const { stronger, weaker, edge } of links) {
    if (stronger.rule.max > 1 || stronger.rule.rank >= weaker.rule.rank) continue
    const met = meetings.get(weaker.key) ?? { rule: weaker.rule, moments: new Map() }
    meetings.set(weaker.key, met)
    const moments = met.moments.get(stronger.rule.field) ?? []
    met.moments.set(stronger.rule.field, moments)
    const other = acrossFrom(edge, weaker.key)
    moments.push([edge.firstAt, other])
    if (edge.lastAt > edge.firstAt) moments.push([edge.lastAt, other])
  }
  const shared = new Set<IdentifierKey>()
  for (const [key, { rule, moments }] of meetings)
    for (const met of moments.values())
      if (mostWithin(met, RIVALS_WINDOW_MS) > rule.sharedAfter) shared.add(key)
  return shared
}

/** The most different keys within a window. */
function mostWithin(moments: [number, IdentifierKey][], windowMs: number): number {
  moments.sort((a, b) => a[0] - b[0])
  const inside = new Map<IdentifierKey, number>()
  let [most, first] = [0, 0]
  for (const [at, key] of moments) {
    inside.set(key, (inside.get(key) ?? 0) + 1)
    for (
      let oldest = moments[first];
      oldest !== undefined && at - oldest[0] > windowMs;
      oldest = moments[++first]
    ) {
      const left = (inside.get(oldest[1]) ?? 0) - 1
      if (left > 0) inside.set(oldest[1], left)
      else inside.delete(oldest[1])
    }
    most = Math.max(most, inside.size)
  }
  return most
}

/** Values of a field that two clusters would have together, as the maximum counts them. */
function valuesOf(rule: Rule, one: readonly Sighting[], two: readonly Sighting[]): number {
  if (isRetirable(rule)) return 0
  const ofRule = (member: Sighting): boolean => member.rule === rule
  const [a, b] = [one.filter(ofRule), two.filter(ofRule)]
  // Of a field of one value that rotates, only the last counts.
  if (rule.rotates) return Math.min(a.length, rule.max) + Math.min(b.length, rule.max)
  const { windowMs } = rule
  if (windowMs === undefined) return a.length + b.length
  const both = [...a, ...b]
  const last = both.reduce((at, { lastAt }) => Math.max(at, lastAt), Number.NEGATIVE_INFINITY)
  return both.filter(({ lastAt }) => lastAt > last - windowMs).length
}

function isRetirable({ rotates, max }: Rule): boolean {
  return rotates && max > 1
}

/** Lets go what is too much of rotating fields, the oldest first. */
function settled(clusters: ReadonlySet<Cluster>, rejected: Rebuilt['rejected'], rules: Rules): Rebuilt {
  const retired: IdentifierKey[] = []
  const kept: IdentifierKey[][] = []
  for (const { members } of clusters) {
    const gone = new Set<Sighting>()
    const newestFirst = members.toSorted((a, b) => momentOf(b) - momentOf(a) || compareText(a.key, b.key))
    for (const rule of rules.byField.values())
      if (rule.rotates)
        for (const member of newestFirst.filter((one) => one.rule === rule).slice(rule.max)) gone.add(member)
    let over = members.length - gone.size - rules.limits.identifiersMax
    for (const member of newestFirst.toReversed()) {
      if (over <= 0) break
      if (!isRetirable(member.rule) || gone.has(member)) continue
      gone.add(member)
      over--
    }
    for (const { key } of gone) retired.push(key)
    kept.push(
      members
        .filter((member) => !gone.has(member))
        .map(({ key }) => key)
        .sort(compareText),
    )
  }
  return {
    clusters: kept.sort((a, b) => compareText(a[0] ?? '', b[0] ?? '')),
    retired: retired.sort(compareText),
    rejected,
  }
}

/** Of two addresses that one is current under which the person was known last, whatever still comes by the other. */
function momentOf({ rule, lastAt, vouchedAt = lastAt }: Sighting): number {
  return rule.max === 1 ? vouchedAt : lastAt
}

export interface Drift {
  /** Identifiers that both know. */
  readonly identifiers: number
  /** Share of pairs that are together by arrival and not rebuilt; and the other way round. */
  readonly onlyByArrival: number
  readonly onlyRebuilt: number
  /** Share of rebuilt profiles that are otherwise by arrival. */
  readonly changed: number
  /** Variation of information, in bits. */
  readonly distance: number
}

/** How far what arrival made is from what was rebuilt. `owners`: the profile of each identifier by arrival. */
export function driftOf(owners: ReadonlyMap<IdentifierKey, number | null>, { clusters }: Rebuilt): Drift {
  const both: [number, number][] = []
  for (const [number, keys] of clusters.entries())
    for (const key of keys) {
      const owner = owners.get(key)
      if (owner !== null && owner !== undefined) both.push([number, owner])
    }
  const { records, pairwise, exact, mixed, scattered } = qualityOf(both)
  return {
    identifiers: records,
    onlyByArrival: 1 - pairwise.precision,
    onlyRebuilt: 1 - pairwise.recall,
    changed: 1 - exact,
    distance: mixed + scattered,
  }
}
