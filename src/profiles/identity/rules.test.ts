import { describe, expect, it } from 'vitest'
import type { IdentifierRule } from '../schema.ts'
import { identifiersOf, START_MS, schemaOf } from './identity.fixture.ts'
import { compileRules, type Identified, identify, normalizeIdentifier } from './rules.ts'

type RuleInput = Partial<IdentifierRule>

function identified(
  carried: readonly [string, string][],
  identifiers: Record<string, RuleInput>,
): Identified {
  const schema = schemaOf(
    Object.fromEntries(
      Object.entries(identifiers).map(([name, rule], i) => [name, { rank: i + 1, ...rule }]),
    ),
  )
  const record = {
    stream: 'web',
    at: START_MS,
    offset: 0,
    joins: true,
    identifiers: carried.map(([field, value]) => ({ field, value })),
    values: new Map(),
  }
  return identify(record, compileRules(schema))
}

/** The value that identifies, or why none does. */
function judged(value: string, rule: RuleInput): string | undefined {
  const { ids, dropped } = identified([['id', value]], { id: rule })
  return ids[0]?.value ?? dropped[0]?.reason
}

const hex = (length: number): string => '0123456789abcdef'.repeat(8).slice(0, length)

describe('a value', () => {
  const cases: [string, RuleInput, string | undefined][] = [
    [' ann ', {}, 'ann'],
    ['Ann', {}, 'Ann'],
    ['Ann', { normalize: 'lowercase' }, 'ann'],
    ['e\u0301', {}, '\u00e9'],
    ['', {}, undefined],
    [' \u00a0 ', {}, undefined],
    ['y'.repeat(256), {}, 'y'.repeat(256)],
    ['y'.repeat(257), {}, 'too_long'],
    ['ä'.repeat(128), {}, 'ä'.repeat(128)],
    ['ä'.repeat(129), {}, 'too_long'],
    ['a\0b', {}, 'no_text'],
    ['a\nb', {}, 'no_text'],
    ['a\ud800', {}, 'no_text'],

    ['Ann@X.IO', { normalize: 'email' }, 'ann@x.io'],
    ['ann+shop@x.io', { normalize: 'email' }, 'ann+shop@x.io'],
    ['jörg@müller.de', { normalize: 'email' }, 'jörg@müller.de'],
    ["o'hara@x.co.uk", { normalize: 'email' }, "o'hara@x.co.uk"],
    ['ann@example.com', { normalize: 'email' }, 'ann@example.com'],
    ['ann', { normalize: 'email' }, 'no_email'],
    ['ann@x', { normalize: 'email' }, 'no_email'],
    ['ann@@x.io', { normalize: 'email' }, 'no_email'],
    ['ann@x.io,bob@x.io', { normalize: 'email' }, 'no_email'],
    ['Ann <ann@x.io>', { normalize: 'email' }, 'no_email'],
    ['@x.io', { normalize: 'email' }, 'no_email'],
    ['ann@x..io', { normalize: 'email' }, 'no_email'],
    [hex(64), { normalize: 'email' }, 'hashed'],
    [hex(40).toUpperCase(), { normalize: 'email' }, 'hashed'],
    [hex(32), { normalize: 'email' }, 'hashed'],
    [`${'Ab0+'.repeat(10)}Ab0=`, { normalize: 'email' }, 'hashed'],
    [hex(64), {}, hex(64)],

    ['+49 (151) 1234-5678', { normalize: 'phone' }, '+4915112345678'],
    ['0049 151 12345678', { normalize: 'phone' }, '+4915112345678'],
    ['12223334444', { normalize: 'phone' }, '+12223334444'],
    ['tel:+1-222-333-4444', { normalize: 'phone' }, '+12223334444'],
    ['0151 12345678', { normalize: 'phone' }, 'no_phone'],
    ['1234567', { normalize: 'phone' }, 'no_phone'],
    ['1234567890123456', { normalize: 'phone' }, 'no_phone'],
    ['+49 151 CALL-ME', { normalize: 'phone' }, 'no_phone'],
    [hex(64), { normalize: 'phone' }, 'hashed'],
    ['+1 000 000 0000', { normalize: 'phone' }, 'blocked'],
    ['5555555555', { normalize: 'phone' }, 'blocked'],
    ['1234567890', { normalize: 'phone' }, 'blocked'],

    ['A-12', { pattern: '[A-Z]-\\d+' }, 'A-12'],
    ['A-12b', { pattern: '[A-Z]-\\d+' }, 'pattern'],
    ['xA-12', { pattern: '[A-Z]-\\d+|y' }, 'pattern'],

    ['Kiosk', { blocked: ['kiosk'] }, 'blocked'],
    ['SHOP@x.io', { normalize: 'email', blocked: [' Shop@X.io '] }, 'blocked'],
    ['+1 222 333 4444', { normalize: 'phone', blocked: ['12223334444'] }, 'blocked'],
  ]
  it.each(cases)('%j of %j', (value, rule, expected) => expect(judged(value, rule)).toBe(expected))

  it.each([
    ...['null', 'NULL', '(null)', 'nil', 'None', 'undefined', 'NaN', 'n/a', '#N/A', 'na', '-1', 'unknown'],
    ...['Anonymous', 'invalid', 'not set', 'test', 'guest', '[REDACTED]', '[object Object]', 'xxx', '???'],
    ...['0', '0000', '---', '-', '0.0.0.0', '00:00:00:00:00:00', '00000000-0000-0000-0000-000000000000'],
    ...['ffffffff-ffff-ffff-ffff-ffffffffffff', '9774d56d682e549c'],
  ])('%s identifies nobody', (value) => expect(judged(value, {})).toBe('blocked'))

  it.each([
    ...[
      '[REDACTED]',
      'null',
      'test@test.com',
      'Test@Example.com',
      'noreply@x.io',
      'asdf@asdf.com',
      'A@A.com',
    ],
  ])('%s is nobody’s address', (value) => expect(judged(value, { normalize: 'email' })).toBe('blocked'))

  it.each(['10', '-12', '007', 'f00f', 'xxl-5', 'testa', 'e0-0d'])('%s may identify', (value) =>
    expect(judged(value, {})).toBe(value),
  )
})

