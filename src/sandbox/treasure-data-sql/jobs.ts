/**
 * The jobs of the double: issued, queued, run by the brain, kept for a while.
 *
 *   queued ──► running ──► success ──► (its result expires)
 *     │           ├──────► error
 *     └───────────┴──────► killed
 *
 * A job is queued until one of RUNNING_MAX places is free. It sees the rows that can be queried when it begins to run.
 */

import type { Clock } from '../../core/clock.ts'
import { ThalwegError } from '../../core/errors.ts'
import type { JobFault } from '../faults.ts'
import type { Brain, Query, Result, TableRows } from './brain.ts'
import type { Engine } from './dialect.ts'
import { type Format, type RenderOptions, render } from './render.ts'

export const RUNNING_MAX = 4
/** Issued and not ended; beyond, the double answers 429. */
export const WAITING_MAX = 1000
/** The oldest ended jobs are forgotten beyond. */
export const JOBS_MAX = 10_000
/** Results kept at once, and their rows; beyond, the oldest expire early. */
export const RESULTS_MAX = 100
export const RESULT_ROWS_MAX = 5_000_000
/** Of one result, in other formats than the first. */
const RENDERED_MAX = 2
/** TD docs, upper limits: how long a job is known. */
export const JOB_LIFETIME_MS = 90 * 86_400_000

export type JobStatus = 'queued' | 'running' | 'success' | 'error' | 'killed'

export interface JobOrder {
  readonly engine: Engine
  readonly database: string
  readonly query: string
  readonly priority: number
  readonly retryLimit: number
  readonly domainKey: string | undefined
  /** Unix seconds; unset: when it is issued. */
  readonly scheduledAtS: number | undefined
}

export interface Job extends JobOrder {
  readonly id: number
  readonly createdAtMs: number
  status: JobStatus
  startedAtMs: number | undefined
  endedAtMs: number | undefined
  /** In the vendor's words, of a job that failed. */
  error: string | undefined
  result: KeptResult | undefined
  readonly kill: AbortController
}

export interface KeptResult {
  readonly result: Result
  /** The documented measure of a result: its bytes as msgpack.gz. */
  readonly bytes: number
  readonly rendered: Map<string, Promise<Buffer>>
}

export interface Desk {
  readonly brain: () => Promise<Brain>
  readonly tables: () => readonly TableRows[]
  readonly resultTtlMs: () => number
}

export class Jobs {
  readonly #clock: Clock
  readonly #desk: Desk
  #jobs = new Map<number, Job>()
  #byDomainKey = new Map<string, Job>()
  #waiting: Job[] = []
  #faults = new WeakMap<Job, JobFault>()
  #running = 0
  /** What goes on by itself, so that closing can wait for it. */
  readonly #work = new Set<Promise<unknown>>()
  #lastId = 0

  constructor(clock: Clock, desk: Desk) {
    this.#clock = clock
    this.#desk = desk
  }

