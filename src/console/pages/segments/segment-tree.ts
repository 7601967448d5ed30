/** Between the rule of a segment and what the builder shows. */

import type { SegmentAnswer } from '../../../api/routes/segments.ts'
import {
  type Condition,
  type Drawn,
  drawing,
  type Query,
  type Subject,
  Undrawable,
  type Values,
} from '../../elements/rule-builder/vocabulary.ts'
import { EVENTS, kindOf, type SqlColumn } from './segment-vocabulary.ts'

export type SegmentRule = SegmentAnswer['definition']['rule']

export function drawnSegment(rule: SegmentRule, subjects: readonly Subject[]): Drawn {
  const known = new Map(subjects.map((subject) => [subject.name, subject]))
  return drawing(() => groupOf(rule, [], known))
}

type Known = ReadonlyMap<string, Subject>

function groupOf(rule: SegmentRule, path: readonly number[], known: Known): Query {
  const id = `g${path.join('.')}`
  const parts = (rules: readonly SegmentRule[]) => rules.map((part, i) => partOf(part, [...path, i], known))
  if ('all' in rule) return { id, combinator: 'and', rules: parts(rule.all) }
  if ('any' in rule) {
    // Any of nothing is nobody, which an empty group of the builder does not say.
    if (rule.any.length === 0) throw new Undrawable('any of nothing')
    return { id, combinator: 'or', rules: parts(rule.any) }
  }
  if ('not' in rule) {
    const inner = groupOf(rule.not, path, known)
    return inner.not === true
      ? { id, combinator: 'and', not: true, rules: [{ ...inner, id: `${id}.0` }] }
      : { ...inner, not: true }
  }
  return { id, combinator: 'and', rules: parts([rule]) }
}

function partOf(rule: SegmentRule, path: readonly number[], known: Known): Condition | Query {
  if ('all' in rule || 'any' in rule || 'not' in rule) return groupOf(rule, path, known)
  const id = `c${path.join('.')}`
  if ('events' in rule) {
    if (!known.has(EVENTS)) throw new Undrawable('events without a table of events')
    const { times, count, withinDays, where } = rule.events
    return { id, field: EVENTS, operator: times, value: { count, days: withinDays, ...whereOf(where) } }
  }
  const { column, test, ...value } = rule
  if (known.get(column)?.tests.some(({ name }) => name === test) !== true)
    throw new Undrawable(`the test “${test}” of ${column}`)
  return { id, field: column, operator: test, value: Object.fromEntries(Object.entries(value).map(shown)) }
}

function shown([name, value]: [string, unknown]): [string, unknown] {
  return [name, typeof value === 'boolean' ? String(value) : value]
}

function whereOf(where: SegmentRule | undefined): Values {
  if (where === undefined) return { column: '', value: '' }
  if ('test' in where && where.test === 'is' && typeof where.value === 'string')
    return { column: where.column, value: where.value }
  throw new Undrawable('conditions of events beyond one column')
}

export function segmentOf(query: Query, columns: readonly SqlColumn[]): SegmentRule {
  const rules = query.rules.map((part) =>
    'rules' in part ? segmentOf(part as Query, columns) : conditionOf(part as Condition, columns),
  )
  const group: SegmentRule = query.combinator === 'or' && rules.length > 0 ? { any: rules } : { all: rules }
  return query.not === true ? { not: group } : group
}

function conditionOf({ field, operator, value }: Condition, columns: readonly SqlColumn[]): SegmentRule {
  if (field === EVENTS) {
    const { count, days, column, value: is } = value
    const where = column === '' || column === undefined ? {} : { where: { column, test: 'is', value: is } }
    const within = typeof days === 'number' ? { withinDays: days } : {}
    return { events: { times: operator, count, ...within, ...where } } as SegmentRule
  }
  const kind = kindOf(columns.find(({ name }) => name === field)?.type ?? '')
  const told = Object.entries(value).map(([name, one]) => [
    name,
    Array.isArray(one) ? one.map((each) => scalarOf(each, kind)) : scalarOf(one, kind),
  ])
  return { column: field, test: operator, ...Object.fromEntries(told) } as SegmentRule
}

/** Forms give texts; columns of numbers and truths are compared with numbers and truths. */
function scalarOf(value: unknown, kind: ReturnType<typeof kindOf>): unknown {
  if (typeof value !== 'string') return value
  if (kind === 'truth') return value === 'true'
  return kind === 'number' && value.trim() !== '' && Number.isFinite(Number(value)) ? Number(value) : value
}
