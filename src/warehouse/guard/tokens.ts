/**
 * Cuts the text of a query into tokens, by the lexical rules of its dialect, so that what a comment, a string or a
 * quoted name holds is never taken for a word of the statement. It does not parse; what it cannot read with certainty
 * (an open quote, a form whose meaning depends on the server's settings) it refuses.
 */

import { positionAt, queryRefused } from '../failures.ts'

export interface Lexicon {
  /** What begins a comment that ends with its line. `--` may need a space behind it (MySQL). */
  readonly lineComments: readonly RegExp[]
  /** Whether a comment may lie in a comment. Where not, or not in all versions, it is refused: nobody could tell where it ends. */
  readonly blockCommentsNest: boolean
  /** Whether a backslash in a string takes away the meaning of the next character. PostgreSQL: only in E'…'. */
  readonly backslash: 'always' | 'after-e'
  /** Quotes that hold a string, and those that hold a name. */
  readonly strings: readonly string[]
  readonly names: readonly string[]
  /** Whether names in quotes know backslashes too. */
  readonly backslashInNames: boolean
  /** Whether `$tag$…$tag$` is a string. */
  readonly dollarQuotes: boolean
  /** What is refused wherever it stands outside of quotes and ordinary comments. */
  readonly refused: readonly Refusal[]
}

export interface Refusal {
  readonly form: RegExp
  readonly why: string
}

export type TokenKind = 'word' | 'name' | 'string' | 'number' | 'symbol'

export interface Token {
  readonly kind: TokenKind
  /** A word in lower case; what a quoted name holds, in lower case; the character itself of a symbol; '' for strings. */
  readonly text: string
  /** Where it begins, in UTF-16 units. */
  readonly at: number
  /** Where it ends. */
  readonly to: number
}

/** Servers differ on other kinds of space: one that is none to the server but is one to us could hide a word, so it is refused. */
const SPACE = /[ \t\n\r\f\v]+/y
const WORD = /(?:[A-Za-z_]|[^\p{ASCII}\p{Z}\p{C}])(?:[A-Za-z0-9_$]|[^\p{ASCII}\p{Z}\p{C}])*/uy
const NUMBER = /(?:0[xX][0-9a-fA-F]+|\d[\d_]*\.?[\d_]*(?:[eE][+-]?\d+)?)/y
const DOLLAR_TAG = /\$(?:[A-Za-z_\u0080-\u{10ffff}][A-Za-z0-9_\u0080-\u{10ffff}]*)?\$/uy
/** Also bounds the time that the guard takes: it looks at each character a fixed number of times. */
export const SQL_CHARS_MAX = 1_000_000

/** Throws QUERY_REFUSED where the text cannot be read with certainty. */
export function tokensOf(sql: string, lexicon: Lexicon): Token[] {
  if (sql.length > SQL_CHARS_MAX)
    throw queryRefused(`The text of the query is longer than ${SQL_CHARS_MAX} characters`)
  const zero = sql.indexOf('\0')
  if (zero !== -1) throw queryRefused('The text of the query holds a null character', positionAt(sql, zero))
  const tokens: Token[] = []
  for (let at = 0; at < sql.length; ) {
    const blank = blankEnd(sql, at, lexicon)
    if (blank > at) {
      at = blank
      continue
    }
    const token = tokenAt(sql, at, lexicon)
    refuseContinued(sql, tokens.at(-1), token)
    tokens.push(token)
    at = token.to
  }
  return tokens
}

/** The server reads a string behind E'…' on a further line as its continuation, with backslashes; refusing is simpler than knowing when. */
function refuseContinued(sql: string, before: Token | undefined, token: Token): void {
  if (token.kind === 'string' && before?.kind === 'string' && /^[eE]/.test(sql.charAt(before.at)))
    throw queryRefused("A string goes on behind E'…': write it in one piece", positionAt(sql, token.at))
}

/** Where the white space or comment that begins at `at` ends; `at` itself where there is none. */
function blankEnd(sql: string, at: number, lexicon: Lexicon): number {
  const space = endOf(SPACE, sql, at)
  if (space !== undefined) return space
  const refused = lexicon.refused.find(({ form }) => endOf(form, sql, at) !== undefined)
  if (refused !== undefined) throw queryRefused(refused.why, positionAt(sql, at))
  if (lexicon.lineComments.some((form) => endOf(form, sql, at) !== undefined)) {
    return lineEnd(sql, at)
  }
  return sql.startsWith('/*', at) ? blockCommentEnd(sql, at, lexicon.blockCommentsNest) : at
}

