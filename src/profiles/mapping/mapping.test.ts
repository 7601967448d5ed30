import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type * as z from 'zod'
import { ProfileSchema } from '../schema.ts'
import { FIELD_TYPES, type FieldType } from '../values.ts'
import { checkSchema, problemsOf } from './check.ts'
import { BRAZE_USERS_MAPPING, defaultSchema } from './default-schema.ts'
import { dryRun } from './dry-run.ts'
import { StreamMapper, TIME_FIELD } from './mapping.ts'
import { StreamMappers } from './stream-of.ts'

const NOW = Date.UTC(2026, 4, 28, 12)

type Input = z.input<typeof ProfileSchema>

function schemaOf(parts: Partial<Input> = {}): ProfileSchema {
  return ProfileSchema.parse({
    fields: [{ name: 'id', identifier: { rank: 1 } }],
    streams: [{ name: 's', mappings: [{ field: 'id', expression: 'id' }] }],
    ...parts,
  })
}

/** What a stream with one more field makes of a value `x`. */
function made(type: FieldType, x: unknown, expression = 'x') {
  const schema = schemaOf({
    fields: [
      { name: 'id', identifier: { rank: 1 } },
      { name: 'f', type },
    ],
    streams: [
      {
        name: 's',
        mappings: [
          { field: 'id', expression: 'id' },
          { field: 'f', expression },
        ],
      },
    ],
  })
  const [result] = dryRun(schema, 's', [{ id: '1', x }], NOW)
  return { value: result?.record?.values.f, lost: result?.lost.map(({ problem }) => problem) }
}

const DAY = Date.UTC(2020, 6, 10)

test.each<[type: FieldType, x: unknown, value: unknown, problem?: string]>([
  ['string', 'a', 'a'],
  ['string', ' a ', ' a '],
  ['string', '  ', undefined],
  ['string', 12, '12'],
  ['string', true, 'true'],
  ['string', ['', 'b', 'c'], 'b'],
  ['string', { a: 1 }, undefined, 'not_text'],
  ['string', 'a\0b', undefined, 'not_text'],
  ['string', '\ud800', undefined, 'not_text'],
  ['string', 2 ** 60, undefined, 'number_too_large'],
  ['int', '12', 12],
  ['int', 12.5, undefined, 'not_an_integer'],
  ['int', 'x', undefined, 'not_a_number'],
  ['number', '1.5e2', 150],
  ['bool', 'No', false],
  ['bool', 2, undefined, 'not_a_bool'],
  ['date', '2020-07-10', DAY],
  ['date', DAY / 1000, DAY],
  ['date', 'x', undefined, 'not_a_date'],
  ['[]string', ['a', 1, null, 'a', ''], ['a', '1']],
  ['[]string', 'a', ['a']],
  ['[]string', [], undefined],
  ['[]string', ['a', {}], ['a'], 'not_text'],
  ['[]time', ['2020-07-10', '2020-07-11'], [DAY + 86_400_000, DAY]],
  ['map[string]string', { a: 'x', b: null, '': 'y' }, { a: 'x' }],
  ['map[string]int', { a: '1', b: 'x' }, { a: 1 }, 'not_a_number'],
  ['map[string]intsum', { a: 2 }, { a: 2 }],
  ['map[string]number', { a: 1.5 }, { a: 1.5 }],
  ['map[string]bool', { a: 'yes' }, { a: true }],
  ['map[string]time', { a: '2020-07-10' }, { a: DAY }],
  ['map[string][]time', { a: ['2020-07-10', '2020-07-11'] }, { a: [DAY + 86_400_000, DAY] }],
  ['map[string]string', 'x', undefined, 'not_a_map'],
  ['map[string]string', ['x'], undefined, 'not_a_map'],
])('a %s out of %j is %j', (type, x, value, problem) => {
  expect(made(type, x)).toEqual({ value, lost: problem === undefined ? [] : [problem] })
})

test('a key of a map may be called anything', () => {
  const { value } = made('map[string]int', JSON.parse('{"__proto__":1,"constructor":2}'))
  expect(Object.entries(value ?? {})).toEqual([
    ['__proto__', 1],
    ['constructor', 2],
  ])
})

test('events of a map of moments', () => {
  expect(made('map[string][]time', 'users.messages.email.Open', 'times(x)').value).toEqual({
    'users.messages.email.Open': [NOW],
  })
})

