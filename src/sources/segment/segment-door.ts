/**
 * The door of Segment's HTTP Tracking API: a Segment SDK that is pointed at the hub sends here. Answers are
 * Segment's: 200 `{"success":true}` once the body is JSON of a size it allows, whatever is wrong with a
 * message; but each message gets a verdict that can be looked up, and nothing is thrown away: what breaks a
 * rule lies in quarantine. The answer goes out when the log has synced.
 */

import type { IncomingHttpHeaders } from 'node:http'
import { SEGMENT_CALLS, type SegmentCall, segmentType } from '../../catalog/segment-calls.ts'
import type { Clock } from '../../core/clock.ts'
import { ThalwegError } from '../../core/errors.ts'
import {
  ITEM_END,
  ITEM_FAULT,
  ITEM_FAULTS,
  ITEM_START,
  ITEM_WORDS,
  type Kernel,
} from '../../core/kernel/kernel.ts'
import { MemberTable } from '../../core/kernel/member-table.ts'
import { ROW_FAULTS, type RowFault } from '../../log/frame.ts'
import type { SegmentAddress } from '../addresses.ts'
import { afterScheme, type Gatekeeper } from '../admission.ts'
import { BodyBuffer, type Outcome } from '../body.ts'
import { confirmed } from '../confirmation.ts'
import type { Caller, Desk, Visit } from '../desk.ts'
import type { Intake, Taken } from '../intake.ts'
import type { Newcomers } from '../newcomers.ts'
import type { Pace } from '../pace.ts'
import type { Reception } from '../reception.ts'
import { contentStart } from '../records.ts'
import { type Refusal, refusal } from '../refusals.ts'
import type { SegmentSource } from '../sources.ts'
import type { VerdictKind, Verdicts } from '../verdicts.ts'
import { type Message, readMessage, textOf } from './message.ts'
import { BATCH_MESSAGES_MAX, faultOf, MESSAGE_BYTES_MAX, REQUEST_BYTES_MAX } from './rules.ts'
import { type Around, aroundOf, sealed, type Warning, withoutKey } from './sealed.ts'

export interface SegmentDoorParts {
  readonly kernel: Kernel
  readonly clock: Clock
  readonly desk: Desk
  readonly reception: Reception
  readonly gatekeeper: Gatekeeper
  readonly intake: Intake
  readonly pace: Pace
  readonly newcomers: Newcomers
  readonly verdicts: Verdicts
  /** What the kernel takes at most. */
  readonly bodyBytesMax: number
}

const SUCCESS = '{"success":true}'
/** Messages that carry what their batch said for all of them may be larger than the request was, up to here. */
const SEALED_BYTES_MAX = 16 * 1024 * 1024
/** Browsers ask before they send JSON to another origin. Write keys are public there; nothing is read back. */
const CROSS_ORIGIN = ['access-control-allow-origin', '*']
const PREFLIGHT = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'POST',
  'access-control-allow-headers': 'authorization, content-type, x-retry-count',
  'access-control-max-age': '86400',
}

/** One message, judged. */
interface Judged {
  /** '' where none could be made out. */
  readonly type: string
  readonly pieces: readonly (Buffer | string)[]
  readonly fault: RowFault | undefined
  readonly warning: Warning | undefined
  /** Which in the request, from 1. */
  readonly number: number
}

export class SegmentDoor {
  readonly #parts: SegmentDoorParts
  readonly #table: MemberTable
  readonly #received = { received: REQUEST_BYTES_MAX, decompressed: REQUEST_BYTES_MAX }

  constructor(parts: SegmentDoorParts) {
    this.#parts = { ...parts, desk: parts.desk.speaking(asSegment) }
    this.#table = new MemberTable(parts.kernel)
  }

