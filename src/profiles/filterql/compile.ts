/**
 * From a tree to functions over a profile's fields and the clock, with every field checked against the schema.
 *
 * A judgement is one number. Its sign is the answer; its size is the earliest later moment at which the answer may be
 * another one with the same fields, Infinity for never. So a negation is a minus, and AND and OR follow from it: what is true
 * because all its parts are stays so until the first of them may turn; what is false stays so until the last of the
 * parts that are false may have turned. Nothing is scheduled for a date that cannot matter.
 *
 * Semantics are those of Lytics' engine: a condition on a value that is not there is false, a negation (`!=`, `NOT …`) is
 * the opposite of what it negates, so it is true there; lists are asked whether any element fits.
 */

import { DAY_MS, nextChange, type Shift } from '../date-math.ts'
import { domainOf, hostOf } from '../domains.ts'
import type { FieldType, Value } from '../values.ts'
import { distanceKm, globTest, numberOf, pointOf } from './functions.ts'
import { instantOf, type Moment, readMoment } from './moments.ts'
import { printField, printLiteral, printOperand } from './print.ts'
import type { Slots } from './slots.ts'
import type { Call, Comparison, Condition, FieldRef, Literal, Operand, Rule, Subject } from './tree.ts'

export type Judgement = (slots: Slots, nowMs: number) => number

export const TRUE = Infinity
export const FALSE = -Infinity

export interface Compiled {
  readonly rule: Rule
  readonly judge: Judgement
  readonly needs: Needs
  /** Of AND, OR and NOT the rules within. */
  readonly parts: readonly Compiled[]
  /** Of a condition: what its field or function gives, the fields it asks, and the moments it compares with. */
  readonly asks?: {
    readonly fields: readonly string[]
    readonly actual: (slots: Slots) => Value | undefined
    readonly moments: readonly Moment[]
  }
}

/** A slot that has a value, or one of these. */
export interface Need {
  readonly slot: number
  readonly values?: ReadonlySet<Value>
}

/** Without which a rule is false for good, or true for good: where it is not met nobody has to ask. */
export interface Needs {
  readonly toHold?: Need | undefined
  readonly toFail?: Need | undefined
}

/** What a rule may refer to. */
export interface Terms {
  typeOf(field: string): FieldType | undefined
  slotOf(ref: FieldRef): number
  /** Of what a function of one text makes of the text in a slot. */
  slotThrough(slot: number, name: string, apply: (text: string) => string | undefined): number
  /** Of an audience that a rule includes. Throws when there is none. */
  include(rule: Extract<Rule, { kind: 'include' }>): Pick<Compiled, 'judge' | 'needs'>
  /** The error for a rule or a subject, or for one of the rule's values. */
  fail(what: string, at: object, value?: number): Error
  /** `; do you mean …?`, or nothing. */
  hint(field: string): string
}

/** What is read for a subject: of which type, and from where. */
interface Reading {
  readonly type: FieldType
  readonly slot: number
  readonly fields: readonly string[]
}

const NEEDS_NOTHING: Needs = {}

export function compileRule(rule: Rule, terms: Terms): Compiled {
  switch (rule.kind) {
    case 'all':
      return { rule, judge: () => TRUE, needs: NEEDS_NOTHING, parts: [] }
    case 'constant': {
      const answer = rule.value ? TRUE : FALSE
      return { rule, judge: () => answer, needs: NEEDS_NOTHING, parts: [] }
    }
    case 'and':
    case 'or': {
      const parts = rule.rules.map((part) => compileRule(part, terms))
      const judges = parts.map(({ judge }) => judge)
      return rule.kind === 'and'
        ? { rule, judge: both(judges), needs: { toHold: narrowest(parts, 'toHold') }, parts }
        : { rule, judge: either(judges), needs: { toFail: narrowest(parts, 'toFail') }, parts }
    }
    case 'not': {
      const part = compileRule(rule.rule, terms)
      const { toHold, toFail } = part.needs
      return { rule, judge: negated(part.judge), needs: { toHold: toFail, toFail: toHold }, parts: [part] }
    }
    case 'include': {
      const { judge, needs } = terms.include(rule)
      return { rule, judge, needs, parts: [] }
    }
    default:
      return new ConditionCompiler(rule, terms).compile()
  }
}

