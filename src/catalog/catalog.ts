/**
 * What is known of Currents events: every type, its fields, where they are sent, and what Segment calls
 * them. Written from Braze's published samples up to release v10 (2026-06-29); the rows stand in
 * event-types/ and fields.ts, this file puts them together.
 *
 * The catalog describes and never rejects. Braze adds types and fields without notice, and a receiver that
 * refuses them loses them: a name that is not here is data like any other. Nothing in this room does I/O or
 * keeps state.
 */

import { ThalwegError } from '../core/errors.ts'
import { agentConsole, appBehaviors, appEngagement, profile, subscription } from './event-types/behaviors.ts'
import {
  banner,
  contentCard,
  featureFlag,
  inAppMessage,
  liveActivityBehaviors,
  liveActivityEngagement,
  newsFeed,
  pushBehaviors,
  pushEngagement,
} from './event-types/device-messages.ts'
import { email, line, rcs, sms, webhook, whatsapp } from './event-types/direct-messages.ts'
import { campaign, canvas } from './event-types/journeys.ts'
import {
  type Category,
  type ChannelTypes,
  type EventField,
  readFields,
  readUserFields,
  type SegmentBasis,
  type TypeRow,
  type UserField,
} from './notation.ts'

export interface EventType {
  readonly name: string
  readonly title: string
  readonly about: string
  readonly channel: string
  readonly category: Category
  /** `retired`: Braze no longer sends it, old data and old connectors still hold it. */
  readonly status: 'current' | 'retired'
  /** First published sample, YYYY-MM-DD. */
  readonly since: string
  /** Sent by the HTTP connectors (Custom HTTP, Treasure Data, RudderStack). */
  readonly inHttp: boolean
  /** Written by the storage connectors (Avro files). */
  readonly inStorage: boolean
  /** Of `time` in storage; over HTTP it is an integer of Unix seconds either way. */
  readonly timeType: 'int' | 'long'
  readonly userFields: readonly UserField[]
  readonly fields: readonly EventField[]
  readonly segment: SegmentFacts
}

export interface SegmentFacts {
  /** The name of the track call; undefined when no source gives one. */
  readonly name: string | undefined
  readonly basis: SegmentBasis | undefined
  /** Segment's own page about Currents lists the type. The page is shorter than what is really sent. */
  readonly listed: boolean
}

/** In the order in which a person would look for them. */
const TABLES: readonly ChannelTypes[] = [
  email,
  pushEngagement,
  inAppMessage,
  contentCard,
  banner,
  sms,
  whatsapp,
  rcs,
  line,
  webhook,
  featureFlag,
  liveActivityEngagement,
  newsFeed,
  campaign,
  canvas,
  subscription,
  appEngagement,
  appBehaviors,
  pushBehaviors,
  liveActivityBehaviors,
  agentConsole,
  profile,
]

export const eventTypes: readonly EventType[] = TABLES.flatMap((table) =>
  Object.entries(table.types).map(([verb, row]) => eventTypeOf(table, verb, row)),
)

function eventTypeOf(table: ChannelTypes, verb: string, row: TypeRow): EventType {
  const reach = row.reach ?? 'both'
  const [name, basis] = row.segment ?? []
  return {
    name: table.prefix + verb,
    title: row.title,
    about: row.about,
    channel: table.channel,
    category: table.category,
    status: row.retired ? 'retired' : 'current',
    since: row.since,
    inHttp: reach === 'both' || reach === 'http',
    inStorage: reach === 'both' || reach === 'storage',
    timeType: row.longTime ? 'long' : 'int',
    userFields: readUserFields(row.user ?? table.user, reach),
    fields: readFields(row.fields, reach),
    segment: { name, basis, listed: row.listed ?? false },
  }
}

const byName: ReadonlyMap<string, EventType> = indexed(eventTypes)

function indexed(types: readonly EventType[]): ReadonlyMap<string, EventType> {
  const index = new Map<string, EventType>()
  for (const type of types) {
    if (index.has(type.name))
      throw new ThalwegError('CATALOG_BROKEN', `Two event types are called ${type.name}`)
    index.set(type.name, type)
  }
  return index
}

/** Channels in display order, with their titles. */
export const channels: ReadonlyMap<string, string> = new Map(
  TABLES.map((table) => [table.channel, table.title]),
)

// Spellings that are met besides the true ones.

/** As an older Segment page lists the two. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['users_campaigns_abort', 'users.campaigns.Abort'],
  ['users_canvas_abort', 'users.canvas.Abort'],
])

/** Treasure Data's page shows `users.message.email.Open`; Braze sends `users.messages.`. */
const SINGULAR = 'users.message.'

/** The true name behind another spelling; any other name as it is. Case counts. */
export function canonicalName(name: string): string {
  if (name.startsWith(SINGULAR)) {
    const plural = `users.messages.${name.slice(SINGULAR.length)}`
    return byName.has(plural) ? plural : name
  }
  return ALIASES.get(name) ?? name
}

/** The catalogued type with this name, or with this name as another spelling. */
export function eventType(name: string): EventType | undefined {
  return byName.get(name) ?? byName.get(canonicalName(name))
}

export function isKnown(name: string): boolean {
  return eventType(name) !== undefined
}

/**
 * Channel by the name without its last part: all catalogued types agree, so a new verb lands in its
 * channel.
 */
const channelByArea: ReadonlyMap<string, string> = new Map(
  eventTypes.map((type) => [areaOf(type.name), type.channel]),
)

function areaOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf('.')))
}

/**
 * The channel of any name: of an unknown area its own last word (`users.messages.foo.Bar` → `foo`); without
 * a dot `other`.
 */
export function channelOf(name: string): string {
  const known = eventType(name)?.channel ?? channelByArea.get(areaOf(canonicalName(name)))
  if (known !== undefined) return known
  const area = areaOf(name)
  return area.slice(area.lastIndexOf('.') + 1) || 'other'
}

/** The category of any name; unknown ones about messages, campaigns and Canvases are message engagement. */
export function categoryOf(name: string): Category {
  const known = eventType(name)?.category
  if (known !== undefined) return known
  return /^users\.(messages?|campaigns|canvas|canvasstep)\./.test(name)
    ? 'message_engagement'
    : 'customer_behavior'
}

/**
 * Names of the properties that Braze tags as PII on any type, sorted. A rule per field applies wherever the
 * name occurs.
 */
export function piiFields(): readonly string[] {
  const names = eventTypes.flatMap((type) =>
    type.fields.filter((field) => field.pii).map((field) => field.name),
  )
  return [...new Set(names)].sort()
}

// Selection patterns

export type TypeMatcher = (typeName: string) => boolean

/**
 * A pattern is `*`, an exact name, a prefix with its dot and a star (`users.messages.email.*`),
 * `channel:email` or `category:message_engagement`. It also matches the other spellings of what it matches.
 * A pattern that `patternProblem` complains about matches nothing but the name equal to it.
 */
export function compilePattern(pattern: string): TypeMatcher {
  if (pattern === '*') return () => true
  if (pattern.startsWith('channel:')) {
    const channel = pattern.slice('channel:'.length)
    return (name) => channelOf(name) === channel
  }
  if (pattern.startsWith('category:')) {
    const category = pattern.slice('category:'.length)
    return (name) => categoryOf(name) === category
  }
  if (pattern.endsWith('.*')) {
    const prefix = pattern.slice(0, -1)
    return (name) => name.startsWith(prefix) || canonicalName(name).startsWith(prefix)
  }
  const exact = canonicalName(pattern)
  return (name) => name === pattern || canonicalName(name) === exact
}

export function matchesPattern(pattern: string, typeName: string): boolean {
  return compilePattern(pattern)(typeName)
}

export const PATTERN_CHARS_MAX = 200

/**
 * Why a text is no pattern, in words for a person; undefined when it is one. Names and channels unknown so
 * far are fine.
 */
export function patternProblem(pattern: string): string | undefined {
  if (pattern === '') return 'A pattern is empty.'
  if (pattern.length > PATTERN_CHARS_MAX) return `A pattern is longer than ${PATTERN_CHARS_MAX} characters.`
  const star = pattern.indexOf('*')
  if (star >= 0 && pattern !== '*' && !(pattern.endsWith('.*') && star === pattern.length - 1)) {
    return `"${pattern}": a star may only stand alone or after the last dot, as in users.messages.email.*`
  }
  if (/^category:(?!(message_engagement|customer_behavior)$)/.test(pattern)) {
    return `"${pattern}": the categories are message_engagement and customer_behavior.`
  }
  return undefined
}

// Views of the catalog

export interface PickerCategory {
  readonly category: Category
  readonly title: string
  readonly channels: readonly PickerChannel[]
}

export interface PickerChannel {
  readonly channel: string
  readonly title: string
  readonly types: readonly PickerType[]
}

export interface PickerType {
  readonly name: string
  readonly title: string
  readonly about: string
  readonly status: 'current' | 'retired'
  /** False for the types that only storage connectors write, or that were only ever documented. */
  readonly inHttp: boolean
  /** Names of its PII properties. */
  readonly pii: readonly string[]
  readonly segmentName: string | undefined
}

const CATEGORY_TITLES: Readonly<Record<Category, string>> = {
  message_engagement: 'Message engagement',
  customer_behavior: 'Customer behavior',
}

/** What a person chooses from: category → channel → type, each in display order. */
export function pickerTree(): readonly PickerCategory[] {
  return (Object.keys(CATEGORY_TITLES) as Category[]).map((category) => ({
    category,
    title: CATEGORY_TITLES[category],
    channels: TABLES.filter((table) => table.category === category).map((table) => ({
      channel: table.channel,
      title: table.title,
      types: Object.keys(table.types).flatMap((verb) => pickerType(table.prefix + verb)),
    })),
  }))
}

function pickerType(name: string): readonly PickerType[] {
  const type = eventType(name)
  if (type === undefined) return []
  const { title, about, status, inHttp } = type
  const pii = type.fields.filter((field) => field.pii).map((field) => field.name)
  return [{ name, title, about, status, inHttp, pii, segmentName: type.segment.name }]
}

/**
 * Event type → name of the Segment track call, where one is known.
 *
 * The trap: LINE and RCS have bare verbs (`Sent`, `Clicked`, `Aborted`, …), so the two share names with
 * each other and with whatever else the Segment source holds. Only the raw event type, sent along as a
 * property, tells them apart. CustomEvent has no name of its own: the name of the custom event travels in
 * `properties.name`.
 */
export const segmentNames: ReadonlyMap<string, string> = new Map(
  eventTypes.flatMap((type) =>
    type.segment.name === undefined ? [] : [[type.name, type.segment.name] as const],
  ),
)
