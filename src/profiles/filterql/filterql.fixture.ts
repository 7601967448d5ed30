/**
 * For tests: profiles and rules made up at random, and a second, plain reading of what rules mean, written from the table of
 * semantics and sharing nothing with the compiler but the tree.
 */

import fc from 'fast-check'
import type { Fields, FieldType, Value } from '../values.ts'
import type { FieldTypes } from './filterql.ts'
import type { Condition, Literal, Rule, Subject } from './tree.ts'

export const DAY = 86_400_000
export const NOW = Date.parse('2026-03-31T12:00:00Z')

export const TYPES: FieldTypes = new Map<string, FieldType>([
  ['first_name', 'string'],
  ['email', 'string'],
  ['city', 'string'],
  ['zip', 'string'],
  ['place', 'string'],
  ['visits', 'int'],
  ['amount', 'number'],
  ['vip', 'bool'],
  ['birth_date', 'date'],
  ['last_seen', 'date'],
  ['roles', '[]string'],
  ['logins', '[]time'],
  ['plan_of', 'map[string]string'],
  ['hits', 'map[string]int'],
  ['total', 'map[string]intsum'],
  ['scores', 'map[string]number'],
  ['consent', 'map[string]bool'],
  ['first_event', 'map[string]time'],
  ['events', 'map[string][]time'],
  ['from', 'string'],
])

type Truth = (audience: string) => boolean

/** What a rule means, read plainly. */
export function means(rule: Rule, fields: Fields, now: number, included: Truth = () => false): boolean {
  switch (rule.kind) {
    case 'all':
      return true
    case 'constant':
      return rule.value
    case 'and':
      return rule.rules.every((part) => means(part, fields, now, included))
    case 'or':
      return rule.rules.some((part) => means(part, fields, now, included))
    case 'not':
      return !means(rule.rule, fields, now, included)
    case 'include':
      return included(rule.audience)
    default:
      return conditionMeans(rule, found(rule.of, fields, now), now)
  }
}

/** Of a condition, given what its field or function has. `actual` of timewindow is the moments that it counts. */
export function conditionMeans(rule: Condition, actual: Value | undefined, now: number): boolean {
  const elements = elementsOf(actual)
  switch (rule.kind) {
    case 'exists':
      return !isEmpty(actual)
    case 'holds':
      if (rule.of.kind === 'call' && rule.of.name === 'timewindow') {
        const [, times, days] = rule.of.args.map((arg) => (arg.kind === 'value' ? Number(arg.value) : 0))
        const recent = elements.filter((at) => Number(at) <= now && Number(at) > now - (days ?? 0) * DAY)
        return recent.length >= (times ?? 0)
      }
      return actual === true
    case 'compare': {
      if (rule.value === null) return isEmpty(actual) === (rule.operator === '=')
      const { operator, value } = rule
      if (operator === '!=') return !elements.some((one) => compares(one, '=', value, now))
      return elements.some((one) => compares(one, operator, value, now))
    }
    case 'between':
      return elements.some((one) => compares(one, '>', rule.from, now) && compares(one, '<', rule.to, now))
    case 'contains':
      return elements.some((one) => typeof one === 'string' && one.includes(String(rule.value)))
    case 'like': {
      const pattern = String(rule.value)
        .split(/[*%]/)
        .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
        .join('[^]*')
      return elements.some((one) => typeof one === 'string' && new RegExp(`^${pattern}$`).test(one))
    }
    case 'in':
    case 'intersects': {
      const isMap = typeof actual === 'object' && !Array.isArray(actual)
      const keys = isMap ? Object.keys(actual) : elements
      return keys.some((one) => rule.values.some((value) => compares(one, '=', value, now)))
    }
  }
}

function compares(one: unknown, operator: string, wanted: Literal, now: number): boolean {
  const other = typeof one === 'number' ? meant(wanted, now) : wanted
  const both =
    typeof one === 'string' && typeof other === 'string' ? [one, other] : [numeric(one), numeric(other)]
  const [a, b] = typeof one === 'boolean' ? [String(one), String(wanted)] : both
  if (a === undefined || b === undefined) return false
  if (operator === '=') return a === b
  if (operator === '<') return a < b
  if (operator === '<=') return a <= b
  return operator === '>' ? a > b : a >= b
}

function numeric(value: unknown): number {
  return value === '' ? Number.NaN : Number(value)
}

