/**
 * The conversation between a destination and a vendor, without any I/O in it: the destination yields requests and is
 * handed answers. Delivery drives it, so timeouts, retries, tracing and redaction live in one place, and the console
 * can show a request before it is sent by driving only to the first yield.
 *
 * A destination is handed answers only. When there is none (refused, reset, timed out) the driver ends the exchange
 * and gives every record that has no receipt yet the fault `unreachable`.
 */

import { ANSWER_CHARS_MAX, type Fault, type FaultKind } from './fault.ts'

export type Exchange<Result> = Generator<WireRequest, Result, WireReply>

export interface WireRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Absolute URL. */
  readonly url: string
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  /** Bytes to send; several pieces are sent one after another. */
  readonly body?: Uint8Array | readonly Uint8Array[]
  /** Exact values, in each spelling that the request holds, that must not appear in logs, dead letters or the console. */
  readonly secrets: readonly string[]
}

export interface WireReply {
  readonly status: number
  /** Lower-case names; repeated headers joined by ", ". */
  readonly headers: Readonly<Record<string, string>>
  /** At most 4 MB; a longer answer is cut. */
  readonly body: Uint8Array
}

const decoder = new TextDecoder()

export function answerText(reply: WireReply): string {
  return decoder.decode(reply.body.subarray(0, ANSWER_CHARS_MAX)).slice(0, ANSWER_CHARS_MAX)
}

/** The fault that a status means when the vendor has no rule of its own; undefined for 2xx. */
export function faultOfStatus(reply: WireReply): Fault | undefined {
  if (reply.status >= 200 && reply.status < 300) return undefined
  const kind = kindOfStatus(reply.status)
  return faultFrom(kind, `The destination answered ${reply.status}`, reply)
}

export function faultFrom(kind: FaultKind, message: string, reply: WireReply): Fault {
  const retryAfterMs = retryAfter(reply)
  return {
    kind,
    message,
    status: reply.status,
    answer: answerText(reply),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  }
}

function kindOfStatus(status: number): FaultKind {
  if (status === 429 || status === 423) return 'throttled'
  if (status === 401 || status === 403 || status === 407) return 'unauthorized'
  if (status === 413) return 'oversized'
  if (status === 400 || status === 422) return 'invalid'
  if (status === 408 || status === 425 || status >= 500) return 'unavailable'
  return 'misconfigured'
}

/**
 * Retry-After in seconds or as a date, or x-ratelimit-reset in seconds from now or since the epoch (vendors do both).
 * Points in time are read against the answer's own Date header, so that our clock does not matter.
 */
function retryAfter(reply: WireReply): number | undefined {
  const header =
    reply.headers['retry-after'] ??
    reply.headers['x-ratelimit-retry-after'] ??
    reply.headers['x-ratelimit-reset']
  if (header === undefined) return undefined
  const answeredAt = Date.parse(reply.headers.date ?? '')
  const seconds = Number(header)
  if (Number.isFinite(seconds) && seconds < 1e9) return Math.max(0, seconds * 1000)
  const until = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header)
  return Number.isNaN(until) || Number.isNaN(answeredAt) ? undefined : Math.max(0, until - answeredAt)
}
