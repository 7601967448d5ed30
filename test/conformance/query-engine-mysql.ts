/** MariaDB for the conformance suite. The user has every right, FILE too, so that only our own barriers stand between an escape and its effect. */

import { existsSync } from 'node:fs'
import { systemClock } from '../../src/core/clock.ts'
import { open as openMysql } from '../../src/warehouse/mysql/engine.ts'
import { MysqlConnection } from '../../src/warehouse/mysql/settings.ts'
import { mariadbDatabase } from '../support/mariadb.ts'
import type { EngineDialect, EngineUnderTest } from './query-engine.ts'

const LEFT_BEHIND = '/tmp/thalweg-escape-mysql'

export const MYSQL_SQL: EngineDialect = {
  rows: (count, chars) =>
    count === 0
      ? "select 1 as n, 'x' as text from kept where n > 1000"
      : `select seq as n, repeat('x', ${chars}) as text from seq_0_to_${count - 1}`,
  slow: 'select sleep(120)',
  endless: "select seq as n, repeat('x', 100) as text from seq_1_to_1000000000",
  failsLate: [
    'select (select s.seq from seq_0_to_1 s where y.seq = 5000) from seq_0_to_6000 y',
    /more than 1 row/,
  ],
  broken: { sql: "select '😀',\n  1 frm t where", says: /syntax/, line: 2, column: 9 },
  typesFrom: 'from typed',
  types: [
    ['null', /^null$/, null],
    ['cast(-7 as signed)', /^(big)?int$/, -7],
    ['cast(9007199254740991 as signed)', /^bigint$/, 9_007_199_254_740_991],
    ['cast(18446744073709551615 as unsigned)', /^bigint unsigned$/, '18446744073709551615'],
    ['cast(1.10 as decimal(10,2))', /^decimal$/, '1.10'],
    ['cast(12 as decimal(10,0))', /^decimal$/, 12],
    ['cast(0.1 as double)', /^double$/, 0.1],
    ["'it''s ü😀'", /^varchar$/, "it's ü😀"],
    ["date '2026-11-28'", /^date$/, '2026-11-28'],
    ["timestamp '2026-11-28 11:37:57.25'", /^datetime$/, '2026-11-28T11:37:57.25'],
    ["time '11:37:57'", /^time$/, '11:37:57'],
    ["x'00ff'", /^varbinary$/, '0x00ff'],
    ["b'101'", /^(varbinary|bit)$/, '0x05'],
    ['moment', /^timestamp$/, '2026-11-28T11:37:57Z'],
    ['flag', /^tinyint$/, 1],
    ['bits', /^bit/, 5],
    ['colour', /^(enum|char)$/, 'red'],
    ['body', /^text$/, 'ü'],
    ['bytes', /^blob$/, '0x00ff'],
  ],
  escapes: [
    "insert into kept values (2, 'x')",
    "replace into kept values (1, 'x')",
    "update kept set text = 'x'",
    'delete from kept',
    'truncate kept',
    'drop table kept',
    'alter table kept add column extra text',
    'create table made as select 1 as n',
    'create temporary table made as select 1 as n',
    'select 1; delete from kept',
    "select text from kept into outfile '/tmp/thalweg-escape-mysql'",
    "select text from kept into dumpfile '/tmp/thalweg-escape-mysql'",
    "select text into outfile '/tmp/thalweg-escape-mysql' from kept",
    'select n into @n from kept',
    "select load_file('/etc/passwd')",
    "select LOAD_FILE /* */ ('/etc/passwd')",
    "select `load_file`('/etc/passwd')",
    "select /*!load_file('/etc/passwd') */",
    "select 1 /*!50000 into outfile '/tmp/thalweg-escape-mysql' */",
    "select 1 /*M!100000 into outfile '/tmp/thalweg-escape-mysql' */",
    "load data infile '/etc/passwd' into table kept",
    "load data local infile '/etc/passwd' into table kept",
    'set global general_log = 1',
    'set session transaction read write',
    'set statement max_statement_time = 0 for select 1',
    'start transaction read write',
    'commit',
    'rollback; delete from kept',
    'begin not atomic delete from kept; end',
    'call nothing()',
    'do release_all_locks()',
    "prepare p from 'delete from kept'",
    "execute immediate 'delete from kept'",
    'explain delete from kept',
    'analyze delete from kept',
    'with a as (select 1) delete from kept',
    'select n from kept for update',
    'select n from kept lock in share mode',
    "select get_lock('a', 1)",
    'select @a := 1',
    'select next value for made; drop table kept',
    'select nextval(made)',
    'lock tables kept write',
    'flush tables',
    'kill 1',
    'shutdown',
    'grant all on *.* to someone',
    "create function sys_exec returns int soname 'x.so'",
    "install plugin x soname 'x.so'",
    'handler kept open',
    'optimize table kept',
    'select 1 -- \n; delete from kept',
    'select 1 # \n; delete from kept',
    "select 'a\\'' ; delete from kept -- '",
    'select 1 --\u00a0 ; delete from kept',
  ],
}

export async function startMysqlEngine(): Promise<EngineUnderTest> {
  const database = await mariadbDatabase()
  const { administer } = database
  await administer('create table kept (n int not null, text text)')
  await administer("insert into kept values (1, 'kept')")
  await administer(
    "create table typed (moment timestamp, flag boolean, bits bit(4), colour enum('red', 'blue'), body text, bytes blob)",
  )
  await administer("insert into typed select from_unixtime(1795865877), true, b'101', 'red', 'ü', x'00ff'")
  await administer("create table `it's``here` (`x``y` bigint, z datetime(3))")
  const engine = openMysql(
    MysqlConnection.parse({ host: database.host, database: database.database, tls: 'off' }),
    { user: database.user },
    { clock: systemClock, logger: { warn: () => undefined } },
  )
  return {
    engine,
    running: async () => {
      const rows = (await administer(
        `select count(*) as count from information_schema.processlist where db = '${database.database}' and id <> connection_id() and command <> 'Sleep'`,
      )) as { count: number }[]
      return Number(rows[0]?.count)
    },
    table: {
      database: database.database,
      table: "it's`here",
      rows: 0,
      columns: [
        { name: 'x`y', type: 'bigint(20)' },
        { name: 'z', type: 'datetime(3)' },
      ],
    },
    untouched: async () => {
      const rows = await administer('select n, text from kept')
      const made = await administer("show tables like 'made'")
      return (
        JSON.stringify(rows) === '[{"n":1,"text":"kept"}]' && made.length === 0 && !existsSync(LEFT_BEHIND)
      )
    },
    stop: async () => {
      await engine.close()
      await database.drop()
    },
  }
}
