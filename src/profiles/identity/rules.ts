/**
 * Which values of a record identify somebody. What comes out is normalised, so that the same identifier is the same text,
 * and ordered: the strongest first, ties by field and value, so that nothing depends on the order of a record's keys.
 */

import { type IdentifierKey, identifierKey } from '../profile.ts'
import type { MappedRecord } from '../record.ts'
import { IDENTIFIER_BYTES_MAX, type NORMALIZERS, type ProfileSchema } from '../schema.ts'
import { compareText } from '../values.ts'
import { isBlockedAddress, isBlockedNumber, isBlockedWord } from './blocked.ts'
import { compileMeetings, type Meeting } from './fold.ts'

const DAY_MS = 86_400_000

/** An identifier field of the schema, compiled. */
export interface Rule {
  readonly field: string
  /** 1 is the strongest. */
  readonly rank: number
  /** Values that a profile may have within the window. */
  readonly max: number
  /** undefined: ever. */
  readonly windowMs: number | undefined
  readonly rotates: boolean
  /** Different stronger identifiers of others within 30 days that make a value a shared one. */
  readonly sharedAfter: number
  readonly normalize: (typeof NORMALIZERS)[number]
  /** Of whole values, normalised. */
  readonly pattern: RegExp | undefined
  /** The operator's own, normalised and in lower case. */
  readonly blocked: ReadonlySet<string>
}

/** A schema, compiled: what the resolver and the fold go by. */
export interface Rules {
  /** Of the identifiers. */
  readonly byField: ReadonlyMap<string, Rule>
  /** Of the other fields. */
  readonly meetings: ReadonlyMap<string, Meeting>
  readonly limits: ProfileSchema['limits']
  /** Whether a weaker identifier that a record brings in conflict follows the record. */
  readonly droppedFollow: boolean
}

/** An identifier that a record brought and that may identify somebody. */
export interface Identifier {
  readonly field: string
  readonly value: string
  readonly rank: number
  readonly key: IdentifierKey
  readonly rule: Rule
}

/** Why a value of a record identifies nobody. */
export const DROPPED_REASONS = [
  'blocked',
  'hashed',
  'no_email',
  'no_phone',
  'no_text',
  'pattern',
  'too_long',
  // Several values of a field of which a person has only one: no telling which.
  'several_values',
] as const
export type DroppedReason = (typeof DROPPED_REASONS)[number]

export interface Dropped {
  readonly field: string
  /** Normalised where that was possible; at most 256 characters of it. */
  readonly value: string
  readonly reason: DroppedReason
}

export interface Identified {
  /** Each once, the strongest first. */
  readonly ids: readonly Identifier[]
  readonly dropped: readonly Dropped[]
}

/** Throws what RegExp throws when a pattern is none. */
export function compileRules(schema: ProfileSchema): Rules {
  const byField = new Map<string, Rule>()
  for (const { name, identifier } of schema.fields) {
    if (identifier === undefined) continue
    const { rank, perProfileMax, windowDays, rotates, normalize, pattern, blocked, sharedAfter } = identifier
    byField.set(name, {
      field: name,
      rank,
      max: perProfileMax,
      windowMs: windowDays === undefined ? undefined : windowDays * DAY_MS,
      rotates,
      sharedAfter,
      normalize,
      pattern: pattern === undefined ? undefined : new RegExp(`^(?:${pattern})$`, 'u'),
      blocked: new Set(
        blocked.flatMap((value) => [value.trim().toLowerCase(), normalized(value, normalize).toLowerCase()]),
      ),
    })
  }
  return {
    byField,
    meetings: compileMeetings(schema),
    limits: schema.limits,
    droppedFollow: schema.droppedIdentifier === 'follows',
  }
}

/** An empty value is no value, and is not told of. */
export function identify(record: MappedRecord, rules: Rules): Identified {
  const ids: Identifier[] = []
  const dropped: Dropped[] = []
  for (const { field, value: raw } of record.identifiers) {
    const rule = rules.byField.get(field)
    if (rule === undefined) continue
    const value = normalized(raw, rule.normalize)
    if (value === '') continue
    const reason = faultOf(value, rule)
    if (reason !== undefined) dropped.push({ field, value: value.slice(0, IDENTIFIER_BYTES_MAX), reason })
    else if (!isAmong(ids, field, value))
      insert(ids, { field, value, rank: rule.rank, key: identifierKey(field, value), rule })
  }
  if (!isCrowded(ids)) return { ids, dropped }
  const ambiguous = (id: Identifier): boolean =>
    id.rule.max === 1 && ids.some((other) => other.field === id.field && other !== id)
  for (const id of ids.filter(ambiguous))
    dropped.push({ field: id.field, value: id.value, reason: 'several_values' })
  return { ids: ids.filter((id) => !ambiguous(id)), dropped }
}

