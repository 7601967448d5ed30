/**
 * How values meet. A record's values go into the fragment of the identifier that the record went by; the fields of a profile
 * are its fragments folded together. The same operators do both, and they are commutative and associative in (value,
 * moment): neither the order in which records arrive nor the way a person's identifiers were joined shows in the fields.
 *
 * Two things bend that, by their nature: sums of decimals, in the last place; and maps that keep more of a key than its
 * latest value (a sum, the oldest, moments), where a key was dropped for capacity or age and comes again.
 */

import type { Cell, HeldIdentifier, Profile } from '../profile.ts'
import type { MappedRecord } from '../record.ts'
import type { Field, MergeOperator, ProfileSchema } from '../schema.ts'
import { compareText, type Fields, type FieldType, type Scalar, type Value } from '../values.ts'
import type { Rule, Rules } from './rules.ts'

const DAY_MS = 86_400_000
/** Of each key of a `map[string][]time`. What rules about events can ask for at most. */
export const MOMENTS_MAX = 50

/** How values of one field meet. */
export interface Meeting {
  /** A value as a record brings it; undefined where it does not fit the type. */
  lift(value: Value, at: number, stream: string): Cell | undefined
  meet(a: Cell, b: Cell): Cell
  /** What is left at the moment `nowMs`; undefined: nothing. */
  recent(cell: Cell, nowMs: number): Cell | undefined
}

export function compileMeetings(schema: ProfileSchema): ReadonlyMap<string, Meeting> {
  const meetings = new Map<string, Meeting>()
  // Fields of identifiers follow from the identifiers themselves.
  for (const field of schema.fields)
    if (field.identifier === undefined) meetings.set(field.name, meetingOf(field))
  return meetings
}

/** A longer text than this counts as growth. */
const SHORT_TEXT_MAX = 256

/**
 * Puts what a record says into the fragment of the identifier that it went by. Without room only what takes no more of it:
 * numbers, booleans and short texts, so that even a profile that is full learns of an opt-out.
 */
export function foldRecord(holder: HeldIdentifier, record: MappedRecord, rules: Rules, room: boolean): void {
  const { at, stream } = record
  for (const [name, value] of record.values) {
    const meeting = rules.meetings.get(name)
    if (!room && (!isScalar(value) || String(value).length > SHORT_TEXT_MAX)) continue
    const brought = meeting?.lift(value, at, stream)
    if (meeting === undefined || brought === undefined) continue
    const held = holder.fragment[name]
    holder.fragment[name] = held === undefined ? brought : meeting.meet(held, brought)
  }
}

/** Puts all that came by `from` into `into`; `from` is left without. */
export function foldFragment(into: HeldIdentifier, from: HeldIdentifier, rules: Rules): void {
  meetAll(into.fragment, from.fragment, rules)
  from.fragment = {}
}

/** The fields that are no identifiers, each with its moment and stream. */
export function foldCells(
  profile: Pick<Profile, 'identifiers'>,
  rules: Rules,
  nowMs: number,
): Record<string, Cell> {
  const cells = foldAll(profile, rules)
  for (const name in cells) {
    const cell = cells[name]
    const recent = cell && rules.meetings.get(name)?.recent(cell, nowMs)
    if (recent === undefined) delete cells[name]
    else cells[name] = recent
  }
  return cells
}

function foldAll({ identifiers }: Pick<Profile, 'identifiers'>, rules: Rules): Record<string, Cell> {
  const cells: Record<string, Cell> = {}
  for (const { fragment } of identifiers) meetAll(cells, fragment, rules)
  return cells
}

/** Nearly everybody's values came by one identifier: there is nothing to meet. */
function onlyFragment({ identifiers }: Pick<Profile, 'identifiers'>): HeldIdentifier['fragment'] | undefined {
  let only: HeldIdentifier['fragment'] | undefined
  for (const { fragment } of identifiers)
    for (const _ in fragment) {
      if (only !== undefined) return undefined
      only = fragment
      break
    }
  return only
}

/**
 * All fields of a profile, as its rules see them. Of an identifier field the value seen last, or of one that a profile may
 * have several of all of them, the one met first at the front.
 */
export function foldFields(profile: Pick<Profile, 'identifiers'>, rules: Rules, nowMs: number): Fields {
  const fields: Record<string, Value> = {}
  const cells = onlyFragment(profile) ?? foldAll(profile, rules)
  for (const name in cells) {
    const cell = cells[name]
    const recent = cell && rules.meetings.get(name)?.recent(cell, nowMs)
    if (recent !== undefined) fields[name] = recent.value
  }
  for (const rule of rules.byField.values()) {
    const value = valueOfRule(profile.identifiers, rule)
    if (value !== undefined) fields[rule.field] = value
  }
  return fields
}

