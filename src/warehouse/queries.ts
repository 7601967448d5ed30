/**
 * Queries under way: how many at once, how long, how much; who asked what of which engine, and what became of it. A
 * query is handed on page by page and never gathered. What ran lately is kept in memory only, for people to look at.
 *
 * | state     | on                                   | becomes   |
 * |-----------|--------------------------------------|-----------|
 * | running   | the last page was taken, or a cut    | succeeded |
 * | running   | the engine fails, or time is up      | failed    |
 * | running   | `cancel`, or the caller left         | cancelled |
 */

import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import type { Clock } from '../core/clock.ts'
import { type ErrorCode, ThalwegError } from '../core/errors.ts'
import { rowChars } from './cells.ts'
import type { Engines } from './engines.ts'
import type { PositionDetails } from './failures.ts'
import type { Page } from './stream.ts'
import type { Column, QueryFile, QueryRequest } from './warehouse.ts'

export const TIMEOUT_MS_DEFAULT = 60_000

export interface QueryOrder {
  readonly engine: string
  readonly sql: string
  /** Unset: all rows. */
  readonly rowsMax?: number
  /** Default TIMEOUT_MS_DEFAULT; at most what the hub allows. */
  readonly timeoutMs?: number
  /** At most, and unless set, what the hub allows. */
  readonly bytesMax?: number
  /** Label of the token that asks. */
  readonly who: string
  /** Name of the saved query that it is. */
  readonly saved?: string
}

export interface QueryLimits {
  readonly queriesMax: number
  readonly queryTimeMaxMs: number
  readonly queryBytesMax: number
}

export type Cut = 'rows' | 'bytes'

/** A query whose first rows are there. Take the pages, or abort the signal: either ends it. */
export interface RunningQuery {
  readonly id: string
  readonly columns: readonly Column[]
  readonly pages: AsyncIterable<Page>
  /** After the last page: the limit that cut the result. */
  cut(): Cut | undefined
  elapsedMs(): number
}

export type QueryState = 'running' | 'succeeded' | 'failed' | 'cancelled'

export interface QueryRecord {
  readonly id: string
  readonly engine: string
  readonly who: string
  /** At most SQL_KEPT_CHARS. */
  readonly sql: string
  readonly saved: string | null
  readonly state: QueryState
  readonly rows: number
  /** Of the cells as text, about; of a file, exactly. */
  readonly bytes: number
  readonly cut: Cut | null
  readonly startedAt: number
  readonly elapsedMs: number
  readonly error: QueryError | null
}

export interface QueryError {
  readonly code: ErrorCode
  readonly message: string
  readonly position: PositionDetails['position'] | null
}

/** Finished queries that are remembered. */
export const RECENT_MAX = 200
export const SQL_KEPT_CHARS = 4_000

export interface QueriesParts {
  readonly engines: Engines
  readonly clock: Clock
  readonly limits: QueryLimits
}

export class Queries {
  readonly #parts: QueriesParts
  readonly #running = new Map<string, Run>()
  /** Oldest first. */
  readonly #recent: Run[] = []

  constructor(parts: QueriesParts) {
    this.#parts = parts
  }

