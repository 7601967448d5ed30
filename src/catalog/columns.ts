/**
 * The `events` table, once for all warehouses: which columns it has, of which type, and what a value must look like to stand in one.
 *
 * A row never loses anything. `properties` and `extra` together hold every member of the event that has no fixed column, whatever it looks
 * like; the typed columns are for the convenience of queries. A value that does not fit its column leaves the cell null.
 *
 * | type      | takes                                                                                   |
 * |-----------|-----------------------------------------------------------------------------------------|
 * | text      | a string; a number or boolean as its JSON text                                          |
 * | bigint    | a whole number in 64 bits                                                               |
 * | double    | a number in the range of a double                                                       |
 * | boolean   | true or false                                                                           |
 * | timestamp | Unix seconds, whole or not, or an ISO 8601 text, between the years 1 and 9999; kept in UTC |
 * | json      | anything, as its JSON text                                                              |
 *
 * null is a cell without a value in each of them, and fits.
 */

import { eventTypes } from './catalog.ts'
import { FIELDS, type FieldType } from './fields.ts'

export type ColumnType = 'text' | 'bigint' | 'double' | 'boolean' | 'timestamp' | 'json'

/**
 * Where a cell comes from: a member of the event, of its `user`, of its `properties`; the whole of `properties`; the members of event and
 * `user` that have no column of their own; or what Thalweg knows of the record.
 */
export type ColumnOrigin = 'event' | 'user' | 'property' | 'properties' | 'extra' | 'record'

export interface EventColumn {
  readonly name: string
  readonly type: ColumnType
  readonly origin: ColumnOrigin
  /** The member of the origin that it holds; the column's name where the origin has no members. */
  readonly member: string
  readonly about: string
}

/** A bound that all engines keep: PostgreSQL cuts longer names. */
export const COLUMN_NAME_CHARS_MAX = 63
/** Columns that properties outside the catalog may add to one table; further ones stay in `properties` only. */
export const DISCOVERED_COLUMNS_MAX = 256

/** Before the name of a property that is called like a column of the event itself. */
const PROPERTY_PREFIX = 'property_'

const column =
  (origin: ColumnOrigin) =>
  (name: string, type: ColumnType, about: string): EventColumn => ({
    name,
    type,
    origin,
    member: name,
    about,
  })
const ofEvent = column('event')
const ofUser = column('user')
const ofRecord = column('record')

const HEAD: readonly EventColumn[] = [
  ofEvent('id', 'text', 'Id of the event'),
  ofEvent('event_type', 'text', 'Type of the event, such as users.messages.email.Open'),
  ofEvent('time', 'timestamp', 'When it happened'),
  ofUser('user_id', 'text', 'Braze id of the profile'),
  ofUser('external_user_id', 'text', "The customer's own id of the person; null for anonymous users"),
  ofUser('device_id', 'text', 'Device it happened on'),
  ofUser('timezone', 'text', 'Time zone of the user, such as Europe/Berlin'),
]

const TAIL: readonly EventColumn[] = [
  column('properties')('properties', 'json', 'All properties, as they were sent'),
  column('extra')(
    'extra',
    'json',
    'Members of the event that are not known: {"user":{…},…}; null without any',
  ),
  ofRecord('_offset', 'bigint', "Place of the record in Thalweg's log; with _current it names the row"),
  ofRecord('_received_at', 'timestamp', 'When Thalweg accepted the record'),
  ofRecord('_source', 'text', 'Name of the source; null after a redrive'),
  ofRecord('_current', 'text', 'Key of the current that wrote the row'),
]

const RESERVED: ReadonlySet<string> = new Set([...HEAD, ...TAIL].map(({ name }) => name))

const COLUMN_TYPES: Readonly<Record<FieldType, ColumnType>> = {
  string: 'text',
  int: 'bigint',
  long: 'bigint',
  float: 'double',
  boolean: 'boolean',
  'string[]': 'json',
  object: 'json',
}

/** What the event types say of each property. */
const TYPES_OF: ReadonlyMap<string, ReadonlySet<FieldType>> = typesByProperty()

function typesByProperty(): Map<string, Set<FieldType>> {
  const types = new Map<string, Set<FieldType>>()
  for (const { name, type } of eventTypes.flatMap(({ fields }) => fields))
    types.set(name, (types.get(name) ?? new Set()).add(type))
  return types
}

/** Every column of the table, in its order: the event's own, one for each catalogued property, the whole, and ours. */
export const EVENT_COLUMNS: readonly EventColumn[] = [
  ...HEAD,
  ...Object.entries(FIELDS).map(([name, { about }]) => ({
    name: propertyColumnName(name),
    type: columnTypeOf(name),
    origin: 'property' as const,
    member: name,
    about,
  })),
  ...TAIL,
]

/** `duration` is whole for agents and not for sessions: a double holds both. */
function columnTypeOf(property: string): ColumnType {
  const types = TYPES_OF.get(property) ?? new Set([FIELDS[property]?.type ?? 'string'])
  const [type = 'string'] = types
  return types.size > 1 ? 'double' : COLUMN_TYPES[type]
}

/**
 * The column of a property, in the catalog or not: lower-case letters, digits and underscores, anything else as an underscore, not beginning
 * with a digit or an underscore (those are ours), at most COLUMN_NAME_CHARS_MAX. Two properties may get the same name: the first that came
 * has the column.
 */
export function propertyColumnName(property: string): string {
  const plain = property.toLowerCase().replaceAll(/[^a-z0-9_]/g, '_')
  const named = RESERVED.has(plain) || !/^[a-z]/.test(plain) ? PROPERTY_PREFIX + plain : plain
  return named.slice(0, COLUMN_NAME_CHARS_MAX)
}

const BIGINT_MIN = -(2n ** 63n)
const BIGINT_MAX = 2n ** 63n - 1n

/**
 * The type of a new column by the first value seen in it; undefined for null, which says nothing. A number that is only exact as its text is
 * given as a bigint. No column becomes a timestamp by itself: texts and numbers do not tell that they are times.
 */
export function columnTypeOfValue(value: unknown): ColumnType | undefined {
  switch (typeof value) {
    case 'string':
      return 'text'
    case 'boolean':
      return 'boolean'
    case 'bigint':
      return value >= BIGINT_MIN && value <= BIGINT_MAX ? 'bigint' : 'text'
    case 'number':
      return Number.isSafeInteger(value) ? 'bigint' : 'double'
    default:
      return value === null || value === undefined ? undefined : 'json'
  }
}
