import { randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import avro from 'avsc'
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../core/random.ts'
import { AVRO_CODECS, type AvroCodec } from '../../sandbox/storage/avro-file.ts'
import { storageFile, storageSamples } from '../../sandbox/storage/storage.ts'
import { float32Text } from './float32.ts'
import { readBytes } from './reading.fixture.ts'
import { unsnappy } from './snappy.ts'

const SYNC = Buffer.from('\x01\x02SYNC-MARKER\xf0\xf1\xf2', 'latin1')
const NOW = 1_780_000_000

/** A container of our own making: values of any schema, in blocks. */
function container(
  schema: unknown,
  blocks: readonly (readonly unknown[])[],
  codec: { name: string; pack: (block: Buffer) => Buffer } = { name: 'null', pack: (block) => block },
): Buffer {
  // Longs beyond 2^53 are given as bigint.
  const long = avro.types.LongType.__with({
    fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
    toBuffer: (value: bigint) => {
      const bytes = Buffer.alloc(8)
      bytes.writeBigInt64LE(value)
      return bytes
    },
    fromJSON: BigInt,
    toJSON: Number,
    isValid: (value: unknown) => typeof value === 'bigint',
    compare: (a: bigint, b: bigint) => (a < b ? -1 : 1),
  })
  const type = avro.Type.forSchema(schema as avro.Schema, { registry: { long } })
  const parts = [header(JSON.stringify(schema), codec.name)]
  for (const block of blocks) {
    const records = codec.pack(Buffer.concat(block.map((value) => type.toBuffer(value))))
    parts.push(varint(block.length), varint(records.length), records, SYNC)
  }
  return Buffer.concat(parts)
}

function header(schema: string, codec: string): Buffer {
  const metadata = avro.Type.forSchema({ type: 'map', values: 'bytes' })
  const entries = { 'avro.schema': Buffer.from(schema), 'avro.codec': Buffer.from(codec) }
  return Buffer.concat([Buffer.from('Obj\u0001'), metadata.toBuffer(entries), SYNC])
}

function varint(value: number): Buffer {
  return avro.Type.forSchema('long').toBuffer(value)
}

function schemaOf(fields: readonly object[], name = 'dataexport.S3.inner.users.test.Case') {
  return { type: 'record', name, fields }
}

const ID = { name: 'id', type: 'string' }

describe('a record becomes the canonical event', () => {
  const cases: readonly [what: string, type: unknown, value: unknown, json: string | undefined][] = [
    ['null', ['null', 'string'], null, undefined],
    ['a string', 'string', 'a "b" \\ \n\u0001 é 🏳️‍🌈', '"a \\"b\\" \\\\ \\u000a\\u0001 é 🏳️‍🌈"'],
    ['a string of many escapes', 'string', '"'.repeat(999), JSON.stringify('"'.repeat(999))],
    ['a boolean', 'boolean', true, 'true'],
    ['an int', 'int', -2_147_483_648, '-2147483648'],
    ['a small long', 'long', 7n, '7'],
    ['a long of 2^53', 'long', 9_007_199_254_740_993n, '9007199254740993'],
    ['the largest long', 'long', 9_223_372_036_854_775_807n, '9223372036854775807'],
    ['the smallest long', 'long', -9_223_372_036_854_775_808n, '-9223372036854775808'],
    ['a long of 49 bits', 'long', -281_474_976_710_655n, '-281474976710655'],
    ['a float', 'float', Math.fround(3.14), '3.14'],
    ['a double', 'double', 0.1, '0.1'],
    ['a double that JSON has not', 'double', Number.NaN, '"NaN"'],
    ['an enum', { type: 'enum', name: 'E', symbols: ['A', 'B'] }, 'B', '"B"'],
    ['bytes', 'bytes', Buffer.from([0, 255, 34]), '"AP8i"'],
    ['fixed', { type: 'fixed', name: 'F', size: 2 }, Buffer.from([1, 2]), '"AQI="'],
    ['a timestamp', { type: 'long', logicalType: 'timestamp-millis' }, 1_700_000_000_123, '1700000000123'],
    ['a uuid', { type: 'string', logicalType: 'uuid' }, 'x', '"x"'],
    ['an array', { type: 'array', items: ['null', 'string'] }, ['a', null], '["a",null]'],
    ['an empty array', { type: 'array', items: 'string' }, [], '[]'],
    ['a map', { type: 'map', values: 'int' }, { 'k"': 1 }, '{"k\\"":1}'],
    ['an empty map', { type: 'map', values: 'int' }, {}, '{}'],
  ]

  test.each(cases)('with %s', async (_, type, value, json) => {
    const file = container(schemaOf([ID, { name: 'field', type }]), [[{ id: 'i', field: value }]])
    const { texts } = await readBytes(file)
    const field = json === undefined ? '' : `"field":${json}`
    expect(texts).toEqual([`{"event_type":"users.test.Case","id":"i","user":{},"properties":{${field}}}`])
  })

  test('with decimals, exactly', async () => {
    const decimal = { type: 'bytes', logicalType: 'decimal', precision: 30, scale: 3 }
    const values = [
      Buffer.from([1]),
      Buffer.from([0xff]),
      Buffer.from('00ffffffffffffffffff', 'hex'),
      Buffer.alloc(0),
    ]
    const file = container(schemaOf([ID, { name: 'field', type: decimal }]), [
      values.map((field) => ({ id: 'i', field })),
    ])
    const fields = (await readBytes(file)).texts.map((text) => /"field":([^}]*)/.exec(text)?.[1])
    expect(fields).toEqual(['0.001', '-0.001', '4722366482869645213.695', '0'])
  })

  test('with records in records, also of their own kind', async () => {
    const node = { type: 'record', name: 'Node', fields: [ID, { name: 'next', type: ['null', 'Node'] }] }
    const file = container(schemaOf([ID, { name: 'node', type: node }]), [
      [{ id: 'i', node: { id: 'a', next: { id: 'b', next: null } } }],
    ])
    const { events } = await readBytes(file)
    expect(events[0]?.properties).toEqual({ node: { id: 'a', next: { id: 'b' } } })
  })

  test('from a union of records, each with its own type', async () => {
    const [a, b] = ['A', 'B'].map((name) => schemaOf([ID], `dataexport.S3.inner.users.test.${name}`))
    const schema = [a, b]
    const wrapped = ['A', 'B', 'A'].map((name) => ({
      [`dataexport.S3.inner.users.test.${name}`]: { id: name },
    }))
    const { events } = await readBytes(container(schema, [wrapped]))
    expect(events.map((event) => event.event_type)).toEqual(['users.test.A', 'users.test.B', 'users.test.A'])
  })

  test.each([
    ['its name', 'dataexport.AzureBlob.inner.users.new.Thing', 'x.avro', 'users.new.Thing'],
    ['the path', 'whatever.Row', 'a/event_type=users.new.Path/date=2026-01-01-00/x.avro', 'users.new.Path'],
    ['its own name, where nothing else tells', 'whatever.Row', 'x.avro', 'whatever.Row'],
  ])('of the type that %s says', async (_, name, file, expected) => {
    const { events } = await readBytes(container(schemaOf([ID], name), [[{ id: 'i' }]]), { name: file })
    expect(events[0]?.event_type).toBe(expected)
  })

  test('with JSON text parsed where HTTP has an object, and kept as text where it is none', async () => {
    const schema = schemaOf(
      [ID, { name: 'properties', type: ['null', 'string'] }],
      'dataexport.S3.inner.users.behaviors.CustomEvent',
    )
    const texts = ['{"a":{"b":[1.50, 9007199254740993]}}', '{broken', '[1]', '']
    const file = container(schema, [[...texts, null].map((properties) => ({ id: 'i', properties }))])
    const back = await readBytes(file)
    expect(back.texts[0]).toContain('"properties":{"custom_properties":{"a":{"b":[1.50, 9007199254740993]}}}')
    expect(back.events.slice(1).map(({ properties }) => properties)).toEqual([
      { custom_properties: '{broken' },
      { custom_properties: '[1]' },
      { custom_properties: '' },
      {},
    ])
  })

  test('with the hour of its time', async () => {
    const file = container(schemaOf([ID, { name: 'time', type: 'int' }]), [[{ id: 'i', time: NOW }]])
    const { hours, events } = await readBytes(file)
    expect(hours).toEqual([Math.floor(NOW / 3600)])
    expect(events[0]?.time).toBe(NOW)
  })

  test('in the schema that the file was written by, old or new', async () => {
    const before = container(schemaOf([ID, { name: 'old', type: 'string' }]), [[{ id: 'i', old: 'x' }]])
    const after = container(schemaOf([{ name: 'added', type: 'int' }, ID]), [[{ added: 1, id: 'i' }]])
    expect((await readBytes(before)).events[0]?.properties).toEqual({ old: 'x' })
    expect((await readBytes(after)).events[0]?.properties).toEqual({ added: 1 })
  })
})

