/**
 * The courier brings one parcel to its end: it drives the destination's exchange, reads the receipts, and decides by the fault table until
 * every record has an outcome. Live delivery, redrive and replay all go through it, so retry, halving and the gate exist once.
 */

import { type EventBatch, eventText } from '../core/batch.ts'
import type { Clock } from '../core/clock.ts'
import type { Exchange, WireRequest } from '../core/exchange.ts'
import type { Fault } from '../core/fault.ts'
import { DELIVERED, type Receipt } from '../core/receipt.ts'
import { redacted } from '../core/secret.ts'
import type { EventWriter } from '../destinations/destination.ts'
import type { Lease } from '../store/leases.ts'
import { DOUBTS_MAX, decisionFor, LONE_FAILURES_MAX, PART_FAILURES_MIN } from './decisions.ts'
import type { Gate } from './gate.ts'
import {
  DEAD_OUTCOME,
  DELIVERED_OUTCOME,
  type Note,
  type Parcel,
  partOf,
  SENT_CHARS_MAX,
  SKIPPED_OUTCOME,
} from './parcel.ts'
import { redactedUrl } from './redaction.ts'
import type { Transport } from './transport.ts'

/** How a delivery ended. `stopped`: by us, some records have no outcome. `halted`: the destination needs a person. */
export type Ending =
  | { readonly how: 'done' }
  | { readonly how: 'stopped' }
  | { readonly how: 'halted'; readonly fault: Fault }

const DONE: Ending = { how: 'done' }
const STOPPED: Ending = { how: 'stopped' }

/** What happened on the wire, for metrics and the console. */
export interface Attempt {
  readonly batch: string
  readonly count: number
  readonly bytes: number
  /** 0 when there was no answer. */
  readonly status: number
  readonly elapsedMs: number
  readonly fault: Fault | undefined
}

export interface CourierParts {
  readonly transport: Transport
  readonly gate: Gate
  readonly clock: Clock
  readonly writer: EventWriter
  /** Asked before everything that leaves. */
  readonly lease: Lease
  readonly observe: (attempt: Attempt) => void
  /** Records must leave in their order: the halves of a batch never go side by side. */
  readonly ordered: boolean
}

interface Conversation {
  readonly receipts: readonly Receipt[]
  /** All of them say delivered: the usual case, for which nothing needs to be looked at one by one. */
  readonly clean: boolean
  readonly request: WireRequest | undefined
  readonly status: number
  /** The vendor said something, whatever it was. */
  readonly answered: boolean
}

export class Courier {
  readonly #parts: CourierParts
  /** Accepted requests of this connection: evidence that the vendor is well. */
  #acceptances = 0

  constructor(parts: CourierParts) {
    this.#parts = parts
  }

  async deliver(parcel: Parcel, signal: AbortSignal): Promise<Ending> {
    const { batch } = parcel
    return this.#deliverPart(parcel, batch, placesUpTo(batch.count), signal, false)
  }

