/**
 * Which ids a source sent before the dedupe window, as far as the log still keeps them: what an import is compared
 * with beside the window. Derived from the log's side indexes, kept in runs on the disk like dedupe's own, so memory
 * stays small whatever the log holds. Made when an import begins, and only when the log goes back further than the window.
 */

import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../core/clock.ts'
import { ThalwegError } from '../../core/errors.ts'
import { ITEM_FAULT, ITEM_FLAGS, ITEM_HAS_ID, ITEM_ID, ITEM_WORDS } from '../../core/kernel/kernel.ts'
import { type IdentitySource, openDedupe } from '../../log/dedupe.ts'
import type { Dedupe, Log } from '../../log/log.ts'

/** Ids leave the window while an import runs: those of its last day are taken from here as well. */
const OVERLAP_MS = 24 * 3_600_000
/** So long after it was opened nothing is missing from it. */
export const OLDER_IDS_HOLD_MS = OVERLAP_MS / 2
/** A third of it is the largest chunk. */
const MEMORY_IDS = 300_000
const PATIENCE_MS = 50

export interface OlderIdsParts {
  /** Whose ids. */
  readonly source: number
  readonly log: Log & IdentitySource
  readonly clock: Clock
  readonly windowMs: number
  /** A folder for what is kept on the disk meanwhile. */
  readonly directory: string
  readonly onTrouble: (error: ThalwegError) => void
}

export class OlderIds {
  readonly #dedupe: Dedupe
  readonly #directory: string
  readonly #clock: Clock

  private constructor(dedupe: Dedupe, directory: string, clock: Clock) {
    this.#dedupe = dedupe
    this.#directory = directory
    this.#clock = clock
  }

  /** Undefined when the window covers everything that the log keeps, or is switched off. */
  static async open(parts: OlderIdsParts): Promise<OlderIds | undefined> {
    const { log, clock, windowMs, source } = parts
    if (windowMs === 0) return undefined
    const until = await log.offsetAt(clock.now() - windowMs + OVERLAP_MS)
    if (until <= log.tail) return undefined
    await mkdir(parts.directory, { recursive: true })
    const directory = await mkdtemp(join(parts.directory, 'import-'))
    const dedupe = await openDedupe({
      directory,
      clock,
      log: olderPart(log, source, until),
      windowMs: clock.now(),
      memoryIdsMax: MEMORY_IDS,
      onTrouble: parts.onTrouble,
    })
    return new OlderIds(dedupe, directory, clock)
  }

  /** 1 for each item that the source sent before. Waits while ids are on their way to the disk. */
  async known(source: number, items: Uint32Array, count: number, signal: AbortSignal): Promise<Uint8Array> {
    const skip = new Uint8Array(count)
    const seen = new Uint8Array(count)
    for (let i = 0, at = 0; i < count; i++, at += ITEM_WORDS) {
      const isEvent = items[at + ITEM_FAULT] === 0 && ((items[at + ITEM_FLAGS] ?? 0) & ITEM_HAS_ID) !== 0
      skip[i] = isEvent ? 0 : 1
    }
    while (!this.#ask(source, items, count, skip, seen)) {
      signal.throwIfAborted()
      await this.#clock.sleep(PATIENCE_MS, signal)
    }
    return seen
  }

  /** Only asks, and marks nothing: what is new here belongs to the dedupe of the window. False: no room now. */
  #ask(source: number, items: Uint32Array, count: number, skip: Uint8Array, seen: Uint8Array): boolean {
    const dedupe = this.#dedupe
    try {
      dedupe.mark(source, items, count, ITEM_WORDS, ITEM_ID, this.#clock.now(), skip, seen)
    } catch (error) {
      if (error instanceof ThalwegError && error.code === 'LOG_FULL') return false
      throw error
    }
    dedupe.unmark(source, items, count, ITEM_WORDS, ITEM_ID, skip, seen)
    return true
  }

  async close(): Promise<void> {
    await this.#dedupe.close()
    await rm(this.#directory, { recursive: true, force: true })
  }
}

/** The log up to an offset, as it was: nothing is added to it, and nothing of it is held. */
function olderPart(log: Log & IdentitySource, source: number, until: number): IdentitySource {
  return {
    head: until,
    durable: () => Promise.resolve(),
    hold: () => undefined,
    async *identities(from) {
      for await (const frame of log.identities(from)) {
        if (frame.baseOffset >= until) return
        if (frame.source === source) yield frame
      }
    },
  }
}
