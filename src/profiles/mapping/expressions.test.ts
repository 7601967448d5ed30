import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compileExpression } from './compile.ts'
import { FUNCTIONS } from './functions.ts'
import { Scope } from './scope.ts'

const AT = Date.UTC(2026, 4, 28, 12, 30)

const ROW = {
  email: 'Bob Builder <Bob@Mail.Example.co.uk>',
  bad: 'bob at example',
  name: ' Ann ',
  empty: '',
  none: null,
  blank: '  ',
  n: 7,
  text: '12.9',
  yes: 'yes',
  zero: 0,
  huge: 2 ** 60,
  list: ['b', '', 'a', 'b'],
  url: 'https://www.shop.example.co.uk:8443/a/b?utm_source=x%20y&n=1#z',
  user: { id: 'u1', address: { city: 'Köln' } },
  'flat.key': 'flat',
  'first name': 'Zoë',
  and: 'word',
  p_a: 1,
  p_b: 2,
  born: '19820101',
  at: '2026-01-02 03:04:05',
  zone: 'Europe/Paris',
}

function run(expression: string): { value: unknown; problem: string | undefined } {
  const scope = new Scope(ROW, AT)
  const value = compileExpression(expression).evaluate(scope)
  return {
    value: value instanceof Map ? Object.fromEntries(value) : value,
    problem: value === undefined ? scope.problem : undefined,
  }
}

const date = (text: string): Date => new Date(text)