describe('a container', () => {
  const samples = storageSamples(seededRandom(3), NOW)
  const sends = samples.filter(({ type }) => type.name === 'users.messages.email.Send')
  const [{ type, record }] = sends as [(typeof sends)[0]]
  const records = Array.from({ length: 30 }, (_, i) => ({ ...record, id: `id-${i}` }))
  const ids = records.map(({ id }) => id)

  test.each(Object.keys(AVRO_CODECS) as AvroCodec[])('is read with the codec %s', async (codec) => {
    const { events } = await readBytes(storageFile(type, records, { codec, recordsPerBlock: 7 }))
    expect(events.map(({ id }) => id)).toEqual(ids)
  })

  test('is read with the codec snappy, whose checksum is checked', async () => {
    const schema = schemaOf([ID])
    const pack = (block: Buffer) => Buffer.concat([snappyLiteral(block), checksum(block)])
    const good = container(schema, [[{ id: 'a' }], [{ id: 'b' }]], { name: 'snappy', pack })
    expect((await readBytes(good)).events.map(({ id }) => id)).toEqual(['a', 'b'])
    const bad = container(schema, [[{ id: 'a' }], [{ id: 'b' }]], {
      name: 'snappy',
      pack: (block) =>
        block.includes('a') ? Buffer.concat([snappyLiteral(block), Buffer.alloc(4)]) : pack(block),
    })
    const back = await readBytes(bad)
    expect(back.events.map(({ id }) => id)).toEqual(['b'])
    expect(back.notes).toMatchObject([
      { problem: 'unreadable_block', message: expect.stringContaining('checksum') },
    ])
  })

  test('goes on behind a block that is damaged, and says where it is', async () => {
    const file = storageFile(type, records, { recordsPerBlock: 10 })
    const sync = file.subarray(-16)
    const ends: number[] = []
    for (let at = file.indexOf(sync); at >= 0; at = file.indexOf(sync, at + 1)) ends.push(at + 16)
    const [first = 0, second = 0] = ends
    // The size of the second block says another number.
    const torn = Buffer.from(file)
    torn[second + 1] = 0x7e
    const back = await readBytes(torn, { name: 'some.avro' })
    expect(back.events.map(({ id }) => id)).toEqual([...ids.slice(0, 10), ...ids.slice(20)])
    expect(back.notes).toMatchObject([
      { file: 'some.avro', at: second, record: 0, problem: 'unreadable_block' },
    ])
    expect(first).toBeLessThan(second)
  })

  test('keeps the records before one that cannot be read', async () => {
    const file = container(schemaOf([ID, { name: 'flag', type: ['null', 'boolean'] }]), [
      [
        { id: 'a', flag: null },
        { id: 'b', flag: null },
        { id: 'c', flag: null },
      ],
      [{ id: 'd', flag: null }],
    ])
    const at = file.indexOf('b', file.indexOf(SYNC))
    file[at + 1] = 0x7e // of the union: a branch that is not there
    const back = await readBytes(file)
    expect(back.events.map(({ id }) => id)).toEqual(['a', 'd'])
    expect(back.notes).toMatchObject([
      { record: 1, problem: 'unreadable_block', message: expect.stringContaining('2 of the 3') },
    ])
  })

  test('notes a record that holds no UTF-8, alone', async () => {
    const file = container(schemaOf([ID, { name: 'text', type: 'string' }]), [
      [
        { id: 'a', text: 'AAAA' },
        { id: 'b', text: 'BBBB' },
        { id: 'c', text: 'CCCC' },
      ],
    ])
    file[file.indexOf('BBBB')] = 0xff
    const back = await readBytes(file)
    expect(back.events.map(({ id }) => id)).toEqual(['a', 'c'])
    expect(back.notes).toMatchObject([{ record: 1, problem: 'invalid_utf8' }])
  })

  test('that ends early gives what is whole, and a note', async () => {
    const file = storageFile(type, records, { recordsPerBlock: 10 })
    const back = await readBytes(file.subarray(0, file.length - 100))
    expect(back.events.map(({ id }) => id)).toEqual(ids.slice(0, 20))
    expect(back.notes).toHaveLength(1)
  })

  test('is read on from any of its positions, without loss or repetition', async () => {
    const file = storageFile(type, records, { recordsPerBlock: 10 })
    const whole = await readBytes(file, { itemsMax: 4 })
    expect(whole.chunks.length).toBeGreaterThan(7)
    let seen = 0
    for (const { to, count } of whole.chunks) {
      seen += count
      const rest = await readBytes(file, { from: to })
      expect(rest.events.map(({ id }) => id)).toEqual(ids.slice(seen))
    }
  })

  test.each([
    ['nothing that it says', Buffer.from('Obj\u0001'), 'ends within'],
    ['an unknown codec', header('"string"', 'xz'), 'codec xz'],
    ['no records', header('"string"', 'null'), 'not records'],
    ['no schema', header('{', 'null'), 'not JSON'],
  ])('with %s is damaged', async (_, bytes, words) => {
    await expect(readBytes(bytes)).rejects.toMatchObject({
      code: 'FILES_DAMAGED',
      message: expect.stringContaining(words),
    })
  })

  test('damaged at random never gives what was not in it, and ends', async () => {
    const seed = Number(process.env.THALWEG_TEST_SEED ?? randomBytes(4).readUInt32LE())
    console.log(`seed ${seed}`)
    const random = seededRandom(seed)
    const file = storageFile(type, records, { recordsPerBlock: 5, codec: 'deflate' })
    for (let round = 0; round < 60; round++) {
      const torn = Buffer.from(file)
      const at = Math.floor(random() * (torn.length - 2000)) + 2000
      torn[at] = (torn[at] ?? 0) ^ (1 + Math.floor(random() * 255))
      const back = await readBytes(torn).catch((error: unknown) => {
        expect(error).toMatchObject({ code: 'FILES_DAMAGED' })
      })
      // deflate has no checksum, so a value may be another; but records stay records.
      for (const event of back?.events ?? []) expect(event.event_type).toBe(type.name)
    }
  })
})

