/**
 * A simulated world: one hub after another on one data folder, the vendors' doubles, Braze's sender with simulated people, a network and a disk
 * that fail by plan, all under one virtual clock. It is a function of its options: nothing in it asks the machine for time or chance that shows.
 */

import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CurrentDefinition } from '../currents/current.ts'
import { DEMO } from '../sandbox/sandbox.ts'
import { type EventSupply, Sender, type SenderState, type SupplyEvent } from '../sandbox/sender.ts'
import { createSimulation } from '../sandbox/simulator/simulator.ts'
import type { Store } from '../store/store.ts'
import { digestOf } from './digest.ts'
import { type DiskState, LifeDisk } from './disk.ts'
import { Draws, drawn } from './draws.ts'
import { type FaultChoice, type FaultKind, type Place, type PlannedFault, planFaults } from './faults.ts'
import { type Breach, breachIn, type CurrentSight, JUDGES, type Sight } from './invariants.ts'
import { Life, type OpenHub, SOURCE, SOURCE_TOKEN } from './life.ts'
import { Network } from './network.ts'
import { Stillness } from './stillness.ts'
import { BEGIN_MS, DAY_MS, HOUR_MS, LifeClock, WorldClock } from './time.ts'
import { HOSTS, SEGMENT_KEYS, Vendors, vendorOf } from './vendors.ts'
import { CURRENT_NAMES, type CurrentName, POISON, sentEventOf, Witness } from './witness.ts'

export interface WorldOptions {
  readonly seed: number
  /** Virtual ones, in which events come and things go wrong. Then everything may settle. */
  readonly days: number
  /** Events in a virtual hour; 4 to 100,000. */
  readonly rate: number
  readonly faults: FaultChoice
  readonly openHub: OpenHub
  /** Told after each virtual day. */
  readonly onDay?: ((progress: Progress) => void) | undefined
  /** For tests: what stands between the hubs of a world and their store. Asked once for each world. */
  readonly sabotage?: (() => Sabotage) | undefined
}

export type Sabotage = (store: Store) => Store

export interface Progress {
  readonly day: number
  readonly days: number
  /** Sent so far. */
  readonly events: number
  /** Begun so far. */
  readonly faults: number
}

export interface CurrentOutcome {
  readonly name: CurrentName
  readonly state: string
  readonly accepted: number
  readonly delivered: number
  readonly filtered: number
  readonly dead: number
  readonly pending: number
  /** Takings of events that its vendor had taken before. */
  readonly repeats: number
}

export interface WorldBreach extends Breach {
  /** Virtual day, counted from 1. */
  readonly day: number
  /** Milliseconds since the epoch. */
  readonly atMs: number
}

export interface Outcome {
  readonly seed: number
  readonly days: number
  readonly rate: number
  readonly sent: number
  readonly acknowledged: number
  /** Events that the sender gave up, by reason. */
  readonly dropped: SenderState['dropped']
  readonly currents: readonly CurrentOutcome[]
  /** Those that came about. */
  readonly faults: readonly PlannedFault[]
  /** Of the hub. */
  readonly lives: number
  /** Looks at everything, and promises judged in each. */
  readonly looks: number
  readonly judged: readonly string[]
  /** Hex; '' when a promise was broken. */
  readonly digest: string
  readonly breach: WorldBreach | undefined
}

const LOOK_HOURS = 6
/** For everything to settle when the faults are over. */
const SETTLE_HOURS_MAX = 72
/** What ailed a current may show for so long. */
const AFTERMATH_MS = 3 * HOUR_MS
const RESTART_MS = 5_000
const POWER_WARNING_MS = [1_000, 60_000] as const
const POISONED = 0.004
const USERS = 1_000
const READ_BYTES = 1_048_576

export async function runWorld(options: WorldOptions): Promise<Outcome> {
  const folder = await mkdtemp(join(await memoryFolder(), 'thalweg-simulation-'))
  const world = new World(options, folder)
  // It may lie in memory, which nobody would give back.
  const remove = (): void => rmSync(folder, { recursive: true, force: true })
  process.once('exit', remove)
  try {
    return await world.run()
  } finally {
    await world.clear()
    await rm(folder, { recursive: true, force: true })
    process.off('exit', remove)
  }
}

