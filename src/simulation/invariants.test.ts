/** Each judge, handed a world that breaks its promise. */

import { expect, test } from 'vitest'
import type { BookCheck } from '../delivery/books.ts'
import { breachIn, type CurrentSight, JUDGES, type Sight } from './invariants.ts'
import {
  CURRENT_NAMES,
  type CurrentName,
  POISON,
  type SentEvent,
  sentEventOf,
  type Taking,
  Witness,
} from './witness.ts'

const OPEN = 'users.messages.email.Open'
const EVENTS = 6
/** The last one is refused by the webhook for good. */
const POISONED = `e${EVENTS - 1}`

function eventOf(id: string, person: string): SentEvent {
  const user = { external_user_id: person }
  const properties = id === POISONED ? { [POISON]: 'webhook' } : {}
  return sentEventOf({ type: OPEN, bytes: JSON.stringify({ id, event_type: OPEN, user, properties }) })
}

function taking(over: Partial<Taking> = {}): Taking {
  return { atMs: 5, life: 1, told: true, ...over }
}

/** Six events of two persons, sent, kept, taken and settled; what breaks a promise is changed by the test. */
function goodWorld(): Sight & { readonly currents: Writable<CurrentSight>[]; kept: Sight['kept'][number][] } {
  const witness = new Witness()
  const kept: Sight['kept'][number][] = []
  for (let i = 0; i < EVENTS; i++) {
    const event = eventOf(`e${i}`, i % 2 === 0 ? 'ann' : 'bob')
    witness.emitted(event)
    witness.answered([event.id], { status: 200, code: '' })
    witness.recorded(i, { id: event.id, receivedAt: 1 })
    kept.push({ id: event.id, receivedAt: 1, bytes: event.bytes })
    for (const name of CURRENT_NAMES)
      if (name !== 'webhook' || event.id !== POISONED) witness.takings[name].take(event.id, taking())
  }
  return { witness, tail: 0, kept, currents: CURRENT_NAMES.map(goodCurrent), isEnd: true }
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] }

function goodCurrent(name: CurrentName): CurrentSight {
  const dead = name === 'webhook' ? [POISONED] : []
  const books: BookCheck = {
    current: 1,
    from: 0,
    checkpoint: EVENTS,
    head: EVENTS,
    accepted: EVENTS,
    delivered: EVENTS - dead.length,
    filtered: 0,
    dead: dead.length,
    pending: 0,
    reasons: [],
    residue: 0,
    balanced: true,
    differences: [],
    unlisted: 0,
    missing: [],
  }
  return {
    name,
    state: 'running',
    checkpoint: EVENTS,
    checkpointBefore: EVENTS,
    books,
    dead,
    wasLocked: false,
    due: EVENTS,
  }
}

type World = ReturnType<typeof goodWorld>

function current({ currents }: World, name: CurrentName): Writable<CurrentSight> {
  const found = currents.find((one) => one.name === name)
  if (found === undefined) throw new Error(`no current ${name}`)
  return found
}

function untaken({ witness }: World, name: CurrentName, id: string): void {
  witness.takings[name].byId.delete(id)
}