/** One value as records of this field are looked up by; undefined where it identifies nobody. */
export function normalizeIdentifier(field: string, raw: string, rules: Rules): string | undefined {
  const rule = rules.byField.get(field)
  if (rule === undefined) return undefined
  const value = normalized(raw, rule.normalize)
  return value === '' || faultOf(value, rule) !== undefined ? undefined : value
}

function isAmong(ids: readonly Identifier[], field: string, value: string): boolean {
  for (const id of ids) if (id.field === field && id.value === value) return true
  return false
}

/** At its place, the strongest first. They are few: to sort them afterwards takes longer. */
function insert(ids: Identifier[], id: Identifier): void {
  let at = ids.length
  ids.push(id)
  for (let before = ids[at - 1]; before !== undefined && byStrength(before, id) > 0; before = ids[at - 1]) {
    ids[at] = before
    at--
  }
  ids[at] = id
}

/** Whether there are several of a field of which a person has only one. */
function isCrowded(ids: readonly Identifier[]): boolean {
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as Identifier
    if (id.rule.max !== 1) continue
    for (let j = i + 1; j < ids.length; j++) if ((ids[j] as Identifier).field === id.field) return true
  }
  return false
}

function byStrength(a: Identifier, b: Identifier): number {
  return a.rank - b.rank || compareText(a.key, b.key)
}

/** Nothing to compose, no control character, nothing ill-formed: told at a glance, because nearly all values are so. */
const PLAIN = /^[\x20-\x7e]*$/

function normalized(raw: string, how: Rule['normalize']): string {
  const text = PLAIN.test(raw) ? raw.trim() : raw.trim().normalize('NFC')
  if (how === 'trim') return text
  if (how === 'phone') return phoneOf(text)
  return text.toLowerCase()
}

/**
 * `+` and digits where the number says its country: by a +, by the international 00, or by not beginning with a 0 as
 * national numbers do. Anything else stays as it is, and is refused.
 */
function phoneOf(text: string): string {
  const bare = text.replace(/^tel:/i, '').replace(/[\s().\-/\u00a0\u2010-\u2015]/g, '')
  const digits = bare.replace(/^(?:\+|00)/, '')
  return /^[1-9]\d{7,14}$/.test(digits) ? `+${digits}` : text
}

const PHONE = /^\+[1-9]\d{7,14}$/
/** Loose: what it must not be is two addresses, a name with an address, or none. */
const EMAIL = /^[^\s@<>(),;:"[\]\\]{1,64}@[^\s@<>(),;:"[\]\\.]+(?:\.[^\s@<>(),;:"[\]\\.]+)+$/
/** Hexadecimal or Base64 of 16 to 64 bytes. */
const HASH =
  /^(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{56}|[0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128}|[a-z0-9+/_-]{43}=)$/i
const CONTROL = /\p{Cc}/u

function faultOf(value: string, rule: Rule): DroppedReason | undefined {
  // A character has at most three bytes for each of its UTF-16 units.
  if (value.length * 3 > IDENTIFIER_BYTES_MAX && Buffer.byteLength(value) > IDENTIFIER_BYTES_MAX)
    return 'too_long'
  if (!PLAIN.test(value) && (CONTROL.test(value) || !value.isWellFormed())) return 'no_text'
  const lower = value.toLowerCase()
  if (isBlockedWord(lower) || rule.blocked.has(lower)) return 'blocked'
  if (rule.normalize === 'email') {
    if (!EMAIL.test(value)) return HASH.test(value) ? 'hashed' : 'no_email'
    if (isBlockedAddress(value)) return 'blocked'
  } else if (rule.normalize === 'phone') {
    if (!PHONE.test(value)) return HASH.test(value) ? 'hashed' : 'no_phone'
    if (isBlockedNumber(value)) return 'blocked'
  }
  if (rule.pattern !== undefined && !rule.pattern.test(value)) return 'pattern'
  return undefined
}
