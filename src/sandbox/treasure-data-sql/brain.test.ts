import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Row } from '../treasure-data-rows.ts'
import { Brain, type Query, type TableRows } from './brain.ts'

/** 2018-08-14 01:23:45 UTC: the moment that Treasure Data's own examples are told for. */
const NOW_S = 1_534_209_825
const DATABASE = 'shop_db'

let brain: Brain
beforeAll(async () => {
  brain = await Brain.open()
})
afterAll(() => brain.close())

function row(value: unknown, also: Partial<Row> = {}): Row {
  const bytes = Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
  return {
    database: DATABASE,
    table: 'events',
    time: NOW_S,
    receivedAtMs: NOW_S * 1000,
    form: 'postback',
    bytes,
    filled: {},
    ...also,
  }
}

async function ask(text: string, tables: readonly TableRows[] = [], also: Partial<Query> = {}) {
  const query: Query = { text, engine: 'presto', database: DATABASE, scheduledAtS: NOW_S, ...also }
  const result = await brain.run(query, tables, new AbortController().signal)
  const rows: unknown[][] = []
  for await (const chunk of result.chunks()) rows.push(...chunk.map((cells) => cells.map(plain)))
  await result.drop()
  return { columns: result.columns, rows }
}

const plain = (cell: unknown) => (typeof cell === 'bigint' ? Number(cell) : cell)

const batch = (...types: string[]) => ({
  events: types.map((type, i) => ({
    id: `${type}-${i}`,
    event_type: type,
    user: { tags: ['a', "it's"] },
    properties: { price: 1.5 + i },
  })),
})

function events(...rows: Row[]): TableRows[] {
  return [{ database: DATABASE, table: 'events', rows }]
}

describe('the documented count by event type', () => {
  it('counts the events inside the batches', async () => {
    const { columns, rows } = await ask(
      `SELECT json_extract_scalar(e, '$.event_type') AS event_type, count(*) AS n
       FROM   events
       CROSS JOIN UNNEST(CAST(json_parse(events) AS ARRAY(JSON))) AS t(e)
       WHERE  td_interval(time, '-1d')
       GROUP  BY 1 ORDER BY 2 DESC`,
      events(
        row(batch('open', 'open', 'click'), { time: NOW_S - 86_400 }),
        row(batch('open'), { time: NOW_S - 86_000 }),
        row(batch('today')),
      ),
    )
    expect(columns).toEqual([
      { name: 'event_type', type: 'varchar', kind: 'text' },
      { name: 'n', type: 'bigint', kind: 'integer' },
    ])
    expect(rows).toEqual([
      ['open', 3],
      ['click', 1],
    ])
  })

  it('leaves rows out that are no JSON, with TRY, and fails without', async () => {
    const tables = events(row(batch('open')), row({ events: 'no json' }))
    const from = (parsed: string) =>
      `SELECT count(DISTINCT json_extract_scalar(e, '$.id')) FROM events CROSS JOIN UNNEST(CAST(${parsed} AS ARRAY(JSON))) AS t(e)`
    expect((await ask(from('TRY(JSON_PARSE(events))'), tables)).rows).toEqual([[1]])
    await expect(ask(from('JSON_PARSE(events)'), tables)).rejects.toThrow(
      "Cannot convert value to JSON: 'no json'",
    )
  })
})

