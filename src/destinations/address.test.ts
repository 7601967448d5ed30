import { describe, expect, it } from 'vitest'
import { Address, addressProblem, BaseAddress, under } from './address.ts'

describe('addresses', () => {
  it.each([
    'https://in.treasuredata.com/postback/v3/event/db/table',
    'http://127.0.0.1:7081/a?b=c',
    'http://[::1]:7081',
    'https://example.com:8443/%C3%A9',
  ])('takes %s', (text) => {
    expect(addressProblem(text)).toBeUndefined()
    expect(Address.parse(text)).toBe(text)
  })

  it.each([
    ['', /absolute address/],
    ['example.com/x', /absolute address/],
    ['//example.com', /absolute address/],
    ['ftp://example.com', /https:/],
    ['javascript:alert(1)', /https:/],
    ['file:///etc/passwd', /https:/],
    ['https://user:secret@example.com', /authorization/],
    ['https://user@example.com', /authorization/],
    ['https://example.com/#x', /fragment/],
    ['https://example.com/#', /fragment/],
    ['https://example.com/a b', /spaces/],
    ['https://exam\nple.com/', /spaces/],
    ['https://bücher.example/', /ASCII/],
    [`https://example.com/${'x'.repeat(2048)}`, /longer/],
  ])('refuses %j', (text, problem) => {
    expect(addressProblem(text)).toMatch(problem)
    expect(Address.safeParse(text).success).toBe(false)
    expect(BaseAddress.safeParse(text).success).toBe(false)
  })

  it('takes no query in a base address', () => {
    expect(BaseAddress.safeParse('https://example.com/v1?a=b').success).toBe(false)
    expect(BaseAddress.parse('https://example.com/v1/')).toBe('https://example.com/v1/')
  })

  it.each([
    ['https://example.com', '/batch', 'https://example.com/batch'],
    ['https://example.com/', '/batch', 'https://example.com/batch'],
    ['https://example.com/v1//', '/batch', 'https://example.com/v1/batch'],
  ])('puts paths under %s', (base, path, url) => {
    expect(under(base, path)).toBe(url)
  })
})
