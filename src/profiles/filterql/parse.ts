/**
 * From FilterQL to a tree. The grammar:
 *
 *   statement := FILTER rule { FROM name | LIMIT whole | WITH name = literal { [,] name = literal } | ALIAS name } [;]
 *   rule      := (AND | OR) ( rule { [,] rule } [,] ) | NOT rule | ( rule ) | * | match_all | true | false
 *              | EXISTS subject | INCLUDE name | literal compare subject | literal [NOT] IN subject | subject [test]
 *   test      := compare literal | [NOT] ( IN | INTERSECTS ) ( literal { [,] literal } [,] )
 *              | [NOT] ( CONTAINS | LIKE ) literal | [NOT] BETWEEN literal AND literal
 *   subject   := field { . key } | function ( [ operand { , operand } ] )
 *
 * What a field is, and whether it can be tested so, compile.ts knows.
 */

import type { ThalwegError } from '../../core/errors.ts'
import { failure, type Span } from './failure.ts'
import { KEYWORDS, type Token, tokensOf } from './tokens.ts'
import {
  COMPARISONS,
  CONDITIONS_MAX,
  type Comparison,
  DEPTH_MAX,
  type Literal,
  type Operand,
  type Rule,
  type Statement,
  type Subject,
  TEXT_CHARS_MAX,
  TURNED,
  VALUES_MAX,
} from './tree.ts'

/** Where a rule or a subject stands, and of a rule each of its values, in order. */
export interface Place extends Span {
  readonly values: readonly Span[]
}

export interface Parsed {
  readonly text: string
  readonly statement: Statement
  /** Of every rule and subject of the tree. */
  readonly places: WeakMap<object, Place>
  /** The name after ALIAS. */
  readonly aliasAt: Span | undefined
  /** The names after INCLUDE, in order of the text. */
  readonly includes: readonly { readonly audience: string; readonly at: Span }[]
}

/** Throws FILTERQL_INVALID, whose details are a FilterFailure. */
export function parseFilter(text: string): Parsed {
  if (text.length > TEXT_CHARS_MAX)
    throw failure(
      text,
      { start: TEXT_CHARS_MAX, end: TEXT_CHARS_MAX },
      `A statement has at most ${TEXT_CHARS_MAX} characters`,
    )
  return new Parser(text).statement()
}

const TESTS = ['IN', 'INTERSECTS', 'CONTAINS', 'LIKE', 'BETWEEN'] as const
type Test = (typeof TESTS)[number]

class Parser {
  readonly #text: string
  readonly #tokens: readonly Token[]
  readonly #places = new WeakMap<object, Place>()
  readonly #includes: { audience: string; at: Span }[] = []
  #aliasAt: Span | undefined
  #next = 0
  #conditions = 0

  constructor(text: string) {
    this.#text = text
    this.#tokens = tokensOf(text)
  }

