/**
 * Erasure: one request takes a person out of every store of the product, asks vendors to delete them, keeps them out, and proves it with a signed
 * receipt. This room knows the order of the steps and what they found; how a store forgets is that store's own business. It never guesses who is
 * meant: the plan shows the exact identifiers before anything is done. Erasures go one after another, and on after a kill, to their end.
 *
 * One node drives them. What lies on each node is that node's part (node-work.ts): the driver says what is to be done and waits for those that
 * are there.
 */

import { createHmac } from 'node:crypto'
import type { Cluster } from '../cluster/cluster.ts'
import type { PostLease } from '../cluster/post-lease.ts'
import { type Clock, pause } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import {
  isTelling,
  normalIdentifier,
  type SubjectIdentifier,
  spellingsOf,
  subjectKey,
  Traces,
} from '../core/traces.ts'
import type { Currents } from '../currents/registry.ts'
import type { Delivery } from '../delivery/delivery.ts'
import type { Transport } from '../delivery/transport.ts'
import type { Log } from '../log/log.ts'
import type { Drift } from '../sources/drift/drift.ts'
import type { Sources } from '../sources/registry.ts'
import type { Authorizations } from '../store/authorizations.ts'
import { compactStore } from '../store/compact.ts'
import type { Touched } from '../store/edit-rows.ts'
import type { Sealer } from '../store/sealing.ts'
import { joinedIn } from './finding.ts'
import { leftToDo } from './left.ts'
import { NodeWork } from './node-work.ts'
import { countsOf, isOpen, isPast, type Part, Parts, summed } from './parts.ts'
import {
  type Addendum,
  canonical,
  type ErasureKeys,
  isSigned,
  type NodeOutcome,
  openErasureKeys,
  type Receipt,
} from './receipt.ts'
import { type Erasure, type ErasureWish, type Progress, Requests } from './requests.ts'
import { type PartStep, STEPS, type Step } from './steps.ts'
import {
  type NodeStore,
  type NodeStoresParts,
  nodeStores,
  type SharedStoresParts,
  sharedStores,
} from './stores.ts'
import { Suppression } from './suppression.ts'
import { deleteAtTarget, targetOf } from './targets.ts'

export interface ErasureParts extends SharedStoresParts, NodeStoresParts {
  readonly log: Log
  readonly clock: Clock
  readonly sealer: Sealer
  readonly cluster: Cluster
  /** Under which erasures are driven here. */
  readonly schedule: PostLease
  readonly delivery: Delivery
  readonly drift: Drift
  readonly sources: Sources
  readonly currents: Currents
  readonly authorizations: Authorizations
  readonly transport: Transport
  /** Looked through at the end, byte by byte; none within another. */
  readonly folders: readonly string[]
  readonly logger: {
    info(about: object, message: string): void
    error(about: object, message: string): void
  }
  /** For fault tests: called when the work of a step is done, and before that is noted. */
  readonly onStepDone?: (step: Step | NodeStore) => void
}

/** An erasure, and what each node did of it. */
export interface ErasureWithParts extends Erasure {
  readonly parts: readonly Part[]
}

export interface ErasurePlan {
  /** Exactly these will be erased. */
  readonly identifiers: readonly SubjectIdentifier[]
  /** Beside theirs in a record, and beside somebody else's in another: not taken in. */
  readonly shared: readonly SubjectIdentifier[]
  /** They say little: found only where a member says that it names somebody. */
  readonly weak: readonly SubjectIdentifier[]
  readonly places: readonly Touched[]
  /** Nodes whose folders are not counted in `places`: only they can look into them. */
  readonly uncounted: readonly string[]
  readonly left: readonly string[]
}

export type VerifyVerdict = 'ours' | 'of another installation' | 'not as it was signed'

export const IDENTIFIERS_MAX = 100
/** Name in the parts of the node of a store that belongs to one process, whatever it is called in this life. */
export const ONLY_NODE = ''
const RETRY_MS_MIN = 1_000
const RETRY_MS_MAX = 60_000
const ACCOUNTS_MS_MAX = 30_000
const LOOK_MS = 50
/** How often the driver looks after the other nodes, if nobody tells it to. */
const NODES_LOOK_MS = 500

