/**
 * A query at Treasure Data, from the text to the last row:
 *
 *   issue (once, by domain_key) ──► poll ──► schema ──► download, a page at a time
 *        │                           │                     │
 *        └── cancelled, out of time: the job is killed     └── the reader leaves: the download ends
 *
 * The job is Treasure Data's; nothing of it is stored here. A domain key is made before the first try, so that a try whose
 * answer was lost finds its own job instead of running the query twice.
 */

import { pipeline, Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { Clock } from '../../core/clock.ts'
import { ThalwegError } from '../../core/errors.ts'
import { queryFailed } from '../failures.ts'
import { GrowingPage } from '../stream.ts'
import type { Cell, Column, QueryEngine, QueryRequest, QueryStream, TableShape } from '../warehouse.ts'
import { Download } from './download.ts'
import type { JobSettings, Jobs } from './jobs.ts'
import { RowReader } from './msgpack.ts'
import { readingStatement } from './read-only.ts'
import type { Wire } from './wire.ts'

export interface Pace {
  /** Before the second look at a job; doubles from look to look. */
  readonly firstMs: number
  readonly maxMs: number
}

export const PACE_DEFAULT: Pace = { firstMs: 500, maxMs: 10_000 }
/** How long the killing of a job may keep the caller waiting. */
export const KILL_TIMEOUT_MS = 10_000
/** Of decoded text in one page, so that wide rows make short pages. */
const PAGE_CHARS_MAX = 8_388_608

export interface EngineParts {
  readonly wire: Wire
  readonly jobs: Jobs
  readonly settings: JobSettings
  readonly clock: Clock
  readonly pace: Pace
  /** A new domain key for each query. */
  readonly domainKey: () => string
}

export class TreasureDataEngine implements QueryEngine {
  readonly kind = 'treasure-data'
  readonly #parts: EngineParts

  constructor(parts: EngineParts) {
    this.#parts = parts
  }

  async query(request: QueryRequest, signal: AbortSignal): Promise<QueryStream> {
    const { jobs, wire, settings } = this.#parts
    const sql = readingStatement(request.sql, settings.engine)
    const domainKey = this.#parts.domainKey()
    const stop = new Stop(this.#parts.clock, signal, request.timeoutMs)
    try {
      stop.signal.throwIfAborted()
      const id = await jobs.issue(sql, domainKey, stop.signal)
      await this.#finished(id, stop.signal)
      const { columns } = await jobs.details(id, stop.signal)
      const download = await Download.begin(wire, id, stop.signal)
      return streamOf(download, columns, request.rowsMax, stop)
    } catch (error) {
      stop.end()
      throw stop.signal.aborted ? await this.#killed(domainKey, stop.signal.reason as ThalwegError) : error
    }
  }

  tables(signal: AbortSignal): Promise<readonly TableShape[]> {
    return this.#parts.jobs.tables(signal)
  }

  close(): Promise<void> {
    return this.#parts.wire.close()
  }

  /** Waits for the end of a job. Throws QUERY_FAILED unless it is a success. */
  async #finished(id: string, signal: AbortSignal): Promise<void> {
    const { jobs, clock, pace } = this.#parts
    for (let waitMs = pace.firstMs; ; waitMs = Math.min(pace.maxMs, 2 * waitMs)) {
      const state = await jobs.state(id, signal)
      if (state === 'success') return
      if (state === 'killed')
        throw new ThalwegError('QUERY_FAILED', `Job ${id} was killed at Treasure Data, not by this query`)
      if (state === 'error') throw failedJob((await jobs.details(id, signal)).complaint)
      await clock.sleep(waitMs, signal)
      signal.throwIfAborted()
    }
  }

  /** Kills the job of a query that ended early; the error says so when that is not sure. */
  async #killed(domainKey: string, reason: ThalwegError): Promise<ThalwegError> {
    const { jobs, clock } = this.#parts
    const enough = new AbortController()
    const cancel = clock.after(KILL_TIMEOUT_MS, () => enough.abort(new Error('it takes too long')))
    try {
      // By key, since the end may have come before the id.
      const id = await jobs.findByDomainKey(domainKey, enough.signal)
      if (id !== undefined) await jobs.kill(id, enough.signal)
      return reason
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      return new ThalwegError(
        reason.code,
        `${reason.message} The job may still run at Treasure Data: ${why}`,
        {
          cause: error,
        },
      )
    } finally {
      cancel()
    }
  }
}

