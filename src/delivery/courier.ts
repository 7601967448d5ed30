/**
 * The courier brings one parcel to its end: it drives the destination's exchange, reads the receipts, and decides by the fault table until
 * every record has an outcome. Live delivery, redrive and replay all go through it, so retry, halving and the gate exist once.
 */

import type { EventBatch } from '../core/batch.ts'
import type { Clock } from '../core/clock.ts'
import type { Exchange, WireRequest } from '../core/exchange.ts'
import type { Fault } from '../core/fault.ts'
import type { Receipt } from '../core/receipt.ts'
import type { EventWriter } from '../destinations/destination.ts'
import { DOUBTS_MAX, decisionFor, LONE_FAILURES_MAX } from './decisions.ts'
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
import { redacted, redactedUrl } from './redaction.ts'
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
  readonly observe: (attempt: Attempt) => void
}

interface Conversation {
  readonly receipts: readonly Receipt[]
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
    return this.#deliverPart(parcel, parcel.batch, placesUpTo(parcel.batch.count), signal)
  }

  /** Brings `members` of the parcel (record i of `batch` is member members[i]) to an outcome. */
  async #deliverPart(
    parcel: Parcel,
    batch: EventBatch,
    members: readonly number[],
    signal: AbortSignal,
  ): Promise<Ending> {
    let doubts = 0
    let loneFailures = 0
    for (;;) {
      await this.#parts.gate.pass(signal)
      if (signal.aborted) return STOPPED
      const acceptancesBefore = this.#acceptances
      const talk = await this.#converse(parcel, batch, signal)
      if (talk === undefined) {
        this.#parts.gate.abandoned()
        return STOPPED
      }
      const verdict = this.#sort(parcel, batch, members, talk)
      if (verdict.halt !== undefined) {
        this.#parts.gate.abandoned()
        return { how: 'halted', fault: verdict.halt }
      }
      this.#tellGate(talk, verdict)
      if (verdict.halve) return this.#halves(parcel, batch, members, signal)
      if (verdict.again.length === 0) return DONE

      if (verdict.doubtful) doubts++
      // Acceptances of other batches while this one fails show that the vendor is well and this batch is not.
      if (
        verdict.fault?.kind === 'unavailable' &&
        (this.#acceptances > acceptancesBefore || loneFailures > 0)
      )
        loneFailures++
      const poison = doubts >= DOUBTS_MAX || loneFailures >= LONE_FAILURES_MAX
      if (verdict.again.length < batch.count) {
        const kept = verdict.again
        batch = partOf(batch, kept, `~${parcel.attempts}`)
        members = kept.map((i) => members[i] ?? 0)
      }
      if (!poison) continue
      if (batch.count > 1) return this.#halves(parcel, batch, members, signal)
      this.#bury(parcel, batch, members, 0, verdict.fault ?? UNCLEAR, talk)
      return DONE
    }
  }

  async #halves(
    parcel: Parcel,
    batch: EventBatch,
    members: readonly number[],
    signal: AbortSignal,
  ): Promise<Ending> {
    const middle = batch.count >> 1
    const places = Array.from({ length: batch.count }, (_, i) => i)
    for (const [mark, half] of [
      ['/0', places.slice(0, middle)],
      ['/1', places.slice(middle)],
    ] as const) {
      const ending = await this.#deliverPart(
        parcel,
        partOf(batch, half, mark),
        half.map((i) => members[i] ?? 0),
        signal,
      )
      if (ending.how !== 'done') return ending
    }
    return DONE
  }

  /** undefined: stopped by us before an answer came. */
  async #converse(parcel: Parcel, batch: EventBatch, signal: AbortSignal): Promise<Conversation | undefined> {
    const { clock, transport, writer, observe } = this.#parts
    const startedAt = clock.now()
    parcel.attempts++
    if (parcel.firstSentAt === 0) parcel.firstSentAt = startedAt
    let request: WireRequest | undefined
    let status = 0
    let receipts: readonly Receipt[]
    let answered = true
    try {
      const exchange = writer.write(batch)
      let step = exchange.next()
      while (!step.done) {
        request = step.value
        const reply = await transport.send(request, signal)
        if (signal.aborted) {
          closeQuietly(exchange)
          return undefined
        }
        if ('noAnswer' in reply) {
          closeQuietly(exchange)
          answered = false
          status = 0
          step = { done: true, value: failForAll(batch.count, reply.noAnswer) }
        } else {
          status = reply.status
          step = exchange.next(reply)
        }
      }
      receipts = step.value
      if (receipts.length !== batch.count) {
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
    parcel.status = status
    observe({
      batch: batch.id,
      count: batch.count,
      bytes: batch.joined.length,
      status,
      elapsedMs: clock.now() - startedAt,
      fault: firstFault(receipts),
    })
    return { receipts, request, status, answered }
  }

  /** Writes outcomes that are final and says what is to be done about the rest. */
  #sort(parcel: Parcel, batch: EventBatch, members: readonly number[], talk: Conversation): Verdict {
    const verdict: Verdict = {
      halt: undefined,
      halve: false,
      again: [],
      doubtful: false,
      fault: undefined,
      retryAfterMs: undefined,
    }
    const shared = sharedFault(talk.receipts)
    for (let i = 0; i < batch.count; i++) {
      const receipt = talk.receipts[i]
      const member = members[i] ?? 0
      if (receipt === undefined) continue
      if (receipt.outcome === 'delivered') {
        parcel.outcomes[member] = DELIVERED_OUTCOME
        continue
      }
      if (receipt.outcome === 'skipped') {
        parcel.outcomes[member] = SKIPPED_OUTCOME
        parcel.notes.set(member, {
          reason: receipt.reason,
          fault: undefined,
          sent: '',
          attempts: parcel.attempts,
        })
        continue
      }
      const fault = receipt.fault
      verdict.fault ??= fault
      switch (decisionFor(fault)) {
        case 'halt':
          verdict.halt ??= fault
          break
        case 'defer':
          verdict.again.push(i)
          verdict.retryAfterMs = Math.max(verdict.retryAfterMs ?? 0, fault.retryAfterMs ?? 0)
          break
        case 'doubt':
          verdict.again.push(i)
          verdict.doubtful = true
          break
        case 'narrow':
        case 'split':
          if (shared === fault && batch.count > 1) verdict.halve = true
          else this.#bury(parcel, batch, members, i, fault, talk)
          break
      }
    }
    return verdict
  }

  #tellGate(talk: Conversation, verdict: Verdict): void {
    if (verdict.again.length > 0 && !verdict.doubtful) {
      this.#parts.gate.refused(verdict.retryAfterMs)
      return
    }
    if (verdict.doubtful) {
      this.#parts.gate.refused(undefined)
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

interface Verdict {
  halt: Fault | undefined
  halve: boolean
  /** Places in the batch to be tried again. */
  again: number[]
  doubtful: boolean
  fault: Fault | undefined
  retryAfterMs: number | undefined
}

let places: readonly number[] = []

/** 0, 1, 2, … at least `count` of them: a whole batch's members, shared by all batches. */
function placesUpTo(count: number): readonly number[] {
  if (places.length < count) places = Array.from({ length: count }, (_, i) => i)
  return places
}

const UNCLEAR: Fault = {
  kind: 'unclear',
  message: 'The destination never said clearly whether it took the record',
}

function defect(message: string): Fault {
  return { kind: 'defect', message }
}

function failForAll(count: number, fault: Fault): readonly Receipt[] {
  return new Array<Receipt>(count).fill({ outcome: 'failed', fault })
}

/** The fault that every record shares, as one object: the vendor refused the batch and did not say which record. */
function sharedFault(receipts: readonly Receipt[]): Fault | undefined {
  const first = receipts[0]
  if (first === undefined || first.outcome !== 'failed') return undefined
  return receipts.every((receipt) => receipt.outcome === 'failed' && receipt.fault === first.fault)
    ? first.fault
    : undefined
}

function firstFault(receipts: readonly Receipt[]): Fault | undefined {
  for (const receipt of receipts) if (receipt.outcome === 'failed') return receipt.fault
  return undefined
}

/** Lets the destination's `finally` blocks run; what they throw no longer matters to the outcome. */
function closeQuietly(exchange: Exchange<readonly Receipt[]>): void {
  exchange.return([])
}

/** The request as it was, secrets blotted out, with this record as the vendor was to see it. */
function sentText(
  writer: EventWriter,
  batch: EventBatch,
  i: number,
  request: WireRequest | undefined,
): string {
  const record = writer.preview(batch, i)
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
  return JSON.stringify({ ...head, record }).slice(0, SENT_CHARS_MAX)
}
