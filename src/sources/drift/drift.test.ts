import { describe, expect, test, vi } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { DIALECTS } from '../../../test/support/store.ts'
import { eventTypes, isKnown } from '../../catalog/catalog.ts'
import { seededRandom } from '../../core/random.ts'
import { MoodyStore } from '../../delivery/delivery.fixture.ts'
import { sample, testEvents, unknownSample } from '../../sandbox/simulator/samples.ts'
import { OTHER_TYPES } from '../../store/labels.ts'
import type { DriftTable } from '../../store/schema.ts'
import { countsIn, countsOf, type DriftUnderTest, openDrift, START_MS, typeOf } from './drift.fixture.ts'
import { FIELDS_PER_SOURCE_MAX, FIELDS_PER_TYPE_MAX, TYPES_PER_SOURCE_MAX } from './lines.ts'
import { EVENT_BYTES_MAX, EXAMINED_MAX } from './radar.ts'

// Some of these write tens of thousands of rows.
vi.setConfig({ testTimeout: 120_000 })

const OPEN = 'users.messages.email.Open'
const CUSTOM = 'users.behaviors.CustomEvent'
const UNKNOWN = 'users.messages.hologram.Beam'
const NOW_SECONDS = START_MS / 1000

let made = 0
/** An event with all that every event of OPEN, CUSTOM or UNKNOWN must have. */
function event(properties: object, also: object = {}): object {
  const needed = { email_address: 'a@example.com', name: 'signed up', app_id: 'app' }
  return {
    id: `event-${made++}`,
    event_type: OPEN,
    time: NOW_SECONDS,
    user: { user_id: '0123456789abcdef01234567' },
    properties: { ...pick(needed, (also as { event_type?: string }).event_type ?? OPEN), ...properties },
    ...also,
  }
}

function pick(needed: Record<string, string>, type: string): object {
  const names = type === OPEN ? ['email_address'] : type === CUSTOM ? ['name', 'app_id'] : []
  return Object.fromEntries(names.map((name) => [name, needed[name]]))
}

const custom = (custom_properties: unknown): object => event({ custom_properties }, { event_type: CUSTOM })
const unknown = (properties: object): object => event(properties, { event_type: UNKNOWN })