describe('values', () => {
  const cases: { sql: string; is: unknown; type?: string }[] = [
    { sql: '1 / 2', is: 0, type: 'integer' },
    { sql: 'CAST(9007199254740993 AS VARCHAR)', is: '9007199254740993', type: 'varchar' },
    { sql: '1.5', is: '1.5', type: 'decimal(2,1)' },
    { sql: 'sum(x) FROM (VALUES (1), (2)) AS v(x)', is: 3, type: 'bigint' },
    { sql: 'NULL', is: null },
    { sql: "DATE '2020-02-29'", is: '2020-02-29', type: 'date' },
    { sql: "TIMESTAMP '2020-02-29 01:02:03'", is: '2020-02-29 01:02:03.000', type: 'timestamp' },
    { sql: "ARRAY['a', 'b']", is: '["a","b"]', type: 'array(varchar)' },
    { sql: "MAP(ARRAY['k'], ARRAY[1])", is: '{"k":1}', type: 'map(varchar,integer)' },
    {
      sql: "CAST(ROW(1, 'x') AS ROW(a BIGINT, b VARCHAR))",
      is: '{"a":1,"b":"x"}',
      type: 'row(a bigint, b varchar)',
    },
    { sql: `JSON_PARSE('{"a":[1]}')`, is: '{"a":[1]}', type: 'json' },
    { sql: 'JSON_EXTRACT_SCALAR(\'{"a":{"b":true}}\', \'$.a.b\')', is: 'true' },
    { sql: 'JSON_EXTRACT_SCALAR(\'{"a":{"b":true}}\', \'$.a\')', is: null },
    { sql: 'JSON_EXTRACT_SCALAR(\'{"a b":[1,2]}\', \'$["a b"][1]\')', is: '2' },
    { sql: "JSON_EXTRACT_SCALAR('no json', '$.a')", is: null },
    { sql: `CAST(JSON_EXTRACT('{"a":"x"}', '$.a') AS VARCHAR)`, is: 'x' },
    { sql: `CAST(JSON_EXTRACT('{"a":"12"}', '$.a') AS BIGINT)`, is: 12 },
    { sql: "CAST('a\"b' AS JSON)", is: '"a\\"b"', type: 'json' },
    { sql: "TRY(CAST('x' AS BIGINT))", is: null },
    { sql: "TRY_CAST('x' AS BIGINT)", is: null },
    { sql: 'element_at(ARRAY[1, 2], 3)', is: null },
    { sql: 'cardinality(ARRAY[1, 2])', is: 2 },
    { sql: "concat('a', NULL)", is: null },
    { sql: 'IF(1 > 2, 3)', is: null },
    { sql: "regexp_replace('a1b2', '([0-9])', '<$1>')", is: 'a<1>b<2>' },
    { sql: "regexp_extract('abc', 'x')", is: null },
    { sql: 'APPROX_DISTINCT(x) FROM (VALUES (1), (1), (2)) AS v(x)', is: 2 },
    { sql: 'transform(ARRAY[1, 2], x -> x + 1)', is: '[2,3]' },
    { sql: 'CAST(ROW(true AND false, 1) AS ROW(a BOOLEAN, b BIGINT))', is: '{"a":false,"b":1}' },
    { sql: "date_format(from_unixtime(0), '%Y-%m-%d %H:%i:%s')", is: '1970-01-01 00:00:00' },
    { sql: "date_diff('month', DATE '2020-01-31', DATE '2020-02-28')", is: 0 },
    { sql: "date_add('day', 1, DATE '2020-02-28')", is: '2020-02-29 00:00:00.000' },
    { sql: "to_unixtime(TIMESTAMP '1970-01-01 00:00:01')", is: 1 },
    { sql: 'now()', is: '2018-08-14 01:23:45.000' },
    { sql: 'CURRENT_DATE', is: '2018-08-14' },
    { sql: 'TD_SCHEDULED_TIME()', is: NOW_S },
    { sql: "TD_TIME_PARSE('2013-01-01')", is: 1_356_998_400 },
    { sql: "TD_TIME_PARSE('2013-01-01', 'JST')", is: 1_356_966_000 },
    { sql: "TD_TIME_PARSE('2013-01-01 00:00:00 PST', 'JST')", is: 1_357_027_200 },
    { sql: "TD_TIME_PARSE('2013-01-01T00:00:00+0900')", is: 1_356_966_000 },
    { sql: "TD_TIME_PARSE('soon')", is: null },
    { sql: "TD_TIME_PARSE(x, 'JST') FROM (VALUES (concat('2013-01-01', ''))) AS v(x)", is: 1_356_966_000 },
    { sql: "TD_TIME_RANGE(100, TD_TIME_STRING(0, 'd!'), TD_TIME_ADD(TD_SCHEDULED_TIME(), '1q'))", is: true },
    { sql: "TD_TIME_ADD('2013-01-01', '1d')", is: 1_357_084_800 },
    { sql: "TD_TIME_ADD(0, '-1M', 'UTC')", is: -2_678_400 },
    // Clocks went forward that night: a day later is the same hour, 24 hours later is not.
    {
      sql: "TD_TIME_ADD('2018-03-10 12:00:00', '1d', 'America/New_York') - TD_TIME_PARSE('2018-03-10 12:00:00', 'America/New_York')",
      is: 82_800,
    },
    {
      sql: "TD_TIME_ADD('2018-03-10 12:00:00', '24h', 'America/New_York') - TD_TIME_PARSE('2018-03-10 12:00:00', 'America/New_York')",
      is: 86_400,
    },
    { sql: "TD_DATE_TRUNC('day', 90000, 'JST')", is: 54_000 },
    { sql: "TD_DATE_TRUNC('week', 90000)", is: -259_200 },
    { sql: "TD_TIME_FORMAT(0, 'yyyy-MM-dd''T''HH:mm:ssZ', 'JST')", is: '1970-01-01T09:00:00+0900' },
    { sql: "TD_TIME_STRING(5000, 'h', 'JST')", is: '1970-01-01 10:00:00+0900' },
    { sql: "TD_TIME_STRING(5000, 'd!', 'JST')", is: '1970-01-01' },
    { sql: "TD_TIME_STRING(5000, 'M!')", is: '1970-01' },
    { sql: "TD_TIME_STRING(5000, 's!')", is: '1970-01-01 01:23:20' },
    { sql: "TD_TIME_STRING(5000, 'yyyy-MM-dd HH:00:00')", is: '1970-01-01 01:00:00' },
    { sql: "TD_TIME_RANGE(100, '1970-01-01', NULL)", is: true },
    { sql: 'TD_TIME_RANGE(100, NULL, 100)', is: false },
    { sql: 'TD_TIME_RANGE(100, 100)', is: true },
    { sql: "TD_TIME_RANGE(0, '1970-01-01', '1970-01-02', 'JST')", is: true },
    { sql: "TD_TIME_RANGE(54000, '1970-01-01', '1970-01-02', 'JST')", is: false },
  ]
  it.each(cases)('$sql', async ({ sql, is, type }) => {
    const { rows, columns } = await ask(`SELECT ${sql}`)
    expect(rows).toEqual([[is]])
    if (type !== undefined) expect(columns[0]?.type).toBe(type)
  })
})

