/**
 * A query as Treasure Data's engines spell it, as DuckDB spells it. Words are exchanged in place; nothing is understood
 * that need not be, and what is not understood goes to DuckDB as it is. Every place in the result knows the place it
 * came from, so that an error can point into the text that the client sent.
 *
 *   function names, format and path texts     functions.ts
 *   CAST(x AS ARRAY(T)), ROW(name T, …)       T[], STRUCT(name T, …)
 *   CAST(x AS JSON)                           to_json(x): text becomes a JSON string, it is not parsed
 *   CAST(x AS VARCHAR)                        vendor_text(x): a JSON string loses its quotes
 *   CURRENT_DATE, CURRENT_TIMESTAMP           the moment of the query
 *   `name`, "text" (Hive)                     "name", 'text'
 */

import { ThalwegError } from '../../core/errors.ts'
import { HIVE_LEXIS, positionIn, type SqlToken, STANDARD_LEXIS, sqlTokens } from '../../core/sql-tokens.ts'
import { type Call, CURRENT, FUNCTIONS, type FunctionRule, HIVE_FUNCTIONS, KEYWORDS } from './functions.ts'

export type Engine = 'presto' | 'trino' | 'hive'

export interface Translation {
  /** One statement that only reads, without a semicolon. */
  readonly sql: string
  /** Every name in the query, in lower case: what tables and columns it can mean. */
  readonly names: ReadonlySet<string>
  /** The place in the client's text of a place in `sql`; both in UTF-16 units. */
  readonly origin: (at: number) => number
}

/** Throws QUERY_FAILED with the vendor's words, such as "line 1:8: Function 'f' not registered". */
export function translate(text: string, engine: Engine, scheduledAtS: number): Translation {
  const tokens = sqlTokens(text, engine === 'hive' ? HIVE_LEXIS : STANDARD_LEXIS)
  const statement = singleStatement(text, tokens, engine)
  const translator = new Translator(text, statement, engine, scheduledAtS)
  return translator.translation()
}

/** The vendor's form of an error that has a place. */
export function failure(text: string, at: number, message: string): ThalwegError {
  const { line, column } = positionIn(text, at)
  return new ThalwegError('QUERY_FAILED', `line ${line}:${column}: ${message}`)
}