const cases: [what: string, events: readonly (object | string)[], findings: string[]][] = [
  ['nothing new', [event({ campaign_id: 'c' })], []],
  ['null says nothing', [event({ campaign_id: null, is_amp: null })], []],
  ['a field', [event({ loyalty_tier: 'gold' })], [`new_field ${OPEN} properties.loyalty_tier string ×1`]],
  [
    'a field, counted',
    [event({ x: 1 }), event({}), event({ x: 2 }), event({ x: 3, campaign_id: 'c' })],
    [`new_field ${OPEN} properties.x integer ×3`],
  ],
  [
    'a member of user',
    [event({}, { user: { user_id: 'u', shoe: 44 } })],
    [`new_field ${OPEN} user.shoe integer ×1`],
  ],
  ['a member of the event', [event({}, { extra: true })], [`new_field ${OPEN} extra boolean ×1`]],
  [
    'an object is one finding with all that is in it',
    [event({ loyalty: { tier: 'gold', points: 5 } })],
    [`new_field ${OPEN} properties.loyalty object ×1`],
  ],
  [
    'what comes to a new object later is another',
    [event({ loyalty: { tier: 'gold' } }), event({ loyalty: { tier: 'gold', points: 5 } })],
    [
      `new_field ${OPEN} properties.loyalty object ×2`,
      `new_field ${OPEN} properties.loyalty.points integer ×1`,
    ],
  ],
  [
    'another kind than the catalog says',
    [event({ campaign_id: 5 })],
    [`kind_change ${OPEN} properties.campaign_id integer string ×1`],
  ],
  ['a time that is text', [event({}, { time: '1' })], [`kind_change ${OPEN} time string integer ×1`]],
  [
    'another kind than came before',
    [event({ x: 1 }), event({ x: 'one' })],
    [`kind_change ${OPEN} properties.x string integer ×1`, `new_field ${OPEN} properties.x integer ×1`],
  ],
  [
    'an integer where decimals come',
    [event({ x: 1.5 }), event({ x: 2 })],
    [`new_field ${OPEN} properties.x decimal ×1`],
  ],
  [
    'a decimal where integers came',
    [event({ x: 1 }), event({ x: 2.5 })],
    [`kind_change ${OPEN} properties.x decimal integer ×1`, `new_field ${OPEN} properties.x integer ×1`],
  ],
  [
    'a first value after null',
    [event({ x: null }), event({ x: 'a' }), event({ x: null })],
    [`new_field ${OPEN} properties.x null ×2`],
  ],
  [
    'a required field that is not there, or null',
    [event({ email_address: undefined }), event({ email_address: null })],
    [`missing_required ${OPEN} properties.email_address missing string ×2`],
  ],
  [
    'no user and no properties',
    [`{"id":"n","event_type":"${OPEN}","time":1}`],
    [
      `missing_required ${OPEN} properties missing object ×1`,
      `missing_required ${OPEN} properties.email_address missing string ×1`,
      `missing_required ${OPEN} user missing object ×1`,
      `missing_required ${OPEN} user.user_id missing string ×1`,
    ],
  ],
  ['names that customers choose', [custom({ plan: 'a' }), custom({ seats: 5 })], []],
  [
    'but not their kinds',
    [custom({ plan: 'a' }), custom({ plan: 5 })],
    [`kind_change ${CUSTOM} properties.custom_properties.plan integer string ×1`],
  ],
  [
    'a type is one finding with all its fields',
    [unknown({ a: 1 }), unknown({ b: [1] })],
    [`new_type ${UNKNOWN} ×2`],
  ],
  [
    'a kind change in a new type',
    [unknown({ a: 1 }), unknown({ a: 'x' })],
    [`kind_change ${UNKNOWN} properties.a string integer ×1`, `new_type ${UNKNOWN} ×2`],
  ],
  ['events without a type', ['{"id":"w","x":1}', '{"id":"v","event_type":5}'], ['new_type ×2']],
  ['an event with nothing in it', ['{}'], ['new_type ×1']],
  [
    'an event that looks like a wrapper',
    [
      `{"id":"e1","event_type":"${UNKNOWN}","events":[{"a":1}]}`,
      `{"id":"e2","event_type":"${UNKNOWN}","events":[]}`,
    ],
    [`new_type ${UNKNOWN} ×2`],
  ],
  [
    'keys that stand twice, or with escapes',
    [
      `{"id":"d","event_type":"${UNKNOWN}","a":1,"a":2,"\\u0061":3}`,
      `{"id":"f","event_type":"${UNKNOWN}","a":4}`,
    ],
    [`new_type ${UNKNOWN} ×2`],
  ],
]

describe.each([
  ['with the shapes of the doors', false],
  ['with shapes of its own', true],
] as const)('%s', (_how, forgetful) => {
  test('finds what there is to find', async () => {
    const radar = await openDrift({ forgetful })
    // Each case is a source of its own.
    for (const [i, [, events]] of cases.entries()) for (const one of events) await radar.send([one], i)
    await radar.counted()
    for (const [i, [what, , findings]] of cases.entries())
      expect(await radar.findings(i), what).toEqual(findings)
    expect(radar.trouble).toEqual([])
  })
})

test('what the catalog has gives no finding: a sample of each type, and junk of the right kinds', async () => {
  const radar = await openDrift()
  const options = { random: seededRandom(3), nowSeconds: NOW_SECONDS }
  expect(eventTypes).toHaveLength(100)
  for (let round = 0; round < 5; round++)
    await radar.send(eventTypes.map(({ name }) => sample(name, options)))
  await radar.send(testEvents(options))
  await radar.counted()
  expect(await radar.findings()).toEqual([])
  const types = await radar.drift.types(1_000)
  expect(types).toHaveLength(100)
  expect(types.reduce((sum, { count }) => sum + count, 0)).toBe(5 * 100 + 90)
})

