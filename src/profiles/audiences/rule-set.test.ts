import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { conditionMeans, DAY, means, NOW, SomeFields, someRule, TYPES } from '../filterql/filterql.fixture.ts'
import { readFilter } from '../filterql/filterql.ts'
import { fromJson } from '../filterql/json.ts'
import { printStatement } from '../filterql/print.ts'
import type { Rule } from '../filterql/tree.ts'
import type { Why } from '../filterql/why.ts'
import type { Fields } from '../values.ts'
import { type NumberedRule, RuleSet } from './rule-set.ts'

function rule(number: number, slug: string, text: string): NumberedRule {
  return { number, slug, filter: readFilter(text) }
}

/** Each may include those before it. They are given in any order. */
const SLUGS = ['a', 'b', 'c', 'd']
const SomeAudiences: fc.Arbitrary<readonly NumberedRule[]> = fc
  .tuple(...SLUGS.map((_, i) => someRule(SLUGS.slice(0, i))))
  .map((rules) =>
    rules.map((tree, i) => rule(i + 1, SLUGS[i] ?? '', printStatement({ rule: tree }))).reverse(),
  )

/** What they are plainly, by number. */
function plainly(audiences: readonly NumberedRule[], fields: Fields, now: number): number[] {
  const holds = (tree: Rule): boolean =>
    means(tree, fields, now, (slug) => {
      const included = audiences.find((audience) => audience.slug === slug)
      return included !== undefined && holds(included.filter.statement.rule)
    })
  return audiences
    .filter(({ filter }) => holds(filter.statement.rule))
    .map(({ number }) => number)
    .sort((a, b) => a - b)
}

