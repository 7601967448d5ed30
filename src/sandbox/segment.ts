/**
 * Segment's tracking API: `/v1/track` and its five sisters, `/v1/batch` (`/import`, `/b`) and the browser's
 * one-letter paths. Answers as Segment does: 400 only for broken JSON and sizes (32 KB per event, 500 KB per
 * batch), 200 for everything else, whatever becomes of the events; the debugger view shows what was published
 * and what was discarded with which code.
 *
 *   write key     Basic auth user name (wins), else `writeKey` in the body (any bearer token beside it)
 *   unknown key   200 and discarded (`unknown_source`); 401 with the setting `strictKeys` (ours)
 *   over 2,500    200, the batch is discarded
 *   bad events    in a batch the good ones are published (Segment counts this as `multi_user_error`)
 *   repeated id   200, counted as a duplicate, not published: 24 hours, over all sources
 *
 * A `refuse` fault matches the id `messageId` and answers the whole request 400. Beside what double.ts and
 * faults.ts describe:
 *
 *   GET /sandbox/events?limit=&offset=&newest=1     published events, oldest first unless newest=1
 *   GET /sandbox/discards?limit=&offset=&newest=1   {"code","receivedAtMs","payload"}
 *   PUT /sandbox/settings                           {"strictKeys":false}
 */

import * as z from 'zod'
import { ThalwegError } from '../core/errors.ts'
import { type Answer, isObject, json, parsed } from './answer.ts'
import { Arrivals } from './arrivals.ts'
import { type Call, type Holding, pageOf, type Setting, type Vendor } from './double.ts'
import { BoundedFifo } from './fifo.ts'
import { rawElements, rawMembers } from './raw-json.ts'
import { type DiscardCode, discardOf, EVENT_TYPES, type SegmentType } from './segment-checks.ts'
import { DedupeWindow } from './segment-dedupe.ts'
import { type PublishedEvent, published } from './segment-publish.ts'
import { randomUuid } from './uuid.ts'

/** 1 KB = 1,024 bytes, as in Segment's own SDK. */
export const EVENT_BYTES_MAX = 32 * 1024
export const BATCH_BYTES_MAX = 500 * 1024
export const BATCH_EVENTS_MAX = 2500

const EVENTS_MAX_DEFAULT = 50_000
const EVENT_BYTES_KEPT_MAX = 128 * 1_048_576
const DISCARDS_MAX = 10_000
const DISCARD_BYTES_MAX = 32 * 1_048_576
const PAGE_MAX = 1000

const PATHS: Readonly<Record<string, SegmentType | 'batch'>> = {
  ...Object.fromEntries(EVENT_TYPES.map((type) => [`/v1/${type}`, type])),
  '/v1/batch': 'batch',
  '/v1/import': 'batch',
  '/v1/b': 'batch',
  '/v1/t': 'track',
  '/v1/i': 'identify',
  '/v1/p': 'page',
  '/v1/g': 'group',
  '/v1/a': 'alias',
  '/v1/s': 'screen',
}

const SUCCESS: Answer = { status: 200, body: '{"success": true}' }

export interface SegmentOptions {
  readonly writeKeys: readonly string[]
  /** Default false: an unknown key is answered 200, as Segment does. */
  readonly strictKeys?: boolean
  /** Published events kept for the debugger; default 50,000. */
  readonly eventsMax?: number
  readonly idsMax?: number
  readonly dedupeIdsMax?: number
}

export interface Discard {
  readonly code: DiscardCode
  readonly receivedAtMs: number
  /** The raw text of the event, or of the whole body where the batch as such was at fault. */
  readonly payload: string
}

/** One event on its way through the checks. */
interface Incoming {
  readonly value: unknown
  readonly bytes: Buffer
  readonly type: SegmentType | undefined
}

/** The body around the events. */
interface Outer {
  readonly writeKey: string | undefined
  readonly context: unknown
  readonly integrations: unknown
  readonly sentAt: unknown
}

const Settings = z.strictObject({ strictKeys: z.boolean() })

export class Segment implements Vendor {
  readonly name = 'segment'
  readonly marker = 'messageId"'
  readonly arrivals: Arrivals
  readonly #setting: Setting
  readonly #writeKeys: ReadonlySet<string>
  readonly #strictAtStart: boolean
  readonly #events: BoundedFifo<PublishedEvent>
  readonly #discards = new BoundedFifo<Discard>(DISCARDS_MAX, DISCARD_BYTES_MAX)
  readonly #window: DedupeWindow
  #strictKeys: boolean
  #duplicates = 0
  #partialBatches = 0
  #discardCounts: Partial<Record<DiscardCode, number>> = {}

