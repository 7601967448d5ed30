import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ThalwegError } from '../../core/errors.ts'
import type { Fields } from '../values.ts'
import type { FilterFailure } from './failure.ts'
import { DAY, means, NOW, SomeFields, someRule, TYPES } from './filterql.fixture.ts'
import { compileFilter, readFilter, renamed } from './filterql.ts'
import { fromJson, RuleJson, toJson } from './json.ts'
import { parseFilter } from './parse.ts'
import { printStatement } from './print.ts'
import { SlotPlan } from './slots.ts'
import type { Statement } from './tree.ts'

const EMPTY: Fields = {}
/** The example of the engine's own tests, with more kinds of fields. */
const YODA: Fields = {
  first_name: 'Yoda',
  email: 'yoda@mail.dagobah.example',
  city: 'Peoria, IL',
  zip: '5',
  place: '52.52,13.405',
  visits: 5,
  amount: 55.5,
  vip: true,
  birth_date: Date.parse('2015-12-18'),
  last_seen: NOW - 3 * DAY,
  roles: ['admin', 'api'],
  logins: [NOW - DAY, NOW - 5 * DAY, NOW - 20 * DAY],
  plan_of: { shop: 'Gold' },
  hits: { foo: 5, 'odd key': 1 },
  total: { orders: 7 },
  scores: { quantity: 20.5 },
  consent: { mail: true, phone: false },
  first_event: { signedup: Date.parse('2015-12-18') },
  events: { 'users.messages.email.Open': [NOW - DAY, NOW - 2 * DAY, NOW - 8 * DAY] },
  from: 'here',
}

const INCLUDED = new Map([
  ['everybody', { judge: () => Infinity, needs: {} }],
  ['12', { judge: () => -Infinity, needs: {} }],
])

function answers(text: string, fields: Fields, nowMs = NOW): boolean {
  const plan = new SlotPlan()
  const filter = readFilter(text)
  const { judge } = compileFilter(filter, {
    types: TYPES,
    plan,
    include: (slug) => INCLUDED.get(slug),
    slugs: () => ['everybody'],
  })
  return judge(plan.read(fields, plan.makeSlots()), nowMs) > 0
}

const yes = true
const no = false

