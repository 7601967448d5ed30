/**
 * Treasure Data's REST API v3, the part that queries: jobs, databases, tables (TD OpenAPI td-api-v3; shapes as
 * td-client-python and td-client-java read them). `Authorization: TD1 <key>`; parameters as a form or as JSON.
 *
 *   POST /v3/job/issue/{presto|trino|hive}/{database}   query, priority, retry_limit, domain_key, scheduled_time, …
 *   GET  /v3/job/status/{id}                            cheap: what a client polls
 *   GET  /v3/job/status_by_domain_key/{key}
 *   GET  /v3/job/show/{id}                              adds query, schema, debug{cmdout,stderr}
 *   GET  /v3/job/list?from=&to=&status=                 newest first, 20 by default
 *   POST /v3/job/kill/{id}
 *   GET  /v3/job/result/{id}?format=                    render.ts; Range, ETag, If-Range
 *   GET  /v3/database/list   GET  /v3/database/show/{database}    POST /v3/database/create/{database}
 *   GET  /v3/table/list/{database}     GET /v3/table/show/{database}/{table}
 *   POST /v3/table/create/{database}/{table}/log
 *
 *   401 no key or an unknown one · 403 a write-only key · 404 unknown job, database, table, path; a result that expired
 *   409 a domain_key that another job has, with details.conflicts_with; a database or table that is there
 *   422 parameters that do not fit · 429 when 1,000 jobs wait
 *
 * Exports (`result`, `result_connection_id`) are refused with 422: nothing would receive them.
 */

import { type Answer, json } from '../answer.ts'
import { type Call, decodedPart, type Setting, wholeOr } from '../double.ts'
import { type Intake, td1Key } from '../treasure-data-intake.ts'
import { problem, ranged } from './answers.ts'
import type { Brain } from './brain.ts'
import type { Engine } from './dialect.ts'
import { orderOf, parametersOf } from './job-order.ts'
import { showOf, statusOf } from './job-shapes.ts'
import { type Job, type JobStatus, Jobs } from './jobs.ts'
import { FORMATS, type Format, MEDIA_TYPES } from './render.ts'
import { TablesApi } from './tables-api.ts'

/** Of one answer of job/list; ours. */
const LIST_MAX = 1000

export interface QuerySettings {
  /** How long a row that came in stays invisible to queries. */
  readonly queryDelayMs: number
  /** How long the result of a job can be read. */
  readonly resultTtlMs: number
}

export class QueryApi {
  readonly #setting: Setting
  readonly #intake: Intake
  readonly #tables: TablesApi
  readonly #jobs: Jobs
  #brain: Promise<Brain> | undefined

