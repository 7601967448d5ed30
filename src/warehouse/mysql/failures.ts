/** What the errors of MySQL and MariaDB mean. From their manuals, server error reference. */

import type { ThalwegError } from '../../core/errors.ts'
import {
  engineUnreachable,
  type FaultDetails,
  type Position,
  positionAt,
  queryFailed,
  queryTimedOut,
} from '../failures.ts'

/** The part of mysql2's errors that is used. */
interface DriverError {
  readonly errno?: number
  readonly sqlMessage?: string
}

/** There was no connection: what the server says, it says about us and not about the query. */
export class MysqlUnconnected extends Error {
  constructor(cause: unknown) {
    super('no connection', { cause })
  }
}

const TIMED_OUT = new Set([1969, 3024]) // MariaDB: max_statement_time; MySQL: max_execution_time
const CONNECTION_FAULTS: ReadonlyMap<number, FaultDetails['fault']> = new Map([
  [1044, 'unauthorized'], // no access to the database
  [1045, 'unauthorized'], // no access with this password
  [1698, 'unauthorized'], // MariaDB: this user does not log in by password
  [1049, 'misconfigured'], // no such database
  [1040, 'unavailable'], // too many connections
  [1053, 'unavailable'], // shutting down
  [1203, 'unavailable'], // too many connections of this user
])

export function mysqlFailure(error: unknown, sql: string, timeoutMs: number): ThalwegError {
  if (error instanceof MysqlUnconnected) return unconnected(error.cause)
  const { errno = 0, sqlMessage } = error as DriverError
  if (sqlMessage === undefined) return unconnected(error)
  if (TIMED_OUT.has(errno)) return queryTimedOut(timeoutMs)
  return queryFailed(sqlMessage, positionOf(sqlMessage, sql), error)
}

function unconnected(error: unknown): ThalwegError {
  const { errno = 0 } = error as DriverError
  const reason = error instanceof Error ? error.message : String(error)
  return engineUnreachable(reason, CONNECTION_FAULTS.get(errno) ?? 'unreachable', error)
}

/** Syntax errors name the line, and quote the text from the place on: `… near 'frm t' at line 3`. */
function positionOf(message: string, sql: string): Position | undefined {
  const [, near = '', number = ''] = / near '([\s\S]*)' at line (\d+)$/.exec(message) ?? []
  const line = Number(number)
  if (!(line > 0)) return undefined
  const lineStart = startOfLine(sql, line)
  const index = near === '' ? sql.length : sql.indexOf(near, lineStart)
  const position = positionAt(sql, index)
  return index !== -1 && position.line === line ? position : { line, column: 1 }
}

function startOfLine(sql: string, line: number): number {
  let start = 0
  for (let i = 1; i < line; i++) {
    const end = sql.indexOf('\n', start)
    if (end === -1) return start
    start = end + 1
  }
  return start
}
