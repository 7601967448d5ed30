/**
 * All audiences at once, as one judge: their rules share the fields that they read, and an included audience is judged once,
 * before those that include it. Only those are asked whose answer the profile's values leave open: a rule that is false
 * without a value of a field, or without one of some values, is found by it; any other by each field that it asks for.
 */

import { createHash } from 'node:crypto'
import { ThalwegError } from '../../core/errors.ts'
import type { Compiled, Judgement } from '../filterql/compile.ts'
import { compileFilter, type FieldTypes } from '../filterql/filterql.ts'
import type { Parsed } from '../filterql/parse.ts'
import { printStatement } from '../filterql/print.ts'
import { SlotPlan } from '../filterql/slots.ts'
import { includesOf } from '../filterql/tree.ts'
import { type Why, whyOf } from '../filterql/why.ts'
import type { Judge, Verdict } from '../judge.ts'
import type { Fields, Value } from '../values.ts'

export interface NumberedRule {
  readonly number: number
  readonly slug: string
  readonly filter: Parsed
}

/** Audiences that include each other in a row. */
export const INCLUDE_DEPTH_MAX = 100

interface Member {
  readonly number: number
  readonly compiled: Compiled
  /** Slots whose presence may matter: its own and those of what it includes. */
  readonly slots: ReadonlySet<number>
}

export class RuleSet implements Judge {
  readonly #plan = new SlotPlan()
  /** Included ones before those that include them. */
  readonly #members: readonly Member[]
  readonly #places = new Map<number, number>()
  /** Places in the order of their numbers. */
  readonly #ascending: readonly number[]
  /** By place: the judgement of this profile now. */
  readonly #answers: Float64Array
  /** By place: of a profile that has none of the audience's fields. */
  readonly #absent: Float64Array
  /** By slot: places of the audiences to be asked where it has a value, as bits. */
  readonly #askers: readonly Uint32Array[]
  /** The same of those to be asked where it has one of these values; undefined: there are none. */
  readonly #askersOf: readonly (ReadonlyMap<Value, Uint32Array> | undefined)[]
  readonly #asked: Uint32Array
  readonly #slots: (Value | undefined)[]
  readonly #resolve: (audience: string) => NumberedRule | undefined
  /** Differs from that of another set when somebody might be judged otherwise. */
  readonly fingerprint: string