describe('records of schemas at random', () => {
  const seed = Number(process.env.THALWEG_TEST_SEED ?? randomBytes(4).readUInt32LE())
  console.log(`seed ${seed}`)
  const random = seededRandom(seed)
  const cases = Array.from({ length: 60 }, () => {
    const made = new RandomSchemas(random).record(0)
    const values = Array.from({ length: 20 }, made.value)
    const blocks = [values.slice(0, 7), values.slice(7, 8), values.slice(8)]
    const schema = schemaOf([ID, { name: 'field', type: made.schema }])
    return { made, values, file: container(schema, inRecords(blocks)) }
  })

  function inRecords(blocks: readonly (readonly unknown[])[]): unknown[][] {
    return blocks.map((block) => block.map((field) => ({ id: 'i', field })))
  }

  test('are what an encoder not ours wrote', async () => {
    for (const { made, values, file } of cases) {
      const { events, notes } = await readBytes(file, { itemsMax: 3 })
      expect(notes).toEqual([])
      expect(events.map(({ properties }) => (properties as { field: unknown }).field)).toEqual(
        values.map((value) => made.read(value as never)),
      )
    }
  })

  test('that are damaged give records or notes, and end', async () => {
    for (const { file } of cases) {
      const torn = Buffer.from(file)
      const from = file.indexOf(SYNC) + SYNC.length
      for (let flip = 0; flip < 5; flip++)
        torn[from + Math.floor(random() * (torn.length - from))] = Math.floor(random() * 256)
      const { events, notes } = await readBytes(torn)
      for (const event of events) expect(event).toMatchObject({ event_type: 'users.test.Case', user: {} })
      for (const { at } of notes) expect(at).toBeLessThanOrEqual(torn.length)
    }
  })
})

