/** The hub's end of the process that makes Parquet files: one job after another; a process that ends or hangs fails its job and is replaced. */

import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import type { SubjectIdentifier } from '../../core/traces.ts'
import { Turns } from '../../core/turns.ts'

/** All paths are of this machine and made by us. */
export interface EncodeJob {
  /** Rows as JSON, a line each. */
  readonly rows: string
  /** The file to write; not written when no row is missing. */
  readonly target: string
  /** Name and DuckDB's type. */
  readonly columns: readonly (readonly [name: string, type: string])[]
  /** Bound of one line. */
  readonly rowBytesMax: number
  /** What the rows are, all of them. */
  readonly whole: Encoded
  /** Parquet files whose rows (by `_offset`) are not wanted again. */
  readonly present: readonly string[]
}

/** Somebody is to be taken out of a Parquet file. */
export interface ForgetJob {
  readonly file: string
  /** Written when something was found and some rows are left. Undefined: counts only. */
  readonly rewritten: string | undefined
  readonly identifiers: readonly SubjectIdentifier[]
}

export interface Forgotten {
  readonly theirs: number
  readonly mentions: number
  /** Rows that are left. */
  readonly rows: number
}

/** `first` and `last` are the lowest and the highest offset; 0 without rows. */
export interface Encoded {
  readonly rows: number
  readonly first: number
  readonly last: number
}

export type Job = { readonly encode: EncodeJob } | { readonly forget: ForgetJob }
type Answer = { readonly result: unknown } | { readonly error: string }

const PROGRAM = join(import.meta.dirname, 'encoder-process.ts')
const ENCODE_MS_MAX = 120_000

export class Encoder {
  #child: ChildProcess | undefined
  readonly #turns = new Turns()

  /** Rejects when the rows cannot be written. */
  encode(job: EncodeJob): Promise<Encoded> {
    return this.#turns.take(() => this.#run({ encode: job })) as Promise<Encoded>
  }

  /** Rejects when the file cannot be read or the other one not be written. */
  forget(job: ForgetJob): Promise<Forgotten> {
    return this.#turns.take(() => this.#run({ forget: job })) as Promise<Forgotten>
  }

  async close(): Promise<void> {
    await this.#turns.ended()
    this.#child?.kill('SIGKILL')
  }

  #run(job: Job): Promise<unknown> {
    const child = this.#started()
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => child.kill('SIGKILL'), ENCODE_MS_MAX)
      const done = (): void => {
        clearTimeout(timer)
        child.off('message', told)
        child.off('exit', ended)
      }
      const told = (answer: unknown): void => {
        done()
        const message = answer as Answer
        if ('result' in message) resolve(message.result)
        else reject(new Error(message.error))
      }
      const ended = (): void => {
        done()
        reject(new Error('the process that writes Parquet files ended before it had written'))
      }
      child.on('message', told)
      child.on('exit', ended)
      // It may have ended a moment ago.
      child.send(job, (error) => {
        if (error !== null) ended()
      })
    })
  }

  #started(): ChildProcess {
    if (this.#child !== undefined) return this.#child
    const child = fork(PROGRAM, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    child.once('exit', () => {
      if (this.#child === child) this.#child = undefined
    })
    // A job must not keep a program from ending; who waits for one keeps it running.
    child.unref()
    child.channel?.unref()
    this.#child = child
    return child
  }
}
