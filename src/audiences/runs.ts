/** The runs of all activations. Owns the table runs; that a cohort has one unfinished run at a time is its unique index. */

import type { Transaction } from 'kysely'
import type { Clock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import type { RunsTable, Schema } from '../store/schema.ts'
import { type Store, violatesUnique } from '../store/store.ts'
import type { Activation } from './activation.ts'
import {
  emptyReport,
  FINISHED,
  type Phase,
  type Run,
  type RunReport,
  type RunState,
  type Trigger,
} from './run.ts'

export const RUNS_PAGE_MAX = 500

export interface NewRun {
  readonly trigger: Trigger
  /** Who or what asked for it. */
  readonly by: string
  readonly dry: boolean
  readonly retryOf?: number
}

export interface RunFilter {
  readonly activation?: number
  readonly state?: RunState
  /** Older than this moment; for the next page. */
  readonly before?: number
  readonly limit: number
}

const OPEN = ['queued', 'running', 'held'] as const

export class Runs {
  readonly #store: Store
  readonly #clock: Clock

  constructor(store: Store, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  /** Throws ACTIVATION_BUSY when the cohort has an unfinished run. */
  async create(activation: Activation, target: string, wanted: NewRun): Promise<Run> {
    const now = this.#clock.now()
    const row: RunsTable | undefined = await this.#inserted(activation, target, wanted, now)
    if (row === undefined) throw await this.#busy(target)
    return runFrom(row)
  }

  /** undefined: the cohort has an unfinished run. */
  async #inserted(
    activation: Activation,
    target: string,
    wanted: NewRun,
    now: number,
  ): Promise<RunsTable | undefined> {
    try {
      return await this.#store.transaction((tx) => this.#insert(tx, activation, target, wanted, now))
    } catch (error) {
      // Another node was quicker.
      if (violatesUnique(error)) return undefined
      throw error
    }
  }

  async #insert(
    tx: Transaction<Schema>,
    activation: Activation,
    target: string,
    wanted: NewRun,
    now: number,
  ): Promise<RunsTable | undefined> {
    const open = await openOf(tx, target)
    if (open !== undefined) return undefined
    const last = await tx
      .selectFrom('runs')
      .select(({ fn }) => fn.max('run').as('run'))
      .where('activation', '=', activation.number)
      .executeTakeFirst()
    const made: RunsTable = {
      activation: activation.number,
      run: Number(last?.run ?? 0) + 1,
      version: activation.version,
      target,
      cause: wanted.trigger,
      by: wanted.by,
      dry: wanted.dry ? 1 : 0,
      retry_of: wanted.retryOf ?? null,
      state: 'queued',
      phase: 'query',
      report: JSON.stringify(emptyReport()),
      created_at: now,
      updated_at: now,
      finished_at: null,
    }
    await tx.insertInto('runs').values(made).execute()
    return made
  }

  /** Newest first. */
  async list(filter: RunFilter): Promise<Run[]> {
    let query = this.#store.db.selectFrom('runs').selectAll()
    if (filter.activation !== undefined) query = query.where('activation', '=', filter.activation)
    if (filter.state !== undefined) query = query.where('state', '=', filter.state)
    if (filter.before !== undefined) query = query.where('created_at', '<', filter.before)
    const rows = await query
      .orderBy('created_at', 'desc')
      .orderBy('run', 'desc')
      .limit(Math.min(filter.limit, RUNS_PAGE_MAX))
      .execute()
    return rows.map(runFrom)
  }

  /** Throws RUN_UNKNOWN. */
  async get(activation: number, run: number): Promise<Run> {
    const row = await this.#store.db
      .selectFrom('runs')
      .selectAll()
      .where('activation', '=', activation)
      .where('run', '=', run)
      .executeTakeFirst()
    if (row === undefined) throw new ThalwegError('RUN_UNKNOWN', `There is no run ${run} of this activation`)
    return runFrom(row)
  }

  /** Those that a process which ended left behind. */
  async unfinished(): Promise<Run[]> {
    const rows = await this.#store.db.selectFrom('runs').selectAll().where('state', 'in', OPEN).execute()
    return rows.map(runFrom)
  }

  /** Writes state, phase and numbers. Throws RUN_STATE when it is finished already. */
  async save(run: Run, state: RunState, phase: Phase, report: RunReport): Promise<Run> {
    const now = this.#clock.now()
    const finished = FINISHED.has(state) ? now : null
    const result = await this.#store.db
      .updateTable('runs')
      .set({ state, phase, report: JSON.stringify(report), updated_at: now, finished_at: finished })
      .where('activation', '=', run.activation)
      .where('run', '=', run.run)
      .where('state', 'in', OPEN)
      .executeTakeFirst()
    if (Number(result.numUpdatedRows) === 0)
      throw new ThalwegError('RUN_STATE', `Run ${run.run} is finished: nothing about it changes any more`)
    return { ...run, state, phase, report, updatedAt: now, finishedAt: finished }
  }

  async #busy(target: string): Promise<ThalwegError> {
    const open = await openOf(this.#store.db, target)
    const which = open === undefined ? 'another run' : `run ${open.run}, which is ${open.state}`
    return new ThalwegError(
      'ACTIVATION_BUSY',
      `The cohort is being worked on by ${which}: wait for it, release it or cancel it`,
    )
  }
}

function openOf(db: Store['db'] | Transaction<Schema>, target: string) {
  return db
    .selectFrom('runs')
    .select(['activation', 'run', 'state'])
    .where('target', '=', target)
    .where('state', 'in', OPEN)
    .executeTakeFirst()
}

function runFrom(row: RunsTable): Run {
  return {
    run: row.run,
    activation: row.activation,
    version: row.version,
    target: row.target,
    trigger: row.cause as Trigger,
    by: row.by,
    dry: row.dry === 1,
    retryOf: row.retry_of,
    state: row.state as RunState,
    phase: row.phase as Phase,
    report: { ...emptyReport(), ...(JSON.parse(row.report) as Partial<RunReport>) },
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    finishedAt: row.finished_at,
  }
}
