/**
 * Traffic as Currents sends it, from a seed: people, campaigns and Canvases, and journeys through them
 * (send → delivery → open → click → conversion, with bounces, aborts, late reports and duplicates). Pure:
 * it is told the time and returns events; it never sends, waits, or asks what became of them. The same seed
 * and options give the same events, byte for byte, however the calls of `next` are spaced.
 */

import { compilePattern, type EventType, eventType, type TypeMatcher } from '../../catalog/catalog.ts'
import type { Clock } from '../../core/clock.ts'
import { ThalwegError } from '../../core/errors.ts'
import { type Random, seededRandom } from '../../core/random.ts'
import { Agenda } from './agenda.ts'
import { between, chance, pick, weighted } from './draw.ts'
import type { CurrentsEvent } from './event.ts'
import { CONVERSION, JOURNEYS, type Journey, type Step } from './funnels.ts'
import { eventOf } from './samples.ts'
import { createOrigin, type Origin, type Scene } from './values.ts'
import { createWorld, type SimulatedUser, type World } from './world.ts'

export interface SimulationOptions {
  readonly seed: number
  /** Says when the simulation begins, and what `next` takes for now when it is not told. */
  readonly clock: Clock
  /** 1 to USERS_MAX; default 5,000. About 8 % have no external id. */
  readonly users?: number
  /** Exactly this many events fall due in each second; 0.001 to 1,000,000. */
  readonly eventsPerSecond: number
  /**
   * Real delays are multiplied by this; default 1/120, so that an open an hour after its delivery comes
   * after 30 seconds.
   */
  readonly delayScale?: number
  /** Part of events sent a second time later on; default 0.002. */
  readonly duplicates?: number
  /**
   * Part of events that a device reports hours or days late (only types that the SDK reports); default
   * 0.005.
   */
  readonly late?: number
  /**
   * Part of events with a PII property replaced by `[REDACTED]`, as a field transformation does; default
   * 0.003.
   */
  readonly redacted?: number
  /** Adds News Feed cards, which Braze has retired. */
  readonly includeRetired?: boolean
}

export interface SimulatedEvent {
  readonly type: string
  /** When it fell due, in milliseconds of the clock. */
  readonly dueMs: number
  readonly event: CurrentsEvent
}

export interface Simulation {
  readonly world: World
  /**
   * The events due until now, in order; at most EVENTS_PER_CALL_MAX, the others come with the next calls.
   * Group them by type before sending: at Braze each event type has its own queue.
   */
  next(nowMs?: number): readonly SimulatedEvent[]
}

export const EVENTS_PER_CALL_MAX = 10_000

/** Steps waiting for their time. When full, journeys end early. */
export const PENDING_MAX = 200_000

const DEFAULTS = {
  users: 5000,
  delayScale: 1 / 120,
  duplicates: 0.002,
  late: 0.005,
  redacted: 0.003,
  includeRetired: false,
}

/** Part of inbound messages and agent runs that belong to nobody Braze knows. */
const UNKNOWN_SENDER = 0.25

/** A part of what happened to one person, and what it carries from event to event. */
interface Thread {
  readonly user: SimulatedUser
  readonly known: boolean
  readonly origin: Origin
  readonly kept: Map<string, unknown>
}

type Due = { readonly step: Step; readonly thread: Thread } | { readonly again: CurrentsEvent }

/** Throws RangeError for a rate or a number of users out of bounds. */
export function createSimulation(options: SimulationOptions): Simulation {
  return new Traffic({ ...DEFAULTS, ...options })
}

class Traffic implements Simulation {
  readonly world: World
  readonly #options: SimulationOptions & typeof DEFAULTS
  readonly #random: Random
  readonly #journeys: readonly Journey[]
  readonly #agenda = new Agenda<Due>(PENDING_MAX)
  readonly #startMs: number
  #count = 0

  constructor(options: SimulationOptions & typeof DEFAULTS) {
    const { eventsPerSecond } = options
    if (!(eventsPerSecond >= 0.001 && eventsPerSecond <= 1_000_000)) {
      throw new RangeError(`eventsPerSecond must be 0.001 to 1,000,000, not ${eventsPerSecond}`)
    }
    this.#options = options
    this.world = createWorld(options.seed, options.users)
    this.#random = seededRandom(options.seed ^ 0x7a1)
    this.#journeys = JOURNEYS.filter((journey) => options.includeRetired || !journey.retired)
    this.#startMs = options.clock.now()
  }

  next(nowMs: number = this.#options.clock.now()): readonly SimulatedEvent[] {
    const events: SimulatedEvent[] = []
    while (events.length < EVENTS_PER_CALL_MAX) {
      // Time is cut into equal slots of one event each, so that the spacing of the calls changes nothing.
      const slotMs = this.#startMs + (this.#count * 1000) / this.#options.eventsPerSecond
      if (slotMs > nowMs) break
      this.#count++
      const dueMs = Math.floor(slotMs)
      const event = this.#eventAt(dueMs)
      events.push({ type: event.event_type, dueMs, event })
    }
    return events
  }

