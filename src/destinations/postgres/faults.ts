/**
 * What PostgreSQL's errors mean. By SQLSTATE (PostgreSQL, appendix A "PostgreSQL Error Codes"); the first row that the code begins with
 * counts.
 *
 * | SQLSTATE               | what it is                                        | fault         |
 * |------------------------|---------------------------------------------------|---------------|
 * | 28                     | the user or the password is refused               | unauthorized  |
 * | 22, 23                 | a value or a row is refused                       | invalid       |
 * | 54                     | a row is too wide for the table                   | invalid       |
 * | P0                     | a trigger of the operator refuses a row           | invalid       |
 * | 0A, 3D, 3F, 42, 0L, 0P | database, schema, table, column or right missing  | misconfigured |
 * | anything else          | busy, full, shutting down, standby, deadlock, …   | unavailable   |
 *
 * Whatever we do not know waits: delivery takes a batch apart that fails while others are accepted.
 */

import { answerText, faultOfStatus, type WireReply } from '../../core/exchange.ts'
import type { Fault, FaultKind } from '../../core/fault.ts'

const KINDS: readonly (readonly [prefix: string, kind: FaultKind])[] = [
  ['28', 'unauthorized'],
  ['22', 'invalid'],
  ['23', 'invalid'],
  ['54', 'invalid'],
  ['P0', 'invalid'],
  ['0A', 'misconfigured'],
  ['0L', 'misconfigured'],
  ['0P', 'misconfigured'],
  ['3D', 'misconfigured'],
  ['3F', 'misconfigured'],
  ['42', 'misconfigured'],
]

/**
 * The tables are not as they were when we looked: somebody made the same schema, table or column at the same time, or took one away. The next
 * try looks again, and says so if something is really missing.
 */
const CHANGED: ReadonlySet<string> = new Set(['42P06', '42P07', '42701', '42710'])
const CHANGED_SINCE: ReadonlySet<string> = new Set(['3F000', '42P01', '42703', '42804'])

/** undefined: the database did it. `looked`: an earlier request of the same exchange saw what it needs. */
export function faultOf(reply: WireReply, looked = false): Fault | undefined {
  const { sqlstate } = reply.headers
  if (sqlstate === undefined) return faultOfStatus(reply)
  const answer = answerText(reply)
  const changed = CHANGED.has(sqlstate) || (looked && CHANGED_SINCE.has(sqlstate))
  const kind = changed ? 'unavailable' : kindOf(sqlstate)
  return { kind, message: `PostgreSQL says ${sqlstate}: ${answer}`, answer }
}

function kindOf(sqlstate: string): FaultKind {
  return KINDS.find(([prefix]) => sqlstate.startsWith(prefix))?.[1] ?? 'unavailable'
}
