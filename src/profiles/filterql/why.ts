/** Why a rule says yes or no about a profile: its tree, with what each part found. */

import type { Value } from '../values.ts'
import type { Compiled } from './compile.ts'
import { type RuleJson, toJson } from './json.ts'
import { instantOf } from './moments.ts'
import { printRule } from './print.ts'
import type { Slots } from './slots.ts'
import type { Condition } from './tree.ts'

export interface Why {
  /** In FilterQL: of a condition whole, of a rule with parts its word. */
  readonly text: string
  readonly holds: boolean
  /** The earliest later moment at which it may be otherwise without a record; null: never. */
  readonly flipAt: number | null
  /** Rules within, or that of the audience which is included. An audience is told once; where it is included again, its answer only. */
  readonly parts: readonly Why[]
  /** Of a condition. */
  readonly condition?: WhyCondition
  /** Of an INCLUDE: as the rule names it. */
  readonly audience?: string
}

export interface WhyCondition {
  readonly rule: RuleJson
  /** What the field or function gives for this profile; null: nothing. Values of personal fields are for the caller to mask. */
  readonly actual: Value | null
  readonly fields: readonly string[]
  /** What the moments in the rule are now, in order. */
  readonly moments: readonly number[]
}

/** `included`: the rule of an audience. */
export function whyOf(
  compiled: Compiled,
  slots: Slots,
  nowMs: number,
  included: (audience: string) => Compiled | undefined,
): Why {
  const told = new Set<string>()
  return explain(compiled)

  function explain({ rule, judge, parts, asks }: Compiled): Why {
    const answer = judge(slots, nowMs)
    const common = {
      holds: answer > 0,
      flipAt: Number.isFinite(answer) ? Math.abs(answer) : null,
    }
    switch (rule.kind) {
      case 'and':
      case 'or':
      case 'not':
        return { text: rule.kind.toUpperCase(), ...common, parts: parts.map(explain) }
      case 'include': {
        const { audience } = rule
        const inner = told.has(audience) ? undefined : included(audience)
        told.add(audience)
        const within = inner === undefined ? [] : [explain(inner)]
        return { text: printRule(rule), ...common, parts: within, audience }
      }
      case 'all':
      case 'constant':
        return { text: printRule(rule), ...common, parts: [] }
      default:
        return { text: printRule(rule), ...common, parts: [], condition: conditionOf(rule, asks) }
    }
  }

  function conditionOf(rule: Condition, asks: Compiled['asks']): WhyCondition {
    return {
      rule: toJson(rule),
      actual: asks?.actual(slots) ?? null,
      fields: asks?.fields ?? [],
      moments: (asks?.moments ?? []).map((moment) => instantOf(moment, nowMs)),
    }
  }
}
