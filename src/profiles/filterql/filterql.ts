/**
 * FilterQL, Lytics' language of rules about people: read (tokens.ts, parse.ts), written (print.ts, json.ts), checked against
 * the schema of profiles and made functions (compile.ts), explained (why.ts). Pure: the clock is an argument, and what an
 * INCLUDE means is asked of the caller. It must never know where profiles or audiences are kept.
 */

import type { ProfileSchema } from '../schema.ts'
import type { FieldType } from '../values.ts'
import { type Compiled, compileRule } from './compile.ts'
import { failure, nearest } from './failure.ts'
import { fromJson, type RuleJson } from './json.ts'
import { type Parsed, parseFilter } from './parse.ts'
import { printStatement } from './print.ts'
import type { SlotPlan } from './slots.ts'

/** What fields there are, by name. */
export type FieldTypes = ReadonlyMap<string, FieldType>

export function fieldTypesOf({ fields }: Pick<ProfileSchema, 'fields'>): FieldTypes {
  return new Map(fields.map(({ name, type }) => [name, type]))
}

/** From FilterQL, or from the tree as JSON: that is written as FilterQL first, so that places are always those of a text. Throws FILTERQL_INVALID. */
export function readFilter(input: string | RuleJson): Parsed {
  return parseFilter(typeof input === 'string' ? input : printStatement({ rule: fromJson(input) }))
}

export interface Compilation {
  readonly types: FieldTypes
  /** Gets the slots of the fields that the rule asks for. */
  readonly plan: Pick<SlotPlan, 'slotOf' | 'slotThrough'>
  /** What including this audience means; undefined: there is no such audience. */
  readonly include: (audience: string) => Pick<Compiled, 'judge' | 'needs'> | undefined
  /** Slugs that there are, for hints. */
  readonly slugs: () => Iterable<string>
}

/** Throws FILTERQL_INVALID for fields and audiences that there are not, and for what a field's type cannot be asked. */
export function compileFilter(filter: Parsed, { types, plan, include, slugs }: Compilation): Compiled {
  const fail = (what: string, at: object, value?: number): Error => {
    const place = filter.places.get(at) ?? { start: 0, end: 0, values: [] }
    return failure(filter.text, (value === undefined ? undefined : place.values[value]) ?? place, what)
  }
  return compileRule(filter.statement.rule, {
    fail,
    typeOf: (field) => types.get(field),
    slotOf: (ref) => plan.slotOf(ref),
    slotThrough: (slot, name, apply) => plan.slotThrough(slot, name, apply),
    hint: (field) => nearest(field, types.keys()),
    include: (rule) => {
      const included = include(rule.audience)
      if (included === undefined)
        throw fail(`There is no audience ${rule.audience}${nearest(rule.audience, slugs())}`, rule)
      return included
    },
  })
}

/** The text with other names after INCLUDE and, when one is given, another one after ALIAS. Comments and layout stay. */
export function renamed(filter: Parsed, include: (audience: string) => string, alias?: string): string {
  const changes = filter.includes.map(({ audience, at }) => ({ at, to: include(audience) }))
  if (alias !== undefined && filter.aliasAt !== undefined) changes.push({ at: filter.aliasAt, to: alias })
  let text = filter.text
  for (const { at, to } of changes.sort((a, b) => b.at.start - a.at.start))
    text = `${text.slice(0, at.start)}${to}${text.slice(at.end)}`
  return text
}
