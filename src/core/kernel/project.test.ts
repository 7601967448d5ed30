import { describe, expect, test } from 'vitest'
import { bothKernels, projectOne } from './kernel.fixture.ts'
import type { Member } from './kernel.ts'
import { parseExact, projectValue } from './project.ts'

const event = {
  id: 'e1',
  event_type: 'users.custom',
  time: 1477502783,
  user: { user_id: 'b1', external_user_id: 'x1', timezone: 'UTC' },
  properties: { a: 1, b: { c: [1, '}'] }, d: null, timezone: 'CET', s: 'text "quoted"' },
}

const all = { rest: 'properties', except: [], rename: {} }
const rest = (except: string[], rename: Record<string, string> = {}): Member => ({
  rest: 'properties',
  except,
  rename,
})

const cases: [what: string, members: Member[], expected: unknown][] = [
  ['nothing', [], {}],
  [
    'constants',
    [
      { key: 'a', constant: { x: ['"', null] } },
      { key: 'b', constant: 'é' },
    ],
    { a: { x: ['"', null] }, b: 'é' },
  ],
  ['an undefined constant', [{ key: 'a', constant: undefined }, all], event.properties],
  [
    'a copy of depth one',
    [
      { key: 'k', copy: ['id'] },
      { key: 'p', copy: ['properties'] },
    ],
    { k: 'e1', p: event.properties },
  ],
  ['a copy of depth two', [{ key: 'k', copy: ['properties', 'b'] }], { k: { c: [1, '}'] } }],
  ['a copied null', [{ key: 'k', copy: ['properties', 'd'] }], { k: null }],
  [
    'absent paths',
    [
      { key: 'k', copy: ['x'] },
      { key: 'l', copy: ['user', 'x'] },
      { key: 'm', copy: ['id', 'x'] },
      { key: 'n', isoTime: ['x'] },
    ],
    {},
  ],
  ['a key that needs escapes', [{ key: 'a"\\\n', copy: ['id'] }], { 'a"\\\n': 'e1' }],
  [
    'a suffix',
    [
      { key: 'k', suffixed: ['id'], suffix: '-c7' },
      { key: 'l', suffixed: ['properties', 's'], suffix: '!' },
    ],
    { k: 'e1-c7', l: 'text "quoted"!' },
  ],
  [
    'a suffix to what is no string',
    [
      { key: 'k', suffixed: ['time'], suffix: 'x' },
      { key: 'l', suffixed: ['no'], suffix: 'x' },
    ],
    {},
  ],
  ['a time', [{ key: 't', isoTime: ['time'] }], { t: '2016-10-26T17:26:23.000Z' }],
  [
    'objects',
    [
      {
        key: 'o',
        object: [
          { key: 'p', object: [{ key: 'k', copy: ['id'] }] },
          { key: 'q', object: [] },
        ],
      },
      { key: 'z', constant: 0 },
    ],
    { o: { p: { k: 'e1' }, q: {} }, z: 0 },
  ],
  ['a spliced object', [all], event.properties],
  [
    'a spliced object that is absent',
    [
      { rest: 'x', except: [], rename: {} },
      { rest: 'id', except: [], rename: {} },
      { key: 'k', copy: ['id'] },
    ],
    { k: 'e1' },
  ],
  ['exceptions', [rest(['a', 'b', 's', 'absent'])], { d: null, timezone: 'CET' }],
  ['all excepted', [rest(['a', 'b', 'd', 's', 'timezone'])], {}],
  [
    'renamed',
    [rest(['b', 'd', 's'], { a: 'longer name', timezone: 't"' })],
    { 'longer name': 1, 't"': 'CET' },
  ],
  ['renamed but excepted', [rest(['a', 'b', 'd', 's'], { a: 'x' })], { timezone: 'CET' }],
  // collisions
  ['fixed beats spliced', [rest(['b', 'd', 's']), { key: 'a', copy: ['id'] }], { a: 'e1', timezone: 'CET' }],
  [
    'an absent fixed member does not',
    [{ key: 'a', copy: ['user', 'none'] }, rest(['b', 'd', 's'])],
    { a: 1, timezone: 'CET' },
  ],
  [
    'a suffixed member without a string does not',
    [{ key: 'a', suffixed: ['time'], suffix: 'x' }, rest(['b', 'd', 's'])],
    { a: 1, timezone: 'CET' },
  ],
  ['an object always does', [{ key: 'a', object: [] }, rest(['b', 'd', 's'])], { a: {}, timezone: 'CET' }],
  [
    'fixed beats renamed',
    [{ key: 'x', copy: ['id'] }, rest(['b', 'd', 's'], { a: 'x' })],
    { x: 'e1', timezone: 'CET' },
  ],
  ['own name beats renamed', [rest(['b', 'd', 's'], { a: 'timezone' })], { timezone: 'CET' }],
  ['an excepted own name does not', [rest(['b', 'd', 's', 'timezone'], { a: 'timezone' })], { timezone: 1 }],
  [
    'a renamed own name does not',
    [rest(['b', 'd', 's'], { timezone: 'tz', a: 'timezone' })],
    { tz: 'CET', timezone: 1 },
  ],
  ['the first renamed wins', [rest(['b', 'd', 's'], { timezone: 'x', a: 'x' })], { x: 'CET' }],
  ['swapped names', [rest(['b', 'd', 's'], { timezone: 'a', a: 'timezone' })], { a: 'CET', timezone: 1 }],
  [
    'the first spliced object wins',
    [{ rest: 'user', except: [], rename: { user_id: 'd' } }, rest(['b', 's'])],
    { d: 'b1', external_user_id: 'x1', timezone: 'UTC', a: 1 },
  ],
  ['the same object twice', [all, rest([], { a: 'again' })], { ...event.properties, again: 1 }],
  [
    'objects do not contend with one another',
    [all, { key: 'o', object: [all, { rest: 'user', except: ['user_id'], rename: {} }] }],
    { ...event.properties, o: { ...event.properties, external_user_id: 'x1' } },
  ],
]

