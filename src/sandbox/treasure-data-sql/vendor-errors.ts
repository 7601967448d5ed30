/**
 * DuckDB's complaints in the words of Treasure Data's engines: "line 2:7: Column 'x' cannot be resolved". What has no
 * counterpart keeps DuckDB's first line, which a client can only show anyway.
 */

import { ThalwegError } from '../../core/errors.ts'
import { failure, type Translation } from './dialect.ts'

/** The part of DuckDB's error that we read; see its setting errors_as_json. */
interface Complaint {
  readonly exception_type?: string
  readonly exception_message?: string
  readonly error_subtype?: string
  readonly type?: string
  readonly name?: string
  /** In bytes of UTF-8 from 0. */
  readonly position?: string
}

export interface Asked {
  /** As the client sent it. */
  readonly text: string
  readonly database: string
  readonly translation: Translation
  /** What stood before the translation in the statement that failed. */
  readonly prefix: string
}

export function vendorError(error: unknown, asked: Asked): ThalwegError {
  const complaint = complaintOf(error)
  const message = wordsFor(complaint, asked)
  const at = originOf(complaint, asked)
  if (at === undefined) return new ThalwegError('QUERY_FAILED', message, { cause: error })
  return failure(asked.text, at, message)
}

function complaintOf(error: unknown): Complaint {
  const text = error instanceof Error ? error.message : String(error)
  const brace = text.indexOf('{')
  if (brace < 0) return { exception_message: text }
  try {
    return JSON.parse(text.slice(brace)) as Complaint
  } catch {
    // Not the JSON that was asked for: the words themselves are still better than none.
    return { exception_message: text }
  }
}

function originOf(complaint: Complaint, asked: Asked): number | undefined {
  const bytes = Number(complaint.position ?? 'none')
  if (!Number.isInteger(bytes)) return undefined
  const statement = Buffer.from(asked.prefix + asked.translation.sql)
  const at = statement.subarray(0, bytes).toString().length - asked.prefix.length
  return at < 0 ? undefined : asked.translation.origin(at)
}

type Words = (complaint: Complaint, found: RegExpExecArray, asked: Asked) => string

/** The first pattern that fits the message decides. */
const WORDS: readonly (readonly [RegExp, Words])[] = [
  [/^syntax error at end of input/, () => "mismatched input '<EOF>'"],
  [/^syntax error at or near "(.*?)"$/ms, (_, found) => `mismatched input '${found[1]}'`],
  [
    /^Table with name (\S+) does not exist/,
    (complaint, found, { database }) => `Table 'td.${database}.${complaint.name ?? found[1]}' does not exist`,
  ],
  [
    /^Referenced column "(.*?)" (?:not found|was not found)/s,
    (_, found) => `Column '${found[1]}' cannot be resolved`,
  ],
  [/^Referenced table "(.*?)" not found/s, (_, found) => `Column '${found[1]}' cannot be resolved`],
  [
    /^Table "(.*?)" does not have a column named "(.*?)"/s,
    (_, found) => `Column '${found[1]}.${found[2]}' cannot be resolved`,
  ],
  [/^Ambiguous reference to column name "(.*?)"/s, (_, found) => `Column '${found[1]}' is ambiguous`],
  [
    /^column "?(.*?)"? must appear in the GROUP BY clause/s,
    (_, found) => `'${found[1]}' must be an aggregate expression or appear in GROUP BY clause`,
  ],
  [
    /^(?:Macro|Scalar|Table|Aggregate)?.*Function with name "?(\w+)"? does not exist/,
    (_, found) => `Function '${plain(found[1])}' not registered`,
  ],
  [
    /^Macro (\w+)\(\) does not support/,
    (_, found) => `Unexpected parameters for function ${plain(found[1])}`,
  ],
  [
    /^No function matches the given name and argument types '([^(]*)\((.*?)\)'\./s,
    (_, found) => `Unexpected parameters (${found[2]?.toLowerCase()}) for function ${plain(found[1])}`,
  ],
  [/^Malformed JSON.*?Input: "(.*?)"/s, (_, found) => `Cannot convert value to JSON: '${found[1]}'`],
  [
    /^Could not convert string '(.*?)' to (\S+)/s,
    (_, found) => `Cannot cast '${found[1]}' to ${PRESTO_TYPES[found[2] ?? ''] ?? found[2]}`,
  ],
  [/^Unknown TimeZone '(.*?)'/s, (_, found) => `Time zone not supported: ${found[1]}`],
  [/(?:could not allocate|Out of Memory|memory limit)/i, () => 'Query exceeded per-node memory limit'],
]

const PRESTO_TYPES: Readonly<Record<string, string>> = {
  INT8: 'tinyint',
  INT16: 'smallint',
  INT32: 'integer',
  INT64: 'bigint',
  DOUBLE: 'double',
  BOOL: 'boolean',
}

const MESSAGE_CHARS_MAX = 1000

function wordsFor(complaint: Complaint, asked: Asked): string {
  const message = complaint.exception_message ?? 'the query failed'
  for (const [pattern, words] of WORDS) {
    const found = pattern.exec(message)
    if (found !== null) return words(complaint, found, asked).slice(0, MESSAGE_CHARS_MAX)
  }
  return (message.split('\n')[0] ?? message).replaceAll('vendor_', '').slice(0, MESSAGE_CHARS_MAX)
}

function plain(name = ''): string {
  return name.replace(/^vendor_/, '').replace(/_offset$/, '')
}
