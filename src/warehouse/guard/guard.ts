/**
 * The first of several barriers: is this text exactly one statement that only reads? It is a matter of words and
 * tokens, with a list of what may begin a statement (all else is refused) and lists of words and functions that write,
 * read files or open connections. The barriers behind it are the server's own: a transaction or session that is
 * read-only, one statement for each message, and the rights of the user that connects. Where the guard is unsure it
 * refuses, and the message says how to write a harmless query that it mistook.
 */

import { positionAt, queryRefused } from '../failures.ts'
import { type Lexicon, type Token, tokensOf } from './tokens.ts'

export interface Dialect {
  /** As in "PostgreSQL". */
  readonly title: string
  readonly lexicon: Lexicon
  /** Words that may begin a statement. */
  readonly openers: ReadonlySet<string>
  /** Words that must not stand anywhere as such, each with what is meant; as a column they need quotes or a table before them. */
  readonly words: ReadonlyMap<string, string>
  /** Functions that must not be called, by their name in lower case, quoted or not, with or without a schema. */
  readonly functions: (name: string) => boolean
  /** What may be called where a table is expected; undefined: whatever `functions` lets through. */
  readonly tableFunctions?: ReadonlySet<string>
}

const EXPLAINS = new Set(['explain', 'describe', 'desc'])
/** What EXPLAIN can be asked about, reading or not. */
const STATEMENTS = new Set(
  'select with values table insert update delete replace merge create alter drop execute declare call set system'.split(
    ' ',
  ),
)
const READS = new Set(['select', 'with', 'values', 'table'])

/**
 * The statement without what follows it (a semicolon, comments); its beginning is not moved, so positions stay true.
 * Throws QUERY_REFUSED, with the position.
 */
export function readStatement(sql: string, dialect: Dialect): string {
  const all = tokensOf(sql, dialect.lexicon)
  const tokens = oneStatement(sql, all)
  const refuse = (token: Token, why: string): never => {
    throw queryRefused(why, positionAt(sql, token.at))
  }
  const opener = tokens.find(({ text }) => text !== '(')
  if (opener === undefined) throw queryRefused('There is no statement in the text of the query')
  if (opener.kind !== 'word' || !dialect.openers.has(opener.text))
    refuse(
      opener,
      `Only a statement that reads can be run: it begins with ${[...dialect.openers].map((word) => word.toUpperCase()).join(', ')}`,
    )
  if (EXPLAINS.has(opener.text)) refuseExplained(tokens, refuse)
  tokens.forEach((token, i) => {
    const next = tokens[i + 1]
    const isCalled = next?.text === '(' && next.kind === 'symbol'
    const isMember = tokens[i - 1]?.text === '.' && tokens[i - 1]?.kind === 'symbol'
    const meaning = token.kind === 'word' && !isMember ? dialect.words.get(token.text) : undefined
    if (meaning !== undefined && !(isCalled && CALLABLE.has(token.text)))
      refuse(token, `${token.text.toUpperCase()} is refused: ${meaning}. A column of this name needs quotes`)
    if (!isCalled || (token.kind !== 'word' && token.kind !== 'name')) return
    if (dialect.functions(token.text))
      refuse(
        token,
        `The function ${token.text} is refused: it writes, reads files, opens connections or holds locks`,
      )
    if (
      dialect.tableFunctions !== undefined &&
      expectsTable(tokens, i) &&
      !dialect.tableFunctions.has(token.text)
    )
      refuse(
        token,
        `The table function ${token.text} is refused; allowed are ${[...dialect.tableFunctions].join(', ')}`,
      )
  })
  return sql.slice(0, tokens.at(-1)?.to)
}

/** Words that also name harmless functions of strings. */
const CALLABLE = new Set(['insert', 'replace', 'format', 'truncate'])

function oneStatement(sql: string, tokens: readonly Token[]): readonly Token[] {
  const end = tokens.findIndex(({ kind, text }) => kind === 'symbol' && text === ';')
  if (end === -1) return tokens
  const more = tokens.slice(end).find(({ text }) => text !== ';')
  if (more !== undefined)
    throw queryRefused('Only one statement can be run; here begins a second', positionAt(sql, more.at))
  return tokens.slice(0, end)
}

/** EXPLAIN can run what it explains (ANALYZE), so that must be a read too. */
function refuseExplained(tokens: readonly Token[], refuse: (token: Token, why: string) => never): void {
  const explained = tokens.find(
    ({ kind, text }, i) => i > 0 && kind === 'word' && STATEMENTS.has(text) && tokens[i - 1]?.text !== '.',
  )
  if (explained !== undefined && !READS.has(explained.text))
    refuse(explained, 'Only a statement that reads can be explained')
}

const TABLE_EXPECTED = new Set(['from', 'join', 'table', 'describe', 'desc'])

/** Whether the name at `i`, perhaps with a schema before it, stands where a table is expected. Behind a comma it may be any function. */
function expectsTable(tokens: readonly Token[], i: number): boolean {
  let first = i
  while (tokens[first - 1]?.text === '.' && first >= 2) first -= 2
  const before = tokens[first - 1]
  return before?.kind === 'word' && TABLE_EXPECTED.has(before.text)
}