function mixedEvents(seed: number, count: number): object[] {
  const random = seededRandom(seed)
  return Array.from({ length: count }, (_, i) => {
    const kind = random()
    if (kind < 0.4)
      return { ...unknownSample(Math.floor(random() * 200), { nowSeconds: NOW_SECONDS }), id: `${seed}-${i}` }
    const type = eventTypes[Math.floor(random() * eventTypes.length)]?.name ?? OPEN
    const known = sample(type, { random, nowSeconds: NOW_SECONDS })
    const extra = kind < 0.6 ? { [`extra_${Math.floor(random() * 20)}`]: random() < 0.5 ? 'text' : 7 } : {}
    return { ...known, properties: { ...known.properties, ...extra } }
  })
}

/** Sends until stopped, then compares every count with a count of the parsed events. */
async function expectExact(radar: DriftUnderTest, events: readonly object[]): Promise<void> {
  await radar.counted()
  const rows = await radar.rows()
  expect(rows.filter(({ unexamined, unlisted }) => unexamined + unlisted > 0)).toEqual([])
  expect(countsIn(rows)).toEqual(countsOf(events))
}

describe.each(DIALECTS)('on %s', (dialect) => {
  test('counts are exact: 200 unknown types, unknown fields, restarts in between', async () => {
    const radar = await openDrift({ dialect })
    const events = mixedEvents(7, 1_600)
    for (let at = 0; at < events.length; at += 100) {
      await radar.send(events.slice(at, at + 100))
      if (at % 500 === 0) await radar.restart()
    }
    await expectExact(radar, events)
    const newTypes = new Set(events.map(typeOf).filter((type) => !isKnown(type)))
    expect(newTypes.size).toBeGreaterThan(190)
    expect(await radar.drift.findings({ finding: 'new_type' }, 1_000)).toHaveLength(newTypes.size)
    expect(radar.trouble).toEqual([])
  })

  test('pages, filters and acknowledgement', async () => {
    const radar = await openDrift({ dialect })
    for (let i = 0; i < 10; i++) {
      await radar.clock.advance(1_000)
      await radar.send(
        [event({ [`field_${i}`]: i }), { ...unknown({}), event_type: `odd.type.${i}` }],
        1 + (i % 2),
      )
    }
    await radar.counted()
    const { drift } = radar
    expect(await drift.unacknowledged()).toBe(20)
    const seen: DriftTable[] = []
    for (;;) {
      const last = seen.at(-1)
      const page = await drift.findings({}, 3, last && { firstAt: last.first_at, id: last.id })
      seen.push(...page)
      if (page.length < 3) break
    }
    expect(new Set(seen.map(({ id }) => id)).size).toBe(20)
    expect(seen.map(({ first_at }) => first_at)).toEqual(
      seen.map(({ first_at }) => first_at).sort((a, b) => b - a),
    )

    expect(await drift.findings({ source: 2 }, 100)).toHaveLength(10)
    expect(await drift.findings({ finding: 'new_type', source: 1 }, 100)).toHaveLength(5)
    expect(await drift.findings({ eventType: OPEN }, 100)).toHaveLength(10)
    expect(await drift.findings({ sinceMs: seen[3]?.first_at }, 100)).toHaveLength(4)

    const ids = seen.slice(0, 2).map(({ id }) => id)
    expect(await drift.acknowledge(ids, radar.clock.now(), 'known')).toBe(2)
    expect(await drift.acknowledge(ids, radar.clock.now(), 'again')).toBe(0)
    expect((await drift.findings({ acknowledged: true }, 100)).map(({ note }) => note)).toEqual([
      'known',
      'known',
    ])
    expect(await drift.acknowledge({ finding: 'new_field', source: 1 }, radar.clock.now(), '')).toBe(
      5 -
        ids.filter((id) =>
          seen.find((row) => row.id === id && row.source === 1 && row.finding === 'new_field'),
        ).length,
    )
    expect(await drift.acknowledge({}, (seen.at(-1)?.first_at ?? 0) - 1, 'too early')).toBe(0)
    await drift.acknowledge({}, radar.clock.now(), 'all')
    expect(await drift.unacknowledged()).toBe(0)
  })
})