/** Of what all parts need the one that the fewest have: one of some values rather than any. */
function narrowest(parts: readonly Compiled[], which: keyof Needs): Need | undefined {
  let found: Need | undefined
  for (const { needs } of parts) {
    const need = needs[which]
    if (need !== undefined && widthOf(need) < widthOf(found)) found = need
  }
  return found
}

function widthOf(need: Need | undefined): number {
  if (need === undefined) return Infinity
  return need.values?.size ?? Number.MAX_VALUE
}

function valueIn(slot: number): (slots: Slots) => Value | undefined {
  return (slots) => slots[slot]
}

/** One part after the other; the first that is false for good decides. */
function both(judges: readonly Judgement[]): Judgement {
  const [only] = judges
  if (only !== undefined && judges.length === 1) return only
  return (slots, nowMs) => {
    let untilFirst = TRUE
    let untilLast = 0
    for (let i = 0; i < judges.length; i++) {
      const answer = (judges[i] as Judgement)(slots, nowMs)
      if (answer > 0) {
        if (answer < untilFirst) untilFirst = answer
      } else if (answer === FALSE) return FALSE
      else if (-answer > untilLast) untilLast = -answer
    }
    return untilLast === 0 ? untilFirst : -untilLast
  }
}

/** The same the other way round. */
function either(judges: readonly Judgement[]): Judgement {
  const [only] = judges
  if (only !== undefined && judges.length === 1) return only
  return (slots, nowMs) => {
    let untilFirst = TRUE
    let untilLast = 0
    for (let i = 0; i < judges.length; i++) {
      const answer = (judges[i] as Judgement)(slots, nowMs)
      if (answer < 0) {
        if (-answer < untilFirst) untilFirst = -answer
      } else if (answer === TRUE) return TRUE
      else if (answer > untilLast) untilLast = answer
    }
    return untilLast === 0 ? -untilFirst : untilLast
  }
}

function negated(judge: Judgement): Judgement {
  return (slots, nowMs) => -judge(slots, nowMs)
}

function timeless(test: (slots: Slots) => boolean): Judgement {
  return (slots) => (test(slots) ? TRUE : FALSE)
}

/** In the words of FilterQL, what each type can be asked. NULL can be compared with all of them. */
const ASKED: Readonly<Record<Kind, string>> = {
  string: '= != IN INTERSECTS CONTAINS LIKE EXISTS',
  number: '= != < <= > >= BETWEEN IN INTERSECTS EXISTS',
  bool: '= != EXISTS',
  date: '= != < <= > >= BETWEEN EXISTS',
  '[]string': 'IN INTERSECTS CONTAINS LIKE EXISTS',
  '[]time': '= != < <= > >= BETWEEN EXISTS',
  map: 'IN INTERSECTS EXISTS',
}

type Kind = 'string' | 'number' | 'bool' | 'date' | '[]string' | '[]time' | 'map'

function kindOf(type: FieldType): Kind {
  if (type.startsWith('map')) return 'map'
  return type === 'int' ? 'number' : (type as Kind)
}

const TYPES_OF_ENTRIES: Partial<Readonly<Record<FieldType, FieldType>>> = {
  'map[string]string': 'string',
  'map[string]int': 'int',
  'map[string]intsum': 'int',
  'map[string]number': 'number',
  'map[string]bool': 'bool',
  'map[string]time': 'date',
  'map[string][]time': '[]time',
}

const FUNCTIONS = ['domain', 'tolower', 'geodistance', 'timewindow'] as const

/** Of timewindow. A list of moments keeps its newest 50 unless its field says otherwise. */
export const TIMES_MAX = 50
export const DAYS_MAX = 365

class ConditionCompiler {
  readonly #rule: Condition
  readonly #terms: Terms

  constructor(rule: Condition, terms: Terms) {
    this.#rule = rule
    this.#terms = terms
  }

