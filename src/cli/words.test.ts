import { describe, expect, test } from 'vitest'
import { path } from '../core/api-path.ts'
import { nodeFinding } from './checkup/machine.ts'
import { bytes, clean, cleanLines, moment, momentFrom, settingsFrom, span } from './words.ts'

describe('text from outside', () => {
  test.each([
    ['plain', 'plain'],
    ['\u001b[2J', '\\u001b[2J'],
    ['a\r\nb', 'a\\u000d\\u000ab'],
    ['\u202eevil', '\\u202eevil'],
    ['\u009b31m', '\\u009b31m'],
    ['ä – 漢', 'ä – 漢'],
  ])('%j is shown as %j', (text, shown) => {
    expect(clean(text)).toBe(shown)
  })

  test('is cut, and keeps its lines where lines are meant', () => {
    expect(clean('abcdef', 4)).toBe('abc…')
    expect(cleanLines('a\nb\u001b')).toBe('a\nb\\u001b')
  })
})

describe('times', () => {
  const NOW = 1_800_000_000_000
  test.each([
    ['now', NOW],
    ['1750000000000', 1_750_000_000_000],
    ['90m', NOW - 5_400_000],
    ['3d', NOW - 259_200_000],
    ['2026-11-23T10:00:00Z', Date.UTC(2026, 10, 23, 10)],
    ['2026-11-23', Date.UTC(2026, 10, 23)],
  ])('%s', (text, ms) => {
    expect(momentFrom(text, NOW)).toBe(ms)
  })

  test.each(['', 'soon', '5', '5x', '2026-13-45', '-3d'])('%j is refused', (text) => {
    expect(() => momentFrom(text, NOW)).toThrow('is not a time')
  })

  test('are written in words', () => {
    expect(moment(Date.UTC(2026, 10, 23, 10, 0, 5, 99))).toBe('2026-11-23 10:00:05Z')
    expect(moment(null)).toBe('–')
    expect([5, 2_500, 180_000, 5_400_000, 100_000_000].map(span)).toEqual([
      '5 ms',
      '2.5 s',
      '3 min',
      '1.5 h',
      '1.2 d',
    ])
    expect([0, 999, 1_500, 2_000_000_000].map(bytes)).toEqual(['0 B', '999 B', '1.5 KB', '2 GB'])
  })
})

test('settings are JSON where they look like it, else text', () => {
  expect(settingsFrom(['a=1', 'b=true', 'c=text', 'd=["x"]', 'e=a=b', 'f=3 apples', 'g='])).toEqual({
    a: 1,
    b: true,
    c: 'text',
    d: ['x'],
    e: 'a=b',
    f: '3 apples',
    g: '',
  })
})

test('values cannot leave their place in a path', () => {
  expect(path`/currents/${'../tokens?x=#'}/launch`).toBe('/currents/..%2Ftokens%3Fx%3D%23/launch')
})

test('an old Node.js is told', () => {
  expect(nodeFinding('20.19.0').verdict).toBe('bad')
  expect(nodeFinding('24.0.0').verdict).toBe('good')
})
