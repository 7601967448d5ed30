import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Cell, HeldIdentifier } from '../profile.ts'
import type { MergeOperator } from '../schema.ts'
import type { FieldType, Value } from '../values.ts'
import { foldCells, foldFields, foldFragment, foldRecord, MOMENTS_MAX } from './fold.ts'
import { DAY_MS, START_MS, schemaOf, World } from './identity.fixture.ts'
import { SEED } from './identity-arbitrary.fixture.ts'
import { compileRules, type Rules } from './rules.ts'

interface FieldInput {
  readonly type: FieldType
  readonly merge?: MergeOperator
  readonly capacity?: number
  readonly keepDays?: number
}

const day = (n: number): number => START_MS + n * DAY_MS

function rulesOf(field: FieldInput): Rules {
  return compileRules(schemaOf({ user: { rank: 1 } }, { fields: [{ name: 'field', ...field }] }))
}

function holder(value = 'u'): HeldIdentifier {
  return { field: 'user', value, firstAt: 0, lastAt: 0, count: 0, fragment: {} }
}

/** A value, the day it is of, and the stream. */
type Said = readonly [value: Value, day: number, stream?: string]

function put(into: HeldIdentifier, [value, n, stream = 'web']: Said, rules: Rules): void {
  const record = { stream, at: day(n), offset: 0, joins: true, identifiers: [] }
  foldRecord(into, { ...record, values: new Map([['field', value]]) }, rules, true)
}

function folded(said: readonly Said[], rules: Rules, nowMs = 0): Cell | undefined {
  const held = holder()
  for (const one of said) put(held, one, rules)
  return foldCells({ identifiers: [held] }, rules, nowMs).field
}