  /** Undefined when as many wait as may. */
  issue(order: JobOrder, fault: JobFault): Job | undefined {
    if (this.#waiting.length >= WAITING_MAX) return undefined
    this.#forgetOld()
    const job: Job = {
      ...order,
      id: ++this.#lastId,
      createdAtMs: this.#clock.now(),
      status: 'queued',
      startedAtMs: undefined,
      endedAtMs: undefined,
      error: undefined,
      result: undefined,
      kill: new AbortController(),
    }
    this.#jobs.set(job.id, job)
    if (job.domainKey !== undefined) this.#byDomainKey.set(job.domainKey, job)
    this.#faults.set(job, fault)
    this.#waiting.push(job)
    // Not at once: whoever issued it is told before it runs.
    setImmediate(() => this.#start())
    return job
  }

  find(id: number): Job | undefined {
    const job = this.#jobs.get(id)
    return job === undefined || this.#clock.now() - job.createdAtMs > JOB_LIFETIME_MS ? undefined : job
  }

  findByDomainKey(key: string): Job | undefined {
    const job = this.#byDomainKey.get(key)
    return job === undefined ? undefined : this.find(job.id)
  }

  /** Newest first. */
  list(): Job[] {
    return [...this.#jobs.values()].reverse()
  }

  kill(job: Job): void {
    if (job.status !== 'queued' && job.status !== 'running') return
    this.#end(job, 'killed')
    this.#waiting = this.#waiting.filter((other) => other !== job)
    job.kill.abort()
  }

  /** The rendered result; undefined when it expired. */
  async resultOf(job: Job, format: Format, options: RenderOptions): Promise<Buffer | undefined> {
    const kept = job.result
    if (kept === undefined || this.#isExpired(job)) return undefined
    const key = JSON.stringify([format, options])
    const rendered = kept.rendered.get(key) ?? render(kept.result, format, options)
    kept.rendered.set(key, rendered)
    const [, oldest] = kept.rendered.keys()
    if (kept.rendered.size > 1 + RENDERED_MAX && oldest !== undefined) kept.rendered.delete(oldest)
    return rendered
  }

  clear(): void {
    for (const job of this.#jobs.values()) this.kill(job)
    for (const job of this.#jobs.values()) this.#expire(job)
    this.#jobs = new Map()
    this.#byDomainKey = new Map()
  }

  /** Kills everything and waits until nothing runs. */
  async close(): Promise<void> {
    this.clear()
    while (this.#work.size > 0) await Promise.allSettled(this.#work)
  }

  #start(): void {
    while (this.#running < RUNNING_MAX) {
      const job = this.#waiting.shift()
      if (job === undefined) return
      job.status = 'running'
      job.startedAtMs = this.#clock.now()
      this.#running++
      const run = this.#run(job, this.#faults.get(job) ?? {})
      this.#follow(run.finally(() => this.#running--).then(() => this.#start()))
    }
  }

  #follow(work: Promise<unknown>): void {
    const followed = work.finally(() => this.#work.delete(followed))
    this.#work.add(followed)
  }

  async #run(job: Job, fault: JobFault): Promise<void> {
    try {
      if (fault.slowMs !== undefined) await this.#clock.sleep(fault.slowMs, job.kill.signal)
      if (fault.error !== undefined) throw new ThalwegError('QUERY_FAILED', fault.error)
      const brain = await this.#desk.brain()
      const query: Query = {
        text: job.query,
        engine: job.engine,
        database: job.database,
        scheduledAtS: job.scheduledAtS ?? Math.floor(job.createdAtMs / 1000),
      }
      const result = await brain.run(query, this.#desk.tables(), job.kill.signal)
      await this.#keep(job, result)
    } catch (error) {
      if (job.status !== 'running') return
      job.error = error instanceof Error ? error.message : String(error)
      this.#end(job, 'error')
    }
  }

  async #keep(job: Job, result: Result): Promise<void> {
    const options = { header: false, nullifySpecial: false }
    const whole = await render(result, 'msgpack.gz', options)
    if (job.status !== 'running') return result.drop()
    const rendered = new Map([[JSON.stringify(['msgpack.gz', options]), Promise.resolve(whole)]])
    job.result = { result, bytes: whole.length, rendered }
    this.#end(job, 'success')
    this.#expireOldest(job)
  }

  #expireOldest(newest: Job): void {
    let results = 0
    let rows = 0
    for (const job of this.list()) {
      if (job.result === undefined) continue
      results++
      rows += job.result.result.rowCount
      if (job !== newest && (results > RESULTS_MAX || rows > RESULT_ROWS_MAX)) this.#expire(job)
    }
  }

  #end(job: Job, status: JobStatus): void {
    job.status = status
    job.endedAtMs = this.#clock.now()
  }

  #isExpired(job: Job): boolean {
    return this.#clock.now() - (job.endedAtMs ?? 0) > this.#desk.resultTtlMs()
  }

  #forgetOld(): void {
    for (const job of this.#jobs.values()) {
      if (job.result !== undefined && this.#isExpired(job)) this.#expire(job)
    }
    for (const job of this.#jobs.values()) {
      if (this.#jobs.size < JOBS_MAX) return
      if (job.endedAtMs === undefined) continue
      this.#expire(job)
      this.#jobs.delete(job.id)
      if (job.domainKey !== undefined) this.#byDomainKey.delete(job.domainKey)
    }
  }

  #expire(job: Job): void {
    const kept = job.result
    job.result = undefined
    // Its table goes when no rendering reads it any more; one that failed told its own reader.
    if (kept !== undefined)
      this.#follow(Promise.allSettled(kept.rendered.values()).then(() => kept.result.drop()))
  }
}
