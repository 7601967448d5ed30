/** The reader takes plain values by their bytes; whatever it meets, the row is the one that the rules of all warehouses give. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ColumnType, EVENT_COLUMNS } from '../../catalog/columns.ts'
import { parseExact } from '../../core/kernel/project.ts'
import { cellText } from '../../destinations/cell.ts'
import { rowPreview } from '../../destinations/event-rows.ts'
import { kernelForTests } from '../../destinations/rehearsal.fixture.ts'
import type { LoadOrder, OrderHead } from '../../destinations/warehouse/load-order.ts'
import { EventReader } from './event-reader.ts'
import { Findings } from './findings.ts'
import { FIXED_COLUMNS, Layout } from './layout.ts'
import { LoadRows, mayHalve } from './load-rows.ts'
import { RowChunk, SHORT_BYTES_MAX } from './row-chunk.ts'
import { CELL_BYTES, RowMemory } from './row-memory.ts'
import { batchAt } from './warehouse.fixture.ts'

const RUNS = 2_000

/** A string's JSON, as senders write it: some escape what they need not. */
const stringJson = fc
  .tuple(
    fc.oneof(
      fc.string({ maxLength: 30 }),
      fc.string({ unit: 'binary', maxLength: 20 }),
      fc.constantFrom(
        '',
        'twelve bytes',
        'thirteen byte',
        'a\0b',
        '\ud83d',
        'x\udc00',
        '\u{1f600}',
        '2026-01-02T03:04:05Z',
      ),
    ),
    fc.boolean(),
  )
  .map(([text, escaped]) =>
    escaped
      ? `"${Array.from({ length: text.length }, (_, i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, '0')}`).join('')}"`
      : JSON.stringify(text),
  )

const numberJson = fc.oneof(
  fc.integer().map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.constantFrom(
    '0',
    '-0',
    '1.50',
    '5.0',
    '1e3',
    '1E400',
    '1780000000',
    '1780000000.25',
    '9007199254',
    '9999999999',
    '999999999999999',
    '9007199254740993',
    '9223372036854775807',
    '9223372036854775808',
    '-9223372036854775808',
    '0.30000000000000004441',
  ),
)

const scalarJson = fc.oneof(stringJson, numberJson, fc.constantFrom('true', 'false', 'null'))

const objectJson = (names: fc.Arbitrary<string>, values: fc.Arbitrary<string>) =>
  fc
    .array(fc.tuple(names, values), { maxLength: 8 })
    .map((members) => `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`)

const valueJson = fc.oneof(
  { weight: 8, arbitrary: scalarJson },
  { weight: 1, arbitrary: fc.array(scalarJson, { maxLength: 3 }).map((items) => `[${items.join(', ')}]`) },
  { weight: 1, arbitrary: objectJson(fc.constantFrom('a', 'b', '\ud800'), scalarJson) },
)

/** Of every type; and two that the catalog does not know. */
const PROPERTIES = [
  'campaign_name',
  'os_version',
  'attempt_count',
  'is_amp',
  'price',
  'media_urls',
  'purchase_properties',
  'loyalty',
  'Shoe Size',
]

const eventJson = objectJson(
  fc.constantFrom(
    'id',
    'event_type',
    'time',
    'user',
    'properties',
    'user',
    'properties',
    'campaign_name',
    '__proto__',
  ),
  fc.oneof(
    { weight: 4, arbitrary: objectJson(fc.constantFrom(...PROPERTIES), valueJson) },
    {
      weight: 2,
      arbitrary: objectJson(
        fc.constantFrom('user_id', 'external_user_id', 'device_id', 'timezone', 'vip'),
        valueJson,
      ),
    },
    { weight: 4, arbitrary: valueJson },
  ),
)
const usualJson = fc
  .tuple(
    valueJson,
    valueJson,
    objectJson(fc.constantFrom('user_id', 'timezone'), scalarJson),
    objectJson(fc.constantFrom(...PROPERTIES), valueJson),
  )
  .map(
    ([id, time, user, properties]) =>
      `{"id":${id},"time":${time},"user":${user}, "properties" : ${properties}}`,
  )

describe('an event that is read by its bytes', () => {
  it('is the row of all warehouses', () => {
    fc.assert(
      fc.property(fc.oneof(usualJson, eventJson), (text) => {
        const [read, wanted] = bothOf(text)
        expect(read).toEqual(wanted)
      }),
      { numRuns: RUNS },
    )
  })

  it('is a row of its own in a chunk of many, also when its columns were met before', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(usualJson, eventJson), { minLength: 2, maxLength: 5 }), (texts) => {
        const many = readerFor(CHUNKS[1])
        // Twice, for the second time all names are known.
        for (const more of [texts, texts]) many.read(more)
        for (const [row, text] of [...texts, ...texts].entries()) {
          const alone = readerFor()
          // Columns are of the types that their first values had.
          alone.read([...texts, text])
          expect(cellsOf(many.chunk, many.layout, row)).toEqual(
            cellsOf(alone.chunk, alone.layout, texts.length),
          )
        }
      }),
      { numRuns: RUNS / 10 },
    )
  })

  it('is kept as a text when it is cut', () => {
    const text = '{"id":"a \\n b","user":{"user_id":null},"properties":{"price":1.5,"is_amp":true}}'
    const { read, readRecords, chunk, layout } = readerFor()
    // Its names are known from now on.
    read([text])
    const whole = batchAt([text], [0])
    for (let end = 1; end < text.length; end++) {
      chunk.clear()
      readRecords({ ...whole, joined: whole.joined.subarray(0, end), ends: Uint32Array.of(end) })
      expect(cellsOf(chunk, layout, 0)).toEqual({})
      expect(JSON.parse(cellAt(chunk, EXTRA, 'json', 0))).toEqual({ unreadable: text.slice(0, end) })
    }
  })

  it('is whole when no heap holds it, and when the rows before it left it no room', () => {
    const large = (bytes: number) =>
      JSON.stringify({
        id: 'x'.repeat(20),
        properties: { campaign_name: `"${'y'.repeat(bytes)}`, is_amp: true },
      })
    for (const texts of [[large(5_000_000)], [large(2_500_000), large(1_600_000), large(200_000)]]) {
      const [read, wanted] = bothOf(texts[0] ?? '')
      expect(read).toEqual(wanted)
      const { chunk, layout, read: readMore } = readerFor(CHUNKS[1])
      const taken = readMore(texts)
      expect(taken).toBeGreaterThan(0)
      for (let row = 0; row < taken; row++)
        expect(cellsOf(chunk, layout, row)).toEqual(bothOf(texts[row] ?? '')[1])
    }
  })
})

