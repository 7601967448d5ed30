/**
 * The runner of one current: reads slices, has the courier bring their parcels to an end, and settles them in order. One runner per
 * running current; what ails one never slows another.
 *
 *   reading ──fault that needs a person──► halted ──retry time or stop──► probing (one slice) ──accepted──► reading
 *                                            ▲                               └──fault──┐
 *                                            └─────────────────────────────────────────┘
 *
 * While halted, what was under way is dropped and read again later: it has no outcome, so nothing of it is in the books.
 */

import type { Clock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import type { Fault } from '../core/fault.ts'
import type { Log } from '../log/log.ts'
import type { Lease } from '../store/leases.ts'
import { StorePool } from './batch-builder.ts'
import type { TypeNumbers } from './cells.ts'
import type { Courier, Ending } from './courier.ts'
import type { Gate } from './gate.ts'
import { isTakenAtOnce, settlementOf } from './outcomes.ts'
import type { Parcel } from './parcel.ts'
import { CheckpointBehind, type Settlement, type Settler } from './settlement.ts'
import { type Slice, SliceReader, type SliceRule } from './slice.ts'

export interface RunnerParts {
  readonly current: number
  readonly version: number
  readonly log: Log
  readonly clock: Clock
  readonly types: TypeNumbers
  readonly rule: SliceRule
  readonly courier: Courier
  readonly gate: Gate
  readonly settler: Settler
  /** Under which this current is delivered here. */
  readonly lease: Lease
  /** First unsettled offset. */
  readonly position: number
  /** True when the current was halted before: the first slice is a probe. */
  readonly halted: boolean
  readonly haltedRetryMs: number
  readonly onHalted: (fault: Fault) => Promise<void>
  readonly onRecovered: () => Promise<void>
  readonly onSettled: (slice: Slice, settlement: Settlement) => void
}

export interface RunnerStatus {
  /** Everything before is in the books. */
  readonly position: number
  /** Next offset to be read. */
  readonly readPosition: number
  readonly batchesUnderWay: number
  /** receivedAt of the oldest record read but not settled; undefined when there is none. */
  readonly oldestUnsettledAt: number | undefined
  readonly halted: boolean
}

/** Finished slices that wait for an earlier one; bounds memory when one batch is stuck while others pass. */
const UNSETTLED_MAX = 64
/** Slices handed to settlement and not yet written; reached only while the store is slow or away. */
const SETTLING_MAX = 256
/** How long a stop waits for answers that are on their way. */
const STOP_GRACE_MS = 5_000
const STOP_LOOK_MS = 20

interface Carriage {
  readonly slice: Slice
  done: boolean
}

export class Runner {
  readonly #parts: RunnerParts
  readonly #pool: StorePool
  readonly #stopping = new AbortController()
  #queue: Carriage[] = []
  #underWay = 0
  /** Where the next session reads from: the end of the last slice handed to settlement. */
  #handedTo: number
  #settledTo: number
  #readPosition: number
  #halted: boolean
  #running: Promise<void> | undefined
  #session: Session | undefined
  /** Slices handed to settlement and not yet written. */
  #settling = 0

  constructor(parts: RunnerParts) {
    this.#parts = parts
    this.#pool = new StorePool(parts.rule.limits.recordsMax)
    this.#handedTo = parts.position
    this.#settledTo = parts.position
    this.#readPosition = parts.position
    this.#halted = parts.halted
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /**
   * Lets answers on their way arrive for a while (`now`: does not), then drops the rest; resolves when what was decided is in the books, or
   * refused by them. Idempotent.
   */
  async stop(how: 'in peace' | 'now' = 'in peace'): Promise<void> {
    const session = this.#session
    session?.reading.abort()
    this.#stopping.abort()
    if (how === 'now') session?.sending.abort()
    else if (session !== undefined) {
      const until = performance.now() + STOP_GRACE_MS
      const look = (): void => {
        // Behind a closed gate nothing is on its way.
        if (this.#parts.gate.state !== 'open' || performance.now() >= until) session.sending.abort()
      }
      look()
      const timer = setInterval(look, STOP_LOOK_MS)
      await this.#running
      clearInterval(timer)
    }
    await this.#running
    this.#parts.settler.hurry()
    while (this.#settling > 0) await this.#session?.changed()
  }

  /** What also goes out through this connection met a fault that needs a person: the live flow halts with it. */
  interrupt(fault: Fault): void {
    this.#session?.halt(fault)
  }

  status(): RunnerStatus {
    return {
      position: this.#settledTo,
      readPosition: this.#readPosition,
      batchesUnderWay: this.#underWay,
      oldestUnsettledAt: this.#queue.find((carriage) => carriage.slice.oldestAt > 0)?.slice.oldestAt,
      halted: this.#halted,
    }
  }

  async #run(): Promise<void> {
    const { clock, haltedRetryMs, onHalted } = this.#parts
    while (!this.#stopping.signal.aborted) {
      const fault = await this.#read()
      if (fault === undefined) {
        if (this.#session?.restarts !== true) return
        continue
      }
      this.#halted = true
      await onHalted(fault)
      await clock.sleep(haltedRetryMs, this.#stopping.signal)
    }
  }

  /** Reads and delivers until stopped (undefined) or until a fault needs a person. */
  async #read(): Promise<Fault | undefined> {
    const session = new Session()
    this.#session = session
    try {
      await this.#readOn(session)
    } catch (error) {
      // The log lost its end, or an event that nothing could be made of: it must not take the process down.
      if (!this.#stopping.signal.aborted) session.halt(brokenReading(error))
    }
    while (session.deliveries > 0) await session.changed()
    if (session.fault !== undefined || session.restarts || this.#queue.length > 0) {
      // Not in the books: the next session, or the next process, reads them again.
      this.#queue = []
      this.#readPosition = this.#handedTo
    }
    return session.fault
  }

  async #readOn(session: Session): Promise<void> {
    const { log, clock, types, rule } = this.#parts
    const reader = new SliceReader(log, clock, types, this.#pool, rule, this.#handedTo)
    this.#readPosition = reader.position
    while (!session.reading.signal.aborted && !this.#stopping.signal.aborted) {
      if (!this.#hasRoom()) await this.#room(session)
      if (session.reading.signal.aborted) return
      const slice = await reader.next(session.reading.signal)
      if (slice === undefined) return
      this.#readPosition = reader.position
      this.#carry(slice, session)
    }
  }

  /** Waits until another slice may be taken up. */
  async #room(session: Session): Promise<void> {
    while (!this.#hasRoom() && !session.reading.signal.aborted) await session.changed()
  }

  #hasRoom(): boolean {
    const { rule } = this.#parts
    const batchesMax = this.#halted || rule.lanes > 1 ? 1 : rule.limits.inFlightMax
    const slicesFree = rule.lanes > 1 ? this.#queue.length < 1 : this.#underWay < batchesMax
    return slicesFree && this.#queue.length < UNSETTLED_MAX && this.#settling < SETTLING_MAX
  }

  #carry(slice: Slice, session: Session): void {
    const carriage: Carriage = { slice, done: slice.parcels.length === 0 }
    this.#queue.push(carriage)
    if (carriage.done) {
      this.#settleDone()
      return
    }
    void this.#bring(carriage, session)
  }

  /** Never rejects. */
  async #bring(carriage: Carriage, session: Session): Promise<void> {
    session.deliveries++
    try {
      const ending = await this.#deliverSlice(carriage.slice, session)
      carriage.done = ending.how === 'done'
      if (ending.how === 'halted') session.halt(ending.fault)
    } catch (error) {
      session.halt({ kind: 'defect', message: `Delivery failed: ${String(error)}` })
    }
    if (carriage.done) this.#settleDone()
    session.deliveries--
    session.change()
  }

  /** Parcels of one slice go side by side; their number is at most the destination's limit of requests under way. */
  async #deliverSlice(slice: Slice, session: Session): Promise<Ending> {
    let parcels = slice.parcels
    const [first] = parcels
    if (first !== undefined && this.#halted) {
      const ending = await this.#deliverParcel(first, session)
      if (ending.how !== 'done') return ending
      this.#halted = false
      await this.#parts.onRecovered()
      parcels = parcels.slice(1)
    } else if (first !== undefined && parcels.length === 1) {
      return this.#deliverParcel(first, session)
    }
    const endings = await Promise.all(parcels.map((parcel) => this.#deliverParcel(parcel, session)))
    return (
      endings.find((ending) => ending.how === 'halted') ??
      endings.find((ending) => ending.how === 'stopped') ?? { how: 'done' }
    )
  }

  async #deliverParcel(parcel: Parcel, session: Session): Promise<Ending> {
    this.#underWay++
    try {
      return await this.#parts.courier.deliver(parcel, session.sending.signal)
    } finally {
      this.#underWay--
    }
  }

  /** Hands finished slices to settlement, in order, up to the first that is not finished. */
  #settleDone(): void {
    const { current, version, types, clock } = this.#parts
    while (this.#queue[0]?.done === true) {
      const carriage = this.#queue.shift()
      if (carriage === undefined) return
      const { slice } = carriage
      this.#handedTo = slice.to
      const settlement = settlementOf(slice, types, { current, version, replay: null, now: clock.now() })
      for (const parcel of slice.parcels)
        if (parcel.store !== undefined && isTakenAtOnce(parcel)) this.#pool.give(parcel.store)
      void this.#settle(slice, settlement)
    }
  }

  async #settle(slice: Slice, settlement: Settlement): Promise<void> {
    const { settler, lease, onSettled } = this.#parts
    this.#settling++
    try {
      await settler.settle(settlement, lease)
    } catch (error) {
      // Otherwise the settler closed or the lease is lost: then the slice is read again, here or elsewhere.
      if (error instanceof CheckpointBehind) this.#rewind(error.position)
      return
    } finally {
      this.#settling--
      this.#session?.change()
    }
    this.#settledTo = slice.to
    onSettled(slice, settlement)
  }

  /** The store forgot what it had taken: reads again from where it is. */
  #rewind(position: number): void {
    this.#handedTo = Math.min(this.#handedTo, position)
    this.#settledTo = Math.min(this.#settledTo, position)
    this.#session?.restart()
  }
}

function brokenReading(error: unknown): Fault {
  if (error instanceof ThalwegError) return { kind: 'misconfigured', message: error.message }
  return {
    kind: 'defect',
    message: `Reading failed: ${error instanceof Error ? error.message : String(error)}`,
  }
}

/** One stretch of reading and sending between halts. */
class Session {
  readonly reading = new AbortController()
  readonly sending = new AbortController()
  /** Slices under way. */
  deliveries = 0
  fault: Fault | undefined
  restarts = false
  #waiting: (() => void)[] = []

  constructor() {
    this.reading.signal.addEventListener('abort', () => this.change(), { once: true })
  }

  halt(fault: Fault): void {
    this.fault ??= fault
    this.reading.abort()
    this.sending.abort()
  }

  /** Ends this stretch so that the next one begins at once. */
  restart(): void {
    this.restarts = true
    this.reading.abort()
    this.sending.abort()
  }

  change(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const wake of waiting) wake()
  }

  changed(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }
}
