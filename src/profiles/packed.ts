/**
 * What a profile is stored as: a text of a third of the size of its objects' JSON, because millions are read and written.
 * Moments are given from the oldest on, streams by number, and the moments and streams of values once for all values that a
 * record brought. Fields, memberships and the next flip are not in it: they stand beside it and are read without the rest. A
 * value that is that of its field, as nearly all are, stands there only.
 */

import { type Cell, type Edge, type HeldIdentifier, keyOf, type Profile } from './profile.ts'
import type { Fields, Value } from './values.ts'

/** What is packed of a profile. */
export type ProfileCore = Pick<Profile, 'createdAt' | 'seenAt' | 'identifiers' | 'edges' | 'retired'>

/** Text that does not begin so was not written by this code; in form 1 every value stands. */
const FORM = 2

type Packed = [
  form: number,
  createdAt: number,
  seenAt: number,
  streams: string[],
  /** Of values: stream, moment; again and again. */
  stamps: number[],
  identifiers: PackedIdentifier[],
  /** Two identifiers by their places, stream, first, last, count; again and again. */
  edges: number[],
  /** Field, value, first, last; again and again. */
  retired: (string | number)[],
]

type PackedIdentifier = [
  field: string,
  /** 0: that of its field. */
  value: string | 0,
  firstAt: number,
  lastAt: number,
  count: number,
  /** Field, stamp, value, and the moments of elements or 0; again and again. Before them in a list of their own: see Alike. */
  cells: (string | number | Value | readonly number[] | Alike)[],
  /** Key, moment; again and again. */
  rivals?: (string | number)[],
  sharedAt?: number,
]

/** Values that are those of their fields: a stamp and the fields that have it; again and again. */
type Alike = (string | number)[]

const NO_FIELDS: Fields = {}

/** Sets what the profile's limit goes by. */
export function measure(profile: Profile): void {
  profile.bytes = pack(profile, NO_FIELDS).length
}

/** `fields`: what will be given to `unpack` with it. */
export function pack(profile: ProfileCore, fields: Fields): string {
  const { createdAt, seenAt } = profile
  const streams: string[] = []
  const numberOf = (stream: string): number => {
    const known = streams.indexOf(stream)
    return known === -1 ? streams.push(stream) - 1 : known
  }
  const stamps: number[] = []
  const stampOf = ({ at, stream }: Cell): number => {
    const [number, moment] = [numberOf(stream), at - createdAt]
    for (let i = 0; i < stamps.length; i += 2)
      if (stamps[i + 1] === moment && stamps[i] === number) return i / 2
    return stamps.push(number, moment) / 2 - 1
  }
  const identifiers = profile.identifiers.map((held) => packIdentifier(held, createdAt, fields, stampOf))
  const placeOf = placing(profile.identifiers)
  const edges: number[] = []
  for (const { a, b, stream, firstAt, lastAt, count } of profile.edges)
    edges.push(placeOf(a), placeOf(b), numberOf(stream), firstAt - createdAt, lastAt - createdAt, count)
  const retired = profile.retired.flatMap(({ field, value, firstAt, lastAt }) => [
    field,
    value,
    firstAt - createdAt,
    lastAt - createdAt,
  ])
  const packed: Packed = [FORM, createdAt, seenAt - createdAt, streams, stamps, identifiers, edges, retired]
  return JSON.stringify(packed)
}

/** Identifiers that are looked through: to make a map of so few takes longer. */
const FEW = 8

function placing(identifiers: readonly HeldIdentifier[]): (key: string) => number {
  if (identifiers.length <= FEW)
    return (key) =>
      identifiers.findIndex(
        ({ field, value }) =>
          key.length === field.length + 1 + value.length && key.endsWith(value) && key.startsWith(field),
      )
  const places = new Map(identifiers.map((held, place) => [keyOf(held), place]))
  return (key) => places.get(key) ?? -1
}

