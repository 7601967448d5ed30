/** The hub's side of the thread that copies and checks. */

import { Worker } from 'node:worker_threads'
import type { CopyingAnswer, CopyingAnswers, CopyingJob } from './copying-protocol.ts'

export class Copying {
  readonly #worker = new Worker(new URL('./copying-thread.ts', import.meta.url))
  readonly #waiting = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>()
  #asked = 0
  #ended: Error | undefined

  /** `signal` ends the thread: what is awaited of it rejects. */
  constructor(signal?: AbortSignal) {
    this.#worker.unref()
    this.#worker.on('message', (answer: CopyingAnswer) => {
      const waiting = this.#waiting.get(answer.id)
      this.#waiting.delete(answer.id)
      if ('error' in answer)
        waiting?.reject(Object.assign(new Error(answer.error.message), { code: answer.error.code }))
      else waiting?.resolve(answer.result)
    })
    this.#worker.on('error', (error: Error) => this.#fail(error))
    this.#worker.on('exit', () => this.#fail(new Error('the thread that copies ended')))
    signal?.addEventListener('abort', () => void this.close(), { once: true })
  }

  /** Rejects with what the disk or the database said, its `code` with it. */
  ask<Do extends CopyingJob['do']>(job: Extract<CopyingJob, { do: Do }>): Promise<CopyingAnswers[Do]> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended)
    const id = this.#asked++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (result: unknown) => void, reject })
      this.#worker.postMessage({ id, job })
    })
  }

  async close(): Promise<void> {
    await this.#worker.terminate()
  }

  #fail(error: Error): void {
    this.#ended ??= error
    for (const { reject } of this.#waiting.values()) reject(this.#ended)
    this.#waiting.clear()
  }
}
