import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HIVE_LEXIS, positionIn, STANDARD_LEXIS, sqlTokens } from './sql-tokens.ts'

const told = (sql: string, lexis = STANDARD_LEXIS) =>
  sqlTokens(sql, lexis).map(({ kind, value }) => `${kind} ${value}`)

describe('tokens', () => {
  const cases: { sql: string; tokens: string[] }[] = [
    { sql: '', tokens: [] },
    { sql: " \n-- 'only' a comment", tokens: [] },
    { sql: 'SELECT a1_$', tokens: ['word select', 'word a1_$'] },
    { sql: "'it''s' ''", tokens: ["string it's", 'string '] },
    { sql: `"a ""b" '"'`, tokens: ['quoted a "b', 'string "'] },
    { sql: "a/* ' -- */b--'\nc", tokens: ['word a', 'word b', 'word c'] },
    {
      sql: '1 1.5 .5 1e-3 t.a',
      tokens: ['number 1', 'number 1.5', 'number .5', 'number 1e-3', 'word t', 'symbol .', 'word a'],
    },
    {
      sql: 'a<>b||c->d::e',
      tokens: [
        'word a',
        'symbol <>',
        'word b',
        'symbol ||',
        'word c',
        'symbol ->',
        'word d',
        'symbol ::',
        'word e',
      ],
    },
    { sql: "a 'open -- b", tokens: ['word a', "broken '"] },
    { sql: 'a "open', tokens: ['word a', 'broken "'] },
    { sql: 'a /* open', tokens: ['word a', 'broken /*'] },
    { sql: "'a\\' || b", tokens: ['string a\\', 'symbol ||', 'word b'] },
    { sql: 'größe 😀', tokens: ['word größe', 'symbol 😀'] },
  ]
  it.each(cases)('$sql', ({ sql, tokens }) => expect(told(sql)).toEqual(tokens))

  it('of Hive: double quotes enclose strings, backquotes names, a backslash escapes', () => {
    expect(told("select `a b`, \"it's\", 'it\\'s'", HIVE_LEXIS)).toEqual([
      'word select',
      'quoted a b',
      'symbol ,',
      "string it's",
      'symbol ,',
      "string it's",
    ])
  })

  it('cover the text: between two tokens stand only blanks and comments', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("'", '"', '--', '/*', '*/', '\n', 'ab', '1.', ' ', '(', '::')),
        (parts) => {
          const sql = parts.join('')
          let end = 0
          for (const { at, text } of sqlTokens(sql)) {
            expect(sql.slice(at, at + text.length)).toBe(text)
            expect(sqlTokens(sql.slice(end, at))).toEqual([])
            end = at + text.length
          }
          expect(sqlTokens(sql.slice(end))).toEqual([])
        },
      ),
    )
  })
})

it('counts lines and columns from 1', () => {
  expect(positionIn('select\n  x', 0)).toEqual({ line: 1, column: 1 })
  expect(positionIn('select\n  x', 9)).toEqual({ line: 2, column: 3 })
})
