/**
 * Which columns of a result say who is meant, exactly as Treasure Data's page "Treasure Data cohort import" has it:
 *
 * | column                          | means                                                      |
 * |---------------------------------|------------------------------------------------------------|
 * | `user_ids`                      | external ids                                               |
 * | `device_ids`                    | device ids, for anonymous people                           |
 * | one that the Aliases name       | alias names; the label is the column's name unless told    |
 * | any other, or one misspelt      | ignored, with a notice                                     |
 * | an alias that is not there      | a notice                                                   |
 * | none of the first three         | an error before anything is sent                           |
 *
 * One cell is one identifier, in spite of the plural names. A row is one person: of several identifiers the first by
 * priority is taken, or all of them when the operator says so.
 */

import { ThalwegError } from '../core/errors.ts'
import { IDENTIFIER_KINDS, type Identifier, type IdentifierKind } from '../core/membership.ts'

export const USER_COLUMN = 'user_ids'
export const DEVICE_COLUMN = 'device_ids'

/** Braze's own bound of an external id; the other kinds have none published and are held to the same. */
export const IDENTIFIER_BYTES_MAX = 987

export interface AliasColumn {
  readonly label: string
  readonly column: string
}

export interface ColumnRules {
  readonly aliases: readonly AliasColumn[]
  /** Kinds that are not named come last, in the usual order. */
  readonly priority: readonly IdentifierKind[]
  readonly identifiers: 'first' | 'all'
  /** By what the destination can find people. */
  readonly kinds: readonly IdentifierKind[]
}

/** Why a row says nobody. */
export const INVALID_REASONS = ['blank', 'not_text', 'too_long'] as const
export type InvalidReason = (typeof INVALID_REASONS)[number]

/** Rows shown for each reason. */
export const EXAMPLES_MAX = 5
const EXAMPLE_CHARS_MAX = 200

/** `cells`: the row as a JSON array. */
export function exampleOf(row: number, cells: string): string {
  return `row ${row}: ${cells.slice(0, EXAMPLE_CHARS_MAX)}`
}

export type RowRead = { readonly who: readonly Identifier[] } | { readonly invalid: InvalidReason }

export interface ColumnPlan {
  /** What is ignored and why, in words for the operator. */
  readonly notices: readonly string[]
  /** Columns that are read, in the order of priority. */
  readonly used: readonly UsedColumn[]
  read(row: readonly unknown[]): RowRead
}

export interface UsedColumn {
  readonly name: string
  /** In the result, from 0. */
  readonly place: number
  readonly kind: IdentifierKind
  readonly label: string
}

/** Throws ACTIVATION_COLUMNS when no column can be used, or a name stands twice. */
export function planColumns(columns: readonly string[], rules: ColumnRules): ColumnPlan {
  const used = usedColumns(columns, rules)
  if (used.length === 0) throw new ThalwegError('ACTIVATION_COLUMNS', nothingUsable(columns, rules))
  refuseTwice(used)
  const missing = rules.aliases.filter(({ column }) => !columns.includes(column))
  return {
    notices: [
      ...missing.map(({ column }) => `The aliases name ${column}, which the result does not have.`),
      ...columns
        .filter((name) => !used.some((one) => one.name === name))
        .map((name) => noticeOn(name, rules)),
    ],
    used,
    read: (row) => readRow(row, used, rules.identifiers),
  }
}

/** In which column somebody is looked for; undefined: the aliases have no such label. */
export function columnOf({ kind, label }: Identifier, aliases: readonly AliasColumn[]): string | undefined {
  if (kind === 'external_id') return USER_COLUMN
  return kind === 'device_id' ? DEVICE_COLUMN : aliases.find((one) => one.label === label)?.column
}

function usedColumns(columns: readonly string[], { aliases, priority, kinds }: ColumnRules): UsedColumn[] {
  const order = [...new Set([...priority, ...IDENTIFIER_KINDS])]
  return columns
    .flatMap((name, place): UsedColumn[] => {
      if (name === USER_COLUMN) return [{ name, place, kind: 'external_id', label: '' }]
      if (name === DEVICE_COLUMN) return [{ name, place, kind: 'device_id', label: '' }]
      const labels = aliases.filter(({ column }) => column === name)
      return labels.map(({ label }) => ({ name, place, kind: 'alias', label }))
    })
    .filter(({ kind }) => kinds.includes(kind))
    .sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind))
}

function refuseTwice(used: readonly UsedColumn[]): void {
  const twice = used.find((one) => used.some((other) => other.name === one.name && other.place !== one.place))
  if (twice !== undefined)
    throw new ThalwegError(
      'ACTIVATION_COLUMNS',
      `The result has two columns named ${twice.name}: rename one.`,
    )
}

function readRow(
  row: readonly unknown[],
  used: readonly UsedColumn[],
  identifiers: ColumnRules['identifiers'],
): RowRead {
  const who: Identifier[] = []
  let invalid: InvalidReason = 'blank'
  for (const { place, kind, label } of used) {
    const cell = row[place]
    const problem = problemWith(cell)
    if (problem === undefined) {
      who.push({ kind, label, value: cell as string })
      if (identifiers === 'first') break
    } else if (problem !== 'blank') invalid = problem
  }
  return who.length > 0 ? { who } : { invalid }
}

function problemWith(cell: unknown): InvalidReason | undefined {
  if (cell === null || cell === undefined) return 'blank'
  if (typeof cell !== 'string') return 'not_text'
  if (cell.trim() === '') return 'blank'
  return cell.length * 3 > IDENTIFIER_BYTES_MAX && Buffer.byteLength(cell) > IDENTIFIER_BYTES_MAX
    ? 'too_long'
    : undefined
}

/** Spellings that are met for the two names. */
const MEANT: readonly (readonly [RegExp, string])[] = [
  [/^(user_?ids?|external_?(user_?)?ids?)$/i, USER_COLUMN],
  [/^device_?ids?$/i, DEVICE_COLUMN],
]

function noticeOn(column: string, { kinds }: ColumnRules): string {
  if (column === DEVICE_COLUMN && !kinds.includes('device_id'))
    return `Column ${column} is ignored: this destination cannot find people by device.`
  const meant = MEANT.find(([pattern]) => pattern.test(column))?.[1]
  return meant === undefined
    ? `Column ${column} is ignored.`
    : `Column ${column} is ignored: did you mean ${meant}? Write "${column} as ${meant}".`
}

function nothingUsable(columns: readonly string[], rules: ColumnRules): string {
  const wanted = [
    USER_COLUMN,
    ...(rules.kinds.includes('device_id') ? [DEVICE_COLUMN] : []),
    ...rules.aliases.map(({ column }) => column),
  ]
  const hints = columns.map((column) => noticeOn(column, rules)).filter((notice) => notice.includes(': '))
  return [
    `No column of the result says who is meant: it needs one of ${listed(wanted)}, and has ${listed(columns)}.`,
    ...hints,
  ].join(' ')
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(', ')
}
