import { describe, expect, it } from 'vitest'
import { EVENTS_ENVELOPE, envelopeBytes, wrapped } from './envelope.ts'

describe('envelope', () => {
  it('wraps without copying', () => {
    const inside = Buffer.from('{"a":1},{"b":2}')
    const pieces = wrapped(EVENTS_ENVELOPE, [inside])
    expect(Buffer.concat(pieces).toString()).toBe('{"events":[{"a":1},{"b":2}]}')
    expect(pieces[1]).toBe(inside)
    expect(Buffer.concat(pieces).length).toBe(inside.length + envelopeBytes(EVENTS_ENVELOPE))
  })
})
