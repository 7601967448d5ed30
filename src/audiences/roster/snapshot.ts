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
import { hashSql, keySql, personPrefix } from './person.ts'

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

/** The people of a result as SQL, with repeats. A reference is where an identifier stands in it. */
export interface Incoming {
  /** Column `person`. */
  readonly persons: string
  /** Columns `key` (person.ts) and `reference`. */
  keys(salt: string): string
  /** Columns `n` and `person`, of those who are in the table `chosen` by n and reference. */
  readonly chosen: string
}

/** Of `load`: the table `staged`. */
export const STAGED: Incoming = {
  persons: 'select person from staged',
  keys: (salt) => `select ${keySql(salt)} as key, rowid::uinteger as reference from staged`,
  chosen: 'select n, person from staged join chosen on staged.rowid = chosen.reference',
}

export class Snapshot implements Incoming {
  readonly persons: string
  readonly chosen: string
  /** Rows, identifiers, and rows of each of the INVALID_REASONS. */
  readonly counts: string
  /** Rows alone, which the file knows. */
  readonly rows: string
  readonly #file: string
  readonly #columns: readonly string[]
  readonly #types: readonly string[]
  readonly #plan: SnapshotPlan
  readonly #reason: string

  /** `types`: those of the file's columns, in order. */
  constructor(file: string, types: readonly string[], plan: SnapshotPlan) {
    this.#columns = types.map((_, place) => `c${place}`)
    this.#file = file
    this.#types = types
    this.#plan = plan
    const cells = this.#cells()
    const one = firstOf(cells)
    this.rows = `select count(*) from ${this.#rows()}`
    this.persons = `select person from (${this.#referred(cells)})`
    // Rows that were not chosen are left before anything is made of them.
    this.chosen =
      plan.identifiers === 'all'
        ? `select n, person from (${this.#referred(cells)}) join chosen using (reference)`
        : `select n, ${one} as person from (
            select n, result.* from ${this.#rows(true, 'result')} join chosen on result.number = chosen.reference)`
    const count = plan.identifiers === 'all' ? `len(${listOf(cells)})` : `if(${one} is null, 0, 1)`
    // Of several reasons that of the last column stands, and blank only where there is no other.
    const problems = cells.map(({ problem }) => problem).reverse()
    this.#reason = `if(${one} is null, coalesce(${problems.join(', ')}, 'blank'), null)`
    const reasons = INVALID_REASONS.map((reason) => `count(*) filter (reason = '${reason}')`)
    this.counts = `select count(*), coalesce(sum(found), 0), ${reasons.join(', ')}
      from (select ${count} as found, ${this.#reason} as reason from ${this.#rows()})`
  }

  keys(salt: string): string {
    return `select ${hashSql('person')} as key, reference from (${this.#referred(this.#cells(salt))})`
  }

  /** The first rows that name nobody for a reason, with their numbers from 1 on. */
  examples(reason: InvalidReason): string {
    const row = `json_array(${this.#columns.join(', ')})::varchar`
    return `select number + 1, ${row} from ${this.#rows(true)} where ${this.#reason} = '${reason}' order by number limit ${EXAMPLES_MAX}`
  }

  /** `before`: what stands before each person. */
  #cells(before = ''): Cell[] {
    return this.#plan.used.map((column) => cellOf(column, this.#types[column.place] ?? '', before))
  }

  /** Each identifier with its reference: its row, and its place among those of its row. */
  #referred(cells: readonly Cell[]): string {
    if (this.#plan.identifiers === 'all')
      return `select unnest(who) as person, (number * ${cells.length} + unnest(range(len(who))))::uinteger as reference
        from (select ${listOf(cells)} as who, number from ${this.#rows(true)})`
    return `select person, reference from (
      select ${firstOf(cells)} as person, number::uinteger as reference from ${this.#rows(true)}) where person is not null`
  }

  #rows(numbered = false, name = 't'): string {
    const columns = [...this.#columns, ...(numbered ? ['number'] : [])]
    return `${parquet(this.#file, numbered)} as ${name}(${columns.join(', ')})`
  }
}

/** Both are SQL. */
interface Cell {
  readonly person: string
  readonly problem: string
}

function firstOf(cells: readonly Cell[]): string {
  return `coalesce(${cells.map(({ person }) => person).join(', ')})`
}

function listOf(cells: readonly Cell[]): string {
  return `list_filter([${cells.map(({ person }) => person).join(', ')}], one -> one is not null)`
}

/** Columns that a path seems to name, as in `/a=b/`, are not looked for. */
export function parquet(file: string, numbered = false): string {
  return `read_parquet('${file.replaceAll("'", "''")}', hive_partitioning = false, file_row_number = ${numbered})`
}

function cellOf({ place, kind, label }: UsedColumn, type: string, before: string): Cell {
  const cell = `c${place}`
  if (!TEXT_TYPES.has(type))
    return { person: 'null::varchar', problem: `if(${cell} is null, null, 'not_text')` }
  const text = type === 'VARCHAR' ? cell : `${cell}::varchar`
  // Nearly all begin with a visible character, and a case looks at the rest only for the others.
  const says = `case when ${text} >= '!' and ${text} < '\u007f' then true
    else not regexp_full_match(${text}, '[${BLANKS}]*') end`
  const prefix = (before + personPrefix({ kind, label })).replaceAll("'", "''")
  return {
    person: `case when ${says} and strlen(${text}) <= ${IDENTIFIER_BYTES_MAX} then '${prefix}' || ${text} end`,
    problem: `case when ${says} and strlen(${text}) > ${IDENTIFIER_BYTES_MAX} then 'too_long' end`,
  }
}
