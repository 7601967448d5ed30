/**
 * The doors: a bare node:http handler for the addresses that events come in by. A request is let in or
 * refused by its headers, its body is read to its place in a frame, scanned, and appended; the answer goes
 * out when the log has synced. Each refusal says what, where and how to mend it (refusals.ts). A door never
 * buffers without bound, never answers 400 for a batch it partly understood, and never throws: what it did
 * not foresee is answered 500 and logged.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import type { ItemFault, Kernel, Scan } from '../core/kernel/kernel.ts'
import type { Dedupe, Log } from '../log/log.ts'
import {
  type Address,
  addressOf,
  type Door,
  isSingleRecord,
  lyticsAddressOf,
  segmentAddressOf,
} from './addresses.ts'
import { Gatekeeper } from './admission.ts'
import { acceptedBody } from './answers.ts'
import { Account, type BodyBuffer, Deadlines, type Outcome } from './body.ts'
import { confirmed } from './confirmation.ts'
import { Counters } from './counters.ts'
import { type Caller, Desk, type Visit as DeskVisit, type DoorLogger } from './desk.ts'
import type { ShapeTrail } from './drift/shape-trail.ts'
import { Intake, type Items, type Taken } from './intake.ts'
import { BULK_MS_MAX, LyticsDoor } from './lytics/lytics-door.ts'
import { Newcomers } from './newcomers.ts'
import { Pace } from './pace.ts'
import { type Bounds, Reception } from './reception.ts'
import {
  closeRecords,
  contentStart,
  openRecords,
  RECORDS_BYTES_MAX,
  receiptsOf,
  recordsRefusal,
  singleRecord,
} from './records.ts'
import { type Refusal, refusal } from './refusals.ts'
import { SegmentDoor } from './segment/segment-door.ts'
import type { EntranceIndex } from './sources.ts'
import { Verdicts } from './verdicts.ts'

export interface DoorLimits {
  /** Largest body as sent. */
  readonly bodyBytesMax: number
  /** Largest body after decompression; the kernel must take as much. */
  readonly decompressedBytesMax: number
  /** From the request's head to the end of its body. */
  readonly bodyTimeoutMs: number
  /** Bytes of all requests that are being read or wait for the log. Bounds the memory of the doors. */
  readonly bytesInFlightMax: number
}

export interface DoorParts {
  readonly sources: EntranceIndex
  /** Used only within one turn of the event loop at a time; may be shared on the same thread. */
  readonly kernel: Kernel
  readonly log: Log
  readonly dedupe: Dedupe
  /** Where the shapes that the scan finds are left for the radar. */
  readonly shapes: ShapeTrail
  readonly clock: Clock
  readonly limits: DoorLimits
  readonly logger: DoorLogger
  /** Reads the sources again, where other nodes change them, too. */
  readonly refresh?: (() => Promise<void>) | undefined
}

export interface Doors {
  /**
   * Takes the request if its path is a door's, and answers it. False: not one of the doors, nothing was
   * touched.
   */
  handleIngest(request: IncomingMessage, response: ServerResponse): boolean
  readonly counters: Counters
  readonly verdicts: Verdicts
  /** Bytes leased for requests under way; 0 when all are answered. */
  readonly bytesInFlight: number
  /** Stops the timer. Requests under way are still answered: close the server first. */
  close(): void
}

/**
 * What the creator of the server should set, beside the doors' own bounds: `requestTimeout` is longer than
 * theirs, so that a slow body gets the doors' answer, and a bulk upload may take its time; whoever takes what is
 * not a door's bounds its body with `boundBody`. Idle connections outlive the 60 s that load balancers
 * keep theirs.
 */
export function serverTimeouts() {
  return {
    headersTimeout: 15_000,
    requestTimeout: BULK_MS_MAX + SLACK_MS,
    keepAliveTimeout: 75_000,
    connectionsCheckingInterval: 5_000,
    maxHeaderSize: 16 * 1024,
  } as const
}

