/** FilterQL as words. It knows no grammar. */

import { failure, type Span } from './failure.ts'

export interface Token extends Span {
  /** `quoted` by back-ticks, `single` by apostrophes; `end` after the last one. */
  readonly kind: 'word' | 'quoted' | 'single' | 'string' | 'number' | 'symbol' | 'end'
  /** Of quoted ones: what stands between the quotes. Else as written. */
  readonly value: string
  /** Of a word: in upper case, to compare with keywords. Else empty. */
  readonly keyword: string
}

export const KEYWORDS: ReadonlySet<string> = new Set([
  ...['FILTER', 'SELECT', 'FROM', 'LIMIT', 'WITH', 'ALIAS', 'AND', 'OR', 'NOT', 'EXISTS', 'IN', 'INTERSECTS'],
  ...['CONTAINS', 'LIKE', 'BETWEEN', 'INCLUDE', 'TRUE', 'FALSE', 'NULL', 'MATCH_ALL'],
])

const BLANKS_AND_COMMENTS = /(?:\s+|--[^\n]*)+/y
// A dash inside belongs to the word: slugs have them, and the language does not calculate.
const WORD = /[\p{L}_][\p{L}\p{N}_]*(?:-[\p{L}\p{N}_]+)*/uy
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\p{L}\p{N}_])/uy
// Ids that begin with a digit, after INCLUDE.
const ID = /\d[\p{L}\p{N}_]*(?:-[\p{L}\p{N}_]+)*/uy
const SYMBOL = /==|!=|<=|>=|[=<>(),.;*]/y
// Quotes within are doubled, or escaped in strings.
const STRING = /"((?:[^"\\]|""|\\.)*)"/sy
const QUOTED = /`((?:[^`]|``)*)`/y
const SINGLE = /'((?:[^']|'')*)'/y

/** All tokens in order, `end` the last. Throws FILTERQL_INVALID for what is no word of the language. */
export function tokensOf(text: string): Token[] {
  const tokens: Token[] = []
  for (let at = skipBlanks(text, 0); at < text.length; ) {
    const token = tokenAt(text, at)
    tokens.push(token)
    at = skipBlanks(text, token.end)
  }
  tokens.push({ kind: 'end', value: '', keyword: '', start: text.length, end: text.length })
  return tokens
}

function skipBlanks(text: string, at: number): number {
  return at + matched(BLANKS_AND_COMMENTS, text, at).length
}

function tokenAt(text: string, start: number): Token {
  switch (text[start]) {
    case '"':
      return enclosed(text, start, 'string', STRING, (inner) => inner.replaceAll(/""|\\(["\\])/g, unescaped))
    case '`':
      return enclosed(text, start, 'quoted', QUOTED, (inner) => inner.replaceAll('``', '`'))
    case "'":
      return enclosed(text, start, 'single', SINGLE, (inner) => inner.replaceAll("''", "'"))
  }
  for (const [kind, pattern] of PATTERNS) {
    const value = matched(pattern, text, start)
    if (value === '') continue
    const keyword = kind === 'word' ? value.toUpperCase() : ''
    return { kind, value, keyword, start, end: start + value.length }
  }
  const [odd = ''] = text.slice(start)
  throw failure(text, { start, end: start + odd.length }, `Unexpected ${JSON.stringify(odd)}`)
}

const PATTERNS: readonly (readonly [Token['kind'], RegExp])[] = [
  ['number', NUMBER],
  ['word', WORD],
  ['word', ID],
  ['symbol', SYMBOL],
]

/** `""` and `\"` are a quote, `\\` a backslash; any other backslash is itself. */
function unescaped(_pair: string, escaped: string | undefined): string {
  return escaped ?? '"'
}

function enclosed(
  text: string,
  start: number,
  kind: Token['kind'],
  pattern: RegExp,
  read: (inner: string) => string,
): Token {
  const whole = matched(pattern, text, start)
  if (whole === '')
    throw failure(text, { start, end: start + 1 }, `The ${text[start]} that opens here is never closed`)
  return { kind, value: read(whole.slice(1, -1)), keyword: '', start, end: start + whole.length }
}

function matched(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0] ?? ''
}
