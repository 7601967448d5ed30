/** The embedded warehouse as a query engine: the contract of warehouse.ts, answered by the child program. */

import { Readable } from 'node:stream'
import type { Column, QueryEngine, QueryFile, QueryRequest, QueryStream, TableShape } from '../warehouse.ts'
import type { Question } from './frames.ts'
import type { AnswerPart, Host } from './host.ts'
import type { Part } from './queries.ts'
import type { MisfitReport } from './upkeep.ts'

export class DuckDbEngine implements QueryEngine {
  readonly kind = 'duckdb'
  readonly #host: Host

  constructor(host: Host) {
    this.#host = host
  }

  async query(request: QueryRequest, signal: AbortSignal): Promise<QueryStream> {
    const parts = this.#host.stream(questionOf('query', request), signal)
    const first = await parts.next()
    const columns: readonly Column[] =
      !first.done && 'columns' in (first.value.value as Part)
        ? (first.value.value as { columns: readonly Column[] }).columns
        : []
    let step = await parts.next()
    let cut = step.done === true && step.value === true
    async function* pages() {
      try {
        while (!step.done) {
          const part = step.value.value as Part
          if ('rows' in part) yield part.rows
          step = await parts.next()
        }
        cut = step.value === true
      } finally {
        await parts.return(undefined)
      }
    }
    return { columns, pages: pages(), cut: () => cut }
  }

  /** Resolves when the file is written, so that what is wrong with the query is thrown here. */
  async export(request: QueryRequest, _format: 'parquet', signal: AbortSignal): Promise<QueryFile> {
    const parts = this.#host.stream(questionOf('export', request), signal)
    const first = await parts.next()
    const { columns } = (first.value as AnswerPart).value as { columns: readonly Column[] }
    let step = await parts.next()
    async function* pieces() {
      try {
        while (!step.done) {
          yield step.value.body
          step = await parts.next()
        }
      } finally {
        await parts.return(undefined)
      }
    }
    return { columns, bytes: Readable.from(pieces(), { objectMode: false }) }
  }

  async tables(): Promise<readonly TableShape[]> {
    return (await this.#host.ask({ op: 'tables' })) as readonly TableShape[]
  }

  /** Values that did not fit their column, newest first. */
  async misfits(): Promise<readonly MisfitReport[]> {
    return (await this.#host.ask({ op: 'misfits' })) as readonly MisfitReport[]
  }

  close(): Promise<void> {
    return this.#host.close()
  }
}

function questionOf(op: 'query' | 'export', { sql, rowsMax, timeoutMs }: QueryRequest): Question {
  return { op, sql, timeoutMs, ...(rowsMax === undefined ? {} : { rowsMax }) }
}
