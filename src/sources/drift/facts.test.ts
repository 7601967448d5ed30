import { describe, expect, test } from 'vitest'
import { INDEXED_CHARS_MAX } from '../../store/schema.ts'
import { factsOf, pathOf, REDACTED, SAMPLE_CHARS_MAX } from './facts.ts'

function linesOf(event: string): string[] {
  return factsOf(Buffer.from(event)).map((fact) =>
    [fact.path, fact.kind, `in ${fact.parent || 'event'}`, fact.sample()].join(' | '),
  )
}

describe('the facts of an event', () => {
  test('come an object before what is in it', () => {
    const event = '{"id":"a","properties":{"n":1.50,"o":{"deep":{"x":[1]},"flag":true}},"none":null}'
    expect(linesOf(event)).toEqual([
      'none | null | in event | null',
      'properties | object | in event | ',
      'properties.o | object | in properties | ',
      'properties.o.flag | boolean | in properties.o | true',
      'properties.o.deep | object | in properties.o | ',
      'properties.n | decimal | in properties | 1.50',
      'id | string | in event | "a"',
    ])
  })

  test.each([
    ['a personal field', '{"properties":{"email_address":"a@b.c"}}', REDACTED],
    ['a personal field elsewhere', '{"properties":{"more":{"phone_number":"+1"}}}', REDACTED],
    ['what is in a personal field', '{"properties":{"email_address":{"address":"a@b.c"}}}', REDACTED],
    ['an array of texts', '{"list":["a","b"]}', '["a","b"]'],
    ['an array that holds objects', '{"list":["a",{"email_address":"a@b.c"}]}', ''],
    ['text as it is written', '{"text":"caf\\u00e9 \\"x\\" é"}', '"caf\\u00e9 \\"x\\" é"'],
    ['a number as it is written', '{"n":12345678901234567890}', '12345678901234567890'],
  ])('sample of %s', (_what, event, sample) => {
    expect(factsOf(Buffer.from(event)).at(-1)?.sample()).toBe(sample)
  })

  test.each([['a'], ['é'], ['\u{1f600}'], ['日']])('a long text of %s is cut', (letter) => {
    const [fact] = factsOf(Buffer.from(JSON.stringify({ text: letter.repeat(100_000) })))
    const sample = fact?.sample() ?? ''
    expect(sample.length).toBeLessThanOrEqual(SAMPLE_CHARS_MAX)
    expect(sample.length).toBeGreaterThan(SAMPLE_CHARS_MAX - 3)
    expect(sample.endsWith('…')).toBe(true)
    expect(sample.isWellFormed()).toBe(true)
  })

  test.each([
    [['properties', 'loyalty_tier'], 'properties.loyalty_tier'],
    [['properties', 'a.b'], 'properties."a.b"'],
    [['', 'a b'], '""."a b"'],
    [['say "x"'], '"say \\"x\\""'],
    [['line\n\u0000', 'é', '$set'], '"line\\n\\u0000".é.$set'],
  ])('the path of %j is %s', (keys, path) => expect(pathOf(keys)).toBe(path))

  test('a huge key is cut', () => {
    expect(pathOf(['k'.repeat(1_000_000)])).toHaveLength(INDEXED_CHARS_MAX)
  })
})