function valueOfRule(identifiers: readonly HeldIdentifier[], { field, max }: Rule): Value | undefined {
  if (max > 1) {
    const held = identifiers.filter((one) => one.field === field)
    held.sort((a, b) => a.firstAt - b.firstAt || compareText(a.value, b.value))
    return held.length === 0 ? undefined : held.map(({ value }) => value)
  }
  let last: HeldIdentifier | undefined
  for (const held of identifiers)
    if (
      held.field === field &&
      (last === undefined || (held.lastAt - last.lastAt || compareText(held.value, last.value)) > 0)
    )
      last = held
  return last?.value
}

function meetAll(into: Record<string, Cell>, from: Record<string, Cell>, rules: Rules): void {
  for (const name in from) {
    const brought = from[name]
    const meeting = rules.meetings.get(name)
    if (brought === undefined || meeting === undefined) continue
    const held = into[name]
    into[name] = held === undefined ? brought : meeting.meet(held, brought)
  }
}

function meetingOf(field: Field): Meeting {
  const operator = field.merge ?? defaultOperator(field.type)
  const bounds: Bounds = {
    capacity: field.capacity ?? Number.POSITIVE_INFINITY,
    keepMs: field.keepDays === undefined ? Number.POSITIVE_INFINITY : field.keepDays * DAY_MS,
  }
  if (field.type === 'map[string][]time') return eventMoments(bounds)
  if (field.type.startsWith('map[')) return map(field.type, operator, bounds)
  if (field.type === '[]time') return moments(bounds)
  return field.type === '[]string' ? set(bounds) : single(operator, bounds)
}

export function defaultOperator(type: FieldType): MergeOperator {
  return type.startsWith('[]') || type.startsWith('map[') ? 'merge' : 'latest'
}

interface Bounds {
  /** Values or keys. */
  readonly capacity: number
  readonly keepMs: number
}

function single(operator: MergeOperator, { keepMs }: Bounds): Meeting {
  return {
    lift: (value, at, stream) =>
      isScalar(value) ? { value: operator === 'count' ? 1 : value, at, stream } : undefined,
    meet(a, b) {
      if (operator === 'sum' || operator === 'count')
        return { ...fresher(a, b), value: Number(a.value) + Number(b.value) }
      if (operator === 'oldest') return newer(a, b) === a ? b : a
      if (operator === 'min' || operator === 'max') {
        const order = compareScalars(a.value, b.value)
        if (order !== 0) return order > 0 === (operator === 'max') ? a : b
      }
      return newer(a, b)
    },
    recent: (cell, nowMs) => (cell.at > nowMs - keepMs ? cell : undefined),
  }
}

/** One entry of a set or map while it meets others. */
interface Entry {
  value: Scalar
  at: number
}

/** Elements by the moment they were last seen at, the oldest first; that one goes first. */
function set(bounds: Bounds): Meeting {
  const cellOf = (entries: Map<string, Entry>, at: number, stream: string): Cell => {
    const kept = [...within(entries, at, bounds)]
    return { value: kept.map(([element]) => element), at, stream, ats: kept.map(([, entry]) => entry.at) }
  }
  const entriesOf = (cell: Cell): [string, Entry][] =>
    asList(cell.value).map((element, i) => [String(element), { value: true, at: cell.ats?.[i] ?? cell.at }])
  return {
    lift(value, at, stream) {
      const elements = typeof value === 'string' ? [value] : asList(value)
      if (elements.length === 0) return undefined
      return cellOf(new Map(elements.map((element) => [String(element), { value: true, at }])), at, stream)
    },
    meet(a, b) {
      const newest = fresher(a, b)
      return cellOf(met(entriesOf(a), entriesOf(b), later), newest.at, newest.stream)
    },
    recent(cell, nowMs) {
      const kept = cellOf(new Map(entriesOf(cell)), Math.max(nowMs, cell.at), cell.stream)
      return asList(kept.value).length === 0 ? undefined : { ...kept, at: cell.at }
    },
  }
}

