/** What is wrong with a statement, and where: for people, a line with a caret; for programs, the same as numbers. */

import { ThalwegError } from '../../core/errors.ts'
import { nearestName } from '../../core/nearest.ts'
import { positionIn } from '../../core/sql-tokens.ts'

/** A stretch of the text, in UTF-16 units from 0. */
export interface Span {
  readonly start: number
  readonly end: number
}

export interface FilterFailure extends Span {
  /** Both from 1. */
  readonly line: number
  readonly column: number
  /** The line, and below it carets at what is meant. */
  readonly excerpt: string
}

const EXCERPT_CHARS_MAX = 100
/** Characters before the place, when its line is too long to be shown whole. */
const BEFORE_CHARS = 40

/** FILTERQL_INVALID; its details are a FilterFailure. `what` begins with a capital and has no full stop. */
export function failure(text: string, { start, end }: Span, what: string): ThalwegError {
  const { line, column } = positionIn(text, start)
  const details: FilterFailure = { start, end, line, column, excerpt: excerpt(text, { start, end }) }
  return new ThalwegError('FILTERQL_INVALID', `Line ${line}, column ${column}: ${what}`, { details })
}

function excerpt(text: string, { start, end }: Span): string {
  const lineStart = text.lastIndexOf('\n', start - 1) + 1
  const lineEnd = text.indexOf('\n', start)
  const from = start - lineStart > EXCERPT_CHARS_MAX - BEFORE_CHARS ? start - BEFORE_CHARS : lineStart
  const to = Math.min(lineEnd === -1 ? text.length : lineEnd, from + EXCERPT_CHARS_MAX)
  // One column each, so that the caret stands where it should.
  const shown = text.slice(from, to).replaceAll(/[\t\r]/g, ' ')
  const carets = '^'.repeat(Math.max(1, Math.min(end, to) - start))
  return `${shown}\n${' '.repeat(start - from)}${carets}`
}

/** The known name that is meant, when the given one is nearly it: `; do you mean x?`; else nothing. */
export function nearest(given: string, known: Iterable<string>): string {
  const best = nearestName(given, known)
  return best === undefined ? '' : `; do you mean ${best}?`
}
