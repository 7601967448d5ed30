/** What one event shows: the path, kind and a sample of each of its members. Pure. */

import { piiFields } from '../../catalog/catalog.ts'
import { eachMember, type Kind } from '../../core/kernel/shape.ts'
import { labelOf } from '../../store/labels.ts'

export interface Fact {
  /** Keys joined by points, at most 256 characters; a key that would not be clear so stands in quotes. */
  readonly path: string
  /** Path of the object it is in; '' for the event itself. */
  readonly parent: string
  readonly kind: Kind
  /** The value's JSON text, see sampleOf. */
  sample(): string
}

/** Longest sample, in UTF-16 units. */
export const SAMPLE_CHARS_MAX = 200
/** More than so many characters take in UTF-8. */
const SAMPLE_BYTES_MAX = SAMPLE_CHARS_MAX * 4
export const REDACTED = '[redacted]'

const OPEN_BRACE = 0x7b
const PII: ReadonlySet<string> = new Set(piiFields())

/**
 * The members of an event that its shape is taken over, an object before what is in it. Throws TypeError when the bytes are not one
 * event that a scan accepts.
 */
export function factsOf(event: Buffer): Fact[] {
  const facts: Fact[] = []
  eachMember(event, ({ path, kind, start, end }) => {
    const keys = [...path]
    facts.push({
      path: pathOf(keys),
      parent: pathOf(keys.slice(0, -1)),
      kind,
      sample: () => sampleOf(event, keys, kind, start, end),
    })
  })
  // The walk gives what is in an object before the object itself.
  return facts.reverse()
}

/** How a path is written: `properties.loyalty_tier`, `properties."a.b"`. */
export function pathOf(keys: readonly string[]): string {
  return labelOf(keys.map((key) => (/^[^\s".\p{C}]+$/u.test(key) ? key : JSON.stringify(key))).join('.'))
}

/**
 * The beginning of the value as it is written. Nothing of a field that Braze tags as personal data on any event, and nothing of
 * objects, nor of arrays that hold some: what is in those is not looked at.
 */
function sampleOf(event: Buffer, keys: readonly string[], kind: Kind, start: number, end: number): string {
  if (kind === 'object') return ''
  if (keys.some((key) => PII.has(key))) return REDACTED
  const bytes = event.subarray(start, end)
  if (kind === 'array' && bytes.includes(OPEN_BRACE)) return ''
  const text = bytes.toString('utf8', 0, SAMPLE_BYTES_MAX)
  if (text.length <= SAMPLE_CHARS_MAX) return text
  return `${text.slice(0, SAMPLE_CHARS_MAX - 1).toWellFormed()}…`
}
