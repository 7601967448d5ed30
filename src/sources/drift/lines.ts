/** What is counted of one source: its event types, and of each its fields by kind. A line is a row of the table drift on its way. */

import { createHash } from 'node:crypto'
import type { Kind } from '../../core/kernel/shape.ts'
import { labelOf, OTHER_TYPES } from '../../store/labels.ts'
import type { DriftTable } from '../../store/schema.ts'
import { type Expectation, expectationOf } from './expectation.ts'
import { type Fact, factsOf } from './facts.ts'

/** What there is to find. A kind change is a value of another kind than the catalog says, or than came before. */
export const FINDINGS = ['new_type', 'new_field', 'kind_change', 'missing_required'] as const
export type Finding = (typeof FINDINGS)[number]

/** Kinds of lines that are none of values: the type itself, and events without a required field. */
export type LineKind = Kind | 'type' | 'missing'

/** Event types counted apart per source. Later ones share the line OTHER_TYPES, and nobody looks into them. */
export const TYPES_PER_SOURCE_MAX = 1_000
/** Fields listed, by kind. Events with further ones are counted in the line of their type, as `unlisted`. */
export const FIELDS_PER_TYPE_MAX = 500
export const FIELDS_PER_SOURCE_MAX = 20_000

/** Where something was met. */
export interface Met {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly offset: number
}

/** Counts are of what is not in the table yet. */
export interface Line {
  readonly id: string
  readonly source: number
  readonly eventType: string
  readonly path: string
  readonly kind: LineKind
  readonly finding: Finding | ''
  readonly expected: string
  readonly first: Met
  /** It has a row in the table. */
  isStored: boolean
  /** Dropped once it is in the table. */
  sample: string
  count: number
  unexamined: number
  unlisted: number
  lastAt: number
}

/** What a line is, besides its source and type. */
type Subject = Pick<Line, 'path' | 'kind' | 'finding' | 'expected'> & { readonly sample?: string }

function lineOf(source: number, eventType: string, subject: Subject, first: Met): Line {
  const { path, kind, finding, expected, sample = '' } = subject
  const key = [source, eventType, path, kind].join('\0')
  const id = createHash('sha256').update(key).digest('hex').slice(0, 16)
  const counts = { isStored: false, count: 0, unexamined: 0, unlisted: 0, lastAt: first.at }
  return { id, source, eventType, path, kind, finding, expected, first, sample, ...counts }
}

/** The lines that one event adds to. */
export interface Examined {
  readonly lines: readonly Line[]
  /** It has fields that are not listed for want of room. */
  readonly isCut: boolean
  /** Some of the lines are new. */
  readonly isNews: boolean
}

export class SourceLines {
  readonly number: number
  readonly #types = new Map<string, TypeLines>()
  fields = 0

  constructor(number: number) {
    this.number = number
  }

  /** The lines of a type by the name of its line. */
  find(label: string): TypeLines | undefined {
    return this.#types.get(label)
  }

  /** The lines of a type by its name as it came; `number` is given to a type met for the first time. */
  typeOf(name: string, first: Met, nextNumber: () => number): TypeLines {
    const known = this.#types.get(name)
    if (known !== undefined) return known
    const label = labelOf(name)
    if (label !== name) return this.typeOf(label, first, nextNumber)
    if (this.#types.size >= TYPES_PER_SOURCE_MAX && name !== OTHER_TYPES)
      return this.typeOf(OTHER_TYPES, first, nextNumber)
    const type = new TypeLines(this, name, nextNumber(), first)
    this.#types.set(name, type)
    return type
  }
}

export class TypeLines {
  readonly number: number
  readonly name: string
  /** Of the type itself. */
  readonly line: Line
  /** An operator knows the type as it is; what comes later is new. */
  isAcknowledged = false
  readonly #source: SourceLines
  readonly #expectation: Expectation | undefined
  readonly #fields = new Map<string, Line>()
  /** Per path the kinds met but null, in order of appearance. */
  readonly #kinds = new Map<string, Kind[]>()

  constructor(source: SourceLines, name: string, number: number, first: Met) {
    this.#source = source
    this.name = name
    this.number = number
    this.#expectation = expectationOf(name)
    const finding = this.#expectation === undefined ? 'new_type' : ''
    this.line = lineOf(source.number, name, { path: '', kind: 'type', finding, expected: '' }, first)
  }

