import { describe, expect, it } from 'vitest'
import { eventType } from '../../catalog/catalog.ts'
import { VirtualClock } from '../../core/clock.ts'
import { httpFields, httpTypeNames } from './samples.ts'
import {
  createSimulation,
  EVENTS_PER_CALL_MAX,
  type SimulatedEvent,
  type SimulationOptions,
} from './simulator.ts'

const START = 1_780_000_000_000

function run(events: number, options: Partial<SimulationOptions> = {}): readonly SimulatedEvent[] {
  const simulation = createSimulation({
    seed: 5,
    clock: new VirtualClock(START),
    users: 400,
    eventsPerSecond: 1000,
    delayScale: 1 / 20_000,
    ...options,
  })
  const due: SimulatedEvent[] = []
  const { eventsPerSecond = 1000 } = options
  const untilMs = START + ((events - 1) * 1000) / eventsPerSecond
  while (due.length < events) due.push(...simulation.next(untilMs))
  return due
}

const text = (events: readonly SimulatedEvent[]) => JSON.stringify(events)

describe('a simulation', () => {
  it('gives the same bytes for the same seed, however often it is asked', () => {
    const atOnce = run(3000)
    const simulation = createSimulation({
      seed: 5,
      clock: new VirtualClock(START),
      users: 400,
      eventsPerSecond: 1000,
      delayScale: 1 / 20_000,
    })
    const inSteps: SimulatedEvent[] = []
    for (let ms = 0; inSteps.length < 3000; ms += 37)
      inSteps.push(...simulation.next(START + Math.min(ms, 2999)))
    expect(text(inSteps)).toBe(text(atOnce))
    expect(text(run(3000, { seed: 6 }))).not.toBe(text(atOnce))
  })

  it('keeps its rate exactly and never gives more than its bound at once', () => {
    const clock = new VirtualClock(START)
    const simulation = createSimulation({ seed: 1, clock, users: 50, eventsPerSecond: 250 })
    expect(simulation.next()).toHaveLength(1)
    expect(simulation.next()).toHaveLength(0)
    expect(simulation.next(START + 10_000)).toHaveLength(2500)
    expect(simulation.next(START + 3_600_000)).toHaveLength(EVENTS_PER_CALL_MAX)
  })

  const events = run(40_000)

  it('gives events of exactly the HTTP shape, with properties the catalog knows', () => {
    for (const { type, event, dueMs } of events) {
      const members = ['event_type', 'id', 'time', 'user', 'properties']
      const known = eventType(type)
      const names = new Set((known === undefined ? [] : httpFields(known)).map((field) => field.name))
      const strange = Object.keys(event.properties).filter((name) => !names.has(name))
      expect([type, Object.keys(event), strange]).toEqual([event.event_type, members, []])
      expect(Number.isInteger(event.time) && event.time <= dueMs / 1000).toBe(true)
    }
  })

  it('has every required property', () => {
    for (const { type, event } of events) {
      const required = (eventType(type)?.fields ?? []).filter((field) => field.inHttp && field.required)
      expect([type, required.filter((field) => !(field.name in event.properties))]).toEqual([type, []])
    }
  })

  it('brings every current type of the HTTP connectors, and retired ones on request', () => {
    const types = new Set(events.map((one) => one.type))
    expect(httpTypeNames({ includeRetired: false }).filter((name) => !types.has(name))).toEqual([])
    expect([...types].filter((name) => eventType(name)?.status === 'retired')).toEqual([])
    const more = new Set(run(10_000, { includeRetired: true }).map((one) => one.type))
    const retired = ['Abort', 'Click', 'Impression'].map((verb) => `users.messages.newsfeedcard.${verb}`)
    expect(retired.filter((name) => !more.has(name))).toEqual([])
  })

  it.each([
    ['email.Delivery', ['email.Send']],
    ['email.Bounce', ['email.Send']],
    ['email.SoftBounce', ['email.Send']],
    ['email.Open', ['email.Delivery']],
    ['email.Click', ['email.Open', 'email.Delivery', 'email.Send']],
    ['email.Unsubscribe', ['email.Open']],
    ['email.MarkAsSpam', ['email.Delivery']],
    ['pushnotification.Open', ['pushnotification.Send']],
    ['pushnotification.Bounce', ['pushnotification.Send']],
    ['sms.Delivery', ['sms.Send']],
    ['sms.DeliveryFailure', ['sms.CarrierSend']],
    ['whatsapp.Read', ['whatsapp.Delivery', 'whatsapp.Send']],
    ['contentcard.Click', ['contentcard.Impression', 'contentcard.Send']],
    ['line.Click', ['line.Send']],
  ])('has no %s without %j before it', (name, needed) => {
    const seen = new Set<string>()
    let count = 0
    for (const { type, event } of events) {
      const send = `${event.user.user_id} ${event.properties.dispatch_id}`
      seen.add(`${type} ${send}`)
      if (type !== `users.messages.${name}`) continue
      count++
      const missing = needed.filter((before) => !seen.has(`users.messages.${before} ${send}`))
      expect([event.id, missing]).toEqual([event.id, []])
    }
    expect(count).toBeGreaterThan(0)
  })

  it('sends from a campaign or from a Canvas, never from both', () => {
    expect(
      events.filter(({ event }) => 'campaign_id' in event.properties && 'canvas_id' in event.properties),
    ).toEqual([])
    expect(events.some(({ event }) => 'canvas_id' in event.properties)).toBe(true)
  })

  it('shares a dispatch id among the users of a scheduled send', () => {
    const users = new Map<unknown, Set<string>>()
    for (const { type, event } of events.filter((one) => one.type === 'users.messages.email.Send')) {
      const dispatch = event.properties.dispatch_id
      users.set(dispatch, (users.get(dispatch) ?? new Set()).add(event.user.user_id ?? type))
    }
    const sizes = [...users.values()].map((set) => set.size)
    expect(Math.max(...sizes)).toBeGreaterThan(50)
    expect(Math.min(...sizes)).toBe(1)
  })

  it('has anonymous people, who get no email, and senders nobody knows', () => {
    const simulation = createSimulation({ seed: 3, clock: new VirtualClock(START), eventsPerSecond: 1 })
    const anonymous = simulation.world.users.filter((user) => user.externalId === undefined).length
    expect(anonymous / simulation.world.users.length).toBeGreaterThan(0.06)
    expect(anonymous / simulation.world.users.length).toBeLessThan(0.1)
    const nameless = events.filter(({ event }) => event.user.external_user_id === undefined)
    expect(nameless.some((one) => one.type === 'users.messages.pushnotification.Send')).toBe(true)
    expect(nameless.filter((one) => one.type.startsWith('users.messages.email.'))).toEqual([])
    const empty = events.filter(({ event }) => Object.keys(event.user).length === 0)
    expect(empty.some((one) => one.type === 'users.messages.sms.InboundReceive')).toBe(true)
    expect(empty.some((one) => one.type === 'agentconsole.ToolInvocation')).toBe(true)
  })

  it('has opens by machines, marked with a text', () => {
    const opens = events.filter((one) => one.type === 'users.messages.email.Open')
    const marks = new Set(opens.map(({ event }) => event.properties.machine_open))
    expect(marks).toEqual(new Set([undefined, 'true']))
  })

  it('sends duplicates as often as told, equal to the byte', () => {
    const twice = (list: readonly SimulatedEvent[]) => {
      const first = new Map<string, string>()
      return list.filter(({ event }) => {
        const before = first.get(event.id)
        if (before !== undefined) expect(JSON.stringify(event)).toBe(before)
        first.set(event.id, JSON.stringify(event))
        return before !== undefined
      }).length
    }
    expect(twice(run(5000, { duplicates: 0 }))).toBe(0)
    expect(twice(run(5000, { duplicates: 0.1 }))).toBeGreaterThan(200)
  })

  it('has late events of devices only, by at most five days', () => {
    const lateness = ({ event, dueMs }: SimulatedEvent) => dueMs / 1000 - event.time
    const late = run(8000, { late: 0.2, duplicates: 0 }).filter((one) => lateness(one) > 600)
    expect(late.length).toBeGreaterThan(100)
    expect(late.filter((one) => /\.(Send|Delivery|Bounce)$/.test(one.type))).toEqual([])
    expect(Math.max(...late.map(lateness))).toBeLessThan(5 * 86_400 + 600)
    expect(run(3000, { late: 0, duplicates: 0 }).filter((one) => lateness(one) > 600)).toEqual([])
  })

  it('redacts PII properties only', () => {
    const redacted = run(3000, { redacted: 0.5 }).flatMap(({ type, event }) =>
      Object.entries(event.properties)
        .filter(([, value]) => value === '[REDACTED]')
        .map(([name]) => eventType(type)?.fields.find((field) => field.name === name)?.pii),
    )
    expect(redacted.length).toBeGreaterThan(300)
    expect(new Set(redacted)).toEqual(new Set([true]))
  })

  it.each([
    { eventsPerSecond: 0 },
    { eventsPerSecond: Number.NaN },
    { eventsPerSecond: 2e6 },
    { users: 0 },
    { users: 1e9 },
  ])('refuses %j', (options) => {
    expect(() => run(1, options)).toThrow(RangeError)
  })
})