  handle(caller: Caller, { call }: SegmentAddress): void {
    const { method, headers } = caller.request
    if (method === 'OPTIONS') {
      caller.response.writeHead(204, PREFLIGHT)
      caller.response.end()
      return
    }
    if (method !== 'POST') {
      this.#parts.desk.turnAway(
        caller,
        refusal('METHOD_UNSUPPORTED', 'This address takes POST', {}, ['allow', 'POST']),
      )
      return
    }
    // The header beats the body. A key in the body is known only when the body is; it is small.
    const key = basicKey(headers)
    const source = key === undefined ? undefined : this.#sourceOf(key)
    if (source === undefined && (key !== undefined || !this.#parts.gatekeeper.knows('segment'))) {
      if (!this.#parts.newcomers.mayBe(caller)) this.#parts.desk.turnAway(caller, keyUnknown())
      return
    }
    const visit = source === undefined ? undefined : this.#parts.desk.visit(caller, source)
    const refused =
      (visit === undefined ? undefined : this.#welcome(visit)) ??
      this.#parts.reception.take(
        caller.request,
        () => this.#received,
        (body, outcome) => this.#arrived(caller, call, visit, body, outcome),
      )
    if (refused === undefined) return
    const told = refused === 'empty' ? broken('the body is empty') : refused
    if (visit === undefined) this.#parts.desk.turnAway(caller, told)
    else this.#parts.desk.refuse(visit, told)
  }

  #sourceOf(key: string): SegmentSource | undefined {
    const source = this.#parts.gatekeeper.find('segment', key)?.source
    return source?.kind === 'segment' ? source : undefined
  }