  constructor(setting: Setting, options: SegmentOptions) {
    this.#setting = setting
    this.#writeKeys = new Set(options.writeKeys)
    this.#strictAtStart = options.strictKeys ?? false
    this.#strictKeys = this.#strictAtStart
    this.arrivals = new Arrivals(options.idsMax)
    this.#events = new BoundedFifo(options.eventsMax ?? EVENTS_MAX_DEFAULT, EVENT_BYTES_KEPT_MAX)
    this.#window = new DedupeWindow(options.dedupeIdsMax)
  }

  answer(call: Call): Answer {
    const kind = PATHS[call.path]
    if (kind === undefined || call.method !== 'POST')
      return json(404, { success: false, message: 'not found' })
    const bytesMax = kind === 'batch' ? BATCH_BYTES_MAX : EVENT_BYTES_MAX
    if (call.body.length > bytesMax) return badRequest('the body exceeds the maximum size')
    const body = parsed(call.body)
    if (!isObject(body)) return badRequest('malformed JSON')
    const outer = outerOf(call, body)
    if (!this.#knows(outer.writeKey) && this.#strictKeys)
      return json(401, { success: false, message: 'invalid write key' })
    return kind === 'batch'
      ? this.#batch(call, body, outer)
      : this.#single(call, { value: body, bytes: call.body, type: kind }, outer)
  }

  answerUnread(): Answer {
    return SUCCESS
  }

  tooMany(retryAfterS: number): Answer {
    const seconds = String(retryAfterS)
    return {
      ...json(429, { success: false, message: 'too many requests' }),
      headers: { 'retry-after': seconds, 'x-ratelimit-reset': seconds },
    }
  }

  /** Published events that are still kept, in order. */
  events(): PublishedEvent[] {
    return this.#events.slice()
  }

  discards(): Discard[] {
    return this.#discards.slice()
  }

  /** Throws INPUT_INVALID when a setting does not exist or fit. */
  configure(settings: unknown): void {
    const result = Settings.safeParse(settings)
    if (!result.success) throw new ThalwegError('INPUT_INVALID', z.prettifyError(result.error))
    this.#strictKeys = result.data.strictKeys
  }

  inspect(call: Call): Answer | undefined {
    switch (`${call.method} ${call.path}`) {
      case 'GET /sandbox/events':
        return json(200, { total: this.#events.total, events: pageFrom(this.#events, call) })
      case 'GET /sandbox/discards':
        return json(200, { total: this.#discards.total, discards: pageFrom(this.#discards, call) })
      case 'PUT /sandbox/settings':
        this.configure(JSON.parse(call.body.toString()))
        return json(200, { strictKeys: this.#strictKeys })
      default:
        return undefined
    }
  }

  holdings(): Holding[] {
    return [
      {
        name: 'events',
        title: 'Calls that were published',
        total: this.#events.length,
        page: (offset, limit) => this.#events.newest(offset, limit),
      },
      {
        name: 'discards',
        title: 'Calls that were discarded',
        total: this.#discards.length,
        page: (offset, limit) => this.#discards.newest(offset, limit),
      },
    ]
  }

  state(): Record<string, unknown> {
    return {
      settings: { strictKeys: this.#strictKeys },
      published: { total: this.#events.total, kept: this.#events.length },
      duplicates: this.#duplicates,
      discarded: this.#discardCounts,
      partialBatches: this.#partialBatches,
      dedupe: { ids: this.#window.size, forgottenEarly: this.#window.forgottenEarly },
    }
  }

  reset(): void {
    this.#strictKeys = this.#strictAtStart
    this.#events.clear()
    this.#discards.clear()
    this.#window.clear()
    this.#duplicates = 0
    this.#partialBatches = 0
    this.#discardCounts = {}
  }

  #single(call: Call, incoming: Incoming, outer: Outer): Answer {
    // Context and integrations are the event's own here: there is no body around it.
    return this.#take(call, [incoming], { ...outer, context: undefined, integrations: undefined })
  }

  #batch(call: Call, body: Record<string, unknown>, outer: Outer): Answer {
    const values = body.batch
    if (!Array.isArray(values)) return this.#discardBody('bad_request', call)
    if (values.length === 0) return this.#discardBody('empty_batch', call)
    if (values.length > BATCH_EVENTS_MAX) return this.#discardBody('bad_request', call)
    const spans = rawElements(call.body, rawMembers(call.body).get('batch'))
    const incoming = spans.map((span, i): Incoming => {
      const value: unknown = values[i]
      return { value, bytes: call.body.subarray(span.start, span.end), type: typeOf(value) }
    })
    if (incoming.some((event) => event.bytes.length > EVENT_BYTES_MAX)) {
      return badRequest('an event exceeds the maximum size')
    }
    return this.#take(call, incoming, outer)
  }

  #take(call: Call, incoming: readonly Incoming[], outer: Outer): Answer {
    for (const { value } of incoming) {
      const refusal = this.#setting.faults.refusal(call.path, messageIdOf(value), value)
      if (refusal !== undefined) return badRequest(refusal)
    }
    let good = 0
    let accepted = 0
    for (const event of incoming) {
      const outcome = this.#publish(event, outer)
      if (outcome !== 'discarded') good++
      if (outcome === 'published') accepted++
    }
    if (good > 0 && good < incoming.length) this.#partialBatches++
    return { ...SUCCESS, accepted }
  }

  #publish(incoming: Incoming, outer: Outer): 'published' | 'duplicate' | 'discarded' {
    const { value, type } = incoming
    if (!this.#knows(outer.writeKey)) return this.#discard('unknown_source', incoming.bytes)
    if (!isObject(value) || type === undefined) return this.#discard('bad_request', incoming.bytes)
    const code = discardOf(value, type)
    if (code !== undefined) return this.#discard(code, incoming.bytes)
    const receivedAtMs = this.#setting.clock.now()
    const messageId = messageIdOf(value) ?? randomUuid(this.#setting.random)
    if (!this.#window.enter(messageId, receivedAtMs)) {
      this.#duplicates++
      return 'duplicate'
    }
    const { context, integrations, sentAt } = outer
    const envelope = { context, integrations, sentAt, type, messageId, receivedAtMs }
    this.#events.push(published(value, envelope), incoming.bytes.length)
    this.arrivals.add(messageId)
    return 'published'
  }

  #discardBody(code: DiscardCode, call: Call): Answer {
    this.#discard(code, call.body)
    return SUCCESS
  }

  #discard(code: DiscardCode, bytes: Buffer): 'discarded' {
    const receivedAtMs = this.#setting.clock.now()
    this.#discards.push({ code, receivedAtMs, payload: bytes.toString() }, bytes.length)
    this.#discardCounts[code] = (this.#discardCounts[code] ?? 0) + 1
    return 'discarded'
  }

  #knows(writeKey: string | undefined): boolean {
    return writeKey !== undefined && this.#writeKeys.has(writeKey)
  }
}

function outerOf(call: Call, body: Record<string, unknown>): Outer {
  const own = typeof body.writeKey === 'string' ? body.writeKey : undefined
  return {
    writeKey: basicUser(call) ?? own,
    context: body.context,
    integrations: body.integrations,
    sentAt: body.sentAt,
  }
}

/** The user name of Basic auth; the colon may be missing, as old clients leave it out. */
function basicUser(call: Call): string | undefined {
  const encoded = /^Basic +([A-Za-z0-9+/=_-]+)$/i.exec(call.headers.authorization ?? '')?.[1]
  const user = encoded === undefined ? '' : (Buffer.from(encoded, 'base64').toString().split(':', 1)[0] ?? '')
  return user === '' ? undefined : user
}

function typeOf(value: unknown): SegmentType | undefined {
  const type = isObject(value) ? value.type : undefined
  return EVENT_TYPES.find((known) => known === type)
}

/** Absent and empty ids are replaced by the server's own. */
function messageIdOf(value: unknown): string | undefined {
  const id = isObject(value) ? value.messageId : undefined
  return typeof id === 'string' && id !== '' ? id : undefined
}

function badRequest(message: string): Answer {
  return json(400, { success: false, message })
}

function pageFrom<T>(items: BoundedFifo<T>, call: Call): T[] {
  const { offset, limit } = pageOf(call.query, PAGE_MAX)
  const isNewestFirst = new URLSearchParams(call.query).get('newest') === '1'
  return isNewestFirst ? items.newest(offset, limit) : items.slice(offset, limit)
}
