/**
 * Tells an outage of the database from a mistake in a statement. Outages become STORE_UNAVAILABLE, so that callers need one rule
 * for a full disk, a lock that does not clear and a server that went away; everything else is passed on untouched.
 */

import { ThalwegError } from '../core/errors.ts'

/** Primary result codes of SQLite (https://sqlite.org/rescode.html): extended codes carry them in their low byte. */
const SQLITE_OUTAGES: ReadonlyMap<number, string> = new Map([
  [5, 'another process holds the write lock of the database file'],
  [6, 'a table of the database is locked'],
  [7, 'there is no memory left for the database'],
  [8, 'the database file cannot be written: check its owner, its mode and the mount'],
  [10, 'reading or writing the database file failed: check the disk'],
  [11, 'the database file is damaged: restore it from a backup'],
  [13, 'the disk that holds the database is full: free some space'],
  [14, 'the database file cannot be opened: check the folder and its owner'],
  [15, 'the locks of the database file do not work on this file system'],
  [26, 'the file is not an SQLite database'],
])
const SQLITE_BUSY = 5

/** Two transactions in each other's way; PostgreSQL asks to try again (https://www.postgresql.org/docs/current/mvcc-serialization-failure-handling.html). */
const POSTGRES_CONFLICTS = new Set(['40001', '40P01', '55P03'])

/** SQLSTATE classes and codes that say the server, not the statement, is the trouble. */
const POSTGRES_OUTAGES: readonly (readonly [prefix: string, what: string])[] = [
  ['08', 'the connection to PostgreSQL broke'],
  ['25006', 'PostgreSQL only reads at the moment: is this a standby?'],
  ['25P03', 'PostgreSQL ended a transaction that stood idle too long'],
  ['28', 'PostgreSQL refused the user or the password'],
  ['3D000', 'the database does not exist: create it with encoding UTF8'],
  ['53', 'PostgreSQL is out of disk, memory or connections'],
  ['57', 'PostgreSQL stopped the statement: a time limit, a shutdown or a start under way'],
  ['58', 'PostgreSQL met an error of its system'],
  ['XX', 'PostgreSQL met an internal error or damaged data'],
]

/** What pg says without a code of any kind when a connection is lost or cannot be had. */
const POSTGRES_LOST =
  /connection terminated|connection timeout|timeout exceeded|connection error|not queryable|read timeout/i

/** The error to throw in place of `error`: STORE_UNAVAILABLE with it as the cause when it is an outage, else `error` itself. */
export function asOutage(error: unknown): unknown {
  if (error instanceof ThalwegError) return error
  const what = outageOf(error)
  return what === undefined ? error : unavailable(what, error)
}

/** Whether the whole transaction may simply be tried again: it was rolled back because another one was in the way. */
export function isConflict(error: unknown): boolean {
  const first = error instanceof ThalwegError ? error.cause : error
  const state = sqlState(first)
  if (state !== undefined) return POSTGRES_CONFLICTS.has(state)
  return sqliteCode(first) === SQLITE_BUSY
}

export function unavailable(what: string, cause?: unknown): ThalwegError {
  return new ThalwegError('STORE_UNAVAILABLE', `The control-plane database does not answer: ${what}.`, {
    cause,
  })
}

/**
 * The SQLSTATE of what a PostgreSQL server said; undefined for any other error. Told by its severity, which every message of a server
 * has, and not by the class of pg: a store in SQLite does without that library.
 */
export function sqlState(error: unknown): string | undefined {
  return error instanceof Error && 'severity' in error && 'code' in error ? String(error.code) : undefined
}

function outageOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  const state = sqlState(error)
  if (state !== undefined) return POSTGRES_OUTAGES.find(([prefix]) => state.startsWith(prefix))?.[1]
  const code = sqliteCode(error)
  if (code !== undefined) return SQLITE_OUTAGES.get(code)
  if ('code' in error && typeof error.code === 'string' && /^E[A-Z]+$/.test(error.code)) {
    return `it cannot be reached (${error.code})`
  }
  return POSTGRES_LOST.test(error.message) ? 'the connection to PostgreSQL broke' : undefined
}

function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number')
    return undefined
  return error.errcode & 0xff
}
