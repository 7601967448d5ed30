import fc from 'fast-check'
import { expect, it } from 'vitest'
import { foldFields } from './identity/fold.ts'
import { IDENTIFIERS, START_MS, schemaOf, World } from './identity/identity.fixture.ts'
import { EXTRA_FIELDS, records, SEED } from './identity/identity-arbitrary.fixture.ts'
import { measure, pack, unpack } from './packed.ts'
import type { Fields } from './values.ts'

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
        profile.fields = foldFields(profile, world.rules, START_MS)
        const { id: _id, fields, members: _members, flipAt: _flipAt, bytes: _bytes, ...core } = profile
        const kept = JSON.parse(JSON.stringify(fields)) as Fields
        expect(unpack(pack(profile, fields), kept)).toEqual(core)
        expect(unpack(pack(profile, {}), {})).toEqual(core)
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
  measure(profile)
  expect(profile.bytes).toBeLessThan(JSON.stringify(profile).length / 2)
  profile.fields = foldFields(profile, world.rules, START_MS)
  expect(pack(profile, profile.fields).length).toBeLessThan(profile.bytes)
})

it('reads what was written when every value stood there', () => {
  const text = '[1,1000,500,["s"],[0,0],[["user","u",0,500,2,["city",0,"Ulm",0]]],[],[]]'
  expect(unpack(text, { user: 'u', city: 'Ulm' }).identifiers).toEqual([
    {
      ...{ field: 'user', value: 'u', firstAt: 1_000, lastAt: 1_500, count: 2 },
      fragment: { city: { value: 'Ulm', at: 1_000, stream: 's' } },
    },
  ])
})

it.each(['[]', '{}', '[3,0]', 'null'])('refuses %s', (text) => {
  expect(() => unpack(text, {})).toThrow(TypeError)
})
