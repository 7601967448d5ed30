/**
 * Where rows lie: `<prefix>/<table>/event_type=<type>/date=<YYYY-MM-DD>/part-<current>-<first offset>-<last offset>.parquet`.
 *
 * The folder of a row depends on the row alone, so that whoever looks for a row knows where it is. The name of a file says which current wrote
 * it and from which offset to which its rows reach; not each offset between the two is in it.
 */

import { createHash } from 'node:crypto'
import type { ParquetSettings } from './settings.ts'

/** What Hive, Spark, DuckDB and others read as "no value". */
const NO_VALUE = '__HIVE_DEFAULT_PARTITION__'

/** Names of folders have at most 255 bytes nearly everywhere, the key included. */
const VALUE_CHARS_MAX = 200

export function tableFolder({ prefix, table }: ParquetSettings): string {
  return prefix === '' ? table : `${prefix}/${table}`
}

/** The folder of a row below the table's; ends with a slash. Both cells as cellText writes them. */
export function partitionOf(
  partition: ParquetSettings['partition'],
  type: string | undefined,
  time: string | undefined,
): string {
  const typePart = partition.startsWith('type') ? `event_type=${partitionValue(type)}/` : ''
  const datePart = partition === 'type' ? '' : `date=${time?.slice(0, 10) ?? NO_VALUE}/`
  const hourPart = partition.endsWith('hour') ? `hour=${time?.slice(11, 13) ?? NO_VALUE}/` : ''
  return typePart + datePart + hourPart
}

/** Percent signs for what does not belong in a path; what is too long ends in a hash of the whole. */
function partitionValue(value: string | undefined): string {
  if (value === undefined || value === '') return NO_VALUE
  const safe = encodeURIComponent(value).replace(/[!'()*~]/g, (char) => `%${char.charCodeAt(0).toString(16)}`)
  if (safe.length <= VALUE_CHARS_MAX) return safe
  const hash = createHash('sha256').update(value).digest('hex').slice(0, 32)
  return `${safe.slice(0, VALUE_CHARS_MAX - hash.length - 1).replace(/%.?$/, '')}-${hash}`
}

export function fileStem(current: string): string {
  return `part-${current}-`
}

export function fileName(current: string, first: number, last: number): string {
  return `${fileStem(current)}${first}-${last}.parquet`
}

/** The offsets that a file of this current may hold; undefined: it is not one of ours. */
export function rangeIn(name: string, current: string): readonly [first: number, last: number] | undefined {
  const stem = fileStem(current)
  const base = name.slice(name.lastIndexOf('/') + 1)
  const [, first, last] = base.startsWith(stem)
    ? (/^(\d+)-(\d+)\.parquet$/.exec(base.slice(stem.length)) ?? [])
    : []
  return first === undefined ? undefined : [Number(first), Number(last)]
}

/** Whether a file has a name that only we give, whatever its current. */
export function isOurFile(name: string): boolean {
  return /(?:^|\/)part-[a-z0-9]+-\d+-\d+\.parquet$/.test(name)
}
