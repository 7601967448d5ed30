import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { defaultSchema } from '../mapping/default-schema.ts'
import { identifierKey } from '../profile.ts'
import { neverLink } from '../working-set.ts'
import { RETIRED_MAX } from './graph.ts'
import { breachesOf, DAY_MS, IDENTIFIERS, type Said, START_MS, schemaOf, World } from './identity.fixture.ts'
import { records, SEED } from './identity-arbitrary.fixture.ts'
import { identify } from './rules.ts'

interface Case {
  readonly what: string
  readonly world?: () => World
  readonly say: readonly (string | [string, Said])[]
  readonly people: readonly string[]
  readonly reasons?: readonly string[]
}

const day = (n: number): Said => ({ at: START_MS + n * DAY_MS })
const many = (n: number, one: (i: number) => string): string[] => Array.from({ length: n }, (_, i) => one(i))

const cases: Case[] = [
  { what: 'nothing that identifies', say: [''], people: [] },
  { what: 'one identifier', say: ['cookie:c1', 'cookie:c1'], people: ['cookie:c1'] },
  {
    what: 'an anonymous person becomes known',
    say: ['cookie:c1', 'email:a@x.io cookie:c1'],
    people: ['cookie:c1 email:a@x.io'],
  },
  {
    what: 'the order within a record does not matter',
    say: ['cookie:c1 email:a@x.io user:u'],
    people: ['cookie:c1 email:a@x.io user:u'],
  },
  {
    what: 'two anonymous profiles become one',
    say: ['cookie:c1', 'cookie:c2', 'cookie:c1 cookie:c2'],
    people: ['cookie:c1 cookie:c2'],
  },
  {
    what: 'a cookie does not join two addresses: the address wins, the cookie stays',
    say: ['email:a@x.io cookie:y', 'email:b@x.io cookie:z', 'email:b@x.io cookie:y'],
    people: ['cookie:y email:a@x.io', 'cookie:z email:b@x.io'],
    reasons: ['cookie:y max_values'],
  },
  {
    what: 'or follows the record',
    world: () => new World(schemaOf(undefined, { droppedIdentifier: 'follows' })),
    say: ['email:a@x.io cookie:y', 'email:b@x.io', 'email:b@x.io cookie:y'],
    people: ['cookie:y email:b@x.io', 'email:a@x.io'],
    reasons: ['cookie:y max_values'],
  },
  {
    what: 'but not away from where nothing would be left',
    world: () =>
      new World(schemaOf({ user: { rank: 1 }, email: { rank: 2 } }, { droppedIdentifier: 'follows' })),
    say: ['user:u email:a@x.io', 'email:b@x.io', 'user:u email:b@x.io'],
    people: ['email:a@x.io user:u', 'email:b@x.io'],
    reasons: ['email:b@x.io max_values'],
  },
  {
    what: 'a family shares an address',
    say: ['user:u1 email:f@x.io', 'user:u2 email:f@x.io', 'email:f@x.io'],
    people: ['email:f@x.io user:u1', 'user:u2'],
    reasons: ['email:f@x.io max_values'],
  },
  {
    what: 'an innocent weak identifier is kept beside one that is refused',
    say: ['user:u1 email:f@x.io', 'user:u2 email:f@x.io cookie:c'],
    people: ['cookie:c user:u2', 'email:f@x.io user:u1'],
    reasons: ['email:f@x.io max_values'],
  },
  {
    what: 'two values of a unique field: neither links, what else there is does',
    say: ['user:u1 user:u2 email:a@x.io'],
    people: ['email:a@x.io'],
    reasons: ['user:u1 several_values', 'user:u2 several_values'],
  },
  {
    what: 'an address changes where a stronger identifier says so',
    say: ['user:u email:a@x.io', 'user:u email:b@x.io cookie:c'],
    people: ['cookie:c email:b@x.io user:u'],
  },
  {
    what: 'also to one that somebody nameless had',
    say: ['user:u email:a@x.io', 'email:b@x.io cookie:c', 'user:u email:b@x.io'],
    people: ['cookie:c email:b@x.io user:u'],
  },
  {
    what: 'never because a weaker one does',
    say: ['email:a@x.io cookie:c', 'email:b@x.io cookie:c'],
    people: ['cookie:c email:a@x.io', 'email:b@x.io'],
    reasons: ['cookie:c max_values'],
  },
  {
    what: 'nor because a stronger one meets a cookie of another address',
    say: ['user:u email:a@x.io', 'email:b@x.io cookie:c', 'user:u cookie:c'],
    people: ['cookie:c email:b@x.io', 'email:a@x.io user:u'],
    reasons: ['cookie:c max_values'],
  },
  {
    what: 'a late record does not bring the old address back',
    say: [
      ['user:u email:a@x.io', day(1)],
      ['user:u email:b@x.io', day(9)],
      ['user:u email:a@x.io', day(2)],
    ],
    people: ['email:b@x.io user:u'],
    reasons: ['email:a@x.io outdated'],
  },
  {
    what: 'a phone number goes to another person when the first has not been seen by it for its window',
    say: [
      ['user:u1 phone:+4915112345678', day(0)],
      ['user:u2 phone:+4915112345678', day(300)],
      ['user:u2 phone:+4915112345678', day(366)],
    ],
    people: ['phone:+4915112345678 user:u2', 'user:u1'],
    reasons: ['phone:+4915112345678 max_values', 'phone:+4915112345678 max_values'],
  },
  {
    what: 'a value outside its window does not count',
    say: [
      ['user:u phone:+4915112345678', day(0)],
      ['user:u phone:+4915187654321', day(400)],
    ],
    people: ['phone:+4915112345678 phone:+4915187654321 user:u'],
  },
  {
    what: 'until it comes back',
    say: [
      ['user:u phone:+4915112345678', day(0)],
      ['user:u phone:+4915187654321', day(400)],
      ['user:u phone:+4915112345678', day(401)],
    ],
    people: ['phone:+4915112345678 phone:+4915187654321 user:u'],
    reasons: ['phone:+4915112345678 max_values'],
  },
  {
    what: 'of a stream that joins nobody, the strongest identifier finds, and nothing is linked',
    say: [
      'email:a@x.io',
      'cookie:c',
      ['email:a@x.io cookie:c', { joins: false }],
      ['email:a@x.io cookie:new', { joins: false }],
    ],
    people: ['cookie:c', 'email:a@x.io'],
    reasons: ['cookie:c may_not_join'],
  },
  {
    what: 'of such a stream, what is together already is no conflict',
    say: ['email:a@x.io cookie:c', ['email:a@x.io cookie:c', { joins: false }]],
    people: ['cookie:c email:a@x.io'],
  },
  {
    what: 'a pair that was said never to be one',
    world: () => new World(schemaOf(), [neverLink(identifierKey('cookie', 'c'), identifierKey('user', 'u'))]),
    say: [
      'user:u email:a@x.io',
      'cookie:c cookie:d',
      'email:a@x.io cookie:d',
      'user:u cookie:c',
      'email:a@x.io cookie:c',
    ],
    people: ['cookie:c cookie:d', 'email:a@x.io user:u'],
    reasons: ['cookie:d never_link', 'cookie:c never_link', 'cookie:c never_link'],
  },
  {
    what: 'at most so many identifiers that do not rotate',
    world: () =>
      new World(
        schemaOf(
          { user: { rank: 1 }, card: { rank: 2, perProfileMax: 9 } },
          { limits: { identifiersMax: 3 } },
        ),
      ),
    say: many(4, (i) => `user:u card:${i + 1}`),
    people: ['card:1 card:2 user:u'],
    reasons: ['card:3 identifiers_max', 'card:4 identifiers_max'],
  },
  {
    what: 'at most so many identifiers: what rotates makes room',
    world: () => new World(schemaOf(undefined, { limits: { identifiersMax: 3 } })),
    say: many(4, (i) => `user:u cookie:c${i}`),
    people: ['cookie:c2 cookie:c3 user:u'],
  },
  {
    what: 'at most so many neighbours: what rotates makes room',
    world: () => new World(schemaOf(undefined, { limits: { neighboursMax: 2 } })),
    say: ['user:u email:a@x.io', ...many(4, (i) => `user:u cookie:c${i}`)],
    people: ['cookie:c3 email:a@x.io user:u'],
  },
  {
    what: 'at most so many neighbours, and none that rotates',
    world: () =>
      new World(
        schemaOf(
          { user: { rank: 1 }, card: { rank: 2, perProfileMax: 9 } },
          { limits: { neighboursMax: 2 } },
        ),
      ),
    say: many(4, (i) => `user:u card:${i + 1}`),
    people: ['card:1 card:2 user:u'],
    reasons: ['card:3 neighbours_max', 'card:4 neighbours_max'],
  },
  {
    what: 'a shared identifier is set apart, and with it whom only it had joined',
    world: () => new World(schemaOf({ ...IDENTIFIERS, cookie: { ...IDENTIFIERS.cookie, sharedAfter: 3 } })),
    say: [
      'cookie:t cookie:d',
      'email:a@x.io cookie:t',
      'email:b@x.io cookie:t',
      'email:b@x.io cookie:t',
      'email:c@x.io cookie:t',
      'email:d@x.io cookie:t',
      'email:e@x.io cookie:t cookie:mine',
      'email:a@x.io cookie:t',
      'cookie:t cookie:other',
      'cookie:t',
    ],
    people: [
      'cookie:d',
      'cookie:mine email:e@x.io',
      'cookie:other',
      'cookie:t',
      'email:a@x.io',
      'email:b@x.io',
      'email:c@x.io',
      'email:d@x.io',
    ],
    reasons: [...many(4, () => 'cookie:t max_values'), 'cookie:t shared'],
  },
  {
    what: 'also where identifiers follow: they have met whom they met before',
    world: () =>
      new World(
        schemaOf(
          { ...IDENTIFIERS, cookie: { ...IDENTIFIERS.cookie, sharedAfter: 3 } },
          { droppedIdentifier: 'follows' },
        ),
      ),
    say: ['a', 'b', 'c', 'd', 'e'].map((name) => `email:${name}@x.io cookie:t`),
    people: ['cookie:t', ...['a', 'b', 'c', 'd', 'e'].map((name) => `email:${name}@x.io`)],
    reasons: [...many(3, () => 'cookie:t max_values'), 'cookie:t shared'],
  },
  {
    what: 'what is shared and alone stays where it is',
    world: () => new World(schemaOf({ user: { rank: 1 }, card: { rank: 2, sharedAfter: 2 } })),
    say: ['card:x', 'user:1 card:1', 'user:2 card:2', 'user:1 card:x', 'user:2 card:x', 'card:x'],
    people: ['card:1 user:1', 'card:2 user:2', 'card:x'],
    reasons: ['card:x max_values', 'card:x max_values', 'card:x shared'],
  },
  {
    what: 'what a record brings is not retired, however late it is',
    world: () =>
      new World(schemaOf({ ...IDENTIFIERS, cookie: { rank: 4, perProfileMax: 2, rotates: true } })),
    say: [
      ['user:u cookie:a', day(0)],
      ['user:u cookie:b', day(10)],
      ['email:e@x.io cookie:c', day(11)],
      ['user:u email:e@x.io cookie:a', day(1)],
    ],
    people: ['cookie:a cookie:c email:e@x.io user:u'],
  },
  {
    what: 'what comes back after its window counts again, and another is retired for it',
    world: () =>
      new World(
        schemaOf({ user: { rank: 1 }, cookie: { rank: 2, perProfileMax: 2, rotates: true, windowDays: 30 } }),
      ),
    say: [0, 40, 41, 42].map((n, i) => [`user:u cookie:${[1, 2, 3, 1][i]}0`, day(n)]),
    people: ['cookie:10 cookie:30 user:u'],
  },
  {
    what: 'who met rivals long ago is not shared',
    world: () => new World(schemaOf({ ...IDENTIFIERS, cookie: { ...IDENTIFIERS.cookie, sharedAfter: 2 } })),
    say: [
      ['email:a@x.io cookie:t', day(0)],
      ['email:b@x.io cookie:t', day(1)],
      ['email:c@x.io cookie:t', day(32)],
    ],
    people: ['cookie:t email:a@x.io', 'email:b@x.io', 'email:c@x.io'],
    reasons: many(2, () => 'cookie:t max_values'),
  },
]

