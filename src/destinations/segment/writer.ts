/** Maps batches of events to track calls and packs them into requests within Segment's limits. */

import { type EventBatch, eventBytes, type Limits } from '../../core/batch.ts'
import type { Exchange, WireRequest } from '../../core/exchange.ts'
import type { Fault } from '../../core/fault.ts'
import {
  type CompiledProjection,
  ITEM_HAS_BRAZE_ID,
  ITEM_HAS_EXTERNAL_ID,
  ITEM_HAS_ID,
  ITEM_ODD,
  type Kernel,
  type Member,
} from '../../core/kernel/kernel.ts'
import { type Receipt, skipped } from '../../core/receipt.ts'
import type { EventWriter, Target } from '../destination.ts'
import { BATCH_ENVELOPE, envelopeBytes } from '../envelope.ts'
import { exactEventValue } from '../exact.ts'
import { type ParcelLimits, parcelsOf, type Receipts, sendParcels, settled } from '../parcels.ts'
import { eventName, isPassed, passedMembers, ruleOf, trackMembers } from './mapping.ts'
import { carrierOf, Merger } from './merger.ts'
import { MESSAGE_ID_BYTES_MAX, messageIdSuffix } from './message.ts'
import type { SegmentCredentials, SegmentSettings } from './settings.ts'
import { Sheet } from './sheet.ts'
import { type Track, trackOf } from './track.ts'
import { batchDraft, faultOf } from './wire.ts'

/** Segment HTTP API: 32 KB per event; larger ones make it refuse the whole request. */
const EVENT_BYTES_MAX = 32_768
/** Segment HTTP API: 500 KB per request; its Node SDK stops at 480. */
const BODY_BYTES_MAX = 480_000
/** Segment HTTP API: 2,500 per request, and no word about the ones beyond. */
const EVENTS_MAX = 1000

const PARCEL_LIMITS: ParcelLimits = {
  recordsMax: EVENTS_MAX,
  recordBytesMax: EVENT_BYTES_MAX,
  bytesMax: BODY_BYTES_MAX - envelopeBytes(BATCH_ENVELOPE),
}

/**
 * 250 events of the usual 0.9 KB make about half a full request; mapped ones are of about the size they came
 * in.
 */
export const SEGMENT_LIMITS: Limits = { recordsMax: 250, bytesMax: 400_000, waitMs: 1000, inFlightMax: 8 }

/** Sheets kept for the next exchange: one for each that is usually under way. */
const SHEETS_MAX = SEGMENT_LIMITS.inFlightMax
/**
 * Event types with compiled projections; further ones go the slow way, so that invented names cannot fill the
 * memory.
 */
const ROUTES_MAX = 512

const NO_IDENTITY: Receipt = skipped('no_identity')

/** Who is named in an event: index of a route's projections. */
const HAS_USER = 1
const HAS_ANONYMOUS = 2

interface Route extends Track {
  /** By HAS_USER | HAS_ANONYMOUS; undefined until needed. */
  readonly projections: (CompiledProjection | undefined)[]
  /** Bytes that a mapped event can be longer than the event it was made from, at most. */
  readonly growth: number
  /** No projections are compiled for this type. */
  readonly slow: boolean
}

/**
 * The yielded body lies in a sheet that is used again once the exchange has ended: whoever drives the
 * exchange must be done with the request by then, and must end every exchange (by its last reply or by
 * `return`), or the sheet is lost to the garbage.
 */
export class SegmentWriter implements EventWriter {
  readonly #settings: SegmentSettings
  readonly #kernel: Kernel
  readonly #draft: Omit<WireRequest, 'body'>
  readonly #sheets: Sheet[] = []
  readonly #merger: Merger
  /** The projections whose calls end with custom properties to be merged. */
  readonly #merging = new Set<CompiledProjection>()
  #routes = new Map<string, Route>()
  /** The connection that the routes were compiled for. A writer serves one. */
  #connection = ''

  constructor(target: Target<SegmentSettings, SegmentCredentials>, kernel: Kernel) {
    this.#settings = target.settings
    this.#kernel = kernel
    this.#draft = batchDraft(target)
    this.#merger = new Merger(kernel)
  }

