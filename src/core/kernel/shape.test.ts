import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bothKernels, testKey, testOptions } from './kernel.fixture.ts'
import { ITEM_SHAPE, ITEM_WORDS, type Kernel } from './kernel.ts'
import { eachMember, KINDS, type Kind, SHAPE_DEPTH } from './shape.ts'

const seed = Number(process.env.THALWEG_TEST_SEED ?? Date.now() % 1_000_000)
console.info(`shapes: THALWEG_TEST_SEED=${seed}`)

/** The shape of item `i` of a body. */
function shapeOf(kernel: Kernel, body: string, i = 0): string {
  const { items, count } = kernel.scan(Buffer.from(body))
  expect(count).toBeGreaterThan(i)
  const at = i * ITEM_WORDS + ITEM_SHAPE
  return `${items[at + 1]}:${items[at]}`
}

/** The members that a shape is taken over, as lines. */
function membersOf(event: string): string[] {
  const lines: string[] = []
  const bytes = Buffer.from(event)
  eachMember(bytes, ({ path, kind, start, end }) =>
    lines.push(`${path.join('.')} ${kind} ${bytes.toString('utf8', start, end)}`),
  )
  return lines
}

const same: [why: string, a: string, b: string][] = [
  ['values do not matter', '{"id":"a","time":1,"x":true}', '{"id":"bcd","time":-99,"x":false}'],
  ['order does not matter', '{"id":"a","time":1}', '{"time":1,"id":"a"}'],
  ['order inside objects', '{"user":{"a":1,"b":"x"}}', '{"user":{"b":"x","a":1}}'],
  ['white space', '{"a":{"b":[1]}}', ' { "a" : { "b" : [ 1 ] } } '],
  ['what is in arrays', '{"a":[1,{"b":2}]}', '{"a":[]}'],
  ['what is below depth 3', '{"a":{"b":{"c":{"d":1}}}}', '{"a":{"b":{"c":{"e":"x","f":null}}}}'],
  ['an exponent is as good as a point', '{"a":1.5}', '{"a":1e3}'],
  ['the text of the type', '{"event_type":"a"}', '{"event_type":"b"}'],
]

const different: [why: string, a: string, b: string][] = [
  ['a name', '{"a":1}', '{"b":1}'],
  ['a name of a user', '{"user":{"user_id":"x"}}', '{"user":{"device_id":"x"}}'],
  ['a name of a property', '{"properties":{"a":1}}', '{"properties":{"b":1}}'],
  ['a name at depth 3', '{"properties":{"o":{"a":1}}}', '{"properties":{"o":{"b":1}}}'],
  ['a kind at depth 3', '{"properties":{"o":{"a":1}}}', '{"properties":{"o":{"a":"1"}}}'],
  ['in any object', '{"context":{"traits":{"a":1}}}', '{"context":{"traits":{"b":1}}}'],
  ['in an object called like the header', '{"id":{"a":1}}', '{"id":{"b":1}}'],
  [
    'in an object called events',
    '{"event_type":"t","events":{"a":1}}',
    '{"event_type":"t","events":{"b":1}}',
  ],
  ['a level', '{"a":{"b":1}}', '{"a":{},"b":1}'],
  ['the place of a member', '{"user":{"a":1},"properties":{}}', '{"user":{},"properties":{"a":1}}'],
  ['one member more', '{"a":1}', '{"a":1,"b":1}'],
  ['an integer is no decimal', '{"a":1}', '{"a":1.0}'],
  ['an empty object is no empty array', '{"a":{}}', '{"a":[]}'],
  ['null is no absence', '{"a":null}', '{"b":1}'],
  ['the length of long keys', `{"${'k'.repeat(300)}":1}`, `{"${'k'.repeat(301)}":1}`],
  ['a key that is the beginning of another', '{"abcdefgh":1}', '{"abcdefgh\\u0000":1}'],
]

describe.each(bothKernels())('%s', (_name, kernel) => {
  test.each(same)('%s', (_why, a, b) => expect(shapeOf(kernel, a)).toBe(shapeOf(kernel, b)))

  test.each(different)('differs by %s', (_why, a, b) =>
    expect(shapeOf(kernel, a)).not.toBe(shapeOf(kernel, b)),
  )

  test('every pair of kinds differs', () => {
    const values = ['"x"', '1', '0.5', 'true', 'null', '[]', '{}']
    expect(values).toHaveLength(KINDS.length)
    const shapes = values.map((value) => shapeOf(kernel, `{"properties":{"a":${value}}}`))
    expect(new Set(shapes).size).toBe(KINDS.length)
  })

  test('is of the item alone, wherever it stands', () => {
    const [a, b] = ['{"id":"1","user":{"user_id":"x"}}', '{"id":"2","properties":{"p":1.5}}']
    const wrapped = `{"v":{"x":1},"events":[${a},${b}]}`
    expect([0, 1].map((i) => shapeOf(kernel, wrapped, i))).toEqual([a, b].map((one) => shapeOf(kernel, one)))
    expect(shapeOf(kernel, `[${b}, {"broken":}, ${a}]`, 2)).toBe(shapeOf(kernel, a))
  })

  test('an item that is no event has none', () => {
    for (const body of ['[{"a":1},5]', '[{"a":1},{"b":}]', '[{"a":1},{"b":tr'])
      expect(shapeOf(kernel, body, 1)).toBe('0:0')
  })

  test('depends on the key', () => {
    const other = bothKernels({ ...testOptions, key: testKey.map((byte) => byte ^ 1) })
    const kernelOfOther = other.find(([name]) => name === kernel.name)?.[1]
    expect(kernelOfOther && shapeOf(kernelOfOther, '{"a":1}')).not.toBe(shapeOf(kernel, '{"a":1}'))
  })

  test('of an event with 100,000 keys, huge keys and deep nesting is found in linear time, far below what squares would take', () => {
    const keys = Array.from({ length: 100_000 }, (_, i) => `"key ${i}":{"a":{"b":${i}}}`)
    const bodies = [
      `{${keys.join()}}`,
      `{"properties":{"${'k'.repeat(3_000_000)}":1}}`,
      `{"a":${'{"a":'.repeat(250)}1${'}'.repeat(250)}}`,
    ]
    const startedAt = performance.now()
    for (const body of bodies) expect(shapeOf(kernel, body)).not.toBe('0:0')
    expect(performance.now() - startedAt).toBeLessThan(30_000)
  }, 60_000)
})

