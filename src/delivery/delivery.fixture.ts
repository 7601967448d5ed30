/** For tests of delivery: a real log in a temporary folder, events made to order, vendors played by a function, batches made by hand. */

import { onTestFinished } from 'vitest'
import type * as z from 'zod'
import { freshStore } from '../../test/support/store.ts'
import { tempFolder } from '../../test/support/temp.ts'
import { Alerts } from '../alerts/alerts.ts'
import { onlyNode } from '../cluster/cluster.fixture.ts'
import type { EventBatch } from '../core/batch.ts'
import { type Clock, VirtualClock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import { faultOfStatus, type WireReply, type WireRequest } from '../core/exchange.ts'
import type { FaultKind } from '../core/fault.ts'
import { createKernel } from '../core/kernel/create.ts'
import { identityOf, personOf } from '../core/kernel/identity.ts'
import { seededRandom } from '../core/random.ts'
import { DELIVERED, failed, type Receipt, receiptForAll, skipped } from '../core/receipt.ts'
import { type Current, CurrentDefinition, type LaunchFrom } from '../currents/current.ts'
import { Currents } from '../currents/registry.ts'
import type { EventWriter } from '../destinations/destination.ts'
import { type EmbeddedLogOptions, openEmbeddedLog } from '../log/embedded-log.ts'
import {
  BODY_START,
  frameBytesFor,
  ROW_HAS_EXTERNAL_ID,
  ROW_HAS_ID,
  ROW_QUARANTINED,
  sealFrame,
} from '../log/frame.ts'
import type { Log } from '../log/log.ts'
import type { Dialect } from '../store/columns.ts'
import type { Store } from '../store/store.ts'
import { Delivery, type DeliveryParts } from './delivery.ts'
import { totals } from './ledger.ts'
import { DEAD_OUTCOME, DELIVERED_OUTCOME, type Parcel, parcelOf, SKIPPED_OUTCOME } from './parcel.ts'
import type { NoAnswer, Transport } from './transport.ts'

/** 14 November 2023, on a whole minute. */
export const START_MS = 1_700_000_040_000
export const IDENTITY_KEY = Buffer.alloc(16, 7)
export const OPEN = 'users.messages.email.Open'
export const CLICK = 'users.messages.email.Click'

export function testSeed(what: string): number {
  const seed = Number(process.env.THALWEG_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))
  console.info(`${what}: THALWEG_TEST_SEED=${seed}`)
  return seed
}

// The log and what is in it

export async function openTestLog(clock: Clock, options: Partial<EmbeddedLogOptions> = {}): Promise<Log> {
  const log = await openEmbeddedLog({
    directory: await tempFolder(),
    clock,
    segmentBytes: 262_144,
    slabBytesMax: 16_777_216,
    tailBytesMax: 1_048_576,
    ...options,
  })
  onTestFinished(() => log.close())
  return log
}

export interface SampleEvent {
  readonly id?: string
  readonly type?: string
  /** Absent: an event without an external id. */
  readonly person?: string
  /** The whole event; default: made of the rest. */
  readonly text?: string
  /** Index of an item fault: kept in quarantine. */
  readonly fault?: number
}

export interface SampleFrame {
  readonly source?: number
  readonly receivedAt?: number
  /** What stands between the events. */
  readonly glue?: string
  readonly events: readonly SampleEvent[]
}

export function textOf({ id, type, person, text }: SampleEvent): string {
  if (text !== undefined) return text
  const user = person === undefined ? {} : { external_user_id: person }
  return JSON.stringify({ id, event_type: type, time: 1_700_000_000, user, properties: { n: id } })
}

