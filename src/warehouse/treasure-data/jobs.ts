/** Treasure Data's job API as calls: issue, follow, read, kill. One object per account and database. */

import { ThalwegError } from '../../core/errors.ts'
import { jsonOf } from '../../core/json.ts'
import type { Column, TableShape } from '../warehouse.ts'
import type { Reply, Wire } from './wire.ts'

export interface JobSettings {
  readonly database: string
  readonly engine: 'presto' | 'trino' | 'hive'
  readonly poolName?: string | undefined
  readonly priority: number
}

export type JobState = 'queued' | 'running' | 'success' | 'error' | 'killed'

export interface JobDetails {
  readonly columns: readonly Column[]
  /** What the engine says about a query that failed. */
  readonly complaint: string
}

const COMPLAINT_CHARS_MAX = 4000

export class Jobs {
  readonly #wire: Wire
  readonly #settings: JobSettings

  constructor(wire: Wire, settings: JobSettings) {
    this.#wire = wire
    this.#settings = settings
  }

  /**
   * The id of the one job that has this domain key: a new one, or the one that an earlier try made whose answer was
   * lost. The same key from elsewhere finds the same job.
   */
  async issue(sql: string, domainKey: string, signal: AbortSignal): Promise<string> {
    const { engine, database, poolName, priority } = this.#settings
    const reply = await this.#wire.ask(
      {
        method: 'POST',
        path: `/v3/job/issue/${engine}/${encodeURIComponent(database)}`,
        form: {
          query: sql,
          priority: String(priority),
          domain_key: domainKey,
          ...(poolName === undefined ? {} : { pool_name: poolName }),
        },
        alsoWanted: [409],
      },
      signal,
    )
    const details = reply.body.details as { conflicts_with?: unknown } | undefined
    return idIn(reply, reply.status === 409 ? details?.conflicts_with : reply.body.job_id)
  }

  async state(id: string, signal: AbortSignal): Promise<JobState> {
    const reply = await this.#wire.ask({ method: 'GET', path: `/v3/job/status/${id}` }, signal)
    return reply.body.status as JobState
  }

  /** Undefined when no job has the key. */
  async findByDomainKey(domainKey: string, signal: AbortSignal): Promise<string | undefined> {
    const path = `/v3/job/status_by_domain_key/${encodeURIComponent(domainKey)}`
    const reply = await this.#wire.ask({ method: 'GET', path, alsoWanted: [404] }, signal)
    return reply.status === 404 ? undefined : idIn(reply, reply.body.job_id)
  }

  async details(id: string, signal: AbortSignal): Promise<JobDetails> {
    const { body } = await this.#wire.ask({ method: 'GET', path: `/v3/job/show/${id}` }, signal)
    return { columns: columnsOf(body.hive_result_schema), complaint: complaintOf(body.debug) }
  }

  async kill(id: string, signal: AbortSignal): Promise<void> {
    await this.#wire.ask({ method: 'POST', path: `/v3/job/kill/${id}` }, signal)
  }

  async tables(signal: AbortSignal): Promise<readonly TableShape[]> {
    const { database } = this.#settings
    const path = `/v3/table/list/${encodeURIComponent(database)}`
    const { body } = await this.#wire.ask({ method: 'GET', path }, signal)
    return listed(body.tables).map((table) => ({
      database,
      table: String(table.name),
      rows: typeof table.count === 'number' ? table.count : undefined,
      // Every table has it, no schema lists it.
      columns: [{ name: 'time', type: 'long' }, ...columnsOf(table.schema)],
    }))
  }
}

function idIn(reply: Reply, id: unknown): string {
  const text = String(id ?? '')
  if (!/^\d{1,20}$/.test(text))
    throw new ThalwegError(
      'ENGINE_UNREACHABLE',
      `Treasure Data answered ${reply.status} without the id of a job`,
    )
  return text
}

/** Throws QUERY_FAILED for anything else than JSON in a string: [["name","type"],…], in tables with aliases behind. */
function columnsOf(schema: unknown): Column[] {
  if (typeof schema !== 'string' || schema === '') return []
  const columns: unknown = jsonOf(schema)
  if (!Array.isArray(columns) || !columns.every(Array.isArray))
    throw new ThalwegError('QUERY_FAILED', 'Treasure Data sent a schema that cannot be read')
  return columns.map(([name, type]: unknown[]) => ({ name: String(name), type: String(type) }))
}

/** The engine's own words: behind the last "failed:" of stderr, else the end of what the job wrote. */
function complaintOf(debug: unknown): string {
  const { stderr, cmdout } = (debug ?? {}) as { stderr?: unknown; cmdout?: unknown }
  const text = [stderr, cmdout].find((part) => typeof part === 'string' && part.trim() !== '')
  if (typeof text !== 'string') return 'Treasure Data gives no reason'
  const said = /failed: (.*)$/s.exec(text)?.[1] ?? text
  return said.trim().slice(-COMPLAINT_CHARS_MAX)
}

function listed(tables: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(tables) ? (tables as Record<string, unknown>[]) : []
}