const VALUES: readonly [expression: string, value: unknown, problem?: string][] = [
  ['n', 7],
  ['missing', undefined],
  ['empty', undefined],
  ['none', undefined],
  ['user.id', 'u1'],
  ['user.address.city', 'Köln'],
  ['user.missing.city', undefined],
  ['user.id.more', undefined],
  ['flat.key', 'flat'],
  ['`flat.key`', 'flat'],
  ['`first name`', 'Zoë'],
  ['`and`', 'word'],
  ['constructor', undefined],
  ['__proto__', undefined],
  ['user.constructor', undefined],
  ['"text"', 'text'],
  ["'it''s'", "it's"],
  ['-1.5', -1.5],
  ['true', true],
  ['null', undefined],
  ['n -- the number\n', 7],
  ['email(email)', 'bob@mail.example.co.uk'],
  ['EMAIL(email)', 'bob@mail.example.co.uk'],
  ['email(bad)', undefined, 'not_an_email'],
  ['email(missing)', undefined],
  ['email(user)', undefined, 'not_text'],
  ['email("a@b")', undefined, 'not_an_email'],
  ['email("o\'neil+tag@sub.example.com")', "o'neil+tag@sub.example.com"],
  ['email("[REDACTED]")', undefined, 'not_an_email'],
  ['email("a b@example.com")', undefined, 'not_an_email'],
  ['email("a@b@example.com")', undefined, 'not_an_email'],
  ['email("a..b@example.com")', undefined, 'not_an_email'],
  ['emailname(email)', 'Bob Builder'],
  ['emailname("a@b.com")', undefined],
  ['emaildomain(email)', 'mail.example.co.uk'],
  ['domain(url)', 'example.co.uk'],
  ['domain("www.lytics.io/x")', 'lytics.io'],
  ['host(url)', 'www.shop.example.co.uk'],
  ['path(url)', '/a/b'],
  ['urlmain(url)', 'www.shop.example.co.uk:8443/a/b'],
  ['qs(url, "utm_source")', 'x y'],
  ['qs(url, "missing")', undefined],
  ['host("http://[")', undefined, 'not_a_url'],
  ['urldecode("a%20b+c")', 'a b c'],
  ['urldecode("%zz")', undefined, 'not_a_url'],
  ['todate(born)', date('1982-01-01T00:00:00Z')],
  ['todate("02/01/2006", "31/12/1999")', date('1999-12-31T00:00:00Z')],
  ['todate("Jan 2, 2006 3:04PM -07:00", "feb 3, 2020 4:05pm +01:00")', date('2020-02-03T15:05:00Z')],
  ['todate("02.01.06", "03.04.70")', date('1970-04-03T00:00:00Z')],
  ['todate("02/01/2006", "1999-12-31")', undefined, 'not_a_date'],
  ['todate("now-3m")', new Date(AT - 3 * 60_000)],
  ['todate("now-1M")', date('2026-04-28T12:30:00Z')],
  ['todate("now + 2y")', date('2028-05-28T12:30:00Z')],
  ['todate(name)', undefined, 'not_a_date'],
  ['todate("3/4/2020")', undefined, 'ambiguous_date'],
  ['todatein(at, "Europe/Paris")', date('2026-01-02T02:04:05Z')],
  ['todatein(at, zone)', date('2026-01-02T02:04:05Z')],
  ['todatein(at, name)', undefined, 'not_a_time_zone'],
  ['todatein("2026-01-02T03:04:05+09:00", zone)', date('2026-01-01T18:04:05Z')],
  ['now()', new Date(AT)],
  ['set(n, list)', [7, 'b', 'a', 'b']],
  ['set(missing)', undefined],
  ['count(n)', 1],
  ['count(empty)', undefined],
  ['valuect(yes)', { yes: 1 }],
  ['valuect(list)', { b: 1, a: 1 }],
  ['map(yes, n)', { yes: 7 }],
  ['map(missing, n)', undefined],
  ['map(yes, missing)', undefined],
  ['maptime(yes)', { yes: new Date(AT) }],
  ['maptime(yes, at)', { yes: date('2026-01-02T03:04:05Z') }],
  ['times(yes)', { yes: [new Date(AT)] }],
  ['times(yes, name)', undefined, 'not_a_date'],
  ['match("p_")', { a: 1, b: 2 }],
  ['match("q_")', undefined],
  ['mapkeys(match("p_"))', ['a', 'b']],
  ['mapvalues(match("p_"))', [1, 2]],
  ['mapkeys(user)', ['id', 'address']],
  ['mapkeys(n)', undefined, 'not_a_map'],
  ['oneof(missing, empty, email(bad), yes)', 'yes'],
  ['plain(yes)', 'yes'],
  ['plain("[REDACTED]")', undefined, 'redacted'],
  [`plain("${'a1'.repeat(32)}")`, undefined, 'hashed'],
  ['tolower("AbC")', 'abc'],
  ['toupper("AbC")', 'ABC'],
  ['strip(name)', 'Ann'],
  ['split("a,b,,c", ",")', ['a', 'b', 'c']],
  ['join(yes, n, list, "-")', 'yes-7-b-a-b'],
  ['join(missing, yes, "-")', 'yes'],
  ['replace("a-b-c", "-")', 'abc'],
  ['replace("a-b-c", "-", "$&")', 'a$&b$&c'],
  ['len(yes)', 3],
  ['len(list)', 4],
  ['len(missing)', undefined],
  ['hasprefix(yes, "ye")', true],
  ['hassuffix(yes, "ye")', false],
  ['contains(yes, "e")', true],
  ['contains(list, "a")', true],
  ['contains(list, "ab")', false],
  ['toint(text)', 12],
  ['toint("-3.7")', -3],
  ['toint(name)', undefined, 'not_a_number'],
  ['tonumber(text)', 12.9],
  ['tonumber("0x10")', undefined, 'not_a_number'],
  ['tobool(yes)', true],
  ['tobool("F")', false],
  ['tobool(name)', undefined, 'not_a_bool'],
  ['tostring(n)', '7'],
  ['tostring(huge)', undefined, 'number_too_large'],
  ['hash.md5("a")', '0cc175b9c0f1b6a831c399e269772661'],
  ['hash.sha1("a")', '86f7e437faa5a7fce15d1ddcb9eaeaea377667b8'],
  ['hash.sha256("a")', 'ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb'],
  ['len(hash.sha512("a"))', 128],
  ['encoding.b64encode("ab")', 'YWI='],
  ['encoding.b64decode("YWI=")', 'ab'],
  ['encoding.b64decode("*")', undefined, 'not_base64'],
  ['eq(n, "7")', true],
  ['ne(n, 8)', true],
  ['gt(n, 6)', true],
  ['ge(n, 7)', true],
  ['lt(n, "x")', false],
  ['le(missing, 7)', false],
  ['any(missing, yes)', true],
  ['all(missing, yes)', false],
  ['not(missing)', true],
  ['exists(zero)', true],
  ['exists(empty)', false],
  ['n == 7', true],
  ['n = "7"', true],
  ['n != 7', false],
  ['n <> 8', true],
  ['missing == "x"', false],
  ['missing != "x"', true],
  ['missing < 3', false],
  ['n > 6 and n <= 7', true],
  ['n > 6 AND NOT n == 7', false],
  ['not n == 8 or missing', true],
  ['not not n == 7', true],
  ['!(n == 8) && yes == "yes"', true],
  ['n == 8 or n == 7 and yes == "no"', false],
  ['(n == 8 or n == 7) and yes == "yes"', true],
  ['yes in ("no", "yes")', true],
  ['yes NOT IN ("no", "yes")', false],
  ['list in ("a")', true],
  ['list == "a"', true],
  ['todate(at) > todate("now-6M")', true],
  ['todate(at) == "2026-01-02T03:04:05Z"', true],
  ['yes == true', true],
]