/** Appends one frame, patiently while the next segment is prepared, and waits until it is durable; resolves with the first offset. */
export async function accept(log: Log, frame: SampleFrame): Promise<number> {
  for (let tries = 0; ; tries++) {
    try {
      return await append(log, frame)
    } catch (error) {
      if (!(error instanceof ThalwegError && error.code === 'LOG_FULL') || tries > 2_000) throw error
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
}

function append(log: Log, frame: SampleFrame): Promise<number> {
  const { events, source = 1, receivedAt = START_MS, glue = ',' } = frame
  const texts = events.map((event) => Buffer.from(textOf(event)))
  const head = Buffer.from('{"events":[')
  const pieces: Buffer[] = [head]
  const starts: number[] = []
  let at = head.length
  for (const [i, text] of texts.entries()) {
    if (i > 0) {
      pieces.push(Buffer.from(glue))
      at += Buffer.byteLength(glue)
    }
    starts.push(at)
    pieces.push(text)
    at += text.length
  }
  const body = Buffer.concat([...pieces, Buffer.from(']}')])
  const types = [...new Set(events.map((event) => event.type ?? ''))]
  const buffer = log.lease(frameBytesFor(body.length, types, events.length))
  body.copy(buffer, BODY_START)
  const parts = { source, receivedAt, bodyBytes: body.length, types, count: events.length }
  const bytes = sealFrame(buffer, parts, (i, rows) => {
    const { id, person, type = '', fault = 0 } = events[i] ?? {}
    const [a, b, c, d] = id === undefined ? [0, 0, 0, 0] : identityOf(id, IDENTITY_KEY)
    const flags =
      (id === undefined ? 0 : ROW_HAS_ID) |
      (person === undefined ? 0 : ROW_HAS_EXTERNAL_ID) |
      (fault === 0 ? 0 : ROW_QUARANTINED)
    const start = BODY_START + (starts[i] ?? 0)
    const who = person === undefined ? 0 : personOf(person)
    rows.write(i, start, start + (texts[i]?.length ?? 0), a, b, c, d, who, types.indexOf(type), flags, fault)
  })
  try {
    return log.append(buffer, bytes)
  } catch (error) {
    log.release(buffer)
    throw error
  }
}

/** `count` opens of different people with ids `<prefix>0` onward. */
export function opens(count: number, prefix = 'e'): SampleEvent[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `${prefix}${i}`,
    type: OPEN,
    person: `p${i % 7}`,
  }))
}

// The vendor

export type Answer = WireReply | NoAnswer

/** A request as it was sent: `body` is a copy, `reference` the bytes themselves. */
export interface Sent {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly reference: Uint8Array
}

/** A vendor played by a function of the request and its number. Answers NoAnswer when aborted while it thinks. */
export class ScriptedVendor implements Transport {
  readonly sent: Sent[] = []
  answer: (sent: Sent, n: number) => Answer | Promise<Answer>
  underWay = 0
  underWayMost = 0

  constructor(answer: (sent: Sent, n: number) => Answer | Promise<Answer> = () => reply(200)) {
    this.answer = answer
  }