function packIdentifier(
  { field, value, firstAt, lastAt, count, fragment, rivals, sharedAt }: HeldIdentifier,
  base: number,
  fields: Fields,
  stampOf: (cell: Cell) => number,
): PackedIdentifier {
  const cells: PackedIdentifier[5] = []
  const alike: Alike = []
  let stamp = -1
  for (const name in fragment) {
    const cell = fragment[name]
    if (cell === undefined) continue
    const { value: one, ats } = cell
    const stamped = stampOf(cell)
    if (ats !== undefined || one !== fields[name])
      cells.push(name, stamped, one, ats === undefined ? 0 : ats.map((at) => at - base))
    else if (stamped === stamp) alike.push(name)
    else {
      stamp = stamped
      alike.push(stamped, name)
    }
  }
  if (alike.length > 0) cells.unshift(alike)
  const own = value === fields[field] ? 0 : value
  const packed: PackedIdentifier = [field, own, firstAt - base, lastAt - base, count, cells]
  if (rivals !== undefined || sharedAt !== undefined)
    packed.push((rivals ?? []).flatMap(([key, at]) => [key, at - base]))
  if (sharedAt !== undefined) packed.push(sharedAt - base)
  return packed
}

/** `fields`: those that it was packed with. Throws a TypeError where the text is not one of `pack`. */
export function unpack(text: string, fields: Fields): ProfileCore {
  const packed: unknown = JSON.parse(text)
  if (!Array.isArray(packed) || (packed[0] !== FORM && packed[0] !== 1))
    throw new TypeError('This is no packed profile')
  const [, createdAt, seenAt, streams, stamps, packedIdentifiers, packedEdges, packedRetired] =
    packed as Packed
  const identifiers = packedIdentifiers.map((one) =>
    unpackIdentifier(one, createdAt, fields, streams, stamps),
  )
  const keys = identifiers.map(keyOf)
  const edges: Edge[] = []
  for (let i = 0; i < packedEdges.length; i += 6) {
    const [a = 0, b = 0, stream = 0, firstAt = 0, lastAt = 0, count = 0] = packedEdges.slice(i, i + 6)
    edges.push({
      a: keys[a] ?? '',
      b: keys[b] ?? '',
      stream: streams[stream] ?? '',
      firstAt: createdAt + firstAt,
      lastAt: createdAt + lastAt,
      count,
    })
  }
  const retired: Profile['retired'] = []
  for (let i = 0; i < packedRetired.length; i += 4) {
    const [field, value, firstAt, lastAt] = packedRetired.slice(i, i + 4)
    retired.push({
      field: String(field),
      value: String(value),
      firstAt: createdAt + Number(firstAt),
      lastAt: createdAt + Number(lastAt),
    })
  }
  return { createdAt, seenAt: createdAt + seenAt, identifiers, edges, retired }
}

function unpackIdentifier(
  [field, value, firstAt, lastAt, count, cells, rivals, sharedAt]: PackedIdentifier,
  base: number,
  fields: Fields,
  streams: readonly string[],
  stamps: readonly number[],
): HeldIdentifier {
  const fragment: Record<string, Cell> = {}
  const momentOf = (stamp: number): number => base + (stamps[2 * stamp + 1] ?? 0)
  const streamOf = (stamp: number): string => streams[stamps[2 * stamp] ?? 0] ?? ''
  const [first] = cells
  const alike = Array.isArray(first) ? (first as Alike) : []
  let [at, stream] = [0, '']
  for (const one of alike)
    if (typeof one === 'number') [at, stream] = [momentOf(one), streamOf(one)]
    else fragment[one] = { value: fields[one] as Value, at, stream }
  for (let i = alike.length === 0 ? 0 : 1; i < cells.length; i += 4) {
    const stamp = cells[i + 1] as number
    ;[at, stream] = [momentOf(stamp), streamOf(stamp)]
    const one = cells[i + 2] as Value
    const ats = cells[i + 3] as readonly number[] | 0
    fragment[cells[i] as string] =
      ats === 0 ? { value: one, at, stream } : { value: one, at, stream, ats: ats.map((n) => base + n) }
  }
  const held: HeldIdentifier = {
    field,
    value: value === 0 ? String(fields[field]) : value,
    firstAt: base + firstAt,
    lastAt: base + lastAt,
    count,
    fragment,
  }
  if (rivals !== undefined && rivals.length > 0) {
    held.rivals = []
    for (let i = 0; i < rivals.length; i += 2)
      held.rivals.push([rivals[i] as string, base + (rivals[i + 1] as number)])
  }
  if (sharedAt !== undefined) held.sharedAt = base + sharedAt
  return held
}