describe('a record that would be without end', () => {
  const varints = (...values: number[]) => Buffer.concat(values.map(varint))

  function block(schema: object, records: Buffer): Buffer {
    return Buffer.concat([header(JSON.stringify(schema), 'null'), varints(1, records.length), records, SYNC])
  }

  test.each([
    [
      'of nothings, a thousand million of them',
      { type: 'array', items: 'null' },
      varints(1_000_000_000, 0),
      'of nothing is too long',
    ],
    [
      'of nothings, in many pieces',
      { type: 'array', items: 'null' },
      Buffer.concat([...Array.from({ length: 20 }, () => varints(90_000)), varints(0)]),
      'of nothing is too long',
    ],
    [
      'of records in records',
      { type: 'record', name: 'Node', fields: [{ name: 'next', type: ['null', 'Node'] }] },
      varints(...Array.from({ length: 5000 }, () => 1), 0),
      'nested too deep',
    ],
    [
      'larger than an event may be',
      { type: 'array', items: 'string' },
      Buffer.concat([varints(20), ...Array.from({ length: 20 }, () => longText(1_000_000)), varints(0)]),
      'more bytes than are allowed',
    ],
    ['with a length of ten bytes', 'string', Buffer.from('ffffffffffffffffff7f', 'hex'), 'too many bytes'],
    ['with a negative length', 'string', varints(-1), 'ends behind its block'],
    ['with a length beyond its block', 'string', varints(1000), 'ends behind its block'],
    [
      'with a count out of bounds',
      { type: 'array', items: 'int' },
      Buffer.from('feffffffffffffff7f', 'hex'),
      'out of bounds',
    ],
    ['cut in a number', 'long', Buffer.from('ff', 'hex'), 'ends behind its block'],
    ['cut in a double', 'double', Buffer.alloc(5), 'ends behind its block'],
    ['with a symbol that is not there', { type: 'enum', name: 'E', symbols: ['A'] }, varints(1), 'lacks'],
  ])('is a block that cannot be read: %s', async (_, type, bytes, words) => {
    const { events, notes } = await readBytes(block(schemaOf([{ name: 'field', type }]), bytes))
    expect(events).toEqual([])
    expect(notes).toMatchObject([{ problem: 'unreadable_block', message: expect.stringContaining(words) }])
  })

  test('does not begin where levels of JSON end: that is set aside alone', async () => {
    const node = { type: 'record', name: 'Node', fields: [{ name: 'next', type: ['null', 'Node'] }] }
    const deep = varints(...Array.from({ length: 300 }, () => 1), 0)
    const { notes } = await readBytes(block(schemaOf([{ name: 'field', type: node }]), deep))
    expect(notes).toMatchObject([{ problem: 'too_deep' }])
  })

  function longText(length: number): Buffer {
    return Buffer.concat([varint(length), Buffer.alloc(length, 'x')])
  }
})