describe('values meet', () => {
  const cases: [string, FieldInput, Said[], Value | undefined, number?][] = [
    [
      'the latest',
      { type: 'string' },
      [
        ['a', 2],
        ['b', 1],
      ],
      'a',
    ],
    [
      'of one moment the greater',
      { type: 'string' },
      [
        ['b', 1],
        ['a', 1],
      ],
      'b',
    ],
    [
      'the oldest',
      { type: 'string', merge: 'oldest' },
      [
        ['a', 2],
        ['b', 1],
        ['c', 3],
      ],
      'b',
    ],
    [
      'the least',
      { type: 'int', merge: 'min' },
      [
        [10, 1],
        [9, 2],
        [11, 3],
      ],
      9,
    ],
    [
      'the greatest',
      { type: 'date', merge: 'max' },
      [
        [10, 3],
        [9, 2],
        [11, 1],
      ],
      11,
    ],
    [
      'the sum',
      { type: 'number', merge: 'sum' },
      [
        [1.5, 3],
        [-1, 2],
      ],
      0.5,
    ],
    [
      'the count',
      { type: 'int', merge: 'count' },
      [
        [7, 3],
        [7, 3],
        ['x', 1],
      ],
      3,
    ],
    ['too old', { type: 'string', keepDays: 7 }, [['a', 1]], undefined, day(9)],
    ['not too old', { type: 'string', keepDays: 7 }, [['a', 3]], 'a', day(9)],
    [
      'what does not fit',
      { type: 'string' },
      [
        [['a'], 1],
        [{ a: 1 }, 2],
      ],
      undefined,
    ],

    [
      'a set',
      { type: '[]string' },
      [
        [['b', 'a'], 1],
        [['c', 'b'], 2],
        ['d', 0],
      ],
      ['d', 'a', 'b', 'c'],
    ],
    [
      'a set of so many',
      { type: '[]string', capacity: 2 },
      [
        [['a'], 1],
        [['b'], 2],
        [['c'], 0],
      ],
      ['a', 'b'],
    ],
    [
      'a young set',
      { type: '[]string', keepDays: 3 },
      [
        [['a'], 1],
        [['b'], 9],
      ],
      ['b'],
    ],
    [
      'a set of today',
      { type: '[]string', keepDays: 3 },
      [
        [['a'], 1],
        [['b'], 2],
      ],
      ['b'],
      day(4),
    ],
    ['a set of yesterday', { type: '[]string', keepDays: 3 }, [[['a'], 1]], undefined, day(9)],
    ['an empty set', { type: '[]string' }, [[[], 1]], undefined],

    [
      'moments',
      { type: '[]time' },
      [
        [[day(1), day(3)], 1],
        [[day(2), day(3)], 1],
      ],
      [day(3), day(2), day(1)],
    ],
    [
      'so many moments',
      { type: '[]time', capacity: 1 },
      [
        [[day(1)], 1],
        [[day(2)], 1],
      ],
      [day(2)],
    ],
    ['young moments', { type: '[]time', keepDays: 3 }, [[[day(1), day(2)], 1]], [day(2)], day(4)],
    ['a moment', { type: '[]time' }, [[day(1), 1]], [day(1)]],

    [
      'a map',
      { type: 'map[string]string' },
      [
        [{ a: 'x', b: 'y' }, 2],
        [{ b: 'z', c: 'z' }, 1],
      ],
      { a: 'x', b: 'y', c: 'z' },
    ],
    [
      'a map of oldest',
      { type: 'map[string]string', merge: 'oldest' },
      [
        [{ a: 'x' }, 2],
        [{ a: 'z' }, 1],
      ],
      { a: 'z' },
    ],
    [
      'a map of least',
      { type: 'map[string]int', merge: 'min' },
      [
        [{ a: 3 }, 2],
        [{ a: 2 }, 1],
      ],
      { a: 2 },
    ],
    [
      'a map of greatest',
      { type: 'map[string]int', merge: 'max' },
      [
        [{ a: 3 }, 2],
        [{ a: 2 }, 3],
      ],
      { a: 3 },
    ],
    [
      'a map of sums',
      { type: 'map[string]intsum' },
      [
        [{ a: 3 }, 2],
        [{ a: 2, b: 1 }, 1],
      ],
      { a: 5, b: 1 },
    ],
    [
      'so many keys',
      { type: 'map[string]int', capacity: 1 },
      [
        [{ a: 3 }, 2],
        [{ b: 2 }, 1],
      ],
      { a: 3 },
    ],
    [
      'young keys',
      { type: 'map[string]int', keepDays: 1 },
      [
        [{ a: 3 }, 2],
        [{ b: 2 }, 1],
      ],
      { a: 3 },
    ],
    ['old keys', { type: 'map[string]int', keepDays: 1 }, [[{ a: 3 }, 2]], undefined, day(3)],
    [
      'keys like integers',
      { type: 'map[string]int', keepDays: 4 },
      [
        [{ b: 1 }, 1],
        [{ 7: 2 }, 2],
      ],
      { 7: 2 },
      day(5),
    ],

    [
      'moments of each key',
      { type: 'map[string][]time' },
      [
        [{ a: [1, 3] }, 2],
        [{ a: [2, 3], b: [1] }, 1],
      ],
      { a: [3, 3, 2, 1], b: [1] },
    ],
    [
      'so many keys of moments',
      { type: 'map[string][]time', capacity: 1 },
      [
        [{ a: [1] }, 2],
        [{ b: [2] }, 1],
      ],
      { b: [2] },
    ],
    [
      'young moments of keys',
      { type: 'map[string][]time', keepDays: 3 },
      [[{ a: [day(1)], b: [day(1), day(3)] }, 2]],
      { b: [day(3)] },
      day(4),
    ],
    [
      'no young moment',
      { type: 'map[string][]time', keepDays: 3 },
      [[{ a: [day(1)] }, 2]],
      undefined,
      day(4),
    ],
    ['no moment', { type: 'map[string][]time' }, [[{ a: [] }, 2]], undefined],
  ]
  it.each(cases)('%s', (_what, field, said, expected, nowMs) => {
    expect(folded(said, rulesOf(field), nowMs)?.value).toEqual(expected)
  })

  it('keeps the newest moments of each key', () => {
    const rules = rulesOf({ type: 'map[string][]time' })
    const said = Array.from({ length: MOMENTS_MAX + 9 }, (_, i): Said => [{ open: [day(i)] }, i])
    expect(folded(said.toReversed(), rules)?.value).toHaveProperty(
      'open',
      said
        .map(([, n]) => day(n))
        .reverse()
        .slice(0, MOMENTS_MAX),
    )
  })

  it('says of what moment and stream a value is', () => {
    const said: Said[] = [
      ['a', 2, 'shop'],
      ['b', 1, 'web'],
    ]
    expect(folded(said, rulesOf({ type: 'string' }))).toEqual({ value: 'a', at: day(2), stream: 'shop' })
  })
})