  async send(request: WireRequest, signal: AbortSignal): Promise<Answer> {
    const body = request.body ?? new Uint8Array()
    const reference = body instanceof Uint8Array ? body : Buffer.concat(body)
    const { url, headers } = request
    const sent = { url, headers, body: Buffer.from(reference).toString(), reference }
    const n = this.sent.push(sent) - 1
    this.underWayMost = Math.max(this.underWayMost, ++this.underWay)
    try {
      return await Promise.race([this.answer(sent, n), aborted(signal)])
    } finally {
      this.underWay--
    }
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

function aborted(signal: AbortSignal): Promise<NoAnswer> {
  return new Promise((resolve) => {
    const stop = (): void => resolve(noAnswer('stopped by us'))
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
}

export function reply(status: number, body: unknown = '', headers: Record<string, string> = {}): WireReply {
  return { status, headers, body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)) }
}

export function noAnswer(message = 'the connection was cut'): NoAnswer {
  return { noAnswer: { kind: 'unreachable', message } }
}

/** Ids of the events in a body such as {"events":[…]}, {"records":[…]} or […]. */
export function idsIn(body: string): string[] {
  const value = JSON.parse(body) as { events?: unknown; records?: unknown }
  return ((value.events ?? value.records ?? value) as { id: string }[]).map(({ id }) => id)
}

// Batches and a destination made by hand

/** A destination that posts the joined events as an array and reads receipts from the answer: see `receiptsFrom`. */
export const PLAIN_WRITER: EventWriter = {
  *write(batch) {
    const answer = yield {
      method: 'POST',
      url: 'https://vendor.example/in?key=s%2Fecret',
      headers: { authorization: 'Bearer s/ecret', 'x-plain': 'yes' },
      body: [Buffer.from('['), batch.joined, Buffer.from(']')],
      secrets: ['s/ecret'],
    }
    const fault = faultOfStatus(answer)
    if (fault !== undefined) return receiptForAll(batch.count, failed(fault))
    return receiptsFrom(Buffer.from(answer.body).toString(), batch)
  },
  preview: (batch, i) => ({
    seen: Buffer.from(batch.joined.subarray(batch.starts[i], batch.ends[i])).toString(),
  }),
}

/** Receipts as the test's vendor writes them: '' = all delivered, else an array of 'delivered', 'skipped:<reason>' or a fault kind. */
function receiptsFrom(text: string, batch: EventBatch): readonly Receipt[] {
  if (text === '') return receiptForAll(batch.count, DELIVERED)
  return (JSON.parse(text) as string[]).map((word) => {
    if (word === 'delivered') return DELIVERED
    if (word.startsWith('skipped:')) return skipped(word.slice('skipped:'.length))
    return failed({ kind: word as FaultKind, message: `told ${word}`, status: 200, answer: word })
  })
}

export function parcelOfTexts(texts: readonly string[]): Parcel {
  const pieces = texts.map((text) => Buffer.from(text))
  const starts = new Uint32Array(pieces.length)
  const ends = new Uint32Array(pieces.length)
  let at = 0
  for (const [i, piece] of pieces.entries()) {
    starts[i] = at
    ends[i] = at + piece.length
    at += piece.length + 1
  }
  const batch: EventBatch = {
    id: 'batch',
    connection: 'c0ffee',
    count: texts.length,
    joined: Buffer.from(texts.join(',')),
    starts,
    ends,
    types: texts.map(() => OPEN),
    flags: new Uint8Array(texts.length),
    offsets: Float64Array.from(texts, (_, i) => 1000 + i),
    requests: new Float64Array(texts.length).fill(1000),
    sources: new Uint32Array(texts.length).fill(1),
    receivedAt: new Float64Array(texts.length).fill(START_MS),
  }
  return parcelOf(batch)
}

export function parcelOfIds(ids: readonly string[]): Parcel {
  return parcelOfTexts(ids.map((id) => JSON.stringify({ id })))
}

const OUTCOME_WORDS: Readonly<Record<number, string>> = {
  [DELIVERED_OUTCOME]: 'delivered',
  [SKIPPED_OUTCOME]: 'skipped',
  [DEAD_OUTCOME]: 'dead',
}

export function outcomesOf(parcel: Parcel): string[] {
  return Array.from(parcel.outcomes, (outcome) => OUTCOME_WORDS[outcome] ?? 'undecided')
}

// The store

export type StoreMood = 'well' | 'away' | 'answer-lost'

/** A store that fails as it is told: `away` before it does anything, `answer-lost` after it has committed. */
export class MoodyStore implements Store {
  readonly db: Store['db']
  readonly dialect: Store['dialect']
  readonly capabilities: Store['capabilities']
  readonly #store: Store
  /** Moods of the next transactions, then `mood`. */
  next: StoreMood[] = []
  mood: StoreMood = 'well'
  transactions = 0

  constructor(store: Store) {
    this.#store = store
    this.db = store.db
    this.dialect = store.dialect
    this.capabilities = store.capabilities
  }

  transaction: Store['transaction'] = async (work, options) => {
    this.transactions++
    const mood = this.next.shift() ?? this.mood
    if (mood === 'away') throw new ThalwegError('STORE_UNAVAILABLE', 'The store is away')
    const result = await this.#store.transaction(work, options)
    if (mood === 'answer-lost') throw new ThalwegError('STORE_UNAVAILABLE', 'The answer was lost')
    return result
  }

  fencedBy(): Store {
    return this
  }

  close(): Promise<void> {
    return this.#store.close()
  }
}

// All of it together

/** Lets virtual time pass, and real I/O happen, until `look` finds something. */
export async function passTime<T>(
  clock: VirtualClock,
  what: string,
  look: () => T | Promise<T>,
  stepMs = 1_000,
): Promise<Exclude<T, false | undefined | null>> {
  for (let step = 0; step < 3_000; step++) {
    const seen = await look()
    if (seen !== false && seen !== undefined && seen !== null)
      return seen as Exclude<T, false | undefined | null>
    await clock.advance(stepMs)
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  throw new Error(`Not in the end: ${what}`)
}

const SOURCES: Readonly<Record<string, number>> = { braze: 1, second: 2 }

export interface DeliveryOptions {
  readonly dialect?: Dialect
  /** Default: an embedded one. */
  readonly openLog?: (clock: Clock) => Promise<Log>
  readonly answer?: ScriptedVendor['answer']
  readonly over?: Partial<DeliveryParts>
}

/** A Delivery on real parts, with the vendor scripted; started. Sources: `braze` is 1, `second` is 2. */
export class DeliveryUnderTest {
  readonly clock: VirtualClock
  readonly log: Log
  readonly store: MoodyStore
  readonly currents: Currents
  readonly alerts: Alerts
  readonly vendor: ScriptedVendor
  readonly authorizations = new Map<string, { provider: string; credentials: unknown; health?: string }>()
  readonly trouble: unknown[] = []
  delivery: Delivery
  readonly #over: Partial<DeliveryParts>

  static async open(options: DeliveryOptions = {}): Promise<DeliveryUnderTest> {
    const clock = new VirtualClock(START_MS)
    const log = await (options.openLog ?? openTestLog)(clock)
    const store = new MoodyStore(await freshStore(options.dialect ?? 'sqlite', clock))
    const under = new DeliveryUnderTest(clock, log, store, options)
    await under.delivery.start()
    onTestFinished(async () => {
      under.store.mood = 'well'
      await under.delivery.stop()
    })
    return under
  }

  private constructor(clock: VirtualClock, log: Log, store: MoodyStore, options: DeliveryOptions) {
    this.clock = clock
    this.log = log
    this.store = store
    this.currents = new Currents(store, clock)
    this.alerts = new Alerts(store, clock)
    this.vendor = new ScriptedVendor(options.answer)
    this.#over = options.over ?? {}
    this.delivery = this.made()
  }

  /** Another Delivery over the same parts, or some in their place; not started. */
  made(over: Partial<DeliveryParts> = {}): Delivery {
    const { clock, log, store, currents, alerts, vendor, authorizations, trouble } = this
    return new Delivery({
      log,
      store,
      cluster: onlyNode(clock),
      clock,
      random: seededRandom(3),
      kernel: createKernel({ bodyBytesMax: 1_000_000, itemsMax: 1_000, key: IDENTITY_KEY }),
      transport: vendor,
      currents,
      alerts,
      authorizations: {
        async get(id) {
          const found = authorizations.get(id)
          if (found === undefined) throw new ThalwegError('AUTHORIZATION_UNKNOWN', `no authorization ${id}`)
          return found
        },
        async reveal(id) {
          return authorizations.get(id)?.credentials
        },
        async setHealth(id, health) {
          const found = authorizations.get(id)
          if (found !== undefined) authorizations.set(id, { ...found, health })
        },
      },
      sourceNumbers: async (names) =>
        new Set(
          names.map((name) => {
            const number = SOURCES[name]
            if (number === undefined) throw new ThalwegError('SOURCE_UNKNOWN', `There is no source ${name}`)
            return number
          }),
        ),
      sourceLabel: (number) => ({
        name: Object.keys(SOURCES).find((name) => SOURCES[name] === number) ?? '',
        place: undefined,
      }),
      logger: {
        info: () => undefined,
        warn: () => undefined,
        error: (about) => void trouble.push('err' in about ? about.err : about),
      },
      gatherMs: 0,
      ...this.#over,
      ...over,
    })
  }

  /** Before the test has finished, when it opens many. */
  async close(): Promise<void> {
    await this.delivery.stop()
    await this.log.close()
    await this.store.close()
  }

  async restart(): Promise<void> {
    await this.delivery.stop()
    this.delivery = this.made()
    await this.delivery.start()
  }

  /** A launched current on HTTP; every event alone and at once unless told otherwise. */
  async launch(
    name: string,
    over: Partial<z.input<typeof CurrentDefinition>> = {},
    from: LaunchFrom = 'earliest',
  ): Promise<Current> {
    const draft = await this.delivery.create(definitionOf(name, over))
    return this.delivery.launch(draft.number, from)
  }

  /** Lets time pass until nothing is pending in this current. */
  async settled(number: number): Promise<void> {
    await passTime(this.clock, `current ${number} has settled all`, async () => {
      const { position } = await this.delivery.status(number)
      return position === this.log.head
    })
  }

  /** Lets a little time pass until the contact was told that this current is halted. */
  async halted(number: number): Promise<void> {
    await passTime(
      this.clock,
      `current ${number} is halted`,
      async () => {
        const open = await this.alerts.list({ open: true, current: number })
        return open.some(({ kind }) => kind === 'halted')
      },
      10,
    )
  }

  /** The current's ledger: `outcome reason` → count. */
  async ledger(number: number): Promise<Record<string, number>> {
    const rows = await totals(this.store.db, { current: number })
    return Object.fromEntries(
      rows
        .filter(({ count }) => count !== 0)
        .map(({ outcome, reason, count }) => [`${outcome} ${reason}`.trim(), count]),
    )
  }

  /** Ids that the vendor was sent, in order. */
  sentIds(): string[] {
    return this.vendor.sent.flatMap(({ body }) => idsIn(body))
  }
}

export function definitionOf(
  name: string,
  over: Partial<z.input<typeof CurrentDefinition>> = {},
): CurrentDefinition {
  return CurrentDefinition.parse({
    name,
    contactEmail: 'contact@example.com',
    sources: ['braze'],
    externalId: 'optional',
    destination: { kind: 'http', settings: { url: 'https://vendor.example/in' } },
    delivery: { waitMs: 0 },
    ...over,
  })
}