  statement(): Parsed {
    if (this.#keyword() === 'SELECT')
      throw this.#failure('Columns cannot be selected here: begin with FILTER', this.#token())
    this.#take('FILTER')
    const rule = this.#rule(1)
    const statement = { rule, ...this.#clauses() }
    this.#skip(';')
    if (this.#token().kind !== 'end') throw this.#expected('the end, FROM, LIMIT, WITH or ALIAS')
    return {
      text: this.#text,
      statement,
      places: this.#places,
      aliasAt: this.#aliasAt,
      includes: this.#includes,
    }
  }

  #clauses(): Omit<Statement, 'rule'> {
    const clauses: { -readonly [Clause in keyof Omit<Statement, 'rule'>]: Statement[Clause] } = {}
    for (;;) {
      const { keyword } = this.#token()
      const clause = keyword.toLowerCase()
      if (clause !== 'from' && clause !== 'limit' && clause !== 'with' && clause !== 'alias') return clauses
      if (clauses[clause] !== undefined) throw this.#failure(`${keyword} stands here twice`, this.#token())
      this.#next++
      if (clause === 'limit') clauses.limit = this.#whole()
      else if (clause === 'with') clauses.with = this.#pairs()
      else {
        if (clause === 'alias') this.#aliasAt = this.#token()
        clauses[clause] = this.#name(clause === 'from' ? 'the name of a table' : 'a name')
      }
    }
  }

  #whole(): number {
    const token = this.#token()
    const whole = Number(token.value)
    if (token.kind !== 'number' || !Number.isSafeInteger(whole) || whole < 0)
      throw this.#expected('a whole number')
    this.#next++
    return whole
  }

  #pairs(): (readonly [string, Literal])[] {
    const pairs: (readonly [string, Literal])[] = []
    do {
      const name = this.#name('a name')
      if (!this.#skip('==')) this.#take('=')
      pairs.push([name, this.#literal()])
    } while (this.#skip(',') || this.#follows('=') || this.#follows('=='))
    return pairs
  }

  #rule(depth: number): Rule {
    const start = this.#token()
    if (depth > DEPTH_MAX) throw this.#failure(`Rules nest at most ${DEPTH_MAX} deep`, start)
    const values: Span[] = []
    const rule = this.#bare(depth, values)
    // Brackets leave no trace in the tree: the place stays that of what they enclose.
    if (!this.#places.has(rule)) this.#place(rule, start, values)
    return rule
  }

  #bare(depth: number, values: Span[]): Rule {
    const { keyword, kind, value } = this.#token()
    switch (keyword) {
      case 'AND':
      case 'OR':
        this.#next++
        return { kind: keyword === 'AND' ? 'and' : 'or', rules: this.#rules(keyword, depth) }
      case 'NOT':
        this.#next++
        return { kind: 'not', rule: this.#rule(depth + 1) }
      case 'MATCH_ALL':
        this.#next++
        return this.#condition({ kind: 'all' })
      case 'EXISTS':
        this.#next++
        return this.#condition({ kind: 'exists', of: this.#subject() })
      case 'INCLUDE':
        this.#next++
        return this.#condition(this.#include())
    }
    if (kind === 'symbol' && value === '*') {
      this.#next++
      return this.#condition({ kind: 'all' })
    }
    if (this.#skip('(')) {
      const rule = this.#rule(depth + 1)
      this.#take(')')
      return rule
    }
    if (this.#atLiteral()) return this.#condition(this.#turned(values))
    if (!this.#atSubject()) throw this.#expected('a condition')
    return this.#condition(this.#tested(values))
  }

  #condition(rule: Rule): Rule {
    if (++this.#conditions > CONDITIONS_MAX)
      throw this.#failure(`A rule has at most ${CONDITIONS_MAX} conditions`, this.#token())
    return rule
  }

  #rules(keyword: string, depth: number): Rule[] {
    if (!this.#skip('(')) throw this.#expected(`( after ${keyword}, which stands before its list`)
    const rules: Rule[] = []
    while (rules.length === 0 || !this.#skip(')')) {
      if (this.#token().kind === 'end') throw this.#expected(') or another condition')
      rules.push(this.#rule(depth + 1))
      this.#skip(',')
    }
    return rules
  }

  #include(): Rule {
    const at = this.#token()
    const audience = this.#name('the slug or number of an audience')
    this.#includes.push({ audience, at })
    return { kind: 'include', audience }
  }

  /** A condition that begins with its value. */
  #turned(values: Span[]): Rule {
    const { start, end, keyword } = this.#token()
    values.push({ start, end })
    const value = this.#literal()
    const not = this.#keyword() === 'NOT' && this.#keyword(1) === 'IN'
    if (not) this.#next++
    if (this.#keyword() === 'IN') {
      this.#next++
      return negated(not, this.#placed({ kind: 'in', of: this.#subject(), values: [value] }, start, values))
    }
    const operator = this.#comparison()
    if (operator !== undefined)
      return { kind: 'compare', operator: TURNED[operator], of: this.#subject(), value }
    if (keyword === 'TRUE' || keyword === 'FALSE') return { kind: 'constant', value: keyword === 'TRUE' }
    throw this.#expected('a comparison, or IN with a field')
  }

  /** A condition that begins with what it is about. */
  #tested(values: Span[]): Rule {
    const { start } = this.#token()
    const of = this.#subject()
    const operator = this.#comparison()
    if (operator !== undefined) return { kind: 'compare', operator, of, value: this.#value(values) }
    const not = this.#keyword() === 'NOT' && isTest(this.#keyword(1))
    if (not) this.#next++
    const test = this.#keyword()
    if (!isTest(test)) return { kind: 'holds', of }
    this.#next++
    return negated(not, this.#placed(this.#test(test, of, values), start, values))
  }

  #test(test: Test, of: Subject, values: Span[]): Rule {
    switch (test) {
      case 'IN':
      case 'INTERSECTS':
        return { kind: test === 'IN' ? 'in' : 'intersects', of, values: this.#list(values) }
      case 'CONTAINS':
      case 'LIKE':
        return { kind: test === 'LIKE' ? 'like' : 'contains', of, value: this.#value(values) }
      case 'BETWEEN': {
        const from = this.#value(values)
        this.#take('AND')
        return { kind: 'between', of, from, to: this.#value(values) }
      }
    }
  }

  #list(values: Span[]): Literal[] {
    if (!this.#skip('(')) throw this.#expected('a list of values in brackets')
    const list: Literal[] = []
    while (list.length === 0 || !this.#skip(')')) {
      if (list.length === VALUES_MAX)
        throw this.#failure(`A list has at most ${VALUES_MAX} values`, this.#token())
      list.push(this.#value(values))
      this.#skip(',')
    }
    return list
  }

  #subject(): Subject {
    if (!this.#atSubject()) throw this.#expected('the name of a field')
    const first = this.#token()
    this.#next++
    const subject: Subject = this.#adjacent('(') ? this.#call(first) : this.#field(first)
    this.#place(subject, first, [])
    return subject
  }

  #call({ value }: Token): Subject {
    this.#take('(')
    const args: Operand[] = []
    while (!this.#skip(')')) {
      if (args.length > 0) this.#take(',')
      args.push(this.#atLiteral() ? { kind: 'value', value: this.#literal() } : this.#subject())
    }
    return { kind: 'call', name: value.toLowerCase(), args }
  }

  #field({ value: field }: Token): Subject {
    const key: string[] = []
    while (this.#adjacent('.')) {
      this.#next++
      const { kind, value } = this.#token()
      const named = kind === 'word' || kind === 'quoted' || (kind === 'number' && !value.startsWith('-'))
      if (!named || !this.#touches()) throw this.#expected('a key of the map')
      key.push(value)
      this.#next++
    }
    return key.length === 0 ? { kind: 'field', field } : { kind: 'field', field, key: key.join('.') }
  }

  #comparison(): Comparison | undefined {
    const { kind, value } = this.#token()
    if (kind !== 'symbol') return undefined
    const operator = value === '==' ? '=' : COMPARISONS.find((comparison) => comparison === value)
    if (operator !== undefined) this.#next++
    return operator
  }

  #value(values: Span[]): Literal {
    const { start, end } = this.#token()
    values.push({ start, end })
    return this.#literal()
  }

  #literal(): Literal {
    const { kind, value, keyword } = this.#token()
    if (kind === 'word' && !this.#atLiteral()) throw this.#expected('a value; texts stand in double quotes')
    if (!this.#atLiteral()) throw this.#expected('a value')
    this.#next++
    if (kind === 'string') return value
    // Zero has no sign here, so that what is printed reads back as it was.
    if (kind === 'number') return Number(value) || 0
    return keyword === 'NULL' ? null : keyword === 'TRUE'
  }

  #name(what: string): string {
    const { kind, value, keyword } = this.#token()
    const plain = (kind === 'word' && !isReserved(keyword)) || (kind === 'number' && /^\w+$/.test(value))
    if ((!plain && kind !== 'quoted' && kind !== 'single') || value === '') throw this.#expected(what)
    this.#next++
    return value
  }

  #atLiteral(): boolean {
    const { kind, keyword, value } = this.#token()
    if (kind === 'number') return Number.isFinite(Number(value))
    return kind === 'string' || keyword === 'TRUE' || keyword === 'FALSE' || keyword === 'NULL'
  }

  #atSubject(): boolean {
    const { kind, value, keyword } = this.#token()
    return (
      (kind === 'quoted' && value !== '') || (kind === 'word' && !isReserved(keyword) && /^\D/.test(value))
    )
  }

  #token(ahead = 0): Token {
    return this.#tokens[Math.min(this.#next + ahead, this.#tokens.length - 1)] as Token
  }

  #keyword(ahead = 0): string {
    return this.#token(ahead).keyword
  }

  /** The word after the next one. */
  #follows(symbol: string): boolean {
    const token = this.#token(1)
    return token.kind === 'symbol' && token.value === symbol
  }

  /** A symbol that stands here with no blank before it. */
  #adjacent(symbol: string): boolean {
    const { kind, value } = this.#token()
    return kind === 'symbol' && value === symbol && this.#touches()
  }

  #touches(): boolean {
    return this.#tokens[this.#next - 1]?.end === this.#token().start
  }

  #skip(symbol: string): boolean {
    const { kind, value } = this.#token()
    if (kind !== 'symbol' || value !== symbol) return false
    this.#next++
    return true
  }

  #take(word: string): void {
    const { kind, value, keyword } = this.#token()
    if (keyword !== word && (kind !== 'symbol' || value !== word)) throw this.#expected(word)
    this.#next++
  }

  #placed<R extends Rule>(rule: R, start: number, values: readonly Span[]): R {
    this.#place(rule, { start }, values)
    return rule
  }

  /** From its start to the end of what was read last. */
  #place(what: object, { start }: Pick<Span, 'start'>, values: readonly Span[]): void {
    this.#places.set(what, { start, end: this.#tokens[this.#next - 1]?.end ?? start, values })
  }