describe('snappy', () => {
  test.each([
    ['a literal', '0a 24 30313233343536373839', '0123456789'],
    ['a literal of 61 and more bytes', `3d f0 3c ${'61'.repeat(61)}`, 'a'.repeat(61)],
    ['a short copy', '08 0c 61626364 01 04', 'abcdabcd'],
    ['a copy that overlaps itself', '0a 00 61 15 01', 'aaaaaaaaaa'],
    ['a copy of two bytes distance', '08 0c 61626364 0e 0400', 'abcdabcd'],
    ['a copy of four bytes distance', '08 0c 61626364 0f 04000000', 'abcdabcd'],
    ['nothing', '00', ''],
  ])('reads %s', (_, hex, expected) => {
    expect(String(unsnappy(Buffer.from(hex.replaceAll(' ', ''), 'hex'), 1000))).toBe(expected)
  })

  test.each([
    ['a copy before the start', '08 0c 61626364 01 05'],
    ['a literal that ends early', '0a 24 3031'],
    ['more than it says', '01 04 6161'],
    ['less than it says', '05 04 6161'],
    ['a length that is too large', 'ffffffff7f'],
    ['no length', 'ffffffffff'],
  ])('refuses %s', (_, hex) => {
    expect(() => unsnappy(Buffer.from(hex.replaceAll(' ', ''), 'hex'), 1000)).toThrow(
      expect.objectContaining({ code: 'FILES_DAMAGED' }),
    )
  })
})

test.each([
  [3.140000104904175, '3.14'],
  [0.1, '0.1'],
  [16_777_216, '16777216'],
  [1e10, '10000000000'],
  [3.4028234663852886e38, '3.4028235e+38'],
  [1.401298464324817e-45, '1e-45'],
  [48.13715362548828, '48.137154'],
  [-0.5, '-0.5'],
  [Number.POSITIVE_INFINITY, '"Infinity"'],
])('the single %d is written %s', (single, text) => {
  expect(float32Text(Math.fround(single))).toBe(text)
  if (!text.startsWith('"')) expect(Math.fround(JSON.parse(text))).toBe(Math.fround(single))
})

interface RandomType {
  readonly schema: unknown
  /** A value as avsc takes it. */
  readonly value: () => unknown
  /** That value as it is in the event's JSON; undefined: it is left out. */
  readonly read: (value: never) => unknown
}

const TEXTS = [
  '',
  'a',
  'sixteen bytes ok',
  '"',
  '\\',
  'x"'.repeat(20),
  'tab\t\u0000',
  'é'.repeat(9),
  '🏳️‍🌈 flag',
  '{"a":1}',
]

