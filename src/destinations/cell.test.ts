import { describe, expect, it } from 'vitest'
import type { ColumnType } from '../catalog/columns.ts'
import { parseExact } from '../core/kernel/project.ts'
import { cellText } from './cell.ts'

/** The column's type, the value as JSON, the cell. */
const CASES: readonly (readonly [ColumnType, string, string | undefined])[] = [
  ['text', '"x"', 'x'],
  ['text', '""', ''],
  ['text', '1.50', '1.5'],
  ['text', '12345678901234567890', '12345678901234567890'],
  ['text', 'true', 'true'],
  ['text', '{"a":1}', undefined],
  ['text', '["a"]', undefined],
  ['text', 'null', undefined],
  ['text', '"a\\u0000b"', 'a\ufffdb'],
  ['text', '"\\ud83d\\ude00 \\ud83d! \\ude00"', '\u{1f600} \ufffd! \ufffd'],
  ['bigint', '5', '5'],
  ['bigint', '5.0', '5'],
  ['bigint', '-0', '0'],
  ['bigint', '1e3', '1000'],
  ['bigint', '9223372036854775807', '9223372036854775807'],
  ['bigint', '-9223372036854775808', '-9223372036854775808'],
  ['bigint', '9223372036854775807.000', '9223372036854775807'],
  ['bigint', '9223372036854775808', undefined],
  ['bigint', '1e300', undefined],
  ['bigint', '1.5', undefined],
  ['bigint', '"5"', undefined],
  ['bigint', 'true', undefined],
  ['double', '0.1', '0.1'],
  ['double', '7', '7'],
  ['double', '0.30000000000000004441', '0.30000000000000004'],
  ['double', '1e400', undefined],
  ['double', '"1"', undefined],
  ['boolean', 'false', 'false'],
  ['boolean', '"true"', undefined],
  ['boolean', '1', undefined],
  ['timestamp', '1477502783', '2016-10-26T17:26:23.000000Z'],
  ['timestamp', '1477502783.25', '2016-10-26T17:26:23.250000Z'],
  ['timestamp', '0.9999999', '1970-01-01T00:00:01.000000Z'],
  ['timestamp', '-1', '1969-12-31T23:59:59.000000Z'],
  ['timestamp', '-62135596800', '0001-01-01T00:00:00.000000Z'],
  ['timestamp', '-62135596801', undefined],
  ['timestamp', '253402300799', '9999-12-31T23:59:59.000000Z'],
  ['timestamp', '253402300800', undefined],
  ['timestamp', '1e400', undefined],
  ['timestamp', '"2026-01-02T03:04:05Z"', '2026-01-02T03:04:05.000000Z'],
  ['timestamp', '"2026-01-02 03:04:05.1234567+02:00"', '2026-01-02T01:04:05.123456Z'],
  ['timestamp', '"2026-01-02"', '2026-01-02T00:00:00.000000Z'],
  ['timestamp', '"2026-02-31"', undefined],
  ['timestamp', '"2026-02-28T00:00:99Z"', undefined],
  ['timestamp', '"yesterday"', undefined],
  ['timestamp', 'false', undefined],
  ['json', '{"a":[1,"x",null,12345678901234567890]}', '{"a":[1,"x",null,12345678901234567890]}'],
  ['json', '["a","b"]', '["a","b"]'],
  ['json', '"x"', '"x"'],
  ['json', 'null', undefined],
  ['json', '{"a":"\\u0000\\ud800","\\udfff":"\\\\u0000\\n"}', '{"a":"\ufffd\ufffd","\ufffd":"\\\\u0000\\n"}'],
]

describe('a cell', () => {
  it.each(CASES)('of type %s holds %s as %j', (type, json, cell) => {
    expect(cellText(type, parseExact(json))).toBe(cell)
  })

  it('is empty where the event has no such member', () => {
    for (const type of ['text', 'bigint', 'double', 'boolean', 'timestamp', 'json'] as const)
      expect(cellText(type, undefined)).toBeUndefined()
  })
})
