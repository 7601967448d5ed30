/** The runs of all activations. Owns the table runs; that a cohort has one unfinished run at a time is its unique index. */

import { type ExpressionBuilder, sql, type Transaction } from 'kysely'
import type { Clock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import type { RunsTable, Schema } from '../store/schema.ts'
import { type Store, violatesUnique } from '../store/store.ts'
import { type Activation, targetOf } from './activation.ts'
import {
  emptyReport,
  FINISHED,
  noted,
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

/** Where a page of runs ended: newest first, then by activation and number, so that no two have the same place. */
export interface RunPlace {
  readonly createdAt: number
  readonly activation: number
  readonly run: number
}

export interface RunFilter {
  readonly activation?: number
  readonly state?: RunState
  readonly trigger?: Trigger
  readonly dry?: boolean
  /** Only those that come after this one in the list; for the next page. */
  readonly after?: RunPlace
  readonly limit: number
}

/** A run of a list, with the name of its activation. */
export interface ListedRun extends Run {
  readonly activationName: string
  /** Its activation was deleted: the name may belong to another one by now. */
  readonly isOfDeleted: boolean
}

/** How an activation stands. */
export interface Standing {
  readonly lastRun: Run
  /** Of its cohort, as the last run that changed it left it, whoever's that was; undefined: none did. */
  readonly members: number | undefined
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
      report: JSON.stringify(noted(emptyReport(), now, startText(wanted))),
      members: null,
      created_at: now,
      updated_at: now,
      finished_at: null,
    }
    await tx.insertInto('runs').values(made).execute()
    return made
  }

  /** Newest first. */
  async list({ activation, state, trigger, dry, after, limit }: RunFilter): Promise<ListedRun[]> {
    const { db } = this.#store
    // Rows are large; an index holds all that it takes to choose them.
    let chosen = db.selectFrom('runs').select(['activation', 'run'])
    if (activation !== undefined) chosen = chosen.where('activation', '=', activation)
    if (state !== undefined) chosen = chosen.where('state', '=', state)
    if (trigger !== undefined) chosen = chosen.where('cause', '=', trigger)
    if (dry !== undefined) chosen = chosen.where('dry', '=', dry ? 1 : 0)
    if (after !== undefined)
      chosen = chosen.where('created_at', '<=', after.createdAt).where((where) => comesAfter(where, after))
    const rows = await db
      .selectFrom(
        chosen
          .orderBy('created_at', 'desc')
          .orderBy('activation', 'desc')
          .orderBy('run', 'desc')
          .limit(Math.min(limit, RUNS_PAGE_MAX))
          .as('chosen'),
      )
      .innerJoin('runs', (join) =>
        join.onRef('runs.activation', '=', 'chosen.activation').onRef('runs.run', '=', 'chosen.run'),
      )
      .innerJoin('activations', 'activations.number', 'runs.activation')
      .selectAll('runs')
      .select(['activations.name as activation_name', 'activations.state as activation_state'])
      .orderBy('runs.created_at', 'desc')
      .orderBy('runs.activation', 'desc')
      .orderBy('runs.run', 'desc')
      .execute()
    return rows.map((row) => ({
      ...runFrom(row),
      activationName: row.activation_name,
      isOfDeleted: row.activation_state === 'deleted',
    }))
  }

  /** How these activations stand; those that never ran are left out. */
  async standings(activations: readonly Activation[]): Promise<ReadonlyMap<number, Standing>> {
    const { db } = this.#store
    const rows =
      activations.length === 0
        ? []
        : await db
            .selectFrom('activations')
            .innerJoin('runs', (join) =>
              join
                .onRef('runs.activation', '=', 'activations.number')
                .on(
                  'runs.run',
                  '=',
                  sql<number>`(select max(run) from runs as latest where latest.activation = activations.number)`,
                ),
            )
            .selectAll('runs')
            .select(
              sql<number | null>`(select sized.members from runs as sized
                where sized.target = runs.target and sized.members is not null
                order by sized.finished_at desc limit 1)`.as('size'),
            )
            .where(
              'activations.number',
              'in',
              activations.map(({ number }) => number),
            )
            .execute()
    const targets = new Map(activations.map(({ number, definition }) => [number, targetOf(definition)]))
    return new Map(
      rows.map((row) => {
        // One that was pointed at another cohort since has not seen that one yet.
        const isItsCohort = row.target === targets.get(row.activation)
        const members = isItsCohort && row.size !== null ? Number(row.size) : undefined
        return [row.activation, { lastRun: runFrom(row), members }]
      }),
    )
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

  /** The last run that changed a cohort, whosever it was; undefined: none did. */
  lastOf(target: string): Promise<Pick<Run, 'activation' | 'run'> | undefined> {
    return this.#store.db
      .selectFrom('runs')
      .select(['activation', 'run'])
      .where('target', '=', target)
      .where('members', 'is not', null)
      .orderBy('finished_at', 'desc')
      .limit(1)
      .executeTakeFirst()
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
      .set({
        state,
        phase,
        report: JSON.stringify(report),
        members: report.membersAfter ?? null,
        updated_at: now,
        finished_at: finished,
      })
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

function startText({ trigger, by, dry, retryOf }: NewRun): string {
  const what = retryOf === undefined ? (dry ? 'A dry run' : 'A run') : `A retry of run ${retryOf}`
  return `${what} was asked for by ${by} (${trigger})`
}

function comesAfter(
  { eb, and, or }: ExpressionBuilder<Schema, 'runs'>,
  { createdAt, activation, run }: RunPlace,
) {
  return or([
    eb('created_at', '<', createdAt),
    and([
      eb('created_at', '=', createdAt),
      or([eb('activation', '<', activation), and([eb('activation', '=', activation), eb('run', '<', run)])]),
    ]),
  ])
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
