/**
 * The notation of the event tables: what the rows in event-types/ look like and how their field lists are
 * read.
 *
 * A field list is a line of names from fields.ts, each with marks behind it:
 *
 *     !   required: never null in the storage schema
 *     ~   only in the storage connectors (Avro files), not over HTTP
 *     ^   only over HTTP, not in storage
 *     -   told of in the documentation, seen in neither
 *     *   deprecated, sent empty
 *     %   not marked as PII on this type, although it is elsewhere
 *
 * `duration:float` gives the field another type than fields.ts does.
 *
 * A name written twice counts as it was written last, so a list can start from a group and differ from it.
 */

import { ThalwegError } from '../core/errors.ts'
import { FIELDS, type FieldType } from './fields.ts'

export type Category = 'message_engagement' | 'customer_behavior'

/** Where a type or a field is sent: `none` was only ever documented. */
export type Reach = 'both' | 'http' | 'storage' | 'none'

/**
 * How we know a Segment name: read in the event glossary, on the Segment page, or concluded from its
 * neighbours.
 */
export type SegmentBasis = 'glossary' | 'page' | 'inferred'

export interface TypeRow {
  readonly title: string
  readonly about: string
  /** First published sample, YYYY-MM-DD. */
  readonly since: string
  /** Default `both`; also the reach of every field without a mark of its own. */
  readonly reach?: Reach
  /** Braze no longer sends it. */
  readonly retired?: true
  /** `time` is a 64-bit integer in storage, not a 32-bit one. */
  readonly longTime?: true
  readonly segment?: readonly [name: string, basis: SegmentBasis]
  /** Segment's own page about Currents lists the type. */
  readonly listed?: true
  /** Members of `user`, in the same notation; default: those of the channel. */
  readonly user?: string
  /** Members of `properties`. */
  readonly fields: string
}

/** The event types of one channel and category that share a name prefix. */
export interface ChannelTypes {
  readonly channel: string
  readonly title: string
  readonly category: Category
  readonly prefix: string
  readonly user: string
  /** By the name behind the prefix. */
  readonly types: Readonly<Record<string, TypeRow>>
}

/** The members of `user` that come up again and again. */
export const IDS = 'user_id! external_user_id'
export const DEVICE_USER = `${IDS} device_id`
export const ANY_USER = `${DEVICE_USER} timezone`
/** Over HTTP these carry a device although their storage schema has none. */
export const HTTP_DEVICE_USER = `${IDS} device_id^ timezone`

/** The groups of properties that come up again and again. */
export const CAMPAIGN = 'campaign_id campaign_name message_variation_id message_variation_name'
export const CANVAS =
  'canvas_id canvas_name canvas_variation_id canvas_variation_name canvas_step_id canvas_step_name'
/** What nearly every message event says about where it came from. */
export const MESSAGE = `app_group_id ${CAMPAIGN} ${CANVAS}`
export const VARIANT = 'canvas_step_message_variation_id~'
export const SEND = 'dispatch_id send_id'
export const AD = 'ad_id ad_id_type ad_tracking_enabled'
export const DEVICE = 'platform os_version device_model'
export const PROFILE = 'country~ gender~ language~'
export const PROFILE_DEVICE = 'carrier~ resolution~ sdk_version~'
export const ABORT = 'abort_type abort_log'
export const RETRY = 'retry_type retry_log'
export const LINE = 'line_channel_id! line_channel_name! native_line_id!'
/** LINE events lack the names of campaign, variation and Canvas. */
export const LINE_MESSAGE = `app_group_id campaign_id campaign_name message_variation_id canvas_id
  canvas_variation_id canvas_step_id canvas_step_name ${VARIANT} ${SEND} subscription_group_id`

/** One property of one event type. */
export interface EventField {
  readonly name: string
  readonly type: FieldType
  readonly about: string
  /** Never null in the storage schema. HTTP events may lack any field all the same. */
  readonly required: boolean
  /** Braze tags it as PII on this event type. */
  readonly pii: boolean
  readonly deprecated: boolean
  readonly inHttp: boolean
  readonly inStorage: boolean
}

/** One member of `user`; always a string. */
export type UserField = Pick<EventField, 'name' | 'required' | 'inHttp' | 'inStorage'>

interface Word {
  readonly name: string
  readonly type: string | undefined
  readonly marks: string
}

const WORD = /^([a-z][a-z_]*[a-z])(?::([a-z[\]]+))?([!~^*%-]*)$/

/**
 * Reads the list of the members of `properties`. Throws CATALOG_BROKEN on a word that is no known field
 * with marks.
 */
export function readFields(list: string, reach: Reach): readonly EventField[] {
  return wordsOf(list).map(({ name, type, marks }) => {
    const definition = FIELDS[name]
    if (definition === undefined) {
      throw new ThalwegError('CATALOG_BROKEN', `The event tables name a field that fields.ts lacks: ${name}`)
    }
    return {
      ...readMarks(name, marks, reach),
      type: (type ?? definition.type) as FieldType,
      about: definition.about,
      pii: definition.pii && !marks.includes('%'),
      deprecated: marks.includes('*'),
    }
  })
}

/** Reads the list of the members of `user`. */
export function readUserFields(list: string, reach: Reach): readonly UserField[] {
  return wordsOf(list).map(({ name, marks }) => readMarks(name, marks, reach))
}

function wordsOf(list: string): readonly Word[] {
  const words = new Map<string, Word>()
  for (const text of list.split(/\s+/)) {
    if (text === '') continue
    const [, name, type, marks] = WORD.exec(text) ?? []
    if (name === undefined || marks === undefined) {
      throw new ThalwegError(
        'CATALOG_BROKEN',
        `The event tables hold a word that is no field with marks: ${text}`,
      )
    }
    words.set(name, { name, type, marks })
  }
  return [...words.values()]
}

function readMarks(name: string, marks: string, reach: Reach): UserField {
  const own = reachOf(marks) ?? reach
  return {
    name,
    required: marks.includes('!'),
    inHttp: own === 'both' || own === 'http',
    inStorage: own === 'both' || own === 'storage',
  }
}

function reachOf(marks: string): Reach | undefined {
  if (marks.includes('~')) return 'storage'
  if (marks.includes('^')) return 'http'
  return marks.includes('-') ? 'none' : undefined
}
