/**
 * Sends what the book says is to be told, of one export: takes people, makes a batch of them, has delivery's courier bring
 * it to its end, and writes what was accepted. It decides nothing about people; the book does.
 *
 *   live lane      leaves when a batch is full, or when whoever waits longest is due
 *   backfill lane  one request at a time, beside the live lane and only while nothing of it is ready, at a bounded rate
 *
 *   sending ──fault that needs a person──► halted ──retry time or stop──► probing (one batch) ──accepted──► sending
 *                                            ▲                               └──fault──┐
 *                                            └─────────────────────────────────────────┘
 */

import { AUDIENCES_CHANGED, audienceChangeRecord } from '../../core/audience-change.ts'
import type { Limits } from '../../core/batch.ts'

import { type Clock, pause } from '../../core/clock.ts'
import type { Fault } from '../../core/fault.ts'
import type { Random } from '../../core/random.ts'
import { BatchBuilder, StorePool } from '../../delivery/batch-builder.ts'
import type { ConnectionStats } from '../../delivery/connection-stats.ts'
import { Courier, type Ending } from '../../delivery/courier.ts'
import { Gate } from '../../delivery/gate.ts'
import { isTakenAtOnce } from '../../delivery/outcomes.ts'
import { DELIVERED_OUTCOME, type Parcel, UNDECIDED } from '../../delivery/parcel.ts'
import type { Transport } from '../../delivery/transport.ts'
import type { EventWriter } from '../../destinations/destination.ts'
import type { Lease } from '../../store/leases.ts'
import type { ExportBook, Outlook, Taken, Told } from './book.ts'
import type { Lane } from './person.ts'

export interface SenderParts {
  readonly export: number
  readonly book: ExportBook
  readonly clock: Clock
  readonly random: Random
  readonly transport: Transport
  readonly writer: EventWriter
  /** Asked before everything that leaves. */
  readonly lease: Lease
  readonly limits: Limits
  /** People of one batch, never more than the vendor takes. */
  readonly batchMax: number
  /** Requests of the backfill lane in a minute. */
  readonly backfillPerMinute: number
  /** True when it was halted before: the first batch is a probe. */
  readonly halted: boolean
  readonly haltedRetryMs: number
  /** What counts the attempts; survives changes of the definition. */
  readonly stats: ConnectionStats
  readonly onHalted: (fault: Fault) => Promise<void>
  readonly onRecovered: () => Promise<void>
  readonly onBatch: (batch: BatchReport) => Promise<void>
  /** Nothing waits, nothing is under way, and every rule was applied to everybody. */
  readonly onIdle: () => void
  readonly onTrouble: (error: unknown) => void
}

/** What became of one batch. */
export interface BatchReport {
  readonly lane: Lane
  readonly people: number
  /** Slugs that were accepted. */
  readonly added: number
  readonly removed: number
  /** People. */
  readonly refused: number
  /** Since the batch before: moves of people without an identifier. */
  readonly omitted: number
  readonly requests: number
  readonly status: number
  /** Of the first refusal. */
  readonly message: string
}

/** How often the book is looked into without a word from the engine. */
const PULSE_MS = 1_000
/** The book is in another process, which may be starting anew; stores may be away. Real time. */
const RETRY_MS = 200
const MINUTE_MS = 60_000
/** How long a stop waits for answers. Real time. */
const STOP_GRACE_MS = 5_000

