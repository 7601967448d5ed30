/**
 * Which functions a query may call, and what DuckDB calls them. A function that is not listed does not exist, as at the
 * vendor: DuckDB's own must not help a query that would fail there, nor reach files or the network.
 */

import { fromJavaFormat, fromMysqlFormat, fromTimeString, OFFSET_MARK } from './formats.ts'
import { durationOf, intervalOf, momentOf, type Unit, zoneOf } from './times.ts'

export interface FunctionRule {
  /** What DuckDB calls it; unset: the same. */
  readonly as?: string | ((call: Call) => string)
  /** Arguments that are translated, by place from 0. */
  readonly arguments?: Readonly<Record<number, ArgumentRule>>
}

export interface ArgumentRule {
  /** Whether it must be a string written out in the query; else only such a string is translated. */
  readonly constant: boolean
  /** The argument as SQL; undefined for text that the function does not take. */
  readonly translated: (text: string, call: Call) => string | undefined
}

export interface Call {
  /** The argument at a place, when it is a string written out in the query. */
  readonly text: (place: number) => string | undefined
  readonly scheduledAtS: number
}

const SAME = `
  abs acos any_value array_agg array_distinct array_sort asin atan atan2 avg bool_and bool_or cbrt ceil ceiling chr
  coalesce corr cos count cume_dist date_trunc day dayofweek degrees dense_rank exp extract first_value floor greatest
  hour lag last_value lead least length ln log10 log2 lower lpad ltrim max max_by min min_by minute mod month nth_value
  ntile nullif percent_rank pi position power pow quarter radians random rank replace reverse round row_number rpad
  rtrim second sign sin split_part sqrt stddev stddev_pop stddev_samp strpos substr substring sum tan trim try_cast
  cast try upper variance var_pop var_samp week year grouping json_array_length starts_with
  count_if uuid`
  .trim()
  .split(/\s+/)

/** Presto's or Treasure Data's name, then DuckDB's. */
const RENAMED: Readonly<Record<string, string>> = {
  approx_distinct: 'approx_count_distinct',
  approx_percentile: 'approx_quantile',
  arbitrary: 'any_value',
  array_join: 'array_to_string',
  array_max: 'list_max',
  array_min: 'list_min',
  cardinality: 'len',
  contains: 'list_contains',
  date_diff: 'date_sub',
  day_of_month: 'day',
  day_of_week: 'isodow',
  day_of_year: 'dayofyear',
  every: 'bool_and',
  filter: 'list_filter',
  is_nan: 'isnan',
  is_infinite: 'isinf',
  rand: 'random',
  regexp_like: 'regexp_matches',
  sequence: 'generate_series',
  split: 'string_split',
  transform: 'list_transform',
  truncate: 'trunc',
  year_of_week: 'isoyear',
}

