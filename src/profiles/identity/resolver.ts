/**
 * Which profile a record belongs to. Its identifiers are admitted strongest first: each is kept for which the profile that
 * would come out keeps every rule (values per field, identifiers, neighbours, size, pairs never to join), and dropped
 * otherwise, with a conflict. The profiles of all that were kept become one. The record always lands where its strongest
 * identifier is. What comes out depends on the order in which records arrive, and on nothing else.
 *
 *   identifier                           | becomes
 *   -------------------------------------|--------------------------------------------------------------------
 *   nobody's, admitted                   | the profile's
 *   another's, admitted                  | joins the two profiles; the loser becomes a tombstone
 *   another's, refused                   | stays there; or follows the record, where the schema says so or the
 *                                        | other has not been seen by it for longer than its window
 *   refused beside many stronger ones    | shared: a profile of its own, that joins nobody any more
 *   oldest of a rotating field, too many | retired: nobody's; its values stay with the profile
 */

import { measure } from '../packed.ts'
import { type HeldIdentifier, type IdentifierKey, identifierKey, keyOf, type Profile } from '../profile.ts'
import type { MappedRecord } from '../record.ts'
import type { Scalar, Value } from '../values.ts'
import type { WorkingSet } from '../working-set.ts'
import { foldFragment, foldRecord } from './fold.ts'
import {
  absorb,
  acrossFrom,
  comparePriority,
  compareStrength,
  componentsOf,
  forgetRetired,
  link,
  profileOf,
  strongestOf,
  touches,
} from './graph.ts'
import type { Identified, Identifier, Rule, Rules } from './rules.ts'

const DAY_MS = 86_400_000
/** Within which an identifier has to meet its rivals to be a shared one. */
export const RIVALS_WINDOW_MS = 30 * DAY_MS
/** A rival that comes again is noted again only after so long: each note rewrites the profile of the other. */
const RIVAL_NOTED_MS = DAY_MS
/** Why an identifier was not used to find or join a profile. Beside these, `several_values` of the rules. */
export const REFUSALS = [
  /** The profile would have more values of a field than it may. */
  'max_values',
  'identifiers_max',
  'neighbours_max',
  'bytes_max',
  'never_link',
  /** The stream's records join nobody. */
  'may_not_join',
  /** It belongs to too many; from now on it joins nobody. */
  'shared',
  /** Of a field that rotates, and older than the values that the profile has. */
  'outdated',
] as const
export type Refusal = (typeof REFUSALS)[number]

/** An identifier of the record that is being taken, and where it is. */
interface Found {
  readonly id: Identifier
  readonly owner: Profile | undefined
  readonly held: HeldIdentifier | undefined
}

interface Refused extends Found {
  readonly reason: Refusal
}

/** Leaves its profile for the record's. */
interface Moving {
  readonly owner: Profile
  readonly held: HeldIdentifier
}

export class Resolver {
  readonly #rules: Rules
  readonly #set: WorkingSet
  /** With whom an identifier is never to be joined. */
  readonly #strangers: ReadonlyMap<IdentifierKey, readonly IdentifierKey[]>
  /** Profiles that were measured, and that have no room left. */
  readonly #full = new Set<number>()
  /** What the record at hand brings, admitted yet or not: none of it is retired for another. */
  #coming: readonly Found[] = []

  constructor(rules: Rules, set: WorkingSet) {
    this.#rules = rules
    this.#set = set
    this.#strangers = strangersOf(set.neverLinks)
  }