describe('projectValue', () => {
  test.each(cases)('%s', (_what, members, expected) => {
    expect(projectValue(event, { members })).toEqual(expected)
  })

  test.each([[1], ['x'], [null], [[]], [true]])('%j is no event', (value) => {
    expect(projectValue(value, { members: [] })).toBeUndefined()
  })

  test.each([
    [1.5, '1970-01-01T00:00:01.500Z'],
    [0, '1970-01-01T00:00:00.000Z'],
    [253402300799.9999, '9999-12-31T23:59:59.999Z'],
  ])('time %d', (time, expected) => {
    expect(projectValue({ time }, { members: [{ key: 't', isoTime: ['time'] }] })).toEqual({ t: expected })
  })

  test.each([[-1], [253402300800], ['1477502783'], [null], [Number.NaN], [{}]])(
    'time %j cannot be converted',
    (time) => {
      expect(projectValue({ time }, { members: [{ key: 't', isoTime: ['time'] }] })).toBeUndefined()
    },
  )

  test('a key __proto__ is a member like any other', () => {
    const value = JSON.parse('{"properties":{"__proto__":{"x":1}}}')
    const projected = projectValue(value, {
      members: [all, { key: 'o', object: [rest([], { ['__proto__']: 'y' })] }],
    })
    expect(JSON.stringify(projected)).toBe('{"o":{"y":{"x":1}},"__proto__":{"x":1}}')
  })
})

