/**
 * Faults are values: what went wrong with a record or a request, in words that decide what delivery does next.
 * The decisions themselves live in delivery/decisions.ts and nowhere else.
 */

export const FAULT_KINDS = [
  'unreachable', // no answer: connection refused, reset, timed out, name not found
  'unavailable', // the vendor answered 5xx or kin
  'throttled', // the vendor asked us to slow down: 429, 423
  'unauthorized', // the vendor does not accept our credentials: 401, 403
  'misconfigured', // the address or the settings are wrong: 404, 405, 3xx
  'invalid', // this record is refused and will always be
  'oversized', // too large for the vendor: 413 and kin
  'unmatched', // the vendor does not know this person
  'unclear', // we cannot tell whether it was accepted
  'defect', // our own code threw or miscounted
] as const

export type FaultKind = (typeof FAULT_KINDS)[number]

export interface Fault {
  readonly kind: FaultKind
  /** One sentence for a person: what happened, where, and how to mend it if we know. Never holds a secret. */
  readonly message: string
  /** HTTP status of the answer; absent when there was none. */
  readonly status?: number
  /** How long the vendor asked us to wait, in milliseconds. */
  readonly retryAfterMs?: number
  /** The beginning of the vendor's answer, at most 2,000 characters. */
  readonly answer?: string
}

export const ANSWER_CHARS_MAX = 2000
