/**
 * Delivery against its promise: whatever a vendor answers, however often it is stopped, killed or changed, every selected record is accepted
 * at least once or is a dead letter exactly once, the books balance, and nothing is left behind. On every ground.
 */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Currents } from '../../src/currents/registry.ts'
import {
  type Answer,
  accept,
  CLICK,
  DeliveryUnderTest,
  definitionOf,
  idsIn,
  noAnswer,
  OPEN,
  passTime,
  reply,
  type SampleEvent,
  type Sent,
  testSeed,
} from '../../src/delivery/delivery.fixture.ts'
import type { Delivery } from '../../src/delivery/delivery.ts'
import type { Transport } from '../../src/delivery/transport.ts'
import type { Store } from '../../src/store/store.ts'
import { type Ground, onEachGround } from '../support/grounds.ts'

const PERSONS = ['ann', 'bob', 'cyd', 'dan']
const SESSION = 'users.behaviors.app.SessionStart'

/** What a vendor does with one request. `partial` needs one that gives receipts. */
type Mood = 'well' | 'slow-down' | 'broken' | 'cut-before' | 'cut-after' | 'locked' | 'partial' | 'too-large'

type Kind = 'http' | 'treasure-data'

type Step =
  | { readonly do: 'accept'; readonly source: number; readonly events: readonly Draft[] }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'moods'; readonly moods: readonly Mood[] }
  | { readonly do: 'pause' | 'resume' | 'restart' | 'crash' | 'check' }
  | { readonly do: 'revise'; readonly recordsMax: number; readonly inFlightMax: number }

interface Draft {
  readonly type: string
  readonly person: number
  readonly fate: 'good' | 'poison' | 'anonymous' | 'rubbish'
}

const draft: fc.Arbitrary<Draft> = fc.record({
  type: fc.constantFrom(OPEN, OPEN, CLICK, SESSION),
  person: fc.nat(PERSONS.length - 1),
  fate: fc.constantFrom(
    ...([
      'good',
      'good',
      'good',
      'good',
      'good',
      'good',
      'good',
      'good',
      'poison',
      'anonymous',
      'rubbish',
    ] as const),
  ),
})

const mood = fc.constantFrom<Mood>(
  'well',
  'well',
  'well',
  'slow-down',
  'broken',
  'cut-before',
  'cut-after',
  'locked',
  'partial',
  'too-large',
)

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('accept' as const),
      source: fc.constantFrom(1, 1, 1, 2),
      events: fc.array(draft, { minLength: 1, maxLength: 25 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(20_000) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('moods' as const), moods: fc.array(mood, { maxLength: 8 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom('pause', 'resume', 'restart', 'crash', 'check') }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('revise' as const),
      recordsMax: fc.integer({ min: 1, max: 40 }),
      inFlightMax: fc.integer({ min: 1, max: 5 }),
    }),
  },
)

const scenario = fc.record({
  kind: fc.constantFrom<Kind>('http', 'http', 'treasure-data'),
  ordering: fc.constantFrom('none' as const, 'per-profile' as const),
  recordsMax: fc.integer({ min: 1, max: 40 }),
  inFlightMax: fc.integer({ min: 1, max: 5 }),
  waitMs: fc.constantFrom(0, 0, 500),
  steps: fc.array(step, { minLength: 5, maxLength: 30 }),
})

/** The vendor: its moods one per request, then well. Poison is refused whatever the mood. */
class MoodyVendor {
  readonly accepted: string[] = []
  moods: Mood[] = []
  readonly #kind: Kind
  readonly #isPoison: (id: string) => boolean

  constructor(kind: Kind, isPoison: (id: string) => boolean) {
    this.#kind = kind
    this.#isPoison = isPoison
  }

