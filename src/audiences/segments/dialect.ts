/** How each engine spells what rules need. Everything else in compile.ts is common to all. */

import type { EngineKind } from '../../warehouse/warehouse.ts'

export interface Dialect {
  identifier(name: string): string
  text(value: string): string
  /** A moment, given as 2026-01-02 03:04:05 in UTC. */
  moment(utc: string): string
  /** A comparison that counts the case of letters, whatever the collation. */
  exact(sql: string): string
  contains(column: string, text: string): string
  startsWith(column: string, text: string): string
  endsWith(column: string, text: string): string
}

const doubled = (quote: string) => (name: string) =>
  `${quote}${name.replaceAll(quote, quote + quote)}${quote}`
const standardText = (value: string): string => `'${value.replaceAll("'", "''")}'`
/** MySQL and ClickHouse read backslashes in texts. */
const escapedText = (value: string): string => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
const same = (sql: string): string => sql
/** Characters, as SQL counts them. */
const lengthOf = (value: string): number => [...value].length

const STANDARD: Dialect = {
  identifier: doubled('"'),
  text: standardText,
  moment: (utc) => `timestamp '${utc}'`,
  exact: same,
  contains: (column, text) => `strpos(${column}, ${standardText(text)}) > 0`,
  startsWith: (column, text) => `substr(${column}, 1, ${lengthOf(text)}) = ${standardText(text)}`,
  endsWith: (column, text) => `right(${column}, ${lengthOf(text)}) = ${standardText(text)}`,
}

export const DIALECTS: Readonly<Record<EngineKind, Dialect>> = {
  duckdb: STANDARD,
  postgres: { ...STANDARD, moment: (utc) => `timestamp with time zone '${utc}+00'` },
  'treasure-data': {
    ...STANDARD,
    moment: (utc) => `timestamp '${utc} UTC'`,
    endsWith: (column, text) =>
      `length(${column}) >= ${lengthOf(text)} and substr(${column}, -${lengthOf(text)}) = ${standardText(text)}`,
  },
  mysql: {
    ...STANDARD,
    identifier: doubled('`'),
    text: escapedText,
    exact: (sql) => `binary ${sql}`,
    contains: (column, text) => `locate(binary ${escapedText(text)}, ${column}) > 0`,
    startsWith: (column, text) => `binary substr(${column}, 1, ${lengthOf(text)}) = ${escapedText(text)}`,
    endsWith: (column, text) => `binary right(${column}, ${lengthOf(text)}) = ${escapedText(text)}`,
  },
  clickhouse: {
    ...STANDARD,
    identifier: (name) => `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``,
    text: escapedText,
    moment: (utc) => `toDateTime('${utc}', 'UTC')`,
    contains: (column, text) => `position(${column}, ${escapedText(text)}) > 0`,
    startsWith: (column, text) => `startsWith(${column}, ${escapedText(text)})`,
    endsWith: (column, text) => `endsWith(${column}, ${escapedText(text)})`,
  },
}
