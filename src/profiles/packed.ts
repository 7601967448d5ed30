/**
 * What a profile is stored as: a text of a third of the size of its objects' JSON, because millions are read and written.
 * Moments are given from the oldest on, streams by number, and the moments and streams of values once for all values that a
 * record brought. Fields, memberships and the next flip are not in it: they follow, and are read without the rest.
 */

import { type Cell, type Edge, type HeldIdentifier, keyOf, type Profile } from './profile.ts'
import type { Value } from './values.ts'

/** What is packed of a profile. */
export type ProfileCore = Pick<
  Profile,
  'createdAt' | 'seenAt' | 'identifiers' | 'edges' | 'retired' | 'bytes'
>

/** Text that does not begin so was not written by this code. */
const FORM = 1

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
  value: string,
  firstAt: number,
  lastAt: number,
  count: number,
  /** Field, stamp, value, and the moments of elements or 0; again and again. */
  cells: (string | number | Value | readonly number[])[],
  /** Key, moment; again and again. */
  rivals?: (string | number)[],
  sharedAt?: number,
]

/** `bytes` becomes what it is now. */
export function pack(profile: ProfileCore): string {
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
  const places = new Map<string, number>()
  const identifiers = profile.identifiers.map((held, place) => {
    places.set(keyOf(held), place)
    return packIdentifier(held, createdAt, stampOf)
  })
  const edges: number[] = []
  for (const { a, b, stream, firstAt, lastAt, count } of profile.edges)
    edges.push(
      places.get(a) ?? -1,
      places.get(b) ?? -1,
      numberOf(stream),
      firstAt - createdAt,
      lastAt - createdAt,
      count,
    )
  const retired = profile.retired.flatMap(({ field, value, firstAt, lastAt }) => [
    field,
    value,
    firstAt - createdAt,
    lastAt - createdAt,
  ])
  const packed: Packed = [FORM, createdAt, seenAt - createdAt, streams, stamps, identifiers, edges, retired]
  const text = JSON.stringify(packed)
  profile.bytes = text.length
  return text
}

function packIdentifier(
  { field, value, firstAt, lastAt, count, fragment, rivals, sharedAt }: HeldIdentifier,
  base: number,
  stampOf: (cell: Cell) => number,
): PackedIdentifier {
  const cells: PackedIdentifier[5] = []
  for (const name in fragment) {
    const cell = fragment[name]
    if (cell === undefined) continue
    cells.push(name, stampOf(cell), cell.value, cell.ats === undefined ? 0 : cell.ats.map((at) => at - base))
  }
  const packed: PackedIdentifier = [field, value, firstAt - base, lastAt - base, count, cells]
  if (rivals !== undefined || sharedAt !== undefined)
    packed.push((rivals ?? []).flatMap(([key, at]) => [key, at - base]))
  if (sharedAt !== undefined) packed.push(sharedAt - base)
  return packed
}

/** Throws a TypeError where the text is not one of `pack`. */
export function unpack(text: string): ProfileCore {
  const packed: unknown = JSON.parse(text)
  if (!Array.isArray(packed) || packed[0] !== FORM) throw new TypeError('This is no packed profile')
  const [, createdAt, seenAt, streams, stamps, packedIdentifiers, packedEdges, packedRetired] =
    packed as Packed
  const identifiers = packedIdentifiers.map((one) => unpackIdentifier(one, createdAt, streams, stamps))
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
  return { createdAt, seenAt: createdAt + seenAt, identifiers, edges, retired, bytes: text.length }
}

function unpackIdentifier(
  [field, value, firstAt, lastAt, count, cells, rivals, sharedAt]: PackedIdentifier,
  base: number,
  streams: readonly string[],
  stamps: readonly number[],
): HeldIdentifier {
  const fragment: Record<string, Cell> = {}
  for (let i = 0; i < cells.length; i += 4) {
    const stamp = 2 * (cells[i + 1] as number)
    const at = base + (stamps[stamp + 1] ?? 0)
    const stream = streams[stamps[stamp] ?? 0] ?? ''
    const one = cells[i + 2] as Value
    const ats = cells[i + 3] as readonly number[] | 0
    fragment[cells[i] as string] =
      ats === 0 ? { value: one, at, stream } : { value: one, at, stream, ats: ats.map((n) => base + n) }
  }
  const held: HeldIdentifier = {
    field,
    value,
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
