/** What one attributes object does to a profile (/users/track, "User attributes object"). */

import { isObject } from '../answer.ts'
import type { Profile, Profiles } from './profiles.ts'

/** Elements of an array attribute (default; Braze raises it to 100 on request). */
export const ARRAY_ELEMENTS_MAX = 25
const TEXT_CHARS_MAX = 255

/** Lower case only: another spelling makes a custom attribute. */
const RESERVED: ReadonlySet<string> = new Set([
  'country',
  'current_location',
  'date_of_first_session',
  'date_of_last_session',
  'dob',
  'email',
  'email_subscribe',
  'email_open_tracking_disabled',
  'email_click_tracking_disabled',
  'facebook',
  'first_name',
  'gender',
  'home_city',
  'image_url',
  'language',
  'last_name',
  'marked_email_as_spam_at',
  'phone',
  'push_subscribe',
  'push_tokens',
  'subscription_groups',
  'time_zone',
  'twitter',
])

/** Who is meant and how: no attributes. */
const STEERING: ReadonlySet<string> = new Set([
  'external_id',
  'user_alias',
  'braze_id',
  '_update_existing_only',
  '_merge_objects',
])

/** Applies the object. Returns how many data points that is: one per attribute written. */
export function applyAttributes(
  profiles: Profiles,
  profile: Profile,
  given: Readonly<Record<string, unknown>>,
): number {
  let points = 0
  for (const [name, value] of Object.entries(given)) {
    if (STEERING.has(name)) continue
    points++
    if (RESERVED.has(name)) profiles.setField(profile, name, value)
    else writeCustom(profile, name, value, given._merge_objects === true)
  }
  return points
}

function writeCustom(profile: Profile, name: string, value: unknown, merges: boolean): void {
  profile.custom ??= new Map()
  if (value === null) {
    profile.custom.delete(name)
    return
  }
  const written = customValue(profile.custom.get(name), value, merges)
  if (written !== undefined) profile.custom.set(name, written)
}

function customValue(before: unknown, value: unknown, merges: boolean): unknown {
  if (typeof value === 'string') return value.slice(0, TEXT_CHARS_MAX)
  if (Array.isArray(value)) return arrayOf([], value)
  if (!isObject(value)) return value
  if (Array.isArray(value.add) || Array.isArray(value.remove)) return changedArray(before, value)
  if (typeof value.inc === 'number') return incremented(before, value.inc)
  return merges && isObject(before) ? { ...before, ...value } : value
}

function changedArray(before: unknown, { add, remove }: Record<string, unknown>): unknown[] {
  const left = new Set(Array.isArray(remove) ? remove : [])
  const kept = (Array.isArray(before) ? before : []).filter((element) => !left.has(element))
  return arrayOf(kept, Array.isArray(add) ? add : [])
}

/** Elements are unique; one that is added again moves to the end. Which end is cut is not published: the oldest go (inferred). */
function arrayOf(kept: readonly unknown[], added: readonly unknown[]): unknown[] {
  const anew = new Set(added)
  const elements = [...kept.filter((element) => !anew.has(element)), ...anew]
  return elements.slice(-ARRAY_ELEMENTS_MAX)
}

/** undefined: an attribute that is no whole number is left alone. */
function incremented(before: unknown, by: number): number | undefined {
  if (before === undefined) return by
  return Number.isInteger(before) && Number.isInteger(by) ? (before as number) + by : undefined
}
