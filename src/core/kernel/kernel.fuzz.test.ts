/**
 * The two executors held against each other and against JSON.parse, on bodies and events that were made and then damaged.
 * THALWEG_TEST_SEED repeats a run, THALWEG_TEST_TIMES makes it longer; a failure prints the shrunk case.
 */

import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { identityOf, personOf } from './identity.ts'
import { bothKernels, headerOf, itemsOf, projectOne, testKey } from './kernel.fixture.ts'
import {
  DEPTH_MAX,
  ITEM_END,
  ITEM_FAULT,
  ITEM_FAULTS,
  ITEM_SHAPE,
  ITEM_START,
  ITEM_WORDS,
  type Kernel,
  type Member,
  type Scan,
  VOCABULARIES,
  type Vocabulary,
} from './kernel.ts'
import { projectValue } from './project.ts'

const seed = Number(process.env.THALWEG_TEST_SEED ?? Date.now() % 1_000_000)
const times = Number(process.env.THALWEG_TEST_TIMES ?? 1)
console.info(`kernel fuzz: THALWEG_TEST_SEED=${seed}`)

const [[, wasm], [, javascript]] = bothKernels() as [[string, Kernel], [string, Kernel]]
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

// Events as text, so that keys can be doubled, escaped and oddly spaced.

const names = [
  'id',
  'event_type',
  'user',
  'properties',
  'events',
  'time',
  'external_user_id',
  'user_id',
  'device_id',
  'messageId',
  'type',
  'userId',
  'anonymousId',
  'batch',
]
const spacing = fc.constantFrom('', '', '', ' ', '\n\t', '\r')
const scalar = fc.oneof(
  fc.constantFrom(
    '0',
    '-0',
    '1e400',
    '12345678901234567890',
    '-1.5E-7',
    'true',
    'false',
    'null',
    '1477502783',
    '""',
    '"\\u0000"',
  ),
  fc.constantFrom(
    '"\\ud83d"',
    '"\\ud83d\\ude00"',
    '"a\\/b\\n"',
    '"f47ac10b-58cc-4372-a567-0e02b2c3d479"',
    '"\u2028"',
  ),
  fc.string({ unit: 'grapheme', maxLength: 40 }).map((text) => JSON.stringify(text)),
  fc.string({ unit: 'binary', maxLength: 8 }).map((text) => JSON.stringify(text.toWellFormed())),
)
const escapedName = fc
  .constantFrom(...names)
  .map((name) => `"${name.replace(/[aeiou]/, (letter) => `\\u00${letter.charCodeAt(0).toString(16)}`)}"`)
const key = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(...names).map((name) => JSON.stringify(name)) },
  { weight: 4, arbitrary: fc.string({ maxLength: 20 }).map((name) => JSON.stringify(name)) },
  { weight: 1, arbitrary: escapedName },
)

function objectOf(
  keys: fc.Arbitrary<string>,
  values: fc.Arbitrary<string>,
  maxLength: number,
): fc.Arbitrary<string> {
  const member = fc
    .tuple(spacing, keys, spacing, spacing, values, spacing)
    .map(([a, k, b, c, v, d]) => `${a}${k}${b}:${c}${v}${d}`)
  return fc.array(member, { maxLength }).map((members) => `{${members.join()}}`)
}

const { value } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    scalar,
    fc.array(tie('value'), { maxLength: 4 }).map((values) => `[${values.join(', ')}]`),
    objectOf(key, tie('value'), 6),
  ),
}))
const event = objectOf(key, fc.oneof({ weight: 2, arbitrary: scalar }, { weight: 3, arbitrary: value }), 7)
const item = fc.oneof({ weight: 6, arbitrary: event }, { weight: 1, arbitrary: value })
const list = fc
  .tuple(fc.array(item, { maxLength: 6 }), spacing)
  .map(([items, s]) => `[${items.join(`,${s}`)}${s}]`)
const wrapper = fc
  .tuple(fc.constantFrom('events', 'batch'), list, objectOf(key, value, 2))
  .map(([name, items, others]) => `{"${name}":${items}${others === '{}' ? '}' : `,${others.slice(1)}`}`)
const body = fc.oneof(
  list,
  wrapper,
  fc.array(fc.oneof(wrapper, event), { maxLength: 4 }).map((items) => `[${items.join()}]`),
  event,
  value,
)

// Damage.