export class ExportSender {
  readonly gate: Gate
  readonly #parts: SenderParts
  readonly #courier: Courier
  readonly #pool: StorePool
  readonly #stopping = new AbortController()
  #running: Promise<void> | undefined
  #halted: boolean
  #fault: Fault | undefined
  #session = new AbortController()
  readonly #underWay = new Map<Lane, number>([
    ['live', 0],
    ['backfill', 0],
  ])
  #walking: Promise<void> | undefined
  #backfillAt = 0
  #batches = 0
  #wakers: (() => void)[] = []

  constructor(parts: SenderParts) {
    const { clock, random, transport, writer, lease, stats } = parts
    this.#parts = parts
    this.#halted = parts.halted
    this.gate = new Gate(clock, random)
    this.#pool = new StorePool(parts.limits.recordsMax)
    this.#courier = new Courier({
      transport,
      gate: this.gate,
      clock,
      writer,
      lease,
      observe: (attempt) => stats.attempted(attempt, clock.now()),
      ordered: false,
    })
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** Something may be to be told now. */
  wake(): void {
    const wakers = this.#wakers
    this.#wakers = []
    for (const waker of wakers) waker()
  }

  /** Lets answers on their way arrive for a while; what has none then is told again by the next sender. Idempotent. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.wake()
    // Behind a closed gate nothing is on its way.
    const grace = setTimeout(() => this.#session.abort(), this.gate.state === 'open' ? STOP_GRACE_MS : 0)
    await this.#running
    clearTimeout(grace)
  }

  async #run(): Promise<void> {
    const { export: number, book, clock, haltedRetryMs, onHalted } = this.#parts
    const { signal } = this.#stopping
    await this.#surely(() => book.begin(number, clock.now()))
    while (!signal.aborted) {
      this.#fault = undefined
      this.#session = new AbortController()
      await this.#send()
      while (this.#count('live') + this.#count('backfill') > 0) await this.#changed()
      await this.#walking
      const fault = this.#fault as Fault | undefined
      if (fault === undefined) return
      this.#halted = true
      await this.#surely(() => onHalted(fault))
      await clock.sleep(haltedRetryMs, signal)
    }
  }

  /** Until stopped, or until a fault needs a person. */
  async #send(): Promise<void> {
    const { export: number, book, batchMax, onIdle } = this.#parts
    while (!this.#session.signal.aborted && !this.#stopping.signal.aborted) {
      const news = this.#changed()
      const outlook = await this.#surely(() => book.outlook(number, batchMax))
      if (outlook === undefined) return
      if (outlook.walking) this.#walk()
      if (await this.#sendSome(outlook)) continue
      if (outlook.live === 0 && !outlook.backfill && !outlook.walking && this.#isFree()) onIdle()
      await this.#rest(outlook, news)
    }
  }

  /** False: nothing is to leave now, or nothing may. */
  async #sendSome(outlook: Outlook): Promise<boolean> {
    const { clock, limits, batchMax } = this.#parts
    // Until the vendor is well again one batch tries; the others gather what happens meanwhile.
    if ((this.#halted || this.gate.state !== 'open') && !this.#isFree()) return false
    const { live, liveDueAt, backfill } = outlook
    const isReady = live >= batchMax || (liveDueAt !== null && liveDueAt <= clock.now())
    if (isReady) return this.#count('live') < limits.inFlightMax && this.#carry('live')
    if (!backfill || this.#count('backfill') > 0 || clock.now() < this.#backfillAt) return false
    this.#backfillAt = clock.now() + MINUTE_MS / this.#parts.backfillPerMinute
    return this.#carry('backfill')
  }

  /** Takes a batch and lets it go; gives once it is taken, so that the next look sees what is left. */
  async #carry(lane: Lane): Promise<boolean> {
    const { export: number, book, batchMax, clock } = this.#parts
    const people = await this.#surely(() => book.take(number, lane, batchMax, clock.now()))
    if (people === undefined) return false
    if (people.length > 0) {
      this.#underWay.set(lane, this.#count(lane) + 1)
      void this.#bring(lane, people)
    }
    return true
  }

  /** Never rejects. */
  async #bring(lane: Lane, people: readonly Taken[]): Promise<void> {
    const parcel = this.#parcelOf(people)
    let ending: Ending
    try {
      ending = await this.#courier.deliver(parcel, this.#session.signal)
    } catch (error) {
      ending = { how: 'halted', fault: { kind: 'defect', message: `Sending failed: ${String(error)}` } }
    }
    try {
      await this.#settle(lane, people, parcel)
      if (ending.how === 'done' && this.#halted) {
        this.#halted = false
        await this.#surely(() => this.#parts.onRecovered())
      }
    } catch (error) {
      this.#parts.onTrouble(error)
    }
    if (ending.how === 'halted') {
      this.#fault ??= ending.fault
      this.#session.abort()
    }
    if (parcel.store !== undefined && isTakenAtOnce(parcel)) this.#pool.give(parcel.store)
    this.#underWay.set(lane, this.#count(lane) - 1)
    this.wake()
  }

  async #settle(lane: Lane, people: readonly Taken[], parcel: Parcel): Promise<void> {
    const { export: number, book, clock, onBatch } = this.#parts
    const told = people.map((person, i) => toldOf(person, parcel, i))
    const settled = await this.#surely(() => book.settle(number, told, clock.now()))
    if (settled === undefined || told.every(({ outcome }) => outcome === 'open')) return
    const accepted = told.filter(({ outcome }) => outcome === 'accepted')
    const refused = told.filter(({ outcome }) => outcome === 'refused')
    await onBatch({
      lane,
      people: people.length,
      added: sumOf(accepted, ({ add }) => add.length),
      removed: sumOf(accepted, ({ remove }) => remove.length),
      refused: refused.length,
      omitted: settled.omitted,
      requests: parcel.attempts,
      status: parcel.status,
      message: refused[0]?.reason ?? '',
    })
  }

  #parcelOf(people: readonly Taken[]): Parcel {
    const { export: number, limits, clock } = this.#parts
    const now = clock.now()
    const batch = ++this.#batches
    const builder = new BatchBuilder(limits, this.#pool)
    people.forEach((person, i) => {
      const id = `export-${number}-${now}-${batch}-${i}`
      const record = audienceChangeRecord(id, person, now)
      const origin = { type: AUDIENCES_CHANGED, flags: 0, offset: i, request: 0, source: 0, receivedAt: now }
      builder.add(Buffer.from(JSON.stringify(record)), origin)
    })
    return builder.finish(`x${number}-${now}-${batch}`)
  }

  /** Applies a changed rule page by page, beside the sending. */
  #walk(): void {
    const { export: number, book, clock } = this.#parts
    this.#walking ??= (async () => {
      while (!this.#session.signal.aborted && !this.#stopping.signal.aborted) {
        const goesOn = await this.#surely(() => book.step(number, clock.now()))
        this.wake()
        if (goesOn !== true) break
      }
      this.#walking = undefined
    })()
  }

  async #rest({ liveDueAt }: Outlook, news: Promise<void>): Promise<void> {
    const { clock } = this.#parts
    const now = clock.now()
    const alarms = [now + PULSE_MS]
    if (liveDueAt !== null && liveDueAt > now) alarms.push(liveDueAt)
    if (this.#backfillAt > now) alarms.push(this.#backfillAt)
    const cancel = clock.after(Math.min(...alarms) - now, () => this.wake())
    await news
    cancel()
  }

  #count(lane: Lane): number {
    return this.#underWay.get(lane) ?? 0
  }

  #isFree(): boolean {
    return this.#count('live') + this.#count('backfill') === 0
  }

  #changed(): Promise<void> {
    return new Promise((resolve) => this.#wakers.push(resolve))
  }

  /** Asks until there is an answer; undefined: we stop, and there was none. */
  async #surely<T>(ask: () => Promise<T>): Promise<T | undefined> {
    for (;;) {
      try {
        return await ask()
      } catch (error) {
        if (this.#stopping.signal.aborted) return undefined
        this.#parts.onTrouble(error)
        await pause(RETRY_MS)
      }
    }
  }
}

function toldOf(person: Taken, { outcomes, notes }: Parcel, i: number): Told {
  // One for whom there was no room in the batch has no outcome either.
  const outcome = outcomes[i] ?? UNDECIDED
  if (outcome === DELIVERED_OUTCOME) return { ...person, outcome: 'accepted', reason: '' }
  if (outcome === UNDECIDED) return { ...person, outcome: 'open', reason: '' }
  const note = notes.get(i)
  return { ...person, outcome: 'refused', reason: note?.fault?.message ?? note?.reason ?? '' }
}

function sumOf<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((sum, item) => sum + of(item), 0)
}
