/** What a ClickHouse that is not in the test setup writes: later versions, and failures at each place. */

import { describe, expect, test } from 'vitest'
import { CompactReader } from './compact.ts'
import { ClickhouseRefusal, clickhouseFailure } from './failures.ts'

const HEAD = [
  '{',
  '\t"meta":',
  '\t[',
  '\t\t{',
  '\t\t\t"name": "n",',
  '\t\t\t"type": "UInt8"',
  '\t\t}',
  '\t],',
  '',
  '\t"data":',
  '\t[',
]

function read(lines: readonly string[]) {
  const reader = new CompactReader()
  const rows = [...HEAD, ...lines].map((line) => reader.take(line)).filter((row) => row !== undefined)
  return { rows, complete: reader.isComplete, complaint: reader.complaint }
}

describe('an answer', () => {
  test.each<[string, string[], string[], boolean, RegExp]>([
    ['whole', ['\t\t[1],', '\t\t[2]', '\t],', '', '\t"rows": 2,', '}'], ['[1]', '[2]'], true, /^$/],
    ['without rows', ['', '\t],', '', '\t"rows": 0', '}'], [], true, /^$/],
    ['that broke off between rows', ['\t\t[1],'], ['[1]'], false, /^$/],
    ['that broke off before the count', ['\t\t[1]', '\t],', ''], ['[1]'], false, /^$/],
    [
      'with a failure behind a row',
      ['\t\t[1]Code: 395, e.displayText() = DB::Exception: boom, e.what() = DB::Exception'],
      [],
      false,
      /^Code: 395.*boom/,
    ],
    [
      'with a failure on a line of its own',
      ['\t\t[1],', 'Code: 395. DB::Exception: boom. (FUNCTION_THROW_IF) (version 23.3.1.1)'],
      ['[1]'],
      false,
      /boom/,
    ],
    [
      'with a failure in the format',
      ['\t\t[1]', '\t],', '\t"rows": 1,', '\t"exception": "Code: 395. DB::Exception: boom"', '}'],
      ['[1]'],
      false,
      /boom/,
    ],
  ])('%s', (_name, lines, rows, complete, complaint) => {
    const seen = read(lines)
    expect(seen.rows).toEqual(rows)
    expect(seen.complete).toBe(complete)
    expect(seen.complaint).toMatch(complaint)
  })
})

test.each([
  [
    400,
    'Code: 62. DB::Exception: Syntax error: failed at position 11 (frm) (line 2, col 2): frm t. Expected one of: x. (SYNTAX_ERROR) (version 24.3.2.23 (official build))',
    'QUERY_FAILED',
    /^Syntax error: failed.*SYNTAX_ERROR\)$/,
    { position: { line: 2, column: 2 } },
  ],
  [
    500,
    'Code: 159. DB::Exception: Timeout exceeded: elapsed 1 seconds. (TIMEOUT_EXCEEDED) (version 24.3.2.23)',
    'QUERY_TIMEOUT',
    /./,
    undefined,
  ],
  [
    403,
    'Code: 516. DB::Exception: reader: Authentication failed. (AUTHENTICATION_FAILED) (version 24.3.2.23)',
    'ENGINE_UNREACHABLE',
    /Authentication failed/,
    { fault: 'unauthorized' },
  ],
  [502, '<html>Bad gateway</html>', 'ENGINE_UNREACHABLE', /answered 502/, { fault: 'unavailable' }],
  [404, 'not here', 'ENGINE_UNREACHABLE', /answered 404/, { fault: 'misconfigured' }],
] as const)('%i %s', (status, text, code, message, details) => {
  const failure = clickhouseFailure(new ClickhouseRefusal(status, text), 'select 1\n frm t', 1_000)
  expect(failure.code).toBe(code)
  expect(failure.message).toMatch(message)
  expect(failure.details).toEqual(details)
})
