/**
 * Carries one run from its query to its end. Whatever is sent goes through the log and the activation's current, so that
 * order, retries, dead letters and the ledger are delivery's; the driver appends, waits for the books, and takes what was
 * accepted into the roster.
 *
 * A process that ends in the middle: before anything was sent the run starts anew; afterwards its changes lie in the
 * roster, all of them are appended again, and the log drops those that it has. Once something was sent a run does not
 * fail: what is in the log is delivered whatever becomes of us, and must come into the roster. It is tried again.
 */

import type { Clock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import { AUDIENCE_NAMED, IDENTIFIER_KINDS, type IdentifierKind } from '../core/membership.ts'
import { costOf } from '../destinations/cost.ts'
import type { QueryFile, QueryRequest, QueryStream } from '../warehouse/warehouse.ts'
import {
  type Activation,
  type ActivationDefinition,
  aliasColumns,
  audienceName,
  targetOf,
} from './activation.ts'
import { holdFor } from './brake.ts'
import { type ColumnPlan, EXAMPLES_MAX, exampleOf, type InvalidReason, planColumns } from './columns.ts'
import { personOf } from './roster/person.ts'
import { type Comparison, LOAD_MAX, type RecordsPage, type Roster, rosterMissing } from './roster/roster.ts'
import {
  changeNumber,
  changesOf,
  emptyReport,
  noted,
  type Phase,
  type Run,
  type RunReport,
  type RunState,
  runId,
} from './run.ts'
import type { Runs } from './runs.ts'
import type { Segments } from './segments/segments.ts'

/** What a run needs of the rest of the hub. */
export interface Surroundings {
  query(engine: string, request: QueryRequest, signal: AbortSignal): Promise<QueryStream>
  /** The result as a Parquet file, from an engine that writes such; undefined: take it by `query`. */
  file(engine: string, request: QueryRequest, signal: AbortSignal): Promise<QueryFile | undefined>
  /** A saved query. Throws SAVED_QUERY_UNKNOWN. */
  saved(name: string): Promise<{ readonly engine: string; readonly sql: string }>
  /** Appends records (a JSON array) of a source; resolves when they are synced. Repeats are dropped by id. */
  append(source: number, body: Uint8Array): Promise<void>
  /** What one call of `append` takes. */
  readonly room: { readonly recordsMax: number; readonly bytesMax: number }
  /** Offset after the last record of the log. */
  head(): number
  /** How far the current's books reach, and why it does not go on, if so. */
  progress(current: number): Promise<{ readonly position: number; readonly halted: string | undefined }>
  /** Ids of the records in [from, to) that became dead letters. */
  rejected(current: number, from: number, to: number): Promise<readonly { id: string; message: string }[]>
  readonly clock: Clock
}

export interface DriverParts extends Surroundings {
  readonly runs: Pick<Runs, 'save'>
  readonly segments: Segments
  openRoster(target: string): Promise<Roster>
}

/** By what each kind of destination finds people; all kinds where it is not listed. */
export const FINDS: Readonly<Record<string, readonly IdentifierKind[]>> = {
  'braze-attribute': ['external_id', 'alias'],
}

const LOOK_MS = 250
const SAVE_MS = 1_000
const AGAIN_MS = 5_000
const SQL_KEPT_CHARS = 4_000
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
  cancel(by: string): void {
    this.#note(`Cancelled by ${by}: what is in the log is delivered first`)
    this.#cancelling.abort()
  }

  /** Drives until the run is finished, held, or the process stops. Never rejects. */
  async drive(): Promise<Run> {
    while (!(await this.#tried())) await this.#parts.clock.sleep(AGAIN_MS, this.#stopping)
    return this.run
  }

  /** False: it could not be brought to an end and is to be tried again. */
  async #tried(): Promise<boolean> {
    let roster: Roster | undefined
    try {
      roster = await this.#parts.openRoster(targetOf(this.#activation.definition))
      await this.#driveWith(roster)
      return true
    } catch (error) {
      return this.#stopping.aborted || (await this.#failed(error))
    } finally {
      await roster?.close()
    }
  }

  async #driveWith(roster: Roster): Promise<void> {
    if (!this.#isPrepared()) {
      if (!(await this.#prepare(roster))) return
    } else if ((await roster.stand(runId(this.#run))) === 'unknown') {
      throw rosterMissing('It was compared')
    }
    // Whether an earlier life sent more than this one will, if it is cancelled, nobody knows.
    const resumed = this.#report.window !== undefined
    await this.#phase('send')
    await this.#send(roster)
    if (this.#stopping.aborted) return
    await this.#phase('settle')
    await this.#settled(this.#window().to ?? 0)
    if (this.#stopping.aborted) return
    await this.#phase('verify')
    await this.#verify(roster, resumed)
  }

  #isPrepared(): boolean {
    return this.#run.phase !== 'query' && this.#run.phase !== 'diff'
  }

  /** Query and difference. False: the run ends here, or is held. */
  async #prepare(roster: Roster): Promise<boolean> {
    // What an earlier try counted is counted anew.
    this.#report = { ...emptyReport(), log: this.#report.log }
    await this.#phase('query')
    const { retryOf } = this.#run
    await roster.begin()
    if (retryOf === null) await this.#load(roster)
    if (this.#ends()) return this.#finish('cancelled')
    await this.#phase('diff')
    const compared =
      retryOf === null
        ? await roster.compare(this.#activation.definition.operation, runId(this.#run))
        : await roster.compareRefused(runId({ ...this.#run, run: retryOf }), runId(this.#run))
    await this.#judge(roster, compared)
    if (this.#run.dry) return this.#finish('succeeded')
    if (this.#ends()) return this.#finish('cancelled')
    if (this.#report.hold !== undefined) {
      this.#note(`Held: ${this.#report.hold.reason}`)
      await this.#save('held', 'diff')
      return false
    }
    return true
  }

  async #load(roster: Roster): Promise<void> {
    const { timeoutMs } = this.#activation.definition
    const signal = AbortSignal.any([this.#stopping, this.#cancelling.signal])
    const { engine, sql } = await questionOf(
      this.#activation.definition,
      this.#parts.segments,
      this.#parts.saved,
    )
    this.#report.asked = { engine, sql: sql.slice(0, SQL_KEPT_CHARS) }
    this.#note(`Asks the engine ${engine}`)
    const leaving = new AbortController()
    const either = AbortSignal.any([signal, leaving.signal])
    const request = { sql, timeoutMs }
    try {
      const file = await this.#parts.file(engine, request, either)
      if (file !== undefined) await this.#takeFile(roster, file, either)
      else await this.#takePages(roster, await this.#parts.query(engine, request, either), signal)
    } catch (error) {
      // Cancelled by us is no failure.
      if (!signal.aborted) throw error
    } finally {
      leaving.abort()
    }
    const { rows, identifiers } = this.#report
    if (!signal.aborted) this.#note(`The query gave ${rows} rows with ${identifiers} identifiers`)
  }

  async #takeFile(roster: Roster, { columns, bytes }: QueryFile, signal: AbortSignal): Promise<void> {
    const { used } = this.#plan(columns)
    const { identifiers } = this.#activation.definition
    Object.assign(this.#report, await roster.take(bytes, { used, identifiers }, signal))
  }

  async #takePages(roster: Roster, stream: QueryStream, signal: AbortSignal): Promise<void> {
    const plan = this.#plan(stream.columns)
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
  }

  #plan(columns: QueryStream['columns']): ColumnPlan {
    const { definition } = this.#activation
    const plan = planColumns(
      columns.map(({ name }) => name),
      {
        aliases: aliasColumns(definition),
        priority: definition.priority,
        identifiers: definition.identifiers,
        kinds: FINDS[definition.destination.kind] ?? IDENTIFIER_KINDS,
      },
    )
    this.#report.notices = plan.notices
    return plan
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
        ? [...known.examples, exampleOf(this.#report.rows, JSON.stringify(row))]
        : known.examples
    this.#report.invalid[reason] = { count: known.count + 1, examples }
  }

  async #judge(roster: Roster, compared: Comparison): Promise<void> {
    const { definition } = this.#activation
    const { members, membersRemoved, ...numbers } = compared
    Object.assign(this.#report, { ...numbers, membersBefore: members })
    this.#report.unsent = changesOf(this.#report)
    this.#report.cost = costOf(definition.destination.kind, this.#report.unsent)
    this.#report.sample = {
      added: await roster.sample(true, SAMPLE_MAX),
      removed: await roster.sample(false, SAMPLE_MAX),
    }
    const { added, removed, unchanged } = compared
    this.#note(
      `Compared with ${members} members: ${added} to add, ${removed} to remove, ${unchanged} unchanged`,
    )
    // What an operator asks to leave leaves: the brake is for what follows from a difference.
    if (definition.operation === 'mirror' && this.#run.retryOf === null)
      this.#report.hold = holdFor(
        { usable: this.#report.identifiers, removed: membersRemoved, members },
        definition.brake,
      )
  }

  async #send(roster: Roster): Promise<void> {
    this.#report.window ??= { from: this.#parts.head(), to: undefined }
    // On the disk before the first record is: whoever goes on looks for refusals from there.
    await this.#save('running', 'send')
    // A name alone first: until it is accepted, members of a new cohort would be refused.
    await this.#name(roster)
    const { removed } = this.#report
    const total = changesOf(this.#report)
    this.#note(`Hands ${total} changes to the current of the activation`)
    await this.#append(roster, 0, removed)
    // Somebody who enters may be the profile that leaves by another identifier: the one must not overtake the other.
    if (removed > 0 && removed < total && !this.#ends()) await this.#settled(this.#parts.head())
    await this.#append(roster, removed, total)
    this.#report.window = { ...this.#window(), to: this.#parts.head() }
  }

  async #append(roster: Roster, from: number, below: number): Promise<void> {
    let at = from
    let coming = this.#records(roster, at, below)
    while (coming !== undefined && !this.#ends()) {
      const { body, count } = await coming
      at += count
      // Made while the page at hand is synced.
      coming = this.#records(roster, at, below)
      await this.#parts.append(this.#activation.source, body)
      this.#report.appended = at
      this.#report.unsent = changesOf(this.#report) - at
      await this.#saveNowAndThen()
    }
  }

  /** undefined: there are no more. What goes wrong is thrown where the page is awaited, if it is. */
  #records(roster: Roster, from: number, below: number): Promise<RecordsPage> | undefined {
    if (from >= below) return undefined
    const page = roster.records(from, below, this.#parts.room, {
      prefix: runId(this.#run),
      activation: this.#activation.name,
      run: String(this.#run.run),
      timeMs: this.#run.createdAt,
    })
    page.catch(() => undefined)
    return page
  }

  async #name(roster: Roster): Promise<void> {
    const name = audienceName(this.#activation.definition)
    if ((await roster.name()) === name) {
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
    await this.#parts.append(this.#activation.source, Buffer.from(JSON.stringify([record])))
    const to = this.#parts.head()
    const { from, changesFrom = to } = this.#window()
    this.#report.window = { from, changesFrom, to: undefined }
    // On the disk before it is settled: whoever counts changes leaves it out.
    await this.#save('running', 'send')
    await this.#settled(to)
    if (this.#stopping.aborted) return
    const refused = (await this.#parts.rejected(this.#activation.current, from, to)).find(
      (one) => one.id === id,
    )
    if (refused !== undefined)
      throw new ThalwegError('ACTIVATION_INVALID', `The destination refuses the cohort: ${refused.message}`)
    await roster.rename(name)
    this.#report.named = name
  }

  /** Waits until the books of the current reach `to`, however long its destination takes. */
  async #settled(to: number): Promise<void> {
    for (;;) {
      const { position, halted } = await this.#parts.progress(this.#activation.current)
      this.#report.waiting = position >= to ? undefined : halted
      if (this.#report.waiting !== undefined) this.#note(`Waits: ${this.#report.waiting}`)
      if (position >= to || this.#stopping.aborted) return
      await this.#saveNowAndThen()
      await this.#parts.clock.sleep(LOOK_MS, this.#stopping)
    }
  }

  async #verify(roster: Roster, resumed: boolean): Promise<void> {
    const { from, to = from } = this.#window()
    const { appended } = this.#report
    const id = runId(this.#run)
    const letters = await this.#parts.rejected(this.#activation.current, from, to)
    const rejected = letters
      .flatMap((letter) => changeNumber(id, letter.id) ?? [])
      .filter((n) => n < appended)
    await roster.apply(id, this.#parts.clock.now(), appended, rejected, resumed)
    this.#report.rejected = rejected.length
    this.#report.accepted = appended - rejected.length
    this.#report.membersAfter = await roster.size()
    const { accepted, rejected: refused, membersAfter } = this.#report
    this.#note(`The vendor accepted ${accepted} changes and rejected ${refused}: ${membersAfter} members now`)
    if (this.#cancelling.signal.aborted) await this.#finish('cancelled')
    else await this.#finish(rejected.length > 0 ? 'partial' : 'succeeded')
  }

  #ends(): boolean {
    return this.#stopping.aborted || this.#cancelling.signal.aborted
  }

  #window(): NonNullable<RunReport['window']> {
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
    const { error } = this.#report
    this.#note(error === undefined ? `Ended: ${state}` : `Ended: ${state}. ${error}`)
    await this.#save(state, phase)
    return false
  }

  /** False: it may have sent something, or its failure could not be noted. It goes on until somebody cancels it. */
  async #failed(error: unknown): Promise<boolean> {
    const message = error instanceof Error ? error.message : String(error)
    // Nothing is sent before the name is accepted.
    const sent = this.#isPrepared() && this.#report.named !== undefined
    try {
      if (sent && !this.#cancelling.signal.aborted) {
        this.#report.waiting = message
        this.#note(`Waits: ${message}`)
        await this.#save('running', this.#run.phase)
        return false
      }
      this.#report.error = message
      await this.#finish('failed')
      return true
    } catch (failure) {
      // Somebody else has ended it.
      return failure instanceof ThalwegError && failure.code === 'RUN_STATE'
    }
  }

  #note(text: string): void {
    this.#report = noted(this.#report, this.#parts.clock.now(), text)
  }

  async #saveNowAndThen(): Promise<void> {
    if (this.#parts.clock.now() - this.#savedAt >= SAVE_MS) await this.#save(this.#run.state, this.#run.phase)
  }

  async #save(state: RunState, phase: Phase): Promise<void> {
    this.#savedAt = this.#parts.clock.now()
    this.#run = await this.#parts.runs.save(this.#run, state, phase, this.#report)
  }
}

/** The query as it is now: saved ones and segments may have new versions. Throws SAVED_QUERY_UNKNOWN, SEGMENT_UNKNOWN, ENGINE_UNKNOWN. */
export async function questionOf(
  { query }: Pick<ActivationDefinition, 'query'>,
  segments: Segments,
  savedQuery: Surroundings['saved'],
): Promise<{ readonly engine: string; readonly sql: string }> {
  const { engine, sql, saved, segment, columns = {} } = query
  if (sql !== undefined) return { engine, sql }
  if (segment === undefined) return savedQuery(saved ?? '')
  const { parent, rule } = (await segments.get(segment)).definition
  return { engine: parent.engine, sql: (await segments.compiler(parent)).query(rule, columns) }
}
