/**
 * The language of mappings, as text and as a tree: names of the record's members, literals, calls, comparisons, AND, OR
 * and NOT. A subset of LQL's expressions (Lytics): no arithmetic, no LIKE.
 *
 *   expression = and { ( OR | || ) and }        and = not { ( AND | && ) not }
 *   not        = ( NOT | ! ) not | comparison
 *   comparison = operand [ ( == | = | != | <> | < | <= | > | >= ) operand | [ NOT ] IN ( expression { , expression } ) ]
 *   operand    = ( expression ) | literal | name { . name } | name { . name } ( [ expression { , expression } ] )
 *
 * Names are case-sensitive, words and functions are not. Back-ticks enclose a name that has blanks or dots, or that is a
 * word of the language; quotes of either kind enclose text. Comments begin with `--`.
 */

import { ThalwegError } from '../../core/errors.ts'
import { positionIn, type SqlLexis, type SqlToken, sqlTokens } from '../../core/sql-tokens.ts'

export type Literal = string | number | boolean | null

export const COMPARISONS = ['==', '!=', '<', '<=', '>', '>='] as const
export type Comparison = (typeof COMPARISONS)[number]

/** `at`: where it begins in the text, in UTF-16 units from 0. */
export type Node =
  | { readonly kind: 'literal'; readonly at: number; readonly value: Literal }
  | { readonly kind: 'name'; readonly at: number; readonly path: readonly string[] }
  | { readonly kind: 'call'; readonly at: number; readonly name: string; readonly args: readonly Node[] }
  | {
      readonly kind: 'compare'
      readonly at: number
      readonly operator: Comparison
      readonly left: Node
      readonly right: Node
    }
  | { readonly kind: 'in'; readonly at: number; readonly needle: Node; readonly list: readonly Node[] }
  | { readonly kind: 'and' | 'or'; readonly at: number; readonly parts: readonly Node[] }
  | { readonly kind: 'not'; readonly at: number; readonly part: Node }

const LEXIS: SqlLexis = { doubleQuotes: 'string', backslash: true }
const DEPTH_MAX = 50
const WORDS = new Set(['and', 'or', 'not', 'in', 'true', 'false', 'null'])
const OPERATORS: Readonly<Record<string, Comparison>> = {
  '==': '==',
  '=': '==',
  '!=': '!=',
  '<>': '!=',
  '<': '<',
  '<=': '<=',
  '>': '>',
  '>=': '>=',
}
const BROKEN: Readonly<Record<string, string>> = {
  "'": 'the text that begins here has no closing quote',
  '"': 'the text that begins here has no closing quote',
  '`': 'the name that begins here has no closing back-tick',
  '/*': 'the comment that begins here has no end',
}

/** Throws PROFILE_SCHEMA_INVALID with the position and what was expected there. */
export function parseExpression(text: string): Node {
  return new Parser(text).parse()
}

/** An error of an expression: what, and where in its text. */
export function expressionError(text: string, at: number, what: string): ThalwegError {
  const { line, column } = positionIn(text, at)
  return new ThalwegError('PROFILE_SCHEMA_INVALID', `line ${line}, column ${column}: ${what}`, {
    details: { line, column },
  })
}

class Parser {
  readonly #text: string
  readonly #tokens: readonly SqlToken[]
  #next = 0
  #depth = 0

  constructor(text: string) {
    this.#text = text
    this.#tokens = sqlTokens(text, LEXIS)
  }

  parse(): Node {
    const node = this.#expression()
    if (this.#peek() !== undefined) throw this.#unexpected('the end, or an operator')
    return node
  }

  #expression(): Node {
    if (++this.#depth > DEPTH_MAX)
      throw expressionError(this.#text, this.#at, `more than ${DEPTH_MAX} expressions in one another`)
    const node = this.#joined('or', '||', () => this.#joined('and', '&&', () => this.#not()))
    this.#depth--
    return node
  }

  #joined(kind: 'and' | 'or', symbol: string, part: () => Node): Node {
    const at = this.#at
    const parts = [part()]
    while (this.#takeWord(kind) || this.#takeSymbol(symbol)) parts.push(part())
    const [only] = parts
    return parts.length === 1 && only !== undefined ? only : { kind, at, parts }
  }

  #not(): Node {
    const at = this.#at
    let isNegated = false
    let isNot = false
    while (this.#takeNot()) {
      isNot = true
      isNegated = !isNegated
    }
    const part = this.#comparison()
    if (!isNot) return part
    const once: Node = { kind: 'not', at, part }
    return isNegated ? once : { kind: 'not', at, part: once }
  }

  /** `not(x)` is a call, and means the same. */
  #takeNot(): boolean {
    const isCall = this.#tokens[this.#next + 1]?.text === '('
    return this.#takeSymbol('!') || (!isCall && this.#takeWord('not'))
  }