/** [rule, of Yoda, of somebody about whom nothing is known] */
const SEMANTICS: readonly (readonly [string, boolean, boolean])[] = [
  // Everybody, nobody.
  ['*', yes, yes],
  ['match_all', yes, yes],
  ['MATCH_ALL', yes, yes],
  ['NOT *', no, no],
  ['true', yes, yes],
  ['false', no, no],
  ['OR (false, false, AND (true, false))', no, no],
  // Texts: case counts.
  ['first_name == "Yoda"', yes, no],
  ['first_name = "Yoda"', yes, no],
  ['"Yoda" == first_name', yes, no],
  ['first_name == "yoda"', no, no],
  ['first_name != "yoda"', yes, yes],
  ['first_name != "Anakin"', yes, yes],
  ['first_name != "Yoda"', no, yes],
  ['"Yoda" != first_name', no, yes],
  ['NOT first_name == "Yoda"', no, yes],
  ['NOT NOT first_name == "Yoda"', yes, no],
  ['first_name == ""', no, no],
  ['first_name != ""', yes, yes],
  ['city == "Peoria, IL"', yes, no],
  ['first_name LIKE "*da"', yes, no],
  ['first_name LIKE "%da"', yes, no],
  ['first_name LIKE "Y*a"', yes, no],
  ['first_name LIKE "Y*d*a"', yes, no],
  ['first_name LIKE "Yo*oda"', no, no],
  ['first_name LIKE "Yoda"', yes, no],
  ['first_name LIKE "od"', no, no],
  ['first_name LIKE "y*"', no, no],
  ['first_name LIKE "*"', yes, no],
  ['first_name LIKE "Y.da"', no, no],
  ['first_name NOT LIKE "*kin"', yes, yes],
  ['first_name NOT LIKE "*da"', no, yes],
  ['first_name CONTAINS "od"', yes, no],
  ['first_name CONTAINS "OD"', no, no],
  ['first_name CONTAINS "*"', no, no],
  ['first_name NOT CONTAINS "kin"', yes, yes],
  ['first_name NOT CONTAINS "od"', no, yes],
  ['NOT first_name CONTAINS "od"', no, yes],
  ['first_name IN ("Luke", "Yoda")', yes, no],
  ['first_name IN ("Luke" "Yoda")', yes, no],
  ['first_name IN ("luke", "yoda")', no, no],
  ['first_name NOT IN ("Luke")', yes, yes],
  ['first_name NOT IN ("Luke", "Yoda")', no, yes],
  ['NOT first_name IN ("Yoda")', no, yes],
  ['"Yoda" IN first_name', yes, no],
  ['"Luke" IN first_name', no, no],
  ['"Yoda" NOT IN first_name', no, yes],
  ['first_name INTERSECTS ("Yoda")', yes, no],
  ['EXISTS first_name', yes, no],
  ['NOT EXISTS first_name', no, yes],
  ['first_name = NULL', no, yes],
  ['first_name != NULL', yes, no],
  ['NULL != first_name', yes, no],
  // Numbers, and texts that are numbers.
  ['zip == 5', yes, no],
  ['zip == "5"', yes, no],
  ['zip == 5.0', yes, no],
  ['zip == "5.0"', no, no],
  ['zip != 5', no, yes],
  ['zip IN (4, 5)', yes, no],
  ['zip IN ("4", "5")', yes, no],
  ['first_name == 5', no, no],
  ['visits == 5', yes, no],
  ['visits == "5"', yes, no],
  ['visits == 5.0', yes, no],
  ['visits != 5', no, yes],
  ['visits > 4', yes, no],
  ['visits > 5', no, no],
  ['visits >= 5', yes, no],
  ['visits >= "5"', yes, no],
  ['visits < 5', no, no],
  ['visits <= 5', yes, no],
  ['4 < visits', yes, no],
  ['5 <= visits', yes, no],
  ['6 > visits', yes, no],
  ['5 >= visits', yes, no],
  ['5 > visits', no, no],
  ['NOT (visits > 5)', yes, yes],
  ['NOT (visits > 4)', no, yes],
  ['NOT visits > 4', no, yes],
  ['visits > -1', yes, no],
  ['amount > 50', yes, no],
  ['amount > "50"', yes, no],
  ['amount > "9.4"', yes, no],
  ['amount == 55.5', yes, no],
  ['amount < 5.55e1', no, no],
  ['amount <= 5.55e1', yes, no],
  ['visits IN (1, 5)', yes, no],
  ['visits IN ("1", "5")', yes, no],
  ['5 IN visits', yes, no],
  ['visits NOT IN (1, 2)', yes, yes],
  ['EXISTS visits', yes, no],
  ['visits != NULL', yes, no],
  // BETWEEN leaves both ends out.
  ['visits BETWEEN 4 AND 6', yes, no],
  ['visits BETWEEN 5 AND 6', no, no],
  ['visits BETWEEN 4 AND 5', no, no],
  ['visits BETWEEN 6 AND 4', no, no],
  ['visits NOT BETWEEN 5 and 10', yes, yes],
  ['visits NOT BETWEEN 4 and 10', no, yes],
  ['NOT visits BETWEEN 4 and 10', no, yes],
  ['amount BETWEEN "55" AND 56', yes, no],
  // True and false.
  ['vip == true', yes, no],
  ['vip = "true"', yes, no],
  ['vip == false', no, no],
  ['vip != true', no, yes],
  ['vip != false', yes, yes],
  ['true == vip', yes, no],
  ['vip', yes, no],
  ['NOT vip', no, yes],
  ['EXISTS vip', yes, no],
  ['consent.mail', yes, no],
  ['consent.phone', no, no],
  ['consent.phone == false', yes, no],
  ['EXISTS consent.phone', yes, no],
  ['EXISTS consent.post', no, no],
  // Dates, absolute and moving.
  ['birth_date == "2015-12-18"', yes, no],
  ['birth_date == "2015-12-18T00:00:00Z"', yes, no],
  ['birth_date == "2015-12-18 01:00:00+01:00"', yes, no],
  ['birth_date == 1450396800000', yes, no],
  ['birth_date == "1450396800000"', yes, no],
  ['birth_date != "2015-12-18"', no, yes],
  ['birth_date < "2015-12-19"', yes, no],
  ['birth_date BETWEEN "2015-12-17" AND "2015-12-19"', yes, no],
  ['birth_date BETWEEN "2015-12-18" AND "2015-12-19"', no, no],
  ['birth_date < "now-10y"', yes, no],
  ['birth_date < "now-11y"', no, no],
  ['last_seen > "now-4d"', yes, no],
  ['last_seen > "now-3d"', no, no],
  ['last_seen >= "now-3d"', yes, no],
  ['last_seen = "now-3d"', yes, no],
  ['last_seen != "now-3d"', no, yes],
  ['last_seen < "now"', yes, no],
  ['last_seen > "now-72h"', no, no],
  ['last_seen > "now-73h"', yes, no],
  ['last_seen > "now-1M"', yes, no],
  ['last_seen > "now-1m"', no, no],
  ['last_seen > "now-1w"', yes, no],
  ['last_seen < "now+1s"', yes, no],
  ['"now-4d" < last_seen', yes, no],
  ['"now-2d" < last_seen', no, no],
  ['"now-4d" >= last_seen', no, no],
  ['last_seen BETWEEN "now-4d" AND "now"', yes, no],
  ['last_seen BETWEEN "now-3d" AND "now"', no, no],
  ['NOT last_seen > "now-3d"', yes, yes],
  ['EXISTS last_seen', yes, no],
  // Lists of moments: any of them.
  ['logins > "now-2d"', yes, no],
  ['logins < "now-2d"', yes, no],
  ['logins > "now"', no, no],
  ['logins < "now-30d"', no, no],
  ['logins = "now-5d"', yes, no],
  ['logins != "now-5d"', no, yes],
  ['logins != "now-6d"', yes, yes],
  ['logins BETWEEN "now-6d" AND "now-4d"', yes, no],
  ['logins BETWEEN "now-4d" AND "now-2d"', no, no],
  ['EXISTS logins', yes, no],
  // Lists of texts: any of them.
  ['roles IN ("api", "guest")', yes, no],
  ['"api" IN roles', yes, no],
  ['"guest" IN roles', no, no],
  ['"guest" NOT IN roles', yes, yes],
  ['roles INTERSECTS ("user", "api")', yes, no],
  ['roles NOT INTERSECTS ("user", "guest")', yes, yes],
  ['roles NOT INTERSECTS ("user", "api")', no, yes],
  ['roles INTERSECTS ("API")', no, no],
  ['roles CONTAINS "dm"', yes, no],
  ['roles LIKE "ad*"', yes, no],
  ['roles LIKE "*z*"', no, no],
  ['EXISTS roles', yes, no],
  ['roles = NULL', no, yes],
  // Maps: their keys, and one entry by its key.
  ['hits IN ("foo", "bar")', yes, no],
  ['hits INTERSECTS ("foo")', yes, no],
  ['hits INTERSECTS ("bar")', no, no],
  ['"foo" IN hits', yes, no],
  ['EXISTS hits', yes, no],
  ['EXISTS hits.foo', yes, no],
  ['EXISTS hits.bar', no, no],
  ['hits.foo > 1.5', yes, no],
  ['hits.foo > "1.5"', yes, no],
  ['NOT (hits.foo > 5.5)', yes, yes],
  ['hits.bar > 1', no, no],
  ['hits.bar != 1', yes, yes],
  ['hits.`odd key` = 1', yes, no],
  ['`hits`.`odd key` = 1', yes, no],
  ['hits.constructor = 1', no, no],
  ['EXISTS hits.toString', no, no],
  ['"constructor" IN hits', no, no],
  ['total.orders >= 7', yes, no],
  ['scores.quantity > 20', yes, no],
  ['plan_of.shop = "Gold"', yes, no],
  ['tolower(plan_of.shop) = "gold"', yes, no],
  ['first_event.signedup < "now-2h"', yes, no],
  ['first_event.signedup == "2015-12-18"', yes, no],
  ['first_event.signedup > "now-2h"', no, no],
  ['first_event.signedup != "2015-12-18"', no, yes],
  ['events IN ("users.messages.email.Open")', yes, no],
  ['events.users.messages.email.Open > "now-2d"', yes, no],
  ['events.`users.messages.email.Open` > "now-2d"', yes, no],
  ['events.users.`messages`.email.Open < "now-7d"', yes, no],
  ['events.users.messages.email.Click > "now-2d"', no, no],
  // Functions.
  ['tolower(first_name) == "yoda"', yes, no],
  ['tolower(first_name) != "yoda"', no, yes],
  ['tolower(first_name) IN ("luke", "yoda")', yes, no],
  ['TOLOWER(first_name) LIKE "*od*"', yes, no],
  ['"yoda" = tolower(first_name)', yes, no],
  ['domain(email) == "dagobah.example"', yes, no],
  ['domain(email) == "mail.dagobah.example"', no, no],
  ['tolower(domain(email)) CONTAINS "dago"', yes, no],
  ['EXISTS domain(city)', no, no],
  ['geodistance(place, "52.5,13.4", 3)', yes, no],
  ['geodistance(place, "52.5,13.4", 2)', no, no],
  ['geodistance(place, "48.14,11.58", 510)', yes, no],
  ['NOT geodistance(place, "52.5,13.4", 2)', yes, yes],
  ['geodistance(city, "52.5,13.4", 20000)', no, no],
  ['timewindow(logins, 2, 7)', yes, no],
  ['timewindow(logins, 2, 5)', no, no],
  ['timewindow(logins, 3, 21)', yes, no],
  ['timewindow(logins, 3, 20)', no, no],
  ['timewindow(logins, 4, 365)', no, no],
  ['NOT timewindow(logins, 4, 365)', yes, yes],
  ['timewindow(events.`users.messages.email.Open`, 2, 7)', yes, no],
  ['timewindow(events.users.messages.email.Open, 3, 7)', no, no],
  ['timewindow(events.users.messages.email.Open, 3, 9)', yes, no],
  // Lists of rules, brackets, commas or none, comments.
  ['AND (first_name == "Yoda", city == "Peoria, IL", zip == 5, amount > 50)', yes, no],
  ['AND (first_name == "Yoda", city == "xxx", zip == 5)', no, no],
  ['and (vip, not (visits > 9),)', yes, no],
  ['AND (vip)', yes, no],
  ['OR (vip == false, visits == 5)', yes, no],
  ['NOT AND (vip, visits == 5)', no, yes],
  ['NOT OR (vip, visits == 5)', no, yes],
  ['OR (\n  EXISTS first_name\n  EXISTS zip  -- even with a comment\n)', yes, no],
  ['-- above\nAND ( -- inside, "quoted\n  vip\n -- alone\n)', yes, no],
  ['AND (vip\n NOT EXISTS roles)', no, no],
  ['AND (vip "api" IN roles)', yes, no],
  ['((vip))', yes, no],
  ['AND (zip == 5, "Yoda" == first_name, OR (city IN ("Portland, OR", "Peoria, IL")))', yes, no],
  [
    'OR (EXISTS place, AND (visits > 0, OR (visits > 100, visits < 9)), NOT (first_name == "Yoda"))',
    yes,
    yes,
  ],
  ['`from` = "here"', yes, no],
  ['`first_name` = "Yoda"', yes, no],
  // Other audiences.
  ['INCLUDE everybody', yes, yes],
  ['NOT INCLUDE everybody', no, no],
  ["INCLUDE 'everybody'", yes, yes],
  ['INCLUDE `everybody`', yes, yes],
  ['INCLUDE 12', no, no],
  ['AND (NOT INCLUDE 12, INCLUDE everybody, vip)', yes, no],
]

