/**
 * A profile: what is known of one person. It is kept as one document, so that everything about a person is read and
 * written at once, and split again when a join is undone: each identifier keeps the values that came by it (its
 * fragment), and the folded fields are only what follows from the fragments.
 */

import type { Fields, Value } from './values.ts'

/** `<field>\0<value>`, normalised: the same text for the same identifier. */
export type IdentifierKey = string

export function identifierKey(field: string, value: string): IdentifierKey {
  return `${field}\0${value}`
}

export function keyOf({ field, value }: { readonly field: string; readonly value: string }): IdentifierKey {
  return identifierKey(field, value)
}

/** One value of a fragment: what, the moment it is of, the stream that brought it, and what its merge operator needs besides. */
export interface Cell {
  readonly value: Value
  readonly at: number
  readonly stream: string
  /** Of maps and sets: the moment of each key or element, in the order of `value`. */
  readonly ats?: readonly number[]
}

export interface HeldIdentifier {
  readonly field: string
  readonly value: string
  firstAt: number
  lastAt: number
  /** Records that carried it. */
  count: number
  /** Values that came by this identifier, by field. */
  fragment: Record<string, Cell>
  /** Stronger identifiers that it met and that belong to others, with the moment; at most `sharedAfter`. */
  rivals?: [IdentifierKey, number][]
  /** Since when it joins nobody any more. */
  sharedAt?: number
}

/** Two identifiers that a record carried together. */
export interface Edge {
  readonly a: IdentifierKey
  readonly b: IdentifierKey
  readonly stream: string
  firstAt: number
  lastAt: number
  count: number
}

/** An identifier that rotated out, for the record. */
export interface Retired {
  readonly field: string
  readonly value: string
  readonly firstAt: number
  readonly lastAt: number
}

/** What judging looks at, and changes. */
export type Judged = Pick<Profile, 'id' | 'fields' | 'members' | 'flipAt'>

export interface Profile {
  readonly id: number
  /** The oldest and the newest moment that a record of it is of. */
  createdAt: number
  seenAt: number
  identifiers: HeldIdentifier[]
  edges: Edge[]
  retired: Retired[]
  /** Follows from the fragments. */
  fields: Fields
  /** Audience number → since when, in milliseconds. */
  members: Record<string, number>
  /** When a rule with a relative date may change its mind about it without a record. */
  flipAt: number | null
  /** Length of what is packed of it, estimated upwards as values come; what the limit goes by until it is packed again. */
  bytes: number
}