  #welcome(visit: Visit<SegmentSource>): Refusal | undefined {
    visit.counts.seenAt = visit.startedAt
    return this.#parts.pace.refusal(visit.source)
  }

  #arrived(
    caller: Caller,
    call: SegmentCall | 'batch',
    early: Visit<SegmentSource> | undefined,
    body: BodyBuffer,
    outcome: Outcome,
  ): void {
    try {
      if (outcome === 'gone') return
      if (outcome !== 'whole') {
        if (early === undefined) this.#parts.desk.turnAway(caller, outcome)
        else this.#parts.desk.refuse(early, outcome)
        return
      }
      const root = this.#root(body.body)
      const visit = early ?? this.#lateVisit(caller, root)
      if (visit === undefined) return
      const refused = root === undefined ? this.#noJson(visit, body.body) : this.#keep(visit, call, root)
      if (refused !== undefined) this.#parts.desk.refuse(visit, refused)
    } catch (error) {
      this.#parts.desk.defect(caller, error)
    } finally {
      body.free()
    }
  }

  /** The request as one object; undefined when it is none. */
  #root(body: Buffer): Message | undefined {
    const start = contentStart(body)
    let end = body.length
    while (end > start && (body[end - 1] ?? 0) <= SPACE) end--
    try {
      return readMessage(this.#table, body.subarray(start, end))
    } catch (error) {
      if (error instanceof TypeError) return undefined
      throw error
    }
  }

  /** For a key in the body; when nothing is known of the key, the sender is a stranger and is told so. */
  #lateVisit(caller: Caller, root: Message | undefined): Visit<SegmentSource> | undefined {
    const key = root === undefined ? undefined : textOf(root, 'writeKey')
    const source = key === undefined ? undefined : this.#sourceOf(key)
    if (source === undefined) {
      this.#parts.desk.turnAway(caller, keyUnknown())
      return undefined
    }
    const visit = this.#parts.desk.visit(caller, source)
    const refused = this.#welcome(visit)
    if (refused === undefined) return visit
    this.#parts.desk.refuse(visit, refused)
    return undefined
  }

  #noJson(visit: Visit<SegmentSource>, body: Buffer): Refusal {
    const { verdicts } = this.#parts
    const { number } = visit.source
    verdicts.count(number, '', 'rejected', 'bad_request')
    const raw = Buffer.from(withoutSecret(body, basicKey(visit.request.headers)))
    const remark = { type: '', verdict: 'rejected', reason: 'bad_request', place: 'the body' } as const
    verdicts.remark(number, { at: visit.startedAt, ...remark, raw })
    return broken('it is not one JSON object in UTF-8')
  }

  #keep(visit: Visit<SegmentSource>, call: SegmentCall | 'batch', root: Message): Refusal | undefined {
    const { source } = visit
    const spans = call === 'batch' ? this.#batchSpans(root) : undefined
    if (spans !== undefined && 'code' in spans) return spans
    const large = overSize(source, root, spans)
    if (large !== undefined) return large
    if (spans?.length === 0) {
      this.#answer(visit)
      return undefined
    }
    const now = this.#parts.clock.now()
    const around = aroundOf(this.#table, root)
    const swollen = this.#swollen(sharedBytes(around) * (spans?.length ?? 0))
    if (swollen !== undefined) return swollen
    const judged =
      spans === undefined
        ? [this.#judge(root, call === 'batch' ? undefined : call, around, now, 1)]
        : this.#judgeBatch(source, root, spans, around, now)
    const body = this.#compose(judged)
    if (!(body instanceof BodyBuffer)) return body
    const refused = this.#append(visit, judged, body, now)
    if (refused !== undefined) body.free()
    return refused
  }

  /** Where the messages of a batch lie; undefined when the body is no batch, and then is one message. */
  #batchSpans(root: Message): Span[] | Refusal | undefined {
    if (root.members.get('batch')?.kind !== 'array') return undefined
    try {
      const { shape, count, items } = this.#parts.kernel.scan(root.bytes, 'segment')
      if (shape === 'empty') return []
      if (shape !== 'events') return undefined
      return Array.from({ length: count }, (_, i) => ({
        start: items[i * ITEM_WORDS + ITEM_START] ?? 0,
        end: items[i * ITEM_WORDS + ITEM_END] ?? 0,
        fault: ITEM_FAULTS[items[i * ITEM_WORDS + ITEM_FAULT] ?? 0] ?? 'none',
      }))
    } catch (error) {
      if (!(error instanceof ThalwegError) || error.code !== 'INPUT_INVALID') throw error
      return broken(error.message)
    }
  }

  #judgeBatch(
    source: SegmentSource,
    root: Message,
    spans: readonly Span[],
    around: Around,
    now: number,
  ): Judged[] {
    const isLong = spans.length > BATCH_MESSAGES_MAX
    const allRefused = isLong && source.settings.overLimit === 'as-segment'
    return spans.map(({ start, end, fault }, i) => {
      const bytes = root.bytes.subarray(start, end)
      const rejected = (why: RowFault): Judged => ({
        type: '',
        pieces: [bytes],
        fault: why,
        warning: undefined,
        number: i + 1,
      })
      if (fault !== 'none') return rejected(fault)
      const message = readMessage(this.#table, bytes)
      if (bytes.length > MESSAGE_BYTES_MAX || allRefused) {
        const why = allRefused ? 'batch_too_long' : 'message_oversized'
        return { ...rejected(why), pieces: withoutKey(message) }
      }
      const judged = this.#judge(message, undefined, around, now, i + 1)
      return isLong ? { ...judged, warning: judged.warning ?? 'batch_too_long' } : judged
    })
  }

  /** `call` is what the address says; undefined: the message's own type counts. */
  #judge(
    message: Message,
    call: SegmentCall | undefined,
    around: Around,
    now: number,
    number: number,
  ): Judged {
    const kind = call ?? SEGMENT_CALLS.find((one) => one === textOf(message, 'type'))
    const type = kind === undefined ? '' : segmentType(kind)
    const fault = kind === undefined ? 'unknown_type' : faultOf(message, kind)
    if (kind === undefined || fault !== undefined)
      return { type, pieces: withoutKey(message), fault, warning: undefined, number }
    return { type, ...sealed(message, kind, around, now), fault, number }
  }

  /** The messages for the log: those to be taken as an array, the others behind it, a line each. */
  #compose(judged: readonly Judged[]): BodyBuffer | Refusal {
    const bytes = judged.reduce((sum, { pieces }) => sum + lengthOf(pieces) + 1, 2)
    const swollen = this.#swollen(bytes)
    if (swollen !== undefined) return swollen
    const body = this.#parts.reception.lease(bytes, bytes)
    if (!(body instanceof BodyBuffer)) return body
    const refused = write(body, judged)
    if (refused === undefined) return body
    body.free()
    return refused
  }

  /** The messages with what is said for all of them must fit one frame; asked before they are made. */
  #swollen(bytes: number): Refusal | undefined {
    const bytesMax = Math.min(SEALED_BYTES_MAX, this.#parts.bodyBytesMax)
    if (bytes <= bytesMax) return undefined
    return refusal(
      'BODY_MISMATCH',
      `With what the batch says for all its messages they have more than ${bytesMax} bytes: say it in the messages, or send smaller batches`,
      { bytesMax },
    )
  }

  #append(
    visit: Visit<SegmentSource>,
    judged: readonly Judged[],
    body: BodyBuffer,
    now: number,
  ): Refusal | undefined {
    const { intake, desk } = this.#parts
    const found = this.#itemsOf(judged, body)
    const inOrder = orderOf(judged)
    const bytes = body.used
    const naming = (item: number): string =>
      inOrder[item]?.fault === undefined ? (inOrder[item]?.type ?? '') : ''
    const taken = intake.take(visit.source.number, body, found, 'events', { naming })
    if ('code' in taken) return taken
    const tell = this.#verdictsOf(visit.source.number, inOrder, now)
    confirmed(taken.durable).then(
      () => {
        body.free()
        this.#count(visit, taken, bytes)
        tell()
        this.#answer(visit)
      },
      (error: unknown) => {
        body.free()
        desk.refuseFailed(visit, error)
      },
    )
    return undefined
  }

  /** Rows for the intake: what the kernel says of the messages to be taken, and the place of each of the others. */
  #itemsOf(judged: readonly Judged[], body: BodyBuffer): { count: number; items: Uint32Array } {
    const items = new Uint32Array(judged.length * ITEM_WORDS)
    const rejected = judged.filter(({ fault }) => fault !== undefined)
    const good = judged.length - rejected.length
    let at = body.used - rejected.reduce((sum, { pieces }) => sum + lengthOf(pieces) + 1, 0)
    if (good > 0) {
      const scan = this.#parts.kernel.scan(body.body.subarray(0, at), 'segment')
      if (scan.count !== good) throw new TypeError('A message is not one any more after it was sealed')
      items.set(scan.items.subarray(0, good * ITEM_WORDS))
    }
    rejected.forEach(({ pieces, fault = 'none' }, i) => {
      const row = (good + i) * ITEM_WORDS
      items[row + ITEM_START] = at + 1
      at += 1 + lengthOf(pieces)
      items[row + ITEM_END] = at
      items[row + ITEM_FAULT] = ROW_FAULTS.indexOf(fault)
    })
    return { count: judged.length, items }
  }

  /** Takes down what the intake said of each; given to the books only when the log has synced. */
  #verdictsOf(source: number, inOrder: readonly Judged[], at: number): () => void {
    const { intake, verdicts } = this.#parts
    const told = inOrder.map((judged, item) => ({ ...judged, ...verdictOn(judged, intake.wasSeen(item)) }))
    // Pieces lie in the request's buffer, which is given back before the log has synced.
    const remarks = told.flatMap(({ verdict, reason, type, pieces, number }) =>
      verdict === 'warned' || verdict === 'rejected'
        ? [{ at, type, verdict, reason, place: `message ${number}`, raw: joined(pieces) }]
        : [],
    )
    return () => {
      for (const { type, verdict, reason } of told) verdicts.count(source, type, verdict, reason)
      for (const remark of remarks) verdicts.remark(source, remark)
    }
  }

  #count({ counts }: Visit, taken: Taken, bytes: number): void {
    counts.accepted += taken.accepted
    counts.duplicates += taken.duplicates
    counts.quarantined += taken.quarantined
    counts.bytes += bytes
    if (taken.accepted > 0) counts.eventAt = this.#parts.clock.now()
  }

  #answer(visit: Visit): void {
    this.#parts.desk.answer(visit, SUCCESS, CROSS_ORIGIN)
  }
}