export class Erasures {
  readonly suppression: Suppression
  readonly #parts: ErasureParts
  readonly #requests: Requests
  readonly #keys: ErasureKeys
  readonly #shared: ReturnType<typeof sharedStores>
  readonly #own: ReturnType<typeof nodeStores>
  /** As the driver writes them: under the post. */
  readonly #nodeParts: Parts
  readonly #nodeWork: NodeWork
  #wakeDriver: () => void = () => undefined
  #stopping = new AbortController()
  #working: Promise<void> | undefined

  private constructor(parts: ErasureParts, keys: ErasureKeys) {
    this.#parts = parts
    this.#keys = keys
    const store = parts.store.fencedBy(parts.schedule)
    this.#requests = new Requests(store, parts.clock, parts.sealer)
    this.#shared = sharedStores({ ...parts, store })
    this.#own = nodeStores(parts)
    this.suppression = new Suppression({ ...parts, store, hashKey: keys.hashKey })
    this.#nodeParts = new Parts(store, parts.clock, parts.sealer)
    this.#nodeWork = new NodeWork({
      ...parts,
      node: parts.cluster.isSole ? ONLY_NODE : parts.cluster.node.name,
      parts: new Parts(parts.store, parts.clock, parts.sealer),
      suppression: this.suppression,
      stores: this.#own,
      sign: (part) => this.#addendumOf(part),
      changed: () => this.#wakeDriver(),
      onDone: parts.onStepDone,
    })
  }

  /** Who stays out stays out from here on: before the doors open. Throws SEALING_KEY. */
  static async open(parts: ErasureParts): Promise<Erasures> {
    const erasures = new Erasures(parts, await openErasureKeys(parts.store, parts.sealer))
    await erasures.suppression.load()
    return erasures
  }

  /**
   * Does what is open of this node's parts, before anything can leave its folders; other nodes go on meanwhile. The only node of a store has no
   * others, and goes on as it starts. Rejects when `signal` is aborted.
   */
  async catchUp(signal: AbortSignal): Promise<void> {
    if (!this.#parts.cluster.isSole) await this.#nodeWork.catchUp(signal)
  }

  /** Something about erasures or their parts was changed, perhaps by another node. */
  hear(): void {
    this.#wakeDriver()
    this.#nodeWork.wake()
  }

  /** Ends this node's part; the driver is ended by `stop`. */
  async close(): Promise<void> {
    await this.#nodeWork.stop()
  }

  /** Drives, and goes on with what an earlier process left. Also after a stop. */
  start(): void {
    this.#stopping = new AbortController()
    this.#drive()
  }

  /** Leaves the step under way where it is: the next process does it again. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#wakeDriver()
    await this.#working
  }

  /** What would be erased, and where it is; nothing is changed. Goes over the whole log and all tables. Throws INPUT_INVALID. */
  async plan(wish: Pick<ErasureWish, 'identifiers' | 'expand'>): Promise<ErasurePlan> {
    const given = checked(wish.identifiers)
    const { signal } = this.#stopping
    const { identifiers, shared } = wish.expand
      ? await this.#joined(given, signal)
      : { identifiers: given, shared: [] }
    const traces = new Traces(identifiers)
    const { log, profiles, store } = this.#shared
    const { warehouse, parquet, rosters, remarks } = this.#own
    const places: Touched[] = []
    for (const count of [log, profiles, warehouse, parquet, rosters, remarks, store])
      places.push(...(await count(traces, true, signal)))
    const { cluster } = this.#parts
    const uncounted = cluster.isSole
      ? []
      : (await cluster.names()).filter((name) => name !== cluster.node.name)
    const weak = identifiers.filter((identifier) => !spellingsOf(identifier).some(isTelling))
    return { identifiers, shared, weak, places, uncounted, left: await this.#left(traces) }
  }

  /** Begins; it goes on by itself. Throws INPUT_INVALID, AUTHORIZATION_UNKNOWN. */
  async create(wish: ErasureWish, requestedBy: string, note: string): Promise<ErasureWithParts> {
    const identifiers = checked(wish.identifiers)
    for (const id of wish.targets) await targetOf(id, this.#parts)
    const traces = new Traces(identifiers)
    const erasure = await this.#requests.create({ ...wish, identifiers }, requestedBy, traces.masked(note))
    this.#drive()
    return { ...erasure, parts: [] }
  }

  /** Newest first. */
  async list(): Promise<ErasureWithParts[]> {
    const erasures = await this.#requests.list()
    const parts = await this.#nodeParts.of(erasures.map(({ id }) => id))
    const byErasure = Map.groupBy(parts, ({ erasure }) => erasure)
    return erasures.map((erasure) => ({ ...erasure, parts: byErasure.get(erasure.id) ?? [] }))
  }

  /** Throws ERASURE_UNKNOWN. */
  async get(id: string): Promise<ErasureWithParts> {
    return { ...(await this.#requests.get(id)), parts: await this.#nodeParts.of([id]) }
  }

  /** The folders of a node are gone for good, as somebody says: it has no part any more. Gives how many were open. */
  waive(node: string): Promise<number> {
    return new Parts(this.#parts.store, this.#parts.clock, this.#parts.sealer).waive(node)
  }

  /** Lets records of the person in again, as those of somebody new; gives how many identifiers were held out. Throws ERASURE_UNKNOWN. */
  async lift(id: string): Promise<number> {
    const { id: erasure } = await this.#requests.get(id)
    return this.suppression.lift(erasure)
  }

  /** Whether a receipt says what was signed, and by whom. Throws INPUT_INVALID. */
  verify(receipt: unknown, signature: string): VerifyVerdict {
    const { publicKey } = receipt as { publicKey?: unknown }
    if (typeof publicKey !== 'string')
      throw new ThalwegError('INPUT_INVALID', 'A receipt has a member publicKey')
    if (!isSigned(receipt, signature, publicKey)) return 'not as it was signed'
    return publicKey === this.#keys.publicKey ? 'ours' : 'of another installation'
  }

  #drive(): void {
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined
    })
  }

  /** Never rejects. */
  async #work(): Promise<void> {
    const { clock, logger } = this.#parts
    const { signal } = this.#stopping
    let retryMs = RETRY_MS_MIN
    while (!signal.aborted) {
      let id: string | undefined
      try {
        const next = await this.#requests.next()
        if (next === undefined) return
        id = next.id
        await this.#step(next)
        retryMs = RETRY_MS_MIN
      } catch (error) {
        if (signal.aborted) return
        logger.error({ err: error, erasure: id }, 'a step of an erasure failed; trying again')
        const problem = error instanceof Error ? error.message : String(error)
        if (id !== undefined) await this.#requests.fail(id, problem).catch(() => undefined)
        await clock.sleep(retryMs, signal)
        retryMs = Math.min(2 * retryMs, RETRY_MS_MAX)
      }
    }
  }

  async #step(erasure: Erasure): Promise<void> {
    const { id, step, progress, note } = erasure
    const { signal } = this.#stopping
    const wish = await this.#requests.wish(id)
    const traces = new Traces(wish.identifiers)
    const following = STEPS[STEPS.indexOf(step) + 1]
    switch (step) {
      case 'find': {
        const plan = await this.plan(wish)
        progress.found = countsOf(plan.places)
        progress.left = [...plan.left]
        const blotted = new Traces(plan.identifiers).masked(note)
        const exact = { ...wish, identifiers: plan.identifiers }
        this.#parts.onStepDone?.(step)
        await this.#requests.advance(id, 'suppress', progress, { wish: exact, note: blotted })
        return
      }
      case 'suppress':
        if (wish.suppress) await this.suppression.add(wish.identifiers, id)
        // What other nodes still let in lies before the head up to which the log is rewritten.
        await this.#everyNode(id, step, wish)
        break
      case 'reread':
      case 'folders':
        await this.#everyNode(id, step, wish)
        break
      case 'connections':
        await this.#parts.delivery.restart()
        await this.#accountsAtEnd()
        break
      case 'targets':
        await this.#askTargets(id, wish, progress)
        break
      case 'compact':
        await compactStore(this.#parts.store)
        break
      case 'search':
        await this.#everyNode(id, step, wish)
        await this.#finish(wish, erasure)
        return
      default: {
        const touched = await this.#shared[step](traces, false, signal)
        progress.removed = summed([progress.removed, countsOf(touched)])
      }
    }
    this.#parts.onStepDone?.(step)
    await this.#requests.advance(id, following ?? 'search', progress)
  }

  /**
   * Every node that is there has done this step of its part. Says meanwhile whose part fails, and why. One that is away finds its part when it
   * starts.
   */
  async #everyNode(id: string, step: PartStep, { identifiers }: ErasureWish): Promise<void> {
    const { cluster } = this.#parts
    const names = cluster.isSole ? [ONLY_NODE] : await cluster.names()
    await this.#nodeParts.open(id, names, identifiers)
    this.#nodeWork.wake()
    let said = ''
    for (;;) {
      const changed = this.#untilChanged()
      const behind = (await this.#nodeParts.of([id])).filter((part) => !isPast(part, step))
      const present = await this.#present()
      const awaited = behind.filter(({ node }) => present.has(node))
      if (awaited.length === 0) return
      const problem = awaited.map(problemOf).filter(Boolean).join('; ')
      if (problem !== said) await this.#requests.fail(id, problem)
      said = problem
      await changed
      this.#stopping.signal.throwIfAborted()
    }
  }

  /** By name. */
  async #present(): Promise<ReadonlySet<string>> {
    const { cluster } = this.#parts
    if (cluster.isSole) return new Set([ONLY_NODE])
    return new Set((await cluster.nodes()).filter(({ state }) => state !== 'gone').map(({ name }) => name))
  }

  /** Something changed, the driver is to stop, or it is time to look in any case. */
  #untilChanged(): Promise<unknown> {
    const changed = new Promise<void>((resolve) => {
      this.#wakeDriver = resolve
    })
    return Promise.race([changed, pause(NODES_LOOK_MS)])
  }

  /** The accounts of the log have read what was read before it was erased: nothing of it is in memory, waiting to be written. */
  async #accountsAtEnd(): Promise<void> {
    const { log, drift, delivery } = this.#parts
    const { head } = log
    const until = performance.now() + ACCOUNTS_MS_MAX
    // Another node may have the one of them.
    while (drift.position < head || (await delivery.intake.counted()) < head) {
      this.#stopping.signal.throwIfAborted()
      if (performance.now() > until) throw new Error('the accounts of the log do not come to its end')
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    }
  }

  async #askTargets(id: string, wish: ErasureWish, progress: Progress): Promise<void> {
    for (const authorization of wish.targets.slice(progress.targets.length)) {
      progress.targets.push(
        await deleteAtTarget(authorization, wish.identifiers, this.#parts, this.#stopping.signal),
      )
      await this.#requests.note(id, progress)
    }
  }

  async #finish(wish: ErasureWish, erasure: Erasure): Promise<void> {
    const finishedAt = this.#parts.clock.now()
    const sign = (parts: readonly Part[]): { receipt: string; signature: string } => {
      const receipt = canonical(this.#receiptOf(wish, erasure, parts, finishedAt))
      return { receipt, signature: this.#keys.sign(receipt) }
    }
    await this.#requests.finish(erasure.id, sign, finishedAt)
    this.#parts.logger.info({ erasure: erasure.id }, 'an erasure is finished')
  }

  #receiptOf(
    { identifiers, suppress }: ErasureWish,
    { id, progress, createdAt, requestedBy, note }: Erasure,
    parts: readonly Part[],
    finishedAt: number,
  ): Receipt {
    const { found, targets, left } = progress
    const removed = removedIn(progress, parts)
    const searches = parts.flatMap(({ node, search }) => (search === undefined ? [] : [{ node, ...search }]))
    return {
      version: 1,
      erasure: id,
      requestedBy,
      note,
      requestedAt: createdAt,
      finishedAt,
      identifiers: identifiers.map((identifier) => ({
        kind: identifier.kind,
        hash: createHmac('sha256', this.#keys.hashKey).update(subjectKey(identifier)).digest('hex'),
      })),
      suppressed: suppress,
      places: Object.keys({ ...found, ...removed }).map((place) => ({
        place,
        // What lies on other nodes was not seen before it was erased.
        found: Math.max(found[place] ?? 0, removed[place] ?? 0),
        removed: removed[place] ?? 0,
      })),
      targets,
      left: [...left, ...parts.filter(isOpen).map(({ node }) => awayWords(node))],
      ...(this.#parts.cluster.isSole
        ? {}
        : { nodes: parts.map((part) => ({ node: part.node, state: outcomeOf(part) })) }),
      search: {
        files: searches.reduce((sum, { files }) => sum + files, 0),
        bytes: searches.reduce((sum, { bytes }) => sum + bytes, 0),
        remaining: searches.flatMap(({ node, remaining }) =>
          remaining.map((file) => (node === ONLY_NODE ? file : `${node}: ${file}`)),
        ),
        notSearched: identifiers.filter((one) => !spellingsOf(one).some(isTelling)).length,
      },
      publicKey: this.#keys.publicKey,
    }
  }

  #addendumOf({ erasure, node, removed, search, updatedAt }: Part): { addendum: string; signature: string } {
    const addendum: Addendum = {
      version: 1,
      erasure,
      node,
      finishedAt: updatedAt,
      places: Object.entries(removed).map(([place, rows]) => ({ place, removed: rows })),
      search: search ?? { files: 0, bytes: 0, remaining: [] },
      publicKey: this.#keys.publicKey,
    }
    const text = canonical(addendum)
    return { addendum: text, signature: this.#keys.sign(text) }
  }

  async #joined(given: readonly SubjectIdentifier[], signal: AbortSignal) {
    const { log, profiles } = this.#parts
    const ofProfiles = checkedEach((await profiles?.identifiersOf(given)) ?? [])
    return joinedIn(log, unique([...given, ...ofProfiles]), signal)
  }

  async #left(traces: Traces): Promise<string[]> {
    const { currents, sources, authorizations, store } = this.#parts
    return leftToDo(traces, {
      currents: await currents.list(),
      sources: sources.list(),
      authorizations: await authorizations.list(),
      dialect: store.dialect,
    })
  }
}

