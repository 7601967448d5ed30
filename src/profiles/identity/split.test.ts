import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { identifierKey, type Profile } from '../profile.ts'
import { neverLink } from '../working-set.ts'
import { breachesOf, breachesOfProfile, IDENTIFIERS, START_MS, schemaOf, World } from './identity.fixture.ts'
import { records, SEED } from './identity-arbitrary.fixture.ts'
import { identify } from './rules.ts'
import { type Plan, planMerge, planUndo, preview } from './split.ts'

const NOW = START_MS + 1_000_000

/** Who would have which identifiers, by id. */
function who({ profiles }: Pick<Plan, 'profiles'>): Record<number, string> {
  return Object.fromEntries(
    profiles.map(({ id, identifiers }) => [
      id,
      identifiers
        .map(({ value }) => value)
        .sort()
        .join(' '),
    ]),
  )
}

function undo(world: World, profile: Profile, place: number, neverLinks: readonly string[] = []): Plan {
  const merge = world.set.merges[place]
  const plan =
    merge &&
    planUndo(profile, merge, world.rules, {
      neverLinks: new Set(neverLinks),
      newId: () => world.set.nextId++,
      at: NOW,
    })
  if (plan === undefined) throw new Error('Nothing to undo')
  return plan
}

describe('undoing a merge', () => {
  it('gives each what it had, and what came since to whom it belongs with', () => {
    const world = new World()
    const cookie = world.say('cookie:c', { values: { city: 'Ulm', visits: 2 } })
    const user = world.say('user:u email:a@x.io', { values: { city: 'Bonn', visits: 1 } })
    world.say('user:u cookie:c', { values: { visits: 4 } })
    world.say('cookie:c cookie:d')
    world.say('user:u cookie:e')
    const profile = world.profile(user)
    const before = structuredClone(profile)
    const plan = undo(world, profile, 0)
    expect(profile).toEqual(before)
    expect(who(plan)).toEqual({ [cookie ?? 0]: 'c d', [user ?? 0]: 'a@x.io e u' })
    const [kept, back] = plan.profiles
    expect(kept?.fields).toEqual({ user: 'u', email: 'a@x.io', cookie: ['e'], city: 'Bonn', visits: 5 })
    expect(back?.fields).toEqual({ cookie: ['c', 'd'], city: 'Ulm', visits: 2 })
    expect(plan.neverLinks).toEqual([neverLink(identifierKey('cookie', 'c'), identifierKey('user', 'u'))])
  })

  it('takes a chain apart at any link', () => {
    const world = new World()
    const [c, b, a] = [world.say('cookie:c'), world.say('email:b@x.io'), world.say('user:a')]
    world.say('email:b@x.io cookie:c')
    world.say('user:a email:b@x.io')
    const profile = world.profile(a)
    expect(who(undo(world, profile, 0))).toEqual({ [a ?? 0]: 'a b@x.io', [c ?? 0]: 'c' })
    const first = undo(world, profile, 1)
    expect(who(first)).toEqual({ [a ?? 0]: 'a', [b ?? 0]: 'b@x.io c' })
    const rest = first.profiles.find(({ id }) => id === b)
    if (rest === undefined) throw new Error('No profile')
    expect(who(undo(world, rest, 0, first.neverLinks))).toEqual({ [b ?? 0]: 'b@x.io', [c ?? 0]: 'c' })
  })

  it('keeps together what was one before, though its link rotated out', () => {
    const few = (max: number) =>
      new World(schemaOf({ ...IDENTIFIERS, cookie: { rank: 4, perProfileMax: max, rotates: true } }))
    // The loser's: c was between e and d.
    const one = few(2)
    const [user, email] = [one.say('user:u'), one.say('email:e@x.io cookie:c')]
    for (const carried of ['cookie:c cookie:d', 'user:u cookie:c', 'cookie:d', 'user:u cookie:x'])
      one.say(carried)
    const plan = undo(one, one.profile(user), 0)
    expect(who(plan)).toEqual({ [user ?? 0]: 'u x', [email ?? 0]: 'd e@x.io' })
    // The survivor's: k was between a and m.
    const two = few(3)
    const [first, second] = [two.say('user:u cookie:a'), two.say('email:e@x.io')]
    for (const carried of ['cookie:a cookie:k', 'cookie:k cookie:m', 'email:e@x.io cookie:k'])
      two.say(carried)
    for (const carried of ['cookie:a', 'cookie:m', 'user:u cookie:x']) two.say(carried)
    const other = undo(two, two.profile(first), 0)
    expect(who(other)).toEqual({ [first ?? 0]: 'a m u x', [second ?? 0]: 'e@x.io' })
    for (const profile of plan.profiles) expect(breachesOfProfile(profile, one.rules)).toEqual([])
    for (const profile of other.profiles) expect(breachesOfProfile(profile, two.rules)).toEqual([])
  })

  it('makes profiles of those that belong to neither', () => {
    const world = new World()
    const cookie = world.say('cookie:c')
    const user = world.say('user:u')
    world.say('user:u cookie:c')
    world.say('cookie:c cookie:d')
    const apart = [
      neverLink(identifierKey('cookie', 'c'), identifierKey('cookie', 'd')),
      neverLink(identifierKey('user', 'u'), identifierKey('cookie', 'd')),
    ]
    const plan = undo(world, world.profile(user), 0, apart)
    expect(who(plan)).toEqual({ [cookie ?? 0]: 'c', [user ?? 0]: 'u', 3: 'd' })
  })

  it('is nothing where the profile has none of the loser’s identifiers, or no others', () => {
    const world = new World()
    const id = world.say('user:u email:a@x.io')
    const options = { neverLinks: new Set<string>(), newId: () => 9, at: NOW }
    const merge = { at: START_MS, loser: 7, identifiers: [identifierKey('cookie', 'c')] }
    expect(planUndo(world.profile(id), merge, world.rules, options)).toBeUndefined()
    const all = [identifierKey('user', 'u'), identifierKey('email', 'a@x.io')]
    const whole = { ...merge, identifiers: all }
    expect(planUndo(world.profile(id), whole, world.rules, options)).toBeUndefined()
  })

  it('holds whatever came before and comes after', () => {
    const property = fc.property(records(40), (all) => {
      const world = new World()
      for (const record of all) {
        const before = structuredClone(world.set.profiles)
        const place = world.set.merges.length
        world.take(record)
        if (world.set.merges.length !== place + 1) continue
        const merge = world.set.merges[place]
        const profile = world.profile(merge?.survivor)
        const present = profile.identifiers.map(({ field, value }) => identifierKey(field, value))
        const plan = undo(world, profile, place)
        const apart = new World(undefined, plan.neverLinks)
        apart.load(plan.profiles)
        expect(breachesOf(apart.set, apart.rules)).toEqual([])
        const lost = before.get(merge?.loser ?? 0)
        const back = plan.profiles.find(({ id }) => id === merge?.loser)
        // All came back that had not rotated out in between, with what came by it before the record did.
        expect(back?.identifiers.map(({ field, value }) => identifierKey(field, value))).toEqual(
          expect.arrayContaining(merge?.identifiers.filter((key) => present.includes(key)) ?? []),
        )
        // The record's own values came by its strongest identifier, which may be the loser's.
        const brought = identify(record, world.rules).ids[0]?.key ?? ''
        if (lost?.identifiers.length === back?.identifiers.length && !merge?.identifiers.includes(brought))
          expect(back?.identifiers.map(({ fragment }) => fragment)).toEqual(
            lost?.identifiers.map(({ fragment }) => fragment),
          )
        apart.take(record)
        expect(apart.set.merges).toEqual([])
      }
    })
    fc.assert(property, { seed: SEED, numRuns: 200 })
  })
})