  compile(): Compiled {
    const rule = this.#rule
    if (rule.kind === 'holds') return this.#holds(rule.of)
    const reading = this.#reading(rule.of)
    const moments: Moment[] = []
    const judge = this.#judgement(reading, moments)
    const asks = { fields: reading.fields, actual: valueIn(reading.slot), moments }
    return { rule, judge, needs: this.#needs(reading), parts: [], asks }
  }

  #needs({ type, slot }: Reading): Needs {
    const rule = this.#rule
    const kind = kindOf(type)
    const isNegative = rule.kind === 'compare' && (rule.operator === '!=') !== (rule.value === null)
    const isEqual = rule.kind === 'compare' && (rule.operator === '=' || rule.operator === '!=')
    let need: Need = { slot }
    if (isEqual && kind === 'string' && typeof rule.value === 'string')
      need = { slot, values: new Set([rule.value]) }
    else if (isEqual && kind === 'number' && rule.value !== null)
      need = { slot, values: new Set([this.#number(rule.value, 0)]) }
    else if (isEqual && kind === 'bool' && rule.value !== null)
      need = { slot, values: new Set([this.#bool(rule.value)]) }
    else if ((rule.kind === 'in' || rule.kind === 'intersects') && kind === 'string')
      need = rule.values.every((value) => typeof value === 'string')
        ? { slot, values: new Set(rule.values) }
        : need
    return isNegative ? { toFail: need } : { toHold: need }
  }

  #judgement({ type, slot }: Reading, moments: Moment[]): Judgement {
    const rule = this.#rule
    const kind = kindOf(type)
    if (rule.kind === 'exists') return timeless((slots) => isThere(slots[slot]))
    if (rule.kind === 'compare' && rule.value === null) return this.#comparesNull(rule.operator, slot)
    const word = rule.kind === 'compare' ? rule.operator : rule.kind.toUpperCase()
    if (!ASKED[kind].split(' ').includes(word)) throw this.#notAsked(type, kind, word)
    switch (rule.kind) {
      case 'compare':
        return rule.operator === '!='
          ? negated(this.#compares(kind, '=', slot, moments))
          : this.#compares(kind, rule.operator, slot, moments)
      case 'between':
        return this.#between(kind, slot, moments)
      case 'in':
      case 'intersects':
        return this.#among(kind, rule.values, slot)
      case 'contains':
      case 'like':
        return textTest(slot, this.#textTest(rule.kind, rule.value))
      case 'holds':
        throw new Error('compiled elsewhere')
    }
  }

  #comparesNull(operator: Comparison, slot: number): Judgement {
    if (operator !== '=' && operator !== '!=') throw this.#fail('NULL can only be compared with = and !=', 0)
    const wanted = operator === '!='
    return timeless((slots) => isThere(slots[slot]) === wanted)
  }

  #compares(kind: Kind, operator: Comparison, slot: number, moments: Moment[]): Judgement {
    const value = this.#rule.kind === 'compare' ? this.#rule.value : null
    switch (kind) {
      case 'string':
        return this.#equalsText(value, slot)
      case 'bool': {
        const wanted = this.#bool(value)
        return timeless((slots) => slots[slot] === wanted)
      }
      case 'number': {
        const limit = this.#number(value, 0)
        const test = ORDER[operator]
        return timeless((slots) => {
          const number = slots[slot]
          return typeof number === 'number' && test(number, limit)
        })
      }
      default: {
        const moment = this.#moment(value, 0)
        moments.push(moment)
        const test = ORDER[operator]
        const holds = (at: number, nowMs: number) => test(at, instantOf(moment, nowMs))
        const judge = passing(operator, moment) ?? momentTest(holds, [moment])
        return operator === '='
          ? anyMoment(slot, judge)
          : extremeMoment(slot, operator.startsWith('>'), judge)
      }
    }
  }

  #between(kind: Kind, slot: number, moments: Moment[]): Judgement {
    const { from, to } = this.#rule.kind === 'between' ? this.#rule : { from: null, to: null }
    if (kind === 'number') {
      const low = this.#number(from, 0)
      const high = this.#number(to, 1)
      return timeless((slots) => {
        const number = slots[slot]
        return typeof number === 'number' && number > low && number < high
      })
    }
    const after = this.#moment(from, 0)
    const before = this.#moment(to, 1)
    moments.push(after, before)
    const holds = (at: number, nowMs: number) => at > instantOf(after, nowMs) && at < instantOf(before, nowMs)
    return anyMoment(slot, momentTest(holds, [after, before]))
  }

  #equalsText(value: Literal, slot: number): Judgement {
    if (typeof value === 'string') return timeless((slots) => slots[slot] === value)
    if (typeof value !== 'number')
      throw this.#fail(`Text is compared with text, not with ${printLiteral(value)}; write "${value}"`, 0)
    return timeless((slots) => {
      const text = slots[slot]
      return typeof text === 'string' && numberOf(text) === value
    })
  }

  #among(kind: Kind, values: readonly Literal[], slot: number): Judgement {
    if (kind === 'number') {
      const numbers = new Set(values.map((value, i) => this.#number(value, i)))
      return timeless((slots) => {
        const number = slots[slot]
        return typeof number === 'number' && numbers.has(number)
      })
    }
    const texts = new Set<string>()
    const numbers = new Set<number>()
    for (const [i, value] of values.entries()) {
      if (value === null || typeof value === 'boolean')
        throw this.#fail(`A list of texts or numbers cannot hold ${printLiteral(value)}`, i)
      if (typeof value === 'number') numbers.add(value)
      texts.add(String(value))
    }
    if (kind === 'map') {
      const keys = [...texts]
      return timeless((slots) => {
        const map = slots[slot]
        return typeof map === 'object' && keys.some((key) => Object.hasOwn(map, key))
      })
    }
    if (numbers.size === 0) return textTest(slot, (text) => texts.has(text))
    return textTest(slot, (text) => {
      if (texts.has(text)) return true
      const number = numberOf(text)
      return number !== undefined && numbers.has(number)
    })
  }

  #textTest(kind: 'contains' | 'like', value: Literal): (text: string) => boolean {
    if (typeof value !== 'string' || value === '')
      throw this.#fail(`${kind.toUpperCase()} takes a text that is not empty, not ${printLiteral(value)}`, 0)
    return kind === 'like' ? globTest(value) : (text) => text.includes(value)
  }

  /** A field that is true or false, or a function that answers so. */
  #holds(of: Subject): Compiled {
    const rule = this.#rule
    if (of.kind === 'call' && of.name === 'timewindow') return this.#timeWindow(of)
    if (of.kind === 'call' && of.name === 'geodistance') return this.#distance(of)
    const { type, slot, fields } = this.#reading(of)
    if (type !== 'bool')
      throw this.#fail(
        `${printOperand(of)} is ${type}, which is not true or false by itself; ask EXISTS, or compare it`,
      )
    const judge = timeless((slots) => slots[slot] === true)
    const needs = { toHold: { slot, values: new Set([true]) } }
    return { rule, judge, needs, parts: [], asks: { fields, actual: valueIn(slot), moments: [] } }
  }

  #timeWindow(call: Call): Compiled {
    const [of, times, days, ...more] = call.args
    const { type, slot, fields } = this.#argument(of, call)
    if (type !== '[]time')
      throw this.#fail(
        `timewindow counts moments: ${printOperand(call.args[0] as Operand)} is ${type}, not []time` +
          (type === 'map[string][]time' ? '; name one of its keys' : ''),
      )
    const count = this.#whole(times, TIMES_MAX, 'the 2nd argument of timewindow, the number of events,')
    const windowMs =
      DAY_MS * this.#whole(days, DAYS_MAX, 'the 3rd argument of timewindow, the number of days,')
    if (more.length > 0) throw this.#fail('timewindow takes 3 arguments: field, events, days')
    const judge: Judgement = (slots, nowMs) => windowed(slots[slot], count, windowMs, nowMs)
    const asks = { fields, actual: valueIn(slot), moments: [] }
    return { rule: this.#rule, judge, needs: { toHold: { slot } }, parts: [], asks }
  }