/** What the server adds to a bound of ours, so that ours comes first. */
const SLACK_MS = 15_000

/** Breaks the connection of a request whose body does not come in time: for those that no door bounds. */
export function boundBody(request: IncomingMessage, { bodyTimeoutMs }: DoorLimits, clock: Clock): void {
  const { headers } = request
  if (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined) return
  const cancel = clock.after(bodyTimeoutMs + SLACK_MS, () => request.destroy())
  request.once('end', cancel)
  request.once('close', cancel)
}

export function createDoors(parts: DoorParts): Doors {
  return new OpenDoors(parts)
}

/** The console's page about a current has the address of the door for a source of that name: who asks for a page is no sender. */
function isPageVisit({ method, url = '', headers }: IncomingMessage): boolean {
  return method === 'GET' && url.startsWith('/currents/') && (headers.accept ?? '').includes('text/html')
}

interface Visit extends DeskVisit {
  readonly address: Address
}

const OPEN_BRACE = 0x7b
const NO_RECEIPTS = '{"receipts":[]}'

class OpenDoors implements Doors {
  readonly counters = new Counters()
  readonly verdicts = new Verdicts()
  readonly #parts: DoorParts
  readonly #account: Account
  readonly #deadlines: Deadlines
  readonly #desk: Desk
  readonly #reception: Reception
  readonly #gatekeeper: Gatekeeper
  readonly #intake: Intake
  readonly #pace: Pace
  readonly #newcomers: Newcomers
  readonly #segment: SegmentDoor
  readonly #lytics: LyticsDoor