describe('TD_INTERVAL, as its documentation tells it for 2018-08-14 01:23:45', () => {
  const cases: { interval: string; zone?: string; from: string; to: string }[] = [
    { interval: '-7d', from: '2018-08-07 00:00:00', to: '2018-08-14 00:00:00' },
    { interval: '-1w', from: '2018-08-06 00:00:00', to: '2018-08-13 00:00:00' },
    { interval: '1d', from: '2018-08-14 00:00:00', to: '2018-08-15 00:00:00' },
    { interval: '-1M', from: '2018-07-01 00:00:00', to: '2018-08-01 00:00:00' },
    { interval: '1M', from: '2018-08-01 00:00:00', to: '2018-09-01 00:00:00' },
    { interval: '-1q', from: '2018-04-01 00:00:00', to: '2018-07-01 00:00:00' },
    { interval: '1y', from: '2018-01-01 00:00:00', to: '2019-01-01 00:00:00' },
    { interval: '-15m', from: '2018-08-14 01:08:00', to: '2018-08-14 01:23:00' },
    { interval: '-30s', from: '2018-08-14 01:23:15', to: '2018-08-14 01:23:45' },
    { interval: '-1h', from: '2018-08-14 00:00:00', to: '2018-08-14 01:00:00' },
    { interval: '-1h/now', from: '2018-08-14 00:00:00', to: '2018-08-14 01:23:45' },
    { interval: '-1h/0d', from: '2018-08-13 23:00:00', to: '2018-08-14 00:00:00' },
    { interval: '-7d/2015-12-25', from: '2015-12-18 00:00:00', to: '2015-12-25 00:00:00' },
    { interval: '-10d/-1M', from: '2018-06-21 00:00:00', to: '2018-07-01 00:00:00' },
    { interval: '-1d/-7d', from: '2018-08-06 00:00:00', to: '2018-08-07 00:00:00' },
    { interval: '-1d', zone: 'JST', from: '2018-08-12 15:00:00', to: '2018-08-13 15:00:00' },
    { interval: '-1d', zone: '-0500', from: '2018-08-12 05:00:00', to: '2018-08-13 05:00:00' },
  ]
  it.each(cases)('$interval $zone', async ({ interval, zone = 'UTC', from, to }) => {
    const { rows } = await ask(
      `SELECT TD_TIME_STRING(t, 's!'), TD_INTERVAL(t, '${interval}', '${zone}')
       FROM (SELECT TD_TIME_PARSE(w) + d AS t FROM (VALUES ('${from}', -1), ('${from}', 0), ('${to}', -1), ('${to}', 0)) AS v(w, d))`,
    )
    expect(rows.map(([, inside]) => inside)).toEqual([false, true, true, false])
  })
})

