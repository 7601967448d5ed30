import fc from 'fast-check'
import { expect, test } from 'vitest'
import { testSeed } from './delivery.fixture.ts'
import { decodeOffsets, encodeOffsets } from './offsets.ts'

test('offsets come back as they were, however far apart', () => {
  const offsets = fc
    .array(fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 2 ** 46 })), {
      maxLength: 60,
    })
    .chain((steps) => fc.record({ first: fc.nat(), steps: fc.constant(steps) }))
  fc.assert(
    fc.property(offsets, ({ first, steps }) => {
      const list = [first]
      for (const step of steps) list.push((list.at(-1) ?? 0) + step)
      expect(decodeOffsets(first, encodeOffsets(Float64Array.from(list)))).toEqual(list)
    }),
    { seed: testSeed('offsets') },
  )
})
