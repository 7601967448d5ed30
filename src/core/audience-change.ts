/**
 * What one person's audiences at a vendor are to become, by difference, as a record in the canonical shape of events:
 *
 *   {"id":"export-3-17","event_type":"audiences.changed","time":1477502783,
 *    "user":{"external_user_id":"u1"} | {"user_id":"<Braze id>"} | {"alias":{"label":"crm","name":"7"}},
 *    "properties":{"add":["vip"],"remove":["new-customers"]}}
 */

export const AUDIENCES_CHANGED = 'audiences.changed'

/** In the order of priority when a person has several. */
export const ADDRESS_KINDS = ['external_id', 'braze_id', 'alias'] as const
export type AddressKind = (typeof ADDRESS_KINDS)[number]

/** By what a vendor finds somebody. */
export interface Address {
  readonly kind: AddressKind
  /** Of an alias; '' otherwise. */
  readonly label: string
  readonly value: string
}

export interface AudienceChange {
  readonly who: Address
  /** Slugs; never the same one in both. */
  readonly add: readonly string[]
  readonly remove: readonly string[]
}

export function audienceChangeRecord(id: string, { who, add, remove }: AudienceChange, atMs: number): object {
  return {
    id,
    event_type: AUDIENCES_CHANGED,
    time: Math.floor(atMs / 1000),
    user: userOf(who),
    properties: { add, remove },
  }
}

function userOf({ kind, label, value }: Address): object {
  if (kind === 'external_id') return { external_user_id: value }
  return kind === 'braze_id' ? { user_id: value } : { alias: { label, name: value } }
}

/** undefined: this is no such record. */
export function audienceChangeOf(record: Readonly<Record<string, unknown>>): AudienceChange | undefined {
  const { event_type: type, user, properties } = record
  if (type !== AUDIENCES_CHANGED || !isObject(user) || !isObject(properties)) return undefined
  const who = addressOf(user)
  const { add, remove } = properties
  return who === undefined || !areTexts(add) || !areTexts(remove) ? undefined : { who, add, remove }
}

function addressOf(user: Readonly<Record<string, unknown>>): Address | undefined {
  const { external_user_id: externalId, user_id: brazeId, alias } = user
  if (isText(externalId)) return { kind: 'external_id', label: '', value: externalId }
  if (isText(brazeId)) return { kind: 'braze_id', label: '', value: brazeId }
  if (!isObject(alias)) return undefined
  const { label, name } = alias
  return isText(label) && isText(name) ? { kind: 'alias', label, value: name } : undefined
}

/** The same text for the same address. */
export function addressKey({ kind, label, value }: Address): string {
  return `${kind}\0${label}\0${value}`
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function areTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(isText)
}