  constructor(setting: Setting, intake: Intake, settings: () => QuerySettings) {
    this.#setting = setting
    this.#intake = intake
    const brain = () => this.#opened()
    const { clock } = setting
    this.#tables = new TablesApi({ clock, intake, brain, queryDelayMs: () => settings().queryDelayMs })
    this.#jobs = new Jobs(clock, {
      brain,
      tables: () => this.#tables.tables(),
      resultTtlMs: () => settings().resultTtlMs,
    })
  }

  /** Jobs by status, for /sandbox/state. */
  state(): Partial<Record<JobStatus, number>> {
    const counts: Partial<Record<JobStatus, number>> = {}
    for (const { status } of this.#jobs.list()) counts[status] = (counts[status] ?? 0) + 1
    return counts
  }

  reset(): void {
    this.#jobs.clear()
    this.#tables.reset()
  }

  async close(): Promise<void> {
    await this.#jobs.close()
    if (this.#brain !== undefined) (await this.#brain).close()
  }

  answer(call: Call): Answer | Promise<Answer> {
    const key = td1Key(call)
    if (key === undefined || !this.#intake.knowsKey(key)) return problem(401, 'Authentication failed')
    if (!this.#intake.mayQuery(key)) return problem(403, 'This API key may only write')
    const [, , resource = '', action = '', ...rest] = call.path.split('/').map(decodedPart)
    const request = `${call.method} ${resource}/${action}/${rest.length}`
    return (
      this.#tables.answer(request, rest) ??
      this.#answerJob(call, request, rest) ??
      problem(404, 'Resource not found')
    )
  }

  #answerJob(call: Call, request: string, rest: readonly string[]): Answer | Promise<Answer> | undefined {
    switch (request) {
      case 'POST job/issue/2':
        return this.#issue(call, rest[0] ?? '', rest[1] ?? '')
      case 'GET job/status/1':
        return this.#withJob(rest[0], (job) => json(200, statusOf(job)))
      case 'GET job/status_by_domain_key/1':
        return answerAbout(this.#jobs.findByDomainKey(rest[0] ?? ''), (job) => json(200, statusOf(job)))
      case 'GET job/show/1':
        return this.#withJob(rest[0], (job) => json(200, showOf(job)))
      case 'GET job/result/1':
        return this.#withJob(rest[0], (job) => this.#result(call, job))
      case 'POST job/kill/1':
        return this.#withJob(rest[0], (job) => this.#kill(job))
      case 'GET job/list/0':
        return this.#list(call)
      default:
        return undefined
    }
  }

  #issue(call: Call, type: string, database: string): Answer {
    if (!isEngine(type)) return problem(422, `Job type '${type}' cannot be run here`)
    if (!this.#intake.hasDatabase(database))
      return problem(404, `Resource not found: the database ${database}`)
    const order = orderOf(type, database, parametersOf(call))
    if (typeof order === 'string') return problem(422, order)
    const known = order.domainKey === undefined ? undefined : this.#jobs.findByDomainKey(order.domainKey)
    if (known !== undefined) {
      return problem(409, 'Domain key has already been taken', { conflicts_with: String(known.id) })
    }
    const job = this.#jobs.issue(order, this.#setting.faults.job(call.path))
    if (job === undefined) {
      return { ...problem(429, 'Too many jobs are waiting'), headers: { 'retry-after': '5' } }
    }
    return json(200, { job: String(job.id), job_id: String(job.id), database })
  }

  #kill(job: Job): Answer {
    const former = job.status
    this.#jobs.kill(job)
    return json(200, { job_id: String(job.id), former_status: former })
  }

  #list(call: Call): Answer {
    const parameters = new URLSearchParams(call.query)
    const status = parameters.get('status')
    const jobs = this.#jobs.list().filter((job) => status === null || job.status === status)
    const from = wholeOr(parameters.get('from'), 0)
    const to = Math.min(wholeOr(parameters.get('to'), from + 19), from + LIST_MAX - 1)
    const page = jobs.slice(from, to + 1)
    return json(200, { count: page.length, from, to, jobs: page.map(showOf) })
  }

  async #result(call: Call, job: Job): Promise<Answer> {
    const parameters = new URLSearchParams(call.query)
    const format = parameters.get('format') ?? 'msgpack'
    if (!isFormat(format)) return problem(422, `Unknown format: ${format}`)
    if (job.status !== 'success') return problem(404, `Resource not found: job ${job.id} has no result`)
    const options = {
      header: parameters.get('header') === 'true',
      nullifySpecial: parameters.get('nullify_special') === 'true',
    }
    const body = await this.#jobs.resultOf(job, format, options)
    if (body === undefined) return problem(404, `Resource not found: the result of job ${job.id} has expired`)
    const tag = `"${job.id}-${format}-${options.header}-${options.nullifySpecial}"`
    return ranged(call, body, { etag: tag, 'content-type': MEDIA_TYPES[format] })
  }

  #withJob(id: string | undefined, about: (job: Job) => Answer | Promise<Answer>): Answer | Promise<Answer> {
    return answerAbout(/^\d{1,15}$/.test(id ?? '') ? this.#jobs.find(Number(id)) : undefined, about)
  }

  #opened(): Promise<Brain> {
    // Loaded when first asked: no other program of ours should wait for DuckDB's library at its start.
    this.#brain ??= import('./brain.ts').then((room) => room.Brain.open())
    return this.#brain
  }
}

function answerAbout(job: Job | undefined, about: (job: Job) => Answer | Promise<Answer>) {
  return job === undefined ? problem(404, 'Resource not found: no such job') : about(job)
}

function isEngine(type: string): type is Engine {
  return type === 'presto' || type === 'trino' || type === 'hive'
}

function isFormat(format: string): format is Format {
  return (FORMATS as readonly string[]).includes(format)
}
