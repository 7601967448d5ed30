import { describe, expect, it } from 'vitest'
import { type EventBatch, ROOM_BYTES } from '../core/batch.ts'
import {
  BATCH_ENVELOPE,
  EVENTS_ENVELOPE,
  envelopeBytes,
  enveloped,
  RECORDS_ENVELOPE,
  wrapped,
} from './envelope.ts'

describe('envelope', () => {
  it('wraps without copying', () => {
    const inside = Buffer.from('{"a":1},{"b":2}')
    const pieces = wrapped(EVENTS_ENVELOPE, [inside])
    expect(Buffer.concat(pieces).toString()).toBe('{"events":[{"a":1},{"b":2}]}')
    expect(pieces[1]).toBe(inside)
    expect(Buffer.concat(pieces).length).toBe(inside.length + envelopeBytes(EVENTS_ENVELOPE))
  })

  describe('around all events of a batch', () => {
    const joined = Buffer.from('{"a":1},{"b":2}')
    const room = Buffer.alloc(joined.length + 2 * ROOM_BYTES)
    joined.copy(room, ROOM_BYTES)
    const inRoom = room.subarray(ROOM_BYTES, ROOM_BYTES + joined.length)
    const batch = (own: Pick<EventBatch, 'joined' | 'room'>) => own as EventBatch

    it('is written where they lie, however often', () => {
      for (const envelope of [RECORDS_ENVELOPE, EVENTS_ENVELOPE, BATCH_ENVELOPE, EVENTS_ENVELOPE]) {
        const body = enveloped(envelope, batch({ joined: inRoom, room }))
        if (!(body instanceof Uint8Array)) throw new TypeError('copied')
        expect(body.buffer).toBe(room.buffer)
        expect(Buffer.from(body)).toEqual(Buffer.concat(wrapped(envelope, [joined])))
        expect(inRoom).toEqual(joined)
      }
    })

    it("leaves alone what is not the batch's own, and memory with a part of the events", () => {
      expect(enveloped(EVENTS_ENVELOPE, batch({ joined }))).toEqual(wrapped(EVENTS_ENVELOPE, [joined]))
      const part = inRoom.subarray(0, 7)
      const before = Buffer.from(room)
      expect(enveloped(EVENTS_ENVELOPE, batch({ joined: inRoom, room }), [part])).toEqual(
        wrapped(EVENTS_ENVELOPE, [part]),
      )
      expect(room).toEqual(before)
    })
  })
})
