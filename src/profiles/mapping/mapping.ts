/**
 * Mappings: from a raw record of the log to what profiles are made of. A stream's expressions are compiled once and asked
 * of each record. Nothing here keeps state, reads a clock, or decides whose a record is; no record makes it throw: what
 * cannot be made of a value is left out and said, and a record that cannot be mapped has a reason.
 */

import { ThalwegError } from '../../core/errors.ts'
import type { MappedRecord } from '../record.ts'
import type { Field, Mapping, ProfileSchema, Stream } from '../schema.ts'
import type { Value } from '../values.ts'
import { COERCIONS, type Coerce } from './coerce.ts'
import { compileExpression } from './compile.ts'
import { type Evaluate, given, holds, isObject, type Row, Scope, timeOf, type ValueProblem } from './scope.ts'

/** Why a record goes to no profile. `filtered`: the stream's `where` is not true of it. */
export const UNMAPPED_REASONS = ['not_json', 'not_an_object', 'filtered', 'no_identifier'] as const
export type UnmappedReason = (typeof UNMAPPED_REASONS)[number]

/** A value of a record that could not be made. */
export interface Lost {
  /** Of the schema; TIME_FIELD where it is the moment of the record. */
  readonly field: string
  readonly problem: ValueProblem
}

/** Stands for the moment of a record where fields are named. No field can have this name. */
export const TIME_FIELD = '(time)'

export type Outcome =
  | { readonly record: MappedRecord; readonly lost: readonly Lost[] }
  | { readonly reason: UnmappedReason; readonly lost: readonly Lost[] }

/** Clocks differ: a record that says to be of later than so long after its arrival is taken to be of its arrival. */
const AHEAD_MS = 24 * 3_600_000

interface Rule {
  readonly field: string
  readonly isIdentifier: boolean
  /** A mapping before it makes the same field. */
  readonly isAgain: boolean
  readonly evaluate: Evaluate
  readonly guard: Evaluate | undefined
  readonly coerce: Coerce
}

/** A record as senders wrap rows: see sources/lytics/record.ts. */
interface Unwrapped {
  readonly row: Row
  /** Where to look for its moment when the stream says nothing. */
  readonly time: unknown
}

export class StreamMapper {
  readonly stream: Stream
  readonly #rules: readonly Rule[]
  readonly #time: Evaluate | undefined
  readonly #where: Evaluate | undefined

  /** Throws PROFILE_SCHEMA_INVALID where `checkSchema` would. */
  constructor(schema: ProfileSchema, stream: Stream) {
    this.stream = stream
    const compiled = (text: string): Evaluate => compileExpression(text, stream.otherNames).evaluate
    this.#rules = stream.mappings.map((mapping, i) => ({
      ...ruleOf(fieldOf(schema, mapping), mapping, compiled),
      isAgain: stream.mappings.slice(0, i).some(({ field }) => field === mapping.field),
    }))
    this.#time = stream.time === undefined ? undefined : compiled(stream.time)
    this.#where = stream.where === undefined ? undefined : compiled(stream.where)
  }

  /** `text` is the record as it lies in the log, `offset` its place there, `receivedAt` its arrival in milliseconds. */
  map(text: string, offset: number, receivedAt: number): Outcome {
    let parsed: unknown
    try {
      parsed = JSON.parse(text)
    } catch (error) {
      if (error instanceof SyntaxError) return { reason: 'not_json', lost: NOTHING_LOST }
      throw error
    }
    return this.mapParsed(parsed, offset, receivedAt)
  }

  mapParsed(parsed: unknown, offset: number, receivedAt: number): Outcome {
    const found = isObject(parsed) ? unwrapped(parsed) : undefined
    if (found === undefined) return { reason: 'not_an_object', lost: NOTHING_LOST }
    const scope = new Scope(found.row, receivedAt)
    const lost: Lost[] = []
    const at = this.#momentOf(found, scope, lost)
    scope.at = at
    if (this.#where !== undefined && !holds(this.#where(scope))) return { reason: 'filtered', lost }
    const values: [string, Value][] = []
    const identifiers: { field: string; value: string }[] = []
    for (const rule of this.#rules) {
      const value = madeBy(rule, scope, lost)
      if (value === undefined) continue
      if (rule.isIdentifier)
        for (const one of textsOf(value)) identifiers.push({ field: rule.field, value: one })
      const known = rule.isAgain ? values.find(([field]) => field === rule.field) : undefined
      if (known === undefined) values.push([rule.field, value])
      else known[1] = joined(known[1], value)
    }
    if (identifiers.length === 0) return { reason: 'no_identifier', lost }
    const { name, joins } = this.stream
    return { record: { stream: name, at, offset, joins, identifiers, values }, lost }
  }

  /** What the stream says, else what the sender said, else the arrival. */
  #momentOf({ time }: Unwrapped, scope: Scope, lost: Lost[]): number {
    const arrival = scope.at
    for (const said of this.#time === undefined ? [time] : [this.#time(scope), time]) {
      scope.problem = undefined
      const at = timeOf(said, scope)
      if (at !== undefined && at <= arrival + AHEAD_MS) return at
      const problem = at === undefined ? scope.problem : 'in_the_future'
      if (problem !== undefined) lost.push({ field: TIME_FIELD, problem })
    }
    return arrival
  }
}

const NOTHING_LOST: readonly Lost[] = []

function fieldOf(schema: ProfileSchema, { field }: Mapping): Field {
  const found = schema.fields.find(({ name }) => name === field)
  if (found !== undefined) return found
  throw new ThalwegError('PROFILE_SCHEMA_INVALID', `There is no field ${field}`)
}

function ruleOf(
  { name, type, identifier }: Field,
  { expression, guard }: Mapping,
  compiled: (text: string) => Evaluate,
): Omit<Rule, 'isAgain'> {
  return {
    field: name,
    isIdentifier: identifier !== undefined,
    evaluate: compiled(expression),
    guard: guard === undefined ? undefined : compiled(guard),
    coerce: COERCIONS[type],
  }
}

function madeBy({ field, evaluate, guard, coerce }: Rule, scope: Scope, lost: Lost[]): Value | undefined {
  if (guard !== undefined && !holds(guard(scope))) return undefined
  scope.problem = undefined
  const given = evaluate(scope)
  // What was tried in vain before there was a value, as in oneof, is no loss.
  if (given !== undefined) scope.problem = undefined
  const value = coerce(given, scope)
  if (scope.problem !== undefined) lost.push({ field, problem: scope.problem })
  return value
}

/** A row within its record, or the record that is one itself. */
function unwrapped(record: Row): Unwrapped | undefined {
  if (typeof record.stream !== 'string' || !Object.hasOwn(record, 'fields'))
    return { row: record, time: given(record.time) }
  const { fields, timestamp_field: named } = record
  if (!isObject(fields)) return undefined
  const time = typeof named === 'string' && Object.hasOwn(fields, named) ? given(fields[named]) : undefined
  return { row: fields, time }
}

function textsOf(value: Value): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [String(value)]
}

/** Of two mappings to one field the first counts; sets and maps take from both. */
function joined(first: Value, second: Value): Value {
  if (Array.isArray(first) && Array.isArray(second)) return union(first, second)
  if (isObject(first) && isObject(second)) return { ...second, ...first } as Value
  return first
}

function union(first: readonly (string | number)[], second: readonly (string | number)[]): Value {
  const both = [...new Set([...first, ...second])]
  const moments = both.filter((one) => typeof one === 'number')
  return moments.length === 0 ? both.map(String) : moments.sort((a, b) => b - a)
}
