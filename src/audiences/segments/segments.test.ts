import { DuckDBInstance } from '@duckdb/node-api'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import type { EngineKind } from '../../warehouse/warehouse.ts'
import { SegmentCompiler } from './compile.ts'
import { DIALECTS } from './dialect.ts'
import { type ParentSegment, Rule } from './rule.ts'

const NOW = Date.parse('2026-03-01T12:00:00Z')
const DAY_MS = 86_400_000

interface Person {
  readonly id: string | null
  readonly name: string | null
  readonly age: number | null
  readonly seen: number | null
}
interface Deed {
  readonly who: string | null
  readonly what: string
  readonly at: number
}

const PEOPLE: readonly Person[] = [
  { id: 'a', name: "O'Neil", age: 30, seen: NOW - DAY_MS },
  { id: 'b', name: 'Ada', age: 40, seen: NOW - 10 * DAY_MS },
  { id: 'c', name: 'ada', age: null, seen: null },
  { id: 'd', name: null, age: 0, seen: NOW + DAY_MS },
  { id: null, name: 'back\\slash %_', age: 50, seen: NOW - 40 * DAY_MS },
]
const DEEDS: readonly Deed[] = [
  { who: 'a', what: 'open', at: NOW - DAY_MS },
  { who: 'a', what: 'open', at: NOW - 5 * DAY_MS },
  { who: 'a', what: 'click', at: NOW - 9 * DAY_MS },
  { who: 'b', what: 'open', at: NOW - 20 * DAY_MS },
  { who: null, what: 'open', at: NOW - DAY_MS },
]
const PARENT: ParentSegment = {
  engine: 'warehouse',
  table: 'main.people',
  key: 'id',
  events: { table: 'deeds', key: 'who', time: 'at' },
}

let ask: (sql: string) => Promise<unknown[][]>

beforeAll(async () => {
  const db = await (await DuckDBInstance.create(':memory:')).connect()
  const moment = (ms: number | null) => (ms === null ? 'null' : `epoch_ms(${ms})`)
  const text = (value: string | null) => (value === null ? 'null' : DIALECTS.duckdb.text(value))
  await db.run('create table people(id varchar, "name" varchar, age integer, seen timestamp)')
  for (const { id, name, age, seen } of PEOPLE)
    await db.run(`insert into people values (${text(id)}, ${text(name)}, ${age ?? 'null'}, ${moment(seen)})`)
  await db.run('create table deeds(who varchar, what varchar, "at" timestamp)')
  for (const { who, what, at } of DEEDS)
    await db.run(`insert into deeds values (${text(who)}, ${text(what)}, ${moment(at)})`)
  ask = async (sql) => (await db.runAndReadAll(sql)).getRows()
})

const compiler = new SegmentCompiler('duckdb', PARENT, NOW)

async function found(rule: unknown): Promise<string[]> {
  const rows = await ask(compiler.query(Rule.parse(rule), { user_ids: 'id' }))
  return rows.map(([id]) => String(id)).sort()
}

/** The meaning of rules, said a second time. */
function holds(rule: Rule, person: Person, row: Readonly<Record<string, unknown>> = { ...person }): boolean {
  if ('all' in rule) return rule.all.every((one) => holds(one, person, row))
  if ('any' in rule) return rule.any.some((one) => holds(one, person, row))
  if ('not' in rule) return !holds(rule.not, person, row)
  if ('events' in rule) {
    const { times, count, withinDays, where } = rule.events
    const done = DEEDS.filter(
      (deed) =>
        person.id !== null &&
        deed.who === person.id &&
        (withinDays === undefined || deed.at >= NOW - withinDays * DAY_MS) &&
        (where === undefined || holds(where, person, { ...deed })),
    ).length
    return times === 'at_least' ? done >= count : times === 'at_most' ? done <= count : done === count
  }
  const value = row[rule.column]
  const there = value !== null && value !== undefined
  switch (rule.test) {
    case 'is':
      return there && value === rule.value
    case 'is_not':
      return !there || value !== rule.value
    case 'less':
      return there && (value as number) < (rule.value as number)
    case 'less_or_equal':
      return there && (value as number) <= (rule.value as number)
    case 'greater':
      return there && (value as number) > (rule.value as number)
    case 'greater_or_equal':
      return there && (value as number) >= (rule.value as number)
    case 'contains':
      return there && String(value).includes(rule.value)
    case 'starts_with':
      return there && String(value).startsWith(rule.value)
    case 'ends_with':
      return there && String(value).endsWith(rule.value)
    case 'in':
      return there && rule.values.includes(value as string)
    case 'not_in':
      return !there || !rule.values.includes(value as string)
    case 'between':
      return there && (value as number) >= (rule.from as number) && (value as number) <= (rule.to as number)
    case 'is_set':
      return there
    case 'is_not_set':
      return !there
    case 'within_days':
      return there && (value as number) >= NOW - rule.days * DAY_MS && (value as number) <= NOW
    case 'before_days':
      return there && (value as number) < NOW - rule.days * DAY_MS
  }
}

