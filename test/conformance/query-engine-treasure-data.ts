/** Treasure Data for the conformance suite: our double of it, over a real socket. Its jobs may change data, so only our own reading of a statement stands between an escape and its effect. */

import { systemClock } from '../../src/core/clock.ts'
import { seededRandom } from '../../src/core/random.ts'
import { TreasureDataCredentials } from '../../src/destinations/treasure-data/settings.ts'
import { DEMO, startTreasureData } from '../../src/sandbox/sandbox.ts'
import { treasureDataEngine } from '../../src/warehouse/treasure-data/open.ts'
import { TreasureDataQuerySettings } from '../../src/warehouse/treasure-data/treasure-data.ts'
import type { EngineDialect, EngineUnderTest } from './query-engine.ts'

const KEY = DEMO.treasureDataKey
const TABLE = 'kept'

/** Trino's sequence has at most 10,000 members, so that many rows take two. */
function rows(count: number, chars: number): string {
  const thousands = Math.max(1, Math.ceil(count / 1000))
  return `SELECT n, rpad('', ${chars}, 'x') AS text FROM (
    SELECT 1000 * (a.x - 1) + b.y - 1 AS n FROM UNNEST(sequence(1, ${thousands})) AS a(x) CROSS JOIN UNNEST(sequence(1, 1000)) AS b(y)
  ) AS numbers WHERE n < ${count} ORDER BY n`
}

export const TREASURE_DATA_SQL: EngineDialect = {
  rows,
  slow: 'SELECT count(*) FROM UNNEST(sequence(1, 1000000)) AS a(x), UNNEST(sequence(1, 1000000)) AS b(y) WHERE x % 7 = y % 11',
  broken: {
    sql: `SELECT '😀',\n  nosuch FROM ${TABLE}`,
    says: /Column 'nosuch' cannot be resolved/,
    line: 2,
    column: 3,
  },
  types: [
    ['CAST(NULL AS VARCHAR)', /^varchar$/, null],
    ['true', /^boolean$/, true],
    ['1', /^integer$/, 1],
    ['CAST(-7 AS BIGINT)', /^bigint$/, -7],
    ['9007199254740991', /^bigint$/, 9_007_199_254_740_991],
    ['9223372036854775807', /^bigint$/, '9223372036854775807'],
    ['1.10', /^decimal\(3,2\)$/, '1.10'],
    ['1e-1', /^double$/, 0.1],
    ['nan()', /^double$/, 'NaN'],
    ["'it''s ü'", /^varchar/, "it's ü"],
    ["DATE '2026-11-28'", /^date$/, '2026-11-28'],
    ["TIMESTAMP '2026-11-28 11:37:57.25'", /^timestamp/, '2026-11-28T11:37:57.250Z'],
    ['ARRAY[1, 9007199254740993]', /^array\(bigint\)$/, '[1,"9007199254740993"]'],
    ["MAP(ARRAY['k'], ARRAY['v'])", /^map\(varchar/, '{"k":"v"}'],
  ],
  escapes: [
    `INSERT INTO ${TABLE} SELECT 1`,
    `INSERT OVERWRITE TABLE ${TABLE} SELECT 1`,
    `DELETE FROM ${TABLE} WHERE 1 = 1`,
    `UPDATE ${TABLE} SET time = 0`,
    `MERGE INTO ${TABLE} USING ${TABLE} AS other ON false WHEN MATCHED THEN DELETE`,
    `TRUNCATE TABLE ${TABLE}`,
    `DROP TABLE ${TABLE}`,
    `DROP TABLE IF EXISTS ${TABLE}`,
    `ALTER TABLE ${TABLE} ADD COLUMN extra BIGINT`,
    'CREATE TABLE made AS SELECT 1 AS n',
    'CREATE VIEW made AS SELECT 1 AS n',
    'CREATE SCHEMA made',
    `SELECT 1; DROP TABLE ${TABLE}`,
    `SELECT 1;\n--\nDROP TABLE ${TABLE}`,
    `SELECT 1 ; ; DELETE FROM ${TABLE}`,
    `WITH a AS (SELECT 1) INSERT INTO ${TABLE} SELECT * FROM a`,
    `WITH a AS (SELECT 1) INSERT OVERWRITE TABLE ${TABLE} SELECT * FROM a`,
    `FROM ${TABLE} INSERT OVERWRITE TABLE made SELECT 1`,
    `EXPLAIN ANALYZE DELETE FROM ${TABLE}`,
    `EXPLAIN ANALYZE INSERT INTO ${TABLE} SELECT 1`,
    `(SELECT 1) UNION (SELECT 2); DELETE FROM ${TABLE}`,
    `/* SELECT */ DELETE FROM ${TABLE}`,
    `-- SELECT\nDELETE FROM ${TABLE}`,
    `SELECT 'a\\'; DROP TABLE ${TABLE} --'`,
    `SELECT 'a''' ; DROP TABLE ${TABLE} -- '`,
    `SELECT 1 /* /* */ ; DROP TABLE ${TABLE} /* */ */`,
    'CALL system.runtime.kill_query()',
    'SET SESSION query_max_run_time = 1',
    `GRANT ALL ON ${TABLE} TO PUBLIC`,
    'USE other',
    `PREPARE p FROM DELETE FROM ${TABLE}`,
    'EXECUTE p',
    'START TRANSACTION',
    'COMMIT',
    `LOAD DATA INPATH '/etc/passwd' INTO TABLE ${TABLE}`,
    `MSCK REPAIR TABLE ${TABLE}`,
    'ADD JAR /tmp/x.jar',
  ],
}

export async function startTreasureDataEngine(): Promise<EngineUnderTest> {
  const double = await startTreasureData({ clock: systemClock, random: seededRandom(3) }, { keys: [KEY] })
  const kept = await fetch(`${double.url}/postback/v3/event/${DEMO.database}/${TABLE}`, {
    method: 'POST',
    headers: { 'x-td-write-key': KEY },
    body: JSON.stringify({ events: [{ id: 'kept' }] }),
  })
  if (kept.status !== 200) throw new Error(`the double answered ${kept.status}`)
  const engine = treasureDataEngine(
    TreasureDataQuerySettings.parse({ host: double.url, database: DEMO.database }),
    TreasureDataCredentials.parse({ writeKey: KEY, apiKey: KEY }),
    { clock: systemClock, random: seededRandom(5), pace: { firstMs: 5, maxMs: 50 } },
  )
  const all = async () =>
    JSON.stringify([double.vendor.rows(), await engine.tables(new AbortController().signal)])
  const before = await all()
  return {
    engine,
    running: async () => {
      const { queued = 0, running = 0 } = double.vendor.state().jobs as Record<string, number>
      return queued + running
    },
    table: {
      database: DEMO.database,
      table: TABLE,
      rows: 1,
      columns: [
        { name: 'time', type: 'long' },
        { name: 'events', type: 'string' },
      ],
    },
    untouched: async () => (await all()) === before,
    stop: async () => {
      await engine.close()
      await double.close()
    },
  }
}
