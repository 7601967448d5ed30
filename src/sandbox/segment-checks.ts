/**
 * Why Segment throws an event away after answering 200: the ingest-discard codes of its delivery overview.
 * Where the docs give only a code, the condition is ours by the code's name; `bad_request` stands for
 * whatever has no code of its own (not an object, unknown type, a message id that is too long).
 */

import { isObject } from './answer.ts'

export const DISCARD_CODES = [
  'empty_batch', // the batch holds no events
  'bad_request',
  'unknown_source', // the write key matches no source
  'no_user_anon_id', // neither userId nor anonymousId
  'id_required', // group without groupId, alias without userId or previousId
  'id_not_string',
  'event_not_defined',
  'event_not_string',
  'properties_not_object',
  'traits_not_object',
  'name_not_string',
  'category_not_string',
  'consent_categorypreferences_should_exist',
  'consent_categorypreferences_fields_should_be_object',
  'consent_categorypreferences_fields_should_be_bool',
  'consent_version_should_be_number',
  'device_advertisingid_should_be_string',
] as const
export type DiscardCode = (typeof DISCARD_CODES)[number]

export const EVENT_TYPES = ['track', 'identify', 'page', 'screen', 'group', 'alias'] as const
export type SegmentType = (typeof EVENT_TYPES)[number]

/** "less than 100 characters" (Segment spec, common fields). */
export const MESSAGE_ID_CHARS_MAX = 99

type Fields = Readonly<Record<string, unknown>>

/**
 * The first reason to discard the event; undefined for a good one. `type` is already known to be one of
 * EVENT_TYPES.
 */
export function discardOf(event: Fields, type: SegmentType): DiscardCode | undefined {
  return messageIdFault(event) ?? identityFault(event, type) ?? shapeFault(event, type) ?? contextFault(event)
}

function messageIdFault(event: Fields): DiscardCode | undefined {
  const id = event.messageId
  if (id === undefined || id === null) return undefined
  return typeof id === 'string' && id.length <= MESSAGE_ID_CHARS_MAX ? undefined : 'bad_request'
}

function identityFault(event: Fields, type: SegmentType): DiscardCode | undefined {
  const ids = ['userId', 'anonymousId', 'groupId', 'previousId'].map((name) => event[name])
  if (ids.some((id) => id !== undefined && id !== null && typeof id !== 'string')) return 'id_not_string'
  if (type === 'alias')
    return present(event, 'userId') && present(event, 'previousId') ? undefined : 'id_required'
  if (!present(event, 'userId') && !present(event, 'anonymousId')) return 'no_user_anon_id'
  return type === 'group' && !present(event, 'groupId') ? 'id_required' : undefined
}

function shapeFault(event: Fields, type: SegmentType): DiscardCode | undefined {
  switch (type) {
    case 'track':
      return eventNameFault(event) ?? objectFault(event, 'properties', 'properties_not_object')
    case 'page':
    case 'screen':
      return (
        textFault(event, 'name', 'name_not_string') ??
        textFault(event, 'category', 'category_not_string') ??
        objectFault(event, 'properties', 'properties_not_object')
      )
    case 'identify':
    case 'group':
      return objectFault(event, 'traits', 'traits_not_object')
    default:
      return undefined
  }
}

function eventNameFault(event: Fields): DiscardCode | undefined {
  const name = event.event
  if (name === undefined || name === null || name === '') return 'event_not_defined'
  return typeof name === 'string' ? undefined : 'event_not_string'
}

function contextFault(event: Fields): DiscardCode | undefined {
  const context = event.context
  if (!isObject(context)) return undefined
  const device = context.device
  const advertisingId = isObject(device) ? device.advertisingId : undefined
  if (advertisingId !== undefined && advertisingId !== null && typeof advertisingId !== 'string') {
    return 'device_advertisingid_should_be_string'
  }
  return isObject(context.consent) ? consentFault(context.consent) : undefined
}

function consentFault(consent: Fields): DiscardCode | undefined {
  const preferences = consent.categoryPreferences
  if (preferences === undefined || preferences === null) return 'consent_categorypreferences_should_exist'
  if (!isObject(preferences)) return 'consent_categorypreferences_fields_should_be_object'
  if (!Object.values(preferences).every((value) => typeof value === 'boolean')) {
    return 'consent_categorypreferences_fields_should_be_bool'
  }
  const version = consent.version
  return version === undefined || typeof version === 'number' ? undefined : 'consent_version_should_be_number'
}

function present(event: Fields, name: string): boolean {
  return typeof event[name] === 'string' && event[name] !== ''
}

function textFault(event: Fields, name: string, code: DiscardCode): DiscardCode | undefined {
  const value = event[name]
  return value === undefined || value === null || typeof value === 'string' ? undefined : code
}

function objectFault(event: Fields, name: string, code: DiscardCode): DiscardCode | undefined {
  const value = event[name]
  return value === undefined || value === null || isObject(value) ? undefined : code
}