describe('a record', () => {
  const schema = schemaOf({
    fields: [
      { name: 'id', type: '[]string', identifier: { rank: 1, perProfileMax: 5 } },
      { name: 'email', identifier: { rank: 2 } },
      { name: 'tags', type: '[]string' },
      { name: 'name' },
    ],
    streams: [
      {
        name: 's',
        where: 'kind != "test"',
        otherNames: { id: ['ID', 'user id'] },
        mappings: [
          { field: 'id', expression: 'id' },
          { field: 'email', expression: 'email(email)' },
          { field: 'email', expression: 'email(other)' },
          { field: 'name', expression: 'oneof(email(name), name)', guard: 'not anonymous' },
          { field: 'name', expression: 'nick' },
          { field: 'tags', expression: 'a' },
          { field: 'tags', expression: 'b' },
        ],
      },
    ],
  })
  const mapper = new StreamMapper(schema, schema.streams[0] as ProfileSchema['streams'][number])
  const map = (parsed: unknown) => mapper.map(JSON.stringify(parsed), 17, NOW)

  test('has identifiers, values, its place and its moment', () => {
    const row = {
      id: ['1', '2'],
      email: 'A@b.com',
      other: 'c@d.com',
      name: 'Ann',
      nick: 'A',
      a: 'x',
      b: ['x', 'y'],
    }
    expect(map(row)).toEqual({
      record: {
        stream: 's',
        at: NOW,
        offset: 17,
        joins: true,
        identifiers: [
          { field: 'id', value: '1' },
          { field: 'id', value: '2' },
          { field: 'email', value: 'a@b.com' },
          { field: 'email', value: 'c@d.com' },
        ],
        values: [
          ['id', ['1', '2']],
          ['email', 'a@b.com'],
          ['name', 'Ann'],
          ['tags', ['x', 'y']],
        ],
      },
      lost: [],
    })
  })

  test.each<[what: string, parsed: unknown, outcome: object]>([
    [
      'a guard that is not true leaves the next mapping',
      { id: '1', name: 'Ann', anonymous: 'yes', nick: 'A' },
      {
        record: {
          values: [
            ['id', ['1']],
            ['name', 'A'],
          ],
        },
        lost: [],
      },
    ],
    [
      'the first of the other names that has a value',
      { id: '', ID: null, 'user id': 7 },
      { record: { identifiers: [{ field: 'id', value: '7' }] } },
    ],
    [
      'a value that cannot be made',
      { id: '1', email: 'none' },
      { record: { values: [['id', ['1']]] }, lost: [{ field: 'email', problem: 'not_an_email' }] },
    ],
    ['no identifier', { name: 'Ann' }, { reason: 'no_identifier' }],
    [
      'an identifier that cannot be made',
      { email: 'x' },
      { reason: 'no_identifier', lost: [{ field: 'email', problem: 'not_an_email' }] },
    ],
    ['what the stream does not take', { id: '1', kind: 'test' }, { reason: 'filtered' }],
    ['a number', 12, { reason: 'not_an_object' }],
    ['a list', [], { reason: 'not_an_object' }],
    ['null', null, { reason: 'not_an_object' }],
    ['a row whose fields are none', { stream: 's', fields: [] }, { reason: 'not_an_object' }],
    [
      'a row in its record',
      { id: 'x', stream: 's', fields: { id: '1' } },
      { record: { identifiers: [{ field: 'id', value: '1' }] } },
    ],
  ])('%s', (_what, parsed, outcome) => {
    expect(map(parsed)).toMatchObject(outcome)
  })

  test('that is no JSON', () => {
    expect(mapper.map('{', 0, NOW)).toEqual({ reason: 'not_json', lost: [] })
  })
})

