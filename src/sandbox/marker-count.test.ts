import fc from 'fast-check'
import { expect, it } from 'vitest'
import { MarkerCount } from './marker-count.ts'

const MARKER = '"event_type"'

it('counts the same however the body is cut into chunks', () => {
  const pieces = fc.array(fc.constantFrom(MARKER, '"event_', 'type"', '"', '{"id":1},', ''), {
    maxLength: 30,
  })
  fc.assert(
    fc.property(pieces, fc.array(fc.integer({ min: 1, max: 30 })), (parts, cuts) => {
      const body = Buffer.from(parts.join(''))
      const count = new MarkerCount(Buffer.from(MARKER))
      let from = 0
      for (const cut of [...cuts, body.length]) {
        count.push(body.subarray(from, from + cut))
        from += cut
      }
      expect(count.count).toBe(body.toString().split(MARKER).length - 1)
    }),
  )
})