test.each(VALUES)('%s', (expression, value, problem) => {
  expect(run(expression)).toEqual({ value, problem })
})

const ERRORS: readonly [expression: string, line: number, column: number, message: string][] = [
  ['', 1, 1, 'expected a name, a function or a value, found the end'],
  ['email(', 1, 7, 'expected a name, a function or a value, found the end'],
  ['email(a', 1, 8, 'expected a comma or ), found the end'],
  ['email(a b)', 1, 9, 'expected a comma or ), found b'],
  ['a b', 1, 3, 'expected the end, or an operator, found b'],
  ['a ==', 1, 5, 'expected a name, a function or a value, found the end'],
  ['a.', 1, 3, 'expected a name behind the dot, found the end'],
  ['(a', 1, 3, 'expected ), found the end'],
  ['a == 1\n  and and b', 2, 7, 'and is a word of the language: write `and`'],
  ['"open', 1, 1, 'the text that begins here has no closing quote'],
  ['a == `open', 1, 6, 'the name that begins here has no closing back-tick'],
  ['nosuch(a)', 1, 1, 'there is no function nosuch'],
  ['json.jmespath(a, "b")', 1, 1, 'json.jmespath is not supported: name the member by its path, a.b.c'],
  ['constructor(a)', 1, 1, 'there is no function constructor'],
  ['email()', 1, 1, 'email takes one argument: email(x)'],
  ['oneof(now(1))', 1, 7, 'now takes no argument: now()'],
  ['qs(a)', 1, 1, 'qs takes 2 arguments: qs(url, name)'],
  ['todate(a, b)', 1, 1, 'todate: the layout is the moment 2006-01-02 15:04:05'],
  ['todatein(a, "Nowhere/Land")', 1, 1, 'todatein: there is no time zone Nowhere/Land'],
  ['match(a)', 1, 1, 'match: a prefix is a text, and not empty'],
  ['- a', 1, 3, 'expected a number, found a'],
  ['a ; b', 1, 3, 'expected the end, or an operator, found ;'],
  ['a in b', 1, 6, 'expected (, found b'],
  [`${'('.repeat(60)}a`, 1, 51, 'more than 50 expressions in one another'],
]

test.each(ERRORS)('%j is refused where it breaks', (expression, line, column, message) => {
  expect(() => compileExpression(expression)).toThrow(
    expect.objectContaining({
      code: 'PROFILE_SCHEMA_INVALID',
      message: expect.stringContaining(`line ${line}, column ${column}: ${message}`),
      details: { line, column },
    }),
  )
})

test('the table above has every function', () => {
  const used = VALUES.map(([expression]) => expression.toLowerCase()).join('\n')
  expect(Object.keys(FUNCTIONS).filter((name) => !used.includes(`${name}(`))).toEqual([])
})

describe('whatever a record holds', () => {
  const calls = Object.entries(FUNCTIONS).flatMap(([name, { least, most }]) =>
    [...new Set([least, Math.min(most, 3)])].map((count) => ({ name, count })),
  )

  test('no function throws', () => {
    for (const { name, count } of calls) {
      const args = ['a', 'b', 'c'].slice(0, count)
      if (name === 'match') args.fill('"a"')
      if (name === 'todate' && count === 2) args[0] = '"2006-01-02"'
      const { evaluate } = compileExpression(`${name}(${args.join()})`)
      fc.assert(
        fc.property(fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.jsonValue()), (row) => {
          evaluate(new Scope(row, AT))
        }),
        { numRuns: 60 },
      )
    }
  })

  test('a text does not grow without bound', () => {
    const scope = new Scope({ a: 'a'.repeat(100_000), b: 'b'.repeat(100_000) }, AT)
    expect(compileExpression('replace(a, "a", b)').evaluate(scope)).toBeUndefined()
    expect(scope.problem).toBe('too_long')
  })
})

test('a text that is an expression or not never makes the parser fail otherwise', () => {
  const word = fc.constantFrom(
    'a',
    '.',
    '(',
    ')',
    ',',
    '"x"',
    '`y`',
    'and',
    'not',
    'in',
    '==',
    '-',
    '1',
    'email',
    '!',
  )
  fc.assert(
    fc.property(fc.array(word, { maxLength: 12 }), (words) => {
      try {
        compileExpression(words.join(' ')).evaluate(new Scope(ROW, AT))
      } catch (error) {
        expect(error).toMatchObject({ code: 'PROFILE_SCHEMA_INVALID' })
      }
    }),
    { numRuns: 2_000 },
  )
})