describe('names', () => {
  it('of columns: as given, in lower case; without one _col and the place; twice the same stays', async () => {
    const { columns } = await ask(
      'SELECT 1 AS "Big One", count(*), 2 AS a, 3 AS A, lower(\'X\'), e.time FROM events e GROUP BY e.time',
      events(),
    )
    expect(columns.map(({ name }) => name)).toEqual(['big one', '_col1', 'a', 'a', '_col4', 'time'])
  })

  it('of tables: in the database of the query, of another database, and with the catalog', async () => {
    const tables: TableRows[] = [
      ...events(row({ a: 1 })),
      { database: 'other_db', table: 'events', rows: [row({ a: 2 })] },
    ]
    const { rows } = await ask(
      'SELECT (SELECT a FROM events), (SELECT a FROM other_db.events), (SELECT a FROM td.other_db.events)',
      tables,
    )
    expect(rows).toEqual([[1, 2, 2]])
  })

  it('of Hive: backquotes for names, double quotes for text', async () => {
    const { rows } = await ask(
      "SELECT `v`, \"it's\", get_json_object('{\"a\":1}', '$.a') FROM events",
      events(row({ v: 5 })),
      { engine: 'hive' },
    )
    expect(rows).toEqual([[5, "it's", '1']])
  })
})

describe('columns', () => {
  it('keep the type they were first seen with; what does not fit reads as null', async () => {
    const tables = events(
      row({ n: 1, s: 'x', d: 1.5 }),
      row({ n: '12', s: 5, d: '2.5' }),
      row({ n: 'many', b: true, o: { k: [1] } }),
      row({ n: 2.9, d: 'x' }),
    )
    const { rows } = await ask('SELECT n, s, d, b, o FROM events', tables)
    expect(rows).toEqual([
      [1, 'x', 1.5, null, null],
      [12, '5', 2.5, null, null],
      [null, null, null, 'true', '{"k":[1]}'],
      [2, null, null, null, null],
    ])
  })

  it('follow the rows: appended, cut at the beginning, gone', async () => {
    const kept = [row({ n: 1 }), row({ n: 2 }), row({ n: 3 })]
    const sum = async (rows: Row[]) =>
      (await ask('SELECT count(*), max(time) FROM events', events(...rows))).rows[0]?.[0]
    expect(await sum(kept.slice(0, 2))).toBe(2)
    expect(await sum(kept)).toBe(3)
    expect(await sum(kept.slice(1))).toBe(2)
    expect(await sum([])).toBe(0)
  })
})