describe('what a rule means', () => {
  it(`is told by ${SEMANTICS.length} rows`, () => expect(SEMANTICS.length).toBeGreaterThanOrEqual(150))

  it.each(SEMANTICS)('%s', (rule, ofYoda, ofNobody) => {
    expect(answers(`FILTER ${rule}`, YODA)).toBe(ofYoda)
    expect(answers(`FILTER ${rule}`, EMPTY)).toBe(ofNobody)
  })

  const emptied: Fields = { first_name: '', roles: [], logins: [], hits: {}, visits: 0, vip: false }
  it.each<[string, boolean]>([
    ['EXISTS first_name', no],
    ['first_name = ""', yes],
    ['first_name = NULL', yes],
    ['first_name IN ("")', yes],
    ['EXISTS roles', no],
    ['roles != NULL', no],
    ['roles IN ("a")', no],
    ['roles NOT IN ("a")', yes],
    ['logins < "now"', no],
    ['logins != "now"', yes],
    ['logins BETWEEN "now-9y" AND "now+9y"', no],
    ['EXISTS logins', no],
    ['timewindow(logins, 1, 365)', no],
    ['EXISTS hits', no],
    ['hits IN ("a")', no],
    ['EXISTS visits', yes],
    ['visits = 0', yes],
    ['visits = -0', yes],
    ['EXISTS vip', yes],
    ['vip', no],
    ['vip = false', yes],
  ])('of what is empty: %s', (rule, expected) => expect(answers(`FILTER ${rule}`, emptied)).toBe(expected))

  it('values of another type than their field has are as if they were not there', () => {
    const odd: Fields = { visits: 'many', first_name: 7, roles: 'admin', last_seen: 'yesterday', hits: [1] }
    for (const rule of ['visits > 1', 'first_name LIKE "*"', 'last_seen < "now"', 'EXISTS hits.foo'])
      expect(answers(`FILTER ${rule}`, odd)).toBe(false)
  })

  it('as a plain reading of the tree says, for any rule and profile', () => {
    fc.assert(
      fc.property(someRule(), SomeFields, (rule, fields) => {
        expect(answers(printStatement({ rule }), fields)).toBe(means(rule, fields, NOW))
      }),
      { seed: 41, numRuns: 4_000 },
    )
  })
})

