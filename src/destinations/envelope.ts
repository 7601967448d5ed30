/**
 * Wraps joined events into one JSON object without touching their bytes. The Custom HTTP payload of Braze
 * Currents is `{"events":[…]}`; the records protocol of Treasure Data is the same with another key.
 */

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

function envelope(key: string): Envelope {
  return [encoder.encode(`{"${key}":[`), encoder.encode(']}')]
}
