/**
 * What somebody who is to be forgotten is known by, and the traces of it in texts. A text is *theirs* when one of its JSON values is one of the
 * identifiers, whole; it *mentions* them when an identifier stands as a word of a longer text. What is theirs is taken away; of what mentions
 * them only the identifier is. A number or a short word that happens to be equal is no trace: identifiers that say little (see `isTelling`)
 * count only as the value of a member that names somebody.
 */

import { jsonOf } from './json.ts'

export const SUBJECT_KINDS = [
  'external_id',
  'braze_id',
  'device_id',
  'anonymous_id',
  'alias',
  'email',
  'phone',
] as const
export type SubjectKind = (typeof SUBJECT_KINDS)[number]

export interface SubjectIdentifier {
  readonly kind: SubjectKind
  /** Of an alias; '' otherwise. */
  readonly label: string
  readonly value: string
}

export type Bearing = 'theirs' | 'mention' | 'none'

/** Members that say who a record is about, by the names that Braze, Segment, Lytics and our own records give them. */
const MEMBERS: Readonly<Record<string, SubjectKind>> = {
  external_user_id: 'external_id',
  external_id: 'external_id',
  externalId: 'external_id',
  userId: 'external_id',
  previousId: 'external_id',
  user_ids: 'external_id',
  user_id: 'braze_id',
  braze_id: 'braze_id',
  brazeId: 'braze_id',
  device_id: 'device_id',
  device_ids: 'device_id',
  deviceId: 'device_id',
  anonymousId: 'anonymous_id',
  anonymous_id: 'anonymous_id',
  _uid: 'anonymous_id',
  alias_name: 'alias',
  email: 'email',
  emails: 'email',
  email_address: 'email',
  phone: 'phone',
  phones: 'phone',
  phone_number: 'phone',
  user_phone_number: 'phone',
  to_phone_number: 'phone',
}

/** As identifiers are compared: addresses in lower case, telephone numbers by their digits. */
export function normalIdentifier({ kind, label, value }: SubjectIdentifier): SubjectIdentifier {
  const plain = value.trim()
  if (kind === 'email') return { kind, label: '', value: plain.toLowerCase() }
  if (kind === 'phone') return { kind, label: '', value: plain.replaceAll(/\D/g, '') }
  return { kind, label: kind === 'alias' ? label : '', value: plain }
}

/** One text for one identifier: equal for equal ones. */
export function subjectKey(identifier: SubjectIdentifier): string {
  const { kind, label, value } = normalIdentifier(identifier)
  return JSON.stringify([kind, label, value])
}

/** The texts by which it is written, without those that differ in case only. */
export function spellingsOf(identifier: SubjectIdentifier): readonly string[] {
  const { kind, value } = normalIdentifier(identifier)
  if (kind !== 'phone') return [value]
  return [...new Set([identifier.value.trim(), `+${value}`, value])]
}

/** Whether a text that equals it must be about this person: a postcode or a count may equal a short number. */
export function isTelling(text: string): boolean {
  const characters = [...text].length
  return /^\d+$/.test(text) ? characters >= 9 : characters >= 6
}

const JSON_DEPTH_MAX = 8

export class Traces {
  readonly identifiers: readonly SubjectIdentifier[]
  /** Spellings as they are, and addresses in lower case. */
  readonly #exact = new Set<string>()
  readonly #folded = new Set<string>()
  readonly #telling: readonly RegExp[]
  readonly #any: readonly RegExp[]
  /** For engines without look-around, over text: whoever is found may be a trace. Case does not matter. */
  readonly coarse: string