  /** Takes up a line that is in the table. */
  restore(
    row: Pick<DriftTable, 'path' | 'kind' | 'finding' | 'expected' | 'first_at' | 'first_offset'>,
  ): void {
    const { path, finding, expected } = row
    const subject = { path, kind: row.kind as LineKind, finding: finding as Finding | '', expected }
    this.#add(subject, { at: row.first_at, offset: row.first_offset }).isStored = true
  }

  /** The lines that an event of this type adds to. Throws TypeError when the bytes are no event that a scan accepts. */
  examine(event: Buffer, met: Met): Examined {
    const lines = new Set<Line>()
    const valued = new Set<string>()
    const fresh = new Set<string>()
    let isCut = false
    const fields = this.#fields.size
    const meet = (line: Line | undefined): void => {
      if (line === undefined) isCut = true
      else lines.add(line)
    }
    for (const fact of factsOf(event)) {
      if (fact.kind !== 'null') valued.add(fact.path)
      meet(this.#fields.get(keyOf(fact.path, fact.kind)) ?? this.#list(fact, met, fresh))
    }
    for (const path of this.#expectation?.required ?? []) {
      if (!valued.has(path)) meet(this.#fields.get(keyOf(path, 'missing')) ?? this.#miss(path, met))
    }
    return { lines: [...lines], isCut, isNews: this.#fields.size > fields }
  }

  get #hasRoom(): boolean {
    return this.#fields.size < FIELDS_PER_TYPE_MAX && this.#source.fields < FIELDS_PER_SOURCE_MAX
  }

  #list(fact: Fact, met: Met, fresh: Set<string>): Line | undefined {
    if (!this.#hasRoom) return undefined
    const { path, kind } = fact
    return this.#add({ path, kind, sample: fact.sample(), ...this.#judge(fact, fresh) }, met)
  }

  #miss(path: string, met: Met): Line | undefined {
    if (!this.#hasRoom) return undefined
    const expected = this.#expectation?.kinds.get(path)?.[0] ?? ''
    return this.#add({ path, kind: 'missing', finding: 'missing_required', expected }, met)
  }

  #add(subject: Subject, first: Met): Line {
    const { path, kind } = subject
    const line = lineOf(this.#source.number, this.name, subject, first)
    this.#fields.set(keyOf(path, kind), line)
    this.#source.fields++
    if (kind === 'type' || kind === 'missing') return line
    const kinds = this.#kinds.get(path) ?? []
    if (kind !== 'null') kinds.push(kind)
    this.#kinds.set(path, kinds)
    return line
  }

  /** What a field means that is met with this kind for the first time. `fresh`: the paths that this event brought. */
  #judge({ path, parent, kind }: Fact, fresh: Set<string>): Pick<Line, 'finding' | 'expected'> {
    const expected = this.#expectation?.kinds.get(path)
    const seen = this.#kinds.get(path)
    if (expected === undefined && seen === undefined) {
      const isNews = this.#isNews(parent, fresh)
      fresh.add(path)
      return { finding: isNews ? 'new_field' : '', expected: '' }
    }
    const kinds = expected ?? seen ?? []
    if (kind === 'null' || kinds.length === 0 || fits(kind, kinds)) return { finding: '', expected: '' }
    return { finding: 'kind_change', expected: kinds[0] ?? '' }
  }

  /**
   * Whether a field that nobody told of is a finding of its own. It is none when it came with its object, which is the finding; where the
   * sender's customers choose the names; and in a type that is new itself, until somebody has acknowledged that as it is.
   */
  #isNews(parent: string, fresh: ReadonlySet<string>): boolean {
    if (fresh.has(parent)) return false
    return this.#expectation === undefined ? this.isAcknowledged : !this.#expectation.open.has(parent)
  }
}

/** Whether values of `kind` go where the others go: an integer is a decimal, too, but not the other way round. */
function fits(kind: Kind, kinds: readonly Kind[]): boolean {
  return kinds.includes(kind) || (kind === 'integer' && kinds.includes('decimal'))
}

function keyOf(path: string, kind: LineKind): string {
  return `${kind} ${path}`
}
