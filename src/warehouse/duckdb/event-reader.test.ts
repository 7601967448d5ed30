/** The reader takes plain values by their bytes; whatever it meets, the row is the one that the rules of all warehouses give. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ColumnType, EVENT_COLUMNS } from '../../catalog/columns.ts'
import { parseExact } from '../../core/kernel/project.ts'
import { cellText } from '../../destinations/cell.ts'
import { rowPreview } from '../../destinations/event-rows.ts'
import { kernelForTests } from '../../destinations/rehearsal.fixture.ts'
import { type Escapes, EventReader } from './event-reader.ts'
import { Findings } from './findings.ts'
import { Keys } from './keys.ts'
import { FIXED_COLUMNS, Layout } from './layout.ts'
import { type CellVector, RowChunk, SHORT_BYTES_MAX } from './row-chunk.ts'
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

  it('is a row of its own in a chunk of many', () => {
    fc.assert(
      fc.property(fc.array(usualJson, { minLength: 2, maxLength: 5 }), (texts) => {
        const { reader, chunk, layout, findings } = readerFor()
        for (const text of texts) reader.read(Buffer.from(text), escapesOf(text), chunk, findings)
        const alone = readerFor()
        for (const [row, text] of texts.entries()) {
          alone.chunk.clear()
          alone.reader.read(Buffer.from(text), escapesOf(text), alone.chunk, new Findings())
          expect(cellsOf(chunk, layout, row)).toEqual(cellsOf(alone.chunk, alone.layout, 0))
        }
      }),
      { numRuns: RUNS / 10 },
    )
  })
})

const SURROGATE_ESCAPE = /\\ud/i

function escapesOf(text: string): Escapes {
  return { escapes: text.includes('\\'), mayHalve: SURROGATE_ESCAPE.test(text) }
}

/** The row that the reader makes of an event, and the one that it should. */
function bothOf(text: string): readonly [read: Row, wanted: Row] {
  const { reader, chunk, layout, findings } = readerFor()
  reader.read(Buffer.from(text), escapesOf(text), chunk, findings)
  const types = new Map(columnsOf(layout).map(({ name, type }) => [name, type]))
  const cells = Object.entries(rowPreview(batchAt([text], [0]), 0, new Map())).flatMap(([name, cell]) =>
    OF_RECORD.has(name) ? [] : [[name, canonical(name, types.get(name), cell)]],
  )
  return [cellsOf(chunk, layout, 0), Object.fromEntries(cells)]
}

type Row = Readonly<Record<string, string>>

const kernel = kernelForTests()

function readerFor() {
  const layout = new Layout({ database: 'd', table: 't' }, undefined)
  const reader = new EventReader(kernel, new Keys())
  reader.begin(layout)
  return { reader, layout, chunk: new RowChunk(), findings: new Findings() }
}

const OF_RECORD = new Set(EVENT_COLUMNS.flatMap(({ name, origin }) => (origin === 'record' ? [name] : [])))

function columnsOf(layout: Layout): { index: number; name: string; type: ColumnType }[] {
  return [
    ...FIXED_COLUMNS.map(({ name, type }, index) => ({ index, name, type })),
    ...layout.properties.map(({ vector, name, type }) => ({ index: vector, name, type })),
  ]
}

function cellsOf(chunk: RowChunk, layout: Layout, row: number): Row {
  return Object.fromEntries(
    columnsOf(layout).flatMap(({ index, name, type }) => {
      const vector = chunk.vectors[index]
      if (vector?.has(row) !== true) return []
      const cell = canonical(name, type, cellAt(vector, type, row, chunk.heap))
      return cell === '{}' && name === 'extra' ? [] : [[name, cell]]
    }),
  )
}

function cellAt(vector: CellVector, type: ColumnType, row: number, heap: Buffer): string {
  switch (type) {
    case 'text':
    case 'json': {
      const [length = 0, , at = 0] = vector.words.subarray(row * 4, row * 4 + 3)
      if (length > SHORT_BYTES_MAX) return heap.toString('utf8', at, at + length)
      return Buffer.from(vector.bytes.subarray(row * 16 + 4, row * 16 + 4 + length)).toString()
    }
    case 'bigint':
      return String(vector.longs[row])
    case 'double':
      return String(vector.doubles[row])
    case 'boolean':
      return String(vector.bytes[row] === 1)
    case 'timestamp': {
      const micros = vector.longs[row] ?? 0n
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
