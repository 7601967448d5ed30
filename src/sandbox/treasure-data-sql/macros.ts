/**
 * Functions of Presto and Treasure Data that DuckDB lacks or means otherwise, as macros of DuckDB. Their names begin
 * with `vendor_`, so that nothing of DuckDB's own is shadowed; functions.ts says which name becomes which macro, and
 * works out beforehand what a query writes out (zones, formats, intervals). A macro is text: one that names an argument
 * twice doubles it, and nested calls double each other, so each names its argument once where it can.
 *
 * `t` is Unix seconds, as in Treasure Data's column `time`; `z` a name of the time zone database.
 */

import { OFFSET_MARK } from './formats.ts'
import { ZONES } from './times.ts'

/** Moment of the query, Unix seconds; set on every connection. */
export const NOW_VARIABLE = 'vendor_now'

const zoneCases = Object.entries(ZONES)
  .map(([name, zone]) => `WHEN '${name}' THEN '${zone}'`)
  .join(' ')

/** `body` with its letter standing for `value`, which is worked out once. */
const once = (value: string, letter: string, body: string): string =>
  `list_transform([${value}], lambda ${letter}: ${body})[1]`

const STATED_OFFSET = '[+-][0-9]{1,2}(:?00)?$'

/** In order: a macro may use those before it. Several bodies of one macro differ by their number of arguments. */
const MACROS: readonly (readonly [name: string, ...bodies: string[]])[] = [
  ['vendor_local', '(t, z) AS timezone(z, to_timestamp(t))'],
  ['vendor_moment', '(local, z) AS CAST(floor(epoch(timezone(z, CAST(local AS TIMESTAMP)))) AS BIGINT)'],
  ['vendor_td_scheduled_time', `() AS CAST(getvariable('${NOW_VARIABLE}') AS BIGINT)`],
  [
    // Text that only the data knows. The zone may stand behind it: letters, or an offset behind hours and minutes.
    'vendor_td_time_parse',
    `(s, z := 'UTC') AS ${once(
      'trim(s)',
      'v',
      `CASE WHEN regexp_matches(v, '[A-Z]{1,4}$')
           THEN vendor_moment(TRY_CAST(trim(regexp_replace(v, '[A-Z]{1,4}$', '')) AS TIMESTAMP), CASE regexp_extract(v, '[A-Z]{1,4}$') ${zoneCases} END)
         WHEN regexp_matches(v, ':[0-9.]+ *${STATED_OFFSET}')
           THEN vendor_moment(TRY_CAST(trim(regexp_replace(v, '${STATED_OFFSET}', '')) AS TIMESTAMP), 'UTC')
             - 3600 * CAST(regexp_extract(v, '([+-][0-9]{1,2})(:?00)?$', 1) AS INTEGER)
         ELSE vendor_moment(TRY_CAST(v AS TIMESTAMP), z) END`,
    )}`,
  ],
  [
    // A time that may be a number or text.
    'vendor_time',
    `(x, z) AS ${once('CAST(x AS VARCHAR)', 'w', 'COALESCE(TRY_CAST(w AS BIGINT), vendor_td_time_parse(w, z))')}`,
  ],
  [
    'vendor_td_time_range',
    `(t, a, b := NULL, z := 'UTC') AS COALESCE(t >= vendor_time(a, z), a IS NULL) AND COALESCE(t < vendor_time(b, z), b IS NULL)`,
  ],
  ['vendor_td_interval', '(t, a, b, z := NULL) AS t >= a AND t < b'],
  ['vendor_add_seconds', "(t, n, z := 'UTC') AS vendor_time(t, z) + n"],
  [
    'vendor_add_days',
    "(t, n, z := 'UTC') AS vendor_moment(vendor_local(vendor_time(t, z), z) + to_days(n), z)",
  ],
  [
    'vendor_add_months',
    "(t, n, z := 'UTC') AS vendor_moment(vendor_local(vendor_time(t, z), z) + to_months(n), z)",
  ],
  ['vendor_td_date_trunc', "(u, t, z := 'UTC') AS vendor_moment(date_trunc(u, vendor_local(t, z)), z)"],
  [
    'vendor_offset',
    `(t, z) AS ${once(
      'CAST((epoch(vendor_local(t, z)) - t) / 60 AS BIGINT)',
      'm',
      "CASE WHEN m < 0 THEN '-' ELSE '+' END || lpad(CAST(abs(m) // 60 AS VARCHAR), 2, '0') || lpad(CAST(abs(m) % 60 AS VARCHAR), 2, '0')",
    )}`,
  ],
  ['vendor_td_time_format', "(t, f, z := 'UTC') AS strftime(vendor_local(t, z), f)"],
  [
    'vendor_td_time_format_offset',
    `(t, f, z := 'UTC') AS replace(strftime(vendor_local(t, z), f), '${OFFSET_MARK}', vendor_offset(t, z))`,
  ],
  ['vendor_td_time_string', "(t, u, f, z := 'UTC') AS strftime(date_trunc(u, vendor_local(t, z)), f)"],
  [
    'vendor_td_time_string_offset',
    `(t, u, f, z := 'UTC') AS replace(strftime(date_trunc(u, vendor_local(t, z)), f), '${OFFSET_MARK}', vendor_offset(t, z))`,
  ],
  ['vendor_now', "() AS timezone('UTC', to_timestamp(vendor_td_scheduled_time()))"],
  ['vendor_today', '() AS CAST(vendor_now() AS DATE)'],
  ['vendor_from_unixtime', "(t, z := 'UTC') AS vendor_local(t, z)"],
  ['vendor_to_unixtime', '(t) AS epoch(t)'],
  ['vendor_date', '(x) AS CAST(x AS DATE)'],
  ['vendor_date_format', '(t, f) AS strftime(CAST(t AS TIMESTAMP), f)'],
  ['vendor_date_parse', '(s, f) AS strptime(s, f)'],
  [
    'vendor_date_add',
    `(u, n, t) AS t + CASE lower(u) WHEN 'second' THEN to_seconds(n) WHEN 'minute' THEN to_minutes(n) WHEN 'hour' THEN to_hours(n)
       WHEN 'day' THEN to_days(CAST(n AS INTEGER)) WHEN 'week' THEN to_weeks(CAST(n AS INTEGER)) WHEN 'month' THEN to_months(CAST(n AS INTEGER))
       WHEN 'quarter' THEN to_months(CAST(3 * n AS INTEGER)) WHEN 'year' THEN to_years(CAST(n AS INTEGER)) END`,
  ],
  ['vendor_json_parse', '(x) AS CAST(x AS JSON)'],
  ['vendor_json_format', '(x) AS CAST(x AS VARCHAR)'],
  ['vendor_json_extract', '(x, p) AS TRY(json_extract(x, p))'],
  [
    // Text of a scalar; null for objects, arrays and null. In Presto, text that is no JSON gives null and no error.
    'vendor_json_extract_scalar',
    "(x, p) AS TRY(CASE WHEN json_type(x, p) IN ('OBJECT', 'ARRAY', 'NULL') THEN NULL ELSE json_extract_string(x, p) END)",
  ],
  ['vendor_json_array_get', "(x, i) AS json_extract(x, '$[' || CAST(i AS VARCHAR) || ']')"],
  [
    // JSON text loses its quotes: CAST(JSON '"a"' AS VARCHAR) is a.
    'vendor_text',
    "(x) AS CASE typeof(x) WHEN 'JSON' THEN json_extract_string(to_json(x), '$') ELSE CAST(x AS VARCHAR) END",
  ],
  ['vendor_if', '(c, a, b := NULL) AS CASE WHEN c THEN a ELSE b END'],
  ['vendor_nan', "() AS CAST('NaN' AS DOUBLE)"],
  ['vendor_infinity', "() AS CAST('Infinity' AS DOUBLE)"],
  ['vendor_element_at', '(x, i) AS x[i]'],
  [
    // In Presto one null makes the whole null.
    'vendor_concat',
    ...['ab', 'abc', 'abcd', 'abcde', 'abcdef'].map(
      (names) => `(${[...names]}) AS ${[...names].join(' || ')}`,
    ),
  ],
  [
    'vendor_regexp_extract',
    '(s, p, g := 0) AS CASE WHEN regexp_matches(s, p) THEN regexp_extract(s, p, g) END',
  ],
  ['vendor_regexp_replace', "(s, p, r := '') AS regexp_replace(s, p, r, 'g')"],
]

export const MACRO_STATEMENTS: readonly string[] = MACROS.map(
  ([name, ...bodies]) => `CREATE MACRO ${name}${bodies.join(', ')}`,
)