  constructor(parts: DoorParts) {
    this.#parts = parts
    this.#account = new Account(parts.limits.bytesInFlightMax)
    this.#deadlines = new Deadlines(parts.clock, parts.limits.bodyTimeoutMs)
    this.#desk = new Desk(parts.clock, this.counters, parts.logger)
    this.#reception = new Reception(parts.log, this.#account, this.#deadlines)
    this.#gatekeeper = new Gatekeeper(parts.sources)
    this.#intake = new Intake(parts.kernel, parts.log, parts.dedupe, parts.shapes, parts.clock)
    this.#pace = new Pace(parts.clock)
    this.#newcomers = new Newcomers(parts.refresh, parts.clock, ({ request, response }) =>
      this.handleIngest(request, response),
    )
    const shared = {
      kernel: parts.kernel,
      clock: parts.clock,
      desk: this.#desk,
      reception: this.#reception,
      gatekeeper: this.#gatekeeper,
      intake: this.#intake,
      pace: this.#pace,
      newcomers: this.#newcomers,
      verdicts: this.verdicts,
    }
    this.#segment = new SegmentDoor({ ...shared, bodyBytesMax: parts.limits.decompressedBytesMax })
    this.#lytics = new LyticsDoor({ ...shared, logger: parts.logger, limits: parts.limits })
  }

  get bytesInFlight(): number {
    return this.#account.bytes
  }

  close(): void {
    this.#deadlines.close()
  }

  handleIngest(request: IncomingMessage, response: ServerResponse): boolean {
    const door = this.#doorOf(request)
    if (door === undefined) return false
    const caller = { request, response }
    try {
      door(caller)
    } catch (error) {
      this.#desk.defect(caller, error)
    }
    return true
  }

  #doorOf(request: IncomingMessage): ((caller: Caller) => void) | undefined {
    const { url = '', headers } = request
    if (isPageVisit(request)) return undefined
    const address = addressOf(url, headers['content-type'], this.#parts.sources)
    if (address !== undefined) return (caller) => this.#receive(caller, address)
    const segment = segmentAddressOf(url)
    if (segment !== undefined) return (caller) => this.#segment.handle(caller, segment)
    const lytics = lyticsAddressOf(url)
    if (lytics !== undefined) return (caller) => this.#lytics.handle(caller, lytics)
    return undefined
  }

  #receive(caller: Caller, address: Address): void {
    const { request } = caller
    if (request.method !== 'POST') {
      this.#desk.turnAway(caller, methodRefusal(address.door))
      return
    }
    const admission = this.#gatekeeper.admit(address, request.headers)
    if (admission.verdict !== 'admitted' && this.#newcomers.mayBe(caller)) return
    if (admission.verdict === 'nowhere') {
      this.#desk.turnAway(caller, admission.refused)
      return
    }
    const visit: Visit = { ...this.#desk.visit(caller, admission.entrance.source), address }
    if (admission.verdict === 'refused') this.#desk.refuse(visit, admission.refused)
    else if (admission.verdict === 'dropped') this.#drop(visit)
    else this.#welcome(visit)
  }

  #welcome(visit: Visit): void {
    visit.counts.seenAt = visit.startedAt
    const refused = this.#pace.refusal(visit.source) ?? this.#read(visit)
    if (refused !== undefined) this.#desk.refuse(visit, refused)
  }

  /**
   * Lenient key mode: as Treasure Data does, 200 and gone. Logged at the first, second, fourth, eighth … of a
   * source, so that strangers cannot fill the program's log.
   */
  #drop(visit: Visit): void {
    const dropped = ++visit.counts.dropped
    if (Number.isInteger(Math.log2(dropped))) {
      this.#parts.logger.warn(
        { source: visit.source.name, dropped },
        'a request with a wrong write key was answered 200 and dropped, as the lenient key mode says',
      )
    }
    this.#desk.answer(visit, '{}')
    visit.request.resume()
  }

  /** Starts to read the body. Refuses what the headers alone rule out. */
  #read(visit: Visit): Refusal | undefined {
    const refused = this.#reception.take(
      visit.request,
      (gzip) => this.#bounds(visit.address.door, gzip),
      (body, outcome) => this.#arrived(visit, body, outcome),
    )
    if (refused !== 'empty') return refused
    this.#answerNothing(visit)
    return undefined
  }

  #bounds(door: Door, gzip: boolean): Bounds {
    const { bodyBytesMax, decompressedBytesMax } = this.#parts.limits
    const decompressed = gzip ? decompressedBytesMax : bodyBytesMax
    if (door !== 'records') return { received: bodyBytesMax, decompressed }
    return {
      received: Math.min(bodyBytesMax, RECORDS_BYTES_MAX),
      decompressed: Math.min(decompressed, RECORDS_BYTES_MAX),
    }
  }

  #arrived(visit: Visit, body: BodyBuffer, outcome: Outcome): void {
    try {
      if (outcome === 'whole') {
        this.#keep(visit, body)
        return
      }
      body.free()
      if (outcome !== 'gone') this.#desk.refuse(visit, outcome)
    } catch (error) {
      body.free()
      this.#desk.defect(visit, error)
    }
  }

  #keep(visit: Visit, body: BodyBuffer): void {
    const found = this.#find(visit, body.body)
    if ('code' in found) {
      body.free()
      this.#desk.refuse(visit, found)
      return
    }
    if (found.count === 0) {
      body.free()
      this.#answerNothing(visit)
      return
    }
    const text = visit.address.door === 'records' ? receiptsOf(found) : undefined
    const bytes = body.used
    const taken = this.#intake.take(visit.source.number, body, found, holds(visit.address.door, found))
    if ('code' in taken) {
      body.free()
      this.#desk.refuse(visit, taken)
      return
    }
    confirmed(taken.durable).then(
      () => {
        body.free()
        this.#countTaken(visit, taken, bytes)
        this.#desk.answer(visit, text ?? takenBody(visit.address.door, taken))
      },
      (error: unknown) => {
        body.free()
        this.#desk.refuseFailed(visit, error)
      },
    )
  }

  /** What the body holds, or why not. */
  #find({ address, request }: Visit, body: Buffer): Found | Refusal {
    if (address.door === 'currents' || address.door === 'task') return this.#scan(body)
    const first = body[contentStart(body)]
    if (first !== undefined && first !== OPEN_BRACE) return objectRefusal()
    if (address.door === 'postback') return this.#scan(body)
    const found = this.#findRecords(body, isSingleRecord(request.headers['content-type'] ?? ''))
    return 'code' in found ? found : (recordsRefusal(found) ?? found)
  }

  #findRecords(body: Buffer, single: boolean): Found | Refusal {
    const renamed = single ? -1 : openRecords(body)
    const found = this.#scan(body)
    if ('code' in found || found.shape !== 'events') closeRecords(body, renamed)
    if (!single || 'code' in found || found.shape !== 'events') return found
    const whole = singleRecord(body)
    return whole === undefined ? found : { shape: 'bare', ...whole }
  }

  #scan(body: Buffer): Found | Refusal {
    try {
      const scan = this.#parts.kernel.scan(body)
      return scan.shape === 'broken' ? brokenRefusal(scan.fault, scan.faultAt) : scan
    } catch (error) {
      if (!(error instanceof ThalwegError) || error.code !== 'INPUT_INVALID') throw error
      return refusal('BODY_ITEMS', `${error.message} Braze splits the batch by itself on 413`)
    }
  }

  #countTaken({ counts }: Visit, taken: Taken, bytes: number): void {
    counts.accepted += taken.accepted
    counts.duplicates += taken.duplicates
    counts.quarantined += taken.quarantined
    counts.bytes += bytes
    if (taken.accepted > 0) counts.eventAt = this.#parts.clock.now()
  }

  /**
   * An empty request is how senders try their credentials (Braze): they were right, and there is nothing to
   * keep.
   */
  #answerNothing(visit: Visit): void {
    const { door } = visit.address
    const text = door === 'records' ? NO_RECEIPTS : door === 'postback' ? '{}' : acceptedBody(0, 0, 0)
    this.#desk.answer(visit, text)
  }
}