describe('resolver', () => {
  it.each(cases)('$what', ({ world: make = () => new World(), say, people, reasons = [] }) => {
    const world = make()
    for (const said of say) {
      const [carried, how] = typeof said === 'string' ? [said, {}] : said
      world.say(carried, how)
      expect(breachesOf(world.set, world.rules)).toEqual([])
    }
    expect(world.people()).toEqual([...people].sort())
    expect(world.reasons()).toEqual(reasons)
  })

  it('lets people change what the schema of a new hub knows them by', () => {
    const world = new World(defaultSchema())
    const id = world.say('external_id:e1 br_user_id:b1 email:old@x.io tw_uid:old')
    expect(world.say('external_id:e1 br_user_id:b2 email:new@x.io tw_uid:new')).toBe(id)
    expect(world.fields(id)).toEqual({
      external_id: 'e1',
      br_user_id: 'b2',
      email: 'new@x.io',
      tw_uid: 'new',
    })
    expect(world.say('external_id:e2 email:new@x.io')).not.toBe(id)
    expect(world.reasons()).toEqual(['email:new@x.io max_values'])
  })

  it('merges into the profile of the strongest identifier, of the oldest, of the smallest id', () => {
    const world = new World()
    const [cookie, email] = [world.say('cookie:c'), world.say('email:a@x.io')]
    expect(world.say('email:a@x.io cookie:c')).toBe(email)
    const young = world.say('cookie:young', day(9))
    const old = world.say('cookie:old', day(2))
    expect(world.say('cookie:young cookie:old', day(9))).toBe(old)
    const [one, two] = [world.say('cookie:1', day(3)), world.say('cookie:2', day(3))]
    expect(world.say('cookie:1 cookie:2', day(3))).toBe(one)
    expect(world.set.merges.map(({ survivor, loser }) => [survivor, loser])).toEqual([
      [email, cookie],
      [old, young],
      [one, two],
    ])
    expect(world.set.merges[0]?.identifiers).toEqual([identifierKey('cookie', 'c')])
    expect(world.set.survivorOf(cookie ?? 0)).toBe(email)
  })

  it('finds the survivor of a chain of merges', () => {
    const world = new World()
    const [c, b, a] = [world.say('cookie:c'), world.say('email:b@x.io'), world.say('user:a')]
    world.say('email:b@x.io cookie:c')
    world.say('user:a email:b@x.io')
    expect([c, b, a].map((id) => world.set.survivorOf(id ?? 0))).toEqual([a, a, a])
    expect([...world.set.profiles.keys()]).toEqual([a])
    expect([...world.set.touched]).toEqual([a])
  })

  it('keeps since when somebody is in an audience', () => {
    const world = new World()
    const [cookie, user] = [world.say('cookie:c'), world.say('user:u')]
    Object.assign(world.profile(cookie).members, { 1: 10, 2: 20 })
    Object.assign(world.profile(user).members, { 2: 30, 3: 40 })
    world.say('user:u cookie:c')
    expect(world.profile(user).members).toEqual({ 1: 10, 2: 20, 3: 40 })
  })

  it('stars the strongest of a record, and counts', () => {
    const world = new World()
    world.say('cookie:c email:a@x.io user:u', day(2))
    const id = world.say('cookie:c email:a@x.io', day(1))
    const { edges, identifiers, createdAt, seenAt } = world.profile(id)
    expect(edges.map(({ a, b, count }) => [a, b, count])).toEqual([
      [identifierKey('email', 'a@x.io'), identifierKey('user', 'u'), 1],
      [identifierKey('cookie', 'c'), identifierKey('user', 'u'), 1],
      [identifierKey('cookie', 'c'), identifierKey('email', 'a@x.io'), 1],
    ])
    expect(identifiers.map(({ field, count }) => [field, count])).toEqual([
      ['user', 1],
      ['email', 2],
      ['cookie', 2],
    ])
    expect([createdAt, seenAt]).toEqual([START_MS + DAY_MS, START_MS + 2 * DAY_MS])
  })

  it('retires the oldest cookies, whose values stay, and forgets the oldest of the retired', () => {
    const world = new World()
    const id = world.say('user:u')
    const cookies = 50 + RETIRED_MAX + 5
    for (let i = 0; i < cookies; i++) {
      world.say(`cookie:c${i}`, { values: { visits: 1 } })
      world.say(`user:u cookie:c${i}`)
    }
    const { identifiers, retired } = world.profile(id)
    // The user is one of the 50 identifiers.
    expect(identifiers.map(({ value }) => value)).toEqual(['u', ...many(49, (i) => `c${cookies - 49 + i}`)])
    expect(retired.map(({ value }) => value)).toEqual(many(RETIRED_MAX, (i) => `c${6 + i}`))
    expect(world.fields(id)).toMatchObject({ user: 'u', visits: cookies })
    expect(world.set.owners.get(identifierKey('cookie', 'c0'))).toBeNull()
    expect(world.set.moved).toContain(identifierKey('cookie', 'c0'))
    expect(world.set.conflicts).toEqual([])
  })

  it('puts values under the strongest identifier, and never under one that was refused', () => {
    const world = new World()
    world.say('email:a@x.io cookie:y', { values: { city: 'Ulm' } })
    const b = world.say('email:b@x.io cookie:y', { values: { city: 'Bonn' } })
    expect(world.fields(b)).toEqual({ email: 'b@x.io', city: 'Bonn' })
    expect(world.fields(world.say('cookie:y'))).toEqual({ email: 'a@x.io', cookie: ['y'], city: 'Ulm' })
  })

  it('refuses growth of a profile that is full, and still takes what is short', () => {
    const tags = { name: 'tags', type: '[]string' } as const
    const world = new World(schemaOf(undefined, { limits: { bytesMax: 10_000 }, fields: [tags] }))
    const big = many(60, (i) => `tag ${10 + i} ${'x'.repeat(90)}`)
    const id = world.say('user:u', { values: { tags: big, city: 'Ulm' } })
    expect(world.fields(id)).toMatchObject({ tags: big })
    world.say('user:u', { values: { tags: big.map((tag) => `${tag} again`) } })
    world.say('user:u', { values: { tags: ['one more'], city: 'Bonn' } })
    expect(world.fields(id)).toMatchObject({ tags: big, city: 'Bonn' })
    expect(world.reasons()).toEqual(['user:u bytes_max'])
    const other = world.say('cookie:c', { values: { tags: many(50, (i) => `tag ${i} ${'y'.repeat(90)}`) } })
    expect(world.say('user:u cookie:c')).toBe(id)
    expect(world.say('cookie:c')).toBe(other)
    expect(world.reasons()).toEqual(['user:u bytes_max', 'cookie:c bytes_max'])
  })

  it('retires nothing for a value that the record names again further on', () => {
    const few = { ...IDENTIFIERS, cookie: { rank: 4, perProfileMax: 3, rotates: true } }
    const world = new World(schemaOf(few))
    const id = world.say('user:u cookie:c7 cookie:c0')
    expect(world.say('cookie:c0 cookie:c1 cookie:c2 cookie:c7')).toBe(id)
    expect(breachesOf(world.set, world.rules)).toEqual([])
    expect(world.say('cookie:c7')).toBe(id)
    expect(world.say('cookie:c2')).not.toBe(id)
    expect(world.reasons()).toEqual(['cookie:c2 max_values'])
  })

  it('holds its rules after every record, and does the same again', () => {
    const tight = { limits: { identifiersMax: 6, neighboursMax: 4 } }
    const few = { ...IDENTIFIERS, cookie: { rank: 4, perProfileMax: 3, rotates: true, sharedAfter: 2 } }
    const schemas = [
      schemaOf(),
      schemaOf(few, tight),
      schemaOf(few, { ...tight, droppedIdentifier: 'follows' }),
      schemaOf({ ...few, email: { rank: 2 }, card: { rank: 5, perProfileMax: 4 } }, tight),
    ]
    const apart = [neverLink(identifierKey('user', 'user0'), identifierKey('cookie', 'cookie0'))]
    const property = fc.property(records(60), fc.constantFrom(...schemas), (all, schema) => {
      const [world, again] = [new World(schema, apart), new World(schema, apart)]
      for (const record of all) {
        const id = world.take(record)
        expect(breachesOf(world.set, world.rules)).toEqual([])
        const { ids } = identify(record, world.rules)
        if (ids[0] !== undefined) expect(world.set.profiles.has(id ?? 0)).toBe(true)
        again.take(record)
      }
      expect(again.set).toEqual(world.set)
      for (const { identifiers } of world.set.profiles.values()) {
        const values = identifiers.map(({ value }) => value)
        expect(values.includes('user0') && values.includes('cookie0')).toBe(false)
      }
    })
    fc.assert(property, { seed: SEED, numRuns: 300 })
  })
})