/** Schemas of every kind, in one another, with names that are used once. */
class RandomSchemas {
  readonly #random: () => number
  #names = 0

  constructor(random: () => number) {
    this.#random = random
  }

  record(depth: number): RandomType {
    const fields = Array.from({ length: this.#below(5) + 1 }, (_, i) => ({
      name: i === 0 ? 'time' : `f${i}`,
      type: this.#type(depth + 1),
    }))
    return {
      schema: {
        type: 'record',
        name: this.#name(),
        fields: fields.map(({ name, type }) => ({ name, type: type.schema })),
      },
      value: () => Object.fromEntries(fields.map(({ name, type }) => [name, type.value()])),
      read: (value: Record<string, never>) =>
        withoutNothings(fields.map(({ name, type }) => [name, type.read(value[name] as never)])),
    }
  }

  #type(depth: number): RandomType {
    const plain = this.#pick([
      () =>
        this.#scalar(
          'null',
          () => null,
          () => undefined,
        ),
      () => this.#scalar('boolean', () => this.#random() < 0.5),
      () => this.#scalar('int', () => this.#below(2 ** 32) - 2 ** 31),
      () =>
        this.#scalar('long', () => BigInt(this.#below(2 ** 53)) * (this.#random() < 0.5 ? 1n : -1n), Number),
      () =>
        this.#scalar(
          'float',
          () => this.#single(),
          (value: number) => JSON.parse(float32Text(value)),
        ),
      () => this.#scalar('double', () => this.#random() * 10 ** (this.#below(40) - 20)),
      () => this.#scalar('string', () => this.#pick(TEXTS)),
      () =>
        this.#scalar(
          'bytes',
          () => this.#bytes(this.#below(9)),
          (value: Buffer) => value.toString('base64'),
        ),
      () => this.#fixed(this.#below(5) + 1),
      () =>
        this.#scalar({ type: 'enum', name: this.#name(), symbols: ['A', 'B', 'C'] }, () =>
          this.#pick(['A', 'B', 'C']),
        ),
    ])
    const nested = this.#pick([
      () => this.#optional(depth),
      () => this.#array(depth),
      () => this.#map(depth),
      () => this.record(depth),
    ])
    return depth < 4 && this.#random() < 0.6 ? nested() : plain()
  }

  #scalar(
    schema: unknown,
    value: () => unknown,
    read: (value: never) => unknown = (same) => same,
  ): RandomType {
    return { schema, value, read }
  }

  #fixed(size: number): RandomType {
    const schema = { type: 'fixed', name: this.#name(), size }
    return this.#scalar(
      schema,
      () => this.#bytes(size),
      (value: Buffer) => value.toString('base64'),
    )
  }

  #optional(depth: number): RandomType {
    const inner = this.#pick([
      () => this.record(depth + 1),
      () => this.#array(depth + 1),
      () => this.#scalar('string', () => this.#pick(TEXTS)),
    ])()
    const first = this.#random() < 0.5
    return {
      schema: first ? ['null', inner.schema] : [inner.schema, 'null'],
      value: () => (this.#random() < 0.3 ? null : inner.value()),
      read: (value) => (value === null ? undefined : inner.read(value as never)),
    }
  }

  #array(depth: number): RandomType {
    const item = this.#type(depth + 1)
    return {
      schema: { type: 'array', items: item.schema },
      value: () => Array.from({ length: this.#below(4) }, item.value),
      read: (value: never[]) => value.map((one) => item.read(one) ?? null),
    }
  }

  #map(depth: number): RandomType {
    const item = this.#type(depth + 1)
    return {
      schema: { type: 'map', values: item.schema },
      value: () => Object.fromEntries(TEXTS.slice(0, this.#below(4)).map((key) => [key, item.value()])),
      read: (value: Record<string, never>) =>
        withoutNothings(Object.entries(value).map(([key, one]) => [key, item.read(one)])),
    }
  }

  #single(): number {
    return Math.fround((this.#random() - 0.5) * 10 ** this.#below(12))
  }

  #bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.#below(256)))
  }

  #name(): string {
    return `N${this.#names++}`
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#below(from.length)] as T
  }
}

function withoutNothings(entries: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined))
}

function snappyLiteral(block: Buffer): Buffer {
  return Buffer.concat([Buffer.from([block.length, (block.length - 1) << 2]), block])
}

function checksum(block: Buffer): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(crc32(block))
  return bytes
}