  #distance(call: Call): Compiled {
    const [of, place, radius, ...more] = call.args
    const { type, slot, fields } = this.#argument(of, call)
    const at = place?.kind === 'value' && typeof place.value === 'string' ? pointOf(place.value) : undefined
    const km = radius?.kind === 'value' && typeof radius.value === 'number' ? radius.value : undefined
    if (type !== 'string' || at === undefined || km === undefined || km < 0 || more.length > 0)
      throw this.#fail('geodistance takes 3 arguments: a string field with "lat,lon", "lat,lon", kilometres')
    const judge = timeless((slots) => {
      const text = slots[slot]
      const point = typeof text === 'string' ? pointOf(text) : undefined
      return point !== undefined && distanceKm(point, at) <= km
    })
    const asks = { fields, actual: valueIn(slot), moments: [] }
    return { rule: this.#rule, judge, needs: { toHold: { slot } }, parts: [], asks }
  }

  #argument(of: Operand | undefined, { name }: Call): Reading {
    if (of === undefined || of.kind === 'value') throw this.#fail(`The 1st argument of ${name} is a field`)
    return this.#reading(of)
  }

  #whole(operand: Operand | undefined, max: number, what: string): number {
    const value = operand?.kind === 'value' ? operand.value : undefined
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > max)
      throw this.#fail(`${what} is a whole number from 1 to ${max}`.replace(/^./, (a) => a.toUpperCase()))
    return value
  }

  #reading(of: Subject): Reading {
    return of.kind === 'field' ? this.#field(of) : this.#call(of)
  }

  #field(ref: FieldRef): Reading {
    const { field, key } = ref
    const type = this.#terms.typeOf(field)
    if (type === undefined)
      throw this.#terms.fail(`There is no field ${field}${this.#terms.hint(field)}`, ref)
    const entry = TYPES_OF_ENTRIES[type]
    if (key !== undefined && entry === undefined)
      throw this.#terms.fail(`${field} is ${type}, which has no keys`, ref)
    const slot = this.#terms.slotOf(ref)
    return {
      type: key === undefined || entry === undefined ? type : entry,
      slot,
      fields: [field],
    }
  }

  #call(call: Call): Reading {
    const { name } = call
    if (name === 'timewindow' || name === 'geodistance')
      throw this.#terms.fail(`${name} is true or false by itself and stands alone`, call)
    if (name !== 'domain' && name !== 'tolower')
      throw this.#terms.fail(`There is no function ${name}; there are ${FUNCTIONS.join(', ')}`, call)
    const { type, slot, fields } = this.#argument(call.args[0], call)
    if (type !== 'string' || call.args.length !== 1)
      throw this.#terms.fail(`${name} takes one string, not ${type}`, call)
    const apply = name === 'domain' ? domainIn : (text: string) => text.toLowerCase()
    const made = this.#terms.slotThrough(slot, name, apply)
    return { type: 'string', slot: made, fields }
  }

  #bool(value: Literal): boolean {
    if (typeof value === 'boolean') return value
    if (value === 'true' || value === 'false') return value === 'true'
    throw this.#fail(`Expected true or false, not ${printLiteral(value)}`, 0)
  }

  #number(value: Literal, i: number): number {
    const number = typeof value === 'string' ? numberOf(value) : value
    if (typeof number !== 'number') throw this.#fail(`Expected a number, not ${printLiteral(value)}`, i)
    return number
  }

  #moment(value: Literal, i: number): Moment {
    const moment = typeof value === 'string' || typeof value === 'number' ? readMoment(value) : undefined
    if (moment === undefined)
      throw this.#fail(
        `Expected a moment, not ${printLiteral(value)}; "now-3d", "2026-01-31", "2026-01-31T12:00:00Z" and milliseconds since 1970 are some`,
        i,
      )
    return moment
  }

  #notAsked(type: FieldType, kind: Kind, word: string): Error {
    const { of } = this.#rule
    const asked = ASKED[kind].split(' ').join(', ')
    const keyed = kind === 'map' && of.kind === 'field' && of.key === undefined
    const advice = keyed ? `; or name a key: ${printField({ ...of, key: 'key' })}` : ''
    return this.#fail(
      `${printOperand(of)} is ${type}, which ${word} does not fit; it takes ${asked}${advice}`,
    )
  }

  #fail(what: string, value?: number): Error {
    return this.#terms.fail(what, this.#rule, value)
  }
}