const MACROS = `
  concat date date_add element_at if infinity json_array_get json_format json_parse nan now regexp_extract td_scheduled_time to_unixtime`
  .trim()
  .split(/\s+/)

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`
const perhaps = (text: string | undefined): string | undefined => (text === undefined ? text : quoted(text))
const constant = (translated: ArgumentRule['translated']): ArgumentRule => ({ constant: true, translated })

const javaFormat = constant((text) => perhaps(fromJavaFormat(text)))
const mysqlFormat = constant((text) => perhaps(fromMysqlFormat(text)))
const zone = constant((text) => perhaps(zoneOf(text)))
const zoneAt = (call: Call, place: number): string => zoneOf(call.text(place) ?? 'UTC') ?? 'UTC'
/** A time in words becomes a number; one that is worked out stays as it is. */
const moment = (zonePlace: number): ArgumentRule => ({
  constant: false,
  translated: (text, call) => momentOf(text, zoneAt(call, zonePlace))?.toString(),
})

const jsonPath = constant((text) =>
  text.startsWith('$') ? quoted(text.replace(/\[\s*(["'])(.*?)\1\s*\]/g, '."$2"')) : undefined,
)
/** Groups are $1 in Presto, \1 in DuckDB. */
const replacement = constant((text) => quoted(text.replace(/\$(\d)/g, '\\$1')))

const UNIT_WORDS: Readonly<Record<Unit, string>> = {
  s: 'second',
  m: 'minute',
  h: 'hour',
  d: 'day',
  w: 'week',
  M: 'month',
  q: 'quarter',
  y: 'year',
}
const unitWord = constant((text) =>
  Object.values(UNIT_WORDS).includes(text.toLowerCase()) ? quoted(text.toLowerCase()) : undefined,
)

const interval = constant((text, call) => {
  const bounds = intervalOf(text, zoneAt(call, 2), call.scheduledAtS)
  return bounds === undefined ? undefined : `${bounds.from}, ${bounds.to}`
})
const timeString = constant((text) => {
  const form = fromTimeString(text)
  return form === undefined ? undefined : `${quoted(UNIT_WORDS[form.unit])}, ${quoted(form.pattern)}`
})
const withOffset = (name: string, pattern: (text: string) => string | undefined) => (call: Call) =>
  pattern(call.text(1) ?? '')?.includes(OFFSET_MARK) ? `${name}_offset` : name

/** By unit: the macro that adds it, and how many of the macro's unit it is. */
const ADDED: Readonly<Record<Unit, readonly [macro: string, times: number]>> = {
  s: ['vendor_add_seconds', 1],
  m: ['vendor_add_seconds', 60],
  h: ['vendor_add_seconds', 3600],
  d: ['vendor_add_days', 1],
  w: ['vendor_add_days', 7],
  M: ['vendor_add_months', 1],
  q: ['vendor_add_months', 3],
  y: ['vendor_add_months', 12],
}
const added = constant((text) => {
  const duration = durationOf(text)
  return duration === undefined ? undefined : String(duration.count * ADDED[duration.unit][1])
})

const TRANSLATED: Readonly<Record<string, FunctionRule>> = {
  date_format: { as: 'vendor_date_format', arguments: { 1: mysqlFormat } },
  date_parse: { as: 'vendor_date_parse', arguments: { 1: mysqlFormat } },
  from_unixtime: { as: 'vendor_from_unixtime', arguments: { 1: zone } },
  json_extract: { as: 'vendor_json_extract', arguments: { 1: jsonPath } },
  json_extract_scalar: { as: 'vendor_json_extract_scalar', arguments: { 1: jsonPath } },
  regexp_replace: { as: 'vendor_regexp_replace', arguments: { 2: replacement } },
  td_date_trunc: { as: 'vendor_td_date_trunc', arguments: { 0: unitWord, 2: zone } },
  td_interval: { as: 'vendor_td_interval', arguments: { 1: interval, 2: zone } },
  td_time_add: {
    as: (call) => ADDED[durationOf(call.text(1) ?? '')?.unit ?? 's'][0],
    arguments: { 0: moment(2), 1: added, 2: zone },
  },
  td_time_format: {
    as: withOffset('vendor_td_time_format', fromJavaFormat),
    arguments: { 1: javaFormat, 2: zone },
  },
  td_time_parse: { as: 'vendor_td_time_parse', arguments: { 1: zone } },
  td_time_range: { as: 'vendor_td_time_range', arguments: { 1: moment(3), 2: moment(3), 3: zone } },
  td_time_string: {
    as: withOffset('vendor_td_time_string', (text) => fromTimeString(text)?.pattern),
    arguments: { 1: timeString, 2: zone },
  },
}

/** By name in lower case. */
export const FUNCTIONS: ReadonlyMap<string, FunctionRule> = new Map<string, FunctionRule>([
  ...SAME.map((name) => [name, {}] as const),
  ...Object.entries(RENAMED).map(([name, as]) => [name, { as }] as const),
  ...MACROS.map((name) => [name, { as: `vendor_${name}` }] as const),
  ...Object.entries(TRANSLATED),
])

/** What Hive calls otherwise than Presto. */
export const HIVE_FUNCTIONS: ReadonlyMap<string, FunctionRule> = new Map<string, FunctionRule>([
  ['get_json_object', { as: 'vendor_json_extract_scalar', arguments: { 1: jsonPath } }],
  ['nvl', { as: 'coalesce' }],
  ['size', { as: 'len' }],
  ['instr', { as: 'strpos' }],
])

/** Words of SQL that may stand before a parenthesis or before a call without being a function or a name. */
export const KEYWORDS: ReadonlySet<string> = new Set(
  `all and any array as asc at between both by case char cross cube current decimal desc distinct double else end escape
  except exists fetch first following for from full group having in inner intersect interval into
  is join lateral last leading left like limit map natural next not nulls numeric offset on only or order ordinality
  outer over partition preceding range recursive right rollup row rows select sets some table then time timestamp to
  trailing unbounded union unnest using values varbinary varchar when where window with within zone`
    .trim()
    .split(/\s+/),
)

/** Words that are values by themselves, and what they are here. */
export const CURRENT: ReadonlyMap<string, string> = new Map([
  ['current_date', 'vendor_today()'],
  ['current_timestamp', 'vendor_now()'],
  ['localtimestamp', 'vendor_now()'],
])