describe('errors', () => {
  const cases: { sql: string; error: string }[] = [
    { sql: 'SELECT nope FROM events', error: "line 1:8: Column 'nope' cannot be resolved" },
    { sql: 'SELECT e.nope FROM events e', error: "line 1:8: Column 'e.nope' cannot be resolved" },
    { sql: 'SELECT 1\nFROM nope', error: "line 2:6: Table 'td.shop_db.nope' does not exist" },
    { sql: 'SELEC 1', error: "line 1:1: mismatched input 'SELEC'. Expecting: <query>" },
    { sql: 'SELECT 1 +', error: "line 1:11: mismatched input '<EOF>'" },
    { sql: 'SELECT 1 FROM FROM events', error: "line 1:15: mismatched input 'FROM'" },
    {
      sql: "SELECT 'größe', JSON_EXTRACT_SCALAR(nope, '$.a') FROM events",
      error: "line 1:37: Column 'nope' cannot be resolved",
    },
    {
      sql: 'SELECT time, count(*) FROM events',
      error: "line 1:8: 'time' must be an aggregate expression or appear in GROUP BY clause",
    },
    { sql: 'SELECT explode(1)', error: "line 1:8: Function 'explode' not registered" },
    { sql: "SELECT read_csv('/etc/passwd')", error: "line 1:8: Function 'read_csv' not registered" },
    {
      sql: "SELECT * FROM read_text('/etc/passwd')",
      error: "line 1:15: Function 'read_text' not registered",
    },
    {
      sql: 'SELECT td_interval(time) FROM events',
      error: 'line 1:8: Unexpected parameters for function td_interval',
    },
    {
      sql: "SELECT td_interval(time, 'yesterday') FROM events",
      error: "line 1:26: Invalid argument of td_interval: 'yesterday'",
    },
    {
      sql: "SELECT td_time_format(time, 'yyyy', 'Moon') FROM events",
      error: "line 1:37: Invalid argument of td_time_format: 'Moon'",
    },
    { sql: "SELECT CAST('x' AS BIGINT)", error: "Cannot cast 'x' to bigint" },
    {
      sql: 'SELECT `a`',
      error: 'line 1:8: backquoted identifiers are not supported; use double quotes to quote identifiers',
    },
    { sql: 'SELECT 1; SELECT 2', error: "line 1:11: mismatched input 'SELECT'. Expecting: <EOF>" },
    { sql: 'DROP TABLE events', error: 'line 1:1: This connector does not support DROP' },
    { sql: "SELECT 'open", error: "line 1:8: mismatched input '''" },
  ]
  it.each(cases)('$sql', async ({ sql, error }) => {
    await expect(ask(sql, events(row({ events: '[]' })))).rejects.toThrow(error)
  })

  it('files stay closed', async () => {
    await expect(ask("SELECT * FROM '/etc/passwd'")).rejects.toThrow()
    await expect(ask('SELECT * FROM "/etc/passwd.csv"')).rejects.toThrow()
  })

  it('a query that is killed ends at once', async () => {
    const killing = new AbortController()
    const endless =
      'SELECT count(*) FROM UNNEST(sequence(1, 1000000)) AS a(x), UNNEST(sequence(1, 1000000)) AS b(y) WHERE x % 7 = y % 11'
    const running = brain.run(
      { text: endless, engine: 'trino', database: DATABASE, scheduledAtS: NOW_S },
      [],
      killing.signal,
    )
    setImmediate(() => killing.abort())
    await expect(running).rejects.toMatchObject({ code: 'QUERY_CANCELLED' })
  })
})