test('the members that count', () => {
  const event =
    '{"id":"x","user":{},"n":-0.5,"properties":{"list":[1],"o":{"a":{"b":1},"c":null,"d\\u0021":2}},"id":7}'
  expect(membersOf(event)).toEqual([
    'id string "x"',
    'user object {}',
    'n decimal -0.5',
    'properties.list array [1]',
    'properties.o.a object {"b":1}',
    'properties.o.c null null',
    'properties.o.d! integer 2',
    'properties.o object {"a":{"b":1},"c":null,"d\\u0021":2}',
    'properties object {"list":[1],"o":{"a":{"b":1},"c":null,"d\\u0021":2}}',
    'id integer 7',
  ])
})

test.each(['', '[]', '{"a":}', '{"a":1} ', '{"a":1', '5'])('%j has no members', (bytes) => {
  expect(() => eachMember(Buffer.from(bytes), () => undefined)).toThrow(TypeError)
})

// Events as trees, so that they can be written down in another order and with other values.

type Tree = Kind | { readonly [name: string]: Tree }
const VALUES: Readonly<Record<Exclude<Kind, 'object'>, readonly string[]>> = {
  string: ['""', '"a"', '"\\u00e9 \\" \ud83d\ude00"'],
  integer: ['0', '-7', '12345678901234567890'],
  decimal: ['0.5', '-1e9', '3.0E-2'],
  boolean: ['true', 'false'],
  null: ['null'],
  array: ['[]', '[{"x":1},[2]]', '["a"]'],
}
const names = fc.oneof(
  fc.constantFrom('id', 'event_type', 'user', 'properties', 'events', 'a', 'b'),
  fc.string({ unit: 'grapheme', maxLength: 30 }),
)
const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(...(Object.keys(VALUES) as Exclude<Kind, 'object'>[])),
    fc.dictionary(names, tie('tree'), { maxKeys: 5, noNullPrototype: true }),
  ),
}))
const eventTree = fc.dictionary(names, tree, { minKeys: 1, maxKeys: 6, noNullPrototype: true })

function written(node: Tree, choose: (most: number) => number): string {
  if (typeof node === 'string') {
    const values = node === 'object' ? ['{}'] : VALUES[node]
    return values[choose(values.length)] ?? ''
  }
  const members = Object.entries(node).map(
    ([name, value]) => `${JSON.stringify(name)}:${written(value, choose)}`,
  )
  for (let i = members.length - 1; i > 0; i--) {
    const j = choose(i + 1)
    ;[members[i], members[j]] = [members[j] ?? '', members[i] ?? '']
  }
  return `{${members.join()}}`
}

function pathsAndKinds(event: string): string {
  const lines: string[] = []
  eachMember(Buffer.from(event), ({ path, kind }) => lines.push(JSON.stringify([path, kind])))
  return lines.sort().join('\n')
}

test('two events have one shape exactly when the same members have the same kinds, in both executors', () => {
  const kernels = bothKernels().map(([, kernel]) => kernel)
  const shapes = (event: string): string[] =>
    // As the element of an array with a type, so that an `events` of its own does not make it a wrapper.
    kernels.map((kernel) => shapeOf(kernel, `{"events":[${event}]}`))
  fc.assert(
    fc.property(eventTree, eventTree, fc.infiniteStream(fc.nat({ max: 999 })), (one, other, numbers) => {
      const choose = (most: number): number => (numbers.next().value ?? 0) % most
      const [a, b, c] = [written(one, choose), written(one, choose), written(other, choose)]
      expect(shapes(a)).toEqual(shapes(b))
      expect(new Set(shapes(a)).size).toBe(1)
      expect(shapes(a)[0] === shapes(c)[0]).toBe(pathsAndKinds(a) === pathsAndKinds(c))
    }),
    { seed, numRuns: 500 },
  )
})

test('the depth that the API tells of is the one that both executors use', () => {
  const nested = (depth: number, name: string): string =>
    `${'{"a":'.repeat(depth - 1)}{"${name}":1}${'}'.repeat(depth - 1)}`
  for (const [, kernel] of bothKernels()) {
    expect(shapeOf(kernel, nested(SHAPE_DEPTH, 'x'))).not.toBe(shapeOf(kernel, nested(SHAPE_DEPTH, 'y')))
    expect(shapeOf(kernel, nested(SHAPE_DEPTH + 1, 'x'))).toBe(shapeOf(kernel, nested(SHAPE_DEPTH + 1, 'y')))
  }
})
