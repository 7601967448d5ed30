/**
 * What a rule builder can say: subjects (a field, an event, an audience), the tests that each can be put to, and what a test has to be
 * told. A room of pages lists its own, and translates what was built into its own kind of rule.
 */

import type { RuleGroupType, RuleType } from 'react-querybuilder'

export type Values = Readonly<Record<string, unknown>>

export interface Condition extends RuleType {
  /** Name of the subject. */
  field: string
  /** Name of the test. */
  operator: string
  /** By name of the input. */
  value: Values
}

/** `and` of nothing: everybody. */
export type Query = RuleGroupType<Condition, 'and' | 'or'>

/** A rule as a picture, or what of it there is no picture for, in words. */
export type Drawn = { readonly query: Query } | { readonly undrawable: string }

/** Thrown while a rule is drawn, with what there is no picture for. */
export class Undrawable extends Error {}

/** The picture, unless drawing throws Undrawable. */
export function drawing(draw: () => Query): Drawn {
  try {
    return { query: draw() }
  } catch (error) {
    if (error instanceof Undrawable) return { undrawable: error.message }
    throw error
  }
}

export interface Input {
  readonly name: string
  /** For those who hear the page, and where there is no other word. */
  readonly label: string
  /** `moment`: a date, or one that moves with the clock. `suggested`: a text, perhaps one of the choices. */
  readonly kind: 'text' | 'number' | 'values' | 'moment' | 'choice' | 'suggested'
  /** What a new condition begins with, so that it says something from the start. */
  readonly first: unknown
  readonly choices?: readonly string[]
  readonly min?: number
  readonly max?: number
  readonly whole?: boolean
  /** May be left empty. */
  readonly optional?: boolean
  /** Words around it. */
  readonly before?: string
  readonly after?: string
}

export interface Test {
  readonly name: string
  readonly label: string
  readonly inputs: readonly Input[]
  /** Offered only where a rule uses it already. */
  readonly rare?: boolean
}

export interface Subject {
  readonly name: string
  readonly label: string
  readonly group: string
  /** The first one is what a new condition begins with. */
  readonly tests: readonly [Test, ...Test[]]
}

export function firstValues({ inputs }: Test): Values {
  return Object.fromEntries(inputs.map(({ name, first }) => [name, first]))
}
