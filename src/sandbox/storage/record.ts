/**
 * Events as Braze's storage connectors write them: one flat Avro record per event, in a schema per event type. Written from
 * the published samples (release v10, 2026-06-29); where they differ from the HTTP shape, the catalog says.
 */

import type { EventType } from '../../catalog/catalog.ts'
import type { EventField } from '../../catalog/notation.ts'
import type { CurrentsEvent } from '../simulator/event.ts'
import { propertyValue, type Scene } from '../simulator/values.ts'

/** A value per field of the schema; null where there is none. */
export type StorageRecord = Record<string, unknown>

interface SchemaField {
  readonly name: string
  readonly type: unknown
  readonly default?: null
}

/** The schema of one event type's files, as JSON. Optional fields are unions with null, default null. */
export function storageSchema(type: EventType): object {
  const dot = type.name.lastIndexOf('.')
  return {
    type: 'record',
    namespace: `dataexport.S3.inner.${type.name.slice(0, dot)}`,
    name: type.name.slice(dot + 1),
    fields: [
      schemaField('id', 'string', true),
      ...type.userFields
        .filter((field) => field.inStorage)
        .map((field) => schemaField(field.name, 'string', field.required)),
      schemaField('time', type.timeType, true),
      ...storageFields(type).map((field) => schemaField(field.name, avroType(field), field.required)),
    ],
  }
}

export function storageFields(type: EventType): readonly EventField[] {
  return type.fields.filter((field) => field.inStorage)
}

function schemaField(name: string, type: unknown, required: boolean): SchemaField {
  return required ? { name, type } : { name, type: ['null', type], default: null }
}

function avroType({ type }: EventField): unknown {
  return type === 'string[]' ? { type: 'array', items: 'string' } : type
}

/** HTTP's name of what storage calls otherwise; each stands in for the first that the event has. */
const HTTP_NAMES: Readonly<Record<string, readonly string[]>> = {
  properties: ['custom_properties', 'purchase_properties'],
  canvas_step_message_variation_id: ['canvas_step_message_variation_api_id'],
}

/** The record of an event. `scene` makes up what HTTP does not send; without it such fields are null. */
export function storageRecord(type: EventType, event: CurrentsEvent, scene?: Scene): StorageRecord {
  const record: StorageRecord = { id: event.id, time: event.time }
  for (const { name, inStorage } of type.userFields) if (inStorage) record[name] = event.user[name] ?? null
  for (const field of storageFields(type)) record[field.name] = storageValue(field, event, scene)
  return record
}

function storageValue(field: EventField, { properties }: CurrentsEvent, scene: Scene | undefined): unknown {
  const name = [field.name, ...(HTTP_NAMES[field.name] ?? [])].find((other) =>
    Object.hasOwn(properties, other),
  )
  const value = name === undefined ? undefined : properties[name]
  // The one column that holds JSON text where HTTP has an object.
  if (field.name === 'properties') return JSON.stringify(value ?? {})
  if (value !== undefined) return value
  if (!field.inHttp && scene !== undefined) return propertyValue(field, scene)
  return field.required ? EMPTY[field.type] : null
}

const EMPTY: Readonly<Record<EventField['type'], unknown>> = {
  string: '',
  int: 0,
  long: 0,
  float: 0,
  boolean: false,
  'string[]': [],
  object: {},
}