interface Span {
  readonly start: number
  readonly end: number
  readonly fault: RowFault
}

const SPACE = 0x20

/** As they lie in the frame: those to be taken first. */
function orderOf(judged: readonly Judged[]): Judged[] {
  return [
    ...judged.filter(({ fault }) => fault === undefined),
    ...judged.filter(({ fault }) => fault !== undefined),
  ]
}

function verdictOn({ fault, warning }: Judged, seen: boolean): { verdict: VerdictKind; reason: string } {
  if (fault !== undefined) return { verdict: 'rejected', reason: fault }
  if (seen) return { verdict: 'duplicate', reason: '' }
  return warning === undefined ? { verdict: 'accepted', reason: '' } : { verdict: 'warned', reason: warning }
}

/** Size is what Segment refuses a request for. One message of a batch may be set aside instead. */
function overSize(
  { settings }: SegmentSource,
  root: Message,
  spans: readonly Span[] | undefined,
): Refusal | undefined {
  const largest =
    spans === undefined
      ? root.bytes.length
      : settings.overLimit === 'as-segment'
        ? Math.max(0, ...spans.map(({ start, end }) => end - start))
        : 0
  if (largest <= MESSAGE_BYTES_MAX) return undefined
  return refusal(
    'BODY_MISMATCH',
    `A message has ${largest} bytes, Segment allows ${MESSAGE_BYTES_MAX}: shorten it`,
    { bytesMax: MESSAGE_BYTES_MAX },
  )
}

