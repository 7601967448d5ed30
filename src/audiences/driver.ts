/**
 * Carries one run from its query to its end. Whatever is sent goes through the log and the activation's current, so that
 * order, retries, dead letters and the ledger are delivery's; the driver appends, waits for the books, and takes what was
 * accepted into the roster.
 *
 * A process that ends in the middle: before anything was sent the run starts anew; afterwards its changes lie in the
 * roster, all of them are appended again, and the log drops those that it has.
 */

import type { Clock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import { AUDIENCE_NAMED, IDENTIFIER_KINDS, type IdentifierKind } from '../core/membership.ts'
import type { QueryRequest, QueryStream } from '../warehouse/warehouse.ts'
import { type Activation, aliasColumns, audienceName, targetOf } from './activation.ts'
import { holdFor } from './brake.ts'
import { type ColumnPlan, type InvalidReason, planColumns } from './columns.ts'
import { costOf } from './cost.ts'
import { personOf } from './roster/person.ts'
import { type Comparison, LOAD_MAX, type Roster } from './roster/roster.ts'
import { changeNumber, type Phase, type Run, type RunReport, type RunState, runId } from './run.ts'
import type { Runs } from './runs.ts'

/** What a run needs of the rest of the hub. */
export interface Surroundings {
  query(engine: string, request: QueryRequest, signal: AbortSignal): Promise<QueryStream>
  /** A saved query. Throws SAVED_QUERY_UNKNOWN. */
  saved(name: string): Promise<{ readonly engine: string; readonly sql: string }>
  /** Appends records (the text of a JSON array) of a source; resolves when they are synced. Repeats are dropped by id. */
  append(source: number, body: string): Promise<void>
  /** Offset after the last record of the log. */
  head(): number
  /** How far the current's books reach, and why it does not go on, if so. */
  progress(current: number): Promise<{ readonly position: number; readonly halted: string | undefined }>
  /** Ids of the records in [from, to) that became dead letters. */
  rejected(current: number, from: number, to: number): Promise<readonly { id: string; message: string }[]>
  readonly clock: Clock
}

export interface DriverParts extends Surroundings {
  readonly runs: Runs
  openRoster(target: string): Promise<Roster>
}

/** By what each kind of destination finds people; all kinds where it is not listed. */
const FINDS: Readonly<Record<string, readonly IdentifierKind[]>> = {
  'braze-attribute': ['external_id', 'alias'],
}

const LOOK_MS = 250
const SAVE_MS = 1_000
const EXAMPLES_MAX = 5
const SAMPLE_MAX = 20

export class RunDriver {
  readonly #parts: DriverParts
  readonly #activation: Activation
  readonly #stopping: AbortSignal
  readonly #cancelling = new AbortController()
  #run: Run
  #report: RunReport
  #savedAt = 0

  /** `stopping`: the process ends; the run is left as it is. */
  constructor(parts: DriverParts, activation: Activation, run: Run, stopping: AbortSignal) {
    this.#parts = parts
    this.#activation = activation
    this.#run = run
    this.#report = structuredClone(run.report)
    this.#stopping = stopping
  }

  get run(): Run {
    return { ...this.#run, report: this.#report }
  }

  /** What is in the log is delivered first; then the run ends as cancelled. */
  cancel(): void {
    this.#cancelling.abort()
  }

  /** Drives until the run is finished, held, or the process stops. Never rejects. */
  async drive(): Promise<Run> {
    let roster: Roster | undefined
    try {
      roster = await this.#parts.openRoster(targetOf(this.#activation.definition))
      await this.#driveWith(roster)
    } catch (error) {
      if (!this.#stopping.aborted) await this.#fail(error)
    } finally {
      await roster?.close()
    }
    return this.run
  }

  async #driveWith(roster: Roster): Promise<void> {
    const resumed = this.#run.phase !== 'query' && this.#run.phase !== 'diff'
    if (!resumed && !(await this.#prepare(roster))) return
    await this.#phase('send')
    await this.#send(roster)
    if (this.#stopping.aborted) return
    await this.#phase('settle')
    await this.#settled(this.#window().to ?? 0)
    if (this.#stopping.aborted) return
    await this.#phase('verify')
    await this.#verify(roster)
  }

  /** Query and difference. False: the run ends here, or is held. */
  async #prepare(roster: Roster): Promise<boolean> {
    await this.#phase('query')
    const { retryOf } = this.#run
    await roster.begin(runId(this.#run))
    if (retryOf === null) await this.#load(roster)
    if (this.#ends()) return this.#finish('cancelled')
    await this.#phase('diff')
    const compared =
      retryOf === null
        ? await roster.compare(this.#activation.definition.operation)
        : await roster.compareRefused(runId({ ...this.#run, run: retryOf }))
    await this.#judge(roster, compared)
    if (this.#run.dry) return this.#finish('succeeded')
    if (this.#ends()) return this.#finish('cancelled')
    if (this.#report.hold !== undefined) {
      await this.#save('held', 'diff')
      return false
    }
    return true
  }

  async #load(roster: Roster): Promise<void> {
    const { query, timeoutMs } = this.#activation.definition
    const signal = AbortSignal.any([this.#stopping, this.#cancelling.signal])
    const asked =
      query.sql === undefined
        ? await this.#parts.saved(query.saved ?? '')
        : { engine: query.engine, sql: query.sql }
    const leaving = new AbortController()
    const stream = await this.#parts.query(
      asked.engine,
      { sql: asked.sql, timeoutMs },
      AbortSignal.any([signal, leaving.signal]),
    )
    try {
      const plan = this.#plan(stream)
      this.#report.notices = plan.notices
      let persons: string[] = []
      for await (const page of stream.pages) {
        for (const row of page) this.#take(row, plan, persons)
        while (persons.length >= LOAD_MAX) {
          await roster.load(persons.slice(0, LOAD_MAX))
          persons = persons.slice(LOAD_MAX)
        }
        await this.#saveNowAndThen()
        if (signal.aborted) return
      }
      if (stream.cut())
        throw new ThalwegError(
          'QUERY_FAILED',
          'The result was cut at a limit of the hub: part of it is no result',
        )
      if (persons.length > 0) await roster.load(persons)
    } catch (error) {
      // Cancelled by us is no failure.
      if (!signal.aborted) throw error
    } finally {
      leaving.abort()
    }
  }

  #plan(stream: QueryStream): ColumnPlan {
    const { definition } = this.#activation
    return planColumns(
      stream.columns.map(({ name }) => name),
      {
        aliases: aliasColumns(definition),
        priority: definition.priority,
        identifiers: definition.identifiers,
        kinds: FINDS[definition.destination.kind] ?? IDENTIFIER_KINDS,
      },
    )
  }

  #take(row: readonly unknown[], plan: ColumnPlan, persons: string[]): void {
    this.#report.rows++
    const read = plan.read(row)
    if ('invalid' in read) {
      this.#countInvalid(read.invalid, row)
      return
    }
    this.#report.identifiers += read.who.length
    for (const who of read.who) persons.push(personOf(who))
  }

  #countInvalid(reason: InvalidReason, row: readonly unknown[]): void {
    const known = this.#report.invalid[reason] ?? { count: 0, examples: [] }
    const examples =
      known.examples.length < EXAMPLES_MAX
        ? [...known.examples, `row ${this.#report.rows}: ${JSON.stringify(row).slice(0, 200)}`]
        : known.examples
    this.#report.invalid[reason] = { count: known.count + 1, examples }
  }

  async #judge(roster: Roster, compared: Comparison): Promise<void> {
    const { definition } = this.#activation
    const { distinct, unchanged, added, removed, members } = compared
    Object.assign(this.#report, { distinct, unchanged, added, removed, membersBefore: members })
    this.#report.cost = costOf(definition.destination.kind, added + removed)
    this.#report.sample = {
      added: await roster.sample(true, SAMPLE_MAX),
      removed: await roster.sample(false, SAMPLE_MAX),
    }
    // What an operator asks to leave leaves: the brake is for what follows from a difference.
    if (definition.operation === 'mirror' && this.#run.retryOf === null)
      this.#report.hold = holdFor({ rows: this.#report.rows, removed, members }, definition.brake)
  }

  async #send(roster: Roster): Promise<void> {
    const { source, definition } = this.#activation
    const id = runId(this.#run)
    this.#report.window ??= { from: this.#parts.head(), to: undefined }
    // A name alone first: until it is accepted, members of a new cohort would be refused.
    await this.#name()
    const about = {
      prefix: id,
      activation: definition.name,
      run: String(this.#run.run),
      timeMs: this.#run.createdAt,
    }
    for (let from: number | undefined = 0; from !== undefined && !this.#ends(); ) {
      const page: Awaited<ReturnType<Roster['records']>> = await roster.records(from, about)
      if (page.count > 0) await this.#parts.append(source, page.body)
      this.#report.appended = from + page.count
      from = page.next
      await this.#saveNowAndThen()
    }
    this.#report.window = { from: this.#window().from, to: this.#parts.head() }
    const { added, removed, appended } = this.#report
    this.#report.unsent = added + removed - appended
  }

  async #name(): Promise<void> {
    const target = targetOf(this.#activation.definition)
    const name = audienceName(this.#activation.definition)
    if (this.#report.named === name) return
    if ((await this.#parts.runs.lastName(target)) === name) {
      this.#report.named = name
      return
    }
    const id = `${runId(this.#run)}-name`
    const record = {
      id,
      event_type: AUDIENCE_NAMED,
      time: Math.floor(this.#run.createdAt / 1000),
      user: {},
      properties: { activation: this.#activation.name, run: String(this.#run.run), name },
    }
    const { from } = this.#window()
    await this.#parts.append(this.#activation.source, JSON.stringify([record]))
    const to = this.#parts.head()
    await this.#settled(to)
    if (this.#stopping.aborted) return
    const refused = (await this.#parts.rejected(this.#activation.current, from, to)).find(
      (one) => one.id === id,
    )
    if (refused !== undefined)
      throw new ThalwegError('ACTIVATION_INVALID', `The destination refuses the cohort: ${refused.message}`)
    this.#report.named = name
  }

  /** Waits until the books of the current reach `to`, however long its destination takes. */
  async #settled(to: number): Promise<void> {
    for (;;) {
      const { position, halted } = await this.#parts.progress(this.#activation.current)
      this.#report.waiting = position >= to ? undefined : halted
      if (position >= to || this.#stopping.aborted) return
      await this.#saveNowAndThen()
      await this.#parts.clock.sleep(LOOK_MS, this.#stopping)
    }
  }

  async #verify(roster: Roster): Promise<void> {
    const { from, to = from } = this.#window()
    const id = runId(this.#run)
    const letters = await this.#parts.rejected(this.#activation.current, from, to)
    const rejected = letters.flatMap((letter) => changeNumber(id, letter.id) ?? [])
    await roster.apply(id, this.#parts.clock.now(), this.#report.appended, rejected)
    this.#report.rejected = rejected.length
    this.#report.accepted = this.#report.appended - rejected.length
    this.#report.membersAfter = await roster.size()
    if (this.#cancelling.signal.aborted) await this.#finish('cancelled')
    else await this.#finish(rejected.length > 0 ? 'partial' : 'succeeded')
  }

  #ends(): boolean {
    return this.#stopping.aborted || this.#cancelling.signal.aborted
  }

  #window(): { readonly from: number; readonly to: number | undefined } {
    return this.#report.window ?? { from: 0, to: 0 }
  }

  async #phase(phase: Phase): Promise<void> {
    const now = this.#parts.clock.now()
    const before = this.#report.phases[this.#run.phase]
    if (before !== undefined && phase !== this.#run.phase)
      this.#report.phases[this.#run.phase] = { ...before, finishedAt: now }
    this.#report.phases[phase] ??= { startedAt: now }
    await this.#save('running', phase)
  }

  /** False, so that `return this.#finish(…)` ends the preparation. */
  async #finish(state: RunState): Promise<false> {
    // A process that stops leaves the run to the next one.
    if (this.#stopping.aborted) return false
    const { phase } = this.#run
    const time = this.#report.phases[phase]
    if (time !== undefined) this.#report.phases[phase] = { ...time, finishedAt: this.#parts.clock.now() }
    this.#report.waiting = undefined
    await this.#save(state, phase)
    return false
  }

  async #fail(error: unknown): Promise<void> {
    this.#report.error = error instanceof Error ? error.message : String(error)
    await this.#finish('failed')
  }

  async #saveNowAndThen(): Promise<void> {
    if (this.#parts.clock.now() - this.#savedAt >= SAVE_MS) await this.#save(this.#run.state, this.#run.phase)
  }

  async #save(state: RunState, phase: Phase): Promise<void> {
    this.#savedAt = this.#parts.clock.now()
    this.#run = await this.#parts.runs.save(this.#run, state, phase, this.#report)
  }
}
