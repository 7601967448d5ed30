/**
 * Exports: the audiences of profiles, kept as slugs in an attribute at a vendor. What the vendor should hold of each person
 * follows from profiles in the transaction that changes them, and lies in a book beside what the vendor accepted; senders
 * tell the difference. This folder never sends a change as such: a change that was never told, told twice or told too late
 * leaves the same state behind. It goes out through delivery's courier.
 */

import type { Alerts } from '../../alerts/alerts.ts'
import type { Address } from '../../core/audience-change.ts'
import type { Clock } from '../../core/clock.ts'
import { ThalwegError } from '../../core/errors.ts'
import type { Fault } from '../../core/fault.ts'
import type { Random } from '../../core/random.ts'
import { TurnsByKey } from '../../core/turns.ts'
import type { AudienceWay, AuthorizationSource, Blueprints } from '../../delivery/blueprint.ts'
import { ConnectionStats } from '../../delivery/connection-stats.ts'
import type { Transport } from '../../delivery/transport.ts'
import { destinationNamed } from '../../destinations/catalog.ts'
import { type Cost, costOf } from '../../destinations/cost.ts'
import type { Lease } from '../../store/leases.ts'
import type { Store } from '../../store/store.ts'
import {
  type ExportBook,
  FIRST_MEMBER,
  type Figures,
  type MemberPlace,
  type PeopleQuery,
  type PersonEntry,
  type Walk,
} from './book.ts'
import { type Export, type ExportAction, type ExportDefinition, stateAfter } from './definition.ts'
import { ExportLog } from './log.ts'
import { type Reconciliation, reconcile } from './reconcile.ts'
import { ExportRegistry } from './registry.ts'
import type { ExportRule } from './rule.ts'
import { ExportSender } from './sender.ts'

export interface ExportsParts {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly transport: Transport
  /** Under which exports are sent here. */
  readonly lease: Lease
  readonly blueprints: Pick<Blueprints, 'audienceWay'>
  readonly alerts: Alerts
  readonly authorizations: Pick<AuthorizationSource, 'setHealth'>
  readonly book: ExportBook
  /** Of every audience that is not deleted, its slug. */
  readonly slugs: () => Promise<ReadonlyMap<number, string>>
  /** Names of the fields that identify profiles. */
  readonly identifierFields: () => Promise<ReadonlySet<string>>
  readonly logger: ExportsLogger
  /** How often a halted export tries again by itself. Default 5 minutes, as currents do. */
  readonly haltedRetryMs?: number
  /** How often exports are looked at for long outages. Default 10 s. */
  readonly watchMs?: number | undefined
  /** After how long without an accepted request the contact is told. Default 15 minutes. */
  readonly alertAfterMs?: number
}

export interface ExportsLogger {
  info(about: object, message: string): void
  warn(about: object, message: string): void
  error(about: object, message: string): void
}

/** What is sent at the start, before anybody moves. */
export interface ExportPreview extends Cost {
  /** In an audience, with an identifier. */
  readonly members: number
  /** Of them, who is sent at the start. */
  readonly people: number
  /** In an audience, without an identifier. */
  readonly omitted: number
  /** Members whose array would overflow. */
  readonly over: number
  /** At the vendor's rate and at the rate of the backfill lane, whichever is slower. */
  readonly minutes: number
}

export interface ExportStatus extends Figures {
  readonly gate: 'open' | 'closed' | 'half-open' | 'off'
  readonly stats: ConnectionStats
}

const HALTED_RETRY_MS = 300_000
const ALERT_AFTER_MS = 900_000
const WATCH_MS = 10_000
const CAPACITY_EVERY_MS = 60_000
/** Settings that say how, not where: they may change while the export lives. */
const MANNER: ReadonlySet<string> = new Set(['threads', 'existingOnly'])

export class Exports {
  readonly registry: ExportRegistry
  readonly log: ExportLog
  readonly #parts: ExportsParts
  readonly #senders = new Map<number, ExportSender>()
  readonly #stats = new Map<number, ConnectionStats>()
  readonly #reconciliations = new Map<number, Reconciliation>()
  /** Changes of one export happen one after another. */
  readonly #turns = new TurnsByKey<number>()
  #stopping = new AbortController()
  readonly #running = new Set<Promise<unknown>>()
  #cancelWatch: () => void = () => undefined
  #capacityAt = 0

