/**
 * Single events: of any catalogued type with every property, of invented types, and the junk that "Send
 * Test Events" sends.
 */

import { type EventType, eventType, eventTypes } from '../../catalog/catalog.ts'
import type { EventField, UserField } from '../../catalog/notation.ts'
import { ThalwegError } from '../../core/errors.ts'
import { type Random, seededRandom } from '../../core/random.ts'
import { between, chance, decimal, hex, pick, uuid } from './draw.ts'
import type { CurrentsEvent } from './event.ts'
import { createOrigin, isPresent, propertyValue, type Scene } from './values.ts'
import { createWorld, type SimulatedUser, type World } from './world.ts'

export interface SampleOptions {
  readonly random: Random
  readonly nowSeconds: number
  /** Default: a small world of its own. */
  readonly world?: World
}

/**
 * An event of a catalogued type with every property and every member of `user` that the HTTP shape has.
 * Types that only storage connectors write, or that were only documented, are given in the HTTP layout.
 * Throws INPUT_INVALID for a name the catalog lacks.
 */
export function sample(typeName: string, options: SampleOptions): CurrentsEvent {
  return sampleIn(catalogued(typeName), sampleScene(options), typeName)
}

/** A scene for one full sample. */
export function sampleScene({ random, nowSeconds, world = sampleWorld() }: SampleOptions): Scene {
  const user = pick(random, world.identified)
  return { random, world, user, origin: createOrigin(random, world, 'both'), nowSeconds, kept: new Map() }
}

/** As `sample`, in a scene that is used for more than the event. */
export function sampleIn(type: EventType, scene: Scene, typeName: string = type.name): CurrentsEvent {
  return {
    event_type: typeName,
    id: uuid(scene.random),
    time: scene.nowSeconds,
    user: userOf(type, scene.user),
    properties: Object.fromEntries(
      httpFields(type).map((field) => [field.name, propertyValue(field, scene)]),
    ),
  }
}

/**
 * An event as real traffic has it: without the properties that do not apply. `user` undefined: sent by
 * nobody Braze knows.
 */
export function eventOf(type: EventType, scene: Scene, user: SimulatedUser | undefined): CurrentsEvent {
  const properties: Record<string, unknown> = {}
  for (const field of httpFields(type)) {
    if (isPresent(field, scene)) properties[field.name] = propertyValue(field, scene)
  }
  return {
    event_type: type.name,
    id: uuid(scene.random),
    time: scene.nowSeconds,
    user: userOf(type, user),
    properties,
  }
}

/** The properties of a type over HTTP; of a type that HTTP never had, all of them. */
export function httpFields(type: EventType): readonly EventField[] {
  return HTTP_FIELDS.get(type.name) ?? []
}

const HTTP_FIELDS: ReadonlyMap<string, readonly EventField[]> = new Map(
  eventTypes.map((type) => [
    type.name,
    type.inHttp ? type.fields.filter((field) => field.inHttp) : type.fields,
  ]),
)

function httpUserFields(type: EventType): readonly UserField[] {
  return type.inHttp ? type.userFields.filter((field) => field.inHttp) : type.userFields
}

function userOf(type: EventType, user: SimulatedUser | undefined): Record<string, string> {
  if (user === undefined) return {}
  const values: Readonly<Record<string, string | undefined>> = {
    user_id: user.brazeId,
    external_user_id: user.externalId,
    device_id: user.device.id,
    timezone: user.timezone,
  }
  const members: Record<string, string> = {}
  for (const { name } of httpUserFields(type)) {
    const value = values[name]
    if (value !== undefined) members[name] = value
  }
  return members
}

function catalogued(typeName: string): EventType {
  const type = eventType(typeName)
  if (type === undefined) {
    throw new ThalwegError('INPUT_INVALID', `The catalog has no event type ${typeName}: use unknownSample`)
  }
  return type
}

const SAMPLE_USERS = 64
let madeSampleWorld: World | undefined
function sampleWorld(): World {
  madeSampleWorld ??= createWorld(1, SAMPLE_USERS)
  return madeSampleWorld
}

