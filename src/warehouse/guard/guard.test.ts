import { describe, expect, test } from 'vitest'
import { ThalwegError } from '../../core/errors.ts'
import type { PositionDetails } from '../failures.ts'
import { CLICKHOUSE_DIALECT, MYSQL_DIALECT, POSTGRES_DIALECT } from './dialects.ts'
import { type Dialect, readStatement } from './guard.ts'

function verdict(sql: string, dialect: Dialect): string {
  try {
    return readStatement(sql, dialect)
  } catch (error) {
    if (!(error instanceof ThalwegError)) throw error
    const { position } = (error.details ?? {}) as Partial<PositionDetails>
    return `${error.code} ${position === undefined ? '' : `${position.line}:${position.column}`}`.trim()
  }
}

const PG = POSTGRES_DIALECT
const MY = MYSQL_DIALECT
const CH = CLICKHOUSE_DIALECT

describe('reads pass, cut behind their end', () => {
  test.each<[Dialect, string, string?]>([
    [PG, 'select 1'],
    [PG, 'select 1 ; ;\n-- done', 'select 1'],
    [PG, '/* a /* nested */ comment; */ select 1 -- ; delete', '/* a /* nested */ comment; */ select 1'],
    [PG, 'select \'delete from x; drop table y\', "update", t.delete from t'],
    [PG, "select E'it\\'s; ' || $$ ; delete $$ || $a$ $$ ; $a$"],
    [PG, 'with a as (select 1) select * from a'],
    [PG, '(select 1) union (select 2)'],
    [PG, 'explain (analyze) select 1'],
    [PG, "select 'a\\'"],
    [PG, 'values (1), (2)'],
    [PG, 'show timezone'],
    [PG, "select to_char(now(), 'YYYY'), größe, naïve from café"],
    [
      MY,
      "select 'it\\'s', \"; drop\", `delete` from t # ; delete",
      "select 'it\\'s', \"; drop\", `delete` from t",
    ],
    [MY, 'select 5--1'],
    [MY, "select insert('abc', 1, 1, 'x'), replace('a', 'b', 'c'), truncate(1.5, 0), format(1.5, 2)"],
    [MY, 'select /*+ no_index_merge(t) */ 1 from t'],
    [MY, 'show tables'],
    [MY, 'describe t'],
    [MY, 'explain select 1'],
    [CH, 'select * from numbers(10) limit 5'],
    [CH, "select format('{}', 'a'), domain('http://x'), cutURLParameter('u', 'p') from t"],
    [CH, "select 'it\\'s; ', `set`, \"a\" from db.settings"],
    [CH, 'with 1 as x select x'],
    [CH, 'describe table t'],
  ])('%#: %o', (dialect, sql, kept) => {
    expect(verdict(sql, dialect)).toBe(kept ?? sql)
  })
})

describe('all else is refused, at its place', () => {
  test.each<[Dialect, string, string]>([
    [PG, '', 'QUERY_REFUSED'],
    [PG, ' -- nothing\n', 'QUERY_REFUSED'],
    [PG, 'select 1; select 2', 'QUERY_REFUSED 1:11'],
    [PG, 'select 1;\n\n  delete from t', 'QUERY_REFUSED 3:3'],
    [PG, "select 'open", 'QUERY_REFUSED 1:8'],
    [PG, 'select /* open', 'QUERY_REFUSED 1:8'],
    [PG, 'select $a$ open $b$', 'QUERY_REFUSED 1:8'],
    [PG, 'select 1 -- a\rdelete', 'QUERY_REFUSED 1:14'],
    [PG, 'select\u00a01', 'QUERY_REFUSED 1:7'],
    [PG, 'select 1\0', 'QUERY_REFUSED 1:9'],
    [PG, 'select "pg_read_file"(\'/etc/passwd\')', 'QUERY_REFUSED 1:8'],
    [PG, "select pg_catalog . /* x */ pg_read_file\n('/etc/passwd')", 'QUERY_REFUSED 1:29'],
    // The server continues the first string with its backslashes, so that the call stands outside of quotes.
    [PG, "select E'a'\n'\\' ' || pg_read_file('/etc/passwd') || '", 'QUERY_REFUSED 2:1'],
    [PG, 'select U&"pg\\005fread_file"(\'a\')', 'QUERY_REFUSED 1:8'],
    [PG, 'explain analyze create table x as select 1', 'QUERY_REFUSED 1:17'],
    [PG, 'explain execute x', 'QUERY_REFUSED 1:9'],
    [MY, "select 1 --\u00a0, load_file('/etc/passwd')", 'QUERY_REFUSED 1:12'],
    [MY, "select /*!50000 load_file('/etc/passwd') */", 'QUERY_REFUSED 1:8'],
    [MY, 'select /*M!100000 1 */', 'QUERY_REFUSED 1:8'],
    [MY, 'select /*+ MAX_EXECUTION_TIME(0) */ 1', 'QUERY_REFUSED 1:8'],
    [MY, 'select @a := 1', 'QUERY_REFUSED 1:11'],
    [MY, 'select /* /* */ 1', 'QUERY_REFUSED 1:11'],
    [CH, "select * from `url`('http://127.0.0.1', CSV, 'a String')", 'QUERY_REFUSED 1:15'],
    [CH, "select * from one, file('/etc/passwd')", 'QUERY_REFUSED 1:20'],
    [CH, "select * from notYetKnown('x')", 'QUERY_REFUSED 1:15'],
    [CH, 'select `a\\x62` from t', 'QUERY_REFUSED 1:8'],
    [CH, 'select 1 settings max_execution_time = 0', 'QUERY_REFUSED 1:10'],
    [CH, '/* /* */ system shutdown */ select 1', 'QUERY_REFUSED 1:4'],
  ])('%#: %o', (dialect, sql, expected) => {
    expect(verdict(sql, dialect)).toBe(expected)
  })

  test('a million characters are judged in moderate time, and no more are looked at', () => {
    const wide = `select ${'('.repeat(300_000)}1${')'.repeat(300_000)}`
    const started = performance.now()
    expect(verdict(wide, PG)).toBe(wide)
    expect(verdict(`select '${"''".repeat(400_000)}'`, PG)).toContain('select')
    expect(performance.now() - started).toBeLessThan(10_000)
    expect(verdict(`select '${'x'.repeat(1_000_000)}'`, PG)).toBe('QUERY_REFUSED')
  })
})
