/**
 * What ClickHouse's errors mean, by the number of the exception (ClickHouse, src/Common/ErrorCodes.cpp; the numbers never change). It stands
 * in the header X-ClickHouse-Exception-Code, or, in older servers, in the answer's text alone. The status says little: an unknown table is a
 * 404, a value that does not fit a 400 or a 500.
 *
 * | fault         | exceptions                                                                                   |
 * |---------------|----------------------------------------------------------------------------------------------|
 * | unauthorized  | unknown user, wrong or missing password, address not allowed                                 |
 * | misconfigured | unknown or unfit database, table, column, type or setting; no right; syntax                  |
 * | invalid       | a value that cannot be read or does not fit, a constraint                                    |
 * | throttled     | our own earlier request still runs (see queryId); a quota                                    |
 * | unavailable   | anything else: too many parts or queries, no memory, no room, read-only replica, and unknown |
 */

import { answerText, faultFrom, faultOfStatus, type WireReply } from '../../core/exchange.ts'
import type { Fault, FaultKind } from '../../core/fault.ts'

const STILL_RUNNING = 216

const CODES: Readonly<Partial<Record<FaultKind, readonly number[]>>> = {
  unauthorized: [192, 193, 194, 195, 516],
  misconfigured: [10, 15, 16, 20, 36, 43, 44, 46, 47, 48, 50, 56, 57, 60, 62, 80, 81, 82, 115, 164, 291, 497],
  invalid: [6, 26, 27, 33, 38, 41, 53, 70, 72, 117, 131, 321, 349, 441, 467, 469, 675, 676],
  throttled: [STILL_RUNNING, 201],
}

const KIND_OF_CODE: ReadonlyMap<number, FaultKind> = new Map(
  Object.entries(CODES).flatMap(([kind, codes]) => codes.map((code) => [code, kind as FaultKind] as const)),
)

/**
 * The table is not as it was when this exchange looked: a column or the table came or went. The next try looks again, and says so if
 * something is really missing.
 */
const CHANGED: ReadonlySet<number> = new Set([10, 15, 16, 44, 47, 57, 60, 81, 82, 117])

/** An insert of some megabytes is soon done. */
const STILL_RUNNING_RETRY_MS = 250

/** undefined: the server did it. `looked`: an earlier request of the same exchange saw what it needs. */
export function faultOf(reply: WireReply, looked = false): Fault | undefined {
  const code = codeOf(reply)
  if (code === undefined) return faultOfStatus(reply)
  const kind = looked && CHANGED.has(code) ? 'unavailable' : (KIND_OF_CODE.get(code) ?? 'unavailable')
  const fault = faultFrom(kind, `ClickHouse says ${answerText(reply).slice(0, MESSAGE_CHARS_MAX)}`, reply)
  return code === STILL_RUNNING ? { ...fault, retryAfterMs: STILL_RUNNING_RETRY_MS } : fault
}

const MESSAGE_CHARS_MAX = 300

/** An answer that began well may still end with an exception: the status was sent by then. */
function codeOf(reply: WireReply): number | undefined {
  const header = reply.headers['x-clickhouse-exception-code']
  if (header !== undefined && /^\d{1,6}$/.test(header)) return Number(header)
  const text = reply.status === 200 ? lastText(reply) : answerText(reply)
  const [, code] = /(?:^|\n)Code: (\d{1,6})[.,]/.exec(text) ?? []
  return code === undefined ? undefined : Number(code)
}

const TAIL_BYTES = 4000

function lastText({ body }: WireReply): string {
  return Buffer.from(body.subarray(Math.max(0, body.length - TAIL_BYTES))).toString()
}