describe('a record', () => {
  const fields = { user: {}, email: { normalize: 'email' }, cookie: { perProfileMax: 5 } } as const
  const cases: [string, string, string[], string[]][] = [
    ['strongest first', 'cookie:c email:a@x.io user:u', ['user:u', 'email:a@x.io', 'cookie:c'], []],
    ['ties by value', 'cookie:d cookie:c', ['cookie:c', 'cookie:d'], []],
    ['each once', 'email:A@x.io email:a@X.io', ['email:a@x.io'], []],
    ['unknown fields are none', 'tax:1 user:u', ['user:u'], []],
    [
      'two of a unique field',
      'email:a@x.io email:b@x.io cookie:c',
      ['cookie:c'],
      ['email:a@x.io several_values', 'email:b@x.io several_values'],
    ],
    ['one of two is blocked', 'email:a@x.io email:null', ['email:a@x.io'], ['email:null blocked']],
    ['nothing is left', 'user:0 email:x', [], ['user:0 blocked', 'email:x no_email']],
  ]
  it.each(cases)('%s', (_what, carried, ids, dropped) => {
    const result = identified(
      identifiersOf(carried).map(({ field, value }) => [field, value]),
      fields,
    )
    expect(result.ids.map(({ field, value }) => `${field}:${value}`)).toEqual(ids)
    expect(result.dropped.map(({ field, value, reason }) => `${field}:${value} ${reason}`)).toEqual(dropped)
  })
})

it('finds by any way of writing', () => {
  const rules = compileRules(schemaOf())
  expect(normalizeIdentifier('email', ' Ann@X.io', rules)).toBe('ann@x.io')
  expect(normalizeIdentifier('email', 'ann', rules)).toBeUndefined()
  expect(normalizeIdentifier('city', 'Ulm', rules)).toBeUndefined()
})

it('refuses a pattern that is none', () => {
  expect(() => compileRules(schemaOf({ user: { rank: 1, pattern: '(' } }))).toThrow(SyntaxError)
})

it.each(['constructor', '__proto__', 'toString'])('refuses a field that is called %s', (name) => {
  expect(() => schemaOf(undefined, { fields: [{ name }] })).toThrow('This name is taken')
})
