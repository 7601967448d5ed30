/**
 * YAML in and out. In: every document of a text with the place of each value, plain data only: no anchors, no tags, no keys
 * twice, nothing deep. So what is read is what is seen, and as large as what was written. Out: one way to write a value, whatever the day.
 */

import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Node,
  parseAllDocuments,
  Scalar,
  stringify,
} from 'yaml'
import type { Path } from './kinds.ts'

export interface Place {
  /** Both from 1. */
  readonly line: number
  readonly column: number
}

export interface Misread extends Place {
  readonly path: Path
  readonly problem: string
  readonly remedy: string
}

export interface ReadYaml {
  /** Of the document in the text, without the comments around it. */
  readonly span: { readonly start: number; readonly end: number }
  readonly value: unknown
  readonly misread: readonly Misread[]
  /** Of a value; of the nearest that is there, where it is not. */
  place(path: Path, where?: Whereabouts): Place
}

/** What of a value is meant: its name, or a place within its text; else the value itself. */
export interface Whereabouts {
  readonly isName?: true
  readonly at?: Place
}

export const DEPTH_MAX = 64
const MISREAD_MAX = 50
const TEXT_COLUMNS = 100

/** Never throws for what a text may hold. */
export function readYaml(text: string): ReadYaml[] {
  const deep = tooDeep(text)
  if (deep !== undefined) return [notRead(deep)]
  const lines = new LineCounter()
  // Keys are compared here: the library's way takes hours for a large file.
  const parsed = parseAllDocuments(text, {
    lineCounter: lines,
    uniqueKeys: false,
    merge: false,
    prettyErrors: false,
  })
  const documents: Document.Parsed[] = Array.isArray(parsed) ? parsed : []
  return documents.filter(isSaid).map((document) => new Reading(document, lines, text).read())
}

/** Ends with a line end. Members in their order; texts of several lines as blocks. */
export function writeYaml(value: unknown): string {
  return stringify(value, (_key, member) => block(member), {
    lineWidth: TEXT_COLUMNS,
    indentSeq: true,
    defaultStringType: 'PLAIN',
    aliasDuplicateObjects: false,
  })
}

/** A text of several lines that can be one stays readable as a block, without being folded. */
function block(member: unknown): unknown {
  if (
    typeof member !== 'string' ||
    !member.includes('\n') ||
    /[^\n\t\x20-\x7e\xa0-\ud7ff\ue000-\ufffd]/.test(member)
  )
    return member
  const scalar = new Scalar(member)
  scalar.type = 'BLOCK_LITERAL'
  return scalar
}

/** Documents with nothing but comments in them. */
function isSaid({ contents, errors }: Document.Parsed): boolean {
  return errors.length > 0 || !(contents === null || (isScalar(contents) && contents.value === null))
}

function notRead(misread: Misread): ReadYaml {
  return { span: { start: 0, end: 0 }, value: undefined, misread: [misread], place: () => misread }
}

class Reading {
  readonly #document: Document.Parsed
  readonly #lines: LineCounter
  readonly #text: string
  readonly #misread: Misread[] = []
  readonly #nodes = new Map<string, { readonly key: Node | undefined; readonly value: Node | null }>()

  constructor(document: Document.Parsed, lines: LineCounter, text: string) {
    this.#document = document
    this.#lines = lines
    this.#text = text
  }

