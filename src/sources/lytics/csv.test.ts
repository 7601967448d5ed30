import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createKernel } from '../../core/kernel/create.ts'
import { seededRandom } from '../../core/random.ts'
import { type CsvForm, CsvRows, judgedRecords } from './csv.ts'
import { plainRecords } from './csv-records.ts'
import { JsonLines } from './json-lines.ts'
import { ROW_BYTES_MAX, type Row, type RowReader } from './rows.ts'

const PLAIN: CsvForm = { delimiter: ',', headers: undefined, append: {} }

/** What a reader makes of a text in pieces of `size` bytes, in short: the line, and the fields or the fault. */
function read(reader: RowReader, text: string | Buffer, size: number): string[] {
  const bytes = Buffer.from(text)
  const rows: Row[] = []
  for (let at = 0; at < bytes.length; at += size) rows.push(...reader.push(bytes.subarray(at, at + size)))
  rows.push(...reader.end())
  return rows.map((row) =>
    'fields' in row ? `${row.line} ${row.fields}` : `${row.line} !${row.fault} ${row.raw.toString('latin1')}`,
  )
}

const csv: [what: string, form: Partial<CsvForm>, text: string | Buffer, rows: string[]][] = [
  ['nothing', {}, '', []],
  ['a header alone', {}, 'a,b\n', []],
  ['rows, the last without a newline', {}, 'a,b\n1,2\n3,4', ['2 {"a":"1","b":"2"}', '3 {"a":"3","b":"4"}']],
  ['a byte order mark and CRLF', {}, '\ufeffa,b\r\n1,2\r\n', ['2 {"a":"1","b":"2"}']],
  [
    'quotes, and a line break in them',
    {},
    'a,b\n"x, ""y""","1\n2"\n3,4\n',
    ['2 {"a":"x, \\"y\\"","b":"1\\n2"}', '4 {"a":"3","b":"4"}'],
  ],
  ['empty lines and empty cells', {}, 'a,b\n\n,2\n\n', ['3 {"a":"","b":"2"}']],
  ['a tab', { delimiter: '\t' }, 'a\tb\n1\t2\n', ['2 {"a":"1","b":"2"}']],
  ['a pipe', { delimiter: '|' }, 'a|b\n1|2\n', ['2 {"a":"1","b":"2"}']],
  ['given headers', { headers: ['x', 'y'] }, '1,2\n', ['1 {"x":"1","y":"2"}']],
  ['members for every row', { append: { from: 'crm', n: 1 } }, 'a\n1\n', ['2 {"a":"1","from":"crm","n":1}']],
  ['a column called __proto__', {}, '__proto__,b\n1,2\n', ['2 {"__proto__":"1","b":"2"}']],
  [
    'too few and too many cells',
    {},
    'a,b\n1\n1,2,3\n5,6\n',
    ['2 !row_broken 1', '3 !row_broken 1,2,3', '4 {"a":"5","b":"6"}'],
  ],
  ['a stray quote', {}, 'a,b\n"x"y,2\n3,4\n', ['2 !row_broken "x"y,2', '3 {"a":"3","b":"4"}']],
  ['a quote inside a bare cell', {}, 'a,b\nx"y,2\n3,4\n', ['2 !row_broken x"y,2', '3 {"a":"3","b":"4"}']],
  [
    'a quote that never closes',
    {},
    'a,b\n"x,2\n3,4\n5,6\n',
    ['2 !row_broken "x,2', '3 {"a":"3","b":"4"}', '4 {"a":"5","b":"6"}'],
  ],
  [
    'two broken quotes that make a pair',
    {},
    'a,b\nx"1,2\n3,4\ny"5,6\n7,8\n',
    ['2 !row_broken x"1,2', '3 {"a":"3","b":"4"}', '4 !row_broken y"5,6', '5 {"a":"7","b":"8"}'],
  ],
  [
    'bytes that are not UTF-8',
    {},
    Buffer.from('a,b\n\xff,2\n3,4\n', 'latin1'),
    ['2 !row_broken \xff,2', '3 {"a":"3","b":"4"}'],
  ],
]

for (const size of [1, 3, 1_000]) {
  test.each(csv)(`in pieces of ${size}: %s`, (_what, form, text, rows) => {
    expect(read(new CsvRows({ ...PLAIN, ...form }), text, size)).toEqual(rows)
  })
}

test.each([
  ['a name twice', 'a,b,a\n1,2,3\n'],
  ['a column without a name', 'a,,b\n1,2,3\n'],
])('%s is refused', (_what, text) => {
  expect(() => read(new CsvRows(PLAIN), text, 1_000)).toThrow(
    expect.objectContaining({ code: 'INPUT_INVALID' }),
  )
})

