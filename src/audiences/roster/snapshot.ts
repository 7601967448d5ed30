/**
 * The rules of columns.ts as SQL over a Parquet file, for results that an engine wrote as one: no row of it becomes a
 * value of JavaScript. Roster.test.ts holds the two together.
 */

import {
  EXAMPLES_MAX,
  IDENTIFIER_BYTES_MAX,
  INVALID_REASONS,
  type InvalidReason,
  type UsedColumn,
} from '../columns.ts'
import { personPrefix } from './person.ts'

export interface SnapshotPlan {
  /** In the order of priority; their places are those of the file's columns. */
  readonly used: readonly UsedColumn[]
  readonly identifiers: 'first' | 'all'
}

export interface SnapshotCounts {
  readonly rows: number
  readonly identifiers: number
  readonly invalid: Partial<Record<InvalidReason, { count: number; readonly examples: string[] }>>
}

/** Types whose values are texts; of any other one a cell is `not_text`. */
const TEXT_TYPES: ReadonlySet<string> = new Set(['VARCHAR', 'JSON', 'UUID'])

/** What `String.prototype.trim` takes away. */
const BLANKS =
  '\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff'

export class Snapshot {
  /** Each identifier of the file as a row of the column `person`, not yet without repeats. */
  readonly persons: string
  /** Rows, identifiers, and rows of each of the INVALID_REASONS. */
  readonly counts: string
  readonly #file: string
  readonly #columns: readonly string[]
  readonly #reason: string

  /** `types`: those of the file's columns, in order. */
  constructor(file: string, types: readonly string[], { used, identifiers }: SnapshotPlan) {
    this.#columns = types.map((_, place) => `c${place}`)
    this.#file = file
    const cells = used.map((column) => cellOf(column, types[column.place] ?? ''))
    const found = cells.map(({ person }) => person)
    const who = `list_filter([${found.join(', ')}], one -> one is not null)`
    this.persons =
      identifiers === 'all'
        ? `select unnest(${who}) as person from ${this.#rows()}`
        : `select person from (select coalesce(${found.join(', ')}) as person from ${this.#rows()}) where person is not null`
    const count = identifiers === 'all' ? `len(${who})` : `if(coalesce(${found.join(', ')}) is null, 0, 1)`
    // Of several reasons that of the last column stands, and blank only where there is no other.
    const problems = cells.map(({ problem }) => problem).reverse()
    this.#reason = `if(coalesce(${found.join(', ')}) is null, coalesce(${problems.join(', ')}, 'blank'), null)`
    const reasons = INVALID_REASONS.map((reason) => `count(*) filter (reason = '${reason}')`)
    this.counts = `select count(*), coalesce(sum(found), 0), ${reasons.join(', ')}
      from (select ${count} as found, ${this.#reason} as reason from ${this.#rows()})`
  }

  /** The first rows that name nobody for a reason, with their numbers from 1 on. */
  examples(reason: InvalidReason): string {
    const row = `json_array(${this.#columns.join(', ')})::varchar`
    return `select number + 1, ${row} from ${this.#rows(true)} where ${this.#reason} = '${reason}' order by number limit ${EXAMPLES_MAX}`
  }

  #rows(numbered = false): string {
    const columns = [...this.#columns, ...(numbered ? ['number'] : [])]
    return `${parquet(this.#file, numbered)} as t(${columns.join(', ')})`
  }
}

/** Columns that a path seems to name, as in `/a=b/`, are not looked for. */
export function parquet(file: string, numbered = false): string {
  return `read_parquet('${file.replaceAll("'", "''")}', hive_partitioning = false, file_row_number = ${numbered})`
}

function cellOf({ place, kind, label }: UsedColumn, type: string): { person: string; problem: string } {
  const cell = `c${place}`
  if (!TEXT_TYPES.has(type))
    return { person: 'null::varchar', problem: `if(${cell} is null, null, 'not_text')` }
  const text = type === 'VARCHAR' ? cell : `${cell}::varchar`
  // Nearly all begin with a visible character, and a case looks at the rest only for the others.
  const says = `case when ${text} >= '!' and ${text} < '\u007f' then true
    else not regexp_full_match(${text}, '[${BLANKS}]*') end`
  const prefix = personPrefix({ kind, label }).replaceAll("'", "''")
  return {
    person: `case when ${says} and strlen(${text}) <= ${IDENTIFIER_BYTES_MAX} then '${prefix}' || ${text} end`,
    problem: `case when ${says} and strlen(${text}) > ${IDENTIFIER_BYTES_MAX} then 'too_long' end`,
  }
}