/** Moments, each once, the newest first. */
function moments({ capacity, keepMs }: Bounds): Meeting {
  const cellOf = (all: Iterable<number>, at: number, stream: string, nowMs: number): Cell => ({
    value: [...new Set(all)]
      .filter((moment) => moment > nowMs - keepMs)
      .sort((a, b) => b - a)
      .slice(0, capacity),
    at,
    stream,
  })
  const numbersOf = (value: Value): number[] => asList(value).filter((moment) => typeof moment === 'number')
  const newestOf = (cells: readonly number[]): number => cells.reduce((a, b) => Math.max(a, b), -Infinity)
  return {
    lift(value, at, stream) {
      const brought = typeof value === 'number' ? [value] : numbersOf(value)
      return brought.length === 0 ? undefined : cellOf(brought, at, stream, newestOf(brought))
    },
    meet(a, b) {
      const both = [...numbersOf(a.value), ...numbersOf(b.value)]
      const newest = fresher(a, b)
      return cellOf(both, newest.at, newest.stream, newestOf(both))
    },
    recent(cell, nowMs) {
      const kept = cellOf(numbersOf(cell.value), cell.at, cell.stream, nowMs)
      return asList(kept.value).length === 0 ? undefined : kept
    },
  }
}

/** Key by key. */
function map(type: FieldType, operator: MergeOperator, bounds: Bounds): Meeting {
  const meetEntries = type === 'map[string]intsum' ? added : (PER_KEY[operator] ?? later)
  const cellOf = (entries: Map<string, Entry>, at: number, stream: string): Cell => {
    const value = Object.fromEntries(within(entries, at, bounds).map(([key, entry]) => [key, entry.value]))
    // Keys that look like integers come first in an object, whatever the order of insertion.
    return { value, at, stream, ats: Object.keys(value).map((key) => entries.get(key)?.at ?? at) }
  }
  const entriesOf = (cell: Cell): [string, Entry][] =>
    scalarsOf(cell.value).map(([key, value], i) => [key, { value, at: cell.ats?.[i] ?? cell.at }])
  return {
    lift(value, at, stream) {
      const entries = scalarsOf(value)
      if (entries.length === 0) return undefined
      return cellOf(new Map(entries.map(([key, scalar]) => [key, { value: scalar, at }])), at, stream)
    },
    meet(a, b) {
      const newest = fresher(a, b)
      return cellOf(met(entriesOf(a), entriesOf(b), meetEntries), newest.at, newest.stream)
    },
    recent(cell, nowMs) {
      const kept = cellOf(new Map(entriesOf(cell)), Math.max(nowMs, cell.at), cell.stream)
      return kept.ats?.length === 0 ? undefined : { ...kept, at: cell.at }
    },
  }
}

/** Of each key the newest moments; two events of one moment are two. */
function eventMoments({ capacity, keepMs }: Bounds): Meeting {
  const isBounded = capacity !== Infinity || keepMs !== Infinity
  const cellOf = (lists: Map<string, readonly number[]>, at: number, stream: string, nowMs: number): Cell => {
    const kept: [string, readonly number[]][] = []
    for (const [key, list] of lists) {
      const recent = keepMs === Infinity ? list : list.filter((moment) => moment > nowMs - keepMs)
      if (recent.length > 0) kept.push([key, recent])
    }
    if (kept.length > capacity) {
      kept.sort((a, b) => (b[1][0] ?? 0) - (a[1][0] ?? 0) || compareText(a[0], b[0]))
      kept.length = capacity
    }
    return { value: Object.fromEntries(kept), at, stream }
  }
  const newestOf = (lists: Iterable<readonly number[]>): number => {
    let newest = -Infinity
    for (const list of lists) newest = Math.max(newest, list[0] ?? newest)
    return newest
  }
  return {
    lift(value, at, stream) {
      const lists = new Map<string, readonly number[]>()
      for (const [key, list] of entriesOfMap(value)) {
        const moments = newestFirst(list)
        if (moments.length > 0) lists.set(key, moments)
      }
      return lists.size === 0 ? undefined : cellOf(lists, at, stream, newestOf(lists.values()))
    },
    meet(a, b) {
      const newest = fresher(a, b)
      if (!isBounded) return { value: joinedLists(a.value, b.value), at: newest.at, stream: newest.stream }
      const lists = new Map(momentLists(joinedLists(a.value, b.value)))
      return cellOf(lists, newest.at, newest.stream, newestOf(lists.values()))
    },
    recent(cell, nowMs) {
      if (keepMs === Infinity) return cell
      const kept = cellOf(new Map(momentLists(cell.value)), cell.at, cell.stream, nowMs)
      return Object.keys(kept.value).length === 0 ? undefined : kept
    },
  }
}

/** The hottest of all, because every event comes by here: it copies no more than it must. */
function joinedLists(a: Value, b: Value): Readonly<Record<string, readonly number[]>> {
  const joined = { ...mapOf<readonly number[]>(a) }
  for (const [key, list] of momentLists(b)) {
    const held = Object.hasOwn(joined, key) ? joined[key] : undefined
    const value = Array.isArray(held) ? newestOfBoth(held, list) : list
    // A key of this name would otherwise set the prototype.
    if (key === '__proto__') Object.defineProperty(joined, key, { value, ...PLAIN })
    else joined[key] = value
  }
  return joined
}