/** [text, line, column, part of the message] */
const REFUSED: readonly (readonly [string, number, number, string])[] = [
  ['', 1, 1, 'Expected FILTER, but the text ends'],
  ['vip', 1, 1, 'Expected FILTER, but found vip'],
  ['SELECT a FROM b FILTER vip', 1, 1, 'begin with FILTER'],
  ['FILTER', 1, 7, 'Expected a condition, but the text ends'],
  ['FILTER vip vip', 1, 12, 'Expected the end'],
  ['FILTER OR (vip, vip))', 1, 21, 'Expected the end'],
  ['FILTER AND ()', 1, 13, 'Expected a condition, but found )'],
  ['FILTER AND (vip', 1, 16, 'Expected ) or another condition, but the text ends'],
  ['FILTER vip AND visits > 1', 1, 12, 'AND stands before its list: AND (a, b)'],
  ['FILTER AND (vip OR visits > 1)', 1, 20, 'Expected ( after OR, which stands before its list'],
  ['FILTER (vip, vip)', 1, 12, 'Expected ), but found ,'],
  ['FILTER visits >', 1, 16, 'Expected a value, but the text ends'],
  ['FILTER visits > many', 1, 17, 'texts stand in double quotes'],
  ["FILTER first_name = 'Yoda'", 1, 21, 'texts stand in double quotes'],
  ['FILTER first_name = "Yoda', 1, 21, 'The " that opens here is never closed'],
  ['FILTER `first_name = 1', 1, 8, 'The ` that opens here is never closed'],
  ['FILTER visits > 1 & 2', 1, 19, 'Unexpected "&"'],
  ['FILTER visits => 1', 1, 16, 'Expected a value'],
  ['FILTER visits 1', 1, 15, 'Expected the end'],
  ['FILTER 5', 1, 9, 'Expected a comparison, or IN'],
  ['FILTER 5 > 4', 1, 12, 'Expected the name of a field'],
  ['FILTER "a" IN ("a")', 1, 15, 'Expected the name of a field'],
  ['FILTER visits > other_field', 1, 17, 'Expected a value'],
  ['FILTER roles IN "a"', 1, 17, 'Expected a list of values in brackets'],
  ['FILTER roles IN ()', 1, 18, 'Expected a value'],
  ['FILTER visits BETWEEN 1, 2', 1, 24, 'Expected AND'],
  ['FILTER EXISTS', 1, 14, 'Expected the name of a field'],
  ['FILTER EXISTS from', 1, 15, 'a field of this name stands in back-ticks'],
  ['FILTER INCLUDE', 1, 15, 'Expected the slug or number of an audience'],
  ['FILTER vip LIMIT many', 1, 18, 'Expected a whole number'],
  ['FILTER vip LIMIT -1', 1, 18, 'Expected a whole number'],
  ['FILTER vip LIMIT 1 LIMIT 2', 1, 20, 'LIMIT stands here twice'],
  ['FILTER vip WITH a', 1, 18, 'Expected ='],
  ['FILTER vip ALIAS', 1, 17, 'Expected a name'],
  ['FILTER hits. foo > 1', 1, 14, 'Expected a key of the map'],
  ['FILTER hits.> 1', 1, 13, 'Expected a key of the map'],
  ['FILTER AND (\n  vip,\n  visits >\n)', 4, 1, 'Expected a value, but found )'],
  // What the fields cannot be asked.
  ['FILTER visit > 1', 1, 8, 'There is no field visit; do you mean visits?'],
  ['FILTER EXISTS frist_name', 1, 15, 'do you mean first_name?'],
  ['FILTER EXISTS completely_else', 1, 15, 'There is no field completely_else'],
  ['FILTER AND (\n\tvip,\n\tvisits > 1, citty = "a"\n)', 3, 14, 'do you mean city?'],
  ['FILTER city > "a"', 1, 8, 'city is string, which > does not fit; it takes =, !=, IN, INTERSECTS'],
  ['FILTER city BETWEEN "a" AND "b"', 1, 8, 'BETWEEN does not fit'],
  ['FILTER city = true', 1, 15, 'write "true"'],
  ['FILTER visits CONTAINS "1"', 1, 8, 'visits is int, which CONTAINS does not fit'],
  ['FILTER visits > "many"', 1, 17, 'Expected a number, not "many"'],
  ['FILTER visits BETWEEN 1 AND "many"', 1, 29, 'Expected a number, not "many"'],
  ['FILTER visits IN (1, true)', 1, 22, 'Expected a number, not true'],
  ['FILTER visits > NULL', 1, 17, 'NULL can only be compared with = and !='],
  ['FILTER roles IN ("a", NULL)', 1, 23, 'cannot hold NULL'],
  ['FILTER vip > true', 1, 8, 'vip is bool'],
  ['FILTER vip = 1', 1, 14, 'Expected true or false, not 1'],
  ['FILTER last_seen > "yesterday"', 1, 20, 'Expected a moment, not "yesterday"'],
  ['FILTER last_seen > "now-3x"', 1, 20, 'Expected a moment'],
  ['FILTER last_seen > "2026"', 1, 20, 'Expected a moment'],
  ['FILTER last_seen > "2026-02-30"', 1, 20, 'Expected a moment'],
  ['FILTER last_seen > true', 1, 20, 'Expected a moment'],
  ['FILTER last_seen BETWEEN "now-3d" AND 1e30', 1, 39, 'Expected a moment'],
  ['FILTER last_seen CONTAINS "2026"', 1, 8, 'last_seen is date'],
  ['FILTER roles = "admin"', 1, 8, 'roles is []string, which = does not fit; it takes IN'],
  ['FILTER hits > 1', 1, 8, 'or name a key: hits.key'],
  ['FILTER hits.foo LIKE "a"', 1, 8, 'hits.foo is int'],
  ['FILTER city.x = "a"', 1, 8, 'city is string, which has no keys'],
  ['FILTER city', 1, 8, 'city is string, which is not true or false by itself'],
  ['FILTER tolower(first_name)', 1, 8, 'not true or false by itself'],
  ['FILTER first_name LIKE ""', 1, 24, 'LIKE takes a text that is not empty'],
  ['FILTER upper(first_name) = "A"', 1, 8, 'There is no function upper; there are domain'],
  ['FILTER tolower(visits) = "a"', 1, 8, 'tolower takes one string, not int'],
  ['FILTER tolower("a") = "a"', 1, 8, 'The 1st argument of tolower is a field'],
  ['FILTER tolower(first_name, city) = "a"', 1, 8, 'tolower takes one string'],
  ['FILTER timewindow(logins, 3, 7) = true', 1, 8, 'stands alone'],
  ['FILTER timewindow(visits, 3, 7)', 1, 8, 'timewindow counts moments: visits is int'],
  ['FILTER timewindow(events, 3, 7)', 1, 8, 'name one of its keys'],
  ['FILTER timewindow(logins, 0, 7)', 1, 8, 'whole number from 1 to 50'],
  ['FILTER timewindow(logins, 51, 7)', 1, 8, 'whole number from 1 to 50'],
  ['FILTER timewindow(logins, 1, 366)', 1, 8, 'whole number from 1 to 365'],
  ['FILTER timewindow(logins, 1)', 1, 8, '3rd argument of timewindow'],
  ['FILTER timewindow(logins, 1, 7, 9)', 1, 8, 'takes 3 arguments'],
  ['FILTER geodistance(place, "here", 3)', 1, 8, 'geodistance takes 3 arguments'],
  ['FILTER geodistance(place, "91,0", 3)', 1, 8, 'geodistance takes 3 arguments'],
  ['FILTER INCLUDE everybdy', 1, 8, 'There is no audience everybdy; do you mean everybody?'],
]

