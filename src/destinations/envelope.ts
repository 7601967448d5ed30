/**
 * Wraps joined events into one JSON object without touching their bytes. The Custom HTTP payload of Braze
 * Currents is `{"events":[…]}`; the records protocol of Treasure Data is the same with another key.
 */

import { type EventBatch, ROOM_BYTES } from '../core/batch.ts'

/** Both parts are shorter than ROOM_BYTES. */
export type Envelope = readonly [open: Uint8Array, close: Uint8Array]

const encoder = new TextEncoder()

export const EVENTS_ENVELOPE: Envelope = envelope('events')
export const RECORDS_ENVELOPE: Envelope = envelope('records')
export const BATCH_ENVELOPE: Envelope = envelope('batch')

/** Bytes that the envelope adds. */
export function envelopeBytes([open, close]: Envelope): number {
  return open.length + close.length
}

export function wrapped([open, close]: Envelope, pieces: readonly Uint8Array[]): readonly Uint8Array[] {
  return [open, ...pieces, close]
}

/**
 * The same for events of a batch. All of them together are not even copied to be sent: the envelope is written around them, where the batch has the
 * room.
 */
export function enveloped(
  [open, close]: Envelope,
  { joined, room }: EventBatch,
  pieces: readonly Uint8Array[] = [joined],
): Uint8Array | readonly Uint8Array[] {
  if (room === undefined || pieces.length !== 1 || pieces[0]?.length !== joined.length)
    return wrapped([open, close], pieces)
  const start = ROOM_BYTES - open.length
  const end = ROOM_BYTES + joined.length
  room.set(open, start)
  room.set(close, end)
  return room.subarray(start, end + close.length)
}

function envelope(key: string): Envelope {
  return [encoder.encode(`{"${key}":[`), encoder.encode(']}')]
}
