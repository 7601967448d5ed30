/**
 * The listening half that all doubles share: one bare HTTP server per vendor, bodies of bounded size, faults,
 * counters and the inspection API under /sandbox/. What a request means is the vendor's business (see
 * Vendor). Nothing on a vendor's own paths may give away that this is a sandbox.
 *
 *   GET  /sandbox/state      counters, settings, faults and what the vendor adds
 *   PUT  /sandbox/faults     see faults.ts
 *   POST /sandbox/reset      forgets arrivals, counters and faults
 *   GET  /sandbox/arrivals?offset=&limit=    ids in the order accepted: {"total","dropped","distinct","ids"};
 *                                            limit at most 100,000
 *
 * A double that inspects parses and checks every request. One that only counts (`inspect: false`, for
 * benchmarks) accepts everything unseen, counts events by a marker and keeps nothing; only compressed bodies,
 * and any while a fault looks at records, are read as usual.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Clock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import { listening } from '../core/listening.ts'
import type { Random } from '../core/random.ts'
import { type Answer, json } from './answer.ts'
import type { Arrivals } from './arrivals.ts'
import { BODY_BYTES_MAX_DEFAULT, countBody, readBody } from './body.ts'
import { type FaultPlan, FaultSwitch } from './faults.ts'
import { BoundedFifo } from './fifo.ts'

export interface Call {
  readonly method: string
  /** Without the query string. */
  readonly path: string
  /** Without the question mark. */
  readonly query: string
  readonly headers: IncomingMessage['headers']
  /** The client's address. */
  readonly address: string
  /** Decompressed. */
  readonly body: Buffer
}

/** Something that a double keeps, for people to look through. */
export interface Holding {
  readonly name: string
  readonly title: string
  /** Items that can be looked at. */
  readonly total: number
  /** Newest first, where they have an order in time. */
  page(offset: number, limit: number): readonly unknown[]
}

/** A request on a vendor's path, as it ended. */
export interface SeenRequest {
  readonly at: number
  readonly method: string
  /** Without the query, which may hold a key. */
  readonly path: string
  /** 0: the connection was cut. */
  readonly status: number
  /** Events that it brought in. */
  readonly accepted: number
  /** The beginning of the answer. */
  readonly answer: string
}

/** What a vendor's side of a double must answer. Doors for events answer at once and in memory. */
export interface Vendor {
  readonly name: string
  readonly arrivals: Arrivals
  /** Occurs once per event in a body; see MarkerCount. */
  readonly marker: string
  answer(call: Call): Answer | Promise<Answer>
  /** The answer of a double that only counts. */
  answerUnread(path: string, events: number): Answer
  tooMany(retryAfterS: number): Answer
  /** Answers /sandbox/… addresses of its own; undefined for an unknown one. */
  inspect(call: Call): Answer | undefined
  state(): Record<string, unknown>
  holdings(): readonly Holding[]
  reset(): void
  /** Ends whatever the vendor's side runs on its own. */
  close?(): Promise<void>
}

/** What the vendor's side needs from the double that carries it. */
export interface Setting {
  readonly clock: Clock
  readonly random: Random
  readonly faults: FaultSwitch
}

export interface DoubleOptions {
  /** Default 127.0.0.1. */
  readonly host?: string
  /** 0 (default) takes any free port. */
  readonly port?: number
  readonly clock: Clock
  readonly random: Random
  /** Default true; false only counts. */
  readonly inspect?: boolean
  /** Bytes of one body, compressed and decompressed; default 32 MiB. A longer one is answered 413. */
  readonly bodyBytesMax?: number
}

export interface Tally {
  requests: number
  bytes: number
  /** Events accepted. */
  events: number
  /** Connections cut by a fault. */
  cut: number
  /** Answers by status. */
  answers: Record<string, number>
}

/** Takes a request in and answers it. */
type Accept = () => Answer | Promise<Answer>

export const INSPECTION_PREFIX = '/sandbox/'
/** Requests that can be looked at afterwards, and what is kept of each. */
const SEEN_MAX = 500
const SEEN_PATH_CHARS_MAX = 500
const SEEN_ANSWER_CHARS_MAX = 500
const INSPECTION_BODY_MAX = 1_048_576
const ARRIVALS_PAGE_MAX = 100_000
/** Long enough that a client's idle connection is not closed under it between two batches. */
const KEEP_ALIVE_MS = 75_000

/** Starts one double. Rejects when the port is taken. */
export async function startDouble<V extends Vendor>(
  options: DoubleOptions,
  build: (setting: Setting) => V,
): Promise<Double<V>> {
  const faults = new FaultSwitch(options.clock, options.random)
  const vendor = build({ clock: options.clock, random: options.random, faults })
  const double = new Double(vendor, faults, options)
  await double.listen()
  return double
}