  constructor(parts: ExportsParts) {
    this.#parts = parts
    this.registry = new ExportRegistry(parts.store, parts.clock)
    this.log = new ExportLog(parts.store, parts.clock)
  }

  /** Also after a stop. */
  async start(): Promise<void> {
    this.#stopping = new AbortController()
    for (const one of await this.registry.list()) if (isSent(one)) await this.#begin(one)
    this.#watch()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#cancelWatch()
    await Promise.allSettled([this.#turns.ended(), ...this.#running])
    await Promise.all([...this.#senders.values()].map((sender) => sender.stop()))
    this.#senders.clear()
  }

  /** A draft: nothing is sent until it is started. Throws EXPORT_INVALID, EXPORT_NAME_TAKEN. */
  async create(definition: ExportDefinition, author: string, note?: string): Promise<Export> {
    await this.#validate(definition, undefined)
    return this.registry.create(definition, author, note)
  }

  /** Throws EXPORT_STATE unless it is a draft. */
  begin(which: number | string): Promise<Export> {
    return this.#inTurn(which, async (draft) => {
      refuseUnless(draft, 'start')
      await this.#validate(draft.definition, draft.number)
      const now = this.#parts.clock.now()
      const since = Object.fromEntries(draft.definition.audiences.map((number) => [number, now]))
      const started = await this.registry.start(draft.number, since)
      await this.#begin(started)
      return started
    })
  }

  pause(which: number | string, reason: string): Promise<Export> {
    return this.#inTurn(which, async ({ number }) => {
      const paused = await this.registry.act(number, 'pause', reason)
      await this.#end(number)
      return paused
    })
  }

