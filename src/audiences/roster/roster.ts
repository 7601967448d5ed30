/**
 * A roster: what the vendor has accepted of one cohort, person by person, and how it came to be. It is what a new result
 * is compared with; what was only tried never enters it. It belongs to the cohort, not to the activation: two
 * activations of one cohort share it.
 *
 * Each roster is a DuckDB file of its own, worked on by a child process that lives as long as somebody uses it: sets of
 * millions are compared with a bounded memory that goes back to the machine afterwards, and a failure there takes
 * nothing else down. One user at a time: the caller sees to that.
 *
 *   begin() → load(rows)… or take(file) → compare(operation) → records(from)… → apply(run, sent, rejected)
 *
 * Each step may be repeated after a crash: begin forgets what an earlier try loaded, apply does nothing the second time.
 *
 * One profile may be in the roster under several identifiers, and the vendor does not say so. Taking out one takes the
 * profile out: so those who leave come first, and members of other kinds of identifier are then sent again.
 */

import { type ChildProcess, fork } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { availableParallelism } from 'node:os'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { ThalwegError } from '../../core/errors.ts'
import type { SubjectIdentifier } from '../../core/traces.ts'
import type { Answer, Ask, Asked, RosterSettings } from './protocol.ts'
import type { SnapshotCounts, SnapshotPlan } from './snapshot.ts'

export type Operation = 'add' | 'remove' | 'mirror'

/** How far a roster has a run: its changes are in it, or its difference is that of `records`, or neither. */
export type Stand = 'applied' | 'compared' | 'unknown'

export interface Comparison {
  /** Different people in the result. */
  readonly distinct: number
  readonly unchanged: number
  readonly added: number
  readonly removed: number
  /** Of the unchanged ones, those who are sent again: one who leaves may be the same profile. */
  readonly affirmed: number
  /** Members before, and how many of them leave. */
  readonly members: number
  readonly membersRemoved: number
}

/** Somebody who enters or leaves, by the number of the change in its run. */
export interface Change {
  readonly change: number
  readonly person: string
  readonly enters: boolean
}

/** When somebody entered or left, by which run. */
export interface Move {
  readonly run: string
  /** Its number in the run. */
  readonly change: number
  readonly at: number
  readonly enters: boolean
}

/** Records of changes, from one change on. */
export interface RecordsPage {
  /** A JSON array. */
  readonly body: Uint8Array
  readonly count: number
}

/** All cores, within reason: a comparison takes seconds, and yields to whatever else the machine has to do. */
export const ROSTER_DEFAULTS: Omit<RosterSettings, 'file'> = {
  memoryBytesMax: 1_200_000_000,
  threads: Math.min(8, availableParallelism()),
}

/** People in one call of `load`. */
export const LOAD_MAX = 20_480
/** Rows in one answer of a list. */
export const PAGE_MAX = 1_000

/** How long a child may take to end by itself. */
const END_MS = 5_000

/** Where the result of a run lies until it is compared. */
export function snapshotFile(file: string): string {
  return `${file}.snapshot`
}

/** `what`: that was done with the roster. */
export function rosterMissing(what: string): ThalwegError {
  return new ThalwegError(
    'ROSTER_MISSING',
    `${what} with a roster that this data folder does not have: put the folder "audiences" of the node that ran it here, or resync: ` +
      'the next run then sends everybody again, and whoever left since stays in the cohort of the vendor',
  )
}

export class Roster {
  /** Resolves when its process has ended: the file is free. */
  readonly ended: Promise<unknown>
  readonly #child: ChildProcess
  readonly #file: string
  #turn: Promise<unknown> = Promise.resolve()
  #ended: string | undefined

  private constructor(child: ChildProcess, file: string) {
    this.#child = child
    this.#file = file
    this.ended = new Promise((resolve) => child.once('exit', resolve))
    // A question to a process that is ending cannot be sent; its exit answers.
    child.on('error', () => undefined)
    child.once('exit', (code, signal) => {
      this.#ended = `The process of the roster ended (${signal ?? code})`
    })
  }