  async answer({ body }: Sent, n: number): Promise<Answer> {
    for (let turns = n % 3; turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve))
    const ids = idsIn(body)
    switch (this.moods.shift() ?? 'well') {
      case 'slow-down':
        return reply(429, '', { 'retry-after': '3' })
      case 'broken':
        return reply(503)
      case 'cut-before':
        return noAnswer()
      case 'cut-after':
        this.#take(ids)
        return noAnswer()
      case 'locked':
        return reply(401)
      case 'too-large':
        return ids.length > 1 ? reply(413) : this.#take(ids)
      case 'partial':
        return this.#kind === 'treasure-data' ? this.#take(ids, (i) => i % 2 === 0) : this.#take(ids)
      case 'well':
        return this.#take(ids)
    }
  }

  #take(ids: readonly string[], willing: (i: number) => boolean = () => true): Answer {
    if (this.#kind === 'treasure-data') {
      const receipts = ids.map((id, i) => {
        if (this.#isPoison(id)) return { success: false, error: { name: 'InvalidPropertyValueError' } }
        if (!willing(i)) return { success: false, error: { name: 'TryLater' } }
        this.accepted.push(id)
        return { success: true }
      })
      return reply(200, { receipts })
    }
    if (ids.some((id) => this.#isPoison(id))) return reply(400, 'poison')
    this.accepted.push(...ids)
    return reply(200)
  }
}

/** One life of the process: when it is killed, nothing that it does reaches the store or the vendor any more. */
class Life {
  readonly delivery: Delivery
  #alive = true
  readonly #transactions = new Set<Promise<unknown>>()

  constructor(under: DeliveryUnderTest) {
    const store = this.#store(under.store)
    this.delivery = under.made({
      store,
      currents: new Currents(store, under.clock),
      transport: this.#transport(under.vendor),
    })
  }

  async kill(): Promise<void> {
    this.#alive = false
    // What had reached the database is kept or not, but is decided before the next life begins.
    await Promise.allSettled(this.#transactions)
    for (let turns = 0; turns < 5; turns++) await new Promise((resolve) => setImmediate(resolve))
    // Only to end the loops of the dead one.
    this.delivery.stop().catch(() => undefined)
  }

  #mustLive(): void {
    if (!this.#alive) throw new Error('killed')
  }

  #store(store: Store): Store {
    const mustLive = (): void => this.#mustLive()
    const mortal: Store = {
      dialect: store.dialect,
      capabilities: store.capabilities,
      get db() {
        mustLive()
        return store.db
      },
      transaction: async (work, options) => {
        this.#mustLive()
        const running = store.transaction(work, options)
        this.#transactions.add(running)
        try {
          const result = await running
          this.#mustLive()
          return result
        } finally {
          this.#transactions.delete(running)
        }
      },
      fencedBy: () => mortal,
      close: async () => undefined,
    }
    return mortal
  }

  #transport(vendor: Transport): Transport {
    return {
      send: async (request, signal) => (this.#alive ? vendor.send(request, signal) : noAnswer('killed')),
      close: async () => undefined,
    }
  }
}

interface Accepted extends SampleEvent {
  readonly id: string
  readonly offset: number
  readonly draft: Draft
}

function eventOf(draft: Draft, id: string): SampleEvent {
  if (draft.fate === 'rubbish') return { id, text: '"rubbish"', fault: 1 }
  const person = PERSONS[draft.person] ?? ''
  return { id, type: draft.type, ...(draft.fate === 'anonymous' ? {} : { person }) }
}

type Plan = typeof scenario extends fc.Arbitrary<infer T> ? T : never

async function live(ground: Ground, plan: Plan): Promise<void> {
  const records: Accepted[] = []
  const byId = new Map<string, Accepted>()
  const vendor = new MoodyVendor(plan.kind, (id) => byId.get(id)?.draft.fate === 'poison')
  const under = await DeliveryUnderTest.open({ ...ground, answer: (sent, n) => vendor.answer(sent, n) })
  // What the fixture started is not used: each life makes its own.
  await under.delivery.stop()
  let life = new Life(under)
  await life.delivery.start()
  under.authorizations.set('td', { provider: 'treasure-data', credentials: { writeKey: '1/abc' } })
  const definition = definitionOf('a', {
    externalId: 'required',
    selection: { include: ['users.messages.*'] },
    destination:
      plan.kind === 'http'
        ? { kind: 'http', settings: { url: 'https://vendor.example/in' } }
        : {
            kind: 'treasure-data',
            settings: { form: 'records', host: 'https://td.example', database: 'dbs', table: 'tbl' },
            authorization: 'td',
          },
    delivery: {
      waitMs: plan.waitMs,
      recordsMax: plan.recordsMax,
      inFlightMax: plan.inFlightMax,
      ordering: plan.ordering,
    },
  })
  const { number } = await life.delivery.create(definition)
  await life.delivery.launch(number, 'earliest')

  const restart = async (): Promise<void> => {
    life = new Life(under)
    await life.delivery.start()
  }
  const stateNow = async () => (await under.currents.get(number)).state

  for (const step of plan.steps) {
    switch (step.do) {
      case 'accept': {
        const events = step.events.map((draft, i) => ({
          draft,
          event: eventOf(draft, `${records.length + i}`),
        }))
        // Known before they can arrive anywhere.
        for (const { draft, event } of events) {
          const id = event.id ?? ''
          if (step.source === 1) byId.set(id, { ...event, id, draft, offset: 0 })
        }
        const base = await accept(under.log, {
          source: step.source,
          receivedAt: under.clock.now(),
          events: events.map(({ event }) => event),
        })
        events.forEach(({ draft, event }, i) => {
          records.push({
            ...event,
            id: event.id ?? '',
            draft: step.source === 1 ? draft : { ...draft, fate: 'rubbish', type: '' },
            offset: base + i,
          })
        })
        break
      }
      case 'wait':
        await under.clock.advance(step.ms)
        break
      case 'moods':
        vendor.moods = [...step.moods]
        break
      case 'pause':
        if (['running', 'halted'].includes(await stateNow()))
          await life.delivery.pause(number, '').catch(ifState)
        break
      case 'resume':
        if (['paused', 'halted'].includes(await stateNow())) await life.delivery.resume(number).catch(ifState)
        break
      case 'restart':
        await life.delivery.stop()
        await restart()
        break
      case 'crash':
        await life.kill()
        await restart()
        break
      case 'check':
        expect(await life.delivery.checkBooks(number)).toMatchObject({ balanced: true })
        break
      case 'revise': {
        const { recordsMax, inFlightMax } = step
        const delivery = { ...definition.delivery, recordsMax, inFlightMax }
        await life.delivery.revise(number, { ...definition, delivery }, '')
        break
      }
    }
  }

  vendor.moods = []
  if ((await stateNow()) === 'paused') await life.delivery.resume(number)
  await passTime(
    under.clock,
    'all is settled',
    async () => (await life.delivery.status(number)).position === under.log.head,
    5_000,
  )

  const mine = records.filter(({ offset }) => byId.get(String(offset))?.id === String(offset))
  const flowing = mine.filter(
    ({ draft }) => draft.type !== SESSION && ['good', 'poison'].includes(draft.fate),
  )
  const good = flowing.filter(({ draft }) => draft.fate === 'good').map(({ id }) => id)
  const poison = flowing.filter(({ draft }) => draft.fate === 'poison').map(({ id }) => id)

  const accepted = new Set(vendor.accepted)
  expect(good.filter((id) => !accepted.has(id))).toEqual([])
  expect([...accepted].filter((id) => !good.includes(id))).toEqual([])
  const letters = await life.delivery.letters.list({ limit: 500 })
  expect(letters.map(({ eventId }) => Number(eventId)).sort((a, b) => a - b)).toEqual(poison.map(Number))
  const rest = mine.length - flowing.length
  expect(await life.delivery.checkBooks(number)).toMatchObject({
    balanced: true,
    checkpoint: under.log.head,
    accepted: mine.length,
    delivered: good.length,
    dead: poison.length,
    filtered: rest,
    pending: 0,
    missing: [],
  })
  // A vendor that takes a part of a request decides the order itself.
  if (plan.ordering === 'per-profile' && plan.kind === 'http') {
    const firsts = [...accepted]
    for (const person of PERSONS) {
      const order = firsts.filter((id) => byId.get(id)?.person === person).map(Number)
      expect(order).toEqual([...order].sort((a, b) => a - b))
    }
  }
  await life.delivery.stop()
  await under.close()
}

/** A current may halt, or recover, in the moment before it is paused or resumed. */
function ifState(error: unknown): void {
  if ((error as { code?: unknown }).code !== 'CURRENT_STATE') throw error
}

onEachGround((ground) => {
  test('at least once or a dead letter once, and the books balance, whatever happens', async () => {
    const seed = testSeed('delivery model')
    await fc.assert(
      fc.asyncProperty(scenario, (plan) => live(ground, plan)),
      { seed, numRuns: ground.runs(100, 5) },
    )
  }, 120_000)
})
