import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { identifierKey } from '../profile.ts'
import type { MappedRecord } from '../record.ts'
import type { ProfileSchema } from '../schema.ts'
import { neverLink } from '../working-set.ts'
import { DAY_MS, IDENTIFIERS, identifiersOf, START_MS, schemaOf, World } from './identity.fixture.ts'
import { records, SEED } from './identity-arbitrary.fixture.ts'
import { driftOf, Evidence, type Rebuilt, rebuild } from './rebuild.ts'
import { compileRules, identify, type Rules } from './rules.ts'

/** `user:u cookie:c` of day 0, or `user:u cookie:c @3` of day 3. */
function recordOf(text: string, offset: number): MappedRecord {
  const [carried = '', day = '0'] = text.split(' @')
  const at = START_MS + Number(day) * DAY_MS
  return { stream: 'web', at, offset, joins: true, identifiers: identifiersOf(carried), values: new Map() }
}

function rebuilt(all: readonly MappedRecord[], rules: Rules, neverLinks: readonly string[] = []): Rebuilt {
  const evidence = new Evidence(rules)
  for (const record of all) evidence.addRecord(record, identify(record, rules))
  return rebuild(evidence, rules, new Set(neverLinks))
}

const written = (key: string): string => key.replace('\0', ':')

const SHARED = { ...IDENTIFIERS, cookie: { ...IDENTIFIERS.cookie, sharedAfter: 2 } }
const FEW = { user: { rank: 1 }, card: { rank: 2, perProfileMax: 9 } }

describe('rebuild', () => {
  const cases: [string, string[], string[], string[], ProfileSchema?][] = [
    [
      'who was seen together',
      ['user:u cookie:c', 'cookie:c cookie:d', 'cookie:e'],
      ['cookie:c cookie:d user:u', 'cookie:e'],
      [],
    ],
    [
      'the link that was seen more often',
      ['email:a@x.io cookie:c', 'email:b@x.io cookie:c', 'email:b@x.io cookie:c'],
      ['cookie:c email:b@x.io', 'email:a@x.io'],
      ['cookie:c email:a@x.io max_values'],
    ],
    [
      'of two the later',
      ['email:a@x.io cookie:c @2', 'email:b@x.io cookie:c @1'],
      ['cookie:c email:a@x.io', 'email:b@x.io'],
      ['cookie:c email:b@x.io max_values'],
    ],
    [
      'the last where identifiers follow',
      ['email:a@x.io cookie:c', 'email:a@x.io cookie:c', 'email:b@x.io cookie:c @1'],
      ['cookie:c email:b@x.io', 'email:a@x.io'],
      ['cookie:c email:a@x.io max_values'],
      schemaOf(undefined, { droppedIdentifier: 'follows' }),
    ],
    [
      'the last address',
      ['user:u email:b@x.io @5', 'user:u email:a@x.io', 'email:a@x.io cookie:c'],
      ['cookie:c email:b@x.io user:u'],
      [],
    ],
    [
      'the address that the account named last, whatever the old one still sends',
      ['user:u email:b@x.io @5', 'user:u email:a@x.io', 'email:a@x.io @9'],
      ['email:b@x.io user:u'],
      [],
    ],
    [
      'whose the number is now',
      ['user:u phone:+4915112345678', 'user:u phone:+4915112345678', 'user:v phone:+4915112345678 @400'],
      ['phone:+4915112345678 user:v', 'user:u'],
      ['phone:+4915112345678 user:u outdated'],
    ],
    [
      'nobody by what is shared',
      ['email:a@x.io cookie:c', 'email:b@x.io cookie:c', 'email:c@x.io cookie:c', 'email:c@x.io cookie:d'],
      ['cookie:c', 'cookie:d email:c@x.io', 'email:a@x.io', 'email:b@x.io'],
      ['cookie:c email:a@x.io shared', 'cookie:c email:b@x.io shared', 'cookie:c email:c@x.io shared'],
      schemaOf(SHARED),
    ],
    [
      'what was shared over a long time',
      ['email:a@x.io cookie:c', 'email:b@x.io cookie:c @20', 'email:c@x.io cookie:c @40'],
      ['cookie:c email:c@x.io', 'email:a@x.io', 'email:b@x.io'],
      ['cookie:c email:a@x.io max_values', 'cookie:c email:b@x.io max_values'],
      schemaOf(SHARED),
    ],
    [
      'at most so many identifiers',
      ['user:u card:1', 'user:u card:2', 'user:u card:3'],
      ['card:1 card:2 user:u', 'card:3'],
      ['card:3 user:u identifiers_max'],
      schemaOf(FEW, { limits: { identifiersMax: 3 } }),
    ],
    [
      'at most so many neighbours',
      ['user:u card:1', 'user:u card:2', 'user:u card:3'],
      ['card:1 card:2 user:u', 'card:3'],
      ['card:3 user:u neighbours_max'],
      schemaOf(FEW, { limits: { neighboursMax: 2 } }),
    ],
    [
      'the newest of what rotates',
      ['user:u cookie:1 @1', 'user:u cookie:2 @2', 'user:u cookie:3 @3'],
      ['cookie:2 cookie:3 user:u'],
      [],
      schemaOf(
        { user: { rank: 1 }, cookie: { rank: 2, perProfileMax: 9, rotates: true } },
        { limits: { identifiersMax: 3 } },
      ),
    ],
  ]
  it.each(cases)('%s', (_what, said, clusters, rejected, schema = schemaOf()) => {
    const result = rebuilt(said.map(recordOf), compileRules(schema))
    expect(result.clusters.map((keys) => keys.map(written).join(' '))).toEqual(clusters)
    const links = result.rejected.map(({ a, b, reason }) => `${written(a)} ${written(b)} ${reason}`)
    expect(links.sort()).toEqual(rejected)
  })

  it('never joins a pair that is never to be joined', () => {
    const apart = [neverLink(identifierKey('user', 'u'), identifierKey('cookie', 'd'))]
    const said = ['user:u cookie:c', 'user:u cookie:c', 'cookie:c cookie:d'].map(recordOf)
    const { clusters, rejected } = rebuilt(said, compileRules(schemaOf()), apart)
    expect(clusters.map((keys) => keys.map(written).join(' '))).toEqual(['cookie:c user:u', 'cookie:d'])
    expect(rejected.map(({ reason }) => reason)).toEqual(['never_link'])
  })

  it('does not depend on the order, and breaks no rule', () => {
    const schemas = [schemaOf(), schemaOf(SHARED), schemaOf(SHARED, { droppedIdentifier: 'follows' })]
    const property = fc.property(
      records(60).chain((all) =>
        fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })),
      ),
      fc.constantFrom(...schemas.map(compileRules)),
      ([all, shuffled], rules) => {
        const result = rebuilt(all, rules)
        const other = rebuilt(shuffled, rules)
        expect(other).toEqual(result)
        const keys = [...result.clusters.flat(), ...result.retired]
        const expected = new Set(all.flatMap((record) => identify(record, rules).ids.map(({ key }) => key)))
        expect(keys.length).toBe(expected.size)
        expect(new Set(keys)).toEqual(expected)
        for (const cluster of result.clusters)
          for (const { field, max, windowMs } of rules.byField.values())
            if (windowMs === undefined)
              expect(cluster.filter((key) => key.startsWith(`${field}\0`)).length).toBeLessThanOrEqual(max)
      },
    )
    fc.assert(property, { seed: SEED, numRuns: 300 })
  })
})

