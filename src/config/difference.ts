/** What two states of one object differ in, field by field. */

import { isDeepStrictEqual } from 'node:util'
import type { Body, Path } from './kinds.ts'

export interface Difference {
  /** `destination.settings.url`, `fields.email.merge`: members of lists that have names are told by them. */
  readonly field: string
  /** undefined: it was not there, or is not there any more. */
  readonly before: unknown
  readonly after: unknown
}

/** In the order of `after`, then what only `before` has. */
export function differencesOf(before: Body, after: Body): Difference[] {
  return between([], before, after)
}

function between(path: Path, before: unknown, after: unknown): Difference[] {
  if (isDeepStrictEqual(before, after)) return []
  const [was, is] = [membersOf(before), membersOf(after)]
  if (was === undefined || is === undefined) return [{ field: path.join('.'), before, after }]
  const names = [...new Set([...is.keys(), ...was.keys()])]
  const found = names.flatMap((name) => between([...path, name], was.get(name), is.get(name)))
  // Lists of the same members in another order.
  return found.length > 0
    ? found
    : [{ field: path.join('.'), before: [...was.keys()], after: [...is.keys()] }]
}

/** undefined: it is told as one. */
function membersOf(value: unknown): ReadonlyMap<string, unknown> | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if (!Array.isArray(value)) return new Map(Object.entries(value))
  const names = value.map(nameOf)
  return value.length > 0 && names.every((name) => name !== undefined) && new Set(names).size === names.length
    ? new Map(value.map((item, i) => [names[i] as string, item]))
    : undefined
}

function nameOf(item: unknown): string | undefined {
  if (typeof item !== 'object' || item === null) return undefined
  const { name, field } = item as { name?: unknown; field?: unknown }
  return typeof name === 'string' ? name : typeof field === 'string' ? field : undefined
}
