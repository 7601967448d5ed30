import { describe, expect, it } from 'vitest'
import { exactEventValue, isObject } from './exact.ts'
import { batchOf } from './rehearsal.fixture.ts'

describe('exact values', () => {
  it.each([
    '{"n":12345678901234567890}',
    '{"n":-12345678901234567890.5}',
    '{"n":1e400}',
    '{"n":1E-400}',
    '{"deep":{"n":[0.12345678901234567]}}',
    '{"text":"1234567890123456789","n":3.14}',
    '{"n":9007199254740993}',
    '{"n":-0}',
    '{"n":[-0.0]}',
    '{"n":1234567.8901234567}',
  ])('keeps the number of %s', (text) => {
    expect(JSON.stringify(exactEventValue(batchOf([text]), 0))).toBe(text)
  })

  it('leaves ordinary numbers numbers', () => {
    expect(exactEventValue(batchOf(['{"a":1.50,"b":12345678901234567890}']), 0).a).toBe(1.5)
  })
})

describe('objects', () => {
  it.each<[unknown, boolean]>([
    [{}, true],
    [Object.create(null), true],
    [[], false],
    [null, false],
    ['x', false],
    [exactEventValue(batchOf(['{"n":1e400}']), 0).n, false],
  ])('%j: %s', (value, verdict) => {
    expect(isObject(value)).toBe(verdict)
  })
})
