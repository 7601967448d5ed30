import { describe, expect, it } from 'vitest'
import { readingStatement } from './read-only.ts'

describe('reads', () => {
  const cases: { sql: string; engine?: 'hive'; is?: string }[] = [
    { sql: 'select 1' },
    { sql: 'SELECT 1 ; -- the end', is: 'SELECT 1 ' },
    { sql: '-- first\n(SELECT 1) UNION (SELECT 2)' },
    { sql: 'WITH a AS (SELECT 1) SELECT * FROM a' },
    { sql: 'VALUES (1), (2)' },
    { sql: 'SHOW CREATE TABLE t' },
    { sql: 'EXPLAIN SELECT 1' },
    { sql: 'SELECT \'drop table t; delete\', "insert", t.update FROM t /* create */' },
    { sql: 'SELECT `insert`, "delete" FROM t', engine: 'hive' },
  ]
  it.each(cases)('$sql', ({ sql, engine, is = sql }) => {
    expect(readingStatement(sql, engine ?? 'trino').trim()).toBe(is.replace(/\/\*.*$/, '').trim())
  })
})

describe('is refused', () => {
  const cases: { sql: string; engine?: 'hive'; message: string }[] = [
    { sql: '', message: 'There is no statement to run' },
    { sql: ' -- nothing', message: 'There is no statement to run' },
    { sql: 'DROP TABLE t', message: 'line 1:1: a query begins with SELECT or WITH, not with DROP' },
    { sql: 'INSERT INTO t SELECT 1', message: 'line 1:1: ' },
    { sql: '/* SELECT */ CREATE TABLE t AS SELECT 1', message: 'line 1:14: ' },
    { sql: 'SELECT 1; DROP TABLE t', message: 'line 1:11: only one statement' },
    {
      sql: 'WITH a AS (SELECT 1)\nINSERT OVERWRITE TABLE t SELECT * FROM a',
      engine: 'hive',
      message: 'line 2:1: INSERT changes data',
    },
    { sql: 'FROM a INSERT OVERWRITE TABLE t SELECT 1', engine: 'hive', message: 'line 1:1: ' },
    { sql: 'EXPLAIN ANALYZE DELETE FROM t', message: 'line 1:17: DELETE changes data' },
    { sql: "SELECT 'open", message: "line 1:8: ' is never closed" },
    // In Hive the backslash keeps the string open, so the word is outside of it in neither reading.
    { sql: "SELECT 'a\\'; DROP TABLE t --'", message: 'line 1:14: only one statement' },
    { sql: 'CALL system.x()', message: 'line 1:1: ' },
    { sql: 'SET SESSION x = 1', message: 'line 1:1: ' },
  ]
  it.each(cases)('$sql', ({ sql, engine, message }) => {
    expect(() => readingStatement(sql, engine ?? 'trino')).toThrow(message)
  })
})
