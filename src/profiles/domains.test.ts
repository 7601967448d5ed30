import fc from 'fast-check'
import { expect, test } from 'vitest'
import { domainOf, hostOf, urlFrom } from './domains.ts'

test.each([
  ['https://www.shop.example.co.uk:8080/a?b#c', 'www.shop.example.co.uk', 'example.co.uk'],
  ['www.example.com/x', 'www.example.com', 'example.com'],
  ['Ada@Mail.Example.com', 'mail.example.com', 'example.com'],
  ['//cdn.example.org', 'cdn.example.org', 'example.org'],
  ['ftp://files.example.org/x', 'files.example.org', 'example.org'],
  ['localhost', 'localhost', 'localhost'],
])('%s', (text, host, domain) => {
  expect(hostOf(text)).toBe(host)
  expect(domainOf(host)).toBe(domain)
})

test.each(['two words', '', 'http://', 'a@b@c d'])('%j has no host', (text) => {
  expect(hostOf(text)).toBeUndefined()
})

test('the short way gives what a URL gives', () => {
  const Piece = fc.constantFrom(
    'http://',
    'https://',
    'a',
    'b1',
    '1',
    '.',
    '.',
    '-',
    '@',
    ':',
    '80',
    '/',
    '?',
    'xn--',
    'É',
    ' ',
  )
  fc.assert(
    fc.property(fc.array(Piece, { minLength: 1, maxLength: 8 }), (pieces) => {
      const text = pieces.join('')
      expect(hostOf(text)).toBe(urlFrom(text)?.hostname)
    }),
    { seed: 5, numRuns: 20_000 },
  )
})
