/**
 * Identifiers on their way to their table, in a thread of their own: it takes as long to put them into order and to write them as a third of all that
 * is done with a record. A transaction of the thread is as long as what it is told to bring; it fits into the time in which no other one is open.
 */

import { Worker } from 'node:worker_threads'
import type { IdentifierKey } from '../profile.ts'

export interface LeavingJob {
  /** Of the file. */
  readonly path: string
  readonly keys: string
  readonly owners: Float64Array
}

/** No identifier has a control character, but for the U+0000 between field and value. */
export const BETWEEN_KEYS = '\u0001'

export class Leaving {
  readonly #worker: Worker
  #hear: { resolve(isAll: boolean): void; reject(error: unknown): void } | undefined
  #failure: Error | undefined

  constructor(path: string, keys: readonly IdentifierKey[], owners: readonly number[]) {
    this.#worker = new Worker(new URL('./leaving-thread.ts', import.meta.url), {
      workerData: {
        path,
        keys: keys.join(BETWEEN_KEYS),
        owners: Float64Array.from(owners),
      } satisfies LeavingJob,
    })
    // Whoever ends may end: what is not there is read again.
    this.#worker.unref()
    this.#worker.on('message', (isAll: boolean) => {
      this.#hear?.resolve(isAll)
      this.#hear = undefined
    })
    this.#worker.on('error', (error) => this.#fail(error))
    this.#worker.on('exit', () =>
      this.#fail(new Error('The thread that brings identifiers to their table has ended')),
    )
  }

  /** Whether some are on their way that are not there yet. */
  get isBusy(): boolean {
    return this.#hear !== undefined
  }

  /** Brings so many more; gives whether all are there now. One at a time. */
  async some(count: number): Promise<boolean> {
    if (this.#failure !== undefined) throw this.#failure
    const heard = Promise.withResolvers<boolean>()
    this.#hear = heard
    this.#worker.postMessage(count)
    return heard.promise
  }

  /** Nothing more comes of it. */
  async end(): Promise<void> {
    await this.#worker.terminate()
  }

  #fail(error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new Error(String(error))
    this.#hear?.reject(this.#failure)
    this.#hear = undefined
  }
}