describe('the moment of a record', () => {
  const moment = (time: string | undefined, parsed: unknown) => {
    const schema = schemaOf({
      streams: [
        { name: 's', ...(time === undefined ? {} : { time }), mappings: [{ field: 'id', expression: 'id' }] },
      ],
    })
    const [result] = dryRun(schema, 's', [parsed], NOW)
    return { at: result?.record?.at, lost: result?.lost }
  }
  const row = (timestamp_field: string | undefined, fields: object) => ({
    stream: 's',
    timestamp_field,
    fields: { id: '1', ...fields },
  })
  const T = 1_700_000_000

  test.each<[what: string, time: string | undefined, parsed: unknown, at: number, problem?: string]>([
    ['is of the stream’s expression', 'created', row('time', { created: T, time: 1 }), T * 1000],
    [
      'is of the field that the sender named',
      undefined,
      row('created', { created: '2023-11-14 22:13:20' }),
      T * 1000,
    ],
    ['is of an event', undefined, { id: '1', time: T }, T * 1000],
    ['is the arrival of a row that nobody said a time of', undefined, row(undefined, { time: T }), NOW],
    [
      'is the arrival where nothing can be read',
      'created',
      row(undefined, { created: 'soon' }),
      NOW,
      'not_a_date',
    ],
    [
      'is what the sender named where the expression gives nothing',
      'missing',
      row('created', { created: T }),
      T * 1000,
    ],
    [
      'is not of the day after tomorrow',
      undefined,
      { id: '1', time: NOW / 1000 + 172_800 },
      NOW,
      'in_the_future',
    ],
    ['may be a little ahead', undefined, { id: '1', time: NOW / 1000 + 60 }, NOW + 60_000],
  ])('%s', (_what, time, parsed, at, problem) => {
    expect(moment(time, parsed)).toEqual({
      at,
      lost: problem === undefined ? [] : [{ field: TIME_FIELD, problem }],
    })
  })
})

test('whatever a record is, no default stream throws', () => {
  const schema = defaultSchema()
  const mappers = schema.streams.map((stream) => new StreamMapper(schema, stream))
  const keys = [
    ...new Set([
      'fields',
      'stream',
      'timestamp_field',
      'time',
      'user',
      'user_id',
      'external_user_id',
      'properties',
      'email_address',
      'event_type',
      'traits',
      'address',
      'type',
      'timestamp',
      'date_of_birth',
      'email',
      'twitter_handle',
      '__proto__',
    ]),
  ]
  const value = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.jsonValue({ maxDepth: 1 }),
      fc.constantFrom('identify', 'a@b.com', '[REDACTED]', 1e300, '19820101'),
      fc.dictionary(fc.constantFrom(...keys), tie('value')),
    ),
  })).value
  fc.assert(
    fc.property(value, (parsed) => {
      for (const mapper of mappers) {
        const outcome = mapper.map(JSON.stringify(parsed), 0, NOW)
        if ('reason' in outcome) continue
        expect(outcome.record.identifiers.length).toBeGreaterThan(0)
        // What is made is kept as JSON.
        const values = Object.fromEntries(outcome.record.values)
        expect(JSON.parse(JSON.stringify(values))).toEqual(values)
      }
    }),
    { numRuns: 3_000 },
  )
})