describe('what is refused, and where', () => {
  it.each(REFUSED)('%s', (text, line, column, message) => {
    const error = refusal(text)
    expect(error.message).toContain(message)
    expect(error.details).toMatchObject({ line, column })
  })

  it('with the line and a caret below the place', () => {
    const { excerpt, start, end } = refusal('FILTER AND (\n  vip,\n\tvisit > 1\n)').details as FilterFailure
    expect(excerpt).toBe(' visit > 1\n ^^^^^')
    expect([start, end]).toEqual([21, 26])
  })

  it('of a long line, only what is around it', () => {
    const { excerpt } = refusal(`FILTER AND (${'vip, '.repeat(100)}oops, ${'vip, '.repeat(100)}vip)`)
      .details as FilterFailure
    const [line = '', carets = ''] = excerpt.split('\n')
    expect(line.length).toBeLessThanOrEqual(100)
    expect(line.slice(carets.indexOf('^'))).toMatch(/^oops/)
  })

  const deep = (depth: number) => `FILTER ${'NOT '.repeat(depth - 1)}vip`
  it('rules that nest too deep, have too many conditions, too many values or too much text', () => {
    expect(answers(deep(100), YODA)).toBe(false)
    expect(refusal(deep(101)).message).toContain('nest at most 100 deep')
    expect(refusal(`FILTER ${'('.repeat(100_000)}`).message).toContain('nest at most 100 deep')
    expect(answers(`FILTER AND (${'vip '.repeat(1_000)})`, YODA)).toBe(true)
    expect(refusal(`FILTER AND (${'vip '.repeat(1_001)})`).message).toContain('at most 1000 conditions')
    expect(answers(`FILTER visits IN (${'5 '.repeat(10_000)})`, YODA)).toBe(true)
    expect(refusal(`FILTER visits IN (${'5 '.repeat(10_001)})`).message).toContain('at most 10000 values')
    expect(refusal(`FILTER vip${' '.repeat(200_000)}`).message).toContain('at most 200000 characters')
  })
})