test('a line without end costs the memory of one row, and the next line is read again', () => {
  const long = 'x'.repeat(3 * ROW_BYTES_MAX)
  for (const size of [64 * 1024, 4 * ROW_BYTES_MAX]) {
    const rows = read(new CsvRows(PLAIN), `a,b\n1,2\n${long},2\n3,4\n`, size)
    expect(rows.map((row) => row.slice(0, 20))).toEqual([
      '2 {"a":"1","b":"2"}',
      `3 !row_oversized ${'x'.repeat(3)}`,
      '4 {"a":"3","b":"4"}',
    ])
    const lines = read(new JsonLines(kernel()), `{"a":1}\n{"a":"${long}"}\n{"a":2}\n`, size)
    expect(lines.map((row) => row.slice(0, 18))).toEqual(['1 {"a":1}', '2 !row_oversized {', '3 {"a":2}'])
  }
})

test('quotes that never close take time by the line, not by the file', () => {
  const text = `a,b\n${'"x,2\n3,4\n'.repeat(5_001)}`
  const startedAt = performance.now()
  read(new CsvRows(PLAIN), text, 64 * 1024)
  expect(performance.now() - startedAt).toBeLessThan(20_000)
})

test('what is well formed is read as the library reads it, and the rest is left to it', () => {
  const word = fc.constantFrom('a', 'é', ',', '"', '""', '"b"', ',"c",', '\n', '\r\n', '\r', ' ', '"x\ny"')
  let plain = 0
  fc.assert(
    fc.property(fc.array(word, { maxLength: 14 }), (words) => {
      const text = words.join('')
      const records = plainRecords(text, ',')
      if (records === undefined) return
      plain++
      const judged = judgedRecords(text, ',')
      expect(records.map(({ record }) => record)).toEqual(judged?.map(({ record }) => record))
      // The library counts a line's end of two characters within quotes twice.
      const linesOf = (all: typeof judged) => all?.map(({ info }) => info.lines)
      if (!text.includes('\r')) expect(linesOf(records)).toEqual(linesOf(judged))
    }),
    { numRuns: 20_000 },
  )
  expect(plain).toBeGreaterThan(2_000)
})

/** Whatever is done to a file, the rows that were left whole and stand between whole lines are found. */
test('rows that are whole survive what is broken around them', () => {
  const seed = Number(process.env.THALWEG_TEST_SEED ?? Date.now() % 1_000_000)
  console.info(`csv: THALWEG_TEST_SEED=${seed}`)
  const random = seededRandom(seed)
  const below = (n: number) => Math.floor(random() * n)
  const broken = ['x"y,1', '"x"y,1', '1', '1,2,3', 'a"']
  for (let round = 0; round < 200; round++) {
    const lines = Array.from({ length: 1 + below(30) }, (_, i) =>
      random() < 0.3
        ? (broken[below(broken.length)] ?? '')
        : random() < 0.2
          ? `"a, ""${i}""",${i}`
          : `a${i},${i}`,
    )
    const rows = read(new CsvRows(PLAIN), `a,b\n${lines.join('\n')}\n`, 1 + below(40))
    lines.forEach((line, i) => {
      if (broken.includes(line)) expect(rows).toContain(`${i + 2} !row_broken ${line}`)
      else expect(rows.some((row) => row.startsWith(`${i + 2} {`) && row.endsWith(`"b":"${i}"}`))).toBe(true)
    })
    expect(rows).toHaveLength(lines.length)
  }
})

function kernel() {
  return createKernel({ bodyBytesMax: 8 * ROW_BYTES_MAX, itemsMax: 1_000, key: new Uint8Array(16) })
}

test.each<[what: string, text: string | Buffer, rows: string[]]>([
  ['objects', '{"a":1}\n {"b":[{"c":2}]} \r\n\n{}', ['1 {"a":1}', '2 {"b":[{"c":2}]}', '4 {}']],
  [
    'what is no object',
    '5\n[{"a":1}]\nx\n{"a":1} {"b":2}\n{"a":\n',
    [
      '1 !row_broken 5',
      '2 !row_broken [{"a":1}]',
      '3 !row_broken x',
      '4 !row_broken {"a":1} {"b":2}',
      '5 !row_broken {"a":',
    ],
  ],
  [
    'members that mean something elsewhere',
    '{"events":[{"id":1}],"batch":[]}\n',
    ['1 {"events":[{"id":1}],"batch":[]}'],
  ],
  [
    'bytes that are not UTF-8',
    Buffer.from('{"a":"\xff"}\n{"a":1}', 'latin1'),
    ['1 !row_broken {"a":"\xff"}', '2 {"a":1}'],
  ],
])('lines of JSON: %s', (_what, text, rows) => {
  for (const size of [1, 5, 1_000]) expect(read(new JsonLines(kernel()), text, size)).toEqual(rows)
})