/** What was taken away by now. */
export function removedIn({ removed }: Progress, parts: readonly Part[]): Record<string, number> {
  return summed([removed, ...parts.map((part) => part.removed)])
}

/** '' while all is well. */
function problemOf({ node, problem }: Part): string {
  return problem === '' || node === ONLY_NODE ? problem : `Node ${node}: ${problem}`
}

function outcomeOf(part: Part): NodeOutcome {
  if (isOpen(part)) return 'away'
  return part.step === 'waived' ? 'waived' : 'done'
}

function awayWords(node: string): string {
  return `The folders of node ${node}, which was away: it erases them when it starts, before anything else, and signs an addendum to this receipt`
}

/** Throws INPUT_INVALID unless there are some, each with a value. */
function checked(identifiers: readonly SubjectIdentifier[]): SubjectIdentifier[] {
  const each = unique(checkedEach(identifiers))
  if (each.length === 0 || each.length > IDENTIFIERS_MAX)
    throw new ThalwegError('INPUT_INVALID', `An erasure takes 1 to ${IDENTIFIERS_MAX} identifiers`)
  return each
}

function checkedEach(identifiers: readonly SubjectIdentifier[]): SubjectIdentifier[] {
  return identifiers.map((identifier) => {
    const { kind, value } = normalIdentifier(identifier)
    if (value === '') throw new ThalwegError('INPUT_INVALID', `The ${kind} is empty`)
    // As it was given: a telephone number is looked for in this spelling, too.
    return { ...identifier, value: identifier.value.trim() }
  })
}

function unique(identifiers: readonly SubjectIdentifier[]): SubjectIdentifier[] {
  return [...new Map(identifiers.map((identifier) => [subjectKey(identifier), identifier])).values()]
}
