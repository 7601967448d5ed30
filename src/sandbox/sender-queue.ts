/** One event as it comes from a supply: its Currents type and its JSON text. */
export interface SupplyEvent {
  readonly type: string
  readonly bytes: Buffer | string
}

/** Where a sender's events come from. */
export interface EventSupply {
  /** The events due by `nowMs` that were not taken before. */
  take(nowMs: number): readonly SupplyEvent[]
}

/** Events that travel together; all of one type. */
export interface Parcel {
  readonly events: readonly SupplyEvent[]
  /** When the oldest of them came from the supply: drop clocks count from here. */
  readonly queuedAtMs: number
  /** Attempts that ended without a decision so far. */
  readonly failures: number
}

interface Lane {
  events: SupplyEvent[]
  oldestAtMs: number
}

/**
 * One queue per event type, as on Braze's HTTP connectors ("each event type has its own queue"): a parcel
 * leaves when it is full or when its oldest event has waited long enough.
 */
export class TypeLanes {
  readonly #batchEvents: number
  readonly #waitMs: number
  readonly #lanes = new Map<string, Lane>()

  constructor(batchEvents: number, waitMs: number) {
    this.#batchEvents = batchEvents
    this.#waitMs = waitMs
  }

  /** Adds an event; the parcel that it filled, if any. */
  add(event: SupplyEvent, nowMs: number): Parcel | undefined {
    const lane = this.#lanes.get(event.type)
    if (lane === undefined) {
      this.#lanes.set(event.type, { events: [event], oldestAtMs: nowMs })
    } else {
      lane.events.push(event)
    }
    const length = lane?.events.length ?? 1
    return length >= this.#batchEvents ? this.#close(event.type) : undefined
  }

  /** Parcels whose oldest event has waited long enough. */
  due(nowMs: number): Parcel[] {
    const parcels: Parcel[] = []
    for (const [type, lane] of this.#lanes) {
      const parcel = nowMs - lane.oldestAtMs >= this.#waitMs ? this.#close(type) : undefined
      if (parcel !== undefined) parcels.push(parcel)
    }
    return parcels
  }

  #close(type: string): Parcel | undefined {
    const lane = this.#lanes.get(type)
    if (lane === undefined) return undefined
    this.#lanes.delete(type)
    return { events: lane.events, queuedAtMs: lane.oldestAtMs, failures: 0 }
  }
}

/** Cuts a parcel into pieces of at most `events`, each with the age and the failures of the whole. */
export function splitParcel(parcel: Parcel, events: number): Parcel[] {
  const pieces: Parcel[] = []
  for (let from = 0; from < parcel.events.length; from += events) {
    pieces.push({ ...parcel, events: parcel.events.slice(from, from + events) })
  }
  return pieces
}

/** `{"events":[…]}` with every event's own bytes. */
export function parcelBody(parcel: Parcel): Buffer {
  const pieces: Buffer[] = [Buffer.from('{"events":[')]
  parcel.events.forEach(({ bytes }, i) => {
    if (i > 0) pieces.push(COMMA)
    pieces.push(typeof bytes === 'string' ? Buffer.from(bytes) : bytes)
  })
  pieces.push(Buffer.from(']}'))
  return Buffer.concat(pieces)
}
const COMMA = Buffer.from(',')

export function eventSize(event: SupplyEvent): number {
  return typeof event.bytes === 'string' ? Buffer.byteLength(event.bytes) : event.bytes.length
}