  #expected(what: string): ThalwegError {
    const token = this.#token()
    const found =
      token.kind === 'end' ? 'the text ends' : `found ${excerptOf(this.#text.slice(token.start, token.end))}`
    return this.#failure(`Expected ${what}, but ${found}${this.#advice(token)}`, token)
  }

  #advice({ keyword, kind }: Token): string {
    if (kind === 'single') return '; texts stand in double quotes'
    if (keyword === 'AND' || keyword === 'OR') return `; ${keyword} stands before its list: ${keyword} (a, b)`
    return isReserved(keyword) ? '; a field of this name stands in back-ticks' : ''
  }

  #failure(what: string, { start, end }: Span): ThalwegError {
    return failure(this.#text, { start, end }, what)
  }
}

function negated(not: boolean, rule: Rule): Rule {
  return not ? { kind: 'not', rule } : rule
}

function isTest(keyword: string): keyword is Test {
  return TESTS.some((test) => test === keyword)
}

const EXCERPT_CHARS_MAX = 40

function excerptOf(text: string): string {
  return text.length <= EXCERPT_CHARS_MAX ? text : `${text.slice(0, EXCERPT_CHARS_MAX)}…`
}

function isReserved(keyword: string): boolean {
  return KEYWORDS.has(keyword)
}
