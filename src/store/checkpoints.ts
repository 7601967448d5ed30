/**
 * Checkpoints of SQLite's WAL in a thread of their own. A checkpoint brings what was committed into the file and waits for the disk twice: tens of
 * milliseconds, which would pass in the turn of whichever commit fills the WAL. The thread starts with the first checkpoint, so that a store
 * with little to do has none.
 */

import { Worker } from 'node:worker_threads'
import type { CheckpointJob } from './checkpoint-thread.ts'

/** Commits between two checkpoints, and the time between them, at least. Under load it is the time that counts. */
const COMMITS_MIN = 32
const BETWEEN_MS_MIN = 2_000
/** It holds a connection and two statements. */
const LIMITS = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 2 }

export class Checkpoints {
  readonly #path: string
  #worker: Worker | undefined
  #commits = 0
  /** Real time: it is about the disk. */
  #askedAt = performance.now()

  constructor(path: string) {
    this.#path = path
  }

  /** After each commit. */
  committed(): void {
    this.#commits++
    if (this.#commits < COMMITS_MIN || performance.now() - this.#askedAt < BETWEEN_MS_MIN) return
    this.#commits = 0
    this.#askedAt = performance.now()
    this.#worker ??= this.#start()
    this.#worker.postMessage('checkpoint' satisfies CheckpointJob)
  }

  /** The thread lets go of the file. */
  async close(): Promise<void> {
    const worker = this.#worker
    if (worker === undefined) return
    this.#worker = undefined
    const ended = new Promise((resolve) => worker.once('exit', resolve))
    // Otherwise a process with nothing else to do would end before the thread does.
    worker.ref()
    worker.postMessage('close' satisfies CheckpointJob)
    await ended
  }

  #start(): Worker {
    const worker = new Worker(new URL('./checkpoint-thread.ts', import.meta.url), {
      workerData: this.#path,
      resourceLimits: LIMITS,
    })
    worker.unref()
    // Without it checkpoints are made as without a thread: by the commit that fills the WAL. The next one that is due tries a new thread.
    worker.on('error', () => undefined)
    worker.once('exit', () => {
      if (this.#worker === worker) this.#worker = undefined
    })
    return worker
  }
}
