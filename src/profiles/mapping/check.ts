/** Whether a schema of profiles holds together: everything that is wrong with it at once, each with its place. */

import { ThalwegError } from '../../core/errors.ts'
import type { Field, ProfileSchema, Stream } from '../schema.ts'
import type { FieldType } from '../values.ts'
import { ACCEPTED } from './coerce.ts'
import { compileExpression } from './compile.ts'
import type { Kind } from './functions.ts'

/** Given to callers of the API as details of PROFILE_SCHEMA_INVALID. */
export interface SchemaProblem {
  /** `fields.email.merge`, `streams.braze_users.mappings.3.expression`; mappings are counted from 0. */
  readonly where: string
  readonly message: string
  /** In an expression, from 1. */
  readonly line?: number
  readonly column?: number
}

type MergeOperator = NonNullable<Field['merge']>

const ANY_SCALAR: readonly MergeOperator[] = ['latest', 'oldest']
const ORDERED: readonly MergeOperator[] = [...ANY_SCALAR, 'min', 'max']
const NUMERIC: readonly MergeOperator[] = [...ORDERED, 'sum', 'count']
const COLLECTION: readonly MergeOperator[] = ['merge']
const PER_KEY: readonly MergeOperator[] = ['merge', 'latest', 'oldest']
const ORDERED_PER_KEY: readonly MergeOperator[] = [...PER_KEY, 'min', 'max']

/** The merge operators of each type; of a map they are meant for each key. */
export const OPERATORS: Readonly<Record<FieldType, readonly MergeOperator[]>> = {
  string: ANY_SCALAR,
  int: NUMERIC,
  number: NUMERIC,
  bool: ANY_SCALAR,
  date: ORDERED,
  '[]string': COLLECTION,
  '[]time': COLLECTION,
  'map[string]string': PER_KEY,
  'map[string]int': ORDERED_PER_KEY,
  'map[string]intsum': COLLECTION,
  'map[string]number': ORDERED_PER_KEY,
  'map[string]bool': PER_KEY,
  'map[string]time': ORDERED_PER_KEY,
  'map[string][]time': COLLECTION,
}

const IDENTIFIER_TYPES: readonly FieldType[] = ['string', '[]string']

/** Throws one PROFILE_SCHEMA_INVALID whose details are `{ problems: SchemaProblem[] }`. */
export function checkSchema(schema: ProfileSchema): void {
  const problems = problemsOf(schema)
  const [first] = problems
  if (first === undefined) return
  const more = problems.length === 1 ? '' : ` (and ${problems.length - 1} more)`
  throw new ThalwegError('PROFILE_SCHEMA_INVALID', `${first.where}: ${first.message}${more}`, {
    details: { problems },
  })
}

export function problemsOf(schema: ProfileSchema): SchemaProblem[] {
  const { fields, streams } = schema
  const problems = [
    ...twiceIn(
      fields.map(({ name }) => name),
      'fields',
    ),
    ...twiceIn(
      streams.map(({ name }) => name),
      'streams',
    ),
    ...ranksTwice(fields),
    ...readTwice(streams),
  ]
  if (!fields.some(({ identifier }) => identifier !== undefined))
    problems.push({ where: 'fields', message: 'no field is an identifier: nothing would find a profile' })
  for (const field of fields) problems.push(...ofField(field))
  const byName = new Map(fields.map((field) => [field.name, field]))
  for (const stream of streams) problems.push(...ofStream(stream, byName))
  return problems
}

function twiceIn(names: readonly string[], where: string): SchemaProblem[] {
  const twice = new Set(names.filter((name, i) => names.indexOf(name) < i))
  return [...twice].map((name) => ({ where: `${where}.${name}`, message: 'this name is there twice' }))
}

function ranksTwice(fields: readonly Field[]): SchemaProblem[] {
  const holders = new Map<number, string>()
  const problems: SchemaProblem[] = []
  for (const { name, identifier } of fields) {
    if (identifier === undefined) continue
    const other = holders.get(identifier.rank)
    holders.set(identifier.rank, other ?? name)
    if (other !== undefined && other !== name)
      problems.push({
        where: `fields.${name}.identifier.rank`,
        message: `${other} has the rank ${identifier.rank}, too: of two identifiers one must be the stronger`,
      })
  }
  return problems
}

