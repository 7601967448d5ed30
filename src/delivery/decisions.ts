/**
 * The one table that decides what a fault means. An outage never fills the dead letters, and bad data never stops a connection.
 *
 *   defer    wait with jitter, honour Retry-After, without end; the contact hears after a while
 *   halt     stop the connection and tell the contact; it resumes where it stopped
 *   narrow   the record is refused: when the vendor named it, dead-letter it; when it refused the batch, halve the batch
 *   split    the request was too large: halve the batch; a single record is dead-lettered
 *   doubt    cannot tell: try again a bounded number of times, then as narrow
 */

import type { Fault, FaultKind } from '../core/fault.ts'

export type Decision = 'defer' | 'halt' | 'narrow' | 'split' | 'doubt'

const DECISIONS: Readonly<Record<FaultKind, Decision>> = {
  unreachable: 'defer',
  unavailable: 'defer',
  throttled: 'defer',
  unauthorized: 'halt',
  misconfigured: 'halt',
  defect: 'halt',
  invalid: 'narrow',
  unmatched: 'narrow',
  oversized: 'split',
  unclear: 'doubt',
}

export function decisionFor(fault: Fault): Decision {
  return DECISIONS[fault.kind]
}

/** Tries for a batch whose answers stay unclear. */
export const DOUBTS_MAX = 5

/**
 * A batch that meets `unavailable` this often, each time with other batches of the connection accepted in between, is taken for poison:
 * some vendors answer 500 to data they cannot handle. It is halved. With no other success to compare with, it is deferred for ever.
 */
export const LONE_FAILURES_MAX = 8

/** Tries before a part of such a batch is halved in turn, or buried when it is one record; at least one with an acceptance in between. */
export const PART_FAILURES_MIN = 3
