/**
 * SQL as words, enough to see where strings, quoted names and comments begin and end. It knows no grammar: who needs to
 * tell a statement that only reads from one that writes, or to spell a form as another engine does, must never be
 * fooled by a keyword inside a string.
 */

export interface SqlToken {
  /** `broken`: a string, quoted name or comment that never ends; it is the last token. */
  readonly kind: 'word' | 'quoted' | 'string' | 'number' | 'symbol' | 'broken'
  /** Exactly as written, quotes included. */
  readonly text: string
  /** Of a word: in lower case. Of a string or quoted name: what stands between the quotes, undoubled. Else the text. */
  readonly value: string
  /** Where it begins, in UTF-16 units from 0. */
  readonly at: number
}

export interface SqlLexis {
  /** What double quotes enclose. The other quote of the same role is ' for strings and ` for names. */
  readonly doubleQuotes: 'name' | 'string'
  /** Whether a backslash inside a string takes the next character with it. */
  readonly backslash: boolean
}

export const STANDARD_LEXIS: SqlLexis = { doubleQuotes: 'name', backslash: false }
export const HIVE_LEXIS: SqlLexis = { doubleQuotes: 'string', backslash: true }

const BLANKS_AND_COMMENTS = /(?:\s+|--[^\n\r]*|\/\*.*?\*\/)+/sy
const WORD = /[\p{L}_][\p{L}\p{N}_$]*/uy
const NUMBER = /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y
const SYMBOL = /<>|!=|==|<=|>=|&&|\|\||->|=>|::|./suy

/** All tokens in order; blanks and comments are left out. Costs time in proportion to the text. */
export function sqlTokens(sql: string, lexis: SqlLexis = STANDARD_LEXIS): SqlToken[] {
  const tokens: SqlToken[] = []
  for (let at = 0; at < sql.length; ) {
    at += matched(BLANKS_AND_COMMENTS, sql, at).length
    if (at >= sql.length) break
    const token = tokenAt(sql, at, lexis)
    tokens.push(token)
    at += token.text.length
  }
  return tokens
}

/** Line and column, both from 1, as engines print them. */
export function positionIn(sql: string, at: number): { line: number; column: number } {
  const before = sql.slice(0, at)
  const lineStart = before.lastIndexOf('\n') + 1
  return { line: before.split('\n').length, column: at - lineStart + 1 }
}

function tokenAt(sql: string, at: number, lexis: SqlLexis): SqlToken {
  const first = sql[at] ?? ''
  if (sql.startsWith('/*', at)) return { kind: 'broken', text: sql.slice(at), value: '/*', at }
  if (first === "'" || first === '"' || first === '`') return quotedAt(sql, at, first, lexis)
  const word = matched(WORD, sql, at)
  if (word !== '') return { kind: 'word', text: word, value: word.toLowerCase(), at }
  const number = matched(NUMBER, sql, at)
  if (number !== '') return { kind: 'number', text: number, value: number, at }
  const symbol = matched(SYMBOL, sql, at)
  return { kind: 'symbol', text: symbol, value: symbol, at }
}

function quotedAt(sql: string, at: number, quote: string, lexis: SqlLexis): SqlToken {
  const isString = quote === "'" || (quote === '"' && lexis.doubleQuotes === 'string')
  let value = ''
  for (let i = at + 1; i < sql.length; i++) {
    const character = sql[i] ?? ''
    if (character === '\\' && isString && lexis.backslash) {
      value += sql[++i] ?? ''
    } else if (character !== quote) {
      value += character
    } else if (sql[i + 1] === quote) {
      value += quote
      i++
    } else {
      return { kind: isString ? 'string' : 'quoted', text: sql.slice(at, i + 1), value, at }
    }
  }
  return { kind: 'broken', text: sql.slice(at), value: quote, at }
}

function matched(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0] ?? ''
}