const PLAIN = { enumerable: true, writable: true, configurable: true }

/** Both are in order, the newest first. */
function newestOfBoth(a: readonly number[], b: readonly number[]): readonly number[] {
  const both: number[] = []
  let [i, j] = [0, 0]
  while (both.length < MOMENTS_MAX && (i < a.length || j < b.length)) {
    const [left, right] = [a[i] ?? -Infinity, b[j] ?? -Infinity]
    if (left >= right) {
      both.push(left)
      i++
    } else {
      both.push(right)
      j++
    }
  }
  return both
}

/** Of a cell, where they are in order already. */
function momentLists(value: Value): [string, readonly number[]][] {
  return entriesOfMap(value).filter((entry): entry is [string, readonly number[]] => Array.isArray(entry[1]))
}

function newestFirst(list: unknown): readonly number[] {
  const numbers = Array.isArray(list)
    ? list.filter((moment): moment is number => typeof moment === 'number')
    : []
  return numbers.sort((a, b) => b - a).slice(0, MOMENTS_MAX)
}

function met(
  a: readonly [string, Entry][],
  b: readonly [string, Entry][],
  meet: (a: Entry, b: Entry) => Entry,
): Map<string, Entry> {
  const entries = new Map(a)
  for (const [key, entry] of b) {
    const held = entries.get(key)
    entries.set(key, held === undefined ? entry : meet(held, entry))
  }
  return entries
}

/** The entries that stay at the moment `at`, the oldest first. */
function within(entries: Map<string, Entry>, at: number, { capacity, keepMs }: Bounds): [string, Entry][] {
  const kept = [...entries]
  const young = keepMs === Infinity ? kept : kept.filter(([, entry]) => entry.at > at - keepMs)
  if (young.length > 1) young.sort((a, b) => a[1].at - b[1].at || compareText(a[0], b[0]))
  return young.length > capacity ? young.slice(-capacity) : young
}

const later = (a: Entry, b: Entry): Entry => ((b.at - a.at || compareScalars(b.value, a.value)) > 0 ? b : a)
const earlier = (a: Entry, b: Entry): Entry => (later(a, b) === a ? b : a)
/** The moment is that of the newer, because age and capacity go by when a key was last seen. */
const chosen = (a: Entry, b: Entry, one: Entry): Entry => ({ value: one.value, at: Math.max(a.at, b.at) })
const added = (a: Entry, b: Entry): Entry => ({
  value: Number(a.value) + Number(b.value),
  at: Math.max(a.at, b.at),
})
const PER_KEY: Readonly<Partial<Record<MergeOperator, (a: Entry, b: Entry) => Entry>>> = {
  oldest: earlier,
  min: (a, b) => chosen(a, b, compareScalars(a.value, b.value) <= 0 ? a : b),
  max: (a, b) => chosen(a, b, compareScalars(a.value, b.value) >= 0 ? a : b),
}

/** The cell of the later moment; of two of one moment the greater value, so that the order they met in does not show. */
function newer(a: Cell, b: Cell): Cell {
  const order = a.at - b.at || compareScalars(a.value, b.value) || compareText(a.stream, b.stream)
  return order >= 0 ? a : b
}

/** The cell whose moment and stream stand for both. */
function fresher(a: Cell, b: Cell): Cell {
  return (a.at - b.at || compareText(a.stream, b.stream)) >= 0 ? a : b
}

/** Numbers by size, everything else by its text. */
function compareScalars(a: Value, b: Value): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  if (a === b) return 0
  return compareText(textOf(a), textOf(b))
}

function textOf(value: Value): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function isScalar(value: Value): value is Scalar {
  return typeof value !== 'object'
}

/** Nothing of what is no map. */
function mapOf<T extends Scalar | readonly number[]>(value: Value): Readonly<Record<string, T>> {
  return typeof value === 'object' && !Array.isArray(value) ? (value as Readonly<Record<string, T>>) : {}
}

function entriesOfMap(value: Value): [string, Scalar | readonly number[]][] {
  return Object.entries(mapOf(value))
}

function asList(value: Value): readonly (string | number)[] {
  return Array.isArray(value) ? value : []
}

function scalarsOf(value: Value): [string, Scalar][] {
  return entriesOfMap(value).filter((entry): entry is [string, Scalar] => typeof entry[1] !== 'object')
}
