/** ClickHouse for the conformance suite: Debian's version 18.16, the oldest that is met. The user has every right. */

import { existsSync } from 'node:fs'
import { systemClock } from '../../src/core/clock.ts'
import { ClickhouseConnection } from '../../src/destinations/clickhouse/settings.ts'
import { open as openClickhouse } from '../../src/warehouse/clickhouse/engine.ts'
import { clickhouseDatabase } from '../support/clickhouse.ts'
import type { EngineDialect, EngineUnderTest } from './query-engine.ts'

const LEFT_BEHIND = '/tmp/thalweg-escape-clickhouse'

export const CLICKHOUSE_SQL: EngineDialect = {
  rows: (count, chars) =>
    `select number as n, '${'x'.repeat(chars)}' as text from system.numbers limit ${count}`,
  slow: 'select count() from system.numbers',
  endless:
    "select number as n, 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' as text from system.numbers",
  failsLate: ['select number, throwIf(number = 300000) from system.numbers limit 400000', /throwIf/],
  broken: { sql: "select '😀',\n  1 frm t where", says: /Syntax error/, line: 2, column: 9 },
  types: [
    ['null', /^Nullable\(Nothing\)$/, null],
    ['toUInt8(1)', /^UInt8$/, 1],
    ['toInt32(-7)', /^Int32$/, -7],
    ['toInt64(9007199254740991)', /^Int64$/, 9_007_199_254_740_991],
    ["toUInt64('18446744073709551615')", /^UInt64$/, '18446744073709551615'],
    ["toDecimal64('1.10', 2)", /^Decimal\(18, 2\)$/, '1.10'],
    ["toDecimal128('12345678901234567890.5', 1)", /^Decimal\(38, 1\)$/, '12345678901234567890.5'],
    ["toDecimal32('12', 0)", /^Decimal\(9, 0\)$/, 12],
    ['toNullable(toInt8(3))', /^Nullable\(Int8\)$/, 3],
    ['0.1', /^Float64$/, 0.1],
    ['nan', /^Float64$/, 'nan'],
    ['-inf', /^Float64$/, '-inf'],
    ["'it\\'s ü😀\\n\"]Code: 1, '", /^String$/, 'it\'s ü😀\n"]Code: 1, '],
    ["toDate('2026-11-28')", /^Date$/, '2026-11-28'],
    ["toDateTime('2026-11-28 11:37:57', 'UTC')", /^DateTime/, '2026-11-28T11:37:57Z'],
    ["toUUID('00000000-0000-0000-0000-000000000001')", /^UUID$/, '00000000-0000-0000-0000-000000000001'],
    ["['a', 'b']", /^Array\(String\)$/, '["a","b"]'],
    ["('a', toUInt8(1))", /^Tuple\(String, UInt8\)$/, '["a",1]'],
  ],
  escapes: [
    "insert into kept values (2, 'x')",
    'insert into kept select * from kept',
    'drop table kept',
    'truncate table kept',
    'alter table kept delete where 1',
    'alter table kept drop column text',
    'create table made (n Int32) engine = Memory',
    'create database made',
    'rename table kept to made',
    'optimize table kept',
    'detach table kept',
    'attach table kept',
    'select 1; drop table kept',
    "select * from kept into outfile '/tmp/thalweg-escape-clickhouse'",
    "select * from url('http://127.0.0.1:1/', CSV, 'a String')",
    "select * from `url`('http://127.0.0.1:1/', CSV, 'a String')",
    "select * from URL /* */ ('http://127.0.0.1:1/', CSV, 'a String')",
    "select * from file('/etc/passwd', CSV, 'a String')",
    "select file('/etc/passwd')",
    "select * from remote('127.0.0.1:1', system.one)",
    "select * from remoteSecure('127.0.0.1:1', system.one)",
    "select * from cluster('all', system.one)",
    "select * from s3('http://127.0.0.1:1/b/k', CSV, 'a String')",
    "select * from s3Cluster('all', 'http://127.0.0.1:1/b/k', CSV, 'a String')",
    "select * from mysql('127.0.0.1:1', 'a', 'b', 'c', 'd')",
    "select * from postgresql('127.0.0.1:1', 'a', 'b', 'c', 'd')",
    "select * from odbc('DSN=x', 'a', 'b')",
    "select * from jdbc('x', 'a', 'b')",
    "select * from hdfs('hdfs://127.0.0.1:1/a', CSV, 'a String')",
    "select * from executable('touch /tmp/thalweg-escape-clickhouse', CSV, 'a String')",
    "select * from catBoostPool('/etc/passwd', '/etc/passwd')",
    "select * from unheardOf('/etc/passwd')",
    "select * from kept where text in (select a from system.one, url('http://127.0.0.1:1/', CSV, 'a String'))",
    'set readonly = 0',
    'select 1 settings readonly = 0, max_execution_time = 0',
    'select 1 format CSV',
    'system shutdown',
    'system reload config',
    "kill query where query_id = ''",
    'use system',
    "create user someone identified by 'x'",
    'grant all on *.* to default',
    'with 1 as x insert into kept select x, x',
    'explain insert into kept values (1)',
    '/* select */ drop table kept',
    'select 1 /* /* */ ; drop table kept /* */ */',
    "select 'a\\'' ; drop table kept -- '",
    'select 1 -- \n; drop table kept',
    'select `a\\x60` from kept',
    'exchange tables kept and kept',
    'backup table kept to Disk(1)',
  ],
}

export async function startClickhouseEngine(): Promise<EngineUnderTest> {
  const database = await clickhouseDatabase()
  const { administer } = database
  await administer('create table kept (n Int32, text String) engine = Memory')
  await administer("insert into kept values (1, 'kept')")
  await administer('create table `it\'s "here"` (`x"y` UInt64, z DateTime) engine = Memory')
  const engine = openClickhouse(
    ClickhouseConnection.parse({ url: database.url, database: database.database }),
    { user: database.user, password: database.password },
    { clock: systemClock, logger: { warn: () => undefined } },
  )
  return {
    engine,
    running: async () =>
      Number(await administer("select count() - 1 from system.processes where query not like 'kill query%'")),
    table: {
      database: database.database,
      table: 'it\'s "here"',
      rows: undefined,
      columns: [
        { name: 'x"y', type: 'UInt64' },
        { name: 'z', type: 'DateTime' },
      ],
    },
    untouched: async () => {
      const rows = await administer('select n, text from kept')
      const made = await administer("select count() from system.databases where name = 'made'")
      return rows === '1\tkept\n' && made === '0\n' && !existsSync(LEFT_BEHIND)
    },
    stop: async () => {
      await engine.close()
      await database.drop()
    },
  }
}