/** A date in words becomes a number; other texts stay. */
function meant(value: Literal, now: number): Literal {
  if (typeof value !== 'string') return value
  const math = /^now(?:([+-]\d+)([smhdwMy]))?$/.exec(value)
  if (math !== null) {
    const count = Number(math[1] ?? 0)
    const date = new Date(now)
    switch (math[2]) {
      case 'M':
        return date.setUTCMonth(date.getUTCMonth() + count)
      case 'y':
        return date.setUTCFullYear(date.getUTCFullYear() + count)
    }
    const unit = { s: 1_000, m: 60_000, h: 3_600_000, d: DAY, w: 7 * DAY }[math[2] ?? 's'] ?? 0
    return now + count * unit
  }
  return /^\d{4}-\d\d-\d\d/.test(value) ? Date.parse(value) : value
}

function found(of: Subject, fields: Fields, now: number): Value | undefined {
  if (of.kind === 'field') {
    const value = Object.hasOwn(fields, of.field) ? fields[of.field] : undefined
    if (of.key === undefined) return value
    return value !== undefined && Object.hasOwn(value as object, of.key)
      ? (value as Readonly<Record<string, Value>>)[of.key]
      : undefined
  }
  const [subject] = of.args
  const value = subject === undefined || subject.kind === 'value' ? undefined : found(subject, fields, now)
  return of.name === 'tolower' && typeof value === 'string' ? value.toLowerCase() : value
}

function elementsOf(value: Value | undefined): readonly unknown[] {
  if (value === undefined) return []
  if (Array.isArray(value)) return value
  return typeof value === 'object' ? [] : [value]
}

function isEmpty(value: Value | undefined): boolean {
  if (value === undefined || value === '') return true
  return typeof value === 'object' && Object.keys(value).length === 0
}

const Word = fc.constantFrom('a', 'b', 'ab', 'Ab', 'x y', '5', '05', '', '*', 'now')
const Small = fc.integer({ min: -2, max: 6 })
/** Around now, on a coarse grid, so that moments meet the edges of rules exactly. */
const Moment = fc
  .tuple(fc.integer({ min: -200, max: 40 }), fc.constantFrom(0, 0, 1, -1))
  .map(([halfDays, off]) => NOW + halfDays * (DAY / 2) + off)
const Moments = fc.array(Moment, { maxLength: 6 }).map((all) => [...all].sort((a, b) => b - a))
const Key = fc.constantFrom('k', 'open', 'users.messages.email.Open', 'odd key', 'constructor')

function mapOf<T>(entry: fc.Arbitrary<T>): fc.Arbitrary<Record<string, T>> {
  return fc.dictionary(Key, entry, { maxKeys: 3, noNullPrototype: true })
}

/** Each field is there or not. */
export const SomeFields: fc.Arbitrary<Fields> = fc
  .record(
    {
      first_name: Word,
      city: Word,
      zip: Word,
      visits: Small,
      amount: fc.constantFrom(-1.5, 0, 2, 2.5, 5),
      vip: fc.boolean(),
      birth_date: Moment,
      last_seen: Moment,
      roles: fc.uniqueArray(Word, { maxLength: 3 }),
      logins: Moments,
      plan_of: mapOf(Word),
      hits: mapOf(Small),
      consent: mapOf(fc.boolean()),
      first_event: mapOf(Moment),
      events: mapOf(Moments),
    },
    { requiredKeys: [] },
  )
  .map((fields) => fields as Fields)

const Ref = (field: string): Subject => ({ kind: 'field', field })
const KeyRef = (field: string) => Key.map((key): Subject => ({ kind: 'field', field, key }))

const TextSubject = fc.oneof(
  fc.constantFrom(Ref('first_name'), Ref('city'), Ref('zip')),
  KeyRef('plan_of'),
  fc.constant<Subject>({ kind: 'call', name: 'tolower', args: [Ref('city')] }),
)
const NumberSubject = fc.oneof(fc.constantFrom(Ref('visits'), Ref('amount')), KeyRef('hits'))
const BoolSubject = fc.oneof(fc.constant(Ref('vip')), KeyRef('consent'))
const DateSubject = fc.oneof(
  fc.constantFrom(Ref('birth_date'), Ref('last_seen'), Ref('logins')),
  KeyRef('first_event'),
  KeyRef('events'),
)
const SetSubject = fc.constantFrom(Ref('roles'))
const KeysSubject = fc.constantFrom(Ref('hits'), Ref('events'), Ref('plan_of'))
const DateMath = fc
  .tuple(fc.integer({ min: -4, max: 3 }), fc.constantFrom('h', 'd', 'w', 'M', 'y', 's', 'm'))
  .map(([count, unit]) => `now${count < 0 ? '-' : '+'}${Math.abs(count)}${unit}`)
