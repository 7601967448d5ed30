import { expect, test } from 'vitest'
import { failedAt, positionOfByte } from './place.ts'

const long = `select ${'wide_column, '.repeat(20)}nope from t`
const cut = 'column, wide_column, nope from t'

test.each([
  ['select 1,\n  nope', 'No nope\n\nLINE 2:   nope\n          ^', { line: 2, column: 3 }],
  [
    long,
    `No nope\n\nLINE 1: ...${cut}\n${' '.repeat(11 + cut.indexOf('nope'))}^`,
    { line: 1, column: long.indexOf('nope') + 1 },
  ],
])('the caret under an excerpt of %j becomes a position', (sql, message, position) => {
  expect(failedAt(sql, message)).toMatchObject({
    code: 'QUERY_FAILED',
    message: 'No nope',
    details: { position },
  })
})

test('without an excerpt there is no position', () => {
  const error = failedAt('select 1', 'Too large')
  expect(error.message).toBe('Too large')
  expect(error.details).toBeUndefined()
})

test('bytes are counted as characters', () => {
  expect(positionOfByte("select 'é',\nx", 13)).toEqual({ line: 2, column: 1 })
})
