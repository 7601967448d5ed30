/**
 * An account of the log: a reader of its own that counts what was accepted into tables, each record exactly once. What it counted and how
 * far it came are written in one transaction, which moves the position only from where the account left it. Whatever goes wrong, what was
 * gathered is thrown away, the tables are asked again, and counting goes on from what they say: after a kill, after a lost answer of the
 * store, after a store that lost its last commits. What is counted how is the business of its pages.
 */

import type { Transaction } from 'kysely'
import { type Clock, type Pause, pause } from '../core/clock.ts'
import type { FrameView } from '../log/frame.ts'
import type { Log } from '../log/log.ts'
import type { Schema } from '../store/schema.ts'
import type { Store } from '../store/store.ts'

/** What an account counts: in memory between two writes, then in tables. */
export interface Pages {
  /** Name under which the log keeps entries for this account. */
  readonly reader: string
  /** What the tables say; undefined when there is nothing yet. */
  position(): Promise<number | undefined>
  /** Forgets what was gathered and reads what the tables say; the position they cover, undefined when there is none yet. */
  load(): Promise<number | undefined>
  /** Writes down where counting begins. */
  open(position: number): Promise<void>
  /** Counts the records of a frame from offset `from` on; the frame is valid during the call only. */
  take(frame: FrameView, from: number): void
  /** Whether to write now, after so many gatherings since the last write. */
  isDue(gatherings: number): boolean
  /**
   * Moves the position from `from` to `to` and adds what was gathered. When the tables are not at `from`, it writes nothing and gives
   * their position; else it gives `to`. May run again, like every transaction.
   */
  keep(tx: Transaction<Schema>, from: number, to: number): Promise<number>
  /** What was gathered is in the tables now. */
  kept(): void
}

export interface AccountParts {
  readonly log: Log
  readonly store: Store
  readonly clock: Clock
  /** Told of every failure; the account tries again each second. */
  readonly onTrouble: (error: unknown) => void
  /** Real time between two readings, so that each finds something. Default 100. */
  readonly gatherMs?: number | undefined
  /** How it waits between two readings. Default: in real time. */
  readonly pause?: Pause | undefined
}

const GATHER_MS = 100
const READ_BYTES = 1_048_576
/** Readings per gathering: bounds what is counted before the next write. */
const READS_MAX = 32
const RETRY_MS = 1_000

export class LogAccount {
  readonly #parts: AccountParts
  readonly #pages: Pages
  #stopping = new AbortController()
  /** Everything before is in the tables. */
  #kept = 0
  /** Everything before is in the tables or gathered. */
  #read = 0
  #gatherings = 0
  #running: Promise<void> | undefined

  constructor(parts: AccountParts, pages: Pages) {
    this.#parts = parts
    this.#pages = pages
  }

  /** Rejects when the tables cannot be read. Also after a stop. */
  async start(): Promise<void> {
    this.#stopping = new AbortController()
    await this.#load()
    this.#running = this.#run()
  }

  /** What is gathered and not written yet is read again at the next start. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  /** Has the log keep what is not counted yet, whoever counts. */
  async hold(): Promise<void> {
    const position = await this.#pages.position()
    if (position !== undefined) this.#parts.log.hold(this.#pages.reader, position)
  }

  /** Everything before is in the tables. */
  get position(): number {
    return this.#kept
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    let isLost = false
    while (!signal.aborted) {
      try {
        if (isLost) await this.#load()
        isLost = false
        await this.#gather()
        if (this.#read > this.#kept && this.#pages.isDue(this.#gatherings)) await this.#write()
      } catch (error) {
        isLost = true
        this.#parts.onTrouble(error)
        await this.#parts.clock.sleep(RETRY_MS, signal)
      }
    }
  }

  async #load(): Promise<void> {
    const { log } = this.#parts
    const found = await this.#pages.load()
    // Past what retention took: an entry that is gone can no longer be counted.
    const position = Math.max(log.tail, found ?? 0)
    if (position !== found) await this.#pages.open(position)
    this.#kept = this.#read = position
    this.#gatherings = 0
    log.hold(this.#pages.reader, position)
  }

  async #gather(): Promise<void> {
    const { log, gatherMs = GATHER_MS, pause: wait = pause } = this.#parts
    const { signal } = this.#stopping
    if (this.#read === this.#kept) await log.beyond(this.#read, signal)
    if (signal.aborted) return
    // Real time: this only gathers work, and a stopped virtual clock must not hold the account back.
    await wait(gatherMs)
    let at = Math.max(this.#read, log.tail)
    for (let reads = 0; reads < READS_MAX && at < log.head; reads++) {
      const pending = log.read(at, READ_BYTES)
      const run = pending instanceof Promise ? await pending : pending
      for (const frame of run.frames) this.#pages.take(frame, at)
      if (run.next <= at) break
      at = run.next
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
    this.#read = at
    this.#gatherings++
  }

  async #write(): Promise<void> {
    const [from, to] = [this.#kept, this.#read]
    const position = await this.#parts.store.transaction((tx) => this.#pages.keep(tx, from, to), {
      durable: 'soon',
    })
    if (position !== to) return this.#load()
    this.#pages.kept()
    this.#kept = to
    this.#gatherings = 0
    this.#parts.log.hold(this.#pages.reader, to)
  }
}
