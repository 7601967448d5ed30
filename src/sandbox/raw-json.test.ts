import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rawElements, rawMembers, rawText } from './raw-json.ts'

const SPACINGS = [undefined, 1, '\t', '  \n']

describe('raw JSON', () => {
  it('finds the members that JSON.parse finds, whatever the spacing', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.constantFrom(...SPACINGS),
        (value, space) => {
          const bytes = Buffer.from(` ${JSON.stringify(value, null, space)}\n`)
          const members = [...rawMembers(bytes)].map(
            ([name, span]) => [name, JSON.parse(rawText(bytes, span))] as const,
          )
          expect(new Map(members)).toEqual(new Map(Object.entries(JSON.parse(bytes.toString()))))
        },
      ),
    )
  })

  it('finds the elements that JSON.parse finds, whatever the spacing', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), fc.constantFrom(...SPACINGS), (value, space) => {
        const bytes = Buffer.from(JSON.stringify(value, null, space))
        const elements = rawElements(bytes).map((span) => JSON.parse(rawText(bytes, span)))
        expect(elements).toEqual(JSON.parse(bytes.toString()))
      }),
    )
  })

  it.each([
    ['numbers as written', '{"a":[1.10, 12345678901234567890 ]}', '[1.10, 12345678901234567890 ]'],
    ['escapes as written', '{"a":"\\u0041\\"}"}', '"\\u0041\\"}"'],
    ['the last of two', '{"a":1,"a":{"b":2}}', '{"b":2}'],
    ['an escaped key', '{"\\u0061":null}', 'null'],
  ])('keeps %s', (_what, text, expected) => {
    const bytes = Buffer.from(text)
    const span = rawMembers(bytes).get('a')
    expect(span && rawText(bytes, span)).toBe(expected)
  })

  it('has no members in an array and no elements in an object', () => {
    expect(rawMembers(Buffer.from('[{"a":1}]')).size).toBe(0)
    expect(rawElements(Buffer.from('{"a":[1]}'))).toEqual([])
  })
})