function refusal(text: string): ThalwegError {
  try {
    answers(text, YODA)
  } catch (error) {
    if (error instanceof ThalwegError && error.code === 'FILTERQL_INVALID') return error
    throw error
  }
  throw new Error('It was taken')
}

describe('how a rule is written', () => {
  it.each([
    ['filter  x > 7', 'FILTER x > 7'],
    ['FILTER 7 <= x', 'FILTER x >= 7'],
    ['FILTER x == 7;', 'FILTER x = 7'],
    ['FILTER ( ( x != 7.50 ) )', 'FILTER x != 7.5'],
    ['FILTER match_all', 'FILTER *'],
    ['FILTER "a" in x', 'FILTER x IN ("a")'],
    ['FILTER NOT x IN ("a" "b")', 'FILTER x NOT IN ("a", "b")'],
    ['FILTER not not x', 'FILTER NOT NOT x'],
    ['FILTER AND(a, OR(b c) NOT d)', 'FILTER AND (\n  a,\n  OR (\n    b,\n    c\n  ),\n  NOT d\n)'],
    ['FILTER NOT AND (a)', 'FILTER NOT AND (\n  a\n)'],
    ['FILTER x = "say \\"hi\\" or ""hi"""', 'FILTER x = "say ""hi"" or ""hi"""'],
    ['FILTER x = "C:\\temp\\\\"', 'FILTER x = "C:\\\\temp\\\\"'],
    ['FILTER x = "\n"', 'FILTER x = "\n"'],
    ['FILTER a.b.c = 1', 'FILTER a.b.c = 1'],
    ['FILTER a.`b c`.d = 1', 'FILTER a.`b c.d` = 1'],
    ['FILTER a.2x = 1', 'FILTER a.`2x` = 1'],
    ['FILTER a.`b``c` = 1', 'FILTER a.`b``c` = 1'],
    ['FILTER `limit` = 1', 'FILTER `limit` = 1'],
    ['FILTER Timewindow(a.b, 3, 7)', 'FILTER timewindow(a.b, 3, 7)'],
    ["FILTER INCLUDE 'f9f0dc74'", 'FILTER INCLUDE f9f0dc74'],
    ['FILTER INCLUDE 3d4240482815b9848caf2e6f', 'FILTER INCLUDE `3d4240482815b9848caf2e6f`'],
    ['FILTER INCLUDE my-slug-2', 'FILTER INCLUDE my-slug-2'],
    ['FILTER x ALIAS `Has Spaces` FROM user', 'FILTER x\nFROM user\nALIAS `Has Spaces`'],
    [
      'FILTER x LIMIT 100 WITH name = "My Little Pony" public = false, kind = "aspect" ALIAS a',
      'FILTER x\nLIMIT 100\nWITH name = "My Little Pony", public = false, kind = "aspect"\nALIAS a',
    ],
    ['FILTER x--1', 'FILTER x'],
    ['FILTER x > -1.5e-7', 'FILTER x > -1.5e-7'],
    ['FILTER x = NULL', 'FILTER x = NULL'],
  ])('%s', (text, expected) => {
    const { statement } = parseFilter(text)
    expect(printStatement(statement)).toBe(expected)
    expect(parseFilter(expected).statement).toEqual(statement)
  })

  const Name = fc.oneof(
    fc.constantFrom('user', 'from', '12', 'a-b', 'A b', '`', '1a'),
    fc.string({ minLength: 1 }),
  )
  const Literal = fc.oneof(fc.string(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean())
  const Clauses = fc.record(
    {
      from: Name,
      limit: fc.nat(),
      with: fc.array(fc.tuple(Name, Literal), { minLength: 1, maxLength: 3 }),
      alias: Name,
    },
    { requiredKeys: [] },
  )
  /** Any names and texts, which the schema may not know. */
  const Wild = fc
    .record({ field: Name.filter((name) => name !== '*'), key: fc.option(Name), value: Literal })
    .map(({ field, key, value }): Statement['rule'] => ({
      kind: 'compare',
      operator: '=',
      of: key === null ? { kind: 'field', field } : { kind: 'field', field, key },
      value: value === 0 ? 0 : value,
    }))
  const AnyRule = fc.oneof(someRule(['a', '7', 'in', 'x y']), Wild)

  it('reads back as the same tree, whatever the tree', () => {
    fc.assert(
      fc.property(AnyRule, Clauses, (rule, clauses) => {
        const statement = JSON.parse(JSON.stringify({ rule, ...clauses })) as Statement
        const printed = printStatement(statement)
        expect(parseFilter(printed).statement).toEqual(statement)
        expect(printStatement(parseFilter(printed).statement)).toBe(printed)
      }),
      { seed: 42, numRuns: 4_000 },
    )
  })

  it('never throws anything but what is wrong with the text', () => {
    const Piece = fc.oneof(
      fc.constantFrom(
        'FILTER',
        'AND',
        'OR',
        'NOT',
        '(',
        ')',
        ',',
        'vip',
        'visits',
        '>',
        '5',
        '"a"',
        'IN',
        '`',
        '--',
      ),
      fc.string({ maxLength: 3 }),
    )
    fc.assert(
      fc.property(fc.array(Piece, { maxLength: 14 }), (pieces) => {
        try {
          answers(['FILTER', ...pieces].join(' '), YODA)
        } catch (error) {
          expect(error).toMatchObject({ code: 'FILTERQL_INVALID' })
        }
      }),
      { seed: 43, numRuns: 4_000 },
    )
  })

  it('as JSON, it is the same tree again', () => {
    fc.assert(
      fc.property(AnyRule, (rule) => {
        const json = JSON.parse(JSON.stringify(toJson(rule)))
        expect(fromJson(RuleJson.parse(json))).toEqual(JSON.parse(JSON.stringify(rule)))
      }),
      { seed: 44, numRuns: 4_000 },
    )
  })

  it.each<[RuleJson, string]>([
    [{ op: '*' }, '*'],
    [{ op: '=', args: [{ ident: 'a' }, { val: 'b' }] }, 'a = "b"'],
    [{ op: '==', args: [{ val: 5 }, { ident: 'a.b c' }] }, 'a.`b c` = 5'],
    [{ op: '<', args: [{ val: 5 }, { ident: 'a' }] }, 'a > 5'],
    [{ op: 'AND', args: [{ op: 'exists', args: [{ ident: 'a' }] }] }, 'AND (\n  EXISTS a\n)'],
    [{ op: 'not', args: [{ op: 'in', args: [{ ident: 'a' }, { val: [1, 2] }] }] }, 'a NOT IN (1, 2)'],
    [{ op: 'in', args: [{ ident: 'a' }, { args: [{ val: 1 }, { val: 2 }] }] }, 'a IN (1, 2)'],
    [{ op: 'in', args: [{ ident: 'a' }, { val: 1 }, { val: 2 }] }, 'a IN (1, 2)'],
    [{ op: 'in', args: [{ val: 'x' }, { ident: 'a' }] }, 'a IN ("x")'],
    [{ op: 'between', args: [{ ident: 'a' }, { val: 1 }, { val: 2 }] }, 'a BETWEEN 1 AND 2'],
    [{ op: 'include', args: [{ seg: 'x y' }] }, 'INCLUDE `x y`'],
    [{ ident: '`last.event`.`has period`' }, '`last.event`.`has period`'],
    [
      { op: 'expr', args: [{ ident: 'timewindow' }, { ident: 'a' }, { val: 3 }, { val: 7 }] },
      'timewindow(a, 3, 7)',
    ],
    [
      { op: '=', args: [{ op: 'expr', args: [{ ident: 'domain' }, { ident: 'a' }] }, { val: 'b' }] },
      'domain(a) = "b"',
    ],
  ])('from JSON %j', (json, expected) => {
    expect(readFilter(json).text).toBe(`FILTER ${expected}`)
  })

  it.each<[RuleJson, string]>([
    [{}, 'In the rule: expected an ident'],
    [{ op: 'xor', args: [] }, 'there is no op "xor"'],
    [{ op: 'and', args: [] }, 'and has too few arguments'],
    [
      { op: 'and', args: [{ op: '*' }, { op: '=', args: [{ ident: 'a' }] }] },
      'In args 1 of the rule: = takes 2',
    ],
    [
      { op: 'not', args: [{ op: '=', args: [{ ident: 'a' }, { ident: 'b' }] }] },
      'args 0 / 1 of the rule: expected one val',
    ],
    [{ op: 'in', args: [{ ident: 'a' }] }, 'in has no values'],
    [{ op: 'include', args: [{ ident: 'a' }] }, 'include takes a seg'],
    [{ op: 'expr', args: [] }, 'expr begins with the ident of a function'],
  ])('JSON %j is refused', (json, message) => {
    expect(() => readFilter(json)).toThrow(message)
  })
})

describe('renaming what a text refers to', () => {
  it('leaves comments and layout as they are', () => {
    const text = 'FILTER AND ( -- "INCLUDE a"\n  INCLUDE a, NOT INCLUDE `b`\n)\nALIAS mine -- the end'
    expect(renamed(parseFilter(text), (name) => `${name}${name}`, 'yours')).toBe(
      'FILTER AND ( -- "INCLUDE a"\n  INCLUDE aa, NOT INCLUDE bb\n)\nALIAS yours -- the end',
    )
  })
})
