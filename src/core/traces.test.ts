import { describe, expect, test } from 'vitest'
import { type SubjectIdentifier, subjectKey, subjectsIn, Traces } from './traces.ts'

const JANE: readonly SubjectIdentifier[] = [
  { kind: 'external_id', label: '', value: 'cust-4711' },
  { kind: 'email', label: '', value: 'Jane+x@Example.com' },
  { kind: 'phone', label: '', value: '+49 151 2345678' },
  { kind: 'alias', label: 'crm', value: 'zoë-77' },
  { kind: 'external_id', label: '', value: '12345' },
]

test.each([
  ['the id of the user', '{"user":{"external_user_id":"cust-4711"}}', 'theirs'],
  ['an address in other letters', '{"properties":{"to":"JANE+X@example.COM"}}', 'theirs'],
  ['an address with an escape', '{"email":"jane\\u002Bx@example.com"}', 'theirs'],
  ['a value in JSON in a text', '{"context":"{\\"id\\":\\"cust-4711\\"}"}', 'theirs'],
  ['a value in an array', '{"ids":["a","cust-4711"]}', 'theirs'],
  ['a telephone number by its digits', '{"phone":"491512345678"}', 'theirs'],
  ['a character outside of ASCII', '{"alias_name":"zo\\u00eb-77"}', 'theirs'],
  ['the same, as UTF-8', '{"alias_name":"zoë-77"}', 'theirs'],
  ['a short number that names somebody', '{"userId":12345}', 'theirs'],
  ['the same as text', '{"external_id":"12345"}', 'theirs'],
  ['a postcode that happens to be equal', '{"zip":"12345","n":12345}', 'none'],
  ['an address in an address', '{"url":"https://x.example/?to=jane%2Bx%40example.com&n=1"}', 'mention'],
  ['a word of a sentence', '{"note":"ask cust-4711."}', 'mention'],
  ['behind a line break', '{"note":"ask\\ncust-4711"}', 'mention'],
  ['a name of a member', '{"cust-4711":1}', 'mention'],
  ['a longer id', '{"external_user_id":"cust-47110","b":"xcust-4711","c":"cust-4711-b"}', 'none'],
  ['a longer address', '{"email":"mary.jane+x@example.com","b":"jane+x@example.com.au"}', 'none'],
  ['other case in an id', '{"external_user_id":"CUST-4711"}', 'none'],
  ['what is no JSON', '{"external_user_id":"cust-4711', 'theirs'],
])('%s', (_, text, bearing) => {
  const traces = new Traces(JANE)
  expect(traces.bearingOf(text)).toBe(bearing)
  expect(traces.bearingOf(Buffer.from(text))).toBe(bearing)
})

describe('blotting out', () => {
  test('keeps JSON what it is, length and all, and others as they are', () => {
    const traces = new Traces(JANE)
    const text = JSON.stringify({
      a: 'ü zoë-77, cust-4711; cust-47110',
      b: 'x?to=jane%2bx%40example.com',
      n: 12345,
    })
    const masked = traces.masked(text)
    expect(Buffer.byteLength(masked)).toBe(Buffer.byteLength(text))
    expect(JSON.parse(masked)).toEqual({
      a: 'ü *******, *********; cust-47110',
      b: `x?to=${'*'.repeat(22)}`,
      n: 12345,
    })
    expect(traces.bearingOf(masked)).toBe('none')
  })

  test('a pattern for engines without look-around finds all that is found here', () => {
    const coarse = new RegExp(new Traces(JANE).coarse.replace('(?i)', ''), 'i')
    for (const text of [
      'zoë-77',
      'cust-4711',
      'JANE%2Bx%40example.com',
      'jane\\u002bx@example.com',
      '491512345678',
    ])
      expect(coarse.test(text), text).toBe(true)
  })
})

test('who a record is about is read from its members', () => {
  const record = {
    user: { external_user_id: 'e1', user_id: 'b1', device_id: 'd1' },
    properties: { email_address: 'A@b.example' },
    user_alias: { alias_name: 'n', alias_label: 'l' },
    nothing: 'e2',
  }
  expect(subjectsIn(record).map(subjectKey)).toEqual([
    '["external_id","","e1"]',
    '["braze_id","","b1"]',
    '["device_id","","d1"]',
    '["email","","a@b.example"]',
    '["alias","l","n"]',
  ])
})
