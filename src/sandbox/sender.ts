/**
 * Braze's side of a Currents connector: takes events from a supply, batches them per type, posts them as the
 * Custom HTTP connector does and treats the answers as sender-rules.ts says. At least once: an answer that
 * got lost is a batch that comes again. Nothing is read from an answer but its status, as with Braze.
 *
 *   waiting in its lane ──full or waited──► ready ──► in flight ──2XX──► acknowledged
 *                                             ▲           ├─400, 413──► split, ready again; or dropped
 *                                             ├─later─────┼─429, 5XX, none──► backing off, dropped in the end
 *                                             └─2-5 min───┴─401, 403, 404──► all halted, dropped in the end
 *
 * After a halt one parcel goes ahead; the others follow when it got through. The books balance at any moment:
 * taken = acknowledged + dropped + queued.
 */

import { Pool } from 'undici'
import type { Clock } from '../core/clock.ts'
import type { Random } from '../core/random.ts'
import {
  type EventSupply,
  eventSize,
  type Parcel,
  parcelBody,
  type SupplyEvent,
  splitParcel,
  TypeLanes,
} from './sender-queue.ts'
import { type DropReason, reactionTo } from './sender-rules.ts'

export type { EventSupply, SupplyEvent } from './sender-queue.ts'

/** An event over 900 KB is dropped before sending (Braze docs, event delivery semantics). */
export const SENDER_EVENT_BYTES_MAX = 900 * 1024
/** Events per UTC day of all test connectors together (Braze docs, setting up Currents). */
export const TEST_EVENTS_PER_DAY_MAX = 1500

const DAY_MS = 86_400_000
const DEFAULTS = {
  batchEvents: 100,
  waitMs: 300_000,
  tickMs: 100,
  inFlightMax: 16,
  timeoutMs: 30_000,
  queueEventsMax: 100_000,
  queueBytesMax: 256 * 1_048_576,
  credentialsHorizonMs: 2 * DAY_MS,
  outageHorizonMs: DAY_MS,
  haltMinMs: 120_000,
  haltMaxMs: 300_000,
  backoffBaseMs: 1000,
  backoffMaxMs: 300_000,
  testConnector: false,
  probe: true,
}

export interface SenderTuning {
  /** Events in one request; default 100. */
  readonly batchEvents: number
  /** How long the oldest event of a type may wait for company; default 5 minutes, as Braze's FAQ says. */
  readonly waitMs: number
  /** How often the supply is asked; default 100. */
  readonly tickMs: number
  /** Requests under way at once; default 16. */
  readonly inFlightMax: number
  /**
   * How long an answer may take before the attempt counts as unanswered; default 30 s (Braze's own is not
   * documented).
   */
  readonly timeoutMs: number
  /** Bounds of everything not yet settled; an event beyond them is dropped as `queue_full`. */
  readonly queueEventsMax: number
  readonly queueBytesMax: number
  /**
   * 401, 403, 404: default 48 hours (response table). Newer pages say 5 days, the prose of the same page 7
   * days.
   */
  readonly credentialsHorizonMs: number
  /** 429, 5XX, no answer: default 24 hours (response table); the prose says "at least two days". */
  readonly outageHorizonMs: number
  readonly haltMinMs: number
  readonly haltMaxMs: number
  /**
   * The wait before the n-th new attempt is between half of and the full min(backoffMaxMs, backoffBaseMs *
   * 2^n).
   */
  readonly backoffBaseMs: number
  readonly backoffMaxMs: number
  /** At most 1,500 events per UTC day, the rest is dropped as `test_cap`. */
  readonly testConnector: boolean
  /** Sends `{"events":[]}` on start, as Braze does to try the credentials; default true. */
  readonly probe: boolean
}

