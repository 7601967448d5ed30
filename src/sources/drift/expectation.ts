/** What the catalog lets us expect of the events of one type, as paths and kinds. Pure. */

import { type EventType, eventType } from '../../catalog/catalog.ts'
import type { FieldType } from '../../catalog/fields.ts'
import type { Kind } from '../../core/kernel/shape.ts'

/** The paths of a catalogued type: what an event may hold, and what it must. */
export interface Expectation {
  /** Kinds that a value may have besides null, which says no more than that it is absent. */
  readonly kinds: ReadonlyMap<string, readonly Kind[]>
  /** Paths that every event has over HTTP, with a value. */
  readonly required: readonly string[]
  /** Objects that the sender's customers fill as they like: no name in them is unexpected. */
  readonly open: ReadonlySet<string>
}

/** An integer is a decimal, too: a price of 3 is written "3". */
const KINDS_OF: Readonly<Record<FieldType, readonly Kind[]>> = {
  string: ['string'],
  int: ['integer'],
  long: ['integer'],
  float: ['decimal', 'integer'],
  boolean: ['boolean'],
  'string[]': ['array'],
  object: ['object'],
}

/** The five members of every event of the HTTP connectors (Braze, Custom HTTP event object). */
const ENVELOPE: readonly (readonly [path: string, kind: Kind])[] = [
  ['id', 'string'],
  ['event_type', 'string'],
  ['time', 'integer'],
  ['user', 'object'],
  ['properties', 'object'],
]

const made = new Map<EventType, Expectation>()

/** Undefined when the catalog lacks the type. */
export function expectationOf(typeName: string): Expectation | undefined {
  const type = eventType(typeName)
  if (type === undefined) return undefined
  const known = made.get(type)
  if (known !== undefined) return known
  const expectation = readExpectation(type)
  made.set(type, expectation)
  return expectation
}

function readExpectation(type: EventType): Expectation {
  const kinds = new Map<string, readonly Kind[]>(ENVELOPE.map(([path, kind]) => [path, [kind]]))
  const required = ENVELOPE.map(([path]) => path)
  const open = new Set<string>()
  for (const { name, required: isRequired, inHttp } of type.userFields) {
    kinds.set(`user.${name}`, ['string'])
    if (isRequired && inHttp) required.push(`user.${name}`)
  }
  for (const { name, type: fieldType, required: isRequired, inHttp } of type.fields) {
    kinds.set(`properties.${name}`, KINDS_OF[fieldType])
    if (fieldType === 'object') open.add(`properties.${name}`)
    if (isRequired && inHttp) required.push(`properties.${name}`)
  }
  return { kinds, required, open }
}