  /**
   * The record becomes part of a profile of the set, which is returned; undefined where nothing identifies it. The owners of
   * all its identifiers must have been loaded. Folded fields do not follow by themselves: see `foldFields`.
   */
  take(record: MappedRecord, { ids, dropped }: Identified): Profile | undefined {
    const all = this.#find(ids)
    this.#coming = all
    const first = all[0]
    const refused: Refused[] = []
    const moving: Moving[] = []
    let home: Profile | undefined
    if (first !== undefined) {
      const admitted: [Found, ...Found[]] = [first]
      const homes = first.owner === undefined ? [] : [first.owner]
      for (const found of all) {
        if (found === first) continue
        const reason = this.#refusal(found, admitted, homes, record)
        if (reason === undefined) {
          admitted.push(found)
          if (found.owner !== undefined && !homes.includes(found.owner)) homes.push(found.owner)
          continue
        }
        const movable = this.#movable(found, reason, admitted, homes, record)
        if (movable !== undefined) {
          moving.push(movable)
          admitted.push({ id: found.id, owner: undefined, held: undefined })
        }
        refused.push({ ...found, reason })
      }
      for (const { owner, held } of moving) this.#retire(owner, held)
      home = this.#settle(record, admitted, homes)
      for (const { held } of moving) inherit(home, held)
    }
    for (const { field, value, reason } of dropped)
      if (reason === 'several_values') this.#note(record, field, value, reason, home, undefined)
    if (home === undefined || first === undefined) return home
    for (const { id, owner, reason } of refused) {
      // What is nobody's is in nobody's way.
      if (reason === 'may_not_join' && owner === undefined) continue
      this.#note(record, id.field, id.value, reason, home, owner)
      if (reason === 'max_values') this.#noteRival(record, id, first.id, home)
    }
    return home
  }

