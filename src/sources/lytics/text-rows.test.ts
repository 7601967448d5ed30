import { expect, test } from 'vitest'
import { createKernel } from '../../core/kernel/create.ts'
import { seededRandom } from '../../core/random.ts'
import { Utf8Text } from './encoding.ts'
import { ROW_BYTES_MAX, type Row } from './rows.ts'
import { TextRows } from './text-rows.ts'

const CSV = { delimiter: ',', headers: undefined, append: {} }
const kernel = createKernel({ bodyBytesMax: 8 * ROW_BYTES_MAX, itemsMax: 1_000, key: new Uint8Array(16) })

function read(bytes: Buffer, size: number, format?: 'csv' | 'json-lines'): string[] {
  const reader = new TextRows({ kernel, format, csv: CSV })
  const rows: Row[] = []
  for (let at = 0; at < bytes.length; at += size) rows.push(...reader.push(bytes.subarray(at, at + size)))
  rows.push(...reader.end())
  return rows.map((row) => ('fields' in row ? String(row.fields) : `!${row.line} ${row.fault}`))
}

/** Longer than what telling an encoding needs, with the odd letters behind it. */
const PLAIN = Array.from({ length: 600 }, (_, i) => `a${i},b${i}`)
const TEXT = ['name,city', ...PLAIN, 'Zoë,Köln', '“quoted”,Łódź', '', 'end,x'].join('\n')
const SIMPLE = TEXT.replace('“quoted”,Łódź', 'é,ñ')

function utf16be(text: string): Buffer {
  return Buffer.from(text, 'utf16le').swap16()
}

function rowsOf(text: string): string[] {
  return text
    .split('\n')
    .slice(1)
    .filter((line) => line !== '')
    .map((line) => line.split(','))
    .map(([name, city]) => JSON.stringify({ name, city }))
}

test.each<[what: string, bytes: Buffer, text: string]>([
  ['UTF-8', Buffer.from(TEXT), TEXT],
  ['UTF-8 with a mark', Buffer.from(`\ufeff${TEXT}`), TEXT],
  ['UTF-16 with a mark', Buffer.from(`\ufeff${TEXT}`, 'utf16le'), TEXT],
  ['UTF-16 without', Buffer.from(TEXT, 'utf16le'), TEXT],
  ['UTF-16, the other way round, with a mark', utf16be(`\ufeff${TEXT}`), TEXT],
  ['UTF-16, the other way round, without', utf16be(TEXT), TEXT],
  ['Latin-1', Buffer.from(SIMPLE, 'latin1'), SIMPLE],
  ['Windows-1252', Buffer.from(SIMPLE.replace('é', '\x93'), 'latin1'), SIMPLE.replace('é', '“')],
  ['plain letters', Buffer.from(PLAIN.join('\n')), PLAIN.join('\n')],
])('rows in %s', (_what, bytes, text) => {
  for (const size of [7, 4_097, 1_000_000]) {
    const rows = read(bytes, size)
    expect(rows.length).toBeGreaterThan(500)
    const [header = ''] = text.split('\n')
    const [a = '', b = ''] = header.split(',')
    expect(rows).toEqual(
      rowsOf(text).map((row) => row.replace('"name"', `"${a}"`).replace('"city"', `"${b}"`)),
    )
  }
})

test('a file that is UTF-8 has broken rows where it is not', () => {
  const bytes = Buffer.concat([
    Buffer.from('a,b\nZoë,1\n'),
    Buffer.from('Zo\xeb,2\n', 'latin1'),
    Buffer.from('x,3\n'),
  ])
  for (const size of [1, 3, 1_000])
    expect(read(bytes, size)).toEqual(['{"a":"Zoë","b":"1"}', '!3 row_broken', '{"a":"x","b":"3"}'])
})

test('UTF-16 that breaks is refused', () => {
  const bytes = Buffer.concat([
    Buffer.from('\ufeffa,b\n1,2\n', 'utf16le'),
    Buffer.from([0x00, 0xd8, 0x0a, 0x00]),
  ])
  expect(() => read(bytes, 1_000)).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }))
})

test('how a file is cut does not change how it is read', () => {
  const seed = Number(process.env.THALWEG_TEST_SEED ?? Date.now() % 1_000_000)
  console.info(`encodings: THALWEG_TEST_SEED=${seed}`)
  const random = seededRandom(seed)
  const letters = ['a', '\n', ',', 'é', 'Ł', '“', '€', '😀']
  const decoded = (bytes: Buffer, size: number): string => {
    const text = new Utf8Text()
    const parts = [text.push(bytes.subarray(0, 4_096))]
    for (let at = 4_096; at < bytes.length; at += size) parts.push(text.push(bytes.subarray(at, at + size)))
    return Buffer.concat([...parts, text.end()]).toString()
  }
  for (let round = 0; round < 100; round++) {
    const tail = Array.from({ length: 60 }, () => letters[Math.floor(random() * letters.length)]).join('')
    const text = `${'x,y\n'.repeat(1_024)}${tail}`
    const latin = Buffer.from(text, 'latin1')
    for (const bytes of [Buffer.from(text), Buffer.from(text, 'utf16le'), latin]) {
      const whole = decoded(bytes, bytes.length)
      for (const size of [1, 2, 3, 7]) expect(decoded(bytes, size)).toBe(whole)
    }
    expect(decoded(Buffer.from(text), 3)).toBe(text)
    expect(decoded(Buffer.from(text, 'utf16le'), 3)).toBe(text)
  }
})

test('lines of JSON are told by what they begin with, or by who knows', () => {
  const lines = Buffer.from('\ufeff{"a":1}\n{"a":2}\n')
  expect(read(lines, 3)).toEqual(['{"a":1}', '{"a":2}'])
  expect(read(Buffer.from('{"a":1}\n', 'utf16le'), 3)).toEqual(['{"a":1}'])
  expect(read(Buffer.from('{x,y\n1,2\n'), 3, 'csv')).toEqual(['{"{x":"1","y":"2"}'])
})

test.each<[what: string, header: string, phone: string]>([
  ['of user data', 'Appboy ID,phone_number', '+49151'],
  ['of e-mail addresses', 'user_id,unsubscribed_from_emails_at', '+49151'],
  ['that is not the dashboard’s', 'user_id,phone_number', "'+49151"],
])('an export %s has no apostrophe that Braze put there', (_what, header, phone) => {
  const [a, b] = header.split(',')
  expect(read(Buffer.from(`${header}\n1,'+49151\n2,'tis\n`), 1_000)).toEqual([
    JSON.stringify({ [a ?? '']: '1', [b ?? '']: phone }),
    JSON.stringify({ [a ?? '']: '2', [b ?? '']: "'tis" }),
  ])
})
