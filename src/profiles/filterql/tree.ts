/**
 * What a statement of FilterQL says, as a tree. Spellings that mean the same are one tree: swapped sides are turned round
 * (`5 < visits` is `visits > 5`), `"a" IN roles` is `roles IN ("a")`, and `roles NOT IN ("a")` is the negation of an IN.
 */

/** Rules within rules, the outermost included. */
export const DEPTH_MAX = 100
/** Conditions of one rule, nested ones included (Lytics, platform limits). */
export const CONDITIONS_MAX = 1_000
/** Values of one list. */
export const VALUES_MAX = 10_000
/** UTF-16 units of one statement. */
export const TEXT_CHARS_MAX = 200_000

export type Literal = string | number | boolean | null

/** A field of the profile; `key`: one entry of a map. Names of fields hold no dot, so all that follows the first one is the key. */
export interface FieldRef {
  readonly kind: 'field'
  readonly field: string
  readonly key?: string
}

export interface Call {
  readonly kind: 'call'
  /** In lower case. */
  readonly name: string
  readonly args: readonly Operand[]
}

export interface Constant {
  readonly kind: 'value'
  readonly value: Literal
}

/** What a condition is about. */
export type Subject = FieldRef | Call
export type Operand = Subject | Constant

export const COMPARISONS = ['=', '!=', '<', '<=', '>', '>='] as const
export type Comparison = (typeof COMPARISONS)[number]

export type Condition =
  | { readonly kind: 'compare'; readonly operator: Comparison; readonly of: Subject; readonly value: Literal }
  /** Exclusive on both ends. */
  | { readonly kind: 'between'; readonly of: Subject; readonly from: Literal; readonly to: Literal }
  | { readonly kind: 'contains' | 'like'; readonly of: Subject; readonly value: Literal }
  | { readonly kind: 'in' | 'intersects'; readonly of: Subject; readonly values: readonly Literal[] }
  | { readonly kind: 'exists'; readonly of: Subject }
  /** A field or function that is true or false by itself. */
  | { readonly kind: 'holds'; readonly of: Subject }

export type Rule =
  | { readonly kind: 'all' }
  | { readonly kind: 'constant'; readonly value: boolean }
  | { readonly kind: 'and' | 'or'; readonly rules: readonly Rule[] }
  | { readonly kind: 'not'; readonly rule: Rule }
  | { readonly kind: 'include'; readonly audience: string }
  | Condition

export interface Statement {
  readonly rule: Rule
  readonly from?: string
  readonly limit?: number
  readonly with?: readonly (readonly [name: string, value: Literal])[]
  readonly alias?: string
}

/** Of the operator when its sides are swapped. */
export const TURNED: Readonly<Record<Comparison, Comparison>> = {
  '=': '=',
  '!=': '!=',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
}

/** Every rule in the tree, the given one first. */
export function* rulesIn(rule: Rule): Generator<Rule> {
  yield rule
  if (rule.kind === 'not') yield* rulesIn(rule.rule)
  if (rule.kind === 'and' || rule.kind === 'or') for (const part of rule.rules) yield* rulesIn(part)
}

/** Names of the audiences that it includes, each once, in order. */
export function includesOf(rule: Rule): string[] {
  const names = new Set<string>()
  for (const part of rulesIn(rule)) if (part.kind === 'include') names.add(part.audience)
  return [...names]
}