describe('fields of identifiers', () => {
  it('are the value seen last, or all', () => {
    const schema = schemaOf({
      phone: { rank: 1, normalize: 'phone', windowDays: 30 },
      cookie: { rank: 2, perProfileMax: 3 },
    })
    const world = new World(schema)
    world.say('phone:+4915112345678 cookie:b', { at: day(0) })
    world.say('cookie:b cookie:a', { at: day(5) })
    const id = world.say('phone:+4915187654321 cookie:b', { at: day(50) })
    expect(world.fields(id)).toEqual({ phone: '+4915187654321', cookie: ['b', 'a'] })
  })
})

/** Every operator with the types that it is made for. */
const FIELDS: readonly FieldInput[] = [
  ...(['latest', 'oldest'] as const).map((merge) => ({ type: 'string' as const, merge })),
  ...(['latest', 'oldest', 'min', 'max', 'sum', 'count'] as const).map((merge) => ({
    type: 'int' as const,
    merge,
  })),
  { type: '[]string' },
  { type: '[]string', capacity: 2 },
  { type: '[]string', keepDays: 3 },
  { type: '[]time' },
  { type: '[]time', capacity: 2, keepDays: 3 },
  { type: 'map[string]string' },
  { type: 'map[string]string', capacity: 2, keepDays: 3 },
  ...(['latest', 'oldest', 'min', 'max'] as const).map((merge) => ({
    type: 'map[string]int' as const,
    merge,
  })),
  { type: 'map[string]intsum' },
  { type: 'map[string][]time' },
  { type: 'map[string][]time', keepDays: 3 },
]

function valuesOf(type: FieldType): fc.Arbitrary<Value> {
  const key = fc.constantFrom('a', 'b', 'c', '1', '10', '__proto__')
  const moment = fc.nat(9).map(day)
  const small = fc.integer({ min: -5, max: 5 })
  const entries = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<Record<string, T>> =>
    fc.array(fc.tuple(key, value), { maxLength: 3 }).map((all) => Object.fromEntries(all))
  if (type === 'int') return small
  if (type === '[]string') return fc.array(key, { maxLength: 3 })
  if (type === '[]time') return fc.array(moment, { maxLength: 3 })
  if (type === 'map[string][]time') return entries(fc.array(moment, { maxLength: 3 }))
  if (type === 'map[string]string') return entries(key)
  return type.startsWith('map[') ? entries(small) : key
}

describe('whatever order and whatever fragments', () => {
  it.each(FIELDS.map((field) => [JSON.stringify(field), field] as const))(
    '%s comes out the same',
    (_what, field) => {
      const rules = rulesOf(field)
      const said = fc.array(fc.tuple(valuesOf(field.type), fc.nat(6), fc.constantFrom('web', 'shop')), {
        maxLength: 12,
      })
      const property = fc.property(
        said.chain((all) =>
          fc.tuple(
            fc.constant(all),
            fc.shuffledSubarray(all, { minLength: all.length }),
            fc.array(fc.nat(2), { minLength: all.length, maxLength: all.length }),
          ),
        ),
        ([all, shuffled, places]) => {
          const expected = folded(all, rules)
          expect(folded(shuffled, rules)).toEqual(expected)
          const parts = [holder('0'), holder('1'), holder('2')] as const
          for (const [i, one] of shuffled.entries()) put(parts[places[i] ?? 0] ?? parts[0], one, rules)
          expect(foldCells({ identifiers: parts.slice() }, rules, 0).field).toEqual(expected)
          foldFragment(parts[2], parts[1], rules)
          foldFragment(parts[0], parts[2], rules)
          expect(foldCells({ identifiers: [parts[0]] }, rules, 0).field).toEqual(expected)
          expect(foldFields({ identifiers: parts.slice() }, rules, 0).field).toEqual(expected?.value)
        },
      )
      fc.assert(property, { seed: SEED, numRuns: 200 })
    },
  )
})