describe('drift', () => {
  it('is none where arrival saw the same', () => {
    const world = new World()
    const said = ['user:u cookie:c', 'email:a@x.io', 'cookie:c cookie:d', 'user:u email:a@x.io'].map(recordOf)
    for (const record of said) world.take(record)
    expect(driftOf(world.set.owners, rebuilt(said, world.rules))).toEqual({
      identifiers: 4,
      onlyByArrival: 0,
      onlyRebuilt: 0,
      changed: 0,
      distance: 0,
    })
  })

  it('says how much arrival made otherwise', () => {
    const world = new World()
    const said = ['email:a@x.io cookie:c', 'email:b@x.io cookie:c', 'email:b@x.io cookie:c'].map(recordOf)
    for (const record of said) world.take(record)
    const drift = driftOf(world.set.owners, rebuilt(said, world.rules))
    expect(drift).toMatchObject({ identifiers: 3, onlyByArrival: 1, onlyRebuilt: 1, changed: 1 })
    expect(drift.distance).toBeCloseTo(4 / 3, 10)
  })

  it('may be taken from what the profiles know', () => {
    const world = new World()
    for (const record of ['user:u cookie:c', 'cookie:c cookie:d', 'email:a@x.io'].map(recordOf))
      world.take(record)
    const evidence = new Evidence(world.rules)
    for (const profile of world.set.profiles.values()) evidence.addProfile(profile)
    expect(driftOf(world.set.owners, rebuild(evidence, world.rules, new Set())).changed).toBe(0)
  })
})