/** Each record has one mapping. */
function readTwice(streams: readonly Stream[]): SchemaProblem[] {
  const readers = new Map<string, string>()
  const problems: SchemaProblem[] = []
  for (const { name, from } of streams) {
    const read =
      from.kind === 'source'
        ? [`the source ${from.source}`]
        : from.kind === 'kinds'
          ? [...new Set(from.kinds)].map((kind) => `the sources of kind ${kind}`)
          : []
    for (const what of read) {
      const other = readers.get(what)
      readers.set(what, other ?? name)
      if (other !== undefined)
        problems.push({ where: `streams.${name}.from`, message: `${other} reads ${what} already` })
    }
  }
  return problems
}

function ofField(field: Field): SchemaProblem[] {
  const { name, type, merge, capacity, identifier } = field
  const problems: SchemaProblem[] = []
  const say = (member: string, message: string): void => {
    problems.push({ where: `fields.${name}.${member}`, message })
  }
  if (identifier === undefined && merge !== undefined && !OPERATORS[type].includes(merge))
    say('merge', `${type} has no ${merge}: it has ${OPERATORS[type].join(', ')}`)
  if (capacity !== undefined && !/[[]/.test(type)) say('capacity', `${type} is one value and has no capacity`)
  if (identifier === undefined) return problems
  if (!IDENTIFIER_TYPES.includes(type)) say('type', `an identifier is string or []string, not ${type}`)
  if (merge !== undefined)
    say('merge', 'an identifier has no merge operator: how many there may be is said by perProfileMax')
  if (identifier.pattern !== undefined && !isPattern(identifier.pattern))
    say('identifier.pattern', 'this is no regular expression')
  return problems
}

function isPattern(text: string): boolean {
  try {
    return new RegExp(text, 'u') !== undefined
  } catch (error) {
    if (error instanceof SyntaxError) return false
    throw error
  }
}

function ofStream(stream: Stream, fields: ReadonlyMap<string, Field>): SchemaProblem[] {
  const { name, mappings, time, where } = stream
  const problems: SchemaProblem[] = []
  const check = (place: string, text: string | undefined, wanted: readonly Kind[], what: string): void => {
    if (text !== undefined)
      problems.push(...ofExpression(`streams.${name}.${place}`, stream, text, wanted, what))
  }
  check('time', time, ACCEPTED.date, 'a moment')
  check('where', where, CONDITIONS, 'a condition')
  for (const [i, { field, expression, guard }] of mappings.entries()) {
    const type = fields.get(field)?.type
    if (type === undefined)
      problems.push({ where: `streams.${name}.mappings.${i}.field`, message: `there is no field ${field}` })
    check(
      `mappings.${i}.expression`,
      expression,
      type === undefined ? EVERY_KIND : ACCEPTED[type],
      type ?? '',
    )
    check(`mappings.${i}.guard`, guard, CONDITIONS, 'a condition')
  }
  if (!mappings.some(({ field }) => fields.get(field)?.identifier !== undefined))
    problems.push({
      where: `streams.${name}.mappings`,
      message: 'no mapping gives an identifier: its records would find no profile',
    })
  return problems
}

const EVERY_KIND: readonly Kind[] = ['any', 'string', 'number', 'bool', 'date', 'list', 'map', 'moments']
const CONDITIONS: readonly Kind[] = ['any', 'string', 'number', 'bool']

function ofExpression(
  where: string,
  { otherNames }: Stream,
  text: string,
  wanted: readonly Kind[],
  what: string,
): SchemaProblem[] {
  try {
    const { kind } = compileExpression(text, otherNames)
    return wanted.includes(kind)
      ? []
      : [{ where, message: `this gives ${WORDS[kind]}, which is not ${what}` }]
  } catch (error) {
    if (!(error instanceof ThalwegError) || error.code !== 'PROFILE_SCHEMA_INVALID') throw error
    return [{ where, message: error.message, ...(error.details as { line: number; column: number }) }]
  }
}

const WORDS: Readonly<Record<Kind, string>> = {
  any: 'anything',
  string: 'a text',
  number: 'a number',
  bool: 'true or false',
  date: 'a moment',
  list: 'a list',
  map: 'a map',
  moments: 'a map of lists of moments',
}
