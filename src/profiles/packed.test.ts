import fc from 'fast-check'
import { expect, it } from 'vitest'
import { IDENTIFIERS, schemaOf, World } from './identity/identity.fixture.ts'
import { EXTRA_FIELDS, records, SEED } from './identity/identity-arbitrary.fixture.ts'
import { pack, unpack } from './packed.ts'

/** Small limits, so that much retires and is shared. */
const SCHEMA = schemaOf(
  { ...IDENTIFIERS, cookie: { rank: 4, perProfileMax: 3, rotates: true, sharedAfter: 2 } },
  { fields: [...EXTRA_FIELDS] },
)

it('gives back every profile as it was', () => {
  fc.assert(
    fc.property(records(60), (all) => {
      const world = new World(SCHEMA)
      for (const record of all) world.take(record)
      for (const profile of world.set.profiles.values()) {
        const text = pack(profile)
        const { id: _id, fields: _fields, members: _members, flipAt: _flipAt, ...core } = profile
        expect(unpack(text)).toEqual(core)
        expect(profile.bytes).toBe(text.length)
      }
    }),
    { seed: SEED, numRuns: 100 },
  )
})

it('takes less than half of what JSON does', () => {
  const world = new World(schemaOf(undefined, { fields: [...EXTRA_FIELDS] }))
  const id = world.say('user:u email:ann@x.io cookie:c', {
    stream: 'braze_users',
    values: { city: 'Ulm', visits: 3, tags: ['a', 'b'], events: { open: [1, 2] } },
  })
  const profile = world.profile(id)
  expect(pack(profile).length).toBeLessThan(JSON.stringify(profile).length / 2)
})

it.each(['[]', '{}', '[2,0]', 'null'])('refuses %s', (text) => {
  expect(() => unpack(text)).toThrow(TypeError)
})