const pieces = [
  '"',
  '\\',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '\u0000',
  'x',
  '{"events":[',
  '{"event_type":"t",',
  '\n',
  '1e',
  '-',
  'tru',
]
const splinter = fc.oneof(
  fc.constantFrom(...pieces).map((piece) => Buffer.from(piece)),
  fc
    .constantFrom('c080', 'ff', 'e282', 'eda080', 'f09f9880', '80', 'f4908080', 'efbbbf')
    .map((hex) => Buffer.from(hex, 'hex')),
  fc
    .integer({ min: DEPTH_MAX - 3, max: DEPTH_MAX + 3 })
    .map((depth) => Buffer.from('['.repeat(depth) + ']'.repeat(depth))),
  fc.constantFrom('{"a":', '[').map((open) => Buffer.from(open.repeat(400))),
)
type Damage = (bytes: Buffer) => Buffer
const place = fc.double({ min: 0, max: 1, noNaN: true })
const spot = (bytes: Buffer, where: number): number => Math.floor(where * bytes.length)
const damage: fc.Arbitrary<Damage> = fc.oneof(
  place.map(
    (where): Damage =>
      (bytes) =>
        bytes.subarray(0, spot(bytes, where)),
  ),
  fc.tuple(place, fc.integer({ min: 1, max: 255 })).map(
    ([where, bits]): Damage =>
      (bytes) => {
        const flipped = Buffer.from(bytes)
        const at = spot(bytes, where)
        if (at < flipped.length) flipped[at] = (flipped[at] ?? 0) ^ bits
        return flipped
      },
  ),
  fc.tuple(place, splinter).map(
    ([where, piece]): Damage =>
      (bytes) => {
        const at = spot(bytes, where)
        return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)])
      },
  ),
  fc.tuple(place, place, place).map(
    ([from, to, into]): Damage =>
      (bytes) => {
        const piece = bytes.subarray(spot(bytes, Math.min(from, to)), spot(bytes, Math.max(from, to)))
        const at = spot(bytes, into)
        return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)])
      },
  ),
  fc.tuple(place, fc.integer({ min: 1, max: 9 })).map(
    ([where, length]): Damage =>
      (bytes) => {
        const at = spot(bytes, where)
        return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)])
      },
  ),
)
const damaged = fc
  .tuple(body, fc.array(damage, { maxLength: 3 }))
  .map(([text, damages]) => damages.reduce<Buffer>((bytes, change) => change(bytes), Buffer.from(text)))

// What JSON.parse says.

const NOT_JSON = Symbol('not JSON')

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(strict.decode(bytes))
  } catch {
    return NOT_JSON
  }
}

function depthOf(json: unknown): number {
  if (typeof json !== 'object' || json === null) return 0
  return 1 + Math.max(0, ...Object.values(json).map(depthOf))
}

function isObject(json: unknown): json is Record<string, unknown> {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
}

function isText(json: unknown): json is string {
  return typeof json === 'string' && json !== ''
}

interface HeaderOfJson {
  readonly id: unknown
  readonly type: unknown
  readonly persons: readonly [external: unknown, own: unknown, device: unknown]
}

const HEADERS: Readonly<Record<Vocabulary, (json: Record<string, unknown>) => HeaderOfJson>> = {
  currents: ({ id, event_type: type, user }) => {
    const { external_user_id, user_id, device_id } = isObject(user) ? user : {}
    return { id, type, persons: [external_user_id, user_id, device_id] }
  },
  segment: ({ messageId: id, type, userId, anonymousId }) => ({
    id,
    type,
    persons: [userId, anonymousId, undefined],
  }),
  rows: () => ({ id: undefined, type: undefined, persons: [undefined, undefined, undefined] }),
}
const LISTS = { currents: ['events', 'event_type'], segment: ['batch', 'type'], rows: [] } as const

function expectHeader(
  kernel: Kernel,
  scan: Scan,
  i: number,
  json: Record<string, unknown>,
  vocabulary: Vocabulary,
): void {
  const expected = HEADERS[vocabulary](json)
  const person = expected.persons.find(isText)
  const type = typeof expected.type === 'string' ? expected.type.toWellFormed() : ''
  const header = headerOf(kernel, scan, i)
  expect(header.id).toEqual(isText(expected.id) ? identityOf(expected.id, testKey) : [0, 0, 0, 0])
  expect(header.person).toBe(person === undefined ? 0 : personOf(person))
  expect(header.type ?? type).toBe(type)
  expect(header.flags.includes('id')).toBe(isText(expected.id))
  expect(header.flags.includes('external')).toBe(isText(expected.persons[0]))
  expect(header.flags.includes('braze')).toBe(isText(expected.persons[1]))
}

