import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Decision,
  decisionOf,
  type Identifier,
  membershipRecord,
  writtenDecisions,
} from './membership.ts'

const ABOUT = { activation: 'vip', run: '7', timeMs: 1_700_000_000_000 }
const textOf = (decisions: readonly Decision[]): string =>
  decisions
    .map((decision, n) => JSON.stringify(membershipRecord(`activation-1.7-${n}`, decision, ABOUT)))
    .join(',')

const identifier = (value: fc.Arbitrary<string>): fc.Arbitrary<Identifier> =>
  fc.oneof(
    value.map((text): Identifier => ({ kind: 'external_id', label: '', value: text })),
    value.map((text): Identifier => ({ kind: 'device_id', label: '', value: text })),
    fc.tuple(value, value).map(([label, text]): Identifier => ({ kind: 'alias', label, value: text })),
  )
const decisions = (value: fc.Arbitrary<string>) =>
  fc.array(fc.record({ who: identifier(value), enters: fc.boolean() }), { minLength: 1, maxLength: 5 })

describe('written decisions', () => {
  it('are those of a parse, or left to it', () => {
    const odd = fc.string({
      unit: fc.constantFrom('a', '"', '\\', ',', '{', '}', ':', '🌷', '\n', '\u2028'),
      minLength: 1,
    })
    fc.assert(
      fc.property(decisions(odd), (given) => {
        const found = writtenDecisions(textOf(given), given.length)
        if (found !== undefined) expect(found).toEqual(given)
      }),
      { seed: 5 },
    )
  })

  it('need no parse for usual identifiers', () => {
    const usual = fc.string({
      unit: fc.constantFrom('a', 'Z', '0', '-', '@', '.', 'ä', '🌷', ' '),
      minLength: 1,
    })
    fc.assert(
      fc.property(decisions(usual), (given) => {
        expect(writtenDecisions(textOf(given), given.length)).toEqual(given)
      }),
      { seed: 6 },
    )
  })

  const one = textOf([{ who: { kind: 'external_id', label: '', value: 'u1' }, enters: true }])
  it.each([
    ['another type', one.replace('membership.entered', 'audience.named')],
    ['a member more', one.replace('"properties":{', '"more":1,"properties":{')],
    ['a member twice', `${one.slice(0, -1)},"user":{"external_user_id":"u2"}}`],
    ['nobody', one.replace('"u1"', '""')],
    ['white space', one.replace('"time":', '"time": ')],
    ['fewer records than said', ''],
  ])('leave %s to a parse', (_what, text) => {
    expect(writtenDecisions(text, 1)).toBeUndefined()
    expect(writtenDecisions(`${one},${text}`, 2)).toBeUndefined()
  })

  it('are read on where another run, direction or kind begins', () => {
    const given: Decision[] = [
      { who: { kind: 'external_id', label: '', value: 'u1' }, enters: true },
      { who: { kind: 'external_id', label: '', value: 'u2' }, enters: true },
      { who: { kind: 'alias', label: 'u2', value: 'u2' }, enters: false },
      { who: { kind: 'alias', label: 'u3', value: 'u2' }, enters: false },
    ]
    const later = textOf(given).replaceAll('"run":"7"', '"run":"8"')
    expect(writtenDecisions(`${textOf(given)},${later}`, 8)).toEqual([...given, ...given])
  })

  it('agree with decisionOf about what leaves', () => {
    const text = textOf([{ who: { kind: 'alias', label: 'email', value: 'a@x.io' }, enters: false }])
    expect(writtenDecisions(text, 1)).toEqual([decisionOf(JSON.parse(text) as Record<string, unknown>)])
  })
})
