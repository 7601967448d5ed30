/**
 * Audiences: people that a query names, brought into a cohort by difference. This room keeps activations and their runs,
 * compares each result with what the vendor has accepted, appends the changes to the log, and starts runs on schedule. It
 * never talks to a vendor (delivery does, from the log) and never takes for accepted what was only tried.
 */

import { existsSync } from 'node:fs'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { onAbort } from '../core/aborts.ts'
import { ThalwegError } from '../core/errors.ts'
import type { Identifier } from '../core/membership.ts'
import type { SubjectIdentifier } from '../core/traces.ts'
import type { Touched } from '../store/edit-rows.ts'
import type { Store } from '../store/store.ts'
import { compactFile } from '../warehouse/duckdb/compaction.ts'
import type { EngineKind } from '../warehouse/warehouse.ts'
import { type Activation, type ActivationDefinition, aliasColumns, targetOf } from './activation.ts'
import { columnOf } from './columns.ts'
import { type DriverParts, questionOf, RunDriver, type Surroundings } from './driver.ts'
import { type PreviewedDefinition, previewOf, type QueryPreview } from './preview.ts'
import { Activations } from './registry.ts'
import { ROSTER_DEFAULTS, Roster, rosterMissing } from './roster/roster.ts'
import { emptyReport, FINISHED, noted, type Run, type RunReport, runId } from './run.ts'
import { type NewRun, Runs } from './runs.ts'
import { nextDue } from './schedule.ts'
import { DIALECTS } from './segments/dialect.ts'
import { Segments } from './segments/segments.ts'

/** The way out of an activation: the source that its records come from and the current that carries them. */
export interface Ways {
  /** Throws what makes the destination unusable: CURRENT_INVALID and kin. */
  open(definition: ActivationDefinition): Promise<{ source: number; current: number }>
  revise(activation: Activation, definition: ActivationDefinition): Promise<void>
  close(activation: Activation): Promise<void>
}

export interface AudiencesParts extends Surroundings {
  readonly store: Store
  /** Of a query engine. Throws ENGINE_UNKNOWN. */
  readonly kindOf: (engine: string) => Promise<EngineKind>
  /** Where the rosters lie. */
  readonly folder: string
  readonly ways: Ways
  /** A run that is no rehearsal came to its end, or is held: for whoever is to be told. */
  readonly ended: (activation: Activation, run: Run) => Promise<void>
  readonly logger: { error(about: object, message: string): void }
}

export class Audiences {
  readonly activations: Activations
  readonly runs: Runs
  readonly segments: Segments
  readonly #parts: AudiencesParts
  #stopping = new AbortController()
  /** Of each roster, when its last user so far is done. */
  readonly #turns = new Map<string, Promise<unknown>>()
  readonly #drivers = new Map<string, { readonly driver: RunDriver; readonly driving: Promise<void> }>()
  #cancelAlarm: () => void = () => undefined
  #looking: Promise<void> = Promise.resolve()
  #forgetting: Promise<unknown> = Promise.resolve()

  constructor(parts: AudiencesParts) {
    this.#parts = parts
    this.activations = new Activations(parts.store, parts.clock)
    this.runs = new Runs(parts.store, parts.clock)
    this.segments = new Segments(parts)
  }

