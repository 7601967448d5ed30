/** What segments can say: columns of the table of people by their types, and what people did by the table of events. */

import type { TableAnswer } from '../../../api/routes/engines.ts'
import type { Input, Subject, Test } from '../../elements/rule-builder/vocabulary.ts'

export type SqlColumn = TableAnswer['columns'][number]

/** The subject that stands for events; no column begins with a space. */
export const EVENTS = ' events'

export type ColumnKind = 'text' | 'number' | 'truth' | 'time'

export function kindOf(type: string): ColumnKind {
  if (/bool/i.test(type)) return 'truth'
  if (/date|time/i.test(type)) return 'time'
  return /int|float|double|real|decimal|numeric|number/i.test(type) ? 'number' : 'text'
}

const VALUE: Readonly<Record<ColumnKind, Input>> = {
  text: { name: 'value', label: 'Value', kind: 'text', first: '' },
  number: { name: 'value', label: 'Value', kind: 'number', first: 0 },
  truth: { name: 'value', label: 'Value', kind: 'choice', first: 'true', choices: ['true', 'false'] },
  time: { name: 'value', label: 'Moment', kind: 'text', first: '2026-01-01' },
}
const DAYS: Input = { name: 'days', label: 'Days', kind: 'number', first: 7, min: 1, after: 'days' }
const PART: Input = { name: 'value', label: 'Text', kind: 'text', first: 'a' }
const VALUES: Input = { name: 'values', label: 'Values', kind: 'values', first: [''] }

const IS_SET: readonly Test[] = [
  { name: 'is_set', label: 'is there', inputs: [] },
  { name: 'is_not_set', label: 'is not there', inputs: [] },
]
const is = (kind: ColumnKind): readonly [Test, Test] => [
  { name: 'is', label: 'is', inputs: [VALUE[kind]] },
  { name: 'is_not', label: 'is not', inputs: [VALUE[kind]] },
]
const ordered = (kind: ColumnKind): readonly Test[] => [
  { name: 'less', label: 'is less than', inputs: [VALUE[kind]] },
  { name: 'less_or_equal', label: 'is at most', inputs: [VALUE[kind]] },
  { name: 'greater', label: 'is more than', inputs: [VALUE[kind]] },
  { name: 'greater_or_equal', label: 'is at least', inputs: [VALUE[kind]] },
  {
    ...{ name: 'between', label: 'is between' },
    inputs: [
      { ...VALUE[kind], name: 'from', label: 'From' },
      { ...VALUE[kind], name: 'to', label: 'To', before: 'and' },
    ],
  },
]
const AMONG: readonly Test[] = [
  { name: 'in', label: 'is one of', inputs: [VALUES] },
  { name: 'not_in', label: 'is none of', inputs: [VALUES] },
]

const TESTS: Readonly<Record<ColumnKind, readonly [Test, ...Test[]]>> = {
  text: [
    ...is('text'),
    { name: 'contains', label: 'contains', inputs: [PART] },
    { name: 'starts_with', label: 'begins with', inputs: [PART] },
    { name: 'ends_with', label: 'ends with', inputs: [PART] },
    ...AMONG,
    ...ordered('text'),
    ...IS_SET,
  ],
  number: [...is('number'), ...ordered('number'), ...AMONG, ...IS_SET],
  truth: [...is('truth'), ...IS_SET],
  time: [
    { name: 'within_days', label: 'lies in the last', inputs: [DAYS] },
    { name: 'before_days', label: 'lies longer back than', inputs: [DAYS] },
    ...ordered('time'),
    ...is('time'),
    ...IS_SET,
  ],
}

export function segmentVocabulary(
  people: readonly SqlColumn[],
  events: readonly SqlColumn[] | undefined,
): Subject[] {
  const columns = people.map(
    ({ name, type }): Subject => ({ name, label: name, group: 'People', tests: TESTS[kindOf(type)] }),
  )
  if (events === undefined) return columns
  const where: Input = {
    ...{ name: 'column', label: 'Column of the event', kind: 'choice', first: '', before: 'where' },
    choices: ['', ...events.map(({ name }) => name)],
  }
  const inputs: Input[] = [
    { name: 'count', label: 'Times', kind: 'number', first: 1, min: 0, whole: true, after: 'times' },
    { ...DAYS, first: 30, optional: true, before: 'in' },
    where,
    { name: 'value', label: 'Value of the column', kind: 'text', first: '', before: 'is' },
  ]
  const did: Subject = {
    ...{ name: EVENTS, label: 'Events', group: 'What people did' },
    tests: [
      { name: 'at_least', label: 'at least', inputs },
      { name: 'at_most', label: 'at most', inputs },
      { name: 'exactly', label: 'exactly', inputs },
    ],
  }
  return [...columns, did]
}
