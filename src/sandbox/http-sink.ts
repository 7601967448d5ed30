/**
 * A generic HTTP receiver of the Currents Custom HTTP payload, for the generic destination and for tests:
 * POST or PUT on any path, a body `{"events":[…]}`, `[…]` or one bare event, a bearer token if one is set.
 * Answers 204 when it took them, 401 for a wrong token, 400 for a body that is no JSON or for a refused
 * record (the whole request). A body without events is a probe: 204.
 *
 * Beside what double.ts and faults.ts describe:
 *
 *   GET /sandbox/requests?limit=&offset=   what was accepted: method, path, query, headers, body, receivedAtMs
 */

import { type Answer, isObject, json, parsed } from './answer.ts'
import { Arrivals } from './arrivals.ts'
import { type Call, type Holding, pageOf, type Setting, type Vendor } from './double.ts'
import { BoundedFifo } from './fifo.ts'

export interface HttpSinkOptions {
  /** Absent: no Authorization is asked for. */
  readonly token?: string
  /** Accepted requests kept for inspection; default 1,000 (and at most 64 MB of bodies). */
  readonly requestsMax?: number
  readonly idsMax?: number
}

export interface KeptRequest {
  readonly method: string
  readonly path: string
  readonly query: string
  readonly headers: Call['headers']
  readonly body: Buffer
  readonly receivedAtMs: number
}

const REQUESTS_MAX_DEFAULT = 1000
const REQUEST_BYTES_MAX = 64 * 1_048_576
const PAGE_MAX = 1000
const TAKEN: Answer = { status: 204 }

export class HttpSink implements Vendor {
  readonly name = 'http'
  readonly marker = 'event_type"'
  readonly arrivals: Arrivals
  readonly #setting: Setting
  readonly #token: string | undefined
  readonly #requests: BoundedFifo<KeptRequest>

  constructor(setting: Setting, options: HttpSinkOptions = {}) {
    this.#setting = setting
    this.#token = options.token
    this.arrivals = new Arrivals(options.idsMax)
    this.#requests = new BoundedFifo(options.requestsMax ?? REQUESTS_MAX_DEFAULT, REQUEST_BYTES_MAX)
  }

  answer(call: Call): Answer {
    if (call.method !== 'POST' && call.method !== 'PUT') return json(405, { error: 'method not allowed' })
    if (this.#token !== undefined && call.headers.authorization !== `Bearer ${this.#token}`) {
      return json(401, { error: 'unauthorized' })
    }
    const events = call.body.length === 0 ? [] : eventsOf(parsed(call.body))
    if (events === undefined) return json(400, { error: 'bad request' })
    for (const event of events) {
      const refusal = this.#setting.faults.refusal(call.path, idOf(event), event)
      if (refusal !== undefined) return json(400, { error: refusal })
    }
    this.#keep(call, events)
    return { ...TAKEN, accepted: events.length }
  }

  answerUnread(): Answer {
    return TAKEN
  }

  tooMany(retryAfterS: number): Answer {
    return { ...json(429, { error: 'too many requests' }), headers: { 'retry-after': String(retryAfterS) } }
  }

  /** Accepted requests that are still kept, in order. */
  requests(): KeptRequest[] {
    return this.#requests.slice()
  }

  inspect(call: Call): Answer | undefined {
    if (call.method !== 'GET' || call.path !== '/sandbox/requests') return undefined
    const { offset, limit } = pageOf(call.query, PAGE_MAX)
    const page = this.#requests.slice(offset, limit)
    return json(200, { total: this.#requests.total, requests: page.map(shown) })
  }

  holdings(): Holding[] {
    return [
      {
        name: 'requests',
        title: 'Requests that were accepted',
        total: this.#requests.length,
        page: (offset, limit) => this.#requests.newest(offset, limit).map(withoutKey),
      },
    ]
  }

  state(): Record<string, unknown> {
    return { kept: this.#requests.length }
  }

  reset(): void {
    this.#requests.clear()
  }

  #keep(call: Call, events: readonly unknown[]): void {
    const { method, path, query, headers, body } = call
    const receivedAtMs = this.#setting.clock.now()
    this.#requests.push({ method, path, query, headers, body, receivedAtMs }, body.length)
    for (const event of events) {
      const id = idOf(event)
      if (id !== undefined) this.arrivals.add(id)
    }
  }
}

function shown(request: KeptRequest) {
  return { ...request, body: request.body.toString() }
}

/** For whoever may look at the sandbox, but at no credentials. */
function withoutKey(request: KeptRequest) {
  const { authorization, ...headers } = request.headers
  return shown({
    ...request,
    headers: authorization === undefined ? headers : { ...headers, authorization: '[secret]' },
  })
}

function eventsOf(body: unknown): readonly unknown[] | undefined {
  if (Array.isArray(body)) return body
  if (!isObject(body)) return undefined
  const events = body.events
  if (Array.isArray(events)) return events
  return Object.keys(body).length === 0 ? [] : [body]
}

/** Of a Currents event `id`, of a Segment message `messageId`. */
function idOf(event: unknown): string | undefined {
  if (!isObject(event)) return undefined
  const id = event.id ?? event.messageId
  return typeof id === 'string' ? id : undefined
}
