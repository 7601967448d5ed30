import { describe, expect, it } from 'vitest'
import { eventType, eventTypes, isKnown } from '../../catalog/catalog.ts'
import type { FieldType } from '../../catalog/fields.ts'
import { seededRandom } from '../../core/random.ts'
import { httpFields, httpTypeNames, sample, testEvents, unknownSample } from './samples.ts'

const SEED = 11
const NOW = 1_780_000_000
const options = () => ({ random: seededRandom(SEED), nowSeconds: NOW })
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

const HAS_TYPE: Readonly<Record<FieldType, (value: unknown) => boolean>> = {
  string: (value) => typeof value === 'string',
  int: Number.isSafeInteger,
  long: Number.isSafeInteger,
  float: Number.isFinite,
  boolean: (value) => typeof value === 'boolean',
  'string[]': (value) => Array.isArray(value) && value.every((item) => typeof item === 'string'),
  object: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
}

const SHAPE = ['event_type', 'id', 'time', 'user', 'properties']

describe('a sample', () => {
  it.each(eventTypes.map((type) => [type.name, type] as const))('of %s is whole', (name, type) => {
    const event = sample(name, options())
    expect(Object.keys(event)).toEqual(SHAPE)
    expect(event).toMatchObject({ event_type: name, id: expect.stringMatching(UUID), time: NOW })
    expect(Object.keys(event.properties).sort()).toEqual(
      httpFields(type)
        .map((field) => field.name)
        .sort(),
    )
    const wrong = httpFields(type).filter((field) => !HAS_TYPE[field.type](event.properties[field.name]))
    expect(wrong.map((field) => field.name)).toEqual([])
    const members = type.userFields.filter((field) => field.inHttp || !type.inHttp).map((field) => field.name)
    expect(Object.keys(event.user).sort()).toEqual(members.sort())
    expect(JSON.parse(JSON.stringify(event))).toEqual(event)
  })

  it('has the oddities of the real ones', () => {
    expect(sample('users.messages.email.Open', options()).properties.machine_open).toBe('true')
    expect(sample('agentconsole.ToolInvocation', options()).user).toEqual({})
    const extras = sample('users.messages.email.Send', options()).properties.message_extras
    expect(JSON.parse(String(extras))).toBeTypeOf('object')
    const behavior = sample('users.canvas.Conversion', options()).properties.conversion_behavior
    expect(JSON.parse(String(behavior))).toBeTypeOf('object')
    expect(sample('users.behaviors.Purchase', options()).properties).not.toHaveProperty('properties')
  })

  it('is about 0.9 KB on average, and some hold more than ASCII', () => {
    const { random, nowSeconds } = options()
    const texts = eventTypes.map((type) => JSON.stringify(sample(type.name, { random, nowSeconds })))
    const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0) / texts.length
    expect(bytes).toBeGreaterThan(800)
    expect(bytes).toBeLessThan(1050)
    expect(texts.filter((text) => text.length !== Buffer.byteLength(text)).length).toBeGreaterThan(20)
  })

  it('of a name the catalog lacks is refused', () => {
    expect(() => sample('users.messages.hologram.Beam', options())).toThrow(
      expect.objectContaining({ code: 'INPUT_INVALID' }),
    )
  })

  it('names 93 HTTP types, three of them retired', () => {
    expect(httpTypeNames({ includeRetired: true })).toHaveLength(93)
    expect(httpTypeNames({ includeRetired: false })).toHaveLength(90)
  })
})

describe('test events', () => {
  it('are one of every current HTTP type, of the right types and without meaning', () => {
    const events = testEvents(options())
    expect(events.map((event) => event.event_type)).toEqual(httpTypeNames({ includeRetired: false }))
    for (const event of events) {
      expect(Object.keys(event)).toEqual(SHAPE)
      if (event.user.timezone !== undefined) expect(event.user.timezone).toMatch(UUID)
      const type = eventType(event.event_type)
      for (const field of type === undefined ? [] : httpFields(type)) {
        expect([field.name, HAS_TYPE[field.type](event.properties[field.name])]).toEqual([field.name, true])
      }
    }
  })

  it('are of the selected types only', () => {
    const names = ['users.canvas.Entry', 'users.messages.newsfeedcard.Click']
    expect(testEvents(options(), names).map((event) => event.event_type)).toEqual(names)
  })
})

describe('unknown samples', () => {
  const events = Array.from({ length: 400 }, (_, i) => unknownSample(i, { nowSeconds: NOW }))

  it('are of types the catalog lacks, each its own, with distinct ids', () => {
    expect(events.filter((event) => isKnown(event.event_type))).toEqual([])
    expect(new Set(events.map((event) => event.event_type)).size).toBe(events.length)
    expect(new Set(events.map((event) => event.id)).size).toBe(events.length)
  })

  it('survive JSON and are the same each time', () => {
    for (const [i, event] of events.entries()) {
      const text = JSON.stringify(event)
      expect(JSON.stringify(JSON.parse(text))).toBe(text)
      expect(JSON.stringify(unknownSample(i, { nowSeconds: NOW }))).toBe(text)
    }
  })

  it('nest deeply and have odd keys', () => {
    const text = JSON.stringify(events)
    for (const part of ['"__proto__":', '"":', '"a.b":', '\\u0000', '1e+21', '-2.5e-300'])
      expect(text).toContain(part)
    const depth = (value: unknown): number =>
      typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depth)) : 0
    expect(Math.max(...events.map(depth))).toBeGreaterThanOrEqual(20)
  })
})