/** The row that the reader makes of an event, when it meets it first and when it knows its names, and the one that it should. */
function bothOf(text: string): readonly [read: Row, wanted: Row] {
  const { read, chunk, layout } = readerFor()
  read([text])
  const types = new Map(columnsOf(layout).map(({ name, type }) => [name, type]))
  const cells = Object.entries(rowPreview(batchAt([text], [0]), 0, new Map())).flatMap(([name, cell]) =>
    OF_RECORD.has(name) ? [] : [[name, canonical(name, types.get(name), cell)]],
  )
  const first = cellsOf(chunk, layout, 0)
  if (read([text]) > 0) expect(cellsOf(chunk, layout, 1)).toEqual(first)
  return [first, Object.fromEntries(cells)]
}

type Row = Readonly<Record<string, string>>

const kernel = kernelForTests()

/** One module for all: what it keeps of names must not matter. */
const memory = new RowMemory()
const reader = new EventReader(memory, kernel)
const HEAD: OrderHead = {
  connection: 'c',
  database: 'd',
  table: 't',
  events: true,
  raw: false,
  tablePerType: false,
  sources: {},
}

/** The memory never gets smaller: chunks serve again. */
const CHUNKS = [new RowChunk(memory, false), new RowChunk(memory, false)] as const

function readerFor(chunk = CHUNKS[0]) {
  chunk.clear()
  const layout = new Layout({ database: 'd', table: 't' }, undefined)
  const findings = new Findings()
  /** Gives how many rows the chunk took. */
  const readRecords = (records: LoadOrder['records']): number => {
    const order = { head: HEAD, records }
    const rows = new LoadRows(order, [...records.starts.keys()], mayHalve(order))
    reader.begin(layout)
    let done = 0
    for (;;) {
      const taken = done === records.count ? 0 : reader.read(rows, done, chunk, findings)
      if (taken === 0) return done
      done += taken
    }
  }
  const read = (texts: readonly string[]): number =>
    readRecords(
      batchAt(
        texts,
        texts.map((_, i) => i),
      ),
    )
  return { layout, chunk, read, readRecords }
}

const OF_RECORD = new Set(EVENT_COLUMNS.flatMap(({ name, origin }) => (origin === 'record' ? [name] : [])))

const EXTRA = FIXED_COLUMNS.findIndex(({ name }) => name === 'extra')

function columnsOf(layout: Layout): { index: number; name: string; type: ColumnType }[] {
  return [
    ...FIXED_COLUMNS.map(({ name, type }, index) => ({ index, name, type })),
    ...layout.properties.map(({ vector, name, type }) => ({ index: vector, name, type })),
  ]
}

function cellsOf(chunk: RowChunk, layout: Layout, row: number): Row {
  return Object.fromEntries(
    columnsOf(layout).flatMap(({ index, name, type }) => {
      if (!chunk.has(index, row)) return []
      const cell = canonical(name, type, cellAt(chunk, index, type, row))
      return OF_RECORD.has(name) || (cell === '{}' && name === 'extra') ? [] : [[name, cell]]
    }),
  )
}

function cellAt(chunk: RowChunk, column: number, type: ColumnType, row: number): string {
  const vector = chunk.vectorAt(column)
  const { bytes, words, doubles, longs } = memory
  switch (type) {
    case 'text':
    case 'json': {
      const cell = vector + row * CELL_BYTES
      const [length = 0, , at = 0] = words.subarray(cell / 4, cell / 4 + 3)
      if (length > SHORT_BYTES_MAX) return chunk.bytesAt(at, length).toString()
      return bytes.toString('utf8', cell + 4, cell + 4 + length)
    }
    case 'bigint':
      return String(longs[vector / 8 + row])
    case 'double':
      return String(doubles[vector / 8 + row])
    case 'boolean':
      return String(bytes[vector + row] === 1)
    case 'timestamp': {
      const micros = longs[vector / 8 + row] ?? 0n
      const rest = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n
      const second = new Date(Number((micros - rest) / 1000n)).toISOString().slice(0, 19)
      return `${second}.${String(rest).padStart(6, '0')}Z`
    }
  }
}

/** One text for each JSON value; without what this warehouse alone keeps of JSON that the engine does not take. */
function canonical(name: string, type: ColumnType | undefined, cell: string): string {
  if (type !== 'json') return cell
  const value = parseExact(cell) as Record<string, unknown>
  if (name === 'extra') delete value.unreadable
  return cellText('json', value) ?? ''
}