export class Double<V extends Vendor> {
  readonly vendor: V
  readonly faults: FaultSwitch
  readonly #clock: Clock
  readonly #host: string
  readonly #wantedPort: number
  readonly #inspecting: boolean
  readonly #bodyBytesMax: number
  readonly #server: Server
  readonly #closing = new AbortController()
  #tally: Tally = emptyTally()
  readonly #seen = new BoundedFifo<SeenRequest>(SEEN_MAX)
  /** The last thing that went wrong inside the double itself: a defect of ours, answered 500. */
  #defect: string | undefined

  constructor(vendor: V, faults: FaultSwitch, options: DoubleOptions) {
    this.vendor = vendor
    this.faults = faults
    this.#clock = options.clock
    this.#host = options.host ?? '127.0.0.1'
    this.#wantedPort = options.port ?? 0
    this.#inspecting = options.inspect ?? true
    this.#bodyBytesMax = options.bodyBytesMax ?? BODY_BYTES_MAX_DEFAULT
    this.#server = createServer(
      { keepAliveTimeout: KEEP_ALIVE_MS, maxHeaderSize: 65_536, noDelay: true },
      (request, response) => this.#receive(request, response),
    )
  }

  listen(): Promise<void> {
    return listening(this.#server, this.#wantedPort, this.#host)
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Base address without a trailing slash. */
  get url(): string {
    const host = this.#host.includes(':') ? `[${this.#host}]` : this.#host
    return `http://${host}:${this.port}`
  }

  get arrivals(): Arrivals {
    return this.vendor.arrivals
  }

  /** The last requests on the vendor's paths. A double that only counts sees none. */
  get seen(): BoundedFifo<SeenRequest> {
    return this.#seen
  }

  holdings(): readonly Holding[] {
    return this.vendor.holdings()
  }

  /** What time it is for the double. */
  now(): number {
    return this.#clock.now()
  }

  get tally(): Readonly<Tally> {
    return this.#tally
  }

  state(): Record<string, unknown> {
    return {
      name: this.vendor.name,
      url: this.url,
      inspecting: this.#inspecting,
      ...this.#tally,
      arrivals: this.vendor.arrivals.total,
      faults: this.faults.state(),
      ...this.vendor.state(),
      ...(this.#defect === undefined ? {} : { defect: this.#defect }),
    }
  }

  reset(): void {
    this.#tally = emptyTally()
    this.#seen.clear()
    this.#defect = undefined
    this.faults.clear()
    this.vendor.reset()
    this.vendor.arrivals.clear()
  }

  /** Cuts all connections; waiting answers are abandoned. */
  async close(): Promise<void> {
    this.#closing.abort()
    await this.vendor.close?.()
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeAllConnections()
    await closed
  }

  #receive(request: IncomingMessage, response: ServerResponse): void {
    // A caller that vanishes in the middle is an everyday event for a double: nothing to report to.
    request.on('error', () => response.destroy())
    const url = request.url ?? '/'
    const mark = url.indexOf('?')
    const path = mark < 0 ? url : url.slice(0, mark)
    const query = mark < 0 ? '' : url.slice(mark + 1)
    if (path.startsWith(INSPECTION_PREFIX)) {
      readBody(request, INSPECTION_BODY_MAX, (read) => {
        send(response, read.ok ? this.#inspect(callOf(request, path, query, read.body)) : read.answer)
      })
      return
    }
    this.#tally.requests++
    const plan = this.faults.plan(path)
    if (plan.decision.do === 'drop') {
      this.#see(request, 0)
      this.#cut(request)
      return
    }
    if (this.#inspecting || this.faults.looksAtRecords || request.headers['content-encoding'] !== undefined) {
      this.#read(request, response, plan, path, query)
    } else {
      this.#count(request, response, plan, path)
    }
  }

  #read(request: IncomingMessage, response: ServerResponse, plan: FaultPlan, path: string, query: string) {
    readBody(request, this.#bodyBytesMax, (read) => {
      if (read.ok) this.#tally.bytes += read.body.length
      this.#settle(request, response, plan, () =>
        read.ok ? this.vendor.answer(callOf(request, path, query, read.body)) : read.answer,
      )
    })
  }

  #count(request: IncomingMessage, response: ServerResponse, plan: FaultPlan, path: string) {
    countBody(request, this.vendor.marker, (events, bytes) => {
      this.#tally.bytes += bytes
      this.#settle(request, response, plan, () => ({
        ...this.vendor.answerUnread(path, events),
        accepted: events,
      }))
    })
  }

  #settle(request: IncomingMessage, response: ServerResponse, plan: FaultPlan, accept: Accept): void {
    if (plan.latencyMs === 0) {
      this.#conclude(request, response, plan, accept)
      return
    }
    void this.#clock.sleep(plan.latencyMs, this.#closing.signal).then(() => {
      if (!this.#closing.signal.aborted) this.#conclude(request, response, plan, accept)
    })
  }

  #conclude(request: IncomingMessage, response: ServerResponse, plan: FaultPlan, accept: Accept): void {
    const answer = this.#decide(plan, accept)
    if (answer instanceof Promise) {
      const answered = answer.catch((error: unknown) => this.#failed(error))
      void answered.then((told) => this.#deliver(request, response, plan, told))
    } else {
      this.#deliver(request, response, plan, answer)
    }
  }

  #deliver(request: IncomingMessage, response: ServerResponse, plan: FaultPlan, answer: Answer): void {
    this.#tally.events += answer.accepted ?? 0
    if (plan.decision.do === 'accept_then_drop') {
      this.#see(request, 0, answer)
      this.#cut(request)
      return
    }
    this.#tally.answers[answer.status] = (this.#tally.answers[answer.status] ?? 0) + 1
    this.#see(request, answer.status, answer)
    send(response, answer, plan.cutAfterBytes)
  }

  #see({ method = 'GET', url = '/' }: IncomingMessage, status: number, answer?: Answer): void {
    if (!this.#inspecting) return
    const [path = ''] = url.split('?', 1)
    this.#seen.push({
      at: this.#clock.now(),
      method,
      path: path.slice(0, SEEN_PATH_CHARS_MAX),
      status,
      accepted: answer?.accepted ?? 0,
      answer: String(answer?.body?.slice(0, SEEN_ANSWER_CHARS_MAX) ?? ''),
    })
  }

  #decide(plan: FaultPlan, accept: Accept): Answer | Promise<Answer> {
    if (plan.decision.do === 'answer') return plan.decision
    if (plan.decision.do === 'throttle') return this.vendor.tooMany(plan.decision.retryAfterS)
    try {
      return accept()
    } catch (error) {
      return this.#failed(error)
    }
  }

  #failed(error: unknown): Answer {
    this.#defect = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return json(500, { error: 'internal error' })
  }

  #cut(request: IncomingMessage): void {
    this.#tally.cut++
    request.socket.destroy()
  }

  #inspect(call: Call): Answer {
    try {
      return (
        this.#inspected(call) ?? this.vendor.inspect(call) ?? json(404, { error: 'nothing answers here' })
      )
    } catch (error) {
      if (error instanceof ThalwegError)
        return json(error.status, { error: error.code, message: error.message })
      if (error instanceof SyntaxError) return json(400, { error: 'INPUT_INVALID', message: error.message })
      return json(500, { error: 'DEFECT', message: String(error) })
    }
  }

  #inspected(call: Call): Answer | undefined {
    switch (`${call.method} ${call.path}`) {
      case 'GET /sandbox/state':
        return json(200, this.state())
      case 'PUT /sandbox/faults':
        this.faults.setJson(JSON.parse(call.body.toString()))
        return json(200, { faults: this.faults.state() })
      case 'POST /sandbox/reset':
        this.reset()
        return json(200, {})
      case 'GET /sandbox/arrivals': {
        const { offset, limit } = pageOf(call.query, ARRIVALS_PAGE_MAX)
        const { arrivals } = this.vendor
        return json(200, { distinct: arrivals.distinct(), ...arrivals.view(offset, limit) })
      }
      default:
        return undefined
    }
  }
}