/** Everything is thrown away in the end, so it need not reach a disk. */
async function memoryFolder(): Promise<string> {
  try {
    const probe = await mkdtemp('/dev/shm/thalweg-simulation-')
    await rm(probe, { recursive: true })
    return '/dev/shm'
  } catch {
    return tmpdir()
  }
}

class World {
  readonly #options: WorldOptions
  readonly #folder: string
  readonly #faults: readonly PlannedFault[]
  readonly #endMs: number
  readonly #stillness = new Stillness()
  readonly #clock = new WorldClock(this.#stillness.reached)
  readonly #draws: Draws
  readonly #sabotage: Sabotage | undefined
  readonly #witness = new Witness()
  readonly #vendors: Vendors
  readonly #network: Network
  readonly #sender: Sender
  #life: Life | undefined
  #lives = 0
  #looks = 0
  /** An error in what an alarm set off. */
  #failure: unknown
  /** Of the log, as far as it was read in this life. */
  #kept: Sight['kept'][number][] = []
  #keptFrom = 0
  #readTo = 0
  #checkpoints = new Map<CurrentName, number>()
  #head = 0
  #books: CurrentOutcome[] = []

  constructor(options: WorldOptions, folder: string) {
    const { seed, days, faults } = options
    this.#options = options
    this.#folder = folder
    this.#endMs = days * DAY_MS
    this.#sabotage = options.sabotage?.()
    this.#faults = planFaults(seed, days, faults)
    this.#draws = new Draws(seed, this.#clock)
    this.#vendors = new Vendors(seed, this.#clock, this.#witness)
    this.#network = new Network({
      clock: this.#clock,
      draws: this.#draws,
      vendors: this.#vendors,
      witness: this.#witness,
      fault: (kind, place) => this.#fault(kind, place),
      hub: () => this.#life,
    })
    this.#sender = new Sender({
      name: 'simulated',
      url: `http://hub.sim/currents/${SOURCE}`,
      supply: this.#supply(),
      clock: this.#clock,
      random: () => this.#draws.next('sender'),
      network: {
        post: (body) => this.#network.post(body, idsIn(body)),
        close: async () => undefined,
      },
      tickMs: 300_000,
      waitMs: 7_200_000,
    })
  }

  async run(): Promise<Outcome> {
    await this.#open(this.#newFolder(0))
    await this.#found()
    for (const fault of this.#faults) this.#schedule(fault)
    this.#sender.start()
    const breach = (await this.#pass()) ?? (await this.#settle())
    return this.#outcome(breach)
  }

  async clear(): Promise<void> {
    const life = this.#life
    this.#life = undefined
    await life?.clear()
    // Its waits hang on a clock that will not move again; nobody waits for them.
    void this.#sender.stop()
  }

  /** Lets the days go by, looking at everything now and then. */
  async #pass(): Promise<WorldBreach | undefined> {
    const { days, onDay } = this.#options
    let lives = this.#lives
    for (let hour = 1; hour <= days * 24; hour++) {
      await this.#advance(HOUR_MS)
      if (hour % LOOK_HOURS === 0 || this.#lives > lives) {
        lives = this.#lives
        const breach = await this.#look(false)
        if (breach !== undefined) return breach
      }
      if (hour % 24 === 0) {
        const begun = this.#faults.filter(({ fromMs }) => fromMs < this.#clock.elapsedMs).length
        onDay?.({ day: hour / 24, days, events: this.#witness.sent.size, faults: begun })
      }
    }
    return undefined
  }

  /** The faults are over: what is under way arrives, and then everything must be in order. */
  async #settle(): Promise<WorldBreach | undefined> {
    for (let hour = 0; hour < SETTLE_HOURS_MAX && !(await this.#isSettled()); hour++)
      await this.#advance(HOUR_MS)
    const { queuedEvents } = this.#sender.state()
    if (queuedEvents > 0)
      return this.#breach({
        invariant: 'INV-3',
        what: `the sender still has ${queuedEvents} events that the hub does not take, though nothing ails it`,
      })
    return this.#look(true)
  }

  async #isSettled(): Promise<boolean> {
    const { queuedEvents, inFlight } = this.#sender.state()
    if (this.#life === undefined || queuedEvents + inFlight > 0) return false
    if (this.#network.underWay + this.#network.repeating > 0) return false
    const { currents, delivery } = this.#life.hub
    for (const current of await currents.list()) {
      if (current.state !== 'running') return false
      const { pending, gate } = await delivery.status(current)
      if (pending > 0 || gate !== 'open') return false
    }
    return true
  }

  async #advance(ms: number): Promise<void> {
    await this.#clock.advance(ms)
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Work that an alarm sets off; time stands until it has ended. */
  #now(work: () => Promise<void>): void {
    this.#stillness.during(work()).catch((error: unknown) => {
      this.#failure ??= error
    })
  }

  // Lives

  async #open(folder: string): Promise<void> {
    const number = ++this.#lives
    const clock = new LifeClock(this.#clock, () => Number(this.#fault('skew', '')?.detail ?? 0))
    this.#life = await Life.open(this.#options.openHub, {
      number,
      clock,
      disk: new LifeDisk(folder, clock, this.#draws, () => this.#diskState()),
      random: () => this.#draws.next(`life ${number}`),
      transport: (life) => this.#network.transport(life),
      sabotage: this.#sabotage,
    })
    this.#kept = []
    this.#readTo = this.#life.hub.log.tail
  }

  #newFolder(number: number): string {
    return join(this.#folder, String(number))
  }

  async #crash(how: 'killed' | 'power', downMs: number): Promise<void> {
    const life = this.#life
    if (life === undefined) return
    this.#life = undefined
    const folder = this.#newFolder(this.#lives)
    life.drop(folder, how)
    await life.clear()
    await rm(life.disk.folder, { recursive: true, force: true })
    if (how === 'power') this.#checkpoints.clear()
    this.#clock.after(downMs, () => this.#now(() => this.#open(folder)))
  }

  async #restartStopped(): Promise<void> {
    if (this.#life?.hub.log.state === 'stopped') await this.#crash('killed', RESTART_MS)
  }

  /** Source and currents, in the first life. */
  async #found(): Promise<void> {
    const hub = this.#life?.hub
    if (hub === undefined) return
    await hub.sources.create({ name: SOURCE, kind: 'braze-currents', settings: {}, token: SOURCE_TOKEN })
    for (const name of CURRENT_NAMES) {
      const { kind, settings, credentials, ...rest } = SHAPES[name]
      const { id } = await hub.authorizations.create({
        label: name,
        description: '',
        provider: kind,
        credentials,
      })
      const definition = CurrentDefinition.parse({
        name,
        contactEmail: 'contact@example.com',
        sources: [SOURCE],
        destination: { kind, settings, authorization: id },
        ...rest,
      })
      const { number } = await hub.delivery.create(definition)
      await hub.delivery.launch(number, 'earliest')
    }
  }

  // Faults

  #schedule(fault: PlannedFault): void {
    const { kind, detail, fromMs, toMs, day } = fault
    if (kind === 'crash') {
      const how = detail === 'power' ? 'power' : 'killed'
      if (how === 'power') {
        const [least, most] = POWER_WARNING_MS
        const warningMs = least + (most - least) * drawn(this.#options.seed, 'power', day)
        this.#clock.after(Math.max(0, fromMs - warningMs), () => this.#life?.disk.expectPowerFailure())
      }
      this.#clock.after(fromMs, () => this.#now(() => this.#crash(how, toMs - fromMs)))
    }
    if (kind === 'full' && detail === 'write')
      this.#clock.after(Math.min(toMs, this.#endMs), () => this.#now(() => this.#restartStopped()))
  }

  #fault(kind: FaultKind, place: Place | ''): PlannedFault | undefined {
    const at = this.#clock.elapsedMs
    if (at >= this.#endMs) return undefined
    return this.#faults.find(
      (fault) => fault.kind === kind && fault.place === place && fault.fromMs <= at && at < fault.toMs,
    )
  }

  #diskState(): DiskState {
    const full = this.#fault('full', '')
    if (full === undefined) return 'well'
    if (full.detail === 'store') return 'no room for the store'
    return full.detail === 'log' ? 'no room for segments' : 'writes fail'
  }

  /** Whether something ails a current, or has lately. */
  #ails(name: CurrentName, sinceMs: number): boolean {
    const vendor = vendorOf(name)
    return this.#faults.some(
      ({ kind, place, fromMs, toMs }) =>
        (place === vendor || kind === 'crash' || kind === 'full' || kind === 'skew') &&
        fromMs < this.#clock.elapsedMs &&
        toMs > sinceMs,
    )
  }

  // Traffic

  #supply(): EventSupply {
    const { seed, rate } = this.#options
    const simulation = createSimulation({
      seed,
      clock: this.#clock,
      eventsPerSecond: rate / 3_600,
      users: USERS,
      delayScale: 1,
    })
    return {
      take: (nowMs) => {
        if (nowMs >= BEGIN_MS + this.#endMs) return []
        return simulation.next(nowMs).map(({ type, event }) => {
          const poison = this.#poisonOf(event.id)
          const properties =
            poison === undefined ? event.properties : { ...event.properties, [POISON]: poison }
          const supplied: SupplyEvent = { type, bytes: JSON.stringify({ ...event, properties }) }
          this.#witness.emitted(sentEventOf(supplied))
          return supplied
        })
      },
    }
  }

  /** The current whose vendor will refuse it for good. By the event, so that a repeat of it is like it. */
  #poisonOf(id: string): CurrentName | undefined {
    const draw = drawn(this.#options.seed, 'poison', id)
    if (draw >= POISONED) return undefined
    return draw < POISONED / 2 ? 'treasure-data' : 'webhook'
  }

  // Looking

  async #look(isEnd: boolean): Promise<WorldBreach | undefined> {
    const hub = this.#life?.hub
    if (hub === undefined) return undefined
    this.#looks++
    const changed = await this.#readLog()
    if (changed !== undefined) return this.#breach({ invariant: 'INV-2', what: changed })
    const sight: Sight = {
      witness: this.#witness,
      tail: hub.log.tail,
      kept: this.#kept,
      currents: await this.#currents(),
      isEnd,
    }
    const breach = breachIn(sight)
    this.#witness.refusals = []
    this.#head = hub.log.head
    return breach === undefined ? undefined : this.#breach(breach)
  }

  #breach(breach: Breach): WorldBreach {
    const day = Math.ceil(this.#clock.elapsedMs / DAY_MS)
    return { ...breach, day: Math.min(day, this.#options.days), atMs: this.#clock.now() }
  }

  async #currents(): Promise<CurrentSight[]> {
    const hub = this.#life?.hub
    if (hub === undefined) return []
    const sights: CurrentSight[] = []
    this.#books = []
    for (const current of await hub.currents.list()) {
      const name = current.name as CurrentName
      const books = await hub.delivery.checkBooks(current.number)
      if (books === undefined) throw new Error(`The current ${name} has no books`)
      const letters = await hub.store.db
        .selectFrom('dead_letters')
        .select('event_id')
        .where('current', '=', current.number)
        .execute()
      const { checkpoint } = books
      const isCalm = !this.#ails(name, this.#clock.elapsedMs - LOOK_HOURS * HOUR_MS - AFTERMATH_MS)
      const { turnedAwayAtMs, repeats } = this.#witness.takings[name]
      sights.push({
        name,
        state: current.state,
        checkpoint,
        checkpointBefore: this.#checkpoints.get(name) ?? 0,
        books,
        dead: letters.map(({ event_id }) => event_id),
        wasLocked: turnedAwayAtMs > 0,
        due: isCalm ? this.#head : 0,
      })
      this.#checkpoints.set(name, checkpoint)
      const { accepted, delivered, filtered, dead, pending } = books
      this.#books.push({ name, state: current.state, accepted, delivered, filtered, dead, pending, repeats })
    }
    return sights
  }

  /** Reads on in the log. What differs from what was read in an earlier life; undefined: nothing. */
  async #readLog(): Promise<string | undefined> {
    const log = this.#life?.hub.log
    if (log === undefined) return undefined
    const { records } = this.#witness
    if (this.#kept.length === 0) this.#keptFrom = log.tail
    while (this.#readTo < log.head) {
      const run = await log.read(this.#readTo, READ_BYTES)
      if (run.gaps.length > 0) return `the log has lost what lay at ${run.gaps[0]?.where}`
      for (const frame of run.frames) {
        for (let i = Math.max(0, this.#readTo - frame.baseOffset); i < frame.count; i++) {
          const bytes = frame.bytes.toString('utf8', frame.rowStart(i), frame.rowEnd(i))
          const { id } = JSON.parse(bytes) as { id: string }
          const offset = frame.baseOffset + i
          const before = records[offset]
          if (before !== undefined && before.id !== id)
            return `record ${offset} was ${before.id} and is ${id} since the hub was opened again`
          if (!this.#witness.recorded(offset, { id, receivedAt: frame.receivedAt }))
            return `record ${offset} is ${id}, which nobody sent`
          this.#kept.push({ id, receivedAt: frame.receivedAt, bytes })
        }
      }
      this.#readTo = run.next
    }
    if (log.head < records.length)
      return `the log ends at ${log.head}, and had ${records.length} records before the hub was opened again`
    this.#kept.splice(0, log.tail - this.#keptFrom)
    this.#keptFrom = log.tail
    return undefined
  }

  async #outcome(breach: WorldBreach | undefined): Promise<Outcome> {
    const { seed, days, rate } = this.#options
    const sender = this.#sender.state()
    const life = this.#life
    return {
      seed,
      days,
      rate,
      sent: this.#witness.sent.size,
      acknowledged: this.#witness.acknowledged.size,
      dropped: sender.dropped,
      currents: this.#books,
      faults: this.#faults.filter(({ fromMs }) => fromMs < this.#clock.elapsedMs),
      lives: this.#lives,
      looks: this.#looks,
      judged: Object.keys(JUDGES),
      digest:
        breach === undefined && life !== undefined
          ? await digestOf(life.hub, this.#witness, this.#vendors, sender)
          : '',
      breach,
    }
  }
}

interface Shape {
  readonly kind: string
  readonly settings: Record<string, unknown>
  readonly credentials: Record<string, unknown>
  readonly externalId: 'required' | 'optional'
  readonly selection?: { readonly include: string[] }
  readonly delivery: Record<string, unknown>
}

const WAIT_MS = 900_000

/** `flows` in witness.ts tells of them what it expects. */
const SHAPES: Readonly<Record<CurrentName, Shape>> = {
  'treasure-data': {
    kind: 'treasure-data',
    settings: {
      form: 'records',
      host: `http://${HOSTS['treasure-data']}`,
      database: DEMO.database,
      table: DEMO.table,
    },
    credentials: { writeKey: DEMO.treasureDataKey },
    externalId: 'required',
    delivery: { waitMs: WAIT_MS, recordsMax: 20, inFlightMax: 3 },
  },
  webhook: {
    kind: 'http',
    settings: { url: `http://${HOSTS.webhook}/events` },
    credentials: {},
    externalId: 'optional',
    selection: { include: ['users.messages.*'] },
    delivery: { waitMs: WAIT_MS, recordsMax: 20, inFlightMax: 3, ordering: 'per-profile' },
  },
  'segment-a': segmentShape('segment-a', ['users.messages.*', 'users.campaigns.*', 'users.canvas.*']),
  'segment-b': segmentShape('segment-b', ['*']),
}

function segmentShape(name: 'segment-a' | 'segment-b', include: string[]): Shape {
  return {
    kind: 'segment',
    settings: { region: 'custom', host: `http://${HOSTS[name]}/v1` },
    credentials: { writeKey: SEGMENT_KEYS[name] },
    externalId: 'required',
    selection: { include },
    delivery: { waitMs: WAIT_MS, recordsMax: 30, inFlightMax: 2 },
  }
}

function idsIn(body: Buffer): string[] {
  const { events } = JSON.parse(body.toString()) as { events: readonly { id: string }[] }
  return events.map(({ id }) => id)
}