interface Found extends Items {
  readonly shape: Scan['shape']
}

/**
 * Whether the items of a body are Currents events, whose `id` is unique for ever. In a row of any other shape on Treasure Data's addresses, a
 * member called `id` may be anything (a user's id, for instance), so nothing is dropped for it.
 */
function holds(door: Door, found: Found): 'events' | 'rows' {
  return door === 'currents' || door === 'task' || (door === 'postback' && found.shape === 'events')
    ? 'events'
    : 'rows'
}

function takenBody(door: Door, taken: Taken): string {
  return door === 'postback' ? '{}' : acceptedBody(taken.accepted, taken.duplicates, taken.quarantined)
}

function methodRefusal(door: Door): Refusal {
  const message =
    door === 'postback'
      ? 'This address takes POST; the pixel form by GET was retired by Treasure Data because it loses data'
      : 'This address takes POST'
  return refusal('METHOD_UNSUPPORTED', message, {}, ['allow', 'POST'])
}

function objectRefusal(): Refusal {
  return refusal(
    'BODY_NOT_OBJECT',
    'The body must be a JSON object: one record, or a batch under "events" or "records"',
  )
}

const BROKEN_WORDS: Readonly<Record<ItemFault, string>> = {
  none: 'it holds no event',
  not_an_object: 'a value that is no JSON object stands',
  invalid_json: 'the JSON is broken',
  invalid_utf8: 'the bytes are not UTF-8',
  too_deep: 'the nesting is too deep',
  truncated: 'the body ends too early',
  trailing_bytes: 'bytes that belong to no event stand',
  unreadable_block: 'a stretch that cannot be read stands',
  unreadable_record: 'a record that cannot be read stands',
}

function brokenRefusal(fault: ItemFault, at: number): Refusal {
  const message = `Not one complete event could be made out: ${BROKEN_WORDS[fault]} at byte ${at}. Send {"events":[…]}, an array of events, or one event`
  return refusal('BODY_BROKEN', message, { fault, at })
}
