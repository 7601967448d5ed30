/**
 * The values that a field of a profile can have, under Lytics' names of types. They are JSON as they are: a moment is a
 * number of milliseconds since the epoch, and only its type says so.
 */

export const FIELD_TYPES = [
  'string',
  'int',
  'number',
  'bool',
  'date',
  '[]string',
  '[]time',
  'map[string]string',
  'map[string]int',
  'map[string]intsum',
  'map[string]number',
  'map[string]bool',
  'map[string]time',
  // Ours: of each key the newest moments. What rules about events ask.
  'map[string][]time',
] as const
export type FieldType = (typeof FIELD_TYPES)[number]

export type Scalar = string | number | boolean

/** A set is sorted by arrival, oldest first; a list of moments newest first. */
export type Value =
  | Scalar
  | readonly string[]
  | readonly number[]
  | Readonly<Record<string, Scalar>>
  | Readonly<Record<string, readonly number[]>>

/** The folded fields of one profile, by name. */
export type Fields = Readonly<Record<string, Value>>

/** By code unit: the same everywhere, whatever the locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