  /**
   * Brings `members` of the parcel (record i of `batch` is member members[i]) to an outcome. `suspect`: the batch that this is a part of
   * failed while others were accepted.
   */
  async #deliverPart(
    parcel: Parcel,
    batch: EventBatch,
    members: readonly number[],
    signal: AbortSignal,
    suspect: boolean,
  ): Promise<Ending> {
    const { gate } = this.#parts
    let doubts = 0
    let failures = 0
    let loneFailures = 0
    let acceptances = this.#acceptances
    for (;;) {
      if (!(await gate.pass(signal))) return STOPPED
      const talk = await this.#converse(parcel, batch, signal)
      if (talk === undefined) {
        gate.abandoned()
        return STOPPED
      }
      const verdict = this.#sort(parcel, batch, members, talk)
      if (verdict.halt !== undefined) {
        gate.abandoned()
        return { how: 'halted', fault: verdict.halt }
      }
      this.#tellGate(talk, verdict)
      for (const places of verdict.refused) {
        const part = this.#part(parcel, batch, members, places)
        const ending = await this.#halves(parcel, part.batch, part.members, signal, false)
        if (ending.how !== 'done') return ending
      }
      const { again } = verdict
      if (again === undefined) return DONE

      if (verdict.doubtful) doubts++
      if (again.kind === 'unavailable') {
        failures++
        // Acceptances since this batch failed last show that the vendor is well and the batch is not.
        if (this.#acceptances > acceptances) loneFailures++
        acceptances = this.#acceptances
      }
      const part = this.#part(parcel, batch, members, verdict.againPlaces)
      batch = part.batch
      members = part.members
      const lone = suspect
        ? failures >= PART_FAILURES_MIN && loneFailures > 0
        : loneFailures >= LONE_FAILURES_MAX
      if (!lone && doubts < DOUBTS_MAX) continue
      if (batch.count > 1) return this.#halves(parcel, batch, members, signal, suspect || lone)
      this.#bury(parcel, batch, members, 0, again, talk)
      return DONE
    }
  }

  /** The records at `places` as a batch of their own, unless they are all of it. */
  #part(parcel: Parcel, batch: EventBatch, members: readonly number[], places: readonly number[]): Part {
    if (places.length === batch.count) return { batch, members }
    return {
      batch: partOf(batch, places, `~${parcel.attempts}`),
      members: places.map((place) => members[place] ?? 0),
    }
  }

  async #halves(
    parcel: Parcel,
    batch: EventBatch,
    members: readonly number[],
    signal: AbortSignal,
    suspect: boolean,
  ): Promise<Ending> {
    const middle = batch.count >> 1
    const places = placesUpTo(batch.count)
    const half = (mark: string, from: number, to: number, until: AbortSignal): Promise<Ending> => {
      const part = partOf(batch, places.slice(from, to), mark)
      return this.#deliverPart(parcel, part, members.slice(from, to), until, suspect)
    }
    if (!suspect || this.#parts.ordered) {
      const first = await half('/0', 0, middle, signal)
      return first.how === 'done' ? half('/1', middle, batch.count, signal) : first
    }
    // Side by side: the half that is accepted shows that the vendor is well, also when nothing else is under way.
    const halted = new AbortController()
    const either = AbortSignal.any([signal, halted.signal])
    const endings = await Promise.all(
      [half('/0', 0, middle, either), half('/1', middle, batch.count, either)].map(async (delivery) => {
        const ending = await delivery
        if (ending.how === 'halted') halted.abort()
        return ending
      }),
    )
    return (
      endings.find((ending) => ending.how === 'halted') ??
      endings.find((ending) => ending.how === 'stopped') ??
      DONE
    )
  }

  /** undefined: stopped by us before an answer came, or another node may have the connection by now. */
  async #converse(parcel: Parcel, batch: EventBatch, signal: AbortSignal): Promise<Conversation | undefined> {
    const { clock, transport, writer, lease, observe } = this.#parts
    if (!lease.mayAct()) return undefined
    const mayStart = (): boolean => lease.mayAct()
    const startedAt = clock.now()
    parcel.attempts++
    if (parcel.firstSentAt === 0) parcel.firstSentAt = startedAt
    let request: WireRequest | undefined
    let status = 0
    let receipts: readonly Receipt[]
    let clean = false
    let answered = true
    try {
      const exchange = writer.write(batch)
      let step = exchange.next()
      while (!step.done) {
        request = step.value
        const reply = await transport.send(under(lease, request), signal, mayStart)
        if ('noAnswer' in reply) {
          closeQuietly(exchange)
          if (signal.aborted || !lease.mayAct()) return undefined
          answered = false
          status = 0
          step = { done: true, value: failForAll(batch.count, reply.noAnswer) }
        } else {
          status = reply.status
          step = exchange.next(reply)
        }
      }
      receipts = step.value
      clean = areDelivered(receipts, batch.count)
      if (!clean && (receipts.length !== batch.count || hasHoles(receipts))) {
        receipts = failForAll(
          batch.count,
          defect(`The destination gave ${receipts.length} receipts for ${batch.count} records`),
        )
      }
    } catch (error) {
      receipts = failForAll(
        batch.count,
        defect(`The destination's code failed: ${error instanceof Error ? error.message : String(error)}`),
      )
    }
    observe({
      batch: batch.id,
      count: batch.count,
      bytes: batch.joined.length,
      status,
      elapsedMs: clock.now() - startedAt,
      fault: clean ? undefined : firstFault(receipts),
    })
    return { receipts, clean, request, status, answered }
  }

  /** Writes outcomes that are final and says what is to be done about the rest. */
  #sort(parcel: Parcel, batch: EventBatch, members: readonly number[], talk: Conversation): Verdict {
    const verdict: Verdict = {
      halt: undefined,
      refused: [],
      again: undefined,
      againPlaces: [],
      doubtful: false,
      retryAfterMs: undefined,
    }
    if (talk.clean) {
      decidedBy(parcel, talk)
      for (let i = 0; i < batch.count; i++) parcel.outcomes[members[i] ?? 0] = DELIVERED_OUTCOME
      return verdict
    }
    /** Records that share one fault object were refused together: the vendor did not say which of them it meant. */
    const refusals = new Map<Fault, number[]>()
    for (let i = 0; i < batch.count; i++) {
      const receipt = talk.receipts[i]
      const member = members[i] ?? 0
      if (receipt === undefined) continue
      if (receipt.outcome === 'delivered') {
        decidedBy(parcel, talk)
        parcel.outcomes[member] = DELIVERED_OUTCOME
        continue
      }
      if (receipt.outcome === 'skipped') {
        decidedBy(parcel, talk)
        parcel.outcomes[member] = SKIPPED_OUTCOME
        parcel.notes.set(member, {
          reason: receipt.reason,
          fault: undefined,
          sent: '',
          attempts: parcel.attempts,
        })
        continue
      }
      const { fault } = receipt
      switch (decisionFor(fault)) {
        case 'halt':
          verdict.halt ??= fault
          break
        case 'defer':
          verdict.again ??= fault
          verdict.againPlaces.push(i)
          verdict.retryAfterMs = Math.max(verdict.retryAfterMs ?? 0, fault.retryAfterMs ?? 0)
          break
        case 'doubt':
          verdict.again ??= fault
          verdict.againPlaces.push(i)
          verdict.doubtful = true
          break
        case 'narrow':
        case 'split': {
          const together = refusals.get(fault)
          if (together === undefined) refusals.set(fault, [i])
          else together.push(i)
          break
        }
      }
    }
    for (const [fault, places] of refusals) {
      const [only] = places
      if (places.length === 1 && only !== undefined) this.#bury(parcel, batch, members, only, fault, talk)
      else verdict.refused.push(places)
    }
    return verdict
  }

  #tellGate(talk: Conversation, verdict: Verdict): void {
    if (verdict.again !== undefined) {
      this.#parts.gate.refused(verdict.retryAfterMs)
      return
    }
    if (talk.answered) this.#acceptances++
    this.#parts.gate.accepted()
  }

  #bury(
    parcel: Parcel,
    batch: EventBatch,
    members: readonly number[],
    i: number,
    fault: Fault,
    talk: Conversation,
  ): void {
    const member = members[i] ?? 0
    decidedBy(parcel, talk)
    parcel.outcomes[member] = DEAD_OUTCOME
    const note: Note = {
      reason: fault.kind,
      fault,
      sent: sentText(this.#parts.writer, batch, i, talk.request),
      attempts: parcel.attempts,
    }
    parcel.notes.set(member, note)
  }
}

