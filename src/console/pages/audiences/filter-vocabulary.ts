/** What rules about profiles can say: fields by their types, what people did, and who is in another audience. */

import type { SchemaAnswer } from '../../../api/routes/streams.ts'
import type { Input, Subject, Test } from '../../elements/rule-builder/vocabulary.ts'

export type ProfileField = SchemaAnswer['definition']['fields'][number]

/** The subject that stands for other audiences; it is the name of no field. */
export const AUDIENCE = ' audience'
/** Before the name of a field whose moments are counted. */
export const COUNTED = ' counted:'
/** Before the name of a map whose keys are asked. */
export const KEYS = ' keys:'
/** Bounds of timewindow. */
const TIMES_MAX = 50
const DAYS_MAX = 365

const text = (name: string, label: string): Input => ({ name, label, kind: 'text', first: '' })
const number = (name: string, label: string, first = 1): Input => ({ name, label, kind: 'number', first })
const moment = (name: string, label: string, first = 'now-7d'): Input => ({
  ...{ name, label, first },
  kind: 'moment',
})
const VALUES: Input = { name: 'values', label: 'Values', kind: 'values', first: [''] }
const TRUTH: Input = {
  name: 'value',
  label: 'Value',
  kind: 'choice',
  first: 'true',
  choices: ['true', 'false'],
}

const IS_THERE: Test = { name: 'exists', label: 'is there', inputs: [] }
const IS_NOT_THERE: Test = { name: 'not exists', label: 'is not there', inputs: [] }
const AMONG: readonly Test[] = [
  { name: 'in', label: 'is one of', inputs: [VALUES] },
  { name: 'not in', label: 'is none of', inputs: [VALUES] },
  { name: 'intersects', label: 'has one of', inputs: [VALUES], rare: true },
  { name: 'not intersects', label: 'has none of', inputs: [VALUES], rare: true },
]
const TEXT = text('value', 'Value')
const PARTS: readonly Test[] = [
  { name: 'contains', label: 'contains', inputs: [TEXT] },
  { name: 'not contains', label: 'does not contain', inputs: [TEXT] },
  { name: 'like', label: 'is like', inputs: [TEXT] },
  { name: 'not like', label: 'is not like', inputs: [TEXT] },
]
const EQUALS = (value: Input): readonly [Test, ...Test[]] => [
  { name: '=', label: 'is', inputs: [value] },
  { name: '!=', label: 'is not', inputs: [value] },
  { name: 'not =', label: 'is not (negated)', inputs: [value], rare: true },
  { name: 'not !=', label: 'is (negated twice)', inputs: [value], rare: true },
]

function ordered(
  value: Input,
  words: readonly [string, string, string, string],
  ends: [Input, Input],
): Test[] {
  const [less, atMost, more, atLeast] = words
  const tests: Test[] = [
    { name: '<', label: less, inputs: [value] },
    { name: '<=', label: atMost, inputs: [value] },
    { name: '>', label: more, inputs: [value] },
    { name: '>=', label: atLeast, inputs: [value] },
    { name: 'between', label: 'is between', inputs: [ends[0], { ...ends[1], before: 'and' }] },
  ]
  const negated = tests.map(
    ({ name, label, inputs }): Test => ({ name: `not ${name}`, label: `not: ${label}`, inputs, rare: true }),
  )
  return [...tests, ...negated]
}

const STRING: readonly [Test, ...Test[]] = [...EQUALS(TEXT), ...PARTS, ...AMONG, IS_THERE, IS_NOT_THERE]
const NUMBER: readonly [Test, ...Test[]] = [
  ...EQUALS(number('value', 'Value')),
  ...ordered(
    number('value', 'Value'),
    ['is less than', 'is at most', 'is more than', 'is at least'],
    [number('from', 'From', 0), number('to', 'To', 10)],
  ),
  ...AMONG,
  IS_THERE,
  IS_NOT_THERE,
]
const BOOL: readonly [Test, ...Test[]] = [
  ...EQUALS(TRUTH),
  { name: 'holds', label: 'holds', inputs: [], rare: true },
  { name: 'not holds', label: 'does not hold', inputs: [], rare: true },
  IS_THERE,
  IS_NOT_THERE,
]
const MOMENT = moment('value', 'Moment')
const [AFTER, ...OTHER_DATES] = [
  { name: '>', label: 'is after', inputs: [MOMENT] },
  ...ordered(
    MOMENT,
    ['is before', 'is not after', 'is after', 'is not before'],
    [moment('from', 'From', 'now-30d'), moment('to', 'To', 'now')],
  ).filter(({ name }) => name !== '>'),
  ...EQUALS(MOMENT).map((test) => ({ ...test, rare: true })),
] as const satisfies readonly Test[]
const DATE: readonly [Test, ...Test[]] = [AFTER as Test, ...OTHER_DATES, IS_THERE, IS_NOT_THERE]
const SET: readonly [Test, ...Test[]] = [
  { name: 'in', label: 'has one of', inputs: [VALUES] },
  { name: 'not in', label: 'has none of', inputs: [VALUES] },
  { name: 'intersects', label: 'has one of', inputs: [VALUES], rare: true },
  { name: 'not intersects', label: 'has none of', inputs: [VALUES], rare: true },
  ...PARTS,
  IS_THERE,
  IS_NOT_THERE,
]

