/**
 * What all engines do alike with a query under way: wait for its first rows, cut it at `rowsMax`, end it in time, when it
 * is cancelled, and when nobody reads on. An engine brings a `Reading`; it holds one page at a time and nothing else.
 */

import type { Clock } from '../core/clock.ts'
import type { ThalwegError } from '../core/errors.ts'
import { rowChars } from './cells.ts'
import { queryCancelled, queryTimedOut } from './failures.ts'
import { type Cell, type Column, PAGE_ROWS_MAX, type QueryRequest, type QueryStream } from './warehouse.ts'

export type Row = readonly Cell[]
export type Page = readonly Row[]

/** About how much text one page holds: with wide rows a page is short, so that memory stays bounded. */
export const PAGE_CHARS = 1_000_000

/** Rows on the way to a page. */
export class GrowingPage {
  readonly rows: Row[] = []
  readonly #charsMax: number
  #chars = 0

  constructor(charsMax = PAGE_CHARS) {
    this.#charsMax = charsMax
  }

  add(row: Row): void {
    this.rows.push(row)
    this.#chars += rowChars(row)
  }

  get isFull(): boolean {
    return this.rows.length >= PAGE_ROWS_MAX || this.#chars >= this.#charsMax
  }
}

/** One query under way in an engine. */
export interface Reading {
  /** Known once the first `next` has resolved. */
  columns(): readonly Column[]
  /** The next rows, at least one and at most `rowsMax`; undefined when there are no more. Rejects with whatever the driver throws. */
  next(rowsMax: number): Promise<Page | undefined>
  /** Ends the query on the server when it still runs, and frees what it holds. Called once, also while `next` waits. Never rejects. */
  end(): Promise<void>
}

export interface Start {
  /** Connects and hands over the query. */
  begin(): Promise<Reading>
  /** What a failure of `begin` or `next` means. */
  explain(error: unknown): ThalwegError
}

export async function streamOf(
  { begin, explain }: Start,
  request: QueryRequest,
  signal: AbortSignal,
  clock: Clock,
): Promise<QueryStream> {
  const ending = new Ending(request.timeoutMs, signal, clock)
  const beginning = begin()
  let reading: Reading
  try {
    reading = await ending.orEarlier(beginning)
  } catch (error) {
    ending.over()
    // A connection that comes too late is given back.
    beginning.then(
      (late) => late.end(),
      () => undefined,
    )
    throw ending.failure ?? explain(error)
  }
  const rows = new Rows(reading, request.rowsMax ?? Number.POSITIVE_INFINITY, ending, explain)
  ending.onEarly(() => void rows.end())
  const first = await rows.next()
  return { columns: reading.columns(), pages: pagesFrom(first, rows), cut: () => rows.cut }
}

async function* pagesFrom(first: Page | undefined, rows: Rows): AsyncGenerator<Page> {
  try {
    for (let page = first; page !== undefined; page = await rows.next()) yield page
  } finally {
    await rows.end()
  }
}

/** Counts rows and ends the reading, whoever finds the reason first. */
class Rows {
  readonly #reading: Reading
  readonly #rowsMax: number
  readonly #ending: Ending
  readonly #explain: (error: unknown) => ThalwegError
  #count = 0
  #ended: Promise<void> | undefined
  cut = false

  constructor(reading: Reading, rowsMax: number, ending: Ending, explain: (error: unknown) => ThalwegError) {
    this.#reading = reading
    this.#rowsMax = rowsMax
    this.#ending = ending
    this.#explain = explain
  }

  /** Undefined at the end. Throws what the engine's failure means. Nothing is held any more once there is nothing more to read. */
  async next(): Promise<Page | undefined> {
    if (this.cut) return undefined
    try {
      // One row more than wanted tells whether the result was cut.
      const left = this.#rowsMax - this.#count
      const page = await this.#ending.orEarlier(this.#reading.next(Math.min(PAGE_ROWS_MAX, left + 1)))
      this.cut = page !== undefined && page.length > left
      if (page === undefined || this.cut) await this.end()
      this.#count += page?.length ?? 0
      return this.cut ? nonEmpty(page?.slice(0, left)) : page
    } catch (error) {
      await this.end()
      throw this.#ending.failure ?? this.#explain(error)
    }
  }

  end(): Promise<void> {
    this.#ended ??= this.#reading.end().finally(() => this.#ending.over())
    return this.#ended
  }
}

function nonEmpty(page: Page | undefined): Page | undefined {
  return page?.length === 0 ? undefined : page
}

/** Whether and why a query ends before its result does. */
class Ending {
  readonly #early = new AbortController()
  readonly #stop: () => void
  failure: ThalwegError | undefined

  constructor(timeoutMs: number, signal: AbortSignal, clock: Clock) {
    const cancel = (): void => this.#end(queryCancelled())
    const cancelTimer = clock.after(timeoutMs, () => this.#end(queryTimedOut(timeoutMs)))
    this.#stop = () => {
      cancelTimer()
      signal.removeEventListener('abort', cancel)
    }
    if (signal.aborted) cancel()
    else signal.addEventListener('abort', cancel, { once: true })
  }

  #end(failure: ThalwegError): void {
    this.failure ??= failure
    this.#early.abort()
  }

  onEarly(task: () => void): void {
    if (this.#early.signal.aborted) task()
    else this.#early.signal.addEventListener('abort', task, { once: true })
  }

  /** What `work` resolves with, unless the query ends earlier. */
  orEarlier<T>(work: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const { signal } = this.#early
      const early = (): void => reject(this.failure)
      const settled = (settle: () => void): void => {
        signal.removeEventListener('abort', early)
        settle()
      }
      if (signal.aborted) early()
      else signal.addEventListener('abort', early, { once: true })
      work.then(
        (value) => settled(() => resolve(value)),
        (error: unknown) => settled(() => reject(error)),
      )
    })
  }

  /** The query is at its end; nothing more can end it. */
  over(): void {
    this.#stop()
  }
}