  /** Takes up the runs that an earlier process left, and the schedules. Also after a stop. */
  async start(): Promise<void> {
    this.#stopping = new AbortController()
    await mkdir(this.#parts.folder, { recursive: true, mode: 0o700 })
    for (const run of await this.runs.unfinished()) {
      if (run.state !== 'held') this.#drive(await this.activations.get(run.activation), run)
    }
    this.#lookAgain()
  }

  /** Leaves runs where they are: the next process takes them up. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#cancelAlarm()
    await this.#looking
    await this.#forgetting
    await Promise.all([...this.#drivers.values()].map(({ driving }) => driving))
  }

  async create(definition: ActivationDefinition, note = 'created'): Promise<Activation> {
    // Asked before: a way that nobody walks should not be left behind.
    await this.activations.refuseTakenName(definition.name, undefined)
    await this.#refuseLooseEnds(definition)
    const way = await this.#parts.ways.open(definition)
    const activation = await this.activations.create(definition, way, note)
    this.#lookAgain()
    return activation
  }

  /** Throws ACTIVATION_BUSY while a run of it is under way: a run ends with the definition that it began with. */
  async revise(which: number | string, definition: ActivationDefinition, note: string): Promise<Activation> {
    const activation = await this.activations.get(which)
    await this.#refuseBusy(activation)
    await this.activations.refuseTakenName(definition.name, activation.number)
    await this.#refuseLooseEnds(definition)
    await this.#parts.ways.revise(activation, definition)
    const revised = await this.activations.revise(activation, definition, note)
    this.#lookAgain()
    return revised
  }

  /** A paused one runs by hand only. */
  async setPaused(which: number | string, paused: boolean): Promise<Activation> {
    const { number } = await this.activations.get(which)
    const changed = await this.activations.setState(number, paused ? 'paused' : 'active')
    this.#lookAgain()
    return changed
  }

  /** Throws ACTIVATION_BUSY, and ACTIVATION_IN_USE when another one runs after it. */
  async remove(which: number | string): Promise<Activation> {
    const activation = await this.activations.get(which)
    await this.#refuseBusy(activation)
    await this.#refuseFollowed(activation)
    await this.#parts.ways.close(activation)
    return this.activations.setState(activation.number, 'deleted')
  }

  /** Throws SEGMENT_IN_USE, SEGMENT_UNKNOWN. */
  async removeSegment(name: string): Promise<void> {
    const users = (await this.activations.list()).filter(
      ({ definition }) => definition.query.segment === name,
    )
    if (users.length > 0)
      throw new ThalwegError(
        'SEGMENT_IN_USE',
        `The segment ${name} is sent by ${users.map((one) => one.name).join(', ')}: delete or revise that first`,
      )
    await this.segments.remove(name)
  }

  /** Starts a run; it goes on by itself. Throws ACTIVATION_BUSY. */
  async startRun(which: number | string, wanted: NewRun): Promise<Run> {
    const activation = await this.activations.get(which)
    if (wanted.retryOf !== undefined) await this.#refuseNothingToRetry(activation, wanted.retryOf)
    const run = await this.runs.create(activation, targetOf(activation.definition), wanted)
    this.#drive(activation, run)
    return run
  }

  /** A run as it is now, with the numbers of this moment. */
  async run(which: number | string, number: number): Promise<Run> {
    const { number: activation } = await this.activations.get(which)
    const kept = await this.runs.get(activation, number)
    return this.#drivers.get(keyOf(kept))?.driver.run ?? kept
  }

  /**
   * Lets a held run go on. One that is held because the query gave no rows is released only with `confirmEmpty`: the
   * operator's word that the cohort is to be emptied. Throws RUN_STATE.
   */
  async release(which: number | string, number: number, by: string, confirmEmpty: boolean): Promise<Run> {
    const activation = await this.activations.get(which)
    const run = await this.#held(activation, number)
    const { hold } = run.report
    if (hold?.kind === 'empty' && !confirmEmpty)
      throw new ThalwegError(
        'RUN_STATE',
        `Run ${number} would empty the cohort. Release it with the confirmation that this is meant, or cancel it`,
      )
    const report = noted(
      { ...run.report, hold: hold === undefined ? undefined : { ...hold, releasedBy: by } },
      this.#parts.clock.now(),
      `Released by ${by}`,
    )
    const released = await this.runs.save(run, 'running', 'send', report)
    this.#drive(activation, released)
    return released
  }

  /** What is in the log already is delivered; the rest is not sent. Throws RUN_STATE when it is finished. */
  async cancel(which: number | string, number: number, by: string): Promise<Run> {
    const activation = await this.activations.get(which)
    const run = await this.run(activation.number, number)
    if (run.state === 'held') {
      const report = noted(run.report, this.#parts.clock.now(), `Cancelled by ${by}: nothing was sent`)
      return this.runs.save(run, 'cancelled', run.phase, report)
    }
    const driver = this.#drivers.get(keyOf(run))?.driver
    if (FINISHED.has(run.state) || driver === undefined)
      throw new ThalwegError('RUN_STATE', `Run ${number} is ${run.state}: there is nothing to cancel`)
    driver.cancel(by)
    return driver.run
  }

  /** Trusts nothing that the vendor accepted: the next run sends everything again, its name too. Throws ACTIVATION_BUSY. */
  async resync(which: number | string): Promise<void> {
    const activation = await this.activations.get(which)
    await this.#refuseBusy(activation)
    const target = targetOf(activation.definition)
    const last = await this.runs.lastOf(target)
    await using(this.#openRosterFile(target), (roster) => roster.forget(last && runId(last)))
  }

  /** Reads the roster of an activation's cohort while no run works on it; one that is held does not. Throws ACTIVATION_BUSY. */
  async withRoster<T>(which: number | string, work: (roster: Roster) => Promise<T>): Promise<T> {
    const activation = await this.activations.get(which)
    await this.#refuseWorking(targetOf(activation.definition))
    return using(this.#openRoster(targetOf(activation.definition)), work)
  }

  /** As `withRoster`, for the cohort that a run was about. */
  async withRosterOf<T>({ target }: Run, work: (roster: Roster) => Promise<T>): Promise<T> {
    await this.#refuseWorking(target)
    return using(this.#openRoster(target), work)
  }

  /** Whether there are rosters here that may hold somebody. Throws ACTIVATION_BUSY while a run works on one of them. */
  async mayForget(): Promise<boolean> {
    const targets = await this.#rosters()
    const busy = (await this.runs.unfinished()).find(
      ({ target, state }) => state !== 'held' && targets.includes(target),
    )
    if (busy !== undefined) throw underWay(busy)
    return targets.length > 0
  }

  /**
   * Takes somebody out of the rosters, members and history, and rewrites their files, so that nothing is left in them. Held runs of a
   * roster are cancelled: what they would send was decided with this person in it. Throws ACTIVATION_BUSY while a run works on one of
   * them: ask again when it has ended. Dry: counts only, without the rosters that are being worked on.
   */
  forget(identifiers: readonly SubjectIdentifier[], isDry: boolean): Promise<Touched[]> {
    const work = this.#forget(identifiers, isDry)
    this.#forgetting = Promise.allSettled([this.#forgetting, work])
    return work
  }

  async #forget(identifiers: readonly SubjectIdentifier[], isDry: boolean): Promise<Touched[]> {
    let rows = 0
    for (const target of await this.#rosters()) {
      const busy = (await this.runs.unfinished()).filter((run) => run.target === target)
      if (isDry && busy.length > 0) continue
      for (const run of busy) await this.#endHeld(run)
      rows += await this.#forgetIn(target, identifiers, isDry)
    }
    return [{ place: 'rosters', rows }]
  }

  /**
   * Lets `work` have the files of all rosters while nobody uses one: waits for the runs that do, and has others wait. Throws ACTIVATION_BUSY
   * when `signal` ends the waiting.
   */
  async whileResting<T>(work: (files: readonly string[]) => Promise<T>, signal: AbortSignal): Promise<T> {
    const targets = await this.#rosters()
    let done = (): void => undefined
    const rested = new Promise<void>((resolve) => {
      done = resolve
    })
    const before = targets.map((target) => this.#turns.get(target) ?? Promise.resolve())
    targets.forEach((target, i) => {
      this.#turns.set(
        target,
        (before[i] ?? Promise.resolve()).then(() => rested),
      )
    })
    try {
      await Promise.race([Promise.all(before), untilAborted(signal)])
      return await work(targets.map((target) => this.#rosterFile(target)))
    } finally {
      done()
    }
  }

  /** Targets whose rosters lie here. */
  async #rosters(): Promise<string[]> {
    const { folder } = this.#parts
    const names = existsSync(folder) ? await readdir(folder) : []
    return names.flatMap((name) => /^(.+)\.duckdb$/.exec(name)?.[1] ?? [])
  }

  async #endHeld(run: Run): Promise<void> {
    if (run.state !== 'held') throw underWay(run)
    const report = { ...run.report, error: 'Somebody was erased: run it again' }
    await this.runs.save(run, 'cancelled', run.phase, report)
  }

  #forgetIn(target: string, identifiers: readonly SubjectIdentifier[], isDry: boolean): Promise<number> {
    const file = this.#rosterFile(target)
    const turn = (this.#turns.get(target) ?? Promise.resolve()).then(async () => {
      const roster = await Roster.open(file)
      try {
        if (!isDry) await roster.begin()
        const rows = await roster.erase(identifiers, isDry)
        await roster.close()
        if (!isDry) await compactFile({ file, ...ROSTER_DEFAULTS, like: 'plain' })
        return rows
      } finally {
        await roster.close()
      }
    })
    this.#turns.set(
      target,
      turn.catch(() => undefined),
    )
    return turn
  }

  /**
   * Throws ROSTER_MISSING when the last run that changed the cohort is not in it: compared with less than what the vendor has, nobody who
   * left would be taken out.
   */
  async #openRoster(target: string): Promise<Roster> {
    const last = await this.runs.lastOf(target)
    if (last === undefined) return this.#openRosterFile(target)
    const missing = (): ThalwegError => rosterMissing(`Run ${last.run} changed the cohort`)
    if (!existsSync(this.#rosterFile(target))) throw missing()
    const roster = await this.#openRosterFile(target)
    try {
      if ((await roster.stand(runId(last))) !== 'applied') throw missing()
      return roster
    } catch (error) {
      await roster.close()
      throw error
    }
  }

  #rosterFile(target: string): string {
    return join(this.#parts.folder, `${target}.duckdb`)
  }

  /** It has one user at a time: waits for those who came before. */
  async #openRosterFile(target: string): Promise<Roster> {
    const opening = (this.#turns.get(target) ?? Promise.resolve()).then(() =>
      Roster.open(this.#rosterFile(target)),
    )
    const done = opening.then(
      ({ ended }) => ended,
      () => undefined,
    )
    this.#turns.set(target, done)
    return opening
  }

  /** What the query says about somebody now; undefined: it does not name them. Throws as the query does. */
  async queryRow(
    which: number | string,
    who: Identifier,
    signal: AbortSignal,
  ): Promise<Readonly<Record<string, unknown>> | undefined> {
    const { definition } = await this.activations.get(which)
    const { engine, sql } = await questionOf(definition, this.segments, this.#parts.saved)
    const { identifier, text } = DIALECTS[await this.#parts.kindOf(engine)]
    const column = columnOf(who, aliasColumns(definition))
    if (column === undefined) return undefined
    const asked = `select * from (${sql.replace(/[\s;]+$/, '')}\n) q where q.${identifier(column)} = ${text(who.value)}`
    const leaving = new AbortController()
    const stream = await this.#parts.query(
      engine,
      { sql: asked, rowsMax: 1, timeoutMs: definition.timeoutMs },
      AbortSignal.any([signal, leaving.signal]),
    )
    try {
      for await (const [row] of stream.pages)
        if (row !== undefined)
          return Object.fromEntries(stream.columns.map(({ name }, i) => [name, row[i] ?? null]))
      return undefined
    } finally {
      leaving.abort()
    }
  }

  /** What a query would say as an activation; `kind`: of the destination. Throws as the query does. */
  preview(
    definition: PreviewedDefinition,
    kind: string,
    rowsMax: number,
    signal: AbortSignal,
  ): Promise<QueryPreview> {
    return previewOf(definition, kind, rowsMax, { ...this.#parts, segments: this.segments }, signal)
  }

  /**
   * What a run of this definition would do now: a dry run of which nothing is kept. The destination's authorization need not be there
   * yet. Throws ACTIVATION_BUSY while a run works on the cohort, and what hinders the query.
   */
  async rehearse(definition: ActivationDefinition, signal: AbortSignal): Promise<RunReport> {
    const target = targetOf(definition)
    await this.#refuseWorking(target)
    const now = this.#parts.clock.now()
    const activation: Activation = {
      number: 0,
      name: definition.name,
      state: 'active',
      version: 0,
      definition,
      source: 0,
      current: 0,
      scheduledSince: now,
      scheduledTo: now,
      createdAt: now,
      updatedAt: now,
    }
    const rehearsal: Run = {
      run: 0,
      activation: 0,
      version: 0,
      target,
      trigger: 'manual',
      by: '',
      dry: true,
      retryOf: null,
      state: 'queued',
      phase: 'query',
      report: emptyReport(),
      createdAt: now,
      updatedAt: now,
      finishedAt: null,
    }
    const file = this.#rosterFile(target)
    const isNew = !existsSync(file)
    const runs = {
      save: async (run: Run, state: Run['state'], phase: Run['phase'], report: RunReport) => ({
        ...run,
        ...{ state, phase, report },
      }),
    }
    const ending = AbortSignal.any([this.#stopping.signal, signal])
    const { report } = await new RunDriver(this.#driverParts(runs), activation, rehearsal, ending).drive()
    // A cohort that no run ever touched leaves nothing behind.
    if (isNew && !(await this.runs.unfinished()).some((run) => run.target === target)) {
      await this.#turns.get(target)
      await Promise.all([file, `${file}.wal`].map((one) => rm(one, { force: true })))
    }
    signal.throwIfAborted()
    if (report.error !== undefined) throw new ThalwegError('QUERY_FAILED', report.error)
    return report
  }

  #driverParts(runs: DriverParts['runs']): DriverParts {
    return {
      ...this.#parts,
      runs,
      segments: this.segments,
      openRoster: (target: string) => this.#openRoster(target),
    }
  }

  #drive(activation: Activation, run: Run): void {
    const parts = this.#driverParts(this.runs)
    const driver = new RunDriver(parts, activation, run, this.#stopping.signal)
    const key = keyOf(run)
    const driving = driver
      .drive()
      .then((ended) => this.#ended(activation, ended))
      .catch((error: unknown) =>
        this.#parts.logger.error({ err: error, activation: activation.name }, 'a run could not be ended'),
      )
      .finally(() => this.#drivers.delete(key))
    this.#drivers.set(key, { driver, driving })
  }

  async #ended(activation: Activation, run: Run): Promise<void> {
    if (this.#stopping.signal.aborted || run.dry) return
    if (run.state !== 'cancelled') await this.#parts.ended(activation, run)
    if (run.state === 'succeeded') await this.#startFollowers(activation.name)
  }

  async #startFollowers(name: string): Promise<void> {
    for (const one of await this.activations.list()) {
      const { schedule } = one.definition
      if (one.state === 'active' && schedule.when === 'after' && schedule.activation === name)
        await this.#startUnlessBusy(one, 'after', name)
    }
  }

  #lookAgain(): void {
    this.#cancelAlarm()
    this.#looking = this.#looking
      .then(() => this.#look())
      .catch((error: unknown) =>
        this.#parts.logger.error({ err: error }, 'the schedules of activations could not be looked at'),
      )
  }

  /** Starts what is due, each once however often it was due, and sets the alarm for the next. */
  async #look(): Promise<void> {
    if (this.#stopping.signal.aborted) return
    const now = this.#parts.clock.now()
    let next = Number.POSITIVE_INFINITY
    for (const activation of await this.activations.list()) {
      if (activation.state !== 'active') continue
      const { definition, scheduledSince, scheduledTo } = activation
      const due = nextDue(definition.schedule, scheduledSince, scheduledTo)
      if (due === undefined) continue
      if (due > now) {
        next = Math.min(next, due)
        continue
      }
      if (await this.activations.claimDue(activation, now))
        await this.#startUnlessBusy(activation, 'schedule', 'the schedule')
      next = Math.min(next, nextDue(definition.schedule, scheduledSince, now) ?? next)
    }
    this.#cancelAlarm()
    // Without a schedule nothing is ever due: each change of an activation looks again.
    if (next < Number.POSITIVE_INFINITY)
      this.#cancelAlarm = this.#parts.clock.after(next - this.#parts.clock.now(), () => this.#lookAgain())
  }

  /** The one that is under way, or held, comes first: this turn is left out. */
  async #startUnlessBusy(activation: Activation, trigger: 'schedule' | 'after', by: string): Promise<void> {
    try {
      await this.startRun(activation.number, { trigger, by, dry: false })
    } catch (error) {
      if (!(error instanceof ThalwegError) || error.code !== 'ACTIVATION_BUSY') throw error
    }
  }

  async #held(activation: Activation, number: number): Promise<Run> {
    const run = await this.runs.get(activation.number, number)
    if (run.state !== 'held')
      throw new ThalwegError('RUN_STATE', `Run ${number} is ${run.state}: only a held run can be released`)
    return run
  }

  async #refuseNothingToRetry(activation: Activation, number: number): Promise<void> {
    const run = await this.runs.get(activation.number, number)
    if (run.state !== 'partial')
      throw new ThalwegError(
        'RUN_STATE',
        `Run ${number} is ${run.state}: only a partial run has rejected changes`,
      )
  }

  /** Throws SEGMENT_UNKNOWN; ACTIVATION_UNKNOWN and ACTIVATION_INVALID for a schedule after nothing, or in a circle. */
  async #refuseLooseEnds({ name, query, schedule }: ActivationDefinition): Promise<void> {
    if (query.segment !== undefined) await this.segments.get(query.segment)
    for (let one = schedule; one.when === 'after'; ) {
      if (one.activation === name)
        throw new ThalwegError('ACTIVATION_INVALID', `${name} would run after itself, without end`)
      one = (await this.activations.get(one.activation)).definition.schedule
    }
  }

  async #refuseFollowed({ name }: Activation): Promise<void> {
    const followers = (await this.activations.list()).filter(
      ({ definition: { schedule } }) => schedule.when === 'after' && schedule.activation === name,
    )
    if (followers.length > 0)
      throw new ThalwegError(
        'ACTIVATION_IN_USE',
        `${followers.map((one) => one.name).join(', ')} would never run again, because that is when ${name} has run: delete or revise that first`,
      )
  }

  async #refuseBusy(activation: Activation): Promise<void> {
    const target = targetOf(activation.definition)
    refuseUnfinished(
      (await this.runs.unfinished()).find(
        (run) => run.activation === activation.number || run.target === target,
      ),
    )
  }

  async #refuseWorking(target: string): Promise<void> {
    refuseUnfinished(
      (await this.runs.unfinished()).find((run) => run.target === target && run.state !== 'held'),
    )
  }
}

async function using<T>(opening: Promise<Roster>, work: (roster: Roster) => Promise<T>): Promise<T> {
  const roster = await opening
  try {
    return await work(roster)
  } finally {
    await roster.close()
  }
}

function underWay({ run, state }: Run): ThalwegError {
  return new ThalwegError('ACTIVATION_BUSY', `Run ${run} is ${state}: the roster is erased when it has ended`)
}

/** Throws ACTIVATION_BUSY unless there is none. */
function refuseUnfinished(run: Run | undefined): void {
  if (run !== undefined)
    throw new ThalwegError(
      'ACTIVATION_BUSY',
      `Run ${run.run} is ${run.state}: wait for it, release it or cancel it`,
    )
}

function keyOf({ activation, run }: Run): string {
  return `${activation}.${run}`
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const busy = (): void =>
      reject(new ThalwegError('ACTIVATION_BUSY', 'Runs of activations use their rosters: come again later'))
    if (signal.aborted) busy()
    else onAbort(signal, busy)
  })
}
