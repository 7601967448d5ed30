/**
 * How the flat record of Braze's storage connectors (Avro files) stands to the nested event of the HTTP
 * connectors: which of its fields are members of `user`, which have another name there, and which are JSON
 * text that HTTP sends as an object.
 */

import { eventType, eventTypes } from './catalog.ts'

export interface StorageField {
  readonly part: 'event' | 'user' | 'properties'
  /** Its name over HTTP. */
  readonly name: string
  /** A string that holds a JSON object. */
  readonly jsonText: boolean
}

/** Storage names each record after its type, in a namespace of its own: dataexport.<connector>.inner.<type>. */
const NAMESPACE = /^dataexport\.[^.]+\.inner\./

const EVENT_FIELDS: ReadonlySet<string> = new Set(['id', 'time'])
const USER_FIELDS: ReadonlySet<string> = new Set(
  eventTypes.flatMap((type) => type.userFields.map((field) => field.name)),
)

/**
 * Names that differ, by the name in storage; of several the one that the type has over HTTP. A type that has
 * none of them keeps the storage name.
 */
const OTHER_NAMES: Readonly<Record<string, readonly string[]>> = {
  properties: ['custom_properties', 'purchase_properties'],
  canvas_step_message_variation_id: ['canvas_step_message_variation_api_id'],
}
/** What the JSON text of an unknown type becomes. */
const UNKNOWN_PROPERTIES = 'custom_properties'

/** The event type that a record's full name stands for; undefined when the name is not Braze's. */
export function typeOfRecord(fullName: string): string | undefined {
  return NAMESPACE.test(fullName) ? fullName.replace(NAMESPACE, '') : undefined
}

/** The place of a storage field in an event of a type, which need not be catalogued. */
export function storageField(typeName: string, name: string): StorageField {
  if (EVENT_FIELDS.has(name)) return { part: 'event', name, jsonText: false }
  if (USER_FIELDS.has(name)) return { part: 'user', name, jsonText: false }
  return { part: 'properties', name: httpName(typeName, name), jsonText: name === 'properties' }
}

function httpName(typeName: string, name: string): string {
  const others = OTHER_NAMES[name]
  if (others === undefined) return name
  const known = eventType(typeName)?.fields.find((field) => field.inHttp && others.includes(field.name))
  return known?.name ?? (name === 'properties' ? UNKNOWN_PROPERTIES : name)
}
