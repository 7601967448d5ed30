import { DuckDBInstance } from '@duckdb/node-api'
import { expect, test } from 'vitest'
import type { Cell } from '../warehouse.ts'
import { cellOf } from './cells.ts'
import { columnReader } from './columns.ts'

/** More than one chunk. */
const ROWS = 2_500

/** Expressions of `i`, 0 to ROWS - 1, and some cells. */
const COLUMNS: readonly (readonly [expression: string, cells?: readonly Cell[]])[] = [
  ['i % 2 = 0', [true, false]],
  ['(i % 256 - 128)::tinyint', [-128, -127]],
  ['(i * 13 - 32768)::smallint', [-32_768, -32_755]],
  ['(i * -400000)::integer', [0, -400_000]],
  ['(i % 256)::utinyint', [0, 1]],
  ['(i * 13)::usmallint', [0, 13]],
  ['(i * 800000)::uinteger', [0, 800_000]],
  [
    '9007199254740990 + i',
    [9_007_199_254_740_990, 9_007_199_254_740_991, '9007199254740992', '9007199254740993'],
  ],
  ['-9007199254740990 - i', [-9_007_199_254_740_990, -9_007_199_254_740_991, '-9007199254740992']],
  ['9223372036854775807 - i', ['9223372036854775807', '9223372036854775806']],
  ['-4294967297 + i', [-4_294_967_297, -4_294_967_296, -4_294_967_295]],
  ['(i * 3)::ubigint', [0, 3]],
  ['i::hugeint * 10000000000000000', [0, '10000000000000000']],
  ['(i / 3)::float'],
  ["if(i % 5 = 0, '-infinity', (i / 7)::varchar)::double", ['-Infinity', 1 / 7]],
  ["'nan'::float", ['NaN']],
  ['(i / 4)::decimal(18, 2)', ['0.00', '0.25']],
  ["'a text of some length: ' || i", ['a text of some length: 0', 'a text of some length: 1']],
  ['i::varchar', ['0', '1']],
  ["(if(i % 2 = 0, 'red', 'blue'))::enum('red', 'blue')", ['red', 'blue']],
  ["('{\"a\":' || i || '}')::json", ['{"a":0}', '{"a":1}']],
  [
    "timestamp '2026-11-28 11:37:57.123456' + to_microseconds(i * 1234567)",
    ['2026-11-28T11:37:57.123456Z', '2026-11-28T11:37:58.358023Z'],
  ],
  [
    "timestamp '1970-01-01' - to_milliseconds(i * 250)",
    ['1970-01-01T00:00:00Z', '1969-12-31T23:59:59.75Z', '1969-12-31T23:59:59.5Z'],
  ],
  ["timestamp '1600-02-29 00:00:00' - to_days(i::int)", ['1600-02-29T00:00:00Z', '1600-02-28T00:00:00Z']],
  ["timestamp '2255-06-05' + to_days(i::int)", ['2255-06-05T00:00:00Z', '2255-06-06T00:00:00Z']],
  ["if(i % 2 = 0, 'infinity', '-infinity')::timestamp", ['infinity', '-infinity']],
  [
    "timestamptz '2026-11-28 12:37:57.25+01' + to_hours(i)",
    ['2026-11-28T11:37:57.25Z', '2026-11-28T12:37:57.25Z'],
  ],
  ["(timestamp '2026-11-28 11:37:57' + to_seconds(i))::timestamp_s", ['2026-11-28T11:37:57Z']],
  ["date '2026-11-28' + i::int", ['2026-11-28', '2026-11-29']],
  ['[i::int, null]', ['[0,null]', '[1,null]']],
]

const connected = DuckDBInstance.create(':memory:', { threads: '1' }).then((instance) => instance.connect())

test.each(COLUMNS)('%s', async (expression, cells = []) => {
  const connection = await connected
  for (const value of [expression, `if(i % 3 = 2, null, ${expression})`]) {
    const result = await connection.stream(`select ${value} from range(${ROWS}) as t(i)`)
    const read = columnReader(result.columnType(0))
    const seen: Cell[] = []
    const oracle: Cell[] = []
    for await (const chunk of result) {
      seen.push(...read(chunk, 0))
      oracle.push(...chunk.convertColumnValues(0, cellOf))
    }
    expect(seen.length).toBe(ROWS)
    expect(seen).toEqual(oracle)
    if (value === expression) expect(seen.slice(0, cells.length)).toEqual(cells)
    else expect(seen[2]).toBe(null)
  }
})