test('a field that comes to a new type after that was acknowledged is a finding, also after a restart', async () => {
  const radar = await openDrift()
  await radar.send([unknown({ a: 1 })])
  await radar.counted()
  expect(await radar.drift.acknowledge({ finding: 'new_type' }, radar.clock.now(), 'ours')).toBe(1)
  await radar.send([unknown({ a: 1, b: 2 })])
  await radar.counted()
  await radar.restart()
  await radar.send([unknown({ a: 1, b: 2, c: 3 })])
  await radar.counted()
  expect(await radar.findings()).toEqual([
    `new_field ${UNKNOWN} properties.b integer ×2`,
    `new_field ${UNKNOWN} properties.c integer ×1`,
    `new_type ${UNKNOWN} ×3`,
  ])
  const [seen] = await radar.drift.type(UNKNOWN, undefined, 5)
  expect(seen?.type).toMatchObject({ count: 3, note: 'ours' })
  expect(seen?.fields.map(({ path, count }) => [path, count])).toContainEqual(['properties.a', 3])
})

test('what was found keeps its first sight: time, offset, sample', async () => {
  const radar = await openDrift()
  await radar.send([event({})])
  await radar.clock.advance(5_000)
  await radar.send([event({}), event({ tier: 'gold', email: 'x' })])
  await radar.counted()
  await radar.clock.advance(60_000)
  await radar.send([event({ tier: 'silver' })])
  await radar.counted()
  const [row] = await radar.drift
    .findings({ eventType: OPEN, sinceMs: START_MS + 1 }, 10)
    .then((found) => found.filter(({ path }) => path === 'properties.tier'))
  expect(row).toMatchObject({ first_offset: 2, sample: '"gold"', count: 2, source: 1 })
  expect((row?.last_at ?? 0) - (row?.first_at ?? 0)).toBeGreaterThanOrEqual(60_000)
})

test.each(['away', 'answer-lost'] as const)('a store that is %s for a while costs no count', async (mood) => {
  const stores: MoodyStore[] = []
  const radar = await openDrift({
    wrapStore: (store) => {
      const moody = new MoodyStore(store)
      stores.push(moody)
      return moody
    },
  })
  const events = mixedEvents(11, 400)
  for (let at = 0; at < events.length; at += 100) {
    for (const moody of stores) moody.next = [mood, mood]
    await radar.send(events.slice(at, at + 100))
    await radar.counted()
  }
  await expectExact(radar, events)
  expect(radar.trouble.length).toBeGreaterThan(0)
})

test('counts again what the store forgot', async () => {
  const radar = await openDrift()
  const events = mixedEvents(13, 300)
  await radar.send(events.slice(0, 200))
  await radar.counted()
  await radar.store.db.deleteFrom('drift').execute()
  await radar.store.db.updateTable('drift_position').set({ position: 0 }).execute()
  await radar.send(events.slice(200))
  await eventually('all is counted again', async () => {
    const counted = countsIn(await radar.rows())
    return [...countsOf(events)].every(([key, count]) => counted.get(key) === count)
  })
  await expectExact(radar, events)
})

