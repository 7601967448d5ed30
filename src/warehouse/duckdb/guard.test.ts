/** Ways out of a query, and what became of each: refused with a word why, no file made or read, no connection opened. */

import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { ThalwegError } from '../../core/errors.ts'
import { batchAt, type TestWarehouse, testWarehouse } from './warehouse.fixture.ts'

const SECRET = 'do-not-read-me'

/** FILE, OUT and URL stand for a file that is there, one that is not, and a server that counts. */
const ESCAPES: readonly string[] = [
  // Not a read, or more than one
  '',
  ';',
  '-- nothing',
  'select 1; select 2',
  "select 1; copy (select 1) to 'OUT'",
  'select 1;; delete from events',
  'insert into events (id) values (1)',
  "update events set id = 'x'",
  'delete from events',
  'truncate events',
  'drop table events',
  'drop schema braze cascade',
  'alter table events add column x int',
  'create table t as select 1',
  'create temp table t as select 1',
  'create view v as select 1',
  'create macro m(a) as a + 1',
  'create sequence s',
  "create secret (type s3, key_id 'a')",
  'create or replace function f(x) as table select 1',
  'begin',
  'commit',
  'rollback',
  'checkpoint',
  'force checkpoint',
  'vacuum',
  'analyze',
  "attach 'OUT' as other",
  "attach 'FILE' (type sqlite)",
  'detach warehouse',
  'use main',
  'set threads = 8',
  "set temp_directory = '/tmp'",
  'set enable_external_access = true',
  'reset lock_configuration',
  'pragma database_list',
  'pragma enable_profiling',
  'call duckdb_settings()',
  'load json',
  'install httpfs',
  "install 'OUT'",
  'prepare p as select 1',
  'execute p',
  'explain analyze select 1',
  "export database 'OUT'",
  "import database 'OUT'",
  "copy events to 'OUT'",
  "copy (select * from events) to 'OUT' (format parquet)",
  "copy events from 'FILE'",
  "copy events to '/dev/stdout'",
  'with x as (delete from events returning *) select * from x',
  'with x as (insert into events (id) values (1) returning id) select * from x',
  // Files and networks
  "from 'FILE'",
  "select * from 'FILE'",
  `select * from "FILE"`,
  "select * from read_text('FILE')",
  "select * from read_blob('FILE')",
  "select * from read_csv('FILE')",
  "select * from read_csv_auto('FILE')",
  "select * from read_json('FILE')",
  "select * from read_json_objects('FILE')",
  "select * from read_ndjson_auto('FILE')",
  "select * from read_parquet('FILE')",
  "select * from parquet_scan('FILE')",
  "select * from parquet_metadata('FILE')",
  "select * from parquet_schema('FILE')",
  "select * from parquet_kv_metadata('FILE')",
  "select * from parquet_file_metadata('FILE')",
  "select * from sniff_csv('FILE')",
  "select * from read_duckdb('FILE')",
  "select * from glob('/etc/*')",
  "select * from read_text('URL')",
  "from 'URL/x.parquet'",
  "select (select content from read_text('FILE'))",
  "select 1 where exists (from read_text('FILE'))",
  "with x as (from read_text('FILE')) from x",
  "select * from events where id in (select content from read_text('FILE'))",
  "select * from events, lateral (select * from read_text('FILE'))",
  "select 1 union all select content from read_text('FILE')",
  "select 1 order by (select content from read_text('FILE'))",
  "select list_transform([1], x -> (select content from read_text('FILE')))",
  "with recursive r as (select 1 a union all select a + 1 from r, read_text('FILE') where a < 2) from r",
  "values ((select content from read_text('FILE')))",
  // SQL inside of text
  "select * from query('select 1')",
  "select * from query_table('events')",
  "select * from json_execute_serialized_sql(json_serialize_sql('select 1'))",
  // What the engine knows of itself and of the machine
  'select * from duckdb_settings()',
  'select * from duckdb_tables()',
  'select * from duckdb_columns()',
  'select * from duckdb_secrets()',
  'select * from duckdb_databases()',
  'select * from duckdb_extensions()',
  'select * from duckdb_functions()',
  'select * from duckdb_temporary_files()',
  'select * from duckdb_logs()',
  'select * from pragma_database_size()',
  "select * from pragma_table_info('events')",
  "select * from pragma_storage_info('events')",
  "select * from which_secret('x', 's3')",
  'select * from enable_logging()',
  'select * from force_checkpoint()',
  'select * from checkpoint()',
  'select * from summary((select 1))',
  "select getenv('HOME')",
  "select current_setting('temp_directory')",
  "select write_log('x')",
  "select nextval('s')",
  'select * from duckdb_tables',
  'select * from sqlite_master',
  'select * from pragma_database_list',
  'select * from information_schema.tables',
  'select * from information_schema.columns',
  'select * from pg_catalog.pg_tables',
  'select * from system.information_schema.tables',
  'show tables',
  'show all tables',
  'show databases',
  'describe duckdb_tables',
  'summarize _thalweg.positions',
  // Our own books
  'select * from _thalweg.positions',
  'select * from warehouse._thalweg.positions',
  'select * from "_thalweg"."positions"',
  'select * from _THALWEG.columns',
  'with events as (from _thalweg.misfits) from events',
  'select * from temp.stage_events',
  'select * from main.events',
]