  /**
   * Throws FILTERQL_INVALID for a rule that does not fit the fields, AUDIENCE_INVALID, which names the way round, where
   * audiences include each other in a circle.
   */
  constructor(rules: readonly NumberedRule[], types: FieldTypes) {
    const ordered = inOrder(rules)
    const resolve = resolver(rules)
    this.#answers = new Float64Array(ordered.length)
    const members: Member[] = []
    for (const { number, slug, filter } of ordered) {
      const slots = new Set<number>()
      const compiled = inAudience(slug, () =>
        compileFilter(filter, {
          types,
          plan: {
            slotOf: (ref) => noted(slots, this.#plan.slotOf(ref)),
            slotThrough: (from, name, apply) => noted(slots, this.#plan.slotThrough(from, name, apply)),
          },
          include: (audience) => {
            const included = resolve(audience)
            if (included === undefined) return undefined
            const place = this.#places.get(included.number) ?? 0
            const { slots: asked, compiled } = members[place] as Member
            for (const slot of asked) slots.add(slot)
            return { judge: this.#answerOf(place), needs: compiled.needs }
          },
          slugs: () => rules.map((rule) => rule.slug),
        }),
      )
      this.#places.set(number, members.length)
      members.push({ number, compiled, slots })
    }
    this.#members = members
    this.#resolve = resolve
    this.#ascending = members
      .map((_, place) => place)
      .sort((a, b) => numberAt(members, a) - numberAt(members, b))
    this.#slots = this.#plan.makeSlots()
    this.fingerprint = fingerprintOf(ordered, this.#plan.fields, types)
    const words = Math.ceil(members.length / 32)
    this.#asked = new Uint32Array(words)
    this.#askers = this.#slots.map(() => new Uint32Array(words))
    const askersOf: (Map<Value, Uint32Array> | undefined)[] = this.#slots.map(() => undefined)
    for (const [place, { slots, compiled }] of members.entries()) {
      const { toHold } = compiled.needs
      if (toHold?.values === undefined)
        for (const slot of toHold === undefined ? slots : [toHold.slot]) mark(this.#askers[slot], place)
      else {
        askersOf[toHold.slot] ??= new Map()
        const byValue = askersOf[toHold.slot]
        for (const value of toHold.values) {
          if (byValue?.get(value) === undefined) byValue?.set(value, new Uint32Array(words))
          mark(byValue?.get(value), place)
        }
      }
    }
    this.#askersOf = askersOf
    for (const [place, { compiled }] of members.entries())
      this.#answers[place] = compiled.judge(this.#slots, 0)
    this.#absent = this.#answers.slice()
  }

  /** Names of the fields that the rules ask for. */
  get fields(): ReadonlySet<string> {
    return new Set(this.#plan.fields)
  }

  get numbers(): readonly number[] {
    return this.#ascending.map((place) => numberAt(this.#members, place))
  }

  judge(fields: Fields, nowMs: number): Verdict {
    this.#evaluate(fields, nowMs)
    const members: number[] = []
    let flipAt = Infinity
    for (const place of this.#ascending) {
      const answer = this.#answers[place] as number
      if (answer > 0) members.push(numberAt(this.#members, place))
      const flip = answer < 0 ? -answer : answer
      if (flip < flipAt) flipAt = flip
    }
    return { members, flipAt: flipAt === Infinity ? null : flipAt }
  }

  /** Whether the profile is in this audience, which must be one of the set. */
  holds(audience: number, fields: Fields, nowMs: number): boolean {
    this.#evaluate(fields, nowMs)
    return (this.#answers[this.#placeOf(audience)] as number) > 0
  }

  /** Audiences within are named by number. */
  why(audience: number, fields: Fields, nowMs: number): Why {
    this.#evaluate(fields, nowMs)
    const { compiled } = this.#members[this.#placeOf(audience)] as Member
    return whyOf(compiled, this.#slots, nowMs, (name) => {
      const included = this.#resolve(name)
      return included && this.#members[this.#placeOf(included.number)]?.compiled
    })
  }

  #evaluate(fields: Fields, nowMs: number): void {
    const slots = this.#plan.read(fields, this.#slots)
    const asked = this.#asked.fill(0)
    for (let slot = 0; slot < slots.length; slot++) {
      const value = slots[slot]
      if (value === undefined) continue
      addBits(asked, this.#askers[slot] as Uint32Array)
      const ofValue = this.#askersOf[slot]?.get(value)
      if (ofValue !== undefined) addBits(asked, ofValue)
    }
    this.#answers.set(this.#absent)
    for (let word = 0; word < asked.length; word++) {
      for (let bits = asked[word] as number; bits !== 0; bits &= bits - 1) {
        const place = (word << 5) + 31 - Math.clz32(bits & -bits)
        this.#answers[place] = (this.#members[place] as Member).compiled.judge(slots, nowMs)
      }
    }
  }

  #placeOf(audience: number): number {
    const place = this.#places.get(audience)
    if (place === undefined) throw new ThalwegError('AUDIENCE_UNKNOWN', `There is no audience ${audience}`)
    return place
  }

  #answerOf(place: number): Judgement {
    return () => this.#answers[place] as number
  }
}

/** The rules in their one spelling, so that a comment changes nothing, and the types that they go by. */
function fingerprintOf(rules: readonly NumberedRule[], fields: readonly string[], types: FieldTypes): string {
  const said = rules
    .map(({ number, filter }) => [number, printStatement({ rule: filter.statement.rule })] as const)
    .sort(([a], [b]) => a - b)
  const typed = [...fields].sort().map((field) => [field, types.get(field)])
  return createHash('sha256')
    .update(JSON.stringify([said, typed]))
    .digest('base64url')
}

/** By number or slug. */
export function resolver(rules: readonly NumberedRule[]): (audience: string) => NumberedRule | undefined {
  const byName = new Map<string, NumberedRule>()
  for (const rule of rules) {
    byName.set(String(rule.number), rule)
    byName.set(rule.slug, rule)
  }
  return (audience) => byName.get(audience)
}

/** Included ones first. Throws AUDIENCE_INVALID for circles and for too many in a row. Audiences that there are not are left to the compiler. */
function inOrder(rules: readonly NumberedRule[]): NumberedRule[] {
  const resolve = resolver(rules)
  /** Of each that is done: how many include each other in a row, it being the first. */
  const depths = new Map<number, number>()
  const ordered: NumberedRule[] = []
  for (const rule of rules) visit(rule, [])
  return ordered

  function visit(rule: NumberedRule, way: readonly NumberedRule[]): number {
    const known = depths.get(rule.number)
    if (known !== undefined) return known
    const circle = way.findIndex(({ number }) => number === rule.number)
    if (circle !== -1) {
      const path = [...way.slice(circle), rule].map(({ slug }) => slug).join(' → ')
      throw new ThalwegError('AUDIENCE_INVALID', `Audiences would include each other in a circle: ${path}`)
    }
    let depth = 1
    for (const name of includesOf(rule.filter.statement.rule)) {
      const included = resolve(name)
      if (included !== undefined) depth = Math.max(depth, 1 + visit(included, [...way, rule]))
    }
    if (depth > INCLUDE_DEPTH_MAX)
      throw new ThalwegError(
        'AUDIENCE_INVALID',
        `Audiences include each other at most ${INCLUDE_DEPTH_MAX} in a row; with ${rule.slug} it would be more`,
      )
    depths.set(rule.number, depth)
    ordered.push(rule)
    return depth
  }
}

/** Says in which audience a rule does not fit. `slug`: '' of one that is not kept yet. */
function inAudience<T>(slug: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof ThalwegError) || slug === '') throw error
    throw new ThalwegError(error.code, `In the audience ${slug}: ${error.message}`, {
      details: error.details,
    })
  }
}

function noted(slots: Set<number>, slot: number): number {
  slots.add(slot)
  return slot
}

function mark(bits: Uint32Array | undefined, place: number): void {
  if (bits !== undefined) bits[place >> 5] = (bits[place >> 5] ?? 0) | (1 << (place & 31))
}

function addBits(into: Uint32Array, bits: Uint32Array): void {
  for (let word = 0; word < into.length; word++) into[word] = (into[word] as number) | (bits[word] as number)
}

function numberAt(members: readonly Member[], place: number): number {
  return members[place]?.number ?? 0
}