const BROKEN: Readonly<Record<string, readonly ((world: World) => void)[]>> = {
  'INV-2': [(world) => world.kept.splice(2, 1)],
  'INV-3': [
    ({ witness }) => {
      witness.acknowledged.delete('e3')
      witness.answered(['e3'], { status: 503, code: 'LOG_FULL' })
    },
  ],
  'INV-5': [
    (world) => world.kept.splice(1, 1, { id: 'e1', receivedAt: 1, bytes: '{"id":"e1"}' }),
    ({ witness }) => witness.altered.push('e1'),
  ],
  'INV-6': [(world) => world.kept.push({ ...(world.kept[0] ?? fail()) })],
  'INV-7': [
    (world) => {
      const one = current(world, 'segment-a')
      one.books = { ...one.books, pending: 2, delivered: EVENTS - 2 }
      one.checkpoint = one.checkpointBefore = one.due = EVENTS - 2
    },
  ],
  'INV-8': [({ witness }) => witness.takings['segment-b'].take('e1', taking({ atMs: 9 }))],
  'INV-9': [(world) => untaken(world, 'treasure-data', 'e2')],
  'INV-11': [
    (world) => {
      current(world, 'webhook').checkpointBefore = EVENTS + 1
    },
  ],
  'INV-12': [
    (world) => {
      const one = current(world, 'webhook')
      one.books = { ...one.books, balanced: false, residue: 3 }
    },
    (world) => {
      const one = current(world, 'treasure-data')
      one.books = { ...one.books, delivered: EVENTS - 1, filtered: 1 }
    },
  ],
  'INV-13': [({ witness }) => witness.changed.push('e1')],
  'INV-15': [
    ({ witness }) => {
      const { firsts } = witness.takings.webhook
      firsts.splice(0, 3, 'e2', 'e1', 'e0')
    },
  ],
  'INV-16': [
    (world) => {
      current(world, 'segment-a').dead = ['e1']
    },
    (world) => {
      current(world, 'segment-a').state = 'halted'
    },
  ],
  'INV-17': [
    (world) => {
      const one = current(world, 'webhook')
      one.dead = []
      world.witness.takings.webhook.take(POISONED, taking())
    },
  ],
  'INV-18': [
    (world) => {
      const one = current(world, 'segment-a')
      one.state = 'halted'
      one.wasLocked = true
    },
  ],
  'INV-19': [
    (world) => {
      Object.assign(world, { tail: EVENTS, kept: [] })
      const one = current(world, 'treasure-data')
      one.checkpoint = one.checkpointBefore = one.due = EVENTS - 1
      one.books = { ...one.books, from: EVENTS }
    },
  ],
  'INV-22': [
    (world) => {
      current(world, 'segment-a').due = EVENTS + 1
    },
  ],
  'INV-23': [
    (world) => {
      untaken(world, 'segment-b', 'e4')
      const one = current(world, 'segment-b')
      // As if the hub had told itself that it was filtered.
      one.checkpoint = one.checkpointBefore = one.due = 4
      one.books = { ...one.books, from: EVENTS }
    },
  ],
}

test('a world in order breaks none', () => {
  expect(breachIn(goodWorld())).toBeUndefined()
})

test('each judge has a world that it condemns', () => {
  expect(Object.keys(BROKEN).sort()).toEqual(Object.keys(JUDGES).sort())
})

test.each(
  Object.entries(BROKEN).flatMap(([name, ways]) => ways.map((breaks, i) => [name, i + 1, breaks] as const)),
)('%s is found broken (%i)', (name, _way, breaks) => {
  const world = goodWorld()
  breaks(world)
  const found = breachIn(world)
  expect(found).toMatchObject({ invariant: name, what: expect.stringMatching(/\w/) })
})

test.each([
  ['the answer was lost', { told: false }, {}],
  ['another life had sent it', { life: 1 }, { life: 2 }],
])('a repeat is no breach when %s', (_why, first, second) => {
  const { witness, ...rest } = goodWorld()
  witness.takings['segment-a'].take('x', taking(first))
  witness.takings['segment-a'].take('x', taking({ atMs: 9, ...second }))
  expect(witness.takings['segment-a']).toMatchObject({ repeats: 1, needless: [] })
  expect(breachIn({ witness, ...rest })).toBeUndefined()
})

test('a repeat is no breach when the vendor had locked the hub out in between', () => {
  const { witness } = goodWorld()
  const takings = witness.takings['segment-a']
  takings.turnedAwayAtMs = 7
  takings.take('e0', taking({ atMs: 9 }))
  expect(takings).toMatchObject({ repeats: 1, needless: [] })
})

function fail(): never {
  throw new Error('the world is empty')
}