describe('bounds', () => {
  const sum = (rows: readonly DriftTable[], key: 'count' | 'unexamined' | 'unlisted'): number =>
    rows.filter(({ kind }) => kind === 'type').reduce((total, row) => total + row[key], 0)

  test('an event with 100,000 keys, deep nesting or huge keys is counted, and takes no more room than allowed', async () => {
    const radar = await openDrift()
    const keys = Array.from({ length: 100_000 }, (_, i) => `"k${i}":${i}`).join()
    const some = Array.from({ length: 10_000 }, (_, i) => `"k${i}":${i}`).join()
    const deep = `${'{"a":'.repeat(240)}1${'}'.repeat(240)}`
    const huge = `"${'k'.repeat(200_000)}":1`
    const startedAt = performance.now()
    for (const [i, properties] of [keys, some, `"deep":${deep}`, huge].entries())
      await radar.send([`{"id":"h${i}","event_type":"hostile","properties":{${properties}}}`])
    await radar.counted()
    expect(performance.now() - startedAt).toBeLessThan(10_000)
    const rows = await radar.rows()
    expect(sum(rows, 'count')).toBe(4)
    expect(sum(rows, 'unexamined')).toBe(1)
    // The list was full after the second.
    expect(sum(rows, 'unlisted')).toBe(3)
    expect(rows.length).toBe(1 + FIELDS_PER_TYPE_MAX)
  })

  test('an event past the size is counted only', async () => {
    const radar = await openDrift()
    await radar.send([unknown({ text: 'x'.repeat(EVENT_BYTES_MAX) }), unknown({ text: 'x' })])
    await radar.counted()
    const [seen] = await radar.drift.type(UNKNOWN, undefined, 1)
    expect(seen?.type).toMatchObject({ count: 2, unexamined: 1 })
    expect(seen?.fields.find(({ path }) => path === 'properties.text')).toMatchObject({ count: 1 })
  })

  test('more types than are kept share one, and none is lost from the count', async () => {
    const radar = await openDrift()
    const types = TYPES_PER_SOURCE_MAX + 300
    await radar.send(
      Array.from({ length: types }, (_, i) => `{"id":"t${i}","event_type":"flood ${i}","x":${i}}`),
    )
    await radar.counted()
    const rows = await radar.rows()
    expect(sum(rows, 'count')).toBe(types)
    expect(rows.filter(({ kind }) => kind === 'type')).toHaveLength(TYPES_PER_SOURCE_MAX + 1)
    expect(rows.find(({ event_type }) => event_type === OTHER_TYPES)).toMatchObject({
      count: 300,
      unexamined: 300,
    })
    await radar.restart()
    await radar.send([`{"id":"late","event_type":"flood ${types}"}`])
    await radar.counted()
    expect(sum(await radar.rows(), 'count')).toBe(types + 1)
  })

  test('ever new shapes and fields fill up to the bounds and no further', async () => {
    const radar = await openDrift()
    const events = Array.from({ length: 2 * EXAMINED_MAX }, (_, i) => {
      const keys = Array.from({ length: 8 }, (_, j) => `"f${i * 8 + j}":1`)
      return `{"id":"s${i}","event_type":"type ${i % 90}",${keys.join()}}`
    })
    await radar.send(events)
    await radar.counted()
    const rows = await radar.rows()
    expect(sum(rows, 'count')).toBe(events.length)
    expect(sum(rows, 'unexamined')).toBe(events.length - EXAMINED_MAX)
    expect(sum(rows, 'unlisted')).toBeGreaterThan(0)
    const perType = new Map<string, number>()
    for (const { event_type, kind } of rows)
      if (kind !== 'type') perType.set(event_type, (perType.get(event_type) ?? 0) + 1)
    expect(Math.max(...perType.values())).toBeLessThanOrEqual(FIELDS_PER_TYPE_MAX)
    expect(rows.length - perType.size).toBeLessThanOrEqual(FIELDS_PER_SOURCE_MAX)
    // Other sources are not touched by it.
    await radar.send([event({ fine: 1 })], 2)
    await radar.counted()
    expect(await radar.drift.findings({ source: 2 }, 10)).toHaveLength(1)
  })

  test('shapes are forgotten when there are too many, and counts stay exact', async () => {
    const radar = await openDrift()
    const names = Array.from({ length: 16 }, (_, i) => `b${i}`)
    const rounds = 6
    let sent = 0
    for (let round = 0; round < rounds; round++) {
      // Each number is another set of fields: another shape.
      const numbers = Array.from({ length: 4_000 }, (_, i) => round * 3_000 + i)
      await radar.send(
        numbers.map((number) => {
          const set = names.filter((_, bit) => (number >> bit) & 1).map((name) => `"${name}":1`)
          return `{${[`"id":"m${sent++}"`, '"event_type":"set"', ...set].join()}}`
        }),
      )
      await radar.counted()
    }
    const rows = await radar.rows()
    expect(rows.find(({ path }) => path === 'id')).toMatchObject({ count: sent })
    expect(sum(rows, 'unexamined')).toBe(0)
    const b0 = Array.from({ length: rounds }, (_, round) => round * 3_000)
      .flatMap((from) => Array.from({ length: 4_000 }, (_, i) => from + i))
      .filter((number) => number & 1).length
    expect(rows.find(({ path }) => path === 'b0')).toMatchObject({ count: b0 })
  })
})

test('a type that never came is unknown', async () => {
  const radar = await openDrift()
  await expect(radar.drift.type('never', undefined, 1)).rejects.toMatchObject({ code: 'DRIFT_UNKNOWN' })
})