  /** What waits and is due goes first; otherwise somebody's journey begins. */
  #eventAt(nowMs: number): CurrentsEvent {
    const due = this.#agenda.take(nowMs)
    if (due === undefined) return this.#begin(nowMs)
    return 'again' in due.item ? due.item.again : this.#happen(due.item.step, due.item.thread, due.atMs)
  }

  #begin(nowMs: number): CurrentsEvent {
    const journey = weighted(this.#random, this.#journeys)
    const first = drawOne(this.#random, journey.begins) ?? journey.begins[0]
    if (first === undefined)
      throw new ThalwegError('CATALOG_BROKEN', `The journey ${journey.name} has no beginning`)
    return this.#happen(first, this.#threadOf(journey), nowMs)
  }

  #threadOf(journey: Journey): Thread {
    const { world } = this
    const random = this.#random
    const sender =
      journey.sender === 'either' ? pick(random, ['campaign', 'canvas'] as const) : journey.sender
    return {
      user: pick(random, journey.who === 'identified' ? world.identified : world.users),
      known: journey.who !== 'stranger' || !chance(random, UNKNOWN_SENDER),
      origin: createOrigin(random, world, sender),
      kept: new Map(),
    }
  }

  #happen(step: Step, thread: Thread, atMs: number): CurrentsEvent {
    const type = typeOf(step, thread)
    const scene: Scene = {
      random: this.#random,
      world: this.world,
      user: thread.user,
      origin: thread.origin,
      nowSeconds: this.#reportedSeconds(type, atMs),
      kept: thread.kept,
    }
    const event = withSettled(eventOf(type, scene, thread.known ? thread.user : undefined), type, step)
    this.#plan(step, thread, atMs)
    return this.#sendAgainPerhaps(this.#redactPerhaps(event, type), atMs)
  }

  /** Devices report with their own time, now and then days after. */
  #reportedSeconds(type: EventType, atMs: number): number {
    const seconds = Math.floor(atMs / 1000)
    if (!isReportedByDevice(type) || !chance(this.#random, this.#options.late)) return seconds
    return seconds - between(this.#random, 3600, 5 * 86_400)
  }

  #plan(step: Step, thread: Thread, atMs: number): void {
    const follow = (next: Step) => {
      const [minS, maxS] = next.after
      const waitS = minS + (maxS - minS) * this.#random() ** 2
      this.#agenda.add(atMs + waitS * 1000 * this.#options.delayScale, { step: next, thread })
    }
    for (const next of step.each ?? []) if (chance(this.#random, next.chance)) follow(next)
    const chosen = drawOne(this.#random, step.oneOf ?? [])
    if (chosen !== undefined) follow(chosen)
  }

  #redactPerhaps(event: CurrentsEvent, type: EventType): CurrentsEvent {
    if (!chance(this.#random, this.#options.redacted)) return event
    const candidates = type.fields.filter(
      (field) => field.pii && typeof event.properties[field.name] === 'string',
    )
    if (candidates.length === 0) return event
    return {
      ...event,
      properties: { ...event.properties, [pick(this.#random, candidates).name]: '[REDACTED]' },
    }
  }

  #sendAgainPerhaps(event: CurrentsEvent, atMs: number): CurrentsEvent {
    if (chance(this.#random, this.#options.duplicates)) {
      const waitS = between(this.#random, 60, 3600)
      this.#agenda.add(atMs + waitS * 1000 * this.#options.delayScale, { again: event })
    }
    return event
  }
}

/** One of the steps by their chances, or none. */
function drawOne(random: Random, steps: readonly Step[]): Step | undefined {
  if (steps.length === 0) return undefined
  let left = random()
  for (const step of steps) {
    left -= step.chance
    if (left < 0) return step
  }
  return undefined
}

function typeOf(step: Step, thread: Thread): EventType {
  const converted =
    thread.origin.sender === 'canvas' ? 'users.canvas.Conversion' : 'users.campaigns.Conversion'
  const name = step.type === CONVERSION ? converted : step.type
  const type = eventType(name)
  if (type === undefined)
    throw new ThalwegError('CATALOG_BROKEN', `A journey has the unknown event type ${name}`)
  return type
}

function withSettled(event: CurrentsEvent, type: EventType, step: Step): CurrentsEvent {
  if (step.set === undefined) return event
  const names = new Set(type.fields.map((field) => field.name))
  const settled = Object.entries(step.set).filter(([name]) => names.has(name))
  return { ...event, properties: { ...event.properties, ...Object.fromEntries(settled) } }
}

const DEVICE_REPORTED: readonly TypeMatcher[] = [
  'users.behaviors.app.*',
  'users.behaviors.CustomEvent',
  'users.behaviors.Purchase',
  'users.behaviors.Location',
  'users.messages.pushnotification.Open',
  'users.messages.inappmessage.*',
  'users.messages.contentcard.Impression',
  'users.messages.contentcard.Click',
  'users.messages.contentcard.Dismiss',
  'users.messages.banner.*',
].map(compilePattern)

function isReportedByDevice(type: EventType): boolean {
  return DEVICE_REPORTED.some((matches) => matches(type.name))
}