const FOREIGN_SYMBOLS = /^(?:::|[$?@{}#^&|~\\`])$/

function singleStatement(text: string, tokens: readonly SqlToken[], engine: Engine): readonly SqlToken[] {
  for (const token of tokens) {
    if (token.kind === 'broken') throw failure(text, token.at, `mismatched input '${token.value}'`)
    if (token.text.startsWith('`') && engine !== 'hive') {
      throw failure(
        text,
        token.at,
        'backquoted identifiers are not supported; use double quotes to quote identifiers',
      )
    }
    if (token.kind === 'symbol' && FOREIGN_SYMBOLS.test(token.text)) {
      throw failure(text, token.at, `mismatched input '${token.text}'`)
    }
  }
  const end = tokens.findIndex(({ text: symbol }) => symbol === ';')
  const behind = end < 0 ? undefined : tokens[end + 1]
  if (behind !== undefined)
    throw failure(text, behind.at, `mismatched input '${behind.text}'. Expecting: <EOF>`)
  const statement = end < 0 ? tokens : tokens.slice(0, end)
  refuseOtherStatements(text, statement)
  return statement
}

const READING = new Set(['select', 'with', 'values', '(', 'table'])
const CHANGING = new Set(['insert', 'create', 'delete', 'drop', 'alter', 'update', 'merge'])

function refuseOtherStatements(text: string, statement: readonly SqlToken[]): void {
  const [first] = statement
  if (first === undefined) throw failure(text, 0, "mismatched input '<EOF>'. Expecting: <query>")
  if (READING.has(first.value)) return
  const message = CHANGING.has(first.value)
    ? `This connector does not support ${first.value.toUpperCase()}`
    : `mismatched input '${first.text}'. Expecting: <query>`
  throw failure(text, first.at, message)
}

/** Words that stand behind a value and not behind the name of a field. */
const OPERATORS = new Set(['and', 'or', 'is', 'in', 'between', 'like', 'not', 'at', 'as'])

interface Edit {
  readonly from: number
  readonly to: number
  readonly text: string
}

class Translator {
  readonly #text: string
  readonly #tokens: readonly SqlToken[]
  readonly #engine: Engine
  readonly #scheduledAtS: number
  /** By the place where they begin; the first for a place stays. */
  readonly #edits = new Map<number, Edit>()
  /** The token that closes the parenthesis or bracket at a token. */
  readonly #closings: ReadonlyMap<number, number>

  constructor(text: string, tokens: readonly SqlToken[], engine: Engine, scheduledAtS: number) {
    this.#text = text
    this.#tokens = tokens
    this.#engine = engine
    this.#scheduledAtS = scheduledAtS
    this.#closings = closings(tokens)
  }

  translation(): Translation {
    this.#tokens.forEach((token, i) => {
      if (token.kind === 'word') this.#word(token, i)
      else if (this.#engine === 'hive') this.#hiveQuotes(token)
    })
    return { ...this.#edited(), names: this.#names() }
  }

  #names(): ReadonlySet<string> {
    const names = this.#tokens.filter(({ kind }) => kind === 'word' || kind === 'quoted')
    return new Set(names.map(({ value }) => value.toLowerCase()))
  }

  #word(token: SqlToken, i: number): void {
    const isCall = this.#tokens[i + 1]?.text === '('
    if (!isCall) {
      const current = CURRENT.get(token.value)
      if (current !== undefined && this.#tokens[i - 1]?.text !== '.') this.#replace(token, current)
    } else if (token.value === 'array') {
      this.#arrayType(token, i)
    } else if (token.value === 'row' && this.#isRowType(i)) {
      this.#replace(token, 'STRUCT')
    } else if (!KEYWORDS.has(token.value) && !this.#namesColumns(i)) {
      this.#call(token, i)
    }
  }

  /** `t(e)` behind a table, AS, WITH or another definition gives names and calls nothing. */
  #namesColumns(i: number): boolean {
    const before = this.#tokens[i - 1]
    if (before === undefined) return false
    if (before.text === ')' || before.kind === 'quoted') return true
    if (before.value === 'with' || before.value === 'recursive' || before.value === 'as') return true
    if (before.kind === 'word' && !KEYWORDS.has(before.value)) return true
    const closing = this.#closing(i + 1)
    return (
      before.text === ',' &&
      this.#tokens[closing + 1]?.value === 'as' &&
      this.#tokens[closing + 2]?.text === '('
    )
  }

  #call(token: SqlToken, i: number): void {
    const rule =
      (this.#engine === 'hive' ? HIVE_FUNCTIONS.get(token.value) : undefined) ?? FUNCTIONS.get(token.value)
    if (rule === undefined) throw failure(this.#text, token.at, `Function '${token.value}' not registered`)
    if (token.value === 'cast') this.#cast(token, i)
    else if (rule.as !== undefined) this.#translateCall(token, i, rule)
  }

  #translateCall(token: SqlToken, i: number, rule: FunctionRule): void {
    const args = rule.arguments === undefined ? [] : this.#arguments(i + 1)
    const call: Call = {
      text: (place) =>
        args[place]?.length === 1 && args[place][0]?.kind === 'string' ? args[place][0].value : undefined,
      scheduledAtS: this.#scheduledAtS,
    }
    for (const [place, argument] of Object.entries(rule.arguments ?? {})) {
      const [first] = args[Number(place)] ?? []
      if (first === undefined) continue
      const text = call.text(Number(place))
      if (text !== undefined) this.#translateText(token, first, argument.translated(text, call))
      else if (argument.constant) throw failure(this.#text, first.at, `${token.value} needs a constant here`)
    }
    this.#replace(token, typeof rule.as === 'function' ? rule.as(call) : (rule.as ?? token.text))
  }

  #translateText(token: SqlToken, argument: SqlToken, translated: string | undefined): void {
    if (translated === undefined) {
      throw failure(this.#text, argument.at, `Invalid argument of ${token.value}: ${argument.text}`)
    }
    this.#replace(argument, translated)
  }

  #cast(token: SqlToken, i: number): void {
    const closing = this.#closing(i + 1)
    const [as, type] = this.#tokens.slice(closing - 2, closing)
    if (as?.value !== 'as' || type === undefined) return
    const plain = type.value === 'json' ? 'to_json' : type.value === 'varchar' ? 'vendor_text' : undefined
    if (plain === undefined) return
    this.#replace(token, plain)
    this.#edit({ from: as.at, to: type.at + type.text.length, text: '' })
  }

  #arrayType(token: SqlToken, i: number): void {
    const closing = this.#tokens[this.#closing(i + 1)]
    const inner = this.#tokens[i + 2]
    if (closing === undefined || inner === undefined) return
    this.#edit({ from: token.at, to: inner.at, text: '' })
    this.#replace(closing, '[]')
  }

  /** ROW(name type, …) is a type; ROW(1, x) is a value. */
  #isRowType(i: number): boolean {
    const [name, type] = this.#tokens.slice(i + 2, i + 4)
    if (type?.kind !== 'word' || OPERATORS.has(type.value)) return false
    return name?.kind === 'quoted' || (name?.kind === 'word' && !KEYWORDS.has(name.value))
  }

  /** The words of DuckDB are those of the standard. */
  #hiveQuotes(token: SqlToken): void {
    if (token.kind === 'string') this.#replace(token, `'${token.value.replaceAll("'", "''")}'`)
    if (token.kind === 'quoted') this.#replace(token, `"${token.value.replaceAll('"', '""')}"`)
  }

  /** The end of the text for one that never closes. */
  #closing(opening: number): number {
    return this.#closings.get(opening) ?? this.#tokens.length
  }

  #arguments(opening: number): SqlToken[][] {
    const found: SqlToken[][] = [[]]
    let depth = 0
    for (const token of this.#tokens.slice(opening + 1, this.#closing(opening))) {
      if (token.text === '(' || token.text === '[') depth++
      if (token.text === ')' || token.text === ']') depth--
      if (token.text === ',' && depth === 0) found.push([])
      else found.at(-1)?.push(token)
    }
    return found
  }

  #replace(token: SqlToken, text: string): void {
    this.#edit({ from: token.at, to: token.at + token.text.length, text })
  }

  #edit(edit: Edit): void {
    if (!this.#edits.has(edit.from)) this.#edits.set(edit.from, edit)
  }

  #edited(): { sql: string; origin: (at: number) => number } {
    const edits = [...this.#edits.values()].sort((a, b) => a.from - b.from)
    const last = this.#tokens.at(-1)
    const end = last === undefined ? 0 : last.at + last.text.length
    const marks: { at: number; from: number; exact: boolean }[] = []
    let sql = ''
    let from = 0
    for (const edit of [...edits, { from: end, to: end, text: '' }]) {
      marks.push({ at: sql.length, from, exact: true })
      sql += this.#text.slice(from, edit.from)
      marks.push({ at: sql.length, from: edit.from, exact: false })
      sql += edit.text
      from = edit.to
    }
    const origin = (at: number): number => {
      const mark = marks.findLast((one) => one.at <= at)
      if (mark === undefined) return 0
      return mark.exact ? Math.min(end, mark.from + at - mark.at) : mark.from
    }
    return { sql, origin }
  }
}

function closings(tokens: readonly SqlToken[]): ReadonlyMap<number, number> {
  const found = new Map<number, number>()
  const open: number[] = []
  tokens.forEach(({ text }, i) => {
    if (text === '(' || text === '[') open.push(i)
    if (text !== ')' && text !== ']') return
    const opening = open.pop()
    if (opening !== undefined) found.set(opening, i)
  })
  return found
}
