/** Where in a query this engine found a mistake: as an excerpt with a caret under it, or in bytes from the start. */

import type { ThalwegError } from '../../core/errors.ts'
import { type Position, positionAt, queryFailed } from '../failures.ts'

const EXCERPT = /\n\nLINE (\d+): (.*)\n( *)\^/
/** Stands for what was left out of a long line. */
const CUT = '...'

/** QUERY_FAILED with the engine's words; the excerpt becomes a position. */
export function failedAt(sql: string, message: string, cause?: unknown): ThalwegError {
  const found = EXCERPT.exec(message)
  if (found === null) return queryFailed(message, undefined, cause)
  const [, number = '1', excerpt = '', indent = ''] = found
  const line = Number(number)
  const text = sql.split('\n')[line - 1] ?? ''
  const at = indent.length - `LINE ${number}: `.length
  const isCut = excerpt.startsWith(CUT) && !text.startsWith(CUT)
  const whole = isCut ? text.indexOf(excerpt.slice(CUT.length, at + 1)) + at - CUT.length : at
  const position = { line, column: Math.max(0, Math.min(whole, text.length)) + 1 }
  return queryFailed(message.slice(0, found.index), position, cause)
}

/** `at`: a UTF-8 byte of the text. */
export function positionOfByte(sql: string, at: number): Position {
  return positionAt(sql, Buffer.from(sql).subarray(0, at).toString().length)
}