describe('a schema', () => {
  test.each<[what: string, parts: Partial<Input>, where: string, message: string]>([
    [
      'a field twice',
      { fields: [{ name: 'id', identifier: { rank: 1 } }, { name: 'id' }] },
      'fields.id',
      'twice',
    ],
    ['a stream twice', { streams: [stream({}), stream({})] }, 'streams.s', 'twice'],
    ['no identifier', { fields: [{ name: 'id' }] }, 'fields', 'no field is an identifier'],
    [
      'a rank twice',
      {
        fields: [
          { name: 'id', identifier: { rank: 1 } },
          { name: 'b', identifier: { rank: 1 } },
        ],
      },
      'fields.b.identifier.rank',
      'id has the rank 1, too',
    ],
    [
      'an identifier with a merge operator',
      { fields: [{ name: 'id', merge: 'latest', identifier: { rank: 1 } }] },
      'fields.id.merge',
      'perProfileMax',
    ],
    [
      'an identifier that is a number',
      { fields: [{ name: 'id', type: 'int', identifier: { rank: 1 } }] },
      'fields.id.type',
      'string or []string',
    ],
    [
      'a pattern that is none',
      { fields: [{ name: 'id', identifier: { rank: 1, pattern: '(' } }] },
      'fields.id.identifier.pattern',
      'no regular expression',
    ],
    [
      'an operator that a type lacks',
      {
        fields: [
          { name: 'id', identifier: { rank: 1 } },
          { name: 'b', merge: 'sum' },
        ],
      },
      'fields.b.merge',
      'string has no sum: it has latest, oldest',
    ],
    [
      'a capacity of one value',
      {
        fields: [
          { name: 'id', identifier: { rank: 1 } },
          { name: 'b', capacity: 2 },
        ],
      },
      'fields.b.capacity',
      'no capacity',
    ],
    [
      'a mapping to a field that is not there',
      {
        streams: [
          stream({
            mappings: [
              { field: 'id', expression: 'id' },
              { field: 'x', expression: 'a' },
            ],
          }),
        ],
      },
      'streams.s.mappings.1.field',
      'there is no field x',
    ],
    [
      'an expression that gives something else',
      { streams: [stream({ mappings: [{ field: 'id', expression: 'match("a")' }] })] },
      'streams.s.mappings.0.expression',
      'this gives a map, which is not string',
    ],
    [
      'a guard that is no condition',
      { streams: [stream({ mappings: [{ field: 'id', expression: 'id', guard: 'set(a)' }] })] },
      'streams.s.mappings.0.guard',
      'a list, which is not a condition',
    ],
    [
      'a time that is none',
      { streams: [stream({ time: 'a == b' })] },
      'streams.s.time',
      'true or false, which is not a moment',
    ],
    [
      'a source that two streams read',
      {
        streams: [
          stream({ from: { kind: 'source', source: 'x' } }),
          { ...stream({ from: { kind: 'source', source: 'x' } }), name: 't' },
        ],
      },
      'streams.t.from',
      's reads the source x already',
    ],
    [
      'a kind that two streams read',
      {
        streams: [
          stream({ from: { kind: 'kinds', kinds: ['segment'] } }),
          { ...stream({ from: { kind: 'kinds', kinds: ['files', 'segment'] } }), name: 't' },
        ],
      },
      'streams.t.from',
      's reads the sources of kind segment already',
    ],
    [
      'a stream that gives no identifier',
      {
        fields: [{ name: 'id', identifier: { rank: 1 } }, { name: 'b' }],
        streams: [stream({ mappings: [{ field: 'b', expression: 'b' }] })],
      },
      'streams.s.mappings',
      'no mapping gives an identifier',
    ],
  ])('with %s is refused', (_what, parts, where, message) => {
    expect(problemsOf(schemaOf(parts))).toContainEqual(
      expect.objectContaining({ where, message: expect.stringContaining(message) }),
    )
  })

  function stream(parts: Partial<Input['streams'][number]>) {
    return { name: 's', mappings: [{ field: 'id', expression: 'id' }], ...parts }
  }

  test('is refused for everything at once, each with its place', () => {
    const bad = schemaOf({
      streams: [stream({ mappings: [{ field: 'nowhere', expression: 'email(\n  a b)' }] })],
    })
    expect(() => checkSchema(bad)).toThrow(
      expect.objectContaining({
        code: 'PROFILE_SCHEMA_INVALID',
        message: 'streams.s.mappings.0.field: there is no field nowhere (and 2 more)',
        details: {
          problems: expect.arrayContaining([
            {
              where: 'streams.s.mappings.0.expression',
              message: 'line 2, column 5: expected a comma or ), found b',
              line: 2,
              column: 5,
            },
          ]),
        },
      }),
    )
    expect(() => dryRun(bad, 's', [], NOW)).toThrow('nowhere')
  })

  test.each(FIELD_TYPES)('may have a field of type %s', (type) => {
    expect(
      problemsOf(
        schemaOf({
          fields: [
            { name: 'id', identifier: { rank: 1 } },
            { name: 'b', type },
          ],
        }),
      ),
    ).toEqual([])
  })
})