  read(): ReadYaml {
    const { errors, contents } = this.#document
    for (const { pos, message } of errors)
      this.#note(
        pos[0],
        [],
        firstLine(message),
        'Mend the YAML: docs/configuration.md has the little that is needed',
      )
    const value = errors.length > 0 ? undefined : this.#valueOf(contents, [])
    this.#nodes.set('[]', { key: undefined, value: contents })
    const [start, end] = contents?.range ?? [0, 0]
    return {
      span: { start, end },
      value,
      misread: this.#misread,
      place: (path, where = {}) => this.#place(path, where),
    }
  }

  #valueOf(node: Node | null, path: Path): unknown {
    if (node === null) return null
    if (path.length > DEPTH_MAX) return this.#refused(node, path, TOO_DEEP.problem, TOO_DEEP.remedy)
    if (isAlias(node) || ('anchor' in node && node.anchor !== undefined))
      return this.#refused(
        node,
        path,
        'Anchors and aliases are not read',
        'Write the value out where it is needed',
      )
    if (node.tag !== undefined)
      return this.#refused(
        node,
        path,
        `The tag ${node.tag} is not read`,
        'Leave it out; put a text in quotes',
      )
    if (isScalar(node)) return this.#scalar(node, path)
    if (isSeq(node))
      return node.items.map((item, i) => {
        const inner = [...path, i]
        this.#nodes.set(JSON.stringify(inner), { key: undefined, value: item as Node | null })
        return this.#valueOf(item as Node | null, inner)
      })
    return isMap(node) ? this.#members(node.items as Pairs, path) : undefined
  }

  #members(pairs: Pairs, path: Path): Record<string, unknown> {
    const members = new Map<string, unknown>()
    for (const { key, value } of pairs) {
      if (!isScalar(key)) {
        this.#refused(key, path, 'A key is a plain word', 'Write it as name: value')
        continue
      }
      const name = key.source ?? String(key.value)
      const inner = [...path, name]
      if (key.anchor !== undefined || key.tag !== undefined)
        this.#refused(key, inner, 'Anchors and tags are not read', 'Leave it out')
      if (name === '__proto__') {
        this.#refused(key, inner, 'This name is taken', 'Use another one')
        continue
      }
      if (members.has(name)) {
        this.#refused(key, inner, `${JSON.stringify(name)} stands here twice`, 'Keep one of the two')
        continue
      }
      this.#nodes.set(JSON.stringify(inner), { key, value })
      members.set(name, this.#valueOf(value, inner))
    }
    return Object.fromEntries(members)
  }

  #scalar(node: Scalar, path: Path): unknown {
    const { value } = node
    if (typeof value !== 'number') return value
    if (!Number.isFinite(value))
      return this.#refused(node, path, 'This is no number that can be kept', 'Write a number with digits')
    if (Number.isInteger(value) && !Number.isSafeInteger(value))
      return this.#refused(
        node,
        path,
        'This number is too large to be exact',
        'Put it in quotes if it is a text',
      )
    return value
  }

  #refused(node: Node | null, path: Path, problem: string, remedy: string): undefined {
    this.#note(node?.range?.[0] ?? 0, path, problem, remedy)
    return undefined
  }

  #note(offset: number, path: Path, problem: string, remedy: string): void {
    if (this.#misread.length < MISREAD_MAX) this.#misread.push({ ...this.#at(offset), path, problem, remedy })
  }

  #place(path: Path, { isName, at }: Whereabouts): Place {
    for (let length = path.length; length > 0; length--) {
      const found = this.#nodes.get(JSON.stringify(path.slice(0, length)))
      if (found === undefined) continue
      const { key, value } = found
      const isWhole = length === path.length
      if (at !== undefined && isWhole && value !== null) return this.#within(value, at)
      // What is wrong with a value stands at it; what is missing, or is a group, at its name.
      const isValue = isWhole && isName !== true && value !== null && !isCollection(value)
      const node = isValue ? value : (key ?? value)
      return this.#at(node?.range?.[0] ?? 0)
    }
    const { contents } = this.#document
    return this.#at(contents?.range?.[0] ?? this.#document.range[0])
  }

  /** A line of a text that is written as a block stands as it is in the file; of others the place of the text must do. */
  #within(node: Node, { line, column }: Place): Place {
    const [start = 0, end = 0] = node.range ?? []
    const here = this.#at(start)
    if (!isScalar(node) || node.type !== 'BLOCK_LITERAL') {
      const quotes = isScalar(node) && node.type !== 'PLAIN' ? 1 : 0
      return line === 1 ? { line: here.line, column: here.column + quotes + column - 1 } : here
    }
    const written = this.#text.slice(start, end).split('\n').slice(1)
    const indent = /^ */.exec(written.find((one) => one.trim() !== '') ?? '')?.[0].length ?? 0
    return { line: here.line + line, column: indent + column }
  }

  #at(offset: number): Place {
    const { line, col } = this.#lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
}

type Pairs = readonly { readonly key: Node | null; readonly value: Node | null }[]

/** Told before anything is parsed, because parsing goes as deep as the text does. Groups in lines of their own are bounded by the size of a file. */
function tooDeep(text: string): Misread | undefined {
  let open = 0
  let dashes = 0
  let offset = 0
  for (const lexeme of new Lexer().lex(text)) {
    if (lexeme === '[' || lexeme === '{') open++
    else if (lexeme === ']' || lexeme === '}') open--
    else if (lexeme === '-' || lexeme === '?' || lexeme === ':') dashes++
    else if (lexeme.trim() !== '' || lexeme.includes('\n')) dashes = 0
    if (open > DEPTH_MAX || dashes > DEPTH_MAX) return { ...placeIn(text, offset), path: [], ...TOO_DEEP }
    if (!MARKS.has(lexeme)) offset += lexeme.length
  }
  return undefined
}

/** Of the lexer: they say what comes, and are no text. */
const MARKS: ReadonlySet<string> = new Set(['\u0002', '\u0018', '\u001f'])

const TOO_DEEP = {
  problem: `Values lie more than ${DEPTH_MAX} levels deep`,
  remedy: 'Nothing that files describe is so deep: see docs/configuration.md',
}

function placeIn(text: string, offset: number): Place {
  const before = text.slice(0, offset)
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') }
}

function firstLine(message: string): string {
  return (message.split('\n')[0] ?? message).replace(/[:.]$/, '')
}
