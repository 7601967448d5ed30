/**
 * What this node does of every erasure: on itself, and in its own folders, whichever node drives the erasure. It goes on for as long as the
 * node runs, tries again what failed, and takes up at a start what was left or came meanwhile.
 */

import type { Clock } from '../core/clock.ts'
import { Traces } from '../core/traces.ts'
import type { Log } from '../log/log.ts'
import type { Touched } from '../store/edit-rows.ts'
import { countsOf, type DuePart, type PartOutcome, type Parts, type SignAddendum } from './parts.ts'
import { searchFolders } from './search.ts'
import type { PartStep } from './steps.ts'
import type { Forgetting, NodeStore } from './stores.ts'
import type { Suppression } from './suppression.ts'

export interface NodeWorkParts {
  /** Name of this node in the parts. */
  readonly node: string
  readonly parts: Parts
  readonly suppression: Pick<Suppression, 'load'>
  readonly log: Pick<Log, 'reread'>
  readonly stores: Readonly<Record<NodeStore, Forgetting>>
  /** Looked through byte by byte; none within another. */
  readonly folders: readonly string[]
  readonly clock: Clock
  readonly sign: SignAddendum
  /** A step is done, or failed. */
  readonly changed: () => void
  readonly logger: {
    info(about: object, message: string): void
    error(about: object, message: string): void
  }
  /** For fault tests: called when the work is done, and before that is noted. */
  readonly onDone?: ((what: PartStep | NodeStore) => void) | undefined
}

const RETRY_MS_MIN = 1_000
const RETRY_MS_MAX = 60_000
/** In the order in which they feed each other. */
const STORES: readonly NodeStore[] = ['warehouse', 'parquet', 'rosters', 'remarks']

export class NodeWork {
  readonly #parts: NodeWorkParts
  readonly #stopping = new AbortController()
  #isWoken = false
  #working: Promise<void> | undefined

  constructor(parts: NodeWorkParts) {
    this.#parts = parts
  }

  /** There may be something to do. */
  wake(): void {
    this.#isWoken = true
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined
      if (this.#isWoken && !this.#stopping.signal.aborted) this.wake()
    })
  }

  /** Resolves when nothing is due on this node: before anything can leave its folders. Rejects when `signal` is aborted. */
  async catchUp(signal: AbortSignal): Promise<void> {
    const { parts, node, logger } = this.#parts
    const due = await parts.due(node)
    if (due.length > 0)
      logger.info(
        { node, erasures: due.length },
        'somebody was erased while this node was away: its part comes first',
      )
    const stop = (): void => this.#stopping.abort(signal.reason)
    signal.addEventListener('abort', stop)
    try {
      this.wake()
      await this.#working
      signal.throwIfAborted()
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }

  /** Leaves the step under way where it is: the next process does it again. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#working
  }

  /** Never rejects. */
  async #work(): Promise<void> {
    const { clock, logger } = this.#parts
    const { signal } = this.#stopping
    let retryMs = RETRY_MS_MIN
    while (this.#isWoken && !signal.aborted) {
      this.#isWoken = false
      const isWell = await this.#doWhatIsDue().catch((error: unknown) => {
        if (!signal.aborted)
          logger.error({ err: error }, 'the parts of erasures could not be read; trying again')
        return false
      })
      if (isWell) {
        retryMs = RETRY_MS_MIN
        continue
      }
      this.#isWoken = true
      await clock.sleep(retryMs, signal)
      retryMs = Math.min(2 * retryMs, RETRY_MS_MAX)
    }
  }

  /** False: something failed. One that fails holds up no other. */
  async #doWhatIsDue(): Promise<boolean> {
    const { parts, node } = this.#parts
    let isWell = true
    const failed = new Set<string>()
    for (;;) {
      const due = (await parts.due(node)).filter(({ part }) => !failed.has(part.erasure))
      if (due.length === 0) return isWell
      for (const one of due) {
        this.#stopping.signal.throwIfAborted()
        if (await this.#tried(one)) continue
        isWell = false
        failed.add(one.part.erasure)
      }
    }
  }

  async #tried(due: DuePart): Promise<boolean> {
    const { parts, logger, changed, onDone, sign } = this.#parts
    const { part } = due
    try {
      const outcome = await this.#step(due)
      onDone?.(part.step)
      await parts.advance(part, outcome, sign)
      return true
    } catch (error) {
      this.#stopping.signal.throwIfAborted()
      logger.error(
        { err: error, erasure: part.erasure, step: part.step },
        'a step of an erasure failed on this node; trying again',
      )
      const problem = error instanceof Error ? error.message : String(error)
      await parts.fail(part, new Traces(due.identifiers).masked(problem))
      return false
    } finally {
      changed()
    }
  }

  async #step({ part: { step }, identifiers }: DuePart): Promise<PartOutcome> {
    const { suppression, log, stores, folders, onDone } = this.#parts
    const { signal } = this.#stopping
    const traces = new Traces(identifiers)
    switch (step) {
      case 'suppress':
        await suppression.load()
        return {}
      case 'reread':
        await log.reread()
        return {}
      case 'folders': {
        const touched: Touched[] = []
        for (const store of STORES) {
          touched.push(...(await stores[store](traces, false, signal)))
          onDone?.(store)
        }
        return { removed: countsOf(touched) }
      }
      case 'search':
        return { search: await searchFolders(folders, traces, signal) }
    }
  }
}