describe('the schema that a hub begins with', () => {
  const schema = defaultSchema()

  test('holds together', () => {
    expect(problemsOf(schema)).toEqual([])
  })

  test('has the mapping of the page, and an external id', () => {
    const stream = schema.streams.find(({ name }) => name === 'braze_users')
    expect(stream?.mappings.map(({ expression, field }) => [expression, field])).toEqual([
      ...BRAZE_USERS_MAPPING,
      ['external_id', 'external_id'],
    ])
    const identifiers = schema.fields.filter(({ identifier }) => identifier !== undefined)
    expect(identifiers.map(({ name, identifier }) => [name, identifier?.rank])).toEqual([
      ['external_id', 1],
      ['br_user_id', 2],
      ['email', 3],
      ['tw_uid', 4],
    ])
  })

  const event = {
    event_type: 'users.messages.email.Open',
    id: 'f47ac10b-58cc-4372-a567-0e02b2c3d479',
    time: 1_477_502_783,
    user: { user_id: '0123456789abcdef01234567', external_user_id: 'u1', timezone: 'America/Chicago' },
    properties: { email_address: 'U1@Example.com' },
  }

  test('reads Currents events', () => {
    expect(dryRun(schema, 'braze_events', [event], NOW)[0]).toEqual({
      record: {
        at: 1_477_502_783_000,
        identifiers: [
          { field: 'external_id', value: 'u1' },
          { field: 'br_user_id', value: '0123456789abcdef01234567' },
          { field: 'email', value: 'u1@example.com' },
        ],
        values: {
          external_id: 'u1',
          br_user_id: '0123456789abcdef01234567',
          email: 'u1@example.com',
          time_zone: 'America/Chicago',
          events: { 'users.messages.email.Open': [1_477_502_783_000] },
        },
      },
      reason: undefined,
      lost: [],
    })
  })

  test('takes no identifier out of what Braze removed or hashed', () => {
    const hidden = {
      ...event,
      user: { user_id: 'ab'.repeat(32), external_user_id: '[REDACTED]' },
      properties: { email_address: 'cd'.repeat(32) },
    }
    expect(dryRun(schema, 'braze_events', [hidden], NOW)[0]).toEqual({
      record: undefined,
      reason: 'no_identifier',
      lost: [
        { field: 'external_id', problem: 'redacted' },
        { field: 'br_user_id', problem: 'hashed' },
        { field: 'email', problem: 'not_an_email' },
      ],
    })
  })

  test('reads identify calls, and no others', () => {
    const call = {
      type: 'identify',
      userId: 'u1',
      timestamp: '2026-05-01T00:00:00Z',
      traits: {
        email: 'u1@example.com',
        firstName: 'Ann',
        birthday: '1982-01-01',
        address: { city: 'Köln' },
      },
    }
    const [identify, track] = dryRun(schema, 'segment_identify', [call, { ...call, type: 'track' }], NOW)
    expect(identify?.record?.values).toEqual({
      external_id: 'u1',
      email: 'u1@example.com',
      first_name: 'Ann',
      birth_date: Date.UTC(1982, 0, 1),
      city: 'Köln',
    })
    expect(identify?.record?.at).toBe(Date.UTC(2026, 4, 1))
    expect(track?.reason).toBe('filtered')
  })

  const mappers = new StreamMappers({
    ...schema,
    streams: schema.streams.map((stream) => ({ ...stream, active: true })),
  })

  test.each<
    [
      source: string,
      kind: 'lytics' | 'files' | 'segment' | 'braze-currents',
      type: string,
      stream: string | undefined,
    ]
  >([
    ['crm', 'lytics', 'lytics.braze_users', 'braze_users'],
    ['dump', 'files', 'lytics.braze_users', 'braze_users'],
    ['crm', 'lytics', 'lytics.others', undefined],
    ['dump', 'files', 'lytics.others', undefined],
    ['braze', 'braze-currents', 'users.messages.email.Open', 'braze_events'],
    ['braze', 'braze-currents', 'lytics.braze_users', 'braze_events'],
    ['dump', 'files', 'users.messages.email.Open', 'braze_events'],
    ['web', 'segment', 'segment.identify', 'segment_identify'],
  ])('sends what %s (%s) has of type %s to %s', (source, kind, type, stream) => {
    expect(mappers.of({ source, kind, type })?.stream.name).toBe(stream)
  })
})

test('a source by name goes before its kind, and a stream by name before both', () => {
  const stream = (name: string, from: object) => ({
    name,
    from,
    mappings: [{ field: 'id', expression: 'id' }],
  })
  const mappers = new StreamMappers(
    schemaOf({
      streams: [
        stream('named', { kind: 'stream' }),
        stream('one', { kind: 'source', source: 'crm' }),
        stream('all', { kind: 'kinds', kinds: ['lytics'] }),
      ] as Input['streams'],
    }),
  )
  const of = (source: string, type: string) => mappers.of({ source, kind: 'lytics', type })?.stream.name
  expect([of('crm', 'lytics.named'), of('crm', 'lytics.x'), of('erp', 'lytics.x')]).toEqual([
    'named',
    'one',
    'all',
  ])
})