  *write(batch: EventBatch): Exchange<readonly Receipt[]> {
    if (batch.count === 0) return []
    const sheet = this.#sheets.pop() ?? new Sheet()
    try {
      const receipts: Receipts = new Array(batch.count)
      this.#map(batch, sheet, receipts)
      const parcels = parcelsOf(sheet.laid(batch.count), PARCEL_LIMITS, receipts, tooLarge)
      yield* sendParcels(parcels, receipts, {
        request: (parcel) => ({ ...this.#draft, body: sheet.body(parcel.pieces) }),
        faultOf,
      })
      return settled(receipts)
    } finally {
      if (this.#sheets.length < SHEETS_MAX) this.#sheets.push(sheet)
    }
  }

  preview(batch: EventBatch, i: number): unknown {
    const track = this.#route(batch.types[i] ?? '', batch.connection)
    return trackOf(exactEventValue(batch, i), eventBytes(batch, i), batch.connection, track)
  }

  /** Lays the mapped events on the sheet; those that nobody may be named in get their receipt. */
  #map(batch: EventBatch, sheet: Sheet, receipts: Receipts): void {
    sheet.begin(batch.count)
    const slow: number[] = []
    const fast = this.#sort(batch, sheet, slow, receipts)
    this.#project(batch, sheet, fast, slow)
    for (const i of slow) {
      const track = this.#route(batch.types[i] ?? '', batch.connection)
      const call = trackOf(exactEventValue(batch, i), eventBytes(batch, i), batch.connection, track)
      if (call === undefined) receipts[i] = NO_IDENTITY
      else sheet.append(i, JSON.stringify(call))
    }
  }

  /** Decides for each record which way it goes; returns how many go the fast one. */
  #sort(batch: EventBatch, sheet: Sheet, slow: number[], receipts: Receipts): number {
    const { includeAnonymous } = this.#settings
    let fast = 0
    let growth = 0
    // Neighbours are mostly of one type: a request of Braze holds one only.
    let type = batch.types[0] ?? ''
    let route = this.#route(type, batch.connection)
    for (let i = 0; i < batch.count; i++) {
      if (batch.types[i] !== type) {
        type = batch.types[i] ?? ''
        route = this.#route(type, batch.connection)
      }
      const flags = batch.flags[i] ?? 0
      if (route.slow || (flags & (ITEM_HAS_ID | ITEM_ODD)) !== ITEM_HAS_ID) {
        slow.push(i)
        continue
      }
      const named =
        ((flags & ITEM_HAS_EXTERNAL_ID) === 0 ? 0 : HAS_USER) |
        ((flags & ITEM_HAS_BRAZE_ID) === 0 ? 0 : HAS_ANONYMOUS)
      if (named === 0 || (named === HAS_ANONYMOUS && !includeAnonymous)) {
        receipts[i] = NO_IDENTITY
        continue
      }
      sheet.records[fast] = i
      sheet.sourceStarts[fast] = batch.starts[i] ?? 0
      sheet.sourceEnds[fast] = batch.ends[i] ?? 0
      sheet.projections[fast] = route.projections[named] ?? this.#compile(route, named)
      growth += route.growth
      fast++
    }
    sheet.reserve(batch.joined.length + growth)
    return fast
  }

  /** The fast way: one call of the kernel, or one more after each event that it finds odd. */
  #project(batch: EventBatch, sheet: Sheet, count: number, slow: number[]): void {
    const { eventEnds, records, projections } = sheet
    let from = 0
    while (from < count) {
      sheet.comma()
      const end = this.#projectFrom(batch, sheet, from, count)
      const oddAt = end >= 0 ? count : from - 1 - end
      let start = sheet.next
      for (let k = from; k < oddAt; k++) {
        const i = records[k] ?? 0
        const callEnd = eventEnds[k] ?? 0
        const mergedEnd = this.#finish(sheet, start, callEnd, projections[k] ?? 0)
        if (mergedEnd < 0) slow.push(i)
        else sheet.keep(i, start, mergedEnd)
        start = callEnd + 1
      }
      if (oddAt < count) slow.push(records[oddAt] ?? 0)
      from = oddAt + 1
    }
  }

  /**
   * The end of a track call from the kernel once nothing is left to do; negative when it must go the slow
   * way.
   */
  #finish(sheet: Sheet, start: number, end: number, projection: CompiledProjection): number {
    if (!isPlain(sheet.bytes, start)) return -1
    return this.#merging.has(projection) ? this.#merger.merge(sheet.bytes, start, end) : end
  }

  #projectFrom(batch: EventBatch, sheet: Sheet, from: number, count: number): number {
    const place = () =>
      this.#kernel.project(
        batch.joined,
        sheet.sourceStarts.subarray(from, count),
        sheet.sourceEnds.subarray(from, count),
        count - from,
        sheet.projections.subarray(from, count),
        sheet.bytes,
        sheet.next,
        sheet.eventEnds.subarray(from, count),
      )
    try {
      return place()
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      // An event that repeats a renamed key many times outgrows the reckoning, but no member more than
      // doubles.
      sheet.reserve(batch.joined.length * 2 + sheet.bytes.length)
      return place()
    }
  }

  #route(type: string, connection: string): Route {
    if (connection !== this.#connection) {
      this.#routes = new Map()
      this.#connection = connection
    }
    const known = this.#routes.get(type)
    if (known !== undefined) return known
    const route = this.#newRoute(type, this.#routes.size >= ROUTES_MAX)
    if (this.#routes.size < ROUTES_MAX) this.#routes.set(type, route)
    return route
  }

  #newRoute(type: string, crowded: boolean): Route {
    const { eventNames, keepEventType, includeAnonymous } = this.#settings
    const rule = ruleOf(type)
    const passed = isPassed(type)
    const track = { name: eventName(type, eventNames), rule, keepEventType, includeAnonymous, passed }
    const members = fastMembers(track, HAS_USER | HAS_ANONYMOUS, this.#connection)
    return {
      ...track,
      projections: [],
      growth: growthOf(members),
      slow: crowded,
    }
  }

  #compile(route: Route, named: number): CompiledProjection {
    const compiled = this.#kernel.compile({ members: fastMembers(route, named, this.#connection) })
    route.projections[named] = compiled
    if (route.rule.merged !== undefined) this.#merging.add(compiled)
    return compiled
  }
}