  resume(which: number | string): Promise<Export> {
    return this.#inTurn(which, async ({ number }) => {
      const resumed = await this.registry.act(number, 'resume', '')
      await this.#end(number)
      await this.#parts.alerts.resolve({ export: number }, ['halted'])
      await this.#begin(resumed)
      return resumed
    })
  }

  /**
   * A new version. A halted export runs again: the change is taken as the mend. Throws EXPORT_INVALID also when a started
   * export would write somewhere else: what it has written would stay there.
   */
  revise(
    which: number | string,
    definition: ExportDefinition,
    note: string,
    author: string,
  ): Promise<Export> {
    return this.#inTurn(which, async (before) => {
      if (before.state === 'removing' || before.state === 'deleted') refuseUnless(before, 'pause')
      await this.#validate(definition, before.number)
      if (before.startedAt !== null && placeOf(definition) !== placeOf(before.definition))
        throw new ThalwegError(
          'EXPORT_INVALID',
          'A started export keeps its place at the vendor, because its slugs would stay there: remove it and make another one',
        )
      const now = this.#parts.clock.now()
      const since: Record<string, number> = {}
      if (before.startedAt !== null)
        for (const audience of definition.audiences) since[audience] = before.since[audience] ?? now
      await this.#end(before.number)
      try {
        await this.registry.revise(before, definition, since, note, author)
        if (before.state === 'halted') {
          await this.#parts.alerts.resolve({ export: before.number }, ['halted'])
          await this.registry.act(before.number, 'resume', '')
        }
      } finally {
        const present = await this.registry.get(before.number)
        if (isSent(present)) await this.#begin(present)
        else if (present.startedAt !== null) await this.#refresh(present)
      }
      return this.registry.get(before.number)
    })
  }

  /**
   * `remove`: everybody's slugs are removed at the vendor, then the export is deleted. `leave`: they stay there, for ever as
   * far as we are concerned.
   */
  remove(which: number | string, slugs: 'remove' | 'leave'): Promise<Export> {
    return this.#inTurn(which, async ({ number }) => {
      const removed = await this.registry.act(number, slugs, '')
      await this.#end(number)
      await this.#parts.alerts.resolve({ export: number }, ['halted', 'deferred-long', 'capacity'])
      if (removed.state === 'removing') await this.#begin(removed)
      else if (removed.startedAt !== null) await this.#parts.book.drop(number)
      return removed
    })
  }

  /** Restarts the exports that use an authorization, so that they see its new credentials; halted ones try at once. */
  async authorizationChanged(id: string): Promise<void> {
    for (const one of await this.registry.list()) {
      if (one.definition.destination.authorization !== id) continue
      await this.#inTurn(one.number, async (present) => {
        await this.#end(present.number)
        if (isSent(present)) await this.#begin(present)
      })
    }
  }

  /** Which exports send an audience, in words. */
  async usersOf(audience: number): Promise<string[]> {
    const users = (await this.registry.list()).filter(({ definition }) =>
      definition.audiences.includes(audience),
    )
    return users.map(({ name }) => `the export ${name}`)
  }

  /** Audiences were made, renamed or deleted. */
  async audiencesChanged(): Promise<void> {
    for (const one of await this.registry.list())
      if (one.startedAt !== null) await this.#inTurn(one.number, (present) => this.#refresh(present))
  }

  /** Something about people changed. */
  wake(): void {
    for (const sender of this.#senders.values()) sender.wake()
  }

  async status(which: number | string): Promise<ExportStatus> {
    const one = await this.registry.get(which)
    const figures =
      one.startedAt === null || one.state === 'deleted'
        ? NOTHING
        : await this.#parts.book.figures(one.number, roomOf(one.definition))
    return {
      ...figures,
      gate: this.#senders.get(one.number)?.gate.state ?? 'off',
      stats: this.statsOf(one.number),
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

  /** What a definition would send at its start. Throws EXPORT_INVALID. */
  async preview(definition: ExportDefinition, existing?: number): Promise<ExportPreview> {
    await this.#validate(definition, existing)
    const rule = await this.#ruleOf({ number: existing ?? 0, definition, since: {}, state: 'draft' })
    const sum = { members: 0, omitted: 0, over: 0 }
    let place: MemberPlace | null = FIRST_MEMBER
    while (place !== null) {
      const { people, omitted, over, next } = await this.#parts.book.survey(rule, roomOf(definition), place)
      sum.members += people
      sum.omitted += omitted
      sum.over += over
      place = next
    }
    const people = rule.existing && rule.moves !== 'exit' ? sum.members : 0
    return { ...sum, people, ...this.#costOf(definition, people) }
  }

  /** What it costs to tell so many people something by the backfill lane. */
  #costOf(definition: ExportDefinition, people: number): Cost & { readonly minutes: number } {
    const { destination, batchMax, backfillPerMinute } = definition
    const cost = costOf(destination.kind, people) ?? { requests: 0, dataPoints: 0, secondsAtRateLimit: 0 }
    const requests = Math.ceil(people / batchMax)
    const minutes = Math.max(cost.secondsAtRateLimit / 60, requests / backfillPerMinute)
    return { ...cost, requests, minutes: Math.ceil(minutes) }
  }

  /** Of what the vendor holds, if all of it were removed. */
  async removalCost(
    which: number | string,
  ): Promise<Cost & { readonly people: number; readonly minutes: number }> {
    const { definition } = await this.registry.get(which)
    const { holding } = await this.status(which)
    return { people: holding, ...this.#costOf(definition, holding) }
  }

  /** In the order of their identifiers. */
  async people(which: number | string, query: PeopleQuery): Promise<PersonEntry[]> {
    return this.#parts.book.people(await this.#started(which), query)
  }

  /** Refused people are tried again now. Gives how many. */
  async retry(which: number | string, who: readonly Address[] | 'all'): Promise<number> {
    const again = await this.#parts.book.retry(await this.#started(which), who, this.#parts.clock.now())
    this.wake()
    return again
  }

  /** Begins to compare with the vendor; goes on by itself. Throws EXPORT_STATE while one is under way. */
  async reconcile(which: number | string, repair: boolean): Promise<Reconciliation> {
    const one = await this.registry.get(await this.#started(which))
    if (this.#reconciliations.get(one.number)?.state === 'running')
      throw new ThalwegError('EXPORT_STATE', `Export ${one.name} is being reconciled already`)
    const { book, clock } = this.#parts
    const way = await this.#way(one.definition)
    const rule = (await book.rule(one.number)) ?? (await this.#ruleOf(one))
    const onProgress = (report: Reconciliation): void => {
      this.#reconciliations.set(one.number, report)
    }
    const running = reconcile(rule, { book, way, clock, repair, onProgress }, this.#stopping.signal)
    this.#running.add(running)
    void running.finally(() => {
      this.#running.delete(running)
      this.wake()
    })
    return this.reconciliation(one.number)
  }

  /** The last one since the process started. Throws EXPORT_STATE when there was none. */
  reconciliation(number: number): Reconciliation {
    const report = this.lastReconciliation(number)
    if (report === undefined)
      throw new ThalwegError('EXPORT_STATE', 'The export was not reconciled since the hub started')
    return report
  }

  /** undefined: there was none since the process started. */
  lastReconciliation(number: number): Reconciliation | undefined {
    return this.#reconciliations.get(number)
  }

  /** Throws EXPORT_STATE when it has no people: before its start, and after its end. */
  async #started(which: number | string): Promise<number> {
    const { number, name, state, startedAt } = await this.registry.get(which)
    if (startedAt !== null && state !== 'deleted') return number
    throw new ThalwegError('EXPORT_STATE', `Export ${name} is ${state}: it has no people`)
  }

  /** Throws EXPORT_INVALID with what is wrong. */
  async #validate(definition: ExportDefinition, self: number | undefined): Promise<void> {
    await this.#way(definition)
    const slugs = await this.#parts.slugs()
    const unknown = definition.audiences.filter((number) => !slugs.has(number))
    if (unknown.length > 0)
      throw new ThalwegError('EXPORT_INVALID', `There is no audience ${unknown.join(', ')}`)
    await this.#refuseLooseFields(definition)
    await this.#refuseOverlap(definition, self)
  }

  /** A value that is no identifier may be several people's: their slugs would mix. */
  async #refuseLooseFields({ identifiers }: ExportDefinition): Promise<void> {
    const known = await this.#parts.identifierFields()
    const { externalIdField, brazeIdField, aliasField } = identifiers
    for (const field of [externalIdField, brazeIdField, aliasField])
      if (field !== undefined && !known.has(field))
        throw new ThalwegError(
          'EXPORT_INVALID',
          `${field} is no identifier of profiles: people are found by an identifier, because its values belong to one profile`,
        )
  }

  /** Two exports of one audience to one place would remove each other's slugs. */
  async #refuseOverlap(definition: ExportDefinition, self: number | undefined): Promise<void> {
    for (const other of await this.registry.list()) {
      const { destination, audiences } = other.definition
      if (other.number === self || destination.authorization !== definition.destination.authorization)
        continue
      const both = audiences.filter((number) => definition.audiences.includes(number))
      if (both.length > 0 && placeOf(other.definition) === placeOf(definition))
        throw new ThalwegError(
          'EXPORT_INVALID',
          `Export ${other.name} sends audience ${both.join(', ')} to the same attribute already`,
        )
    }
  }

  async #way({ destination }: ExportDefinition): Promise<AudienceWay> {
    try {
      return await this.#parts.blueprints.audienceWay(destination)
    } catch (error) {
      if (!(error instanceof ThalwegError) || error.code !== 'CURRENT_INVALID') throw error
      throw new ThalwegError('EXPORT_INVALID', error.message)
    }
  }

  async #ruleOf({
    number,
    definition,
    since,
    state,
  }: Pick<Export, 'number' | 'definition' | 'since' | 'state'>): Promise<ExportRule> {
    const { audiences, identifiers, existingUsers, moves, waitMs } = definition
    const slugs = await this.#parts.slugs()
    const wanted = state === 'removing' ? [] : [...new Set(audiences)].sort((one, other) => one - other)
    return {
      export: number,
      audiences: wanted.flatMap((audience) => {
        const slug = slugs.get(audience)
        // A deleted one is like one that was taken out of the definition.
        return slug === undefined ? [] : [{ number: audience, slug, since: since[audience] ?? 0 }]
      }),
      identifiers,
      existing: existingUsers,
      moves,
      waitMs,
    }
  }

  /** Tells the book what to follow, if that is something else than before. */
  async #refresh(one: Export): Promise<void> {
    const { book } = this.#parts
    const rule = await this.#ruleOf(one)
    const before = await book.rule(one.number)
    if (before !== null && JSON.stringify(before) === JSON.stringify(rule)) return
    await book.configure(rule, walkBetween(before, rule))
    this.#senders.get(one.number)?.wake()
  }

  async #begin(one: Export): Promise<void> {
    const { number, definition } = one
    const { clock, random, transport, book, logger } = this.#parts
    let way: AudienceWay
    try {
      way = await this.#way(definition)
    } catch (error) {
      if (!(error instanceof ThalwegError)) throw error
      // What was valid when it was saved may not be now: a lost sealing key, a removed authorization.
      await this.#halted(number, { kind: 'misconfigured', message: error.message })
      return
    }
    const { lease } = this.#parts
    const sender = new ExportSender({
      export: number,
      book,
      clock,
      random,
      transport,
      writer: way.writer,
      lease,
      limits: way.limits,
      batchMax: Math.min(definition.batchMax, way.limits.recordsMax),
      backfillPerMinute: definition.backfillPerMinute,
      halted: one.state === 'halted',
      haltedRetryMs: this.#parts.haltedRetryMs ?? HALTED_RETRY_MS,
      stats: this.statsOf(number),
      onHalted: (fault) => this.#halted(number, fault),
      onRecovered: () => this.#recovered(number),
      onBatch: (batch) => this.log.add(number, batch),
      onIdle: one.state === 'removing' ? () => this.#finish(number) : () => undefined,
      onTrouble: (error) =>
        logger.error({ err: error, export: one.name }, 'an export is in trouble; trying again'),
    })
    this.#senders.set(number, sender)
    try {
      await this.#refresh(one)
    } catch (error) {
      // The process of the profiles may be away for a moment: the watch tells the book again.
      logger.error({ err: error, export: one.name }, 'an export could not tell the book what to follow')
    }
    sender.start()
  }

  async #end(number: number): Promise<void> {
    await this.#senders.get(number)?.stop()
    this.#senders.delete(number)
  }

  /** Everything is told of one that is being removed. */
  #finish(number: number): void {
    if (this.#turns.has(number)) return
    void this.#inTurn(number, async (one) => {
      if (one.state !== 'removing') return
      const { states, walking } = await this.#parts.book.figures(number, 0)
      const rule = await this.#parts.book.rule(number)
      if (walking || states.pending + states.sending > 0 || rule?.audiences.length !== 0) return
      await this.#end(number)
      const lost = states.refused > 0 ? `The slugs of ${states.refused} people could not be removed` : ''
      await this.registry.act(number, 'finish', lost)
      await this.#parts.book.drop(number)
    }).catch((error: unknown) => {
      this.#parts.logger.error({ err: error }, 'an export could not be removed; trying again')
    })
  }

  async #halted(number: number, fault: Fault): Promise<void> {
    const one = await this.registry.get(number)
    if (stateAfter(one.state, 'halt') === undefined) return
    await this.registry.act(number, 'halt', fault.message)
    await this.#parts.alerts.raise({
      current: null,
      export: number,
      about: { sort: 'export', name: one.name },
      kind: 'halted',
      contact: one.definition.contactEmail,
      subject: `Export ${one.name} is halted: ${fault.kind}`,
      detail: `${fault.message}${fault.answer ? `\nAnswer: ${fault.answer}` : ''}\nNothing is lost: what is to be told is told when it runs again.`,
    })
    if (fault.kind === 'unauthorized') await this.#noteHealth(one, 'bad', fault.message)
    this.#parts.logger.warn({ export: one.name, fault: fault.kind, reason: fault.message }, 'export halted')
  }

  async #recovered(number: number): Promise<void> {
    const one = await this.registry.get(number)
    if (one.state === 'halted') await this.registry.act(number, 'resume', '')
    await this.#parts.alerts.resolve({ export: number }, ['halted', 'deferred-long'])
    await this.#noteHealth(one, 'good', '')
    this.#parts.logger.info({ export: one.name }, 'export runs again')
  }

  async #noteHealth(one: Export, health: 'good' | 'bad', detail: string): Promise<void> {
    try {
      await this.#parts.authorizations.setHealth(one.definition.destination.authorization, health, detail)
    } catch (error) {
      // Removed meanwhile: nobody's health is left to note.
      if (!(error instanceof ThalwegError) || error.code !== 'AUTHORIZATION_UNKNOWN') throw error
    }
  }

  /** Tells the contact of what takes long or does not fit, and the book of audiences that changed. */
  #watch(): void {
    this.#cancelWatch = this.#parts.clock.after(this.#parts.watchMs ?? WATCH_MS, () => {
      const looking = this.#look().catch((error: unknown) => {
        this.#parts.logger.error({ err: error }, 'exports could not be looked at; looking again soon')
      })
      this.#running.add(looking)
      void looking.finally(() => this.#running.delete(looking))
      this.#watch()
    })
  }

  async #look(): Promise<void> {
    if (this.#stopping.signal.aborted) return
    await this.audiencesChanged()
    const now = this.#parts.clock.now()
    const looksAtRoom = now >= this.#capacityAt
    if (looksAtRoom) this.#capacityAt = now + CAPACITY_EVERY_MS
    for (const [number, sender] of this.#senders) {
      const one = await this.registry.get(number)
      await this.#alertOutage(one, sender, now)
      if (looksAtRoom) await this.#alertRoom(one)
    }
  }

  async #alertOutage(one: Export, sender: ExportSender, now: number): Promise<void> {
    const { alerts } = this.#parts
    const since = sender.gate.closedSince
    if (since === undefined) {
      await alerts.resolve({ export: one.number }, ['deferred-long'])
    } else if (now - since >= (this.#parts.alertAfterMs ?? ALERT_AFTER_MS)) {
      await alerts.raise({
        current: null,
        export: one.number,
        about: { sort: 'export', name: one.name },
        kind: 'deferred-long',
        contact: one.definition.contactEmail,
        subject: `Export ${one.name} has not delivered since ${new Date(since).toISOString()}`,
        detail: this.statsOf(one.number).lastFault?.message ?? '',
      })
    }
  }

  /** An array that holds more than the vendor keeps loses its oldest elements, whoever wrote them. */
  async #alertRoom({ number, name, definition }: Export): Promise<void> {
    const { alerts, book } = this.#parts
    const room = roomOf(definition)
    const { over } = definition.audiences.length > room ? await book.figures(number, room) : { over: 0 }
    if (over === 0) return alerts.resolve({ export: number }, ['capacity'])
    await alerts.raise({
      current: null,
      export: number,
      about: { sort: 'export', name },
      kind: 'capacity',
      contact: definition.contactEmail,
      subject: `Export ${name} has more slugs than the attribute holds`,
      detail: `${over} people are in more than ${room} audiences of the export: of their arrays Braze keeps ${definition.elements.max} elements and loses the oldest`,
    })
  }

  async #inTurn<T>(which: number | string, work: (one: Export) => Promise<T>): Promise<T> {
    const { number } = await this.registry.get(which)
    return this.#turns.take(number, async () => work(await this.registry.get(number)))
  }
}