test(`none of ${ESCAPES.length} escapes gets out`, async () => {
  const warehouse = await testWarehouse()
  await warehouse.load(batchAt([{ id: 'a', properties: {} }], [0]))
  let visits = 0
  const server = createServer((_, response) => {
    visits++
    response.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const file = join(warehouse.dataDir, 'secret.txt')
  writeFileSync(file, SECRET)
  const out = join(warehouse.dataDir, 'out')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const before = filesOf(warehouse)

  for (const way of ESCAPES) {
    const sql = way.replaceAll('FILE', file).replaceAll('OUT', out).replaceAll('URL', url)
    const error = await warehouse.rows(sql).then(
      (rows) => `it ran: ${JSON.stringify(rows)}`,
      (thrown: unknown) => thrown,
    )
    expect(error, way).toBeInstanceOf(ThalwegError)
    const { code, message } = error as ThalwegError
    expect(['QUERY_REFUSED', 'QUERY_FAILED'], `${way}: ${code} ${message}`).toContain(code)
    expect(message, way).not.toContain(SECRET)
    expect(message.length, way).toBeGreaterThan(10)
    // The engine's other walls are not what held it back.
    expect(message, way).not.toMatch(/file system operations are disabled|read-only mode|locked/)
  }
  expect(existsSync(out)).toBe(false)
  expect(visits).toBe(0)
  expect(filesOf(warehouse)).toEqual(before)
  expect(await warehouse.rows('select count(*) from events')).toEqual([[1]])
})

/** What people write all day. */
const READS: readonly string[] = [
  'select 1',
  'select 1;',
  'from events',
  'select id from braze.events',
  'select id from warehouse.braze.events',
  'select EVENTS.id from Events',
  'values (1), (2)',
  'with x as (select 1 as a) select * from x, range(3) r(b), generate_series(1, 2) s(c)',
  'with recursive r as (select 1 a union all select a + 1 from r where a < 5) select max(a) from r',
  `select unnest([1, 2]), e.value from json_each('{"a":1}') e`,
  'select count(*) filter (where id is null), sum(_offset) over (order by id) from events group by id, _offset',
  'describe events',
  'summarize events',
  'select * from events a join events b using (id) left join (values (1)) v(x) on true',
  'select * from (select 1) union all select 2 order by 1 limit 1 offset 1',
  "select date_trunc('day', time), strftime(time, '%Y'), now() is not null, regexp_matches(id, 'a') from events",
  "pivot (select event_type, 1 as n from events) on event_type in ('a') using sum(n)",
]

test('what only reads runs', async () => {
  const warehouse = await testWarehouse()
  await warehouse.load(batchAt([{ id: 'a', properties: {} }], [0]))
  for (const sql of READS) {
    const rows = await warehouse.rows(sql).catch((error: unknown) => error)
    expect(rows, sql).toBeInstanceOf(Array)
  }
})

function filesOf({ dataDir }: TestWarehouse): string[] {
  return readdirSync(dataDir, { recursive: true, encoding: 'utf8' }).sort()
}
