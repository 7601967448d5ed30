/**
 * What a door says when it does not take a request: one table of codes, statuses and meanings, so that every
 * answer is specific and the reference page can list them. What Braze makes of a status (Custom HTTP
 * connector page): 400 splits the batch into single events and drops those refused again; 401, 403 and 404
 * halt the connector; 413 splits; 429 and 5xx back off and try again; anything else is like 5xx.
 */

export const REFUSALS = {
  BODY_BROKEN: [400, 'Not one complete event could be made out in the body.'],
  BODY_ENCODING: [400, 'The compressed body does not decompress.'],
  BODY_MISMATCH: [
    400,
    'The body is not what this address takes: no JSON, or larger than the vendor whose address it is allows.',
  ],
  BODY_NOT_OBJECT: [400, 'This address takes a JSON object.'],
  TOKEN_REFUSED: [401, 'The bearer token is missing or wrong.'],
  KEY_MISSING: [401, 'The Treasure Data key is missing.'],
  KEY_UNKNOWN: [401, 'The Segment write key or Lytics token is missing, or opens no source.'],
  KEY_REFUSED: [403, 'The Treasure Data key is wrong, or missing where Treasure Data itself answers 403.'],
  SOURCE_UNKNOWN: [404, 'No source has this address.'],
  METHOD_UNSUPPORTED: [405, 'The address does not take this method; nearly all take POST only.'],
  BODY_SLOW: [408, 'The body did not arrive in time.'],
  BODY_OVERSIZED: [413, 'The body is larger than allowed, as sent or decompressed.'],
  BODY_ITEMS: [413, 'The body holds more items than allowed.'],
  BODY_RATIO: [413, 'The body decompresses to implausibly much more than was sent.'],
  RECORD_OVERSIZED: [413, 'One record is larger than allowed.'],
  ENCODING_UNKNOWN: [415, 'The Content-Encoding is neither gzip nor identity.'],
  RATE_LIMITED: [429, 'The source sends more requests per second than its setting allows.'],
  DEFECT: [500, 'The hub failed in a way it should not; nothing was kept.'],
  DOORS_BUSY: [503, 'Too many bytes are under way; nothing was read.'],
  LOG_FULL: [503, 'The log cannot take more now; nothing was kept.'],
  LOG_UNCONFIRMED: [
    503,
    'The log did not confirm in time: kept or not. Sent again, events with an id count once.',
  ],
  LOG_STOPPED: [503, 'The log stopped after a failed write; nothing was kept for certain.'],
} as const satisfies Record<string, readonly [status: number, meaning: string]>

export type RefusalCode = keyof typeof REFUSALS

export interface Refusal {
  readonly code: RefusalCode
  readonly status: number
  /** What, where and how to mend it. Holds no secret. */
  readonly message: string
  /** Further members of the answer's `error` object. */
  readonly detail: Readonly<Record<string, string | number>>
  /** Raw header pairs beside the content type. */
  readonly headers: readonly string[]
  /** The whole answer where a vendor's own form is due; unset: ours. */
  readonly text?: string
}

export function refusal(
  code: RefusalCode,
  message: string,
  detail: Refusal['detail'] = {},
  headers: readonly string[] = [],
): Refusal {
  return { code, status: REFUSALS[code][0], message, detail, headers }
}

export function refusalBody(refused: Refusal): string {
  if (refused.text !== undefined) return refused.text
  return JSON.stringify({ error: { code: refused.code, message: refused.message, ...refused.detail } })
}

/** Of Retry-After, in seconds. */
const RETRY_SECONDS_MAX = 5
let turn = 0

/**
 * A refusal that asks the sender to come again in 1 to 5 seconds, in turn, so that refused senders do not all
 * return at once.
 */
export function refusalForNow(code: RefusalCode, message: string): Refusal {
  turn = (turn % RETRY_SECONDS_MAX) + 1
  return refusal(code, message, { retryAfterSeconds: turn }, ['retry-after', String(turn)])
}
