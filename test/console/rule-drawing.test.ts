/** The builder and the API mean the same: a rule that was drawn, read back, is true of the same people. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { drawnFilter, filterOf } from '../../src/console/pages/audiences/filter-tree.ts'
import { filterVocabulary, type ProfileField } from '../../src/console/pages/audiences/filter-vocabulary.ts'
import { means, NOW, SomeFields, someRule, TYPES } from '../../src/profiles/filterql/filterql.fixture.ts'
import { fromJson, toJson } from '../../src/profiles/filterql/json.ts'
import { parseFilter } from '../../src/profiles/filterql/parse.ts'
import { printStatement } from '../../src/profiles/filterql/print.ts'
import { Field } from '../../src/profiles/schema.ts'

const fields: ProfileField[] = [...TYPES].map(([name, type]) => Field.parse({ name, type }))
const types = new Map<string, string>(TYPES)
const subjects = filterVocabulary({ fields, audiences: ['vips'], events: ['users.messages.email.Open'] })

const drawn = (filter: string) => drawnFilter(toJson(parseFilter(filter).statement.rule), subjects)

function readBack(filter: string): string {
  const picture = drawn(filter)
  if (!('query' in picture)) throw new Error(`Not drawn: ${picture.undrawable}`)
  return printStatement({ rule: fromJson(filterOf(picture.query, types)) })
}

test('whatever rule is drawn means the same when it is read back', () => {
  let count = 0
  fc.assert(
    fc.property(someRule(['vips']), SomeFields, fc.boolean(), (rule, person, isVip) => {
      const picture = drawnFilter(toJson(rule), subjects)
      if (!('query' in picture)) return
      count++
      const again = fromJson(filterOf(picture.query, types))
      const within = (audience: string): boolean => audience === 'vips' && isVip
      expect(means(again, person, NOW, within)).toBe(means(rule, person, NOW, within))
    }),
    { numRuns: 3_000 },
  )
  expect(count).toBeGreaterThan(1_000)
})

test.each([
  'FILTER *',
  'FILTER city = "Rome"',
  'FILTER zip != 5',
  'FILTER NOT EXISTS city',
  'FILTER INCLUDE vips',
  'FILTER city NOT IN ("a", "b")',
  'FILTER consent.mail = true',
  'FILTER plan_of.`odd key` = "x"',
  'FILTER last_seen BETWEEN "now-30d" AND "now"',
  'FILTER NOT timewindow(events.users.messages.email.Open, 3, 7)',
  'FILTER OR (\n  visits > 5,\n  NOT AND (\n    vip = true,\n    EXISTS logins\n  ),\n  hits IN ("a")\n)',
])('%s is drawn and read back as it was', (filter) => expect(readBack(filter)).toBe(filter))

test.each([
  ['FILTER domain(email) = "example.com"', 'a function of a field'],
  ['FILTER city = NULL', 'NULL'],
  ['FILTER AND (true, vip)', 'a rule that is only true or false'],
])('%s has no picture: %s', (filter, undrawable) => expect(drawn(filter)).toEqual({ undrawable }))