  /** Shared identifiers count only where there is no other. */
  #find(ids: readonly Identifier[]): Found[] {
    const found: Found[] = []
    let anyShared = false
    for (const id of ids) {
      const owner = this.#set.ownerOf(id.key)
      const held = owner && heldBy(owner, id)
      if (held?.sharedAt !== undefined) anyShared = true
      found.push({ id, owner, held })
    }
    if (!anyShared) return found
    const usable = found.filter((one) => !isShared(one))
    return usable.length > 0 ? usable : found.slice(0, 1)
  }

  /** Why this identifier may not be kept beside those that were; undefined: it may. */
  #refusal(
    found: Found,
    admitted: readonly [Found, ...Found[]],
    homes: readonly Profile[],
    record: MappedRecord,
  ): Refusal | undefined {
    const { id, owner, held } = found
    const isHere = owner !== undefined && homes.includes(owner)
    if (isHere && (held === undefined || isWithin(held, id.rule, record.at))) return undefined
    if (!isHere && !record.joins) return 'may_not_join'
    if (!isHere && this.#areStrangers(found, admitted, homes)) return 'never_link'
    if (owner === undefined || isHere) {
      const reason = refusalByCount(id.rule, found, admitted, homes, record.at, this.#coming)
      if (reason !== undefined || isHere) return reason
    } else
      for (const rule of this.#rules.byField.values()) {
        const reason = refusalByCount(rule, found, admitted, homes, record.at, this.#coming)
        if (reason !== undefined) return reason
      }
    const joined = owner === undefined ? homes : [...homes, owner]
    if (!this.#isSmall(admitted.length + 1, joined)) {
      const brought = [...admitted, found]
      if (this.#exceedsIdentifiers(brought, joined)) return 'identifiers_max'
      if (this.#isCrowded(admitted[0].id.key, brought, joined) || this.#isCrowded(id.key, brought, joined))
        return 'neighbours_max'
    }
    if (joined !== homes && this.#exceedsBytes(joined)) return 'bytes_max'
    return undefined
  }

  /** Whether all that the record brings and all that the profiles have is within each limit: nearly always, and told at a glance. */
  #isSmall(brought: number, joined: readonly Profile[]): boolean {
    const { identifiersMax, neighboursMax } = this.#rules.limits
    let identifiers = brought
    let edges = brought
    for (const profile of joined) {
      identifiers += profile.identifiers.length
      edges += profile.edges.length
    }
    return identifiers <= identifiersMax && edges <= neighboursMax
  }

  #areStrangers({ id, owner }: Found, admitted: readonly Found[], homes: readonly Profile[]): boolean {
    if (this.#strangers.size === 0) return false
    const coming = owner === undefined ? [id.key] : owner.identifiers.map(keyOf)
    return coming.some((key) =>
      this.#strangers
        .get(key)
        ?.some(
          (stranger) =>
            admitted.some((other) => other.id.key === stranger) ||
            homes.some(({ identifiers }) => identifiers.some((held) => keyOf(held) === stranger)),
        ),
    )
  }

  #exceedsIdentifiers(brought: readonly Found[], joined: readonly Profile[]): boolean {
    let count = 0
    for (const { owner } of brought) if (owner === undefined) count++
    for (const { identifiers } of joined) count += identifiers.length
    const over = count - this.#rules.limits.identifiersMax
    if (over <= 0) return false
    const free = joined.flatMap(({ identifiers }) =>
      identifiers.filter((held) => this.#mayRetire(held) && !isBrought(held, this.#coming)),
    )
    return free.length < over
  }

  /** Whether an identifier would have more neighbours than it may, and none that could be retired instead. */
  #isCrowded(key: IdentifierKey, brought: readonly Found[], joined: readonly Profile[]): boolean {
    const max = this.#rules.limits.neighboursMax
    const neighbours = new Set(joined.flatMap(({ edges }) => neighboursOf(edges, key)))
    const before = [...neighbours]
    const center = brought[0]?.id.key
    for (const { id } of brought) if (key === center || id.key === center) neighbours.add(id.key)
    neighbours.delete(key)
    const over = neighbours.size - max
    if (over <= 0) return false
    const free = joined.flatMap(({ identifiers }) =>
      identifiers.filter(
        (held) => this.#mayRetire(held) && !isBrought(held, this.#coming) && before.includes(keyOf(held)),
      ),
    )
    return free.length < over
  }

  #exceedsBytes(joined: readonly Profile[]): boolean {
    const max = this.#rules.limits.bytesMax
    if (joined.reduce((n, { bytes }) => n + bytes, 0) <= max) return false
    for (const profile of joined) measure(profile)
    return joined.reduce((n, { bytes }) => n + bytes, 0) > max
  }

  /** Where a refused identifier is to leave its profile for the record's, and may. */
  #movable(
    { id, owner, held }: Found,
    reason: Refusal,
    admitted: readonly [Found, ...Found[]],
    homes: readonly Profile[],
    record: MappedRecord,
  ): Moving | undefined {
    if (reason !== 'max_values' || owner === undefined || held === undefined) return undefined
    // The last identifier of a profile is all that can be known of it.
    if (owner.identifiers.length < 2 || homes.includes(owner)) return undefined
    if (!this.#rules.droppedFollow && isWithin(held, id.rule, record.at)) return undefined
    const alone = { id, owner: undefined, held: undefined }
    return this.#refusal(alone, admitted, homes, record) === undefined ? { owner, held } : undefined
  }

  /** Makes one profile of those that the record joins, with all that the record brings. */
  #settle(record: MappedRecord, admitted: readonly [Found, ...Found[]], homes: readonly Profile[]): Profile {
    const { at, stream } = record
    const home = homes.length === 0 ? this.#create(at) : this.#merge(homes, record)
    this.#set.touched.add(home.id)
    home.createdAt = Math.min(home.createdAt, at)
    home.seenAt = Math.max(home.seenAt, at)
    let hasGrown = homes.length > 1
    let strongest: HeldIdentifier | undefined
    for (const { id, held: known } of admitted) {
      let held = known
      if (held === undefined) {
        held = { field: id.field, value: id.value, firstAt: at, lastAt: at, count: 0, fragment: {} }
        home.identifiers.push(held)
        home.bytes += id.key.length + IDENTIFIER_BYTES
        this.#set.own(id.key, home.id)
        hasGrown = true
      }
      held.count++
      held.firstAt = Math.min(held.firstAt, at)
      // A value that comes back after its window counts again, as a new one does.
      if (at > held.lastAt) {
        hasGrown ||= id.rule.windowMs !== undefined && !isWithin(held, id.rule, at)
        held.lastAt = at
      }
      if (strongest === undefined) strongest = held
      else if (link(home.edges, admitted[0].id.key, id.key, stream, at, at, 1)) home.bytes += EDGE_BYTES
    }
    if (hasGrown) this.#rotate(home, admitted, at)
    if (strongest !== undefined) this.#fill(home, strongest, record)
    return home
  }

  #create(at: number): Profile {
    const profile = profileOf(this.#set.nextId++, [], [])
    profile.createdAt = at
    profile.seenAt = at
    this.#set.profiles.set(profile.id, profile)
    return profile
  }

  /** Into the one that has the strongest identifier, is the oldest, has the smallest id. */
  #merge(homes: readonly Profile[], record: MappedRecord): Profile {
    const [survivor, ...losers] =
      homes.length === 1 ? homes : homes.toSorted((a, b) => comparePriority(a, b, this.#rules))
    if (survivor === undefined) throw new TypeError('No profile to merge')
    for (const loser of losers) {
      const identifiers = loser.identifiers.map(keyOf)
      this.#set.merges.push({
        at: record.at,
        offset: record.offset,
        survivor: survivor.id,
        loser: loser.id,
        identifiers,
      })
      for (const key of identifiers) this.#set.own(key, survivor.id)
      absorb(survivor, loser)
      this.#set.merged.set(loser.id, survivor.id)
      this.#set.profiles.delete(loser.id)
      this.#set.touched.delete(loser.id)
    }
    return survivor
  }

  /** Retires what is too much, the oldest first, and never what the record brings. */
  #rotate(home: Profile, brought: readonly Found[], at: number): void {
    for (const rule of this.#rules.byField.values()) {
      if (!rule.rotates) continue
      const counts = (held: HeldIdentifier): boolean => held.field === rule.field && isWithin(held, rule, at)
      let count = 0
      for (const held of home.identifiers) if (counts(held)) count++
      if (count > rule.max) this.#retireOldest(home, brought, count - rule.max, counts)
    }
    const { identifiersMax, neighboursMax } = this.#rules.limits
    const mayRetire = (held: HeldIdentifier): boolean => this.#mayRetire(held)
    const over = home.identifiers.length - identifiersMax
    if (over > 0) this.#retireOldest(home, brought, over, mayRetire)
    if (home.edges.length <= neighboursMax) return
    for (const { id } of brought) {
      const neighbours = neighboursOf(home.edges, id.key)
      const isNear = (held: HeldIdentifier): boolean => mayRetire(held) && neighbours.includes(keyOf(held))
      if (neighbours.length > neighboursMax)
        this.#retireOldest(home, brought, neighbours.length - neighboursMax, isNear)
    }
  }

  #retireOldest(
    home: Profile,
    brought: readonly Found[],
    count: number,
    which: (held: HeldIdentifier) => boolean,
  ): void {
    const oldest = home.identifiers
      .filter((held) => which(held) && !isBroughtBy(held, brought))
      .sort((a, b) => a.lastAt - b.lastAt || compareStrength(b, a, this.#rules))
    for (const held of oldest.slice(0, count)) this.#retire(home, held)
  }

  /** Cookies and devices, of which a person may have many: not what says who somebody is. */
  #mayRetire({ field }: HeldIdentifier): boolean {
    const rule = this.#rules.byField.get(field)
    return rule?.rotates === true && rule.max > 1
  }

  /** It becomes nobody's. What hung together by it still does, by the strongest of its neighbours, who gets its values. */
  #retire(profile: Profile, held: HeldIdentifier): void {
    const key = keyOf(held)
    const cut = profile.edges.filter((edge) => touches(edge, key))
    profile.edges = profile.edges.filter((edge) => !touches(edge, key))
    profile.identifiers = profile.identifiers.filter((other) => other !== held)
    const ends = new Set(cut.map((edge) => acrossFrom(edge, key)))
    const neighbours = profile.identifiers.filter((other) => ends.has(keyOf(other)))
    const heir = strongestOf(neighbours.length > 0 ? neighbours : profile.identifiers, this.#rules)
    if (heir !== undefined) {
      foldFragment(heir, held, this.#rules)
      const heirKey = keyOf(heir)
      for (const edge of cut) {
        const end = acrossFrom(edge, key)
        if (end !== heirKey)
          link(profile.edges, heirKey, end, edge.stream, edge.firstAt, edge.lastAt, edge.count)
      }
    }
    const { field, value, firstAt, lastAt } = held
    profile.retired.push({ field, value, firstAt, lastAt })
    forgetRetired(profile)
    this.#set.own(key, null)
    this.#set.touched.add(profile.id)
  }

  #fill(home: Profile, holder: HeldIdentifier, record: MappedRecord): void {
    const max = this.#rules.limits.bytesMax
    let coming = 0
    for (const [name, value] of record.values) coming += name.length + bytesOf(value)
    let hasRoom = !this.#full.has(home.id)
    if (hasRoom && home.bytes + coming > max) {
      measure(home)
      hasRoom = home.bytes + coming <= max
      if (!hasRoom) {
        this.#full.add(home.id)
        this.#note(record, holder.field, holder.value, 'bytes_max', home, undefined)
      }
    }
    if (hasRoom) home.bytes += coming
    foldRecord(holder, record, this.#rules, hasRoom)
  }

  /** A weaker identifier met a stronger one that belongs to somebody else. */
  #noteRival(record: MappedRecord, id: Identifier, rival: Identifier, home: Profile): void {
    const owner = this.#set.ownerOf(id.key)
    const held = owner && heldBy(owner, id)
    if (owner === undefined || held === undefined || rival.rank >= id.rank) return
    const { at } = record
    const known = held.rivals?.find(([key]) => key === rival.key)
    if (known !== undefined && at - known[1] < RIVAL_NOTED_MS) return
    const others = (held.rivals ?? []).filter(
      ([key, seenAt]) => key !== rival.key && Math.abs(at - seenAt) <= RIVALS_WINDOW_MS,
    )
    held.rivals = [...others, [rival.key, at]]
    this.#set.touched.add(owner.id)
    if (held.rivals.length < id.rule.sharedAfter) return
    held.sharedAt = at
    this.#isolate(owner, held)
    this.#note(record, id.field, id.value, 'shared', home, this.#set.ownerOf(id.key))
  }

  /** A shared identifier gets a profile of its own, and so does what only it had joined. */
  #isolate(owner: Profile, shared: HeldIdentifier): void {
    const key = keyOf(shared)
    const rest = owner.identifiers.filter((held) => held !== shared)
    const edges = owner.edges.filter((edge) => !touches(edge, key))
    if (rest.length === 0) return
    const strongest = strongestOf(rest, this.#rules)
    for (const part of [[shared], ...componentsOf(rest, edges)]) {
      if (strongest !== undefined && part.includes(strongest)) {
        const kept = profileOf(owner.id, part, edges)
        owner.identifiers = kept.identifiers
        owner.edges = kept.edges
        continue
      }
      const profile = profileOf(this.#set.nextId++, part, edges)
      measure(profile)
      this.#set.profiles.set(profile.id, profile)
      this.#set.touched.add(profile.id)
      for (const held of part) this.#set.own(keyOf(held), profile.id)
    }
  }

  #note(
    { at, offset, stream }: MappedRecord,
    field: string,
    value: string,
    reason: Refusal | 'several_values',
    kept: Profile | undefined,
    other: Profile | undefined,
  ): void {
    this.#set.conflicts.push({
      at,
      offset,
      stream,
      field,
      value,
      reason,
      kept: kept?.id ?? null,
      other: other?.id ?? null,
    })
  }
}

