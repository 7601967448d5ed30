/**
 * The slow way from an event to its track call, over the parsed value: for what a projection cannot say.
 * Custom properties are merged, odd times and ids are mended, redacted persons are recognised. Same table as
 * the fast way.
 */

import type { Member } from '../../core/kernel/kernel.ts'
import { projectValue } from '../../core/kernel/project.ts'
import { isObject } from '../exact.ts'
import { passedMembers, type Rule, trackMembers } from './mapping.ts'
import { messageIdOf } from './message.ts'

export interface Track {
  readonly name: string
  readonly rule: Rule
  readonly keepEventType: boolean
  readonly includeAnonymous: boolean
  /** It came in as a Segment message and goes out as the same kind of call. */
  readonly passed: boolean
}

type Values = Readonly<Record<string, unknown>>

/**
 * What Braze writes for a string that a field rule removes: as an identity it would melt all people into one.
 */
const REDACTED = '[REDACTED]'

/** The track call, or undefined where nobody is named whom the settings let through. */
export function trackOf(
  event: Values,
  bytes: Uint8Array,
  connection: string,
  track: Track,
): Values | undefined {
  if (track.passed) return passed(event, bytes, connection, track.includeAnonymous)
  const user = valuesOf(event.user)
  const identity = identityOf(user.external_user_id, user.user_id, track.includeAnonymous)
  if (identity === undefined) return undefined
  const timestamp = timestampOf(event.time)
  const members = trackMembers(track.name, track.rule, track.keepEventType, {
    messageId: { key: 'messageId', constant: messageIdOf(event.id, bytes, connection) },
    identity,
    timestamp: timestamp === undefined ? [] : [{ key: 'timestamp', constant: timestamp }],
  })
  const call = projectValue(event, { members }) as { properties: Record<string, unknown> }
  if (track.rule.merged !== undefined) {
    call.properties = merged(
      call.properties,
      track.rule.merged,
      valuesOf(event.properties)[track.rule.merged],
    )
  }
  // A time that Segment could not read is not lost: Segment then stamps the time of receipt.
  if (timestamp === undefined && event.time !== undefined) add(call.properties, 'time', event.time)
  return call
}

function passed(
  message: Values,
  bytes: Uint8Array,
  connection: string,
  includeAnonymous: boolean,
): Values | undefined {
  const identity = identityOf(message.userId, message.anonymousId, includeAnonymous)
  if (identity === undefined) return undefined
  const messageId = { key: 'messageId', constant: messageIdOf(message.messageId, bytes, connection) }
  return projectValue(message, { members: passedMembers({ messageId, identity }) }) as Values
}

function identityOf(
  named: unknown,
  unnamed: unknown,
  includeAnonymous: boolean,
): readonly Member[] | undefined {
  const userId = person(named)
  const anonymousId = person(unnamed)
  if (userId === undefined && (anonymousId === undefined || !includeAnonymous)) return undefined
  return [
    ...(userId === undefined ? [] : [{ key: 'userId', constant: userId }]),
    ...(anonymousId === undefined ? [] : [{ key: 'anonymousId', constant: anonymousId }]),
  ]
}

function person(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' && value !== REDACTED ? value : undefined
}

/** Seconds since 1970, fractions allowed, up to the year 9999. */
function timestampOf(time: unknown): string | undefined {
  if (typeof time !== 'number' || !(time >= 0 && time < 253_402_300_800)) return undefined
  return new Date(Math.floor(time * 1000)).toISOString()
}

/** Braze's own properties keep their names; a custom one of the same name is sent as `custom_<name>`. */
function merged(properties: Values, key: string, custom: unknown): Record<string, unknown> {
  const sum = Object.assign(Object.create(null), properties) as Record<string, unknown>
  if (!isObject(custom)) {
    if (custom !== undefined) add(sum, key, custom)
    return sum
  }
  for (const [name, value] of Object.entries(custom)) add(sum, name, value)
  return sum
}

function add(properties: Record<string, unknown>, name: string, value: unknown): void {
  let free = name
  // Ends: every round makes the name longer than one more of the names there are.
  while (Object.hasOwn(properties, free)) free = `custom_${free}`
  properties[free] = value
}

function valuesOf(value: unknown): Values {
  return isObject(value) ? value : {}
}