export interface SenderOptions extends Partial<SenderTuning> {
  readonly name: string
  /** The connector's address; a query string is sent along. */
  readonly url: string
  readonly token?: string
  readonly supply: EventSupply
  readonly clock: Clock
  readonly random: Random
  /** Default: HTTP to the address. */
  readonly network?: Network
  /** Called with the events of each acknowledged request. */
  readonly onAcknowledged?: (events: readonly SupplyEvent[]) => void
  readonly onDropped?: (events: readonly SupplyEvent[], reason: DropReason) => void
}

/** The way to the connector. */
export interface Network {
  /** The status of the answer; undefined when there was none. Never rejects. */
  post(body: Buffer): Promise<number | undefined>
  close(): Promise<void>
}

export interface SenderState {
  readonly name: string
  /** Without the values of its query, which may hold a key. */
  readonly url: string
  readonly status: 'new' | 'running' | 'halted' | 'stopped'
  /** Present while halted. */
  readonly halt?: { readonly status: number; readonly sinceMs: number; readonly untilMs: number }
  readonly probeStatus?: number
  readonly lastStatus?: number
  readonly queuedEvents: number
  readonly queuedBytes: number
  readonly inFlight: number
  readonly taken: number
  readonly requests: number
  /** Events in requests, repeats included. */
  readonly sent: number
  readonly acknowledged: number
  /** Parcels split, by the status that caused it. */
  readonly split: { readonly on400: number; readonly on413: number }
  readonly backoffs: number
  readonly halts: number
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>
  /** Answers by status; `none` for attempts without one. */
  readonly answers: Readonly<Record<string, number>>
}

export class Sender {
  readonly name: string
  readonly #options: SenderOptions
  readonly #tuning: SenderTuning
  readonly #address: URL
  readonly #network: Network
  readonly #lanes: TypeLanes
  readonly #stopping = new AbortController()
  readonly #running = new Set<Promise<void>>()
  #stopped: Promise<void> | undefined
  #ready: Parcel[] = []
  #status: 'new' | 'running' | 'stopped' = 'new'
  #halt: { status: number; sinceMs: number; untilMs: number } | undefined
  /** One parcel goes ahead after a halt. */
  #proving = false
  #probeStatus: number | undefined
  #lastStatus: number | undefined
  #queuedEvents = 0
  #queuedBytes = 0
  #inFlight = 0
  #taken = 0
  #requests = 0
  #sent = 0
  #acknowledged = 0
  #splitOn400 = 0
  #splitOn413 = 0
  #backoffs = 0
  #halts = 0
  #dropped: Partial<Record<DropReason, number>> = {}
  #answers: Record<string, number> = {}
  #testDay = -1
  #testEvents = 0

  /** Throws a TypeError when the address is none. */
  constructor(options: SenderOptions) {
    this.name = options.name
    this.#options = options
    this.#tuning = { ...DEFAULTS, ...options }
    this.#address = new URL(options.url)
    this.#network = options.network ?? overHttp(this.#address, options.token, this.#tuning)
    this.#lanes = new TypeLanes(this.#tuning.batchEvents, this.#tuning.waitMs)
  }