/** One signal for the two ways in which a query ends from outside. Its reason is the error to throw. */
class Stop {
  readonly #controller = new AbortController()
  readonly #caller: AbortSignal
  readonly #cancelTimer: () => void

  constructor(clock: Clock, caller: AbortSignal, timeoutMs: number) {
    this.#caller = caller
    this.#cancelTimer = clock.after(timeoutMs, () =>
      this.#controller.abort(
        new ThalwegError('QUERY_TIMEOUT', `The query took longer than ${timeoutMs} ms.`),
      ),
    )
    caller.addEventListener('abort', this.#cancel, { once: true })
    if (caller.aborted) this.#cancel()
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  readonly #cancel = (): void => {
    this.#controller.abort(new ThalwegError('QUERY_CANCELLED', 'The query was cancelled.'))
  }

  end(): void {
    this.#cancelTimer()
    this.#caller.removeEventListener('abort', this.#cancel)
  }
}

function streamOf(
  download: Download,
  columns: readonly Column[],
  rowsMax: number | undefined,
  stop: Stop,
): QueryStream {
  const result = { isCut: false }
  return { columns, pages: pagesOf(download, columns, rowsMax, stop, result), cut: () => result.isCut }
}

async function* pagesOf(
  download: Download,
  columns: readonly Column[],
  rowsMax: number | undefined,
  stop: Stop,
  result: { isCut: boolean },
): AsyncGenerator<readonly (readonly Cell[])[]> {
  let page = new GrowingPage(PAGE_CHARS_MAX)
  let left = rowsMax ?? Number.MAX_SAFE_INTEGER
  try {
    for await (const rows of rowsOf(download, stop.signal)) {
      for (const row of rows.slice(0, left)) {
        page.add(toldCells(row, columns))
        if (!page.isFull) continue
        yield page.rows
        // What has come already must not flow on after an end.
        stop.signal.throwIfAborted()
        page = new GrowingPage(PAGE_CHARS_MAX)
      }
      result.isCut = rows.length > left
      if (result.isCut) break
      left -= rows.length
    }
    if (page.rows.length > 0) yield page.rows
  } finally {
    stop.end()
    download.destroy()
  }
}

/** As many at a time as a piece of the download happens to hold. */
async function* rowsOf(download: Download, signal: AbortSignal): AsyncGenerator<Cell[][]> {
  const reader = new RowReader()
  const gunzip = createGunzip({ chunkSize: 65_536 })
  // What goes wrong on the way comes out of the end that is read.
  pipeline(Readable.from(download.pieces()), gunzip, () => undefined)
  try {
    for await (const piece of gunzip as AsyncIterable<Buffer>) {
      reader.push(piece)
      yield reader.rows()
    }
  } catch (error) {
    signal.throwIfAborted()
    throw error instanceof ThalwegError ? error : unreadable(error)
  } finally {
    gunzip.destroy()
  }
  if (reader.isWithinRow) throw unreadable(new Error('it ends in the middle of a row'))
}

/** Trino and Presto name the place in their message: "line 2:3: Column 'x' cannot be resolved". */
function failedJob(complaint: string): ThalwegError {
  const [, line, column] = /\bline (\d+):(\d+): /.exec(complaint) ?? []
  return queryFailed(
    complaint,
    line === undefined ? undefined : { line: Number(line), column: Number(column) },
  )
}

function unreadable(error: unknown): ThalwegError {
  const why = error instanceof Error ? error.message : String(error)
  return new ThalwegError('QUERY_FAILED', `The result that Treasure Data sent cannot be read: ${why}`, {
    cause: error,
  })
}

const TIMESTAMP = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)(?: UTC)?$/

/** Times as ISO 8601 in UTC, which is what Treasure Data's engines run in. */
function toldCells(row: readonly Cell[], columns: readonly Column[]): readonly Cell[] {
  return row.map((cell, i) =>
    typeof cell === 'string' && columns[i]?.type.startsWith('timestamp') === true
      ? cell.replace(TIMESTAMP, '$1T$2Z')
      : cell,
  )
}