  #comparison(): Node {
    const at = this.#at
    const left = this.#operand()
    const token = this.#peek()
    const operator = token?.kind === 'symbol' ? OPERATORS[token.text] : undefined
    if (operator !== undefined) {
      this.#next++
      return { kind: 'compare', at, operator, left, right: this.#operand() }
    }
    if (this.#isWord(token, 'not') && this.#isWord(this.#tokens[this.#next + 1], 'in')) {
      this.#next += 2
      return { kind: 'not', at, part: { kind: 'in', at, needle: left, list: this.#list() } }
    }
    return this.#takeWord('in') ? { kind: 'in', at, needle: left, list: this.#list() } : left
  }

  #list(): Node[] {
    this.#expectSymbol('(')
    return this.#argumentsAfter()
  }

  #operand(): Node {
    const token = this.#peek()
    if (token === undefined) throw this.#unexpected('a name, a function or a value')
    const { at } = token
    if (this.#takeSymbol('(')) {
      const inside = this.#expression()
      this.#expectSymbol(')')
      return inside
    }
    if (token.kind === 'string') return this.#literal(token.value)
    if (token.kind === 'number') return this.#literal(Number(token.text))
    if (token.text === '-') {
      this.#next++
      const number = this.#peek()
      if (number?.kind !== 'number') throw this.#unexpected('a number')
      return { ...this.#literal(-Number(number.text)), at }
    }
    if (token.kind === 'word' && ['true', 'false', 'null'].includes(token.value))
      return this.#literal(token.value === 'null' ? null : token.value === 'true')
    return this.#nameOrCall()
  }

  #literal(value: Literal): Node {
    const at = this.#at
    this.#next++
    return { kind: 'literal', at, value }
  }

  #nameOrCall(): Node {
    const at = this.#at
    const path = [this.#name('a name, a function or a value', false)]
    let isQuoted = this.#tokens[this.#next - 1]?.kind === 'quoted'
    while (this.#takeSymbol('.')) {
      path.push(this.#name('a name behind the dot', true))
      isQuoted ||= this.#tokens[this.#next - 1]?.kind === 'quoted'
    }
    if (isQuoted || !this.#takeSymbol('(')) {
      const [first = ''] = path
      if (path.length === 1 && !isQuoted && WORDS.has(first.toLowerCase()))
        throw expressionError(this.#text, at, `${first} is a word of the language: write \`${first}\``)
      return { kind: 'name', at, path }
    }
    return { kind: 'call', at, name: path.join('.').toLowerCase(), args: this.#argumentsAfter() }
  }

  /** A number may be a part of a path, as in `scores.7`, where it does not follow the dot of a decimal. */
  #name(expected: string, isInside: boolean): string {
    const token = this.#peek()
    const isName = token?.kind === 'word' || (token?.kind === 'quoted' && token.value !== '')
    if (!isName && !(isInside && token?.kind === 'number' && /^\d+$/.test(token.text)))
      throw this.#unexpected(expected)
    this.#next++
    return token?.kind === 'quoted' ? token.value : (token?.text ?? '')
  }

  /** Behind an opening parenthesis, to the closing one. */
  #argumentsAfter(): Node[] {
    if (this.#takeSymbol(')')) return []
    const args = [this.#expression()]
    while (this.#takeSymbol(',')) args.push(this.#expression())
    if (!this.#takeSymbol(')')) throw this.#unexpected('a comma or )')
    return args
  }

  get #at(): number {
    return this.#peek()?.at ?? this.#text.length
  }

  #peek(): SqlToken | undefined {
    const token = this.#tokens[this.#next]
    if (token?.kind === 'broken')
      throw expressionError(this.#text, token.at, BROKEN[token.value] ?? 'this has no end')
    return token
  }

  #isWord(token: SqlToken | undefined, word: string): boolean {
    return token?.kind === 'word' && token.value === word
  }

  #takeWord(word: string): boolean {
    if (!this.#isWord(this.#peek(), word)) return false
    this.#next++
    return true
  }

  #takeSymbol(symbol: string): boolean {
    const token = this.#peek()
    if (token?.kind !== 'symbol' || token.text !== symbol) return false
    this.#next++
    return true
  }

  #expectSymbol(symbol: string): void {
    if (!this.#takeSymbol(symbol)) throw this.#unexpected(symbol)
  }

  #unexpected(expected: string): ThalwegError {
    const token = this.#peek()
    const found = token === undefined ? 'the end' : token.text
    return expressionError(this.#text, this.#at, `expected ${expected}, found ${found}`)
  }
}
