import { DatabaseError } from 'pg'
import { expect, test } from 'vitest'
import { ThalwegError } from '../core/errors.ts'
import { asOutage } from './outages.ts'

function sqlite(errcode: number): Error {
  return Object.assign(new Error('sqlite'), { code: 'ERR_SQLITE_ERROR', errcode })
}

function postgres(code: string): Error {
  // A server's messages have both fields in every case (PostgreSQL, protocol: error and notice fields).
  return Object.assign(new DatabaseError('postgres', 8, 'error'), { severity: 'ERROR', code })
}

// Extended codes of SQLite: primary code in the low byte (https://sqlite.org/rescode.html).
test.each<[string, Error]>([
  ['SQLITE_BUSY', sqlite(5)],
  ['SQLITE_BUSY_SNAPSHOT', sqlite(517)],
  ['SQLITE_IOERR', sqlite(10)],
  ['SQLITE_IOERR_FSYNC', sqlite(1034)],
  ['SQLITE_IOERR_WRITE', sqlite(778)],
  ['SQLITE_FULL', sqlite(13)],
  ['SQLITE_READONLY', sqlite(8)],
  ['SQLITE_CORRUPT', sqlite(11)],
  ['connection_failure', postgres('08006')],
  ['disk_full', postgres('53100')],
  ['too_many_connections', postgres('53300')],
  ['admin_shutdown', postgres('57P01')],
  ['query_canceled by a time limit', postgres('57014')],
  ['read_only_sql_transaction', postgres('25006')],
  ['a refused connection', Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })],
  ['a pool that stays empty', new Error('timeout exceeded when trying to connect')],
  ['a server that went away', new Error('Connection terminated unexpectedly')],
])('an outage: %s', (_, error) => {
  expect(asOutage(error)).toMatchObject({ code: 'STORE_UNAVAILABLE', cause: error })
})

test.each<[string, unknown]>([
  ['SQLITE_CONSTRAINT_UNIQUE', sqlite(2067)],
  ['SQLITE_ERROR', sqlite(1)],
  ['unique_violation', postgres('23505')],
  ['syntax_error', postgres('42601')],
  ['serialization_failure', postgres('40001')],
  ['a rule of ours', new ThalwegError('CURRENT_STATE', 'no')],
  ['a mistake of ours', new TypeError('x is not a function')],
  ['what is no error', 'text'],
])('no outage: %s', (_, error) => {
  expect(asOutage(error)).toBe(error)
})
