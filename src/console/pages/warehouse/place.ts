import type { ApiFailure } from '../../api/client.ts'

export interface Place {
  /** Both from 1. */
  readonly line: number
  readonly column: number
  /** In characters from the start: the word that stands there. */
  readonly from: number
  readonly to: number
}

/** Where in the text an engine says that it is wrong; undefined where it does not say. */
export function placeOf({ details }: ApiFailure, sql: string): Place | undefined {
  const position = (details as { position?: { line: number; column: number } } | null | undefined)?.position
  if (position === undefined) return undefined
  const { line, column } = position
  const before = sql.split('\n').slice(0, line - 1)
  const from = Math.min(before.reduce((sum, one) => sum + one.length + 1, 0) + column - 1, sql.length)
  const word = /^(?:[\p{L}\p{N}_]+|\S)/u.exec(sql.slice(from))?.[0] ?? ''
  return { line, column, from, to: from + word.length }
}