function expectItemsAgreeWithJson(
  kernel: Kernel,
  bytes: Uint8Array,
  scan: Scan,
  vocabulary: Vocabulary,
): void {
  let behind = 0
  for (let i = 0; i < scan.count; i++) {
    const row = scan.items.subarray(i * ITEM_WORDS, (i + 1) * ITEM_WORDS)
    const [start = 0, end = 0] = [row[ITEM_START], row[ITEM_END]]
    expect(start).toBeGreaterThanOrEqual(behind)
    expect(end).toBeGreaterThan(start)
    behind = end
    const json = parsed(bytes.subarray(start, end))
    const fault = ITEM_FAULTS[row[ITEM_FAULT] ?? 0]
    expect(row[ITEM_SHAPE] !== 0 || row[ITEM_SHAPE + 1] !== 0, 'events and only they have a shape').toBe(
      fault === 'none',
    )
    if (fault === 'none') {
      if (!isObject(json)) throw new Error('An item was taken as an event that is none')
      expect(depthOf(json)).toBeLessThanOrEqual(DEPTH_MAX)
      expectHeader(kernel, scan, i, json, vocabulary)
    } else if (fault === 'not_an_object') {
      expect(json !== NOT_JSON && !isObject(json)).toBe(true)
    } else if (fault !== 'trailing_bytes') {
      expect(
        fault === 'too_deep'
          ? json === NOT_JSON || depthOf(json) > DEPTH_MAX
          : json === NOT_JSON || i === scan.count - 1,
      ).toBe(true)
    }
  }
}

/** The items of a body that JSON.parse accepts whole, unless equal keys make the shape a matter of the bytes. */
function itemsOfJson(json: unknown, vocabulary: Vocabulary): unknown[] {
  if (Array.isArray(json)) return json.flatMap((one) => listOf(one, vocabulary) ?? [one])
  const list = listOf(json, vocabulary)
  if (list !== undefined) return list
  return isObject(json) && Object.keys(json).length > 0 ? [json] : []
}

/** The items of a wrapper; undefined when it is none. */
function listOf(json: unknown, vocabulary: Vocabulary): unknown[] | undefined {
  const [list, type] = LISTS[vocabulary]
  if (list === undefined || !isObject(json) || typeof json[type] === 'string') return undefined
  const items = json[list]
  return Array.isArray(items) ? items : undefined
}

/** The shape of a body with a key twice or with escapes is a matter of the bytes. */
const MANY_WAYS = {
  currents: /"events"[\s\S]*"events"|event_type[\s\S]*event_type|\\/,
  segment: /"batch"[\s\S]*"batch"|"type"[\s\S]*"type"|\\/,
  rows: /^$/,
} as const

test.each(VOCABULARIES)(
  'scans of damaged bodies in the words of %s agree, also with JSON.parse',
  (vocabulary) => {
    fc.assert(
      fc.property(damaged, (bytes) => {
        const scan = wasm.scan(bytes, vocabulary)
        const items = scan.items.slice()
        const twin = javascript.scan(bytes, vocabulary)
        expect({ ...scan, items: [...items] }).toEqual({ ...twin, items: [...twin.items] })
        expect(wasm.types).toEqual(javascript.types)
        expectItemsAgreeWithJson(javascript, bytes, twin, vocabulary)
        const whole = parsed(bytes[0] === 0xef ? bytes.subarray(3) : bytes)
        const isPlain = !MANY_WAYS[vocabulary].test(bytes.toString())
        if (whole !== NOT_JSON && isPlain && depthOf(whole) <= DEPTH_MAX) {
          const expected = itemsOfJson(whole, vocabulary)
          expect(itemsOf(bytes, twin).length).toBe(expected.length)
        }
      }),
      { seed, numRuns: 3000 * times },
    )
  },
)

test('bytes at random never trap', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const scan = wasm.scan(bytes)
      const items = [...scan.items]
      const twin = javascript.scan(bytes)
      expect({ ...scan, items }).toEqual({ ...twin, items: [...twin.items] })
    }),
    { seed, numRuns: 1000 * times },
  )
})

// Projections.

const parent = fc.constantFrom('user', 'properties', 'id')
const plainName = fc.constantFrom(...names, 'a', 'b', '1', '')
const path = fc.oneof(fc.tuple(plainName), fc.tuple(parent, plainName)) as fc.Arbitrary<
  readonly [string] | readonly [string, string]