describe('judging all audiences', () => {
  it('says of each what its rule means, whatever the order they come in', () => {
    fc.assert(
      fc.property(
        SomeAudiences,
        fc.array(SomeFields, { minLength: 1, maxLength: 4 }),
        (audiences, people) => {
          const set = new RuleSet(audiences, TYPES)
          for (const fields of people)
            expect(set.judge(fields, NOW).members).toEqual(plainly(audiences, fields, NOW))
        },
      ),
      { seed: 1, numRuns: 2_000 },
    )
  })

  it('judged again only when a record came or its flip moment passed, is what judging everybody gives at any moment', () => {
    const Steps = fc.array(
      fc.record({
        // From a millisecond to months: to the edges, across them, and far beyond.
        wait: fc.oneof(
          fc.constantFrom(1, 2, DAY / 2, DAY / 2 - 1, DAY),
          fc.integer({ min: 1, max: 60 }).map((halfDays) => (halfDays * DAY) / 2),
          fc.constant('flip' as const),
          fc.constant('before' as const),
        ),
        changed: fc.option(fc.tuple(fc.nat({ max: 2 }), SomeFields), { freq: 4 }),
      }),
      { minLength: 1, maxLength: 25 },
    )
    fc.assert(
      fc.property(
        SomeAudiences,
        fc.tuple(SomeFields, SomeFields, SomeFields),
        Steps,
        (audiences, start, steps) => {
          const set = new RuleSet(audiences, TYPES)
          let now = NOW
          const people = start.map((fields) => ({ fields, ...set.judge(fields, now) }))
          for (const { wait, changed } of steps) {
            const flips = people.flatMap(({ flipAt }) => (flipAt === null ? [] : [flipAt]))
            const flip = flips.length === 0 ? now + 1 : Math.min(...flips)
            now = wait === 'flip' ? flip : wait === 'before' ? Math.max(now, flip - 1) : now + wait
            if (changed !== null) {
              const [who, fields] = changed
              people[who] = { fields, ...set.judge(fields, now) }
            }
            for (const [who, person] of people.entries()) {
              if (person.flipAt !== null && person.flipAt <= now)
                people[who] = { fields: person.fields, ...set.judge(person.fields, now) }
              const { fields, members, flipAt } = people[who] ?? person
              expect(members).toEqual(plainly(audiences, fields, now))
              if (flipAt !== null) expect(flipAt).toBeGreaterThan(now)
            }
          }
        },
      ),
      { seed: 2, numRuns: 1_500 },
    )
  })

  it('does not come back for a date that cannot matter', () => {
    const set = new RuleSet(
      [
        rule(1, 'a', 'FILTER AND (vip, last_seen > "now-7d")'),
        rule(2, 'b', 'FILTER OR (vip, last_seen > "now-9d")'),
      ],
      TYPES,
    )
    const fields: Fields = { last_seen: NOW - DAY }
    expect(set.judge(fields, NOW)).toEqual({ members: [2], flipAt: NOW + 8 * DAY })
    expect(set.judge({ ...fields, vip: true }, NOW)).toEqual({ members: [1, 2], flipAt: NOW + 6 * DAY })
    expect(set.judge({ vip: true }, NOW)).toEqual({ members: [2], flipAt: null })
    expect(set.judge({ ...fields, vip: true }, NOW + 6 * DAY).members).toEqual([2])
  })

  it.each<[string, Fields, number, boolean, number | null]>([
    // The comparison, when it is true or false now, and in how many days from now it turns.
    ['last_seen > "now-7d"', { last_seen: NOW - 2 * DAY }, 0, true, 5],
    ['last_seen >= "now-7d"', { last_seen: NOW - 2 * DAY }, 0, true, 5 + 1 / DAY],
    ['last_seen < "now-7d"', { last_seen: NOW - 2 * DAY }, 0, false, 5 + 1 / DAY],
    ['last_seen <= "now-7d"', { last_seen: NOW - 2 * DAY }, 0, false, 5],
    ['"now-7d" < last_seen', { last_seen: NOW - 2 * DAY }, 0, true, 5],
    ['NOT last_seen > "now-7d"', { last_seen: NOW - 2 * DAY }, 0, false, 5],
    ['last_seen > "now-7d"', { last_seen: NOW - 8 * DAY }, 0, false, null],
    ['last_seen < "now-7d"', { last_seen: NOW - 8 * DAY }, 0, true, null],
    // Which the original does not foresee.
    ['last_seen = "now-7d"', { last_seen: NOW - 2 * DAY }, 0, false, 5],
    ['last_seen = "now-7d"', { last_seen: NOW - 2 * DAY }, 5, true, 5 + 1 / DAY],
    ['last_seen != "now-7d"', { last_seen: NOW - 2 * DAY }, 0, true, 5],
    ['last_seen BETWEEN "now-7d" AND "now-1d"', { last_seen: NOW }, 0, false, 1 + 1 / DAY],
    ['last_seen BETWEEN "now-7d" AND "now-1d"', { last_seen: NOW }, 2, true, 7],
    ['last_seen BETWEEN "now-7d" AND "now-1d"', { last_seen: NOW }, 7, false, null],
    ['last_seen < "now+1d"', { last_seen: NOW + 3 * DAY }, 0, false, 2 + 1 / DAY],
    ['logins > "now-2d"', { logins: [NOW - DAY, NOW - 5 * DAY] }, 0, true, 1],
    ['logins < "now-9d"', { logins: [NOW - DAY, NOW - 5 * DAY] }, 0, false, 4 + 1 / DAY],
    ['logins = "now-5d"', { logins: [NOW - DAY, NOW - 2 * DAY] }, 0, false, 3],
    ['timewindow(logins, 2, 7)', { logins: [NOW - DAY, NOW - 5 * DAY] }, 0, true, 2],
    ['timewindow(logins, 2, 7)', { logins: [NOW - DAY, NOW - 5 * DAY] }, 2, false, null],
    ['timewindow(logins, 2, 7)', { logins: [NOW + DAY, NOW - 5 * DAY] }, 0, false, 1],
    ['timewindow(logins, 2, 7)', { logins: [NOW + DAY, NOW - 5 * DAY] }, 1, true, 2],
    ['timewindow(events.k, 1, 30)', { events: { k: [NOW] } }, 0, true, 30],
    ['INCLUDE inner', { last_seen: NOW - 2 * DAY }, 0, true, 1],
    ['NOT INCLUDE inner', { last_seen: NOW - 2 * DAY }, 0, false, 1],
  ])('%s of %j in %d days: %s, for %s', (text, fields, later, holds, turnsAfter) => {
    const inner = rule(1, 'inner', 'FILTER last_seen > "now-3d"')
    const set = new RuleSet([inner, rule(2, 'outer', `FILTER ${text}`)], TYPES)
    const why = set.why(2, fields, NOW + later * DAY)
    expect(why.holds).toBe(holds)
    expect(why.flipAt).toBe(turnsAfter === null ? null : Math.round(NOW + turnsAfter * DAY))
  })

  it('refuses circles with the way round, and rows that are too long', () => {
    const circle = [
      rule(1, 'a', 'FILTER INCLUDE b'),
      rule(2, 'b', 'FILTER AND (vip, NOT INCLUDE c)'),
      rule(3, 'c', 'FILTER INCLUDE b'),
    ]
    expect(() => new RuleSet(circle, TYPES)).toThrow('in a circle: b → c → b')
    expect(() => new RuleSet([rule(1, 'a', 'FILTER INCLUDE a')], TYPES)).toThrow('in a circle: a → a')
    const row = (length: number) =>
      Array.from({ length }, (_, i) => rule(i, `s${i}`, i === 0 ? 'FILTER vip' : `FILTER INCLUDE s${i - 1}`))
    expect(new RuleSet(row(100), TYPES).judge({ vip: true }, NOW).members).toHaveLength(100)
    expect(() => new RuleSet(row(101), TYPES)).toThrow('at most 100 in a row; with s100')
  })

  it('keeps 500 audiences apart', () => {
    const many = Array.from({ length: 500 }, (_, i) => rule(1_000 - i, `s${i}`, `FILTER visits = ${i}`))
    const set = new RuleSet(many, TYPES)
    for (const visits of [0, 31, 32, 499])
      expect(set.judge({ visits }, NOW).members).toEqual([1_000 - visits])
    expect(set.judge({}, NOW).members).toEqual([])
    expect(set.judge({ visits: 500 }, NOW).members).toEqual([])
  })
})

