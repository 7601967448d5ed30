/** What PostgreSQL's errors mean. From its manual, appendix A (error codes). */

import pg from 'pg'
import type { ThalwegError } from '../../core/errors.ts'
import { engineUnreachable, type FaultDetails, positionAt, queryFailed, queryTimedOut } from '../failures.ts'

/** The beginnings of codes that speak of the connection, not of the query. */
const CONNECTION_CODES: readonly (readonly [prefix: string, FaultDetails['fault']])[] = [
  ['28', 'unauthorized'], // invalid authorization
  ['3D000', 'misconfigured'], // no such database
  ['08', 'unreachable'],
  ['53300', 'unavailable'], // too many connections
  ['57P0', 'unavailable'], // shutting down, starting up
]
const QUERY_CANCELED = '57014'

export function postgresFailure(error: unknown, sql: string, timeoutMs: number): ThalwegError {
  if (!(error instanceof pg.DatabaseError)) {
    const reason = error instanceof Error ? error.message : String(error)
    return engineUnreachable(reason, 'unreachable', error)
  }
  const { code = '', message, detail, hint } = error
  if (code === QUERY_CANCELED && message.includes('statement timeout')) return queryTimedOut(timeoutMs)
  const [, fault] = CONNECTION_CODES.find(([prefix]) => code.startsWith(prefix)) ?? []
  if (fault !== undefined) return engineUnreachable(message, fault, error)
  const words = [message, detail, hint === undefined ? undefined : `Hint: ${hint}`]
  return queryFailed(
    words.filter((part) => part !== undefined).join('. '),
    positionOf(error.position, sql),
    error,
  )
}

/** PostgreSQL counts characters from 1; we count UTF-16 units. */
function positionOf(position: string | undefined, sql: string) {
  const count = Number(position)
  if (!(count > 0)) return undefined
  let index = 0
  for (let i = 1; i < count && index < sql.length; i++)
    index += (sql.codePointAt(index) ?? 0) > 0xffff ? 2 : 1
  return positionAt(sql, index)
}