const NOTHING: Figures = {
  people: 0,
  states: { settled: 0, pending: 0, sending: 0, refused: 0 },
  holding: 0,
  over: 0,
  omitted: 0,
  walking: false,
}

function isSent({ state }: Export): boolean {
  return state === 'running' || state === 'halted' || state === 'removing'
}

/** How many slugs of ours an array has room for. */
function roomOf({ elements }: ExportDefinition): number {
  return Math.max(0, elements.max - elements.others)
}

/** Where the slugs go, in whichever manner. */
function placeOf({ destination: { kind, settings } }: ExportDefinition): string {
  const parsed = destinationNamed(kind)?.settings.safeParse(settings).data ?? settings
  const place = Object.entries(parsed as Record<string, unknown>)
    .filter(([name]) => !MANNER.has(name))
    .sort(([one], [other]) => (one < other ? -1 : 1))
  return JSON.stringify([kind, place])
}

/** Whom a changed rule may mean otherwise. */
function walkBetween(before: ExportRule | null, rule: ExportRule): Walk {
  if (before === null) return 'everybody'
  const known = new Map(before.audiences.map((one) => [one.number, one]))
  const isNew =
    before.existing !== rule.existing ||
    before.moves !== rule.moves ||
    JSON.stringify(before.identifiers) !== JSON.stringify(rule.identifiers) ||
    rule.audiences.some(({ number }) => !known.has(number))
  if (isNew) return 'everybody'
  return JSON.stringify(before.audiences) === JSON.stringify(rule.audiences) ? 'none' : 'people'
}

/** Throws EXPORT_STATE unless the table in definition.ts allows the action. */
function refuseUnless({ name, state }: Export, action: ExportAction): void {
  if (stateAfter(state, action) !== undefined) return
  throw new ThalwegError('EXPORT_STATE', `Export ${name} is ${state}: it cannot ${action} now`)
}
