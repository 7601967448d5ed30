import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { hashToken, newToken, parseKey, Secret, tokensEqual } from './secret.ts'

const secret = new Secret('geheim')

test.each<[string, () => unknown]>([
  ['text', () => `${secret}`],
  ['joined text', () => 'x'.concat(String(secret))],
  ['JSON', () => JSON.stringify({ secret })],
  ['inspection', () => inspect({ deep: [secret] }, { depth: 9, showHidden: true })],
  ['an error', () => inspect(new Error('e', { cause: secret }))],
  ['a copy', () => JSON.stringify({ ...secret })],
  ['a structured clone', () => inspect(structuredClone({ ...secret }))],
])('a secret does not show in %s', (_, show) => {
  expect(String(show())).not.toContain('geheim')
})

test('a secret gives out its value when asked', () => {
  expect(secret.reveal()).toBe('geheim')
})

test('a token is kept as the SHA-256 of its text', () => {
  // FIPS 180-2, appendix B.1.
  expect(Buffer.from(hashToken('abc')).toString('hex')).toBe(
    'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  )
})

test.each([
  ['the same text', 'thw_a', 'thw_a', true],
  ['a text and its hash', 'thw_a', hashToken('thw_a'), true],
  ['hash and hash', hashToken('a'), hashToken('a'), true],
  ['another text', 'thw_a', 'thw_b', false],
  ['another length', 'thw_a', 'thw_aa', false],
  ['nothing and something', '', 'thw_a', false],
  ['bytes of another length', new Uint8Array(3), hashToken('a'), false],
])('comparing %s', (_, a, b, equal) => {
  expect(tokensEqual(a, b)).toBe(equal)
  expect(tokensEqual(b, a)).toBe(equal)
})

test('tokens are long, different, and safe in URLs and headers', () => {
  const tokens = new Set(Array.from({ length: 100 }, () => newToken('thw')))
  expect(tokens.size).toBe(100)
  for (const token of tokens) expect(token).toMatch(/^thw_[A-Za-z0-9_-]{43}$/)
})

const bytes = new Uint8Array(32).map((_, i) => 255 - i)
const base64 = Buffer.from(bytes).toString('base64')

test.each([
  ['hexadecimal', Buffer.from(bytes).toString('hex')],
  ['upper case', Buffer.from(bytes).toString('hex').toUpperCase()],
  ['base64', base64],
  ['base64 without padding', base64.replace('=', '')],
  ['base64url', Buffer.from(bytes).toString('base64url')],
  ['a line of a file', `${base64}\n`],
])('a key in %s', (_, text) => {
  expect(parseKey(text)).toEqual(bytes)
})

test.each([
  '',
  'passphrase',
  'a'.repeat(63),
  'a'.repeat(65),
  Buffer.alloc(31).toString('base64'),
  Buffer.alloc(33).toString('base64'),
])('no key: %j', (text) => {
  expect(parseKey(text)).toBeUndefined()
})