describe('rules find', () => {
  const opened = { column: 'what', test: 'is', value: 'open' }
  const cases: [string, unknown, readonly string[]][] = [
    ['everybody', { all: [] }, ['a', 'b', 'c', 'd', 'null']],
    ['nobody', { any: [] }, []],
    ['a text with a quote', { column: 'name', test: 'is', value: "O'Neil" }, ['a']],
    ['case counts', { column: 'name', test: 'is', value: 'Ada' }, ['b']],
    [
      'is not holds for what is not there',
      { column: 'name', test: 'is_not', value: 'Ada' },
      ['a', 'c', 'd', 'null'],
    ],
    ['a negation is its opposite', { not: { column: 'age', test: 'greater', value: 35 } }, ['a', 'c', 'd']],
    ['a part', { column: 'name', test: 'contains', value: 'Ne' }, ['a']],
    ['wildcards are letters', { column: 'name', test: 'contains', value: '%_' }, ['null']],
    ['a backslash', { column: 'name', test: 'contains', value: '\\s' }, ['null']],
    ['a beginning', { column: 'name', test: 'starts_with', value: 'Ad' }, ['b']],
    ['an end', { column: 'name', test: 'ends_with', value: 'da' }, ['b', 'c']],
    ['one of', { column: 'id', test: 'in', values: ['a', 'c', 'x'] }, ['a', 'c']],
    ['none of', { column: 'id', test: 'not_in', values: ['a', 'c'] }, ['b', 'd', 'null']],
    ['between, with its ends', { column: 'age', test: 'between', from: 30, to: 40 }, ['a', 'b']],
    ['is set', { column: 'age', test: 'is_set' }, ['a', 'b', 'd', 'null']],
    ['within days, not in the future', { column: 'seen', test: 'within_days', days: 30 }, ['a', 'b']],
    ['longer ago', { column: 'seen', test: 'before_days', days: 30 }, ['null']],
    ['did, twice', { events: { times: 'at_least', count: 2, where: opened } }, ['a']],
    ['did, lately', { events: { times: 'at_least', count: 1, withinDays: 7, where: opened } }, ['a']],
    ['did not', { events: { times: 'exactly', count: 0, where: opened } }, ['c', 'd', 'null']],
    ['did once', { events: { times: 'exactly', count: 1, where: opened } }, ['b']],
    ['did at most once', { events: { times: 'at_most', count: 1 } }, ['b', 'c', 'd', 'null']],
    ['did at least nothing', { events: { times: 'at_least', count: 0 } }, ['a', 'b', 'c', 'd', 'null']],
  ]
  it.each(cases)('%s', async (_what, rule, ids) => expect(await found(rule)).toEqual(ids))

  it('what the same rule says in words, for random rules', async () => {
    const leaf = fc.oneof(
      fc.record({
        column: fc.constant('age'),
        test: fc.constantFrom('is', 'is_not', 'less', 'greater_or_equal'),
        value: fc.constantFrom(0, 30, 40),
      }),
      fc.record({
        column: fc.constant('name'),
        test: fc.constantFrom('contains', 'starts_with', 'ends_with'),
        value: fc.constantFrom('a', 'Ad', 'da', "'", '%'),
      }),
      fc.record({
        column: fc.constant('seen'),
        test: fc.constantFrom('within_days', 'before_days'),
        days: fc.constantFrom(5, 30),
      }),
      fc.record({
        events: fc.record({
          times: fc.constantFrom('at_least', 'at_most', 'exactly'),
          count: fc.nat(3),
          withinDays: fc.constantFrom(7, 15),
          where: fc.constant(opened),
        }),
      }),
    )
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        leaf,
        fc.record({ all: fc.array(tie('tree'), { maxLength: 3 }) }),
        fc.record({ any: fc.array(tie('tree'), { maxLength: 3 }) }),
        fc.record({ not: tie('tree') }),
      ),
    }))
    await fc.assert(
      fc.asyncProperty(tree, async (given) => {
        const rule = Rule.parse(given)
        const expected = PEOPLE.filter((person) => holds(rule, person)).map(({ id }) => String(id))
        expect(await found(rule)).toEqual(expected.sort())
      }),
      { seed: 3, numRuns: 120 },
    )
  })

  it('as many as its size says', async () => {
    expect(await ask(compiler.size(Rule.parse({ column: 'age', test: 'is_set' })))).toEqual([[4n]])
  })
})

describe('what is refused', () => {
  it.each([
    ['an unknown test', { column: 'a', test: 'resembles', value: 1 }],
    ['no values', { column: 'a', test: 'in', values: [] }],
    ['an empty part', { column: 'a', test: 'contains', value: '' }],
    ['a rule of nothing', {}],
    ['two things at once', { all: [], any: [] }],
  ])('%s', (_what, rule) => expect(Rule.safeParse(rule).success).toBe(false))

  it('events of events, and events where there are none', () => {
    const did = { events: { times: 'at_least' as const, count: 1 } }
    const nested = Rule.parse({ events: { times: 'at_least', count: 1, where: did } })
    expect(() => compiler.size(nested)).toThrow('events of events')
    const { events: _events, ...without } = PARENT
    expect(() => new SegmentCompiler('duckdb', without, NOW).size(Rule.parse(did))).toThrow('names no events')
  })
})

describe('dialects', () => {
  const hostile = `x' or 1=1 -- " \` \\`
  const cases: [EngineKind, string][] = [
    ['duckdb', `p."a""b" = 'x'' or 1=1 -- " \` \\'`],
    ['postgres', `p."a""b" = 'x'' or 1=1 -- " \` \\'`],
    ['treasure-data', `p."a""b" = 'x'' or 1=1 -- " \` \\'`],
    ['mysql', `binary p.\`a"b\` = 'x\\' or 1=1 -- " \` \\\\'`],
    ['clickhouse', `p.\`a"b\` = 'x\\' or 1=1 -- " \` \\\\'`],
  ]
  it.each(cases)('%s quotes names and texts by its own rules', (kind, expected) => {
    const sql = new SegmentCompiler(kind, PARENT, NOW).size(
      Rule.parse({ column: 'a"b', test: 'is', value: hostile }),
    )
    expect(sql).toContain(expected)
  })
})
