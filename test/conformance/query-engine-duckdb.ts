/** The embedded warehouse for the conformance suite: its own child process on a folder of its own. */

import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../src/core/clock.ts'
import { ThalwegError } from '../../src/core/errors.ts'
import { openEmbeddedWarehouse } from '../../src/warehouse/duckdb/duckdb.ts'
import { batchAt, load } from '../../src/warehouse/duckdb/warehouse.fixture.ts'
import type { Cell, QueryEngine } from '../../src/warehouse/warehouse.ts'
import type { EngineDialect, EngineUnderTest } from './query-engine.ts'

const LEFT_BEHIND = '/tmp/thalweg-escape-duckdb'
const MEMORY_BYTES_MAX = 536_870_912
/** Queries that the warehouse runs at once; each keeps its place until its last row is read. */
const PLACES = 4
const PROBE_MS = 500

export const DUCKDB_SQL: EngineDialect = {
  rows: (count, chars) => `select range as n, repeat('x', ${chars}) as text from range(${count})`,
  slow: 'select sum(a.range * b.range) from range(100000000) a, range(100000000) b',
  endless: "select range as n, repeat('x', 100) as text from range(1000000000)",
  failsLate: [
    "select cast(if(range = 500000, 'late', range::varchar) as bigint) from range(600000)",
    /Could not convert string 'late'/,
  ],
  // The child tells the place in its message only.
  broken: { sql: "select '😀',\n  nosuch from events", says: /"nosuch" not found/, line: 2, column: 3 },
  types: [
    ['null::varchar', /^VARCHAR$/, null],
    ['true', /^BOOLEAN$/, true],
    ['1::tinyint', /^TINYINT$/, 1],
    ['-7::integer', /^INTEGER$/, -7],
    ['9007199254740991::bigint', /^BIGINT$/, 9_007_199_254_740_991],
    ['9223372036854775807::bigint', /^BIGINT$/, '9223372036854775807'],
    ['5::hugeint', /^HUGEINT$/, 5],
    ['1.10::decimal(5,2)', /^DECIMAL\(5,2\)$/, '1.10'],
    ['0.1::double', /^DOUBLE$/, 0.1],
    ["'nan'::double", /^DOUBLE$/, 'NaN'],
    ["'-infinity'::float", /^FLOAT$/, '-Infinity'],
    ["'it''s ü'", /^VARCHAR$/, "it's ü"],
    ["date '2026-11-28'", /^DATE$/, '2026-11-28'],
    ["timestamp '2026-11-28 11:37:57.25'", /^TIMESTAMP$/, '2026-11-28T11:37:57.25Z'],
    [
      "timestamptz '2026-11-28 12:37:57.123456+01'",
      /^TIMESTAMP WITH TIME ZONE$/,
      '2026-11-28T11:37:57.123456Z',
    ],
    ["time '11:37:57'", /^TIME$/, '11:37:57'],
    ["'00000000-0000-0000-0000-000000000001'::uuid", /^UUID$/, '00000000-0000-0000-0000-000000000001'],
    ['[1, null, 3]', /^INTEGER\[\]$/, '[1,null,3]'],
    ["{'a': 1}", /^STRUCT/, '{"a":1}'],
    ['\'{"a":1.10}\'::json', /^JSON$|^VARCHAR$/, '{"a":1.10}'],
  ],
  escapes: [
    "insert into events (id) values ('x')",
    "update events set id = 'x'",
    'delete from events',
    'truncate events',
    'drop table events',
    'drop schema braze cascade',
    'alter table events add column extra int',
    'create table made as select 1 as n',
    'create temp table made as select 1 as n',
    'select 1; delete from events',
    'select 1;\n--\ndelete from events',
    `copy events to '${LEFT_BEHIND}'`,
    `copy (select 1) to '${LEFT_BEHIND}'`,
    "copy events from '/etc/passwd'",
    `export database '${LEFT_BEHIND}'`,
    "from read_text('/etc/passwd')",
    "from '/etc/passwd'",
    "select * from read_csv('/etc/passwd')",
    "from glob('/*')",
    `attach '${LEFT_BEHIND}' as other`,
    'detach warehouse',
    'set threads = 8',
    'set enable_external_access = true',
    'install httpfs',
    'load json',
    'pragma database_list',
    'call duckdb_settings()',
    "select getenv('HOME')",
    'from duckdb_secrets()',
    'from _thalweg.positions',
    "select * from query('delete from events')",
    'begin',
    'commit',
    'checkpoint',
    'prepare p as delete from events',
    'explain analyze delete from events',
    '/* select */ delete from events',
  ],
}

export async function startDuckdbEngine(): Promise<EngineUnderTest> {
  const dataDir = await mkdtemp(join(tmpdir(), 'thalweg-test-'))
  const embedded = openEmbeddedWarehouse({
    dataDir,
    threads: 1,
    memoryBytesMax: MEMORY_BYTES_MAX,
    retentionAgeMs: 0,
    clock: systemClock,
    logger: { info: () => undefined, error: () => undefined },
  })
  const { engine } = embedded
  await load(embedded, batchAt([{ id: 'kept', properties: {} }], [0]), {})
  const before = await engine.tables()
  return {
    engine,
    running: async () => PLACES - (await freePlaces(engine)),
    table: {
      database: 'braze',
      table: 'events_raw',
      rows: 1,
      columns: [
        { name: 'time', type: 'TIMESTAMP' },
        { name: 'events', type: 'VARCHAR' },
        { name: '_request', type: 'BIGINT' },
        { name: '_offsets', type: 'BIGINT[]' },
        { name: '_source', type: 'VARCHAR' },
        { name: '_current', type: 'VARCHAR' },
      ],
    },
    untouched: async () => {
      const ids: (readonly Cell[])[] = []
      const { pages } = await engine.query({ sql: 'select id from events', timeoutMs: 20_000 }, never())
      for await (const page of pages) ids.push(...page)
      return (
        JSON.stringify(ids) === '[["kept"]]' &&
        JSON.stringify(await engine.tables()) === JSON.stringify(before) &&
        !existsSync(LEFT_BEHIND)
      )
    },
    stop: async () => {
      await embedded.close()
      await rm(dataDir, { recursive: true, force: true, maxRetries: 3 })
    },
  }
}

/** Only the child has the file open, so nobody else can be asked what runs: as many queries as there are places are begun, and those that get none are late. */
async function freePlaces(engine: QueryEngine): Promise<number> {
  const begun = await Promise.allSettled(
    Array.from({ length: PLACES }, () =>
      engine.query({ sql: 'from range(1000000000)', timeoutMs: PROBE_MS }, never()),
    ),
  )
  let free = 0
  for (const one of begun) {
    if (one.status === 'fulfilled') {
      free++
      for await (const _ of one.value.pages) break
    } else if (!(one.reason instanceof ThalwegError) || one.reason.code !== 'QUERY_TIMEOUT') throw one.reason
  }
  return free
}

function never(): AbortSignal {
  return new AbortController().signal
}
