/**
 * Erasure: one request takes a person out of every store of the product, asks vendors to delete them, keeps them out, and proves it with a signed
 * receipt. This room knows the order of the steps and what they found; how a store forgets is that store's own business. It never guesses who is
 * meant: the plan shows the exact identifiers before anything is done. Erasures go one after another, and on after a kill, to their end.
 */

import { createHmac } from 'node:crypto'
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
import type { Lease } from '../store/leases.ts'
import type { Sealer } from '../store/sealing.ts'
import { joinedIn } from './finding.ts'
import { leftToDo } from './left.ts'
import { canonical, type ErasureKeys, isSigned, openErasureKeys, type Receipt } from './receipt.ts'
import { type Erasure, type ErasureWish, type Progress, Requests, STEPS, type Step } from './requests.ts'
import { searchFolders } from './search.ts'
import { type StoreStep, type StoresParts, storesOf } from './stores.ts'
import { Suppression } from './suppression.ts'
import { deleteAtTarget, targetOf } from './targets.ts'

export interface ErasureParts extends StoresParts {
  readonly log: Log
  readonly clock: Clock
  readonly sealer: Sealer
  /** Under which erasures are worked on here. */
  readonly lease: Lease
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
  /** How long it takes until other nodes keep out whom this one does. Default 0: there is no other. */
  readonly spreadMs?: number
  /** For fault tests: called when the work of a step is done, and before that is noted. */
  readonly onStepDone?: (step: Step) => void
}

export interface ErasurePlan {
  /** Exactly these will be erased. */
  readonly identifiers: readonly SubjectIdentifier[]
  /** Beside theirs in a record, and beside somebody else's in another: not taken in. */
  readonly shared: readonly SubjectIdentifier[]
  /** They say little: found only where a member says that it names somebody. */
  readonly weak: readonly SubjectIdentifier[]
  readonly places: readonly Touched[]
  readonly left: readonly string[]
}

export type VerifyVerdict = 'ours' | 'of another installation' | 'not as it was signed'

export const IDENTIFIERS_MAX = 100
const RETRY_MS_MIN = 1_000
const RETRY_MS_MAX = 60_000
const ACCOUNTS_MS_MAX = 30_000
const LOOK_MS = 50
const STORE_STEPS: readonly StoreStep[] = ['log', 'profiles', 'warehouse', 'parquet', 'rosters', 'store']

export class Erasures {
  readonly suppression: Suppression
  readonly #parts: ErasureParts
  readonly #requests: Requests
  readonly #keys: ErasureKeys
  readonly #stores: ReturnType<typeof storesOf>
  #stopping = new AbortController()
  #working: Promise<void> | undefined

  private constructor(parts: ErasureParts, keys: ErasureKeys) {
    this.#parts = parts
    this.#keys = keys
    const store = parts.store.fencedBy(parts.lease)
    this.#requests = new Requests(store, parts.clock, parts.sealer)
    this.#stores = storesOf({ ...parts, store })
    this.suppression = new Suppression({ ...parts, store, hashKey: keys.hashKey })
  }

  /** Who stays out stays out from here on: before the doors open. Throws SEALING_KEY. */
  static async open(parts: ErasureParts): Promise<Erasures> {
    const erasures = new Erasures(parts, await openErasureKeys(parts.store, parts.sealer))
    await erasures.suppression.load()
    return erasures
  }

  /** Goes on with what an earlier process left. Also after a stop. */
  start(): void {
    this.#stopping = new AbortController()
    this.#drive()
  }

  /** Leaves the step under way where it is: the next process does it again. */
  async stop(): Promise<void> {
    this.#stopping.abort()
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
    const places: Touched[] = []
    for (const step of STORE_STEPS) places.push(...(await this.#stores[step](traces, true, signal)))
    const weak = identifiers.filter((identifier) => !spellingsOf(identifier).some(isTelling))
    return { identifiers, shared, weak, places, left: await this.#left(traces) }
  }

  /** Begins; it goes on by itself. Throws INPUT_INVALID, AUTHORIZATION_UNKNOWN. */
  async create(wish: ErasureWish, requestedBy: string, note: string): Promise<Erasure> {
    const identifiers = checked(wish.identifiers)
    for (const id of wish.targets) await targetOf(id, this.#parts)
    const traces = new Traces(identifiers)
    const erasure = await this.#requests.create({ ...wish, identifiers }, requestedBy, traces.masked(note))
    this.#drive()
    return erasure
  }

  /** Newest first. */
  list(): Promise<Erasure[]> {
    return this.#requests.list()
  }

  /** Throws ERASURE_UNKNOWN. */
  get(id: string): Promise<Erasure> {
    return this.#requests.get(id)
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

  async #step({ id, step, progress, createdAt, requestedBy, note }: Erasure): Promise<void> {
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
        // What they still let in lies before the head up to which the log is rewritten.
        await pause(this.#parts.spreadMs ?? 0)
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
      case 'search': {
        progress.search = await searchFolders(this.#parts.folders, traces, signal)
        this.#parts.onStepDone?.(step)
        await this.#finish(wish, { id, progress, createdAt, requestedBy, note })
        return
      }
      default:
        for (const { place, rows } of await this.#stores[step](traces, false, signal))
          progress.removed[place] = (progress.removed[place] ?? 0) + rows
    }
    this.#parts.onStepDone?.(step)
    await this.#requests.advance(id, following ?? 'search', progress)
  }

  /** The accounts of the log have read what was read before it was erased: nothing of it is in memory, waiting to be written. */
  async #accountsAtEnd(): Promise<void> {
    const { log, drift, delivery } = this.#parts
    const { head } = log
    const until = performance.now() + ACCOUNTS_MS_MAX
    while (drift.position < head || delivery.intake.position < head) {
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

  async #finish(
    { identifiers, suppress }: ErasureWish,
    {
      id,
      progress,
      createdAt,
      requestedBy,
      note,
    }: Pick<Erasure, 'id' | 'progress' | 'createdAt' | 'requestedBy' | 'note'>,
  ): Promise<void> {
    const { found, removed, targets, left, search } = progress
    const finishedAt = this.#parts.clock.now()
    const receipt: Receipt = {
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
      places: [...new Set([...Object.keys(found), ...Object.keys(removed)])].map((place) => ({
        place,
        found: found[place] ?? 0,
        removed: removed[place] ?? 0,
      })),
      targets,
      left,
      search: {
        files: search?.files ?? 0,
        bytes: search?.bytes ?? 0,
        remaining: search?.remaining ?? [],
        notSearched: identifiers.filter((one) => !spellingsOf(one).some(isTelling)).length,
      },
      publicKey: this.#keys.publicKey,
    }
    const text = canonical(receipt)
    await this.#requests.finish(id, text, this.#keys.sign(text), finishedAt)
    this.#parts.logger.info({ erasure: id }, 'an erasure is finished')
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

function countsOf(places: readonly Touched[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { place, rows } of places) counts[place] = (counts[place] ?? 0) + rows
  return counts
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