interface Part {
  readonly batch: EventBatch
  readonly members: readonly number[]
}

interface Verdict {
  halt: Fault | undefined
  /** Places refused together, at least two each: to be halved. */
  readonly refused: number[][]
  /** Why some are to be tried again, and their places; undefined when none is. */
  again: Fault | undefined
  readonly againPlaces: number[]
  doubtful: boolean
  retryAfterMs: number | undefined
}

/** The parts of a batch may end differently, in any order: the worst answer that decided something is the batch's. */
function decidedBy(parcel: Parcel, talk: Conversation): void {
  if (talk.status > parcel.status) parcel.status = talk.status
}

/** In a cluster the receiver is told the token of whoever sends: one that is ours can refuse a lower one than it has seen. */
function under({ name, token }: Lease, request: WireRequest): WireRequest {
  if (token === 0) return request
  return { ...request, headers: { ...request.headers, [LEASE_HEADER]: `${name}; token=${token}` } }
}

const LEASE_HEADER = 'thalweg-lease'

let places: readonly number[] = []

/** 0, 1, 2, … at least `count` of them: a whole batch's members, shared by all batches. */
function placesUpTo(count: number): readonly number[] {
  if (places.length < count) places = Array.from({ length: count }, (_, i) => i)
  return places
}

function defect(message: string): Fault {
  return { kind: 'defect', message }
}

function failForAll(count: number, fault: Fault): readonly Receipt[] {
  return new Array<Receipt>(count).fill({ outcome: 'failed', fault })
}

function areDelivered(receipts: readonly Receipt[], count: number): boolean {
  for (let i = 0; i < count; i++) if (receipts[i] !== DELIVERED) return false
  return receipts.length === count
}

/** Code of a destination may leave places empty in spite of the types; such a record would have no outcome. */
function hasHoles(receipts: readonly (Receipt | undefined)[]): boolean {
  return receipts.includes(undefined)
}

function firstFault(receipts: readonly Receipt[]): Fault | undefined {
  for (const receipt of receipts) if (receipt.outcome === 'failed') return receipt.fault
  return undefined
}

/** Lets the destination's `finally` blocks run; what they throw no longer matters to the outcome. */
function closeQuietly(exchange: Exchange<readonly Receipt[]>): void {
  exchange.return([])
}

/** JSON: the request as it was, secrets blotted out, with this record as the vendor was to see it. A long record is cut and told as text. */
function sentText(
  writer: EventWriter,
  batch: EventBatch,
  i: number,
  request: WireRequest | undefined,
): string {
  const head =
    request === undefined
      ? { request: 'none: the record was refused before sending' }
      : {
          method: request.method,
          url: redactedUrl(request),
          headers: Object.fromEntries(
            Object.entries(request.headers).map(([name, value]) => [name, redacted(value, request.secrets)]),
          ),
        }
  const record = redacted(recordText(writer, batch, i), request?.secrets ?? [])
  const whole = `${JSON.stringify(head).slice(0, -1)},"record":${record}}`
  if (whole.length <= SENT_CHARS_MAX) return whole
  // A quote or a backslash counts twice once it is inside a text.
  const room = (SENT_CHARS_MAX - JSON.stringify(head).length) >> 1
  return JSON.stringify({ ...head, recordCut: record.slice(0, Math.max(0, room - 100)) }).slice(
    0,
    SENT_CHARS_MAX,
  )
}

/** The record as JSON. Where the destination cannot even show it, as the text that it was given. */
function recordText(writer: EventWriter, batch: EventBatch, i: number): string {
  try {
    return JSON.stringify(writer.preview(batch, i)) ?? 'null'
  } catch {
    return JSON.stringify(eventText(batch, i))
  }
}