/**
 * `offset` (default 0) and `limit` (default 100) of a query string; anything else than a whole number counts
 * as absent.
 */
export function pageOf(query: string, limitMax: number): { offset: number; limit: number } {
  const parameters = new URLSearchParams(query)
  return {
    offset: wholeOr(parameters.get('offset'), 0),
    limit: Math.min(limitMax, wholeOr(parameters.get('limit'), 100)),
  }
}

/** A segment of a path without its escapes; as it stands when they are none: no name can match it. */
export function decodedPart(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

export function wholeOr(text: string | null, otherwise: number): number {
  return text !== null && /^\d{1,12}$/.test(text) ? Number(text) : otherwise
}

function callOf(request: IncomingMessage, path: string, query: string, body: Buffer): Call {
  const { method = 'GET', headers } = request
  return { method, path, query, headers, address: request.socket.remoteAddress ?? '', body }
}

function send(response: ServerResponse, answer: Answer, cutAfterBytes?: number): void {
  if (response.destroyed) return
  if (answer.status === 204) {
    response.writeHead(204, answer.headers).end()
    return
  }
  const body = answer.body ?? ''
  response.writeHead(answer.status, {
    'content-type': 'application/json',
    ...answer.headers,
    'content-length': Buffer.byteLength(body),
  })
  if (cutAfterBytes === undefined || cutAfterBytes >= Buffer.byteLength(body)) response.end(body)
  else response.write(Buffer.from(body).subarray(0, cutAfterBytes), () => response.destroy())
}

function emptyTally(): Tally {
  return { requests: 0, bytes: 0, events: 0, cut: 0, answers: {} }
}