/** Of a URL, of an address of mail, or of a host. */
function domainIn(text: string): string | undefined {
  const host = hostOf(text)
  return host === undefined ? undefined : domainOf(host)
}

const ORDER: Readonly<Record<Comparison, (a: number, b: number) => boolean>> = {
  '=': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
}

/** False for what is missing and for what is empty. */
function isThere(value: Value | undefined): boolean {
  if (value === undefined || value === '') return false
  if (typeof value !== 'object') return true
  if (Array.isArray(value)) return value.length > 0
  for (const _key in value) return true
  return false
}

/** Of a text, or of any text of a list. */
function textTest(slot: number, test: (text: string) => boolean): Judgement {
  return timeless((slots) => {
    const value = slots[slot]
    if (typeof value === 'string') return test(value)
    return Array.isArray(value) && value.some((text) => typeof text === 'string' && test(text))
  })
}

type MomentJudgement = (at: number, nowMs: number) => number

/** What most rules ask, in a few operations: whether the clock, so much on or back, has passed a moment. It passes once. */
function passing(operator: Comparison, moment: Moment): MomentJudgement | undefined {
  if (!('shift' in moment) || moment.shift.months !== 0 || operator === '=' || operator === '!=')
    return undefined
  const { ms } = moment.shift
  const isAtOnce = operator === '<=' || operator === '>'
  const isAfter = operator === '<' || operator === '<='
  return (at, nowMs) => {
    const meets = at - ms
    if (isAtOnce ? nowMs >= meets : nowMs > meets) return isAfter ? TRUE : FALSE
    const passesAt = isAtOnce ? Math.ceil(meets) : Math.floor(meets) + 1
    return isAfter ? -passesAt : passesAt
  }
}

