/** An identifier as one text, the key of the roster's tables: a single column joins and sorts faster than three. */

import type { Identifier } from '../../core/membership.ts'

/** `u<external id>`, `d<device id>` or `a["<label>","<name>"]`. */
export function personOf({ kind, label, value }: Identifier): string {
  if (kind === 'external_id') return `u${value}`
  return kind === 'device_id' ? `d${value}` : `a${JSON.stringify([label, value])}`
}

export function identifierOf(person: string): Identifier {
  const rest = person.slice(1)
  if (person[0] === 'u') return { kind: 'external_id', label: '', value: rest }
  if (person[0] === 'd') return { kind: 'device_id', label: '', value: rest }
  const [label, value] = JSON.parse(rest) as [string, string]
  return { kind: 'alias', label, value }
}

/** The member `user` of a membership record (core/membership.ts) as SQL text over a column `person`. */
export const USER_JSON_SQL = `case person[1]
  when 'u' then '{"external_user_id":' || to_json(person[2:])::varchar || '}'
  when 'd' then '{"device_id":' || to_json(person[2:])::varchar || '}'
  else '{"alias":{"label":' || (person[2:]::json -> 0)::varchar || ',"name":' || (person[2:]::json -> 1)::varchar || '}}'
end`

/**
 * By what a person is found, as SQL text over a column `person`: `u`, `d`, or an alias's `a["<label>",`. Two of one kind are two
 * profiles, but for devices: a profile may have several.
 */
export const KIND_SQL = `if(person[1] = 'a', 'a[' || (person[2:]::json -> 0)::varchar || ',', person[1])`

/** SQL text over a column `person`: whether they may be the same profile as somebody of these kinds. */
export function mayBeOneOf(kinds: readonly string[]): string {
  const [only] = kinds
  if (only === undefined) return 'false'
  if (kinds.length > 1 || only === 'd') return 'true'
  return `not starts_with(person, '${only.replaceAll("'", "''")}')`
}