/** Names of the event types of the HTTP connectors; without the retired ones 90, with them 93. */
export function httpTypeNames(options: { readonly includeRetired: boolean }): readonly string[] {
  const wanted = eventTypes.filter(
    (type) => type.inHttp && (options.includeRetired || type.status === 'current'),
  )
  return wanted.map((type) => type.name)
}

/**
 * What "Send Test Events" in the dashboard sends: one event of every selected type, with values of the
 * right JSON type and no meaning (a UUID as time zone, junk as names). A receiver must take them. Default:
 * every current HTTP type.
 */
export function testEvents(
  options: SampleOptions,
  typeNames: readonly string[] = httpTypeNames({ includeRetired: false }),
): readonly CurrentsEvent[] {
  return typeNames.map((name) => testEvent(catalogued(name), options))
}

function testEvent(type: EventType, { random, nowSeconds }: SampleOptions): CurrentsEvent {
  return {
    event_type: type.name,
    id: uuid(random),
    time: nowSeconds,
    user: Object.fromEntries(httpUserFields(type).map((field) => [field.name, uuid(random)])),
    properties: Object.fromEntries(httpFields(type).map((field) => [field.name, junk(random, field)])),
  }
}

function junk(random: Random, field: EventField): unknown {
  switch (field.type) {
    case 'string':
      return pick(random, [uuid(random), hex(random, 10), 'test', ''])
    case 'int':
    case 'long':
      return between(random, -5, 2_000_000_000)
    case 'float':
      return decimal(random, -1000, 1000, 4)
    case 'boolean':
      return chance(random, 0.5)
    case 'string[]':
      return [hex(random, 6), hex(random, 6)]
    case 'object':
      return { [hex(random, 6)]: hex(random, 6) }
  }
}

/**
 * Event `i` of an endless series of invented types, with values that a careless program damages: deep
 * nesting, nulls, numbers at the edge of what a double holds, empty and odd keys, text that needs escaping.
 * The same `i` gives the same event but for its time.
 */
export function unknownSample(i: number, options: { readonly nowSeconds: number }): CurrentsEvent {
  const random = seededRandom(i)
  return {
    event_type: unknownTypeName(i),
    id: uuid(random),
    time: options.nowSeconds,
    user: {
      user_id: hex(random, 24),
      external_user_id: `invented-${i}`,
      favourite_colour: pick(random, ODD_TEXTS),
    },
    properties: {
      ordinal: i,
      nested: nest(random, i % 20),
      odd: Object.fromEntries(ODD_KEYS.map((key) => [key, oddValue(random)])),
      list: Array.from({ length: i % 7 }, () => oddValue(random)),
    },
  }
}

function unknownTypeName(i: number): string {
  const areas = [
    'users.messages.hologram.Beam',
    'users.behaviors.wearable.Pulse',
    'users.canvas.Dream',
    'orbital.Ping',
  ]
  const verb = areas[i % areas.length] ?? 'orbital.Ping'
  return i % 50 === 49 ? `weird "name" é${i}` : `${verb}${i}`
}

const ODD_TEXTS = [
  '',
  ' ',
  'null',
  '"quoted" \\ and / slashed',
  'line\nbreak\ttab\u0000nul',
  '\u2028\u2029',
  '日本語 🏳️‍🌈 Ω',
  '</script><b>',
  '\ud834\udd1e',
]
const ODD_NUMBERS = [
  0, -1, 0.1, 1e-7, 1.5e300, -2.5e-300, 9_007_199_254_740_991, -9_007_199_254_740_991, 1e21, 123456.789,
]
const ODD_KEYS = ['', 'a.b', 'a b', '__proto__', 'constructor', 'é', '"', '$set', '0']

function oddValue(random: Random): unknown {
  const values: readonly unknown[] = [
    pick(random, ODD_TEXTS),
    pick(random, ODD_NUMBERS),
    true,
    false,
    null,
    [],
    {},
    [[null]],
  ]
  return pick(random, values)
}

function nest(random: Random, depth: number): unknown {
  if (depth === 0) return oddValue(random)
  const inside = nest(random, depth - 1)
  return depth % 2 === 0
    ? [inside, oddValue(random)]
    : { inside, [pick(random, ODD_TEXTS)]: oddValue(random) }
}
