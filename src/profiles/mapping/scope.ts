/**
 * What an expression is evaluated in, and how its values are read. A value is what JSON has, a moment (Date), a list, or
 * a Map; undefined is none. Null and the empty text are none, too: an empty cell says nothing.
 */

import { type DateProblem, momentOf } from './moments.ts'

/** Why a value that was there could not be used. */
export const VALUE_PROBLEMS = [
  'ambiguous_date',
  'hashed',
  'in_the_future',
  'not_a_bool',
  'not_a_date',
  'not_a_map',
  'not_a_number',
  'not_a_time_zone',
  'not_a_url',
  'not_an_email',
  'not_an_integer',
  'not_base64',
  'not_text',
  'number_too_large',
  'redacted',
  'too_long',
] as const
export type ValueProblem = (typeof VALUE_PROBLEMS)[number]

export type Row = Readonly<Record<string, unknown>>

export class Scope {
  row: Row
  /** The moment of the record; while that is looked for, of its arrival. */
  at: number
  /** What was wrong with a value since this was cleared last. */
  problem: ValueProblem | undefined

  constructor(row: Row, at: number) {
    this.row = row
    this.at = at
  }

  /** Notes why there is no value. */
  none(problem: ValueProblem): undefined {
    this.problem = problem
    return undefined
  }
}

export type Evaluate = (scope: Scope) => unknown

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Date) &&
    !(value instanceof Map)
  )
}

/** Undefined for what says nothing. */
export function given(value: unknown): unknown {
  return value === null || value === '' ? undefined : value
}

/** Of a list its first value; else the value. */
export function firstOf(value: unknown): unknown {
  return Array.isArray(value) ? value.map(given).find((one) => one !== undefined) : given(value)
}

export function textOf(value: unknown, scope: Scope): string | undefined {
  const one = firstOf(value)
  if (typeof one === 'string') return one
  if (one === undefined) return undefined
  if (typeof one === 'boolean') return String(one)
  if (one instanceof Date) return one.toISOString()
  if (typeof one !== 'number') return scope.none('not_text')
  // JSON.parse has rounded it: the text that was sent is not known any more.
  if (Number.isInteger(one) && !Number.isSafeInteger(one)) return scope.none('number_too_large')
  return String(one)
}

const NUMBER = /^\s*[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d{1,3})?\s*$/i

export function numberOf(value: unknown, scope: Scope): number | undefined {
  const one = firstOf(value)
  if (one === undefined) return undefined
  if (typeof one === 'boolean') return one ? 1 : 0
  const number = typeof one === 'string' && NUMBER.test(one) ? Number(one) : one
  return typeof number === 'number' && Number.isFinite(number) ? number : scope.none('not_a_number')
}

const TRUE = new Set(['true', 't', 'yes', 'y', 'on', '1'])
const FALSE = new Set(['false', 'f', 'no', 'n', 'off', '0'])

export function boolOf(value: unknown, scope: Scope): boolean | undefined {
  const one = firstOf(value)
  if (typeof one === 'boolean' || one === undefined) return one
  const text = typeof one === 'string' || typeof one === 'number' ? String(one).trim().toLowerCase() : ''
  if (TRUE.has(text)) return true
  return FALSE.has(text) ? false : scope.none('not_a_bool')
}

/** Milliseconds since the epoch. */
export function timeOf(value: unknown, scope: Scope): number | undefined {
  const one = firstOf(value)
  if (one === undefined) return undefined
  if (one instanceof Date) return one.getTime()
  if (typeof one !== 'string' && typeof one !== 'number') return scope.none('not_a_date')
  return madeMoment(momentOf(one), scope)
}

export function madeMoment(moment: number | DateProblem, scope: Scope): number | undefined {
  return typeof moment === 'number' ? moment : scope.none(moment)
}

/** Its values; of what is no list that value alone. */
export function listOf(value: unknown): readonly unknown[] {
  const values = Array.isArray(value) ? value : [value]
  return values.map(given).filter((one) => one !== undefined)
}

/** Keys and values of a map, or of an object that the record holds. */
export function entriesOf(value: unknown, scope: Scope): readonly (readonly [string, unknown])[] {
  if (value instanceof Map) return [...(value as ReadonlyMap<string, unknown>)]
  if (isObject(value)) return Object.entries(value)
  if (given(value) !== undefined) scope.none('not_a_map')
  return []
}

/** Whether it counts as true where a condition is asked. */
export function holds(value: unknown): boolean {
  if (typeof value === 'boolean') return value
  if (typeof value === 'number') return value !== 0
  if (typeof value === 'string') return !FALSE.has(value.trim().toLowerCase()) && value !== ''
  return exists(value)
}

export function exists(value: unknown): boolean {
  if (Array.isArray(value)) return listOf(value).length > 0
  if (value instanceof Map) return value.size > 0
  if (isObject(value)) return Object.keys(value).length > 0
  return given(value) !== undefined
}

/**
 * Negative, 0 or positive; undefined when the two cannot be compared. Numbers and moments are compared as such where
 * one side is one and the other reads as one; otherwise the texts.
 */
export function compared(left: unknown, right: unknown): number | undefined {
  if (left === undefined || right === undefined) return undefined
  const scope = new Scope({}, 0)
  if (left instanceof Date || right instanceof Date)
    return difference(timeOf(left, scope), timeOf(right, scope))
  if (typeof left === 'boolean' || typeof right === 'boolean')
    return difference(numberFrom(boolOf(left, scope)), numberFrom(boolOf(right, scope)))
  if (typeof left === 'number' || typeof right === 'number')
    return difference(numberOf(left, scope), numberOf(right, scope))
  if (typeof left !== 'string' || typeof right !== 'string') return undefined
  return left === right ? 0 : left < right ? -1 : 1
}

function numberFrom(value: boolean | undefined): number | undefined {
  return value === undefined ? undefined : Number(value)
}

function difference(left: number | undefined, right: number | undefined): number | undefined {
  return left === undefined || right === undefined ? undefined : left - right
}

/** Of a list: whether any of its values is. */
export function isEqual(left: unknown, right: unknown): boolean {
  if (Array.isArray(left)) return left.some((one) => isEqual(given(one), right))
  if (Array.isArray(right)) return right.some((one) => isEqual(left, given(one)))
  return compared(left, right) === 0
}