>
const { members } = fc.letrec<{ members: Member[] }>((tie) => ({
  members: fc.uniqueArray(
    fc.oneof(
      { maxDepth: 2 },
      fc.record({ key: plainName, copy: path }),
      fc.record({
        key: plainName,
        constant: fc.jsonValue({ maxDepth: 1 }).map((json) => JSON.parse(JSON.stringify(json))),
      }),
      fc.record({ key: plainName, suffixed: path, suffix: fc.constantFrom('', '-x') }),
      fc.record({ key: plainName, isoTime: fc.constantFrom<readonly [string]>(['time']) }),
      fc.record({
        rest: parent,
        except: fc.array(plainName, { maxLength: 2 }),
        rename: fc.dictionary(plainName, plainName, { maxKeys: 3, noNullPrototype: true }),
      }),
      fc.record({ key: plainName, object: tie('members') }),
    ),
    // Fixed keys once per object, spliced objects as often as they come.
    { maxLength: 6, comparator: (a, b) => 'key' in a && 'key' in b && a.key === b.key },
  ) as fc.Arbitrary<Member[]>,
}))
const inner = objectOf(
  fc.oneof(
    { weight: 10, arbitrary: plainName.map((name) => JSON.stringify(name)) },
    { weight: 1, arbitrary: key },
  ),
  fc.oneof(scalar, value),
  6,
)
const projected = fc
  .uniqueArray(
    fc.oneof(
      fc.tuple(fc.constant('id'), scalar),
      fc.tuple(
        fc.constant('time'),
        fc.oneof({ weight: 5, arbitrary: fc.nat().map(String) }, { weight: 1, arbitrary: scalar }),
      ),
      fc.tuple(
        fc.constantFrom('user', 'properties'),
        fc.oneof({ weight: 5, arbitrary: inner }, { weight: 1, arbitrary: scalar }),
      ),
      fc.tuple(fc.constantFrom('a', 'b', 'events'), value),
    ),
    { maxLength: 8, selector: ([name]) => name },
  )
  .map((entries) => `{${entries.map(([name, text]) => `"${name}":${text}`).join()}}`)

/** The members at the top of an event, as key and value text. */
function rootMembers(text: string): [key: string, value: string][] {
  const bytes = Buffer.from(text)
  const into = new Uint32Array(5 * 1000)
  const count = javascript.members(bytes, into)
  const part = (from = 0, to = 0): string => bytes.subarray(from, to).toString()
  return Array.from({ length: count }, (_, i) => into.subarray(i * 5, i * 5 + 5))
    .filter(([parent]) => parent === 0)
    .map(([, key, keyEnd, start, end]) => [part(key, keyEnd), part(start, end)])
}

function isOddAllowed(text: string): boolean {
  const root = rootMembers(text)
  const isTwice = new Set(root.map(([name]) => name)).size < root.length
  const isTimePlain = root.every(([name, time]) => name !== 'time' || /^(0|[1-9]\d{0,11})$/.test(time))
  return isTwice || !isTimePlain || text.includes('\\')
}

test('projections agree with the twin over parsed values', () => {
  let odd = 0
  fc.assert(
    fc.property(
      fc.oneof({ weight: 9, arbitrary: projected }, { weight: 1, arbitrary: event }),
      fc.array(members, { minLength: 1, maxLength: 1 }),
      (text, [chosen = []]) => {
        const projection = { members: chosen }
        const bytes = Buffer.from(text)
        const expected = projectValue(JSON.parse(text), projection)
        const made = projectOne(wasm, bytes, projection)
        const twin = projectOne(javascript, bytes, projection)
        expect(twin === 'odd').toBe(expected === undefined)
        if (made === 'odd') {
          odd++
          expect(isOddAllowed(text)).toBe(true)
          return
        }
        for (const result of [made, twin]) {
          if (!isDeepStrictEqual(JSON.parse(result), expected)) expect(JSON.parse(result)).toEqual(expected)
        }
      },
    ),
    { seed, numRuns: 3000 * times },
  )
  expect(odd).toBeLessThan(1500 * times)
})

test('projections and members of damaged events never trap, and the executors agree about members', () => {
  const into = new Uint32Array(5 * 500)
  const other = new Uint32Array(5 * 500)
  const attempt = (kernel: Kernel, bytes: Uint8Array, rows: Uint32Array): number | string => {
    try {
      return kernel.members(bytes, rows)
    } catch (error) {
      return (error as Error).name
    }
  }
  fc.assert(
    fc.property(projected, fc.array(damage, { maxLength: 2 }), members, (text, damages, chosen) => {
      const bytes = damages.reduce<Buffer>((so, change) => change(so), Buffer.from(text))
      const count = attempt(wasm, bytes, into)
      expect(attempt(javascript, bytes, other)).toBe(count)
      if (typeof count === 'number') expect(into.slice(0, count * 5)).toEqual(other.slice(0, count * 5))
      const made = projectOne(wasm, bytes, { members: chosen })
      const twin = projectOne(javascript, bytes, { members: chosen })
      if (made === 'odd') return
      expect(JSON.parse(made)).toEqual(JSON.parse(twin))
    }),
    { seed, numRuns: 1500 * times },
  )
})