const TESTS: Readonly<Record<string, readonly [Test, ...Test[]]>> = {
  string: STRING,
  int: NUMBER,
  number: NUMBER,
  bool: BOOL,
  date: DATE,
  '[]string': SET,
  '[]time': DATE,
}
/** What an entry of a map is. */
const ENTRIES: Readonly<Record<string, string>> = {
  'map[string]string': 'string',
  'map[string]int': 'int',
  'map[string]intsum': 'int',
  'map[string]number': 'number',
  'map[string]bool': 'bool',
  'map[string]time': 'date',
  'map[string][]time': '[]time',
}

const count = (key: readonly Input[]): Input[] => [
  ...key,
  {
    ...{ name: 'times', label: 'Times', kind: 'number', first: 1, min: 1, max: TIMES_MAX, whole: true },
    before: 'at least',
    after: 'times',
  },
  {
    ...{ name: 'days', label: 'Days', kind: 'number', first: 7, min: 1, max: DAYS_MAX, whole: true },
    before: 'in',
    after: 'days',
  },
]

export interface Known {
  readonly fields: readonly ProfileField[]
  /** Slugs of the audiences that may be included. */
  readonly audiences: readonly string[]
  /** Types of events, for the keys of maps of moments. */
  readonly events: readonly string[]
}

export function filterVocabulary({ fields, audiences, events }: Known): Subject[] {
  const plain = fields.flatMap(({ name, type }): Subject[] => {
    const tests = TESTS[type]
    return tests === undefined ? [] : [{ name, label: name, group: 'Profile', tests }]
  })
  const entries = fields.flatMap(({ name, type }): Subject[] => {
    const tests = TESTS[ENTRIES[type] ?? '']
    if (tests === undefined) return []
    const key = keyOf(type, events)
    const [first, ...rest] = tests.map((test): Test => ({ ...test, inputs: [key, ...test.inputs] }))
    if (first === undefined) return []
    return [
      { name, label: `${name}, one entry`, group: 'Entries of maps', tests: [first, ...rest] },
      {
        ...{ name: `${KEYS}${name}`, label: `${name}, its keys`, group: 'Entries of maps' },
        tests: [
          { name: 'in', label: 'have one of', inputs: [{ ...VALUES, choices: key.choices ?? [] }] },
          { name: 'not in', label: 'have none of', inputs: [{ ...VALUES, choices: key.choices ?? [] }] },
          { name: 'intersects', label: 'have one of', inputs: [VALUES], rare: true },
          { name: 'not intersects', label: 'have none of', inputs: [VALUES], rare: true },
          IS_THERE,
          IS_NOT_THERE,
        ],
      },
    ]
  })
  const counted = fields.flatMap(({ name, type }): Subject[] => {
    if (type !== '[]time' && type !== 'map[string][]time') return []
    const inputs = count(type === '[]time' ? [] : [keyOf(type, events)])
    return [
      {
        ...{ name: `${COUNTED}${name}`, label: name === 'events' ? 'Did' : `Moments of ${name}` },
        group: 'What people did',
        tests: [
          { name: 'timewindow', label: 'did', inputs },
          { name: 'not timewindow', label: 'did not', inputs },
        ],
      },
    ]
  })
  const [slug] = audiences
  const inputs: Input[] = [
    { name: 'audience', label: 'Audience', kind: 'choice', first: slug ?? '', choices: audiences },
  ]
  const others: Subject = {
    ...{ name: AUDIENCE, label: 'Audience', group: 'Other audiences' },
    tests: [
      { name: 'include', label: 'is in', inputs },
      { name: 'not include', label: 'is not in', inputs },
    ],
  }
  return [...plain, ...counted, ...(slug === undefined ? [] : [others]), ...entries]
}

function keyOf(type: string, events: readonly string[]): Input {
  const isOfEvents = type === 'map[string][]time'
  return {
    ...{ name: 'key', label: isOfEvents ? 'Event' : 'Key', kind: 'suggested' },
    first: (isOfEvents ? events[0] : undefined) ?? 'key',
    choices: isOfEvents ? events : [],
  }
}
