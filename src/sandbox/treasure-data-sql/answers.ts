/** Answers that all of the API shares. */

import { type Answer, json } from '../answer.ts'
import type { Call } from '../double.ts'

/** The documented shape of an error. */
export function problem(status: number, message: string, details?: Record<string, string>): Answer {
  return json(status, {
    error: message,
    text: message,
    message,
    severity: 'error',
    ...(details === undefined ? {} : { details }),
  })
}

/** The body, or the part of it that was asked for; a Range with an If-Range of another representation asks for all. */
export function ranged(call: Call, body: Buffer, headers: Readonly<Record<string, string>>): Answer {
  const asked = /^bytes=(\d{1,15})-(\d{0,15})$/.exec(call.headers.range ?? '')
  const condition = call.headers['if-range']
  if (asked === null || (condition !== undefined && condition !== headers.etag)) {
    return { status: 200, headers: { ...headers, 'accept-ranges': 'bytes' }, body }
  }
  const from = Number(asked[1])
  const to = Math.min(asked[2] === '' ? Number.POSITIVE_INFINITY : Number(asked[2]), body.length - 1)
  if (from > to) {
    return {
      ...problem(416, 'Requested range not satisfiable'),
      headers: { 'content-range': `bytes */${body.length}` },
    }
  }
  return {
    status: 206,
    headers: { ...headers, 'content-range': `bytes ${from}-${to}/${body.length}` },
    body: body.subarray(from, to + 1),
  }
}
