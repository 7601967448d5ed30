/**
 * Projections over parsed values: the oracle of the WASM projection (assembly/project.ts), and what odd events go through.
 * One rule keeps every key of an output object unique, and it does not depend on the order of an event's members:
 *
 * - A member with a fixed key, where it is present, beats a spliced one of that name.
 * - Among several spliced objects the one that stands first among the members beats the later ones.
 * - Within one spliced object a key's own name beats a renamed one, and among renamed ones the first in `rename` wins.
 *
 * The loser is dropped. A key that is both in `except` and in `rename` is left out. An `object` member is always written, if need
 * be as `{}`.
 */

import type { Member, Path, Projection } from './kernel.ts'

type Values = Record<string, unknown>

const NOT_CONVERTIBLE = Symbol('not convertible')
const SECONDS_MAX = 253402300800

/**
 * The projection of a parsed event, with the same meaning as Kernel.project. Undefined when `value` is not an object, or holds
 * something at an `isoTime` path that is no number of seconds in its range. Fractions of a second are kept to the millisecond.
 */
export function projectValue(value: unknown, projection: Projection): unknown | undefined {
  if (!isObject(value)) return undefined
  const built = build(value, projection.members)
  return built === NOT_CONVERTIBLE ? undefined : built
}

/** The same from an event's bytes to the text of its projection. Numbers that JavaScript cannot hold keep their text. */
export function projectBytes(event: Uint8Array, projection: Projection): string | undefined {
  const projected = projectValue(parseExact(decoder.decode(event)), projection)
  return projected === undefined ? undefined : JSON.stringify(projected)
}

const decoder = new TextDecoder()

function build(event: Values, members: readonly Member[]): Values | typeof NOT_CONVERTIBLE {
  const out: Values = {}
  for (const member of members) {
    if ('rest' in member) continue
    const value = fixedValue(event, member)
    if (value === NOT_CONVERTIBLE) return NOT_CONVERTIBLE
    if (value !== undefined) put(out, member.key, value)
  }
  for (const member of members) {
    if ('rest' in member) splice(out, own(event, member.rest), member.except, member.rename)
  }
  return out
}

function fixedValue(event: Values, member: Exclude<Member, { rest: string }>): unknown {
  if ('constant' in member) return member.constant
  if ('object' in member) return build(event, member.object)
  if ('copy' in member) return at(event, member.copy)
  if ('isoTime' in member) return isoTime(at(event, member.isoTime))
  const value = at(event, member.suffixed)
  return typeof value === 'string' ? value + member.suffix : undefined
}

function isoTime(value: unknown): unknown {
  if (value === undefined) return undefined
  const seconds = isRaw(value) ? Number(value.rawJSON) : value
  if (typeof seconds !== 'number' || !(seconds >= 0 && seconds < SECONDS_MAX)) return NOT_CONVERTIBLE
  return new Date(Math.min(Math.round(seconds * 1000), SECONDS_MAX * 1000 - 1)).toISOString()
}

function splice(
  out: Values,
  source: unknown,
  except: readonly string[],
  rename: Readonly<Record<string, string>>,
): void {
  if (!isObject(source)) return
  const left = new Set(except)
  // What another object has given already stays; within this one nothing is met twice before the renamed keys.
  for (const key of Object.keys(source)) {
    if (!left.has(key) && !Object.hasOwn(rename, key) && !Object.hasOwn(out, key)) put(out, key, source[key])
  }
  for (const [key, name] of Object.entries(rename)) {
    if (!left.has(key) && Object.hasOwn(source, key) && !Object.hasOwn(out, name)) put(out, name, source[key])
  }
}

function at(event: Values, path: Path): unknown {
  const value = own(event, path[0])
  if (path.length === 1) return value
  return isObject(value) ? own(value, path[1]) : undefined
}

function own(values: Values, key: string): unknown {
  return Object.hasOwn(values, key) ? values[key] : undefined
}

/** Assignment to `__proto__` would not make a member. */
function put(out: Values, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(out, key, { value, enumerable: true, configurable: true, writable: true })
  } else {
    out[key] = value
  }
}

function isObject(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isRaw(value)
}

interface RawNumber {
  readonly rawJSON: string
}

/** JSON.parse with source text access (ES2026, in Node since 21), which TypeScript's library does not describe yet. */
interface ExactJson {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown
  rawJSON(text: string): RawNumber
  isRawJSON(value: unknown): value is RawNumber
}
const exactJson = JSON as unknown as ExactJson

function isRaw(value: unknown): value is RawNumber {
  return exactJson.isRawJSON(value)
}

/** JSON.parse, but a number that would change its value when written again becomes a raw one that JSON.stringify writes as it was. */
export function parseExact(text: string): unknown {
  return exactJson.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined && !isExact(value, source)
      ? exactJson.rawJSON(source)
      : value,
  )
}

/** Up to 15 significant digits always survive; -0 is written as 0 by JSON.stringify. */
function isExact(value: number, source: string): boolean {
  if (!Number.isFinite(value) || Object.is(value, -0)) return false
  if (String(value) === source) return true
  const digits = source
    .replace(/[eE].*$/, '')
    .replace(/\D/g, '')
    .replace(/^0+/, '')
  return digits.length <= 15 && (value !== 0 || digits === '')
}