  /** Probes the credentials, then sends until stopped. Only the first call does anything. */
  start(): void {
    if (this.#status !== 'new') return
    this.#status = 'running'
    this.#track(this.#begin())
  }

  /**
   * Ends for good: no new attempts, waits for those under way (at most the timeout). What is queued stays
   * counted as queued.
   */
  stop(): Promise<void> {
    this.#stopped ??= this.#end()
    return this.#stopped
  }

  state(): SenderState {
    return {
      name: this.name,
      url: shownUrl(this.#address),
      status: this.#status === 'running' && this.#halt !== undefined ? 'halted' : this.#status,
      ...(this.#halt === undefined ? {} : { halt: { ...this.#halt } }),
      ...(this.#probeStatus === undefined ? {} : { probeStatus: this.#probeStatus }),
      ...(this.#lastStatus === undefined ? {} : { lastStatus: this.#lastStatus }),
      queuedEvents: this.#queuedEvents,
      queuedBytes: this.#queuedBytes,
      inFlight: this.#inFlight,
      taken: this.#taken,
      requests: this.#requests,
      sent: this.#sent,
      acknowledged: this.#acknowledged,
      split: { on400: this.#splitOn400, on413: this.#splitOn413 },
      backoffs: this.#backoffs,
      halts: this.#halts,
      dropped: { ...this.#dropped },
      answers: { ...this.#answers },
    }
  }

  async #end(): Promise<void> {
    this.#status = 'stopped'
    this.#stopping.abort()
    await Promise.all(this.#running)
    await this.#network.close()
  }

  async #begin(): Promise<void> {
    if (this.#tuning.probe) {
      this.#probeStatus = await this.#post(EMPTY_BODY)
      if (this.#probeStatus !== undefined && reactionTo(this.#probeStatus, 1) === 'halt') {
        this.#enterHalt(this.#probeStatus)
      }
    }
    while (this.#status === 'running') {
      this.#tick()
      await this.#options.clock.sleep(this.#tuning.tickMs, this.#stopping.signal)
    }
  }

  #tick(): void {
    const now = this.#options.clock.now()
    for (const event of this.#options.supply.take(now)) this.#admit(event, now)
    this.#ready.push(...this.#lanes.due(now))
    if (this.#halt !== undefined) this.#waitOutHalt(now)
    this.#pump()
  }

  #admit(event: SupplyEvent, now: number): void {
    const size = eventSize(event)
    this.#taken++
    this.#queuedEvents++
    this.#queuedBytes += size
    const reason = this.#reasonAgainst(size, now)
    if (reason !== undefined) {
      this.#drop([event], reason)
      return
    }
    const parcel = this.#lanes.add(event, now)
    if (parcel !== undefined) this.#ready.push(parcel)
  }

  #reasonAgainst(size: number, now: number): DropReason | undefined {
    if (size > SENDER_EVENT_BYTES_MAX) return 'over_900_kb'
    if (this.#queuedEvents > this.#tuning.queueEventsMax || this.#queuedBytes > this.#tuning.queueBytesMax) {
      return 'queue_full'
    }
    return this.#tuning.testConnector && this.#overTestCap(now) ? 'test_cap' : undefined
  }

  #overTestCap(now: number): boolean {
    const day = Math.floor(now / DAY_MS)
    if (day !== this.#testDay) {
      this.#testDay = day
      this.#testEvents = 0
    }
    this.#testEvents++
    return this.#testEvents > TEST_EVENTS_PER_DAY_MAX
  }

  /** Starts as many attempts as may run now. */
  #pump(): void {
    while (this.#status === 'running' && this.#halt === undefined) {
      const inFlightMax = this.#proving ? 1 : this.#tuning.inFlightMax
      if (this.#inFlight >= inFlightMax) return
      const parcel = this.#ready.shift()
      if (parcel === undefined) return
      this.#inFlight++
      this.#track(this.#attempt(parcel))
    }
  }

  async #attempt(parcel: Parcel): Promise<void> {
    this.#sent += parcel.events.length
    const status = await this.#post(parcelBody(parcel))
    this.#inFlight--
    this.#settle(parcel, status)
    this.#pump()
  }

  #settle(parcel: Parcel, status: number | undefined): void {
    const reaction = reactionTo(status, parcel.events.length)
    if (reaction !== 'halt') this.#proving = false
    switch (reaction) {
      case 'done':
        this.#acknowledged += parcel.events.length
        this.#release(parcel.events)
        this.#options.onAcknowledged?.(parcel.events)
        return
      case 'split_into_singles':
        this.#splitOn400++
        this.#ready.push(...splitParcel(parcel, 1))
        return
      case 'split_in_half':
        this.#splitOn413++
        this.#ready.push(...splitParcel(parcel, Math.ceil(parcel.events.length / 2)))
        return
      case 'drop':
        this.#drop(parcel.events, status === 413 ? 'refused_413' : 'refused_400')
        return
      case 'halt':
        this.#ready.unshift(parcel)
        this.#enterHalt(status ?? 0)
        this.#dropExpired(this.#options.clock.now())
        return
      case 'back_off':
        this.#backOff({ ...parcel, failures: parcel.failures + 1 })
    }
  }

  #backOff(parcel: Parcel): void {
    const { clock, random } = this.#options
    if (clock.now() - parcel.queuedAtMs >= this.#tuning.outageHorizonMs) {
      this.#drop(parcel.events, 'outage_expired')
      return
    }
    this.#backoffs++
    const { backoffBaseMs, backoffMaxMs } = this.#tuning
    const full = Math.min(backoffMaxMs, backoffBaseMs * 2 ** Math.min(parcel.failures, 30))
    clock.after(full * (0.5 + random() / 2), () => {
      this.#ready.push(parcel)
      this.#pump()
    })
  }

  #enterHalt(status: number): void {
    const { haltMinMs, haltMaxMs } = this.#tuning
    const now = this.#options.clock.now()
    const untilMs = now + haltMinMs + this.#options.random() * (haltMaxMs - haltMinMs)
    if (this.#halt === undefined) this.#halts++
    this.#halt = { status, sinceMs: this.#halt?.sinceMs ?? now, untilMs }
  }

  #waitOutHalt(now: number): void {
    this.#dropExpired(now)
    if (this.#halt === undefined || now < this.#halt.untilMs) return
    this.#halt = undefined
    this.#proving = true
  }

  /** While halted nothing is tried, but the drop clock runs for everything that is ready. */
  #dropExpired(now: number): void {
    const horizonMs = this.#tuning.credentialsHorizonMs
    if (!this.#ready.some((parcel) => now - parcel.queuedAtMs >= horizonMs)) return
    const kept: Parcel[] = []
    for (const parcel of this.#ready) {
      if (now - parcel.queuedAtMs >= horizonMs) this.#drop(parcel.events, 'credentials_expired')
      else kept.push(parcel)
    }
    this.#ready = kept
  }

  #drop(events: readonly SupplyEvent[], reason: DropReason): void {
    this.#dropped[reason] = (this.#dropped[reason] ?? 0) + events.length
    this.#release(events)
    this.#options.onDropped?.(events, reason)
  }

  #release(events: readonly SupplyEvent[]): void {
    this.#queuedEvents -= events.length
    for (const event of events) this.#queuedBytes -= eventSize(event)
  }