function sharedBytes({ shared }: Around): number {
  let bytes = 0
  for (const message of shared.values()) bytes += message.bytes.length
  return bytes
}

function write(body: BodyBuffer, judged: readonly Judged[]): Refusal | undefined {
  const good = judged.filter(({ fault }) => fault === undefined)
  const rejected = judged.filter(({ fault }) => fault !== undefined)
  const pieces = [
    ...(good.length === 0
      ? []
      : ['[', ...good.flatMap(({ pieces }, i) => [i === 0 ? '' : ',', ...pieces]), ']']),
    ...rejected.flatMap(({ pieces }) => ['\n', ...pieces]),
  ]
  for (const piece of pieces) {
    const refused = body.add(typeof piece === 'string' ? Buffer.from(piece) : piece)
    if (refused !== undefined) return refused
  }
  return undefined
}

function lengthOf(pieces: readonly (Buffer | string)[]): number {
  return pieces.reduce(
    (sum, piece) => sum + (typeof piece === 'string' ? Buffer.byteLength(piece) : piece.length),
    0,
  )
}

function joined(pieces: readonly (Buffer | string)[]): Buffer {
  return Buffer.concat(pieces.map((piece) => (typeof piece === 'string' ? Buffer.from(piece) : piece)))
}

/**
 * The user name of Basic authentication is the write key; old clients leave the colon out. A bearer token is
 * of Segment's own OAuth, which is not here: the key in the body counts.
 */
function basicKey({ authorization }: IncomingHttpHeaders): string | undefined {
  const encoded = afterScheme(authorization, 'basic ')
  if (encoded === undefined) return undefined
  const [key = ''] = Buffer.from(encoded, 'base64').toString().split(':', 1)
  return key
}

function withoutSecret(body: Buffer, key: string | undefined): string {
  const text = body.toString('utf8', 0, 2 * MESSAGE_BYTES_MAX)
  const hidden = text.replace(/("writeKey"\s*:\s*)"[^"]*"?/g, '$1"[REDACTED]"')
  return key === undefined || key === '' ? hidden : hidden.replaceAll(key, '[REDACTED]')
}

function keyUnknown(): Refusal {
  return refusal(
    'KEY_UNKNOWN',
    'This address needs the write key of a Segment source: as the user name of Basic authentication, or as writeKey in the body',
    {},
    ['www-authenticate', 'Basic realm="thalweg"'],
  )
}

function broken(what: string): Refusal {
  return refusal('BODY_MISMATCH', `The body cannot be read: ${what}. Send one call, or {"batch":[…]}`)
}

/** Segment answers 400 for what is too large, and lets pages of other origins read its answers. */
function asSegment(refused: Refusal): Refusal {
  const status = refused.status === 413 ? 400 : refused.status
  return { ...refused, status, headers: [...refused.headers, ...CROSS_ORIGIN] }
}
