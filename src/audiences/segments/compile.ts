/**
 * From a rule tree to SQL. Pure: the moment that days count back from is given, so that the same segment at the same moment
 * is the same query. Names and values are quoted by the engine's own rules and never spliced in otherwise.
 */

import { ThalwegError } from '../../core/errors.ts'
import type { EngineKind } from '../../warehouse/warehouse.ts'
import { DIALECTS, type Dialect } from './dialect.ts'
import type { Condition, ParentSegment, Rule } from './rule.ts'

const DAY_MS = 86_400_000
const PEOPLE = 'p'
const EVENTS = 'e'

/** Output column → column of the people: what an activation's mapping says. */
export type Outputs = Readonly<Record<string, string>>

export class SegmentCompiler {
  readonly #parent: ParentSegment
  readonly #dialect: Dialect
  readonly #nowMs: number

  constructor(kind: EngineKind, parent: ParentSegment, nowMs: number) {
    this.#parent = parent
    this.#dialect = DIALECTS[kind]
    this.#nowMs = nowMs
  }

  /** The people of the segment, with the columns that are asked for. */
  query(rule: Rule, outputs: Outputs): string {
    const { identifier } = this.#dialect
    const columns = Object.entries(outputs).map(
      ([output, column]) => `${this.#column(PEOPLE, column)} as ${identifier(output)}`,
    )
    return `select ${columns.join(', ')} from ${this.#from(rule)}`
  }

  /** The people of the segment, whole rows. */
  people(rule: Rule): string {
    return `select ${PEOPLE}.* from ${this.#from(rule)}`
  }

  size(rule: Rule): string {
    return `select count(*) as size from ${this.#from(rule)}`
  }

  #from(rule: Rule): string {
    return `${this.#table(this.#parent.table)} ${PEOPLE} where ${this.#truth(rule, PEOPLE)}`
  }

  #truth(rule: Rule, row: string): string {
    if ('all' in rule) return this.#joined(rule.all, 'and', '1 = 1', row)
    if ('any' in rule) return this.#joined(rule.any, 'or', '1 = 0', row)
    if ('not' in rule) return `not ${this.#truth(rule.not, row)}`
    if ('events' in rule) return this.#happened(rule.events, row)
    // Unknown is false, so that a negation is its opposite.
    return `coalesce(${this.#condition(rule, row)}, 1 = 0)`
  }

  #joined(rules: readonly Rule[], word: 'and' | 'or', empty: string, row: string): string {
    if (rules.length === 0) return `(${empty})`
    return `(${rules.map((rule) => this.#truth(rule, row)).join(` ${word} `)})`
  }

  #condition(condition: Condition, row: string): string {
    const column = this.#column(row, condition.column)
    switch (condition.test) {
      case 'is':
        return this.#compared(column, '=', condition.value)
      case 'is_not':
        return `${column} is null or not ${this.#compared(column, '=', condition.value)}`
      case 'less':
        return this.#compared(column, '<', condition.value)
      case 'less_or_equal':
        return this.#compared(column, '<=', condition.value)
      case 'greater':
        return this.#compared(column, '>', condition.value)
      case 'greater_or_equal':
        return this.#compared(column, '>=', condition.value)
      case 'contains':
        return this.#dialect.contains(column, condition.value)
      case 'starts_with':
        return this.#dialect.startsWith(column, condition.value)
      case 'ends_with':
        return this.#dialect.endsWith(column, condition.value)
      case 'in':
        return this.#among(column, condition.values)
      case 'not_in':
        return `${column} is null or not ${this.#among(column, condition.values)}`
      case 'between':
        return `${this.#compared(column, '>=', condition.from)} and ${this.#compared(column, '<=', condition.to)}`
      case 'is_set':
        return `${column} is not null`
      case 'is_not_set':
        return `${column} is null`
      case 'within_days':
        return `${column} >= ${this.#daysAgo(condition.days)} and ${column} <= ${this.#daysAgo(0)}`
      case 'before_days':
        return `${column} < ${this.#daysAgo(condition.days)}`
    }
  }

  #happened(events: Extract<Rule, { events: unknown }>['events'], row: string): string {
    const related = this.#parent.events
    if (related === undefined)
      throw new ThalwegError(
        'SEGMENT_INVALID',
        'The parent segment names no events, but a rule asks for them',
      )
    if (row === EVENTS)
      throw new ThalwegError('SEGMENT_INVALID', 'A rule about events cannot ask for events of events')
    const { identifier } = this.#dialect
    const key = `${EVENTS}.${identifier(related.key)}`
    const where = [
      `${key} is not null`,
      ...(events.withinDays === undefined
        ? []
        : [`${EVENTS}.${identifier(related.time)} >= ${this.#daysAgo(events.withinDays)}`]),
      ...(events.where === undefined ? [] : [this.#truth(events.where, EVENTS)]),
    ]
    const { times, count } = events
    if (times === 'at_least' && count === 0) return '(1 = 1)'
    // Whoever never did it is in no group: that somebody did it seldom is said by who did it more often.
    const seldom = times === 'at_most' || count === 0
    const often = seldom ? `> ${count}` : times === 'exactly' ? `= ${count}` : `>= ${count}`
    const who = `select ${key} from ${this.#table(related.table)} ${EVENTS} where ${where.join(' and ')} group by ${key} having count(*) ${often}`
    const person = this.#column(row, this.#parent.key)
    return seldom
      ? `(${person} is null or ${person} not in (${who}))`
      : `(${person} is not null and ${person} in (${who}))`
  }

  #among(column: string, values: readonly (string | number | boolean)[]): string {
    return `(${values.map((value) => this.#compared(column, '=', value)).join(' or ')})`
  }

  #compared(column: string, operator: string, value: string | number | boolean): string {
    if (typeof value === 'string') {
      const { exact, text } = this.#dialect
      return `${exact(column)} ${operator} ${text(value)}`
    }
    if (typeof value === 'number' && !Number.isFinite(value))
      throw new ThalwegError('SEGMENT_INVALID', 'A number of a rule is not finite')
    return `${column} ${operator} ${String(value)}`
  }

  #daysAgo(days: number): string {
    const utc = new Date(this.#nowMs - days * DAY_MS).toISOString().slice(0, 19).replace('T', ' ')
    return this.#dialect.moment(utc)
  }

  #column(row: string, name: string): string {
    return `${row}.${this.#dialect.identifier(name)}`
  }

  /** `schema.table` has two parts. */
  #table(name: string): string {
    return name.split('.').map(this.#dialect.identifier).join('.')
  }
}