/** Changes of order that a comparison with two moving moments can go through before it is another one: more are answered early. */
const STEPS_MAX = 12

function momentTest(
  holds: (at: number, nowMs: number) => boolean,
  moments: readonly Moment[],
): MomentJudgement {
  const shifts: readonly Shift[] = moments.flatMap((moment) => ('shift' in moment ? [moment.shift] : []))
  if (shifts.length === 0) return (at, nowMs) => (holds(at, nowMs) ? TRUE : FALSE)
  return (at, nowMs) => {
    const answer = holds(at, nowMs)
    let flip = nowMs
    for (let step = 0; step < STEPS_MAX; step++) {
      let next = Infinity
      for (const shift of shifts) next = Math.min(next, nextChange(at, shift, flip))
      flip = next
      if (flip === Infinity || holds(at, flip) !== answer) break
    }
    return answer ? flip : -flip
  }
}

/** One of a list, or the only one. */
function anyMoment(slot: number, judge: MomentJudgement): Judgement {
  return (slots, nowMs) => {
    const value = slots[slot]
    if (typeof value === 'number') return judge(value, nowMs)
    if (!Array.isArray(value)) return FALSE
    let untilFirst = TRUE
    let untilLast = 0
    for (const at of value) {
      const answer = judge(at, nowMs)
      if (answer === TRUE) return TRUE
      if (answer > untilLast) untilLast = answer
      if (answer < 0 && -answer < untilFirst) untilFirst = -answer
    }
    return untilLast > 0 ? untilLast : -untilFirst
  }
}

/** Of a list, which is newest first, only the newest or the oldest can decide. */
function extremeMoment(slot: number, newest: boolean, judge: MomentJudgement): Judgement {
  return (slots, nowMs) => {
    const value = slots[slot]
    const at = Array.isArray(value) ? (newest ? value[0] : value.at(-1)) : value
    return typeof at === 'number' ? judge(at, nowMs) : FALSE
  }
}

/**
 * At least so many of the moments (newest first) in the window that ends now: those after its start and not after now. A
 * moment exactly as old as the window is long is out of it; one that is still to come is not yet in it.
 */
function windowed(moments: Value | undefined, count: number, windowMs: number, nowMs: number): number {
  if (!Array.isArray(moments)) return FALSE
  let first = 0
  while (first < moments.length && moments[first] > nowMs) first++
  const last = moments[first + count - 1]
  const until = last === undefined ? 0 : Math.ceil(last + windowMs)
  if (until > nowMs) return until
  // Only what is still to come can make it true.
  return first === 0 ? FALSE : -Math.ceil(moments[first - 1])
}