describe.each(bothKernels())('%s', (name, kernel) => {
  const bytes = (text: string): Uint8Array => Buffer.from(text)

  test.each(cases)('%s', (_what, members, expected) => {
    for (const indent of [undefined, 2]) {
      expect(
        JSON.parse(projectOne(kernel, bytes(JSON.stringify(event, undefined, indent)), { members })),
      ).toEqual(expected)
    }
  })

  test.each([
    [0, '1970-01-01T00:00:00.000Z'],
    [951782399, '2000-02-28T23:59:59.000Z'],
    [951782400, '2000-02-29T00:00:00.000Z'],
    [951868800, '2000-03-01T00:00:00.000Z'],
    [4107542400, '2100-03-01T00:00:00.000Z'],
    [253402300799, '9999-12-31T23:59:59.000Z'],
  ])('time %d', (time, expected) => {
    expect(
      projectOne(kernel, bytes(`{"time":${time}}`), { members: [{ key: 't', isoTime: ['time'] }] }),
    ).toBe(`{"t":"${expected}"}`)
  })

  test.each(['253402300800', '"1"', 'null', '-5', '[]', '9999999999999999999999'])(
    'time %s is odd',
    (time) => {
      expect(
        projectOne(kernel, bytes(`{"time":${time}}`), { members: [{ key: 't', isoTime: ['time'] }] }),
      ).toBe('odd')
    },
  )

  test('numbers keep their value whatever JavaScript can hold', () => {
    const numbers = [
      '12345678901234567890',
      '1e400',
      '-0',
      '0.1',
      '1.0',
      '3.14159265358979323846',
      '1e-400',
      '1E5',
      '0e0',
      '5',
    ]
    const text = projectOne(kernel, bytes(`{"properties":{"n":[${numbers.join()}]}}`), { members: [all] })
    const kept = text.slice(6, -2).split(',')
    for (const [i, number] of numbers.entries()) {
      if (kept[i] !== number) expect(String(Number(number)), number).toBe(kept[i])
    }
    expect(kept.slice(0, 3)).toEqual(numbers.slice(0, 3))
  })

  test('many events with different projections, into the middle of a buffer', () => {
    const texts = Array.from({ length: 3000 }, (_, i) =>
      JSON.stringify({ id: `e${i}`, properties: { n: i, pad: 'ä'.repeat(i % 400) } }),
    )
    const joined = bytes(texts.join())
    const starts = new Uint32Array(texts.length)
    const ends = new Uint32Array(texts.length)
    let at = 0
    for (const [i, text] of texts.entries()) {
      starts[i] = at
      ends[i] = at + Buffer.byteLength(text)
      at = (ends[i] ?? 0) + 1
    }
    const handles = [
      kernel.compile({ members: [{ key: 'k', copy: ['id'] }] }),
      kernel.compile({ members: [all] }),
    ]
    const projections = Uint32Array.from(texts, (_, i) => handles[i % 2] ?? 0)
    const out = new Uint8Array(joined.length + 100)
    const outEnds = new Uint32Array(texts.length)
    const end = kernel.project(joined, starts, ends, texts.length, projections, out, 7, outEnds)
    const values = JSON.parse(`[${Buffer.from(out.subarray(7, end))}]`)
    expect(values.length).toBe(texts.length)
    for (const [i, value] of values.entries()) {
      const one = JSON.parse(
        Buffer.from(out.subarray(i === 0 ? 7 : (outEnds[i - 1] ?? 0) + 1, outEnds[i])).toString(),
      )
      expect(one).toEqual(value)
      expect(value).toEqual(i % 2 === 0 ? { k: `e${i}` } : { n: i, pad: 'ä'.repeat(i % 400) })
    }
    expect(out.subarray(0, 7)).toEqual(new Uint8Array(7))
    expect(() =>
      kernel.project(joined, starts, ends, texts.length, projections, new Uint8Array(1000), 0, outEnds),
    ).toThrow(RangeError)
  })

  test('stops before an odd event, with what came before it written', () => {
    const joined = bytes('{"time":1},{"time":2},{"time":"x"},{"time":3}')
    const out = new Uint8Array(500)
    const outEnds = new Uint32Array(4)
    const handle = kernel.compile({ members: [{ key: 't', isoTime: ['time'] }] })
    const starts = Uint32Array.of(0, 11, 22, 35)
    const ends = Uint32Array.of(10, 21, 34, 45)
    expect(kernel.project(joined, starts, ends, 4, new Uint32Array(4).fill(handle), out, 0, outEnds)).toBe(-3)
    expect(Buffer.from(out.subarray(0, outEnds[1])).toString()).toBe(
      '{"t":"1970-01-01T00:00:01.000Z"},{"t":"1970-01-01T00:00:02.000Z"}',
    )
    expect(out[outEnds[1] ?? 0]).toBe(0)
  })

  test('a result many times larger than its event', () => {
    const big = 'x'.repeat(300_000)
    const members = Array.from({ length: 8 }, (_, i): Member => ({ key: `k${i}`, copy: ['id'] }))
    const text = projectOne(kernel, bytes(JSON.stringify({ id: big })), { members })
    expect(JSON.parse(text)).toEqual(Object.fromEntries(members.map((_, i) => [`k${i}`, big])))
  })

  test('thousands of members in two spliced objects', () => {
    const many = (prefix: string): Record<string, number> =>
      Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`${prefix}${i}`, i]))
    const both = { user: many('u'), properties: many('p') }
    const text = projectOne(kernel, bytes(JSON.stringify(both)), {
      members: [{ rest: 'user', except: [], rename: {} }, all],
    })
    if (text !== 'odd') expect(JSON.parse(text)).toEqual({ ...both.user, ...both.properties })
    expect(text === 'odd').toBe(name === 'wasm')
  })

  test.each([
    [
      'one key twice in an object',
      [
        { key: 'a', constant: 1 },
        { key: 'a', constant: 2 },
      ],
    ],
    ['a suffix with a quote', [{ key: 'a', suffixed: ['id'], suffix: '"' }]],
    ['a suffix with a backslash', [{ key: 'a', suffixed: ['id'], suffix: '\\' }]],
    ['a suffix beyond ASCII', [{ key: 'a', suffixed: ['id'], suffix: 'é' }]],
    ['a key that is no text', [{ key: 'a', copy: ['\ud800'] }]],
    [
      'bottomless objects',
      [
        Array.from({ length: 20 }).reduce<Member>((inner) => ({ key: 'o', object: [inner] }), {
          key: 'a',
          constant: 1,
        }),
      ],
    ],
  ] as [string, Member[]][])('%s is refused', (_what, members) => {
    expect(() => kernel.compile({ members })).toThrow(TypeError)
  })

  test('equal projections share a handle; an unknown handle is refused', () => {
    const one = kernel.compile({ members: [{ key: 'a', copy: ['id'] }] })
    expect(kernel.compile({ members: [{ key: 'a', copy: ['id'] }] })).toBe(one)
    expect(kernel.compile({ members: [{ key: 'b', copy: ['id'] }] })).not.toBe(one)
    const args = [
      bytes('{}'),
      Uint32Array.of(0),
      Uint32Array.of(2),
      1,
      Uint32Array.of(9999),
      new Uint8Array(9),
      0,
      new Uint32Array(1),
    ] as const
    expect(() => kernel.project(...args)).toThrow(RangeError)
  })

  test('members of an event down to depth two', () => {
    const text = '{ "a" : 1,"user":{"id":"x","o":{"deep":1}, "":[]} ,"e":{},"z\\n":null}'
    const into = new Uint32Array(5 * 20)
    const count = kernel.members(bytes(text), into)
    const rows = Array.from({ length: count }, (_, i) => {
      const [parent, key, keyEnd, start, end] = into.subarray(i * 5, i * 5 + 5)
      return [parent, text.slice(key, keyEnd), text.slice(start, end)]
    })
    expect(rows).toEqual([
      [0, 'a', '1'],
      [0, 'user', '{"id":"x","o":{"deep":1}, "":[]}'],
      [2, 'id', '"x"'],
      [2, 'o', '{"deep":1}'],
      [2, '', '[]'],
      [0, 'e', '{}'],
      [0, 'z\\n', 'null'],
    ])
    expect(() => kernel.members(bytes(text), new Uint32Array(5 * 6))).toThrow(RangeError)
    expect(kernel.members(bytes(text), new Uint32Array(5 * 7))).toBe(7)
    expect(kernel.members(bytes('{}'), new Uint32Array(0))).toBe(0)
  })

  test.each(['', '[]', '{', '{"a":1} ', '{"a":1,}', '{"a" 1}', '{}x', '{"a":"\u0000"}'])(
    'members of %j are refused',
    (text) => {
      expect(() => kernel.members(bytes(text), new Uint32Array(100))).toThrow(TypeError)
    },
  )
})

test('parseExact keeps only what would be lost', () => {
  expect(parseExact('{"a":[1,1.5,"x",1e2,0]}')).toEqual({ a: [1, 1.5, 'x', 100, 0] })
  expect(JSON.stringify(parseExact('[12345678901234567890,1e999,-0]'))).toBe(
    '[12345678901234567890,1e999,-0]',
  )
})
