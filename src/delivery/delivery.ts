/**
 * Delivery: the one way out of the log. It runs every launched current, decides what faults mean, and is the only room that settles records.
 * It never knows a vendor: destinations are consulted. It never changes what a record says.
 */

import type { Alerts } from '../alerts/alerts.ts'
import type { Cluster, PostEnd } from '../cluster/cluster.ts'
import { onAbort } from '../core/aborts.ts'
import { type Clock, type Pause, pause, systemClock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import type { Fault } from '../core/fault.ts'
import type { Kernel } from '../core/kernel/kernel.ts'
import type { Random } from '../core/random.ts'
import { TurnsByKey } from '../core/turns.ts'
import {
  type Current,
  type CurrentAction,
  type CurrentDefinition,
  type LaunchFrom,
  stateAfter,
} from '../currents/current.ts'
import type { Currents } from '../currents/registry.ts'
import type { SourceLabel } from '../destinations/destination.ts'
import type { Log } from '../log/log.ts'
import type { Lease } from '../store/leases.ts'
import type { Store } from '../store/store.ts'
import { type AuthorizationSource, type Blueprint, Blueprints } from './blueprint.ts'
import { type BookCheck, type BookSubject, Books } from './books.ts'
import { TypeNumbers } from './cells.ts'
import { Connection, type ConnectionParts } from './connection.ts'
import { ConnectionStats } from './connection-stats.ts'
import { DeadLetters } from './dead-letters.ts'
import { History } from './history.ts'
import { IntakeAccount } from './intake.ts'
import { recordAt } from './lineage.ts'
import {
  previewReplay,
  type Replay,
  type ReplayPreview,
  Replays,
  type ReplayTarget,
  type ReplayWindow,
} from './replay.ts'
import { type Settlement, Settler } from './settlement.ts'
import type { Slice } from './slice.ts'
import type { Transport } from './transport.ts'

export interface DeliveryParts {
  readonly log: Log
  readonly store: Store
  /** Says which currents are delivered here. */
  readonly cluster: Cluster
  readonly clock: Clock
  readonly random: Random
  readonly kernel: Kernel
  readonly transport: Transport
  readonly currents: Currents
  readonly alerts: Alerts
  readonly authorizations: AuthorizationSource
  /** Numbers of the named sources. Throws SOURCE_UNKNOWN. */
  readonly sourceNumbers: (names: readonly string[]) => Promise<ReadonlySet<number>>
  /** What a destination may say of a source. Throws SOURCE_UNKNOWN. */
  readonly sourceLabel: (number: number) => SourceLabel
  readonly logger: DeliveryLogger
  /** Name of the only node that can deliver a current, where what it writes to lies on one; undefined: any. */
  readonly homeOf?: (definition: CurrentDefinition) => string | undefined
  /** How often a halted current tries again by itself. Default 5 minutes, the middle of what Braze does (2–5 min). */
  readonly haltedRetryMs?: number
  /** After how long without an accepted request the contact is told. Default 15 minutes. */
  readonly alertAfterMs?: number
  /** How often connections are looked at for long outages. Default 10 s. */
  readonly watchMs?: number | undefined
  /** How long outcomes and counts gather before they are written together. Default GATHER_MS. */
  readonly gatherMs?: number | undefined
  /** How it waits for company, and for a store that is away. Default: in real time. */
  readonly pause?: Pause | undefined
}

export interface DeliveryLogger {
  info(about: object, message: string): void
  warn(about: object, message: string): void
  error(about: object, message: string): void
}

export interface ConnectionStatus {
  readonly current: Current
  readonly position: number
  readonly readPosition: number
  readonly pending: number
  readonly batchesUnderWay: number
  readonly oldestUnsettledAt: number | undefined
  readonly gate: 'open' | 'closed' | 'half-open' | 'off'
  readonly retryAt: number | undefined
  readonly stats: ConnectionStats
}

const HALTED_RETRY_MS = 300_000
const ALERT_AFTER_MS = 900_000
const WATCH_MS = 10_000
/** How long a stop waits for the store to take what was decided; longer than the runners wait for answers. */
const SETTLE_GRACE_MS = 6_000
const STATE_RETRY_MS = 1_000

export class Delivery {
  readonly letters: DeadLetters
  readonly intake: IntakeAccount
  readonly blueprints: Blueprints
  readonly history: History
  readonly #parts: DeliveryParts
  readonly #types = new TypeNumbers()
  readonly #books: Books
  readonly #replays: Replays
  readonly #settler: Settler
  readonly #connections = new Map<number, Connection>()
  /** Currents that the cluster was told of. */
  readonly #offered = new Set<number>()
  readonly #stats = new Map<number, ConnectionStats>()
  /** Changes of one current happen one after another. */
  readonly #turns = new TurnsByKey<number>()
  readonly #onTrouble: (error: unknown) => void
  /** Known to have no open alert about an outage, so that looking for one costs nothing. */
  readonly #calm = new WeakSet<Connection>()
  #stopping = false
  #cancelWatch: () => void = () => undefined

  constructor(parts: DeliveryParts) {
    this.#parts = parts
    const { store, clock, log, logger } = parts
    const onTrouble = (error: unknown): void =>
      logger.error({ err: error }, 'the store does not take what was settled; trying again')
    this.#onTrouble = onTrouble
    this.letters = new DeadLetters(store, clock)
    this.blueprints = new Blueprints(parts)
    this.history = new History({ ...parts, blueprints: this.blueprints })
    this.intake = new IntakeAccount({
      log,
      store,
      clock,
      onTrouble,
      gatherMs: parts.gatherMs,
      pause: parts.pause,
    })
    this.#books = new Books(log, store, clock)
    this.#replays = new Replays(store, log, clock, this.#types, onTrouble)
    this.#settler = new Settler(store, clock, this.#types, onTrouble, parts.gatherMs, parts.pause)
  }

  /** Takes up every launched current where its checkpoint is, each on the node whose turn it is. */
  async start(): Promise<void> {
    const { cluster } = this.#parts
    await cluster.offer({
      name: 'intake',
      role: 'schedule',
      begin: () => this.intake.start(),
      end: () => this.intake.stop(),
    })
    await this.holdAll()
    await this.#offerLaunched()
    cluster.onChange('currents', () => this.#offerLaunched())
    cluster.onChange('redrives', async () => this.#wakeRedrives())
    cluster.onChange('replays', async () => {
      for (const { replayTarget } of this.#connections.values()) await this.#replays.look(replayTarget)
    })
    this.#watch()
  }

  /** Has the log keep what the currents and the intake account still need, wherever that runs. */
  async holdAll(): Promise<void> {
    await this.intake.hold()
    for (const current of await this.#parts.currents.list()) {
      if (current.startOffset === null) continue
      this.#parts.log.hold(deliveryOf(current.number), await this.#position(current))
      await this.#replays.hold(current.number)
    }
  }

  async #offerLaunched(): Promise<void> {
    const launched = new Map(
      (await this.#parts.currents.list())
        .filter(({ startOffset }) => startOffset !== null)
        .map((current) => [current.number, current]),
    )
    for (const current of launched.values()) await this.#offer(current)
    for (const number of this.#offered) if (!launched.has(number)) await this.#withdraw(number)
  }

  async #offer({ number, definition }: Current): Promise<void> {
    this.#offered.add(number)
    await this.#parts.cluster.offer({
      name: deliveryOf(number),
      role: 'deliver',
      home: this.#parts.homeOf?.(definition),
      begin: async (lease) => {
        const current = await this.#parts.currents.get(number)
        if (current.state === 'running' || current.state === 'halted') await this.#begin(current, lease)
      },
      end: (how) => this.#end(number, how),
    })
  }

  async #withdraw(number: number): Promise<void> {
    this.#offered.delete(number)
    await this.#parts.cluster.withdraw(deliveryOf(number))
    this.#parts.log.hold(deliveryOf(number), Number.POSITIVE_INFINITY)
  }

  /** Stops reading, lets answers on their way arrive for some seconds, writes what was decided. */
  async stop(): Promise<void> {
    this.#stopping = true
    this.#cancelWatch()
    await this.#replays.stop()
    const stopped = Promise.all([...this.#connections.values()].map((connection) => connection.stop()))
    // While the store is away, connections wait for their books without end: then what is not written is delivered again.
    // In real time, which a stopped virtual clock does not hold up, and without keeping the process.
    await Promise.race([stopped, systemClock.sleep(SETTLE_GRACE_MS)])
    await this.#settler.close()
    await stopped
    this.#connections.clear()
    await this.intake.stop()
  }

  /** Throws CURRENT_INVALID with every problem found; when there is but one, perhaps SOURCE_UNKNOWN, AUTHORIZATION_UNKNOWN or SEALING_KEY. */
  async validate(definition: CurrentDefinition): Promise<void> {
    await this.blueprints.of({ definition, key: 'check' })
  }

  async create(definition: CurrentDefinition, note?: string): Promise<Current> {
    await this.validate(definition)
    return this.#parts.currents.create(definition, note)
  }

  /** Fixes where the current begins and starts it. Throws CURRENT_STATE unless it is a draft. */
  launch(number: number, from: LaunchFrom): Promise<Current> {
    return this.#turns.take(number, async () => {
      const { cluster, currents, log, store, clock } = this.#parts
      const draft = await currents.get(number)
      // Before anything is touched: the checkpoint of one that runs must not move.
      refuseUnless(draft, 'launch')
      await this.validate(draft.definition)
      // Under its lease, so that of two launches on two nodes only the first moves the checkpoint.
      const launched = await cluster.exclusively(deliveryOf(number), async () => {
        refuseUnless(await currents.get(number), 'launch')
        const start =
          from === 'now' ? log.head : from === 'earliest' ? log.tail : await log.offsetAt(from.timeMs)
        log.hold(deliveryOf(number), start)
        await store.db
          .insertInto('checkpoints')
          .values({ current: number, position: start, updated_at: clock.now() })
          .onConflict((conflict) =>
            conflict.column('current').doUpdateSet({ position: start, updated_at: clock.now() }),
          )
          .execute()
        return currents.launch(number, start)
      })
      await this.#offer(launched)
      return launched
    })
  }

  pause(number: number, reason: string): Promise<Current> {
    return this.#whileEnded(number, 'pause', (lease) =>
      this.#parts.currents.act(number, 'pause', reason, lease),
    )
  }

  resume(number: number): Promise<Current> {
    return this.#whileEnded(number, 'resume', async (lease) => {
      const resumed = await this.#parts.currents.act(number, 'resume', '', lease)
      await this.#parts.alerts.resolve(number, ['halted'])
      return resumed
    })
  }

  /** A new version that applies to everything not settled yet. A halted current runs again: the change is taken as the mend. */
  revise(number: number, definition: CurrentDefinition, note: string): Promise<Current> {
    return this.#turns.take(number, async () => {
      const { cluster, currents } = this.#parts
      await this.validate(definition)
      const before = await currents.get(number)
      if (before.state === 'deleted') refuseUnless(before, 'pause')
      return cluster.exclusively(deliveryOf(number), async (lease) => {
        const from = before.startOffset === null ? 0 : await this.#position(before)
        const revised = await currents.revise(number, definition, from, note, lease)
        if (revised.state !== 'halted') return revised
        await this.#parts.alerts.resolve(number, ['halted'])
        return currents.act(number, 'resume', '', lease)
      })
    })
  }

  remove(number: number): Promise<Current> {
    return this.#whileEnded(number, 'remove', async (lease) => {
      const removed = await this.#parts.currents.act(number, 'remove', '', lease)
      await this.#replays.cancelAll(number)
      await this.#parts.alerts.resolve(number, ['halted', 'deferred-long', 'log-corrupt', 'books'])
      return removed
    }).then(async (removed) => {
      await this.#withdraw(number)
      return removed
    })
  }

  /** Changes the state of a current while no node delivers it. Throws CURRENT_STATE before anything is ended. */
  #whileEnded(
    number: number,
    action: CurrentAction,
    change: (lease: Lease) => Promise<Current>,
  ): Promise<Current> {
    return this.#turns.take(number, async () => {
      refuseUnless(await this.#parts.currents.get(number), action)
      return this.#parts.cluster.exclusively(deliveryOf(number), change)
    })
  }

  /** Ends a current wherever it is delivered, and has it begin again by what is so now. */
  #again(number: number): Promise<void> {
    return this.#turns.take(number, () =>
      this.#parts.cluster.exclusively(deliveryOf(number), async () => undefined),
    )
  }

  /** Restarts the currents that use an authorization, so that they see its new credentials; halted ones try at once. */
  async authorizationChanged(id: string): Promise<void> {
    for (const current of await this.#parts.currents.list()) {
      // Also where none runs: with the old credentials it may not even have begun.
      if (current.definition.destination.authorization === id && current.startOffset !== null)
        await this.#again(current.number)
    }
  }

  /**
   * Ends every connection and begins it again where its books are: what was read before and not settled is read again. For after the log
   * was rewritten. Answers on their way get some seconds to arrive.
   */
  async restart(): Promise<void> {
    const delivered = (await this.#parts.currents.list()).filter(
      ({ state }) => state === 'running' || state === 'halted',
    )
    await Promise.all(delivered.map(({ number }) => this.#again(number)))
  }

  async status(which: number | Current): Promise<ConnectionStatus> {
    const current = typeof which === 'number' ? await this.#parts.currents.get(which) : which
    const { number } = current
    const connection = this.#connections.get(number)
    const runner = connection?.runner.status()
    const position = runner?.position ?? (current.startOffset === null ? 0 : await this.#position(current))
    const subject = await this.history.subject(current)
    return {
      current,
      position,
      readPosition: runner?.readPosition ?? position,
      pending: subject === undefined ? 0 : await this.#books.pending(subject, position),
      batchesUnderWay: runner?.batchesUnderWay ?? 0,
      oldestUnsettledAt: runner?.oldestUnsettledAt ?? (await this.#oldestPendingAt(subject, position)),
      gate: connection?.gate.state ?? 'off',
      retryAt: connection?.gate.retryAt,
      stats: this.statsOf(number),
    }
  }

  statsOf(number: number): ConnectionStats {
    let stats = this.#stats.get(number)
    if (stats === undefined) {
      stats = new ConnectionStats()
      this.#stats.set(number, stats)
    }
    return stats
  }

  /** undefined for a draft: it has no books yet. */
  async checkBooks(number: number): Promise<BookCheck | undefined> {
    const current = await this.#parts.currents.get(number)
    const subject = await this.history.subject(current)
    if (subject === undefined) return undefined
    const check = await this.#books.check(subject, async (offset) => {
      const record = await recordAt(this.#parts.log, offset)
      if (record === undefined) return 'covered'
      const fate = await this.history.fate(current, record)
      return fate.outcome === 'missing' ? 'missing' : 'covered'
    })
    if (check.balanced) {
      await this.#parts.alerts.resolve(number, ['books'])
    } else {
      await this.#parts.alerts.raise({
        current: number,
        about: { sort: 'current', name: current.name },
        kind: 'books',
        contact: current.definition.contactEmail,
        subject: `The books of ${current.name} do not balance`,
        detail: `${check.residue} records are counted differently by the log and the ledger; ${check.missing.length} named`,
      })
    }
    return check
  }

  /** Queues dead letters, all or none, and sends them; those of a current that does not run stay queued until it does. */
  async redrive(ids: readonly string[], note: string): Promise<number> {
    const queued = await this.letters.queue(ids, note)
    this.#wakeRedrives()
    await this.#parts.cluster.tell('redrives')
    return queued
  }

  #wakeRedrives(): void {
    for (const connection of this.#connections.values()) connection.redrive.wake()
  }

  async previewReplay(number: number, window: ReplayWindow): Promise<ReplayPreview> {
    const current = await this.#parts.currents.get(number)
    const { rule } = await this.blueprints.of(current)
    const range = await this.#range(window)
    const position = current.startOffset === null ? Number.POSITIVE_INFINITY : await this.#position(current)
    return previewReplay(this.#parts.log, rule, range, window.types, {
      start: current.startOffset ?? Number.POSITIVE_INFINITY,
      position,
    })
  }

  async replay(number: number, window: ReplayWindow): Promise<Replay> {
    const target = await this.#replayTarget(number)
    const replay = await this.#replays.create(number, target, await this.#range(window), window.types)
    await this.#parts.cluster.tell('replays')
    return replay
  }

  replays(number: number): Promise<Replay[]> {
    return this.#replays.list(number)
  }

  getReplay(id: string): Promise<Replay> {
    return this.#replays.get(id)
  }

  async resumeReplay(id: string): Promise<Replay> {
    const replay = await this.#replays.get(id)
    const resumed = await this.#replays.resume(id, await this.#replayTarget(replay.current))
    await this.#parts.cluster.tell('replays')
    return resumed
  }

  async pauseReplay(id: string): Promise<Replay> {
    const paused = await this.#replays.pause(id)
    await this.#parts.cluster.tell('replays')
    return paused
  }

  async cancelReplay(id: string): Promise<Replay> {
    const cancelled = await this.#replays.cancel(id)
    await this.#parts.cluster.tell('replays')
    return cancelled
  }

  async #begin(current: Current, lease: Lease): Promise<void> {
    const { log, store, clock, random, kernel, transport, logger } = this.#parts
    const position = await this.#position(current)
    let made: Blueprint
    try {
      made = await this.blueprints.of(current)
    } catch (error) {
      if (!(error instanceof ThalwegError)) throw error
      // What was valid when it was saved may not be now: a lost sealing key, a removed authorization.
      await this.#halted(current.number, { kind: 'misconfigured', message: error.message }, lease)
      return
    }
    const parts: ConnectionParts = {
      log,
      store,
      clock,
      random,
      kernel,
      types: this.#types,
      transport,
      settler: this.#settler,
      letters: this.letters,
      lease,
      haltedRetryMs: this.#parts.haltedRetryMs ?? HALTED_RETRY_MS,
    }
    const connection = new Connection(current, made, position, this.statsOf(current.number), parts, {
      onHalted: (fault) => this.#halted(current.number, fault, lease),
      onRecovered: () => this.#recovered(current.number, lease),
      onSettled: (slice, settlement) => this.#settled(current, slice, settlement),
      onTrouble: this.#onTrouble,
    })
    this.#connections.set(current.number, connection)
    log.hold(deliveryOf(current.number), position)
    // At once, whatever else is being done: the next thing that is sent could be another node's.
    onAbort(lease.lost, () => void connection.stop('now'))
    connection.start()
    await this.#replays.resumeAll(connection.replayTarget)
    logger.info({ current: current.name, position, version: current.version }, 'delivery started')
  }

  async #end(number: number, how: PostEnd): Promise<void> {
    const connection = this.#connections.get(number)
    if (connection === undefined) return
    await this.#replays.stop(number)
    await connection.stop(how === 'lost' ? 'now' : 'in peace')
    this.#connections.delete(number)
  }

  async #halted(number: number, fault: Fault, lease: Lease): Promise<void> {
    const { currents, logger } = this.#parts
    await this.#surely(async () => {
      const current = await currents.get(number)
      if (current.state !== 'running' && current.state !== 'halted') return
      await currents.act(number, 'halt', fault.message, lease)
      await this.#parts.alerts.raise({
        current: number,
        about: { sort: 'current', name: current.name },
        kind: 'halted',
        contact: current.definition.contactEmail,
        subject: `Current ${current.name} is halted: ${fault.kind}`,
        detail: `${fault.message}${fault.answer ? `\nAnswer: ${fault.answer}` : ''}\nNothing is lost: delivery resumes where it stopped.`,
      })
      if (fault.kind === 'unauthorized') await this.#noteHealth(current, 'bad', fault.message)
      logger.warn(
        { current: current.name, fault: fault.kind, status: fault.status, reason: fault.message },
        'current halted',
      )
    })
  }

  async #recovered(number: number, lease: Lease): Promise<void> {
    await this.#surely(async () => {
      const current = await this.#parts.currents.get(number)
      if (current.state === 'halted') await this.#parts.currents.act(number, 'resume', '', lease)
      await this.#parts.alerts.resolve(number, ['halted', 'deferred-long'])
      await this.#noteHealth(current, 'good', '')
      this.#parts.logger.info({ current: current.name }, 'current runs again')
    })
  }

  async #noteHealth(current: Current, health: 'good' | 'bad', detail: string): Promise<void> {
    const { authorization } = current.definition.destination
    if (authorization === null) return
    try {
      await this.#parts.authorizations.setHealth(authorization, health, detail)
    } catch (error) {
      // Removed meanwhile: nobody's health is left to note.
      if (!(error instanceof ThalwegError) || error.code !== 'AUTHORIZATION_UNKNOWN') throw error
    }
  }

  #settled(current: Current, slice: Slice, { batches }: Settlement): void {
    const { number } = current
    this.#parts.log.hold(deliveryOf(number), slice.to)
    if (slice.gaps.length > 0 || slice.trimmed > 0) void this.#surely(() => this.#alertLoss(current, slice))
    const stats = this.statsOf(number)
    for (const cells of slice.filtered.values()) stats.filtered += cells.total()
    for (const { delivered, skipped, failed } of batches) {
      stats.delivered += delivered
      stats.filtered += skipped
      stats.dead += failed
    }
  }

  async #alertLoss({ number, name, definition }: Current, slice: Slice): Promise<void> {
    const gaps = slice.gaps.map(
      (gap) => `offsets ${gap.from} to ${gap.to - 1} do not check out: ${gap.where}`,
    )
    const trimmed =
      slice.trimmed === 0
        ? []
        : [`${slice.trimmed} records before offset ${slice.to} were removed by retention`]
    await this.#parts.alerts.raise({
      current: number,
      about: { sort: 'current', name },
      kind: 'log-corrupt',
      contact: definition.contactEmail,
      subject: `Current ${name} could not read a part of the log`,
      detail: [...trimmed, ...gaps].slice(0, 20).join('\n'),
    })
  }

  /** State changes must not be lost because the store is away: tries until it succeeds or we stop. */
  async #surely(change: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        return await change()
      } catch (error) {
        // It is no longer ours to say.
        if (error instanceof ThalwegError && error.code === 'LEASE_LOST') return
        this.#parts.logger.error({ err: error }, 'could not record a change of state')
        if (this.#stopping) return
        await (this.#parts.pause ?? pause)(STATE_RETRY_MS)
      }
    }
  }

  /** Tells the contact when a destination has been away for long. */
  #watch(): void {
    this.#cancelWatch = this.#parts.clock.after(this.#parts.watchMs ?? WATCH_MS, () => {
      this.#alertLongOutages().catch((error: unknown) => {
        this.#parts.logger.error({ err: error }, 'could not look for long outages; looking again soon')
      })
      this.#watch()
    })
  }

  async #alertLongOutages(): Promise<void> {
    const now = this.#parts.clock.now()
    for (const connection of this.#connections.values()) {
      const since = connection.gate.closedSince
      const { number, name, definition } = connection.current
      if (since === undefined) {
        if (this.#calm.has(connection)) continue
        await this.#parts.alerts.resolve(number, ['deferred-long'])
        this.#calm.add(connection)
        continue
      }
      this.#calm.delete(connection)
      if (now - since >= (this.#parts.alertAfterMs ?? ALERT_AFTER_MS)) {
        await this.#parts.alerts.raise({
          current: number,
          about: { sort: 'current', name },
          kind: 'deferred-long',
          contact: definition.contactEmail,
          subject: `Current ${name} has not delivered since ${new Date(since).toISOString()}`,
          detail: connection.stats.lastFault?.message ?? '',
        })
      }
    }
  }

  async #position(current: Current): Promise<number> {
    const row = await this.#parts.store.db
      .selectFrom('checkpoints')
      .select('position')
      .where('current', '=', current.number)
      .executeTakeFirst()
    return row?.position ?? current.startOffset ?? 0
  }

  async #oldestPendingAt(subject: BookSubject | undefined, position: number): Promise<number | undefined> {
    if (subject === undefined || position >= this.#parts.log.head) return undefined
    return (await recordAt(this.#parts.log, Math.max(position, this.#parts.log.tail)))?.receivedAt
  }

  /** undefined: the current runs on another node. Throws CURRENT_STATE. */
  async #replayTarget(number: number): Promise<ReplayTarget | undefined> {
    const connection = this.#connections.get(number)
    if (connection !== undefined) return connection.replayTarget
    const { state } = await this.#parts.currents.get(number)
    if (this.#parts.cluster.isSole || (state !== 'running' && state !== 'halted'))
      throw new ThalwegError('CURRENT_STATE', 'Only a running current can replay: launch or resume it first')
    return undefined
  }

  async #range(window: ReplayWindow): Promise<{ from: number; to: number }> {
    if (window.toMs <= window.fromMs)
      throw new ThalwegError('REPLAY_INVALID', 'The window ends before it begins')
    const { log } = this.#parts
    return { from: await log.offsetAt(window.fromMs), to: await log.offsetAt(window.toMs) }
  }
}

/**
 * What the delivery of a current is called: its post in a cluster, and its reader of the log. One partition for now, with one checkpoint:
 * see ADR 0046.
 */
export function deliveryOf(current: number): string {
  return `current ${current}`
}

/** Throws CURRENT_STATE unless the table in currents/current.ts allows the action. */
function refuseUnless({ name, state }: Current, action: CurrentAction): void {
  if (stateAfter(state, action) !== undefined) return
  throw new ThalwegError('CURRENT_STATE', `Current ${name} is ${state}: it cannot ${action} now`)
}