/** What is packed beside the texts of an identifier and of a value, and for an edge: at most about so much. */
const IDENTIFIER_BYTES = 60
const CELL_BYTES = 40
const EDGE_BYTES = 60
/** A moment, a number or the quotes of a text. */
const ELEMENT_BYTES = 24

function bytesOf(value: Value): number {
  if (typeof value === 'string') return value.length + CELL_BYTES
  if (typeof value !== 'object') return CELL_BYTES
  let bytes = CELL_BYTES
  // Each element has its moment beside it.
  for (const [key, one] of Object.entries(value)) bytes += key.length + ELEMENT_BYTES + lengthOf(one)
  return bytes
}

function lengthOf(value: Scalar | readonly number[]): number {
  if (typeof value === 'string') return value.length
  return typeof value === 'object' ? value.length * ELEMENT_BYTES : 0
}

export function strangersOf(
  pairs: ReadonlySet<string>,
): ReadonlyMap<IdentifierKey, readonly IdentifierKey[]> {
  const strangers = new Map<IdentifierKey, IdentifierKey[]>()
  for (const pair of pairs) {
    const [a = '', b = ''] = pair.split('\n')
    strangers.set(a, [...(strangers.get(a) ?? []), b])
    strangers.set(b, [...(strangers.get(b) ?? []), a])
  }
  return strangers
}