/** Servers differ on whether a carriage return by itself ends a comment. */
function lineEnd(sql: string, at: number): number {
  const line = sql.indexOf('\n', at)
  const end = line === -1 ? sql.length : line
  const bare = sql.slice(at, end).search(/\r(?!$)/)
  if (bare !== -1)
    throw queryRefused(
      'A carriage return stands in a comment: end lines with a line feed',
      positionAt(sql, at + bare),
    )
  return line === -1 ? end : end + 1
}

function blockCommentEnd(sql: string, at: number, nests: boolean): number {
  const edge = /\/\*|\*\//g
  edge.lastIndex = at
  let depth = 0
  for (let found = edge.exec(sql); found !== null; found = edge.exec(sql)) {
    depth += found[0] === '*/' ? -1 : 1
    if (depth > 1 && !nests)
      throw queryRefused('A comment begins within a comment', positionAt(sql, found.index))
    if (depth === 0) return edge.lastIndex
  }
  throw queryRefused('A comment that begins here does not end', positionAt(sql, at))
}

function tokenAt(sql: string, at: number, lexicon: Lexicon): Token {
  const first = sql.charAt(at)
  if (lexicon.strings.includes(first)) {
    const to = quotedEnd(sql, at, lexicon.backslash === 'always')
    return { kind: 'string', text: '', at, to }
  }
  if (lexicon.names.includes(first)) {
    const to = quotedEnd(sql, at, lexicon.backslashInNames)
    return { kind: 'name', text: unquoted(sql, at, to, lexicon), at, to }
  }
  if (lexicon.backslash === 'after-e' && /^[eE]'/.test(sql.slice(at, at + 2)))
    return { kind: 'string', text: '', at, to: quotedEnd(sql, at + 1, true) }
  if (lexicon.dollarQuotes && first === '$') {
    const to = dollarEnd(sql, at)
    if (to !== undefined) return { kind: 'string', text: '', at, to }
  }
  const word = endOf(WORD, sql, at)
  if (word !== undefined) return { kind: 'word', text: sql.slice(at, word).toLowerCase(), at, to: word }
  const number = endOf(NUMBER, sql, at)
  if (number !== undefined) return { kind: 'number', text: sql.slice(at, number), at, to: number }
  if (first > '\x7f')
    throw queryRefused('Here stands a space or control character outside of ASCII', positionAt(sql, at))
  return { kind: 'symbol', text: first, at, to: at + 1 }
}

/** Behind the quote that closes the one at `at`; a doubled quote stands for itself. */
function quotedEnd(sql: string, at: number, backslash: boolean): number {
  const quote = sql.charAt(at)
  for (let i = at + 1; i < sql.length; i++) {
    const character = sql.charAt(i)
    if (character === '\\' && backslash) i++
    else if (character === quote) {
      if (sql.charAt(i + 1) !== quote) return i + 1
      i++
    }
  }
  throw queryRefused('A quote that opens here is not closed', positionAt(sql, at))
}

function unquoted(sql: string, at: number, to: number, { backslashInNames }: Lexicon): string {
  const quote = sql.charAt(at)
  const inside = sql
    .slice(at + 1, to - 1)
    .replaceAll(quote + quote, quote)
    .toLowerCase()
  if (backslashInNames && inside.includes('\\'))
    throw queryRefused('A quoted name holds a backslash: write the name without', positionAt(sql, at))
  return inside
}

function dollarEnd(sql: string, at: number): number | undefined {
  const opened = endOf(DOLLAR_TAG, sql, at)
  if (opened === undefined) return undefined
  const tag = sql.slice(at, opened)
  const closed = sql.indexOf(tag, opened)
  if (closed === -1) throw queryRefused(`The string that ${tag} opens is not closed`, positionAt(sql, at))
  return closed + tag.length
}

/** Where `form` (sticky) ends when it begins at `at`. */
function endOf(form: RegExp, sql: string, at: number): number | undefined {
  form.lastIndex = at
  return form.test(sql) ? form.lastIndex : undefined
}