  /** The status of the answer; undefined when there was none. */
  async #post(body: Buffer): Promise<number | undefined> {
    this.#requests++
    const status = await this.#network.post(body)
    this.#lastStatus = status
    const line = String(status ?? 'none')
    this.#answers[line] = (this.#answers[line] ?? 0) + 1
    return status
  }

  #track(work: Promise<void>): void {
    this.#running.add(work)
    void work.finally(() => this.#running.delete(work))
  }
}

const EMPTY_BODY = Buffer.from('{"events":[]}')

function shownUrl(address: URL): string {
  return address.origin + address.pathname + (address.search === '' ? '' : '?…')
}

function overHttp(address: URL, token: string | undefined, tuning: SenderTuning): Network {
  const { inFlightMax, timeoutMs } = tuning
  const pool = new Pool(address.origin, {
    connections: inFlightMax,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    connectTimeout: timeoutMs,
  })
  const headers = {
    'content-type': 'application/json',
    'braze-currents-version': '1',
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  }
  return {
    async post(body) {
      try {
        const path = address.pathname + address.search
        const answer = await pool.request({ method: 'POST', path, headers, body })
        await answer.body.dump()
        return answer.statusCode
      } catch {
        // Refused, reset, timed out: for Braze they are all "no answer", counted under `none`.
        return undefined
      }
    },
    close: () => pool.close(),
  }
}