describe('joining two', () => {
  it('is planned without doing it, and says what it would break', () => {
    const world = new World()
    const [anna, bob] = [
      world.say('email:a@x.io cookie:c', { values: { city: 'Ulm', visits: 1 } }),
      world.say('email:b@x.io', { values: { city: 'Bonn', visits: 2 } }),
    ]
    const both = [world.profile(bob), world.profile(anna)] as const
    const before = structuredClone(both)
    const plan = planMerge(...both, world.rules, NOW)
    expect(both).toEqual(before)
    expect(who(plan)).toEqual({ [anna ?? 0]: 'a@x.io b@x.io c' })
    expect(plan.crowded).toEqual(['email'])
    expect(plan.merges).toEqual([
      { at: NOW, offset: -1, survivor: anna, loser: bob, identifiers: [identifierKey('email', 'b@x.io')] },
    ])
    expect(breachesOfProfile(plan.profiles[0] as Profile, world.rules)).toEqual([`${anna} has 2 of email`])
    expect(preview(both, plan, world.rules, new Set(['visits', 'phone']), NOW)).toMatchObject([
      {
        id: anna,
        before: { fields: { city: 'Ulm', visits: 1 } },
        after: { fields: { city: 'Bonn', visits: 3, email: 'b@x.io' } },
        changed: ['city', 'email', 'visits'],
        asked: ['visits'],
      },
      { id: bob, before: { fields: { visits: 2 } }, after: null, changed: ['city', 'email', 'visits'] },
    ])
  })
})