  /** Resolves with the first rows. Throws QUERIES_FULL, and what `Engines.open` and `QueryEngine.query` throw. */
  async start(order: QueryOrder, signal: AbortSignal): Promise<RunningQuery> {
    const run = this.#enter(order, signal)
    try {
      const engine = await this.#parts.engines.open(order.engine)
      const stream = await engine.query(this.#request(order), run.signal)
      return {
        id: run.id,
        columns: stream.columns,
        pages: run.counted(stream.pages, stream.cut, this.#bytesMax(order)),
        cut: () => run.cut,
        elapsedMs: () => run.elapsedMs(),
      }
    } catch (error) {
      run.fail(error)
      throw error
    }
  }

  /** Whether `exportFile` can be asked of an engine. Throws as `Engines.open`. */
  async writesFiles(engine: string): Promise<boolean> {
    return (await this.#parts.engines.open(engine)).export !== undefined
  }

  /** The result as a file that the engine writes. Throws as `start`, and INPUT_INVALID where the engine writes no such files. */
  async exportFile(order: QueryOrder, format: 'parquet', signal: AbortSignal): Promise<QueryFile> {
    const run = this.#enter(order, signal)
    try {
      const engine = await this.#parts.engines.open(order.engine)
      if (engine.export === undefined)
        throw new ThalwegError(
          'INPUT_INVALID',
          `The engine ${order.engine} writes no ${format} files: export as csv or ndjson`,
        )
      const file = await engine.export(this.#request(order), format, run.signal)
      const bytes = Readable.from(run.countedBytes(file.bytes), { objectMode: false })
      return { columns: file.columns, bytes }
    } catch (error) {
      run.fail(error)
      throw error
    }
  }

  /** Running ones, then those of late, latest first. */
  list(): QueryRecord[] {
    return [...this.#running.values(), ...this.#recent.toReversed()].map((run) => run.record())
  }

  /** Ends it on the server; one that has ended stays as it is. Throws QUERY_UNKNOWN. */
  cancel(id: string): QueryRecord {
    const run = this.#running.get(id) ?? this.#recent.find((one) => one.id === id)
    if (run === undefined)
      throw new ThalwegError('QUERY_UNKNOWN', `No query ${JSON.stringify(id)} runs or ran lately`)
    run.cancel()
    return run.record()
  }

  /** Ends all that run. */
  close(): void {
    for (const run of this.#running.values()) run.cancel()
  }

  #enter(order: QueryOrder, signal: AbortSignal): Run {
    const { limits, clock } = this.#parts
    if (this.#running.size >= limits.queriesMax)
      throw new ThalwegError(
        'QUERIES_FULL',
        `${limits.queriesMax} queries run already: wait for one to end, or cancel one`,
      )
    const run = new Run(order, clock, signal, () => {
      this.#running.delete(run.id)
      this.#recent.push(run)
      if (this.#recent.length > RECENT_MAX) this.#recent.shift()
    })
    this.#running.set(run.id, run)
    return run
  }

  #request({ sql, rowsMax, timeoutMs = TIMEOUT_MS_DEFAULT }: QueryOrder): QueryRequest {
    const bounded = Math.min(timeoutMs, this.#parts.limits.queryTimeMaxMs)
    return rowsMax === undefined ? { sql, timeoutMs: bounded } : { sql, rowsMax, timeoutMs: bounded }
  }

  #bytesMax({ bytesMax = Number.POSITIVE_INFINITY }: QueryOrder): number {
    return Math.min(bytesMax, this.#parts.limits.queryBytesMax)
  }
}

/** One query, from its order to its end. */
class Run {
  readonly id = `q_${randomBytes(8).toString('hex')}`
  readonly #order: QueryOrder
  readonly #clock: Clock
  readonly #startedAt: number
  readonly #cancelled = new AbortController()
  readonly #onEnd: () => void
  readonly signal: AbortSignal
  #state: QueryState = 'running'
  #endedAt = 0
  #rows = 0
  #bytes = 0
  #error: QueryError | null = null
  cut: Cut | undefined

  constructor(order: QueryOrder, clock: Clock, signal: AbortSignal, onEnd: () => void) {
    this.#order = order
    this.#clock = clock
    this.#startedAt = clock.now()
    this.#onEnd = onEnd
    this.signal = AbortSignal.any([signal, this.#cancelled.signal])
    // Whoever asked may leave before taking a page: then nothing else would end it.
    this.signal.addEventListener('abort', () => this.#settle('cancelled'), { once: true })
  }

  cancel(): void {
    this.#cancelled.abort()
  }

  async *counted(
    pages: AsyncIterable<Page>,
    cutByRows: () => boolean,
    bytesMax: number,
  ): AsyncGenerator<Page> {
    try {
      for await (const page of pages) {
        if (this.#bytes >= bytesMax) {
          this.cut = 'bytes'
          break
        }
        this.#rows += page.length
        for (const row of page) this.#bytes += rowChars(row)
        yield page
      }
      if (cutByRows()) this.cut ??= 'rows'
      this.#settle('succeeded')
    } catch (error) {
      this.fail(error)
      throw error
    } finally {
      this.#settle('cancelled')
    }
  }

  async *countedBytes(file: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      for await (const piece of file) {
        this.#bytes += piece.length
        yield piece
      }
      this.#settle('succeeded')
    } catch (error) {
      this.fail(error)
      throw error
    } finally {
      this.#settle('cancelled')
    }
  }

  fail(error: unknown): void {
    const { code, message, details } =
      error instanceof ThalwegError
        ? error
        : new ThalwegError('DEFECT', 'The query failed in a way that it should not')
    const position = (details as Partial<PositionDetails> | undefined)?.position ?? null
    if (this.#state === 'running' && code !== 'QUERY_CANCELLED') this.#error = { code, message, position }
    this.#settle(code === 'QUERY_CANCELLED' ? 'cancelled' : 'failed')
  }

  #settle(state: Exclude<QueryState, 'running'>): void {
    if (this.#state !== 'running') return
    this.#state = state
    this.#endedAt = this.#clock.now()
    this.#onEnd()
  }

  elapsedMs(): number {
    return (this.#state === 'running' ? this.#clock.now() : this.#endedAt) - this.#startedAt
  }

  record(): QueryRecord {
    const { engine, who, sql, saved = null } = this.#order
    return {
      id: this.id,
      engine,
      who,
      sql: sql.slice(0, SQL_KEPT_CHARS),
      saved,
      state: this.#state,
      rows: this.#rows,
      bytes: this.#bytes,
      cut: this.cut ?? null,
      startedAt: this.#startedAt,
      elapsedMs: this.elapsedMs(),
      error: this.#error,
    }
  }
}
