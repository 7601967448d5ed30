/**
 * What a destination is given: records with one destiny, as raw bytes with a small header each. The bytes lie joined by commas in one
 * buffer, so that forwarding them unchanged costs one copy however many they are.
 */

export interface EventBatch {
  /** Stable for ever: the same id always means the same records. */
  readonly id: string
  /** Short key of the connection, unique in this installation and stable; at most 12 characters of [a-z0-9]. */
  readonly connection: string
  readonly count: number
  /** The events in order, joined by commas: the inside of a JSON array. */
  readonly joined: Uint8Array
  /**
   * The memory that `joined` lies in, from ROOM_BYTES on and with as many behind it; absent where it is not this batch's alone. An envelope may be
   * written around the events there instead of copying them.
   */
  readonly room?: Uint8Array
  /** Event i lies at joined[starts[i] .. ends[i]). */
  readonly starts: Uint32Array
  readonly ends: Uint32Array
  /** Event type per event; '' when the event names none. */
  readonly types: readonly string[]
  /** ITEM_… flags of the scan per event. */
  readonly flags: Uint8Array
  /** Offset in the log per event: with the connection, what names a record for ever. */
  readonly offsets: Float64Array
  /** Offset of the first record of the request that brought the event, per event; unknown (its own offset) after a redrive. */
  readonly requests: Float64Array
  /** Number of the source per event; 0 when it is not known any more (redriven dead letters). */
  readonly sources: Uint32Array
  /** When the event was accepted, in milliseconds since the epoch; its minute is where the books count it. */
  readonly receivedAt: Float64Array
}

export interface Limits {
  /** Records in one batch. */
  readonly recordsMax: number
  /** Bytes of `joined`. */
  readonly bytesMax: number
  /** How long the first record may wait for company, in milliseconds. */
  readonly waitMs: number
  /** Exchanges under way at once on one connection. */
  readonly inFlightMax: number
}

/** Enough for what a request says before and behind its events. */
export const ROOM_BYTES = 64

const decoder = new TextDecoder()

/** The raw bytes of one event. */
export function eventBytes(batch: EventBatch, i: number): Uint8Array {
  return batch.joined.subarray(batch.starts[i], batch.ends[i])
}

export function eventText(batch: EventBatch, i: number): string {
  return decoder.decode(eventBytes(batch, i))
}

/** All events, joined by commas. */
export function joinedText({ joined }: EventBatch): string {
  return decoder.decode(joined)
}

/** The event as a value. Costs a parse: only where the raw bytes will not do. */
export function eventValue(batch: EventBatch, i: number): Record<string, unknown> {
  return JSON.parse(eventText(batch, i)) as Record<string, unknown>
}