  /** At least one identifier, none of them empty. */
  constructor(identifiers: readonly SubjectIdentifier[]) {
    this.identifiers = identifiers
    const words: { readonly text: string; readonly isAddress: boolean }[] = []
    for (const identifier of identifiers) {
      const isAddress = identifier.kind === 'email'
      for (const text of spellingsOf(identifier)) {
        words.push({ text, isAddress })
        ;(isAddress ? this.#folded : this.#exact).add(text)
      }
    }
    const compiled = (some: typeof words): RegExp[] =>
      [true, false].flatMap((isAddress) => {
        const of = some.filter((word) => word.isAddress === isAddress)
        if (of.length === 0) return []
        const anyOf = of.map(({ text }) => spelled(text, latin)).join('|')
        return new RegExp(`${BEFORE}(?:${anyOf})${BEHIND}`, isAddress ? 'gi' : 'g')
      })
    this.#any = compiled(words)
    this.#telling = compiled(words.filter(({ text }) => isTelling(text)))
    this.coarse = `(?i)${words.map(({ text }) => spelled(text, literal)).join('|')}`
  }

  /** What a text has to do with them: of JSON, by its values; of another text, by its words. */
  bearingOf(text: string | Uint8Array): Bearing {
    const bytes = latinOf(text)
    if (!this.mayBeIn(bytes)) return 'none'
    const value = jsonOf(typeof text === 'string' ? text : textOf(text))
    // Of what cannot be taken apart nobody knows whom else it is about.
    if (value === undefined) return this.mentions(bytes) ? 'theirs' : 'none'
    if (this.#owns(value, '', '', 0)) return 'theirs'
    return this.mentions(bytes) ? 'mention' : 'none'
  }

  /** A quick look at the bytes of UTF-8, a character each: false is certain. */
  mayBeIn(bytes: string): boolean {
    return this.#any.some((words) => found(words, bytes))
  }

  /** The same of what was parsed already, such as a row of a table. */
  owns(value: unknown): boolean {
    return this.#owns(value, '', '', 0)
  }

  /** Whether a text, given as the bytes of its UTF-8, holds a telling identifier as a word. */
  mentions(bytes: string): boolean {
    return this.#telling.some((words) => found(words, bytes))
  }

  /** With each of these words blotted out. JSON stays JSON, and the bytes of UTF-8 as many as they were. */
  masked(text: string): string {
    return textOf(Buffer.from(this.maskedBytes(latinOf(text)), 'latin1'))
  }

  /** The same for the bytes of UTF-8, a character each. */
  maskedBytes(bytes: string): string {
    let masked = bytes
    for (const words of this.#telling) masked = masked.replaceAll(words, (word) => '*'.repeat(word.length))
    return masked
  }

  #owns(value: unknown, member: string, parent: string, depth: number): boolean {
    if (typeof value === 'string') return this.#is(value, member, parent) || this.#ownsText(value, depth)
    if (typeof value === 'number') return isNamingMember(member, parent) && this.#exact.has(String(value))
    if (depth > JSON_DEPTH_MAX) return false
    if (Array.isArray(value)) return value.some((item) => this.#owns(item, member, parent, depth + 1))
    if (!isRecord(value)) return false
    return Object.entries(value).some(([name, inner]) => this.#owns(inner, name, member, depth + 1))
  }

  #is(value: string, member: string, parent: string): boolean {
    const text = value.trim()
    if (!this.#exact.has(text) && !this.#folded.has(text.toLowerCase())) return false
    return isTelling(text) || isNamingMember(member, parent)
  }

  /** Braze writes what lies deep as JSON in a text. */
  #ownsText(value: string, depth: number): boolean {
    if (depth > JSON_DEPTH_MAX || !/^\s*[[{]/.test(value)) return false
    const inner = jsonOf(value)
    return inner !== undefined && this.#owns(inner, '', '', depth + 1)
  }
}

/** Who a record says that it is about, as far as its members tell; each once. */
export function subjectsIn(record: unknown): SubjectIdentifier[] {
  const named = new Map<string, SubjectIdentifier>()
  collect(record, '', '', 0, (identifier) => named.set(subjectKey(identifier), identifier))
  return [...named.values()]
}

function collect(
  value: unknown,
  member: string,
  parent: string,
  depth: number,
  take: (identifier: SubjectIdentifier) => void,
): void {
  if (typeof value === 'string' || typeof value === 'number') {
    const kind = kindOf(member, parent)
    const text = String(value).trim()
    // The label of an alias stands beside its name and is added where both are seen.
    if (kind !== undefined && kind !== 'alias' && text !== '') take({ kind, label: '', value: text })
    return
  }
  if (depth > JSON_DEPTH_MAX) return
  if (Array.isArray(value)) {
    for (const item of value) collect(item, member, parent, depth + 1, take)
    return
  }
  if (!isRecord(value)) return
  const alias = aliasIn(value, member)
  if (alias !== undefined) take(alias)
  for (const [name, inner] of Object.entries(value)) collect(inner, name, member, depth + 1, take)
}

function aliasIn(value: Readonly<Record<string, unknown>>, member: string): SubjectIdentifier | undefined {
  const [name, label] = /^(user_)?alias(es)?$/.test(member)
    ? [value.alias_name ?? value.name, value.alias_label ?? value.label]
    : [value.alias_name, value.alias_label]
  if (typeof name !== 'string' || typeof label !== 'string' || name === '') return undefined
  return { kind: 'alias', label, value: name }
}

/** An identifier of a profile, by the name of its field; one that no vendor knows by name is an alias of that label. */
export function subjectOf(field: string, value: string): SubjectIdentifier {
  const kind = kindOf(field, '') ?? PROFILE_FIELDS.get(field)
  return kind === undefined ? { kind: 'alias', label: field, value } : { kind, label: '', value }
}

/** As the default schema of profiles calls them. */
const PROFILE_FIELDS: ReadonlyMap<string, SubjectKind> = new Map([['br_user_id', 'braze_id']])

function kindOf(member: string, parent: string): SubjectKind | undefined {
  if (/^(user_)?alias(es)?$/.test(parent) && member === 'name') return 'alias'
  return Object.hasOwn(MEMBERS, member) ? MEMBERS[member] : undefined
}

/** Whether a value under this member says who a record is about. */
export function isNamingMember(member: string, parent: string): boolean {
  return kindOf(member, parent) !== undefined
}

/** A word begins here: behind no character of an identifier, or behind what is one character written with several. */
const BEFORE = '(?:(?<![\\w.+-])|(?<=%[0-9A-Fa-f]{2})|(?<=\\\\[bfnrt])|(?<=\\\\u[0-9A-Fa-f]{4}))'
const BEHIND = '(?![\\w-]|[.+@]\\w)'

/** A pattern for a text in all the ways that JSON, JSON in JSON, and addresses of the web write its characters. */
function spelled(text: string, plain: (character: string) => string): string {
  return Array.from(text, (character) => {
    if (/[\w]/.test(character)) return character
    const units = Array.from({ length: character.length }, (_, i) => character.charCodeAt(i))
    const escaped = units.map((unit) => `\\\\+u${anyCase(unit.toString(16).padStart(4, '0'))}`).join('')
    const percent = Array.from(
      Buffer.from(character),
      (byte) => `%${anyCase(byte.toString(16).padStart(2, '0'))}`,
    )
    const slashed = /["\\/]/.test(character) ? '\\\\*' : ''
    return `(?:${slashed}${plain(character)}|${escaped}|${percent.join('')})`
  }).join('')
}

function anyCase(hex: string): string {
  return hex.replaceAll(/[a-f]/g, (digit) => `[${digit}${digit.toUpperCase()}]`)
}

/** The bytes of its UTF-8, a character each. */
function latin(character: string): string {
  return literal(Buffer.from(character).toString('latin1'))
}

function literal(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
}

function found(words: RegExp, bytes: string): boolean {
  words.lastIndex = 0
  return words.test(bytes)
}

function latinOf(text: string | Uint8Array): string {
  if (typeof text === 'string') return Buffer.from(text).toString('latin1')
  return Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString('latin1')
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
