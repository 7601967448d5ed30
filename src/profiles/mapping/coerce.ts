/** From what an expression gave to a value of a field's type. What cannot be one is left out, with the reason in the scope. */

import type { FieldType, Scalar, Value } from '../values.ts'
import type { Kind } from './functions.ts'
import { boolOf, entriesOf, given, listOf, numberOf, type Scope, textOf, timeOf } from './scope.ts'

export type Coerce = (value: unknown, scope: Scope) => Value | undefined

type ScalarOf = (value: unknown, scope: Scope) => Scalar | undefined

function string(value: unknown, scope: Scope): string | undefined {
  const text = textOf(value, scope)
  if (text === undefined || text.trim() === '') return undefined
  // Neither store takes these, and half a character is none.
  return text.includes('\0') || !text.isWellFormed() ? scope.none('not_text') : text
}

function number(value: unknown, scope: Scope): number | undefined {
  return numberOf(value, scope)
}

function int(value: unknown, scope: Scope): number | undefined {
  const made = numberOf(value, scope)
  return made === undefined || Number.isSafeInteger(made) ? made : scope.none('not_an_integer')
}

function listFrom<One extends string | number>(one: (value: unknown, scope: Scope) => One | undefined) {
  return (value: unknown, scope: Scope): One[] | undefined => {
    const made = new Set<One>()
    for (const part of listOf(value)) {
      const item = one(part, scope)
      if (item !== undefined) made.add(item)
    }
    return made.size === 0 ? undefined : [...made]
  }
}

const strings = listFrom(string)
const times = listFrom(timeOf)

function newestFirst(value: unknown, scope: Scope): number[] | undefined {
  return times(value, scope)?.sort((a, b) => b - a)
}

function mapFrom<One extends Scalar | readonly number[]>(
  one: (value: unknown, scope: Scope) => One | undefined,
) {
  return (value: unknown, scope: Scope): Readonly<Record<string, One>> | undefined => {
    const made: [string, One][] = []
    for (const [key, part] of entriesOf(value, scope)) {
      const name = string(key, scope)
      const item = given(part) === undefined ? undefined : one(part, scope)
      if (name !== undefined && item !== undefined) made.push([name, item])
    }
    return made.length === 0 ? undefined : Object.fromEntries(made)
  }
}

const scalarMap = (one: ScalarOf): Coerce => mapFrom(one)

export const COERCIONS: Readonly<Record<FieldType, Coerce>> = {
  string,
  int,
  number,
  bool: boolOf,
  date: timeOf,
  '[]string': strings,
  '[]time': newestFirst,
  'map[string]string': scalarMap(string),
  'map[string]int': scalarMap(int),
  'map[string]intsum': scalarMap(int),
  'map[string]number': scalarMap(number),
  'map[string]bool': scalarMap(boolOf),
  'map[string]time': scalarMap(timeOf),
  'map[string][]time': mapFrom(newestFirst),
}

const SCALARS: readonly Kind[] = ['any', 'string', 'number']
const LISTS: readonly Kind[] = ['any', 'string', 'number', 'date', 'list']
const MAPS: readonly Kind[] = ['any', 'map']

/** The kinds of expressions that can give a field of each type something. */
export const ACCEPTED: Readonly<Record<FieldType, readonly Kind[]>> = {
  string: [...SCALARS, 'bool', 'date'],
  int: SCALARS,
  number: SCALARS,
  bool: [...SCALARS, 'bool'],
  date: [...SCALARS, 'date'],
  '[]string': [...LISTS, 'bool'],
  '[]time': LISTS,
  'map[string]string': MAPS,
  'map[string]int': MAPS,
  'map[string]intsum': MAPS,
  'map[string]number': MAPS,
  'map[string]bool': MAPS,
  'map[string]time': MAPS,
  'map[string][]time': [...MAPS, 'moments'],
}