/** Whether a field would have too many values in the profile that comes out. */
function refusalByCount(
  rule: Rule,
  found: Found,
  admitted: readonly [Found, ...Found[]],
  homes: readonly Profile[],
  at: number,
  coming: readonly Found[],
): Refusal | undefined {
  let admittedCount = 0
  for (const { id } of admitted) if (id.field === rule.field) admittedCount++
  const count = found.id.field === rule.field ? admittedCount + 1 : admittedCount
  const foundAt = Math.max(at, found.held?.lastAt ?? at)
  let [others, older, staying] = [0, 0, 0]
  const addFrom = ({ identifiers }: Profile): void => {
    for (const held of identifiers) {
      if (held.field !== rule.field || !isWithin(held, rule, at)) continue
      if (held === found.held || isBrought(held, admitted)) continue
      others++
      // What the record brings as well, further on, cannot be retired for this one.
      if (isBrought(held, coming)) staying++
      else if (held.lastAt <= foundAt) older++
    }
  }
  // Of a field of one value that rotates, a value that was admitted takes the place of those that are there.
  if (!(rule.rotates && rule.max === 1 && admittedCount > 0)) for (const home of homes) addFrom(home)
  if (found.owner !== undefined && !homes.includes(found.owner)) addFrom(found.owner)
  const over = count + others - rule.max
  if (over <= 0) return undefined
  // That a person has another address now can only be said by a stronger identifier beside it.
  const vouched = rule.max > 1 || (found.id.rule === rule && admitted[0].id.rank < rule.rank)
  if (!rule.rotates || !vouched || others - staying < over) return 'max_values'
  const isLate = found.id.rule === rule && (found.owner === undefined || rule.max === 1)
  return isLate && older < over ? 'outdated' : undefined
}

/** An identifier that moved has met whom it had met. */
function inherit(home: Profile, { field, value, rivals }: HeldIdentifier): void {
  const held = heldBy(home, { field, value })
  if (held !== undefined && rivals !== undefined) held.rivals = rivals
}

function heldBy(
  { identifiers }: Profile,
  { field, value }: { readonly field: string; readonly value: string },
): HeldIdentifier | undefined {
  for (const held of identifiers) if (held.value === value && held.field === field) return held
  return undefined
}

function isShared({ held }: Found): boolean {
  return held?.sharedAt !== undefined
}

function isWithin({ lastAt }: HeldIdentifier, { windowMs }: Rule, at: number): boolean {
  return windowMs === undefined || lastAt > at - windowMs
}

function isBrought(held: HeldIdentifier, brought: readonly Found[]): boolean {
  return brought.some((found) => found.held === held)
}

function isBroughtBy({ field, value }: HeldIdentifier, brought: readonly Found[]): boolean {
  return brought.some(({ id }) => id.key === identifierKey(field, value))
}

function neighboursOf(edges: Profile['edges'], key: IdentifierKey): IdentifierKey[] {
  return edges.filter((edge) => touches(edge, key)).map((edge) => acrossFrom(edge, key))
}
