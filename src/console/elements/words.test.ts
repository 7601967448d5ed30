import { expect, test } from 'vitest'
import { counted, share } from './words.ts'

test.each([
  [0, 0, '–'],
  [0, 7, '0 %'],
  [7, 7, '100 %'],
  [1, 8, '12.5 %'],
  [5, 100_000, '< 0.1 %'],
  [99_999, 100_000, '> 99.9 %'],
])('the share of %i of %i is %s', (part, whole, words) => {
  expect(share(part, whole)).toBe(words)
})

test.each([
  [0, '0 rules'],
  [1, '1 rule'],
  [2_000, '2,000 rules'],
])('%i rules are counted in words', (n, words) => {
  expect(counted(n, 'rule')).toBe(words)
})
