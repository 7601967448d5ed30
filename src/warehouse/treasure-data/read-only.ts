/**
 * Whether a text is one statement that only reads. Treasure Data's jobs may also insert, create and drop, so this is the
 * only thing that stands between a query and the customer's tables. A word inside a string, a quoted name or a comment
 * means nothing.
 */

import type { ThalwegError } from '../../core/errors.ts'
import { HIVE_LEXIS, positionIn, type SqlToken, STANDARD_LEXIS, sqlTokens } from '../../core/sql-tokens.ts'
import { queryRefused } from '../failures.ts'

const READING: ReadonlySet<string> = new Set([
  'select',
  'with',
  'values',
  'table',
  'show',
  'describe',
  'desc',
  'explain',
])

/**
 * Reserved in Trino and Hive, so never a plain name: behind WITH (Hive takes WITH … INSERT), EXPLAIN (EXPLAIN ANALYZE runs
 * what it explains) or anything else they change data.
 */
const CHANGING: ReadonlySet<string> = new Set([
  'insert',
  'delete',
  'create',
  'drop',
  'alter',
  'update',
  'merge',
  'truncate',
])

/** The statement without the semicolon behind it. Throws QUERY_REFUSED. */
export function readingStatement(sql: string, engine: 'presto' | 'trino' | 'hive'): string {
  const tokens = sqlTokens(sql, engine === 'hive' ? HIVE_LEXIS : STANDARD_LEXIS)
  const end = tokens.findIndex(({ text }) => text === ';')
  const statement = end < 0 ? tokens : tokens.slice(0, end)
  const behind = end < 0 ? undefined : tokens[end + 1]
  if (behind !== undefined) throw refused(sql, behind, 'only one statement may be asked at a time')
  const first = statement.find(({ text }) => text !== '(')
  if (first === undefined) throw queryRefused('There is no statement to run')
  if (!READING.has(first.value))
    throw refused(sql, first, `a query begins with SELECT or WITH, not with ${first.text}`)
  refuseChanges(sql, statement, first)
  const last = statement.at(-1)
  return last === undefined ? sql : sql.slice(0, last.at + last.text.length)
}

function refuseChanges(sql: string, statement: readonly SqlToken[], first: SqlToken): void {
  for (const [i, token] of statement.entries()) {
    if (token.kind === 'broken') throw refused(sql, token, `${token.value} is never closed`)
    // SHOW CREATE TABLE reads, and x.update is a column.
    const isNamed = statement[i - 1]?.text === '.' || first.value === 'show'
    if (token.kind === 'word' && CHANGING.has(token.value) && !isNamed)
      throw refused(sql, token, `${token.text} changes data; put a column of that name into quotes`)
  }
}

function refused(sql: string, token: SqlToken, why: string): ThalwegError {
  const position = positionIn(sql, token.at)
  return queryRefused(`line ${position.line}:${position.column}: ${why}`, position)
}