/** The answer that follows from a why-tree alone: from the values it shows, not from its own answers. */
function followsFrom({ text, parts, condition, audience, holds }: Why, now: number): boolean {
  if (condition !== undefined) {
    const tree = fromJson(condition.rule)
    if (!('of' in tree)) throw new Error('It is no condition')
    return conditionMeans(tree, condition.actual ?? undefined, now)
  }
  const answers = parts.map((part) => followsFrom(part, now))
  if (text === 'AND') return answers.every(Boolean)
  if (text === 'OR') return answers.some(Boolean)
  if (text === 'NOT') return !answers[0]
  // Told before: its answer only.
  if (audience !== undefined) return answers[0] ?? holds
  return text === '*'
}

describe('why', () => {
  it('shows what leads to the answer, for 10,000 people', () => {
    let shown = 0
    fc.assert(
      fc.property(
        SomeAudiences,
        fc.array(SomeFields, { minLength: 20, maxLength: 20 }),
        (audiences, people) => {
          const set = new RuleSet(audiences, TYPES)
          for (const fields of people) {
            const { members } = set.judge(fields, NOW)
            shown++
            for (const number of set.numbers) {
              const why = set.why(number, fields, NOW)
              expect(why.holds).toBe(members.includes(number))
              expect(followsFrom(why, NOW)).toBe(why.holds)
            }
          }
        },
      ),
      { seed: 3, numRuns: 500 },
    )
    expect(shown).toBe(10_000)
  })

  it('names values, moments and what is included', () => {
    const set = new RuleSet(
      [
        rule(1, 'seen', 'FILTER last_seen > "now-7d"'),
        rule(2, 'all-of-it', 'FILTER AND (INCLUDE seen, city = "Peoria", NOT INCLUDE seen)'),
      ],
      TYPES,
    )
    const fields: Fields = { last_seen: NOW - DAY }
    const why = set.why(2, fields, NOW)
    expect(why).toMatchObject({ text: 'AND', holds: false, flipAt: null })
    expect(why.parts[0]).toMatchObject({
      text: 'INCLUDE seen',
      audience: 'seen',
      holds: true,
      flipAt: NOW + 6 * DAY,
    })
    expect(why.parts[0]?.parts[0]).toEqual({
      text: 'last_seen > "now-7d"',
      holds: true,
      flipAt: NOW + 6 * DAY,
      parts: [],
      condition: {
        rule: { op: '>', args: [{ ident: 'last_seen' }, { val: 'now-7d' }] },
        actual: NOW - DAY,
        fields: ['last_seen'],
        moments: [NOW - 7 * DAY],
      },
    })
    expect(why.parts[1]).toMatchObject({ text: 'city = "Peoria"', holds: false, condition: { actual: null } })
    expect(why.parts[2]?.parts[0]).toMatchObject({ text: 'INCLUDE seen', parts: [] })
  })

  it('of an audience that there is not', () => {
    expect(() => new RuleSet([], TYPES).why(7, {}, NOW)).toThrow('There is no audience 7')
  })
})
