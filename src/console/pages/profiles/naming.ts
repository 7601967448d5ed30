/** How a person is called on the screen, and what words stand for reasons. */

import type { ProfileAnswer } from '../../../api/routes/profiles.ts'
import { counted } from '../../elements/words.ts'

const text = (profile: ProfileAnswer, field: string): string => {
  const value = profile.fields[field]?.value
  return typeof value === 'string' ? value : ''
}

/** A name if one is known, else an address, else the first identifier there is. */
export function nameOf(profile: ProfileAnswer): string {
  const name = [text(profile, 'first_name'), text(profile, 'last_name')]
    .filter((part) => part !== '')
    .join(' ')
  return name || text(profile, 'email') || profile.identifiers[0]?.value || `Profile ${profile.id}`
}

/** A value of a field on one line. */
export function written(value: unknown): string {
  if (value === undefined || value === null) return '–'
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return value.map(written).join(', ')
  if (typeof value !== 'object') return String(value)
  return Object.entries(value)
    .map(([key, one]) => `${key}: ${Array.isArray(one) ? counted(one.length, 'moment') : written(one)}`)
    .join(', ')
}

const REASONS: Readonly<Record<string, string>> = {
  max_values: 'A person may not have so many values of this field',
  identifiers_max: 'The profile would have too many identifiers',
  neighbours_max: 'The identifier was seen beside too many others',
  bytes_max: 'The profile would be too large',
  never_link: 'An operator keeps the two apart',
  may_not_join: 'This stream may not join profiles',
  outdated: 'The profile has a newer value by now',
  shared: 'Too many people use it: it joins nobody any more',
  several_values: 'The record has two values of a field of which a person has one',
}

export const reasonOf = (reason: string): string => REASONS[reason] ?? reason