const DateLiteral: fc.Arbitrary<Literal> = fc.oneof(
  { weight: 4, arbitrary: DateMath },
  fc.constantFrom<Literal>('now', '2026-03-01', '2026-03-28T12:00:00Z'),
  Moment,
)
const Text = Word.filter((word) => word !== '')
const Comparison = fc.constantFrom('=', '!=', '<', '<=', '>', '>=')
const Equality = fc.constantFrom('=', '!=')

function condition(shape: Record<string, fc.Arbitrary<unknown> | string>): fc.Arbitrary<Rule> {
  const arbitraries = Object.fromEntries(
    Object.entries(shape).map(([name, value]) => [
      name,
      typeof value === 'string' ? fc.constant(value) : value,
    ]),
  )
  return fc.record(arbitraries) as unknown as fc.Arbitrary<Rule>
}

const TimeWindow: fc.Arbitrary<Rule> = fc
  .tuple(
    fc.oneof(fc.constant(Ref('logins')), KeyRef('events')),
    fc.integer({ min: 1, max: 4 }),
    fc.constantFrom(1, 7, 30),
  )
  .map(([of, times, days]) => ({
    kind: 'holds',
    of: {
      kind: 'call',
      name: 'timewindow',
      args: [of, { kind: 'value', value: times }, { kind: 'value', value: days }],
    },
  }))

const SomeCondition: fc.Arbitrary<Rule> = fc.oneof(
  {
    weight: 3,
    arbitrary: condition({ kind: 'compare', operator: Comparison, of: DateSubject, value: DateLiteral }),
  },
  {
    weight: 2,
    arbitrary: condition({ kind: 'between', of: DateSubject, from: DateLiteral, to: DateLiteral }),
  },
  { weight: 2, arbitrary: TimeWindow },
  condition({ kind: 'compare', operator: Equality, of: TextSubject, value: fc.oneof(Word, Small) }),
  condition({ kind: 'compare', operator: Comparison, of: NumberSubject, value: Small }),
  condition({ kind: 'compare', operator: Equality, of: BoolSubject, value: fc.boolean() }),
  condition({
    kind: 'compare',
    operator: Equality,
    of: fc.oneof(TextSubject, NumberSubject, DateSubject, SetSubject, KeysSubject),
    value: fc.constant(null),
  }),
  condition({ kind: 'between', of: NumberSubject, from: Small, to: Small }),
  condition({
    kind: fc.constantFrom('contains', 'like'),
    of: fc.oneof(TextSubject, SetSubject),
    value: Text,
  }),
  condition({ kind: 'like', of: TextSubject, value: fc.constantFrom('*b', 'A%', '*', '*x*', 'a*b') }),
  condition({
    kind: fc.constantFrom('in', 'intersects'),
    of: fc.oneof(TextSubject, SetSubject),
    values: fc.array(fc.oneof(Text, Small), { minLength: 1, maxLength: 3 }),
  }),
  condition({
    kind: fc.constantFrom('in', 'intersects'),
    of: KeysSubject,
    values: fc.array(Key, { minLength: 1, maxLength: 3 }),
  }),
  condition({
    kind: fc.constantFrom('in', 'intersects'),
    of: NumberSubject,
    values: fc.array(Small, { minLength: 1, maxLength: 3 }),
  }),
  condition({
    kind: 'exists',
    of: fc.oneof(TextSubject, NumberSubject, BoolSubject, DateSubject, SetSubject, KeysSubject),
  }),
  condition({ kind: 'holds', of: BoolSubject }),
)

/** Rules that fit TYPES. `audiences`: what they may include. */
export function someRule(audiences: readonly string[] = []): fc.Arbitrary<Rule> {
  const leaf: fc.Arbitrary<Rule> =
    audiences.length === 0
      ? SomeCondition
      : fc.oneof(
          { weight: 5, arbitrary: SomeCondition },
          condition({ kind: 'include', audience: fc.constantFrom(...audiences) }),
        )
  return fc.letrec<{ rule: Rule }>((tie) => ({
    rule: fc.oneof(
      { maxDepth: 4, depthIdentifier: 'rule' },
      { weight: 4, arbitrary: leaf },
      fc.constantFrom<Rule>({ kind: 'all' }, { kind: 'constant', value: false }),
      condition({ kind: 'not', rule: tie('rule') }),
      {
        weight: 3,
        arbitrary: condition({
          kind: fc.constantFrom('and', 'or'),
          rules: fc.array(tie('rule'), { minLength: 1, maxLength: 4 }),
        }),
      },
    ),
  })).rule
}