  /** Throws ROSTER_BROKEN when the file cannot be opened. */
  static async open(file: string, settings: Partial<RosterSettings> = {}): Promise<Roster> {
    const script = fileURLToPath(new URL('./roster-process.ts', import.meta.url))
    const full: RosterSettings = { ...ROSTER_DEFAULTS, ...settings, file }
    const child = fork(script, [JSON.stringify(full)], {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    const roster = new Roster(child, file)
    await roster.#ask({ what: 'open' })
    return roster
  }

  /** Process id of the child, for those who watch it. */
  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Makes ready for the result of a run. */
  begin(): Promise<void> {
    return this.#ask({ what: 'begin' })
  }

  /** At most LOAD_MAX people, as `personOf` spells them. */
  load(persons: readonly string[]): Promise<void> {
    return this.#ask({ what: 'load', persons: [...persons] })
  }

  /** Instead of load: the result as a Parquet file, read to its end. Rejects as the stream does, or with the signal's reason. */
  async take(bytes: Readable, plan: SnapshotPlan, signal: AbortSignal): Promise<SnapshotCounts> {
    await pipeline(bytes, createWriteStream(snapshotFile(this.#file), { mode: 0o600 }), { signal })
    return this.#ask({ what: 'snapshot', plan })
  }

  /** `run`: whose difference this is, for `planned`. */
  compare(operation: Operation, run = ''): Promise<Comparison> {
    return this.#ask({ what: 'compare', operation, run })
  }

  /** Instead of load and compare: what an earlier run (`of`) was refused and nobody has decided since. */
  compareRefused(of: string, run = ''): Promise<Comparison> {
    return this.#ask({ what: 'compare-refused', of, run })
  }

  /** The beginning of who would enter or leave. */
  sample(enters: boolean, limit: number): Promise<string[]> {
    return this.#ask({ what: 'sample', enters, limit: Math.min(limit, PAGE_MAX) })
  }

  /**
   * The membership records of changes `from` on, below `below`, as many as there is room for, but at least one; their ids
   * are `<prefix>-<n>`, in no particular order. Those numbered below the count of removals leave.
   */
  records(
    from: number,
    below: number,
    room: { readonly recordsMax: number; readonly bytesMax: number },
    about: { prefix: string; activation: string; run: string; timeMs: number },
  ): Promise<RecordsPage> {
    return this.#ask({ what: 'records', from, below, room, about })
  }

  /**
   * Takes the changes of the run that were sent, those numbered below `sent`, into the roster, but for the rejected ones, by their
   * numbers: those are kept for a retry. `unsure`: whether the others were not sent is not known.
   */
  apply(run: string, atMs: number, sent: number, rejected: readonly number[], unsure = false): Promise<void> {
    return this.#ask({ what: 'apply', run, atMs, sent, unsure, rejected: [...rejected] })
  }

  /** How many were members at a moment; unset: now. */
  size(atMs?: number): Promise<number> {
    return this.#ask({ what: 'size', atMs: atMs ?? null })
  }

  /** Members at a moment, in order of their spelling, after `after`; at most PAGE_MAX. */
  membersAt(atMs: number, after: string): Promise<string[]> {
    return this.#ask({ what: 'members', atMs, after })
  }

  /** Who was in at `toMs` and not at `fromMs`, or the other way round; after `after`, at most PAGE_MAX. */
  between(fromMs: number, toMs: number, enters: boolean, after: string): Promise<string[]> {
    return this.#ask({ what: 'between', fromMs, toMs, enters, after })
  }

  /** Everything about one person, oldest first. */
  movesOf(person: string): Promise<Move[]> {
    return this.#ask({ what: 'moves', person })
  }

  /** Who entered or left by a run, in order of their spelling, after `after`; at most PAGE_MAX. */
  movedBy(run: string, enters: boolean, after: string, search = ''): Promise<Change[]> {
    return this.#ask({ what: 'moved', run, enters, after, search })
  }

  /**
   * Who would enter or leave by a run that was compared and not applied, as `movedBy` gives it; undefined when another run was compared
   * since: only the last difference is kept.
   */
  planned(run: string, enters: boolean, after: string, search = ''): Promise<Change[] | undefined> {
    return this.#ask({ what: 'planned', run, enters, after, search })
  }

  /** What a run was refused, after change `after` (-1: from the first); at most PAGE_MAX. */
  refused(run: string, after: number, search = ''): Promise<Change[]> {
    return this.#ask({ what: 'refused', run, after, search })
  }

  /** The name that the vendor accepted for the cohort. */
  name(): Promise<string | undefined> {
    return this.#ask({ what: 'name' })
  }

  rename(name: string): Promise<void> {
    return this.#ask({ what: 'rename', name })
  }

  stand(run: string): Promise<Stand> {
    return this.#ask({ what: 'stand', run })
  }

  /**
   * Trusts nothing that was accepted: the next run sends everything again. Members and history stay. `last`: the run up to which that is
   * so, whether this roster has it or not.
   */
  forget(last?: string): Promise<void> {
    return this.#ask({ what: 'forget', last: last ?? null })
  }

  /** Takes somebody out of every table, or only counts; gives the rows. What a run under way has numbered has holes then. */
  erase(identifiers: readonly SubjectIdentifier[], isDry: boolean): Promise<number> {
    return this.#ask({ what: 'erase', identifiers: [...identifiers], isDry })
  }

  async close(): Promise<void> {
    if (this.#ended !== undefined) return
    this.#child.disconnect()
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), END_MS)
    await this.ended
    clearTimeout(timer)
  }

  /** One question at a time: the answers come in their order. */
  #ask<W extends Ask['what']>(ask: Extract<Ask, { what: W }>): Promise<Asked<W>> {
    const asking = this.#turn.then(() => this.#converse(ask))
    this.#turn = asking.catch(() => undefined)
    return asking as Promise<Asked<W>>
  }

  #converse(ask: Ask): Promise<unknown> {
    if (this.#ended !== undefined) throw new ThalwegError('ROSTER_BROKEN', this.#ended)
    return new Promise((resolve, reject) => {
      const ended = (): void => reject(new ThalwegError('ROSTER_BROKEN', this.#ended ?? 'The roster ended'))
      this.#child.once('exit', ended)
      this.#child.once('message', (answer: Answer) => {
        this.#child.off('exit', ended)
        if ('error' in answer) reject(new ThalwegError('ROSTER_BROKEN', answer.error))
        else resolve(answer.result)
      })
      this.#child.send(ask)
    })
  }
}
