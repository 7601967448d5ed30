/** An identifier as one text, the key of the roster's tables: a single column joins and sorts faster than three. */

import type { Identifier } from '../../core/membership.ts'

/** `u<external id>`, `d<device id>` or `a"<label>"<name>`, with the label as a JSON text. */
export function personOf(who: Identifier): string {
  return personPrefix(who) + who.value
}

/** By what somebody is found, and what stands before the value: the same for a whole column. */
export function personPrefix({ kind, label }: Pick<Identifier, 'kind' | 'label'>): string {
  if (kind === 'external_id') return 'u'
  return kind === 'device_id' ? 'd' : `a${JSON.stringify(label)}`
}

export function identifierOf(person: string): Identifier {
  const rest = person.slice(1)
  if (person[0] === 'u') return { kind: 'external_id', label: '', value: rest }
  if (person[0] === 'd') return { kind: 'device_id', label: '', value: rest }
  const label = JSON_TEXT.exec(rest)?.[0] ?? '""'
  return { kind: 'alias', label: JSON.parse(label) as string, value: rest.slice(label.length) }
}

const JSON_TEXT = /^"(?:[^"\\]|\\.)*"/
/** The prefix of an alias, for SQL. */
const ALIAS_PREFIX = '^a("(?:[^"\\\\]|\\\\.)*")'

/** The identifier itself, without kind and label, as SQL text over a column `person`. */
export const VALUE_SQL = `if(person[1] = 'a', regexp_replace(person, '${ALIAS_PREFIX}', ''), substr(person, 2))`

/** The member `user` of a membership record (core/membership.ts) as SQL text over a column `person`. */
export const USER_JSON_SQL = `case
  when starts_with(person, 'u') then concat('{"external_user_id":', to_json(substr(person, 2)), '}')
  when starts_with(person, 'd') then concat('{"device_id":', to_json(substr(person, 2)), '}')
  else concat('{"alias":{"label":', regexp_extract(person, '${ALIAS_PREFIX}', 1), ',"name":',
    to_json(regexp_replace(person, '${ALIAS_PREFIX}', '')), '}}')
end`

/**
 * The prefix as SQL text over a column `person`. Two people of one prefix are two profiles, but for devices: a profile
 * may have several.
 */
export const KIND_SQL = `if(person[1] = 'a', regexp_extract(person, '${ALIAS_PREFIX}'), person[1])`

/** SQL text over a column `person`: whether they may be the same profile as somebody of these kinds. */
export function mayBeOneOf(kinds: readonly string[]): string {
  const [only] = kinds
  if (only === undefined) return 'false'
  if (kinds.length > 1 || only === 'd') return 'true'
  return `not starts_with(person, '${only.replaceAll("'", "''")}')`
}

/**
 * The key of a person as SQL text over a column `person`: 128 bits, by which people are compared. The salt is each
 * roster's own secret and at least 96 bits, so that nobody can choose identifiers that share a key; of a hundred million that nobody
 * chose, two share one with a chance of 10^-23.
 */
export function keySql(salt: string): string {
  return hashSql(`('${salt}' || person)`)
}

/** The key, as SQL text over a text that begins with the salt. */
export function hashSql(salted: string): string {
  return `md5_number(${salted})`
}
