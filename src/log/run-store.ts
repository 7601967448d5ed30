/** The runs of a dedupe directory: loading, looking up, spilling to new ones, merging, dropping old ones. */

import { readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { ThalwegError } from '../core/errors.ts'
import { unlinkIfThere } from './files.ts'
import { runsToMerge } from './merge-plan.ts'
import { type OpenedRun, Run, type RunFacts, readRunIndex } from './run-file.ts'
import type { RunJob } from './run-worker.ts'

export interface RunStoreOptions {
  readonly directory: string
  /** Of the key that identities are mixed with: runs of another key are of no use. */
  readonly fingerprint: number
  readonly onTrouble: (error: ThalwegError) => void
}

export interface Spill {
  readonly table: Uint32Array
  readonly sequence: number
  readonly logEnd: number
  readonly sinceSeconds: number
}

export class RunStore {
  readonly #options: RunStoreOptions
  readonly #workers = new Set<Worker>()
  /** Newest first. */
  #runs: Run[] = []
  #merging: Promise<void> | undefined
  #closed = false

  constructor(options: RunStoreOptions) {
    this.#options = options
  }

  /** Number for the next spill. */
  nextSequence = 0
  /** The ids of the log before this offset are in the runs, except what a bad run took with it. */
  logEnd = 0

  get count(): number {
    return this.#runs.length
  }
  get ids(): number {
    return this.#runs.reduce((sum, run) => sum + run.facts.count, 0)
  }
  /** Memory. */
  get bytes(): number {
    return this.#runs.reduce((sum, run) => sum + run.bytes, 0)
  }

  async load(): Promise<void> {
    const { directory } = this.#options
    for (const name of await readdir(directory))
      if (name.endsWith('.tmp')) await unlink(join(directory, name))
    const names = (await readdir(directory)).flatMap((name) => parseRunName(name) ?? [])
    names.sort((a, b) => a.first - b.first || b.last - a.last)
    let covered = 0
    let whole = true
    for (const { name, first, last } of names) {
      const path = join(directory, name)
      // The inputs of a merge that a crash kept from being removed.
      if (last < covered) {
        await unlink(path)
        continue
      }
      const opened = await this.#open(path)
      // What a bad run held, the log may still hold: it is read again from where the runs before it end.
      whole &&= opened !== undefined && (covered === 0 || first === covered)
      if (opened !== undefined) {
        this.#runs.unshift(this.#ready(opened))
        covered = last + 1
        if (whole) this.logEnd = opened.facts.logEnd
      }
      this.nextSequence = Math.max(this.nextSequence, last + 1)
    }
  }

  /** Ahead of looking up `count` keys, one behind the other: see IdentityTable.approach. */
  approach(keys: Uint32Array, count: number): number {
    let sum = 0
    for (const run of this.#runs) sum += run.approach(keys, count)
    return sum
  }

  /** The latest second at or after `sinceSeconds` at which the key at keys[at ..] was marked; 0 when there is none. */
  secondsOf(keys: Uint32Array, at: number, sinceSeconds: number): number {
    for (const run of this.#runs) {
      if (run.facts.newestSeconds < sinceSeconds) continue
      const seconds = run.secondsOf(keys, at)
      if (seconds >= sinceSeconds) return seconds
    }
    return 0
  }

  /** Writes a frozen table to a run and takes it in. Rejects with the disk's error: then try again. */
  async spill(spill: Spill): Promise<void> {
    const { table, sequence, logEnd, sinceSeconds } = spill
    const plan = this.#plan(sequence, sequence, logEnd, sinceSeconds)
    const opened = await this.#work({ kind: 'spill', plan, table })
    if (this.#closed) return
    this.#runs.unshift(this.#ready(opened))
    this.logEnd = logEnd
    this.#mergeIfMany(sinceSeconds)
  }

  /** Removes runs without ids marked at or after `sinceSeconds`; the newest stays, because it says where the log is to be read from. */
  async dropOld(sinceSeconds: number): Promise<void> {
    if (this.#merging !== undefined) return
    while (this.#runs.length > 1) {
      const oldest = this.#runs.at(-1)
      if (oldest === undefined || oldest.facts.newestSeconds >= sinceSeconds) return
      this.#runs.pop()
      oldest.close()
      await unlinkIfThere(oldest.facts.path)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    // A run half written is removed at the next start.
    for (const worker of this.#workers) await worker.terminate()
    await this.#merging
    for (const run of this.#runs) run.close()
    this.#runs = []
  }

  async #open(path: string): Promise<OpenedRun | undefined> {
    const opened = readRunIndex(path, this.#options.fingerprint)
    if (opened !== undefined) return opened
    this.#options.onTrouble(
      new ThalwegError(
        'LOG_CORRUPT',
        `the dedupe run ${path} does not check out and was removed: duplicates may pass`,
      ),
    )
    await unlink(path)
    return undefined
  }

  #ready(opened: OpenedRun): Run {
    return new Run(opened, (path, page) => {
      const message = `page ${page} of the dedupe run ${path} does not check out: duplicates may pass`
      this.#options.onTrouble(new ThalwegError('LOG_CORRUPT', message))
    })
  }

  #mergeIfMany(sinceSeconds: number): void {
    if (this.#closed || this.#merging !== undefined) return
    const chosen = runsToMerge(this.#runs)
    if (chosen.length === 0) return
    this.#merging = this.#merge([...chosen].reverse(), sinceSeconds)
      .catch((cause: unknown) => {
        if (this.#closed) return
        const message = 'dedupe runs could not be merged; lookups are slower until the next attempt'
        this.#options.onTrouble(new ThalwegError('LOG_FULL', message, { cause }))
      })
      .finally(() => {
        this.#merging = undefined
      })
  }

  /** `inputs` are oldest first and without others between them. */
  async #merge(inputs: readonly Run[], sinceSeconds: number): Promise<void> {
    const oldest = inputs[0]?.facts
    const newest = inputs.at(-1)?.facts
    if (oldest === undefined || newest === undefined) return
    const plan = this.#plan(oldest.first, newest.last, newest.logEnd, sinceSeconds)
    const opened = await this.#work({ kind: 'merge', plan, inputs: inputs.map((run): RunFacts => run.facts) })
    if (this.#closed) return
    const merged = this.#ready(opened)
    this.#runs = this.#runs.flatMap((run) =>
      run.facts === newest ? [merged] : inputs.includes(run) ? [] : [run],
    )
    for (const run of inputs) {
      run.close()
      await unlinkIfThere(run.facts.path)
    }
  }

  #plan(first: number, last: number, logEnd: number, sinceSeconds: number) {
    const path = join(this.#options.directory, runName(first, last))
    return {
      path,
      first,
      last,
      logEnd,
      sinceSeconds: Math.max(0, sinceSeconds),
      fingerprint: this.#options.fingerprint,
    }
  }

  #work(job: RunJob): Promise<OpenedRun> {
    return new Promise((resolve, reject) => {
      const worker = new Worker(new URL('./run-worker.ts', import.meta.url), { workerData: job })
      worker.unref()
      this.#workers.add(worker)
      worker.once('message', resolve)
      worker.once('error', reject)
      worker.once('exit', (code) => {
        this.#workers.delete(worker)
        reject(new Error(`the thread that writes ${job.plan.path} ended early (${code})`))
      })
    })
  }
}

function runName(first: number, last: number): string {
  return `${String(first).padStart(10, '0')}-${String(last).padStart(10, '0')}.run`
}

function parseRunName(name: string): { name: string; first: number; last: number } | undefined {
  const match = /^(\d{10})-(\d{10})\.run$/.exec(name)
  return match === null ? undefined : { name, first: Number(match[1]), last: Number(match[2]) }
}
