/** What engines throw, made in one place so that every engine says the same thing in the same form. */

import { ThalwegError } from '../core/errors.ts'
import type { FaultKind } from '../core/fault.ts'

/** A place in the text of a query, both counted from 1; columns in UTF-16 units, as editors count. */
export interface Position {
  readonly line: number
  readonly column: number
}

/** What `details` of QUERY_FAILED and QUERY_REFUSED holds where the place is known. */
export interface PositionDetails {
  readonly position: Position
}

const MESSAGE_CHARS_MAX = 4_000

/** The position of the UTF-16 unit at `index`; an index past the end is the end. */
export function positionAt(text: string, index: number): Position {
  const before = text.slice(0, Math.max(0, index))
  const lineStart = before.lastIndexOf('\n') + 1
  return { line: before.split('\n').length, column: before.length - lineStart + 1 }
}

/** The text is not one statement that only reads. */
export function queryRefused(message: string, position?: Position): ThalwegError {
  return new ThalwegError('QUERY_REFUSED', message, detailsOf(position))
}

/** The engine's own words; it does not repeat what the engine says about our connection or secrets. */
export function queryFailed(message: string, position?: Position, cause?: unknown): ThalwegError {
  return new ThalwegError('QUERY_FAILED', message.slice(0, MESSAGE_CHARS_MAX), {
    ...detailsOf(position),
    cause,
  })
}

export function queryTimedOut(timeoutMs: number): ThalwegError {
  return new ThalwegError('QUERY_TIMEOUT', `The query was ended: it took longer than ${timeoutMs} ms`)
}

export function queryCancelled(): ThalwegError {
  return new ThalwegError('QUERY_CANCELLED', 'The query was cancelled')
}

/** What `details` of ENGINE_UNREACHABLE holds: whose fault it is that there was no answer. */
export interface FaultDetails {
  readonly fault: Extract<FaultKind, 'unreachable' | 'unavailable' | 'unauthorized' | 'misconfigured'>
}

/** `reason` is for people and holds no secret. */
export function engineUnreachable(
  reason: string,
  fault: FaultDetails['fault'] = 'unreachable',
  cause?: unknown,
): ThalwegError {
  const details: FaultDetails = { fault }
  return new ThalwegError('ENGINE_UNREACHABLE', `The query engine cannot be asked: ${reason}`, {
    cause,
    details,
  })
}

function detailsOf(position: Position | undefined): { details?: PositionDetails } {
  return position === undefined ? {} : { details: { position } }
}
