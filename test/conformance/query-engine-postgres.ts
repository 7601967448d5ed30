/** PostgreSQL for the conformance suite. The user is a superuser, so that only our own barriers stand between an escape and its effect. */

import { existsSync } from 'node:fs'
import pg from 'pg'
import { systemClock } from '../../src/core/clock.ts'
import { PostgresConnection } from '../../src/destinations/postgres/settings.ts'
import { open as openPostgres } from '../../src/warehouse/postgres/engine.ts'
import { postgresDatabase } from '../support/postgres.ts'
import type { EngineDialect, EngineUnderTest } from './query-engine.ts'

const LEFT_BEHIND = '/tmp/thalweg-escape-postgres'

export const POSTGRES_SQL: EngineDialect = {
  rows: (count, chars) =>
    `select n, repeat('x', ${chars}) as text from (select generate_series(0, ${count} - 1) as n) as numbers`,
  slow: 'select pg_sleep(120)',
  endless: "select generate_series(1, 1000000000) as n, repeat('x', 100) as text",
  failsLate: [
    'select 1000 / (5000 - n) from (select generate_series(0, 6000) as n) as numbers',
    /division by zero/,
  ],
  broken: {
    sql: "select '😀',\n  nosuch from t",
    says: /relation "t" does not exist|column "nosuch"/,
    line: 2,
    column: 15,
  },
  types: [
    ['null::text', /^text$/, null],
    ['true', /^boolean$/, true],
    ['1::int2', /^smallint$/, 1],
    ['-7::int4', /^integer$/, -7],
    ['9007199254740991::int8', /^bigint$/, 9_007_199_254_740_991],
    ['9223372036854775807::int8', /^bigint$/, '9223372036854775807'],
    ['1.10::numeric', /^numeric$/, '1.10'],
    ['12::numeric', /^numeric$/, 12],
    ['0.1::float8', /^double precision$/, 0.1],
    ["'NaN'::float8", /^double precision$/, 'NaN'],
    ["'-Infinity'::float4", /^real$/, '-Infinity'],
    ["'it''s ü'::text", /^text$/, "it's ü"],
    ["'a'::varchar(10)", /^character varying/, 'a'],
    ["date '2026-11-28'", /^date$/, '2026-11-28'],
    ["timestamp '2026-11-28 11:37:57.25'", /^timestamp without/, '2026-11-28T11:37:57.25'],
    ["timestamptz '2026-11-28 12:37:57.123456+01'", /^timestamp with/, '2026-11-28T11:37:57.123456Z'],
    ["time '11:37:57'", /^time without/, '11:37:57'],
    ["interval '1 day 2 hours'", /^interval$/, 'P1DT2H'],
    ["'\\x00ff'::bytea", /^bytea$/, '\\x00ff'],
    ['\'{"a": 1}\'::jsonb', /^jsonb$/, '{"a": 1}'],
    ["'00000000-0000-0000-0000-000000000001'::uuid", /^uuid$/, '00000000-0000-0000-0000-000000000001'],
    ['array[1, null, 3]', /^integer\[\]$/, '{1,NULL,3}'],
  ],
  escapes: [
    "insert into kept values (2, 'x')",
    "update kept set text = 'x'",
    'delete from kept',
    'truncate kept',
    'drop table kept',
    'alter table kept add column extra text',
    'create table made as select 1 as n',
    'select * into made from kept',
    'select 1; delete from kept',
    'select 1;\n--\ndelete from kept',
    'with gone as (delete from kept returning *) select * from gone',
    "with made as (insert into kept values (3, 'x') returning n) select n from made",
    'with a as (select 1) update kept set n = 9',
    "copy kept to program 'touch /tmp/thalweg-escape-postgres'",
    "copy (select 1) to '/tmp/thalweg-escape-postgres'",
    "copy kept from '/etc/passwd'",
    "select lo_import('/etc/passwd')",
    "select lo_export(1, '/tmp/thalweg-escape-postgres')",
    "select pg_read_file('/etc/passwd')",
    'select "pg_read_file"(\'/etc/passwd\')',
    "select pg_catalog.pg_read_binary_file /* */ ('/etc/passwd')",
    'select U&"\\0070g_read_file"(\'/etc/passwd\')',
    "select pg_ls_dir('/')",
    "select * from dblink('dbname=postgres', 'delete from kept') as t(a text)",
    "select query_to_xml('delete from kept', true, true, '')",
    "select set_config('transaction_read_only', 'off', true)",
    'set transaction read write',
    'set session characteristics as transaction read write',
    'begin read write',
    'rollback; delete from kept',
    'commit',
    'do $$ begin delete from kept; end $$',
    'call nothing()',
    'prepare p as delete from kept',
    'execute p',
    'explain analyze delete from kept',
    'explain (analyze) create table made as select 1',
    'vacuum kept',
    "notify channel, 'x'",
    'lock table kept',
    'select n from kept for update',
    'select pg_terminate_backend(pg_backend_pid())',
    'select pg_advisory_lock(1)',
    '/* select */ delete from kept',
    'select 1 /* /* */ ; delete from kept /* */ */ ; delete from kept',
    "select E'\\'' ; delete from kept -- '",
    'select $a$ $b$ $a$ ; delete from kept -- $b$',
    'create extension file_fdw',
    "alter system set log_statement = 'all'",
    "security label on table kept is 'x'",
    'listen channel',
    'reset all',
  ],
}

export async function startPostgresEngine(): Promise<EngineUnderTest> {
  const database = await postgresDatabase('empty')
  const outside = new pg.Client({ connectionString: database.url })
  await outside.connect()
  await outside.query('create table kept (n integer not null, text text)')
  await outside.query("insert into kept values (1, 'kept')")
  await outside.query('create schema "a"";b"')
  await outside.query('create table "a"";b"."it\'s" ("x""y" bigint, z timestamptz)')
  const engine = openPostgres(
    PostgresConnection.parse({ host: database.host, database: database.database, tls: 'off' }),
    { user: database.user },
    { clock: systemClock, logger: { warn: () => undefined } },
  )
  return {
    engine,
    running: async () => {
      const { rows } = await outside.query<{ count: string }>(
        "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'thalweg' and state <> 'idle'",
      )
      return Number(rows[0]?.count)
    },
    table: {
      database: 'a";b',
      table: "it's",
      rows: undefined,
      columns: [
        { name: 'x"y', type: 'bigint' },
        { name: 'z', type: 'timestamp with time zone' },
      ],
    },
    untouched: async () => {
      const { rows } = await outside.query('select n, text from kept')
      const { rows: tables } = await outside.query("select relname from pg_class where relname = 'made'")
      return (
        JSON.stringify(rows) === '[{"n":1,"text":"kept"}]' && tables.length === 0 && !existsSync(LEFT_BEHIND)
      )
    },
    stop: async () => {
      await engine.close()
      await outside.end()
      await database.drop()
    },
  }
}