function fastMembers(track: Track, named: number, connection: string): readonly Member[] {
  const suffix = messageIdSuffix(connection)
  const identity: Member[] = []
  if (track.passed) {
    if ((named & HAS_USER) !== 0) identity.push({ key: 'userId', copy: ['userId'] })
    if ((named & HAS_ANONYMOUS) !== 0) identity.push({ key: 'anonymousId', copy: ['anonymousId'] })
    return passedMembers({ messageId: { key: 'messageId', suffixed: ['messageId'], suffix }, identity })
  }
  if ((named & HAS_USER) !== 0) identity.push({ key: 'userId', copy: ['user', 'external_user_id'] })
  if ((named & HAS_ANONYMOUS) !== 0) identity.push({ key: 'anonymousId', copy: ['user', 'user_id'] })
  const members = trackMembers(track.name, track.rule, track.keepEventType, {
    messageId: { key: 'messageId', suffixed: ['id'], suffix },
    identity,
    timestamp: [{ key: 'timestamp', isoTime: ['time'] }],
  })
  return track.rule.merged === undefined ? members : [...members, carrierOf(track.rule.merged)]
}

/**
 * How much longer than its event a projection can be: names, constants and punctuation. Copied values are in
 * the event already, each once, except for the event type, which some projections copy beside its constant.
 */
export function growthOf(members: readonly Member[]): number {
  let bytes = 2
  for (const member of members) {
    if ('rest' in member) {
      for (const name of Object.values(member.rename)) bytes += Buffer.byteLength(JSON.stringify(name))
      continue
    }
    bytes += Buffer.byteLength(JSON.stringify(member.key)) + 2
    if ('constant' in member) bytes += Buffer.byteLength(JSON.stringify(member.constant))
    else if ('suffixed' in member) bytes += Buffer.byteLength(member.suffix)
    else if ('isoTime' in member) bytes += '"2000-01-01T00:00:00.000Z"'.length
    else if ('object' in member) bytes += growthOf(member.object)
  }
  return bytes
}

const ID_AT = '{"messageId":"'.length
const USER_KEY = ',"userId":"'
const ANONYMOUS_KEY = ',"anonymousId":"'
const QUOTE = 0x22
const BRACKET = 0x5b
const LETTER_M = 0x6d
const LETTER_U = 0x75
const LETTER_A = 0x61

/**
 * Whether a track call from the kernel can go as it is: its messageId is short enough, and nobody in it
 * begins like "[REDACTED]". It begins {"messageId":"…","userId":"…","anonymousId":"…", one of the two perhaps
 * missing, and none of the three holds an escape: events with one are odd. A call that begins otherwise was made
 * of something that only says it is a Segment message.
 */
function isPlain(bytes: Uint8Array, start: number): boolean {
  if (bytes[start + 2] !== LETTER_M) return false
  let at = start + ID_AT
  let quote = closingQuote(bytes, at)
  if (quote - at > MESSAGE_ID_BYTES_MAX) return false
  if (bytes[quote + 3] === LETTER_U) {
    at = quote + 1 + USER_KEY.length
    if (bytes[at] === BRACKET) return false
    quote = closingQuote(bytes, at)
  }
  if (bytes[quote + 3] !== LETTER_A) return true
  return bytes[quote + 1 + ANONYMOUS_KEY.length] !== BRACKET
}

function closingQuote(bytes: Uint8Array, from: number): number {
  let at = from
  while (at < bytes.length && bytes[at] !== QUOTE) at++
  return at
}

function tooLarge(bytes: number): Fault {
  return {
    kind: 'oversized',
    message: `The track call has ${bytes} bytes; Segment takes at most ${EVENT_BYTES_MAX} per event. It was not sent`,
  }
}
