/** The main thread's side of an import's thread: give it a file, take its chunks. */

import { Worker } from 'node:worker_threads'
import { ERROR_CODES, type ErrorCode, ThalwegError } from '../../core/errors.ts'
import type { Chunk } from './chunks.ts'
import type { FileJob } from './file-reader.ts'
import type { FromThread, ReadingData, ToThread } from './reading-protocol.ts'

/** Young objects of the thread are few and large: more room would only be filled. */
const LIMITS = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 16 }

export class Reading {
  readonly #worker: Worker
  /** Said by the thread and not yet taken; CHUNKS_AHEAD and an end at most. */
  readonly #said: FromThread[] = []
  #wake: () => void = () => undefined
  #failure: unknown
  /** The thread's numbering of event types; grows with the chunks. */
  readonly types: string[] = []

  /** `signal` ends the reading: what is awaited of it rejects. */
  constructor(data: ReadingData, signal: AbortSignal) {
    this.#worker = new Worker(new URL('./reading-thread.ts', import.meta.url), {
      workerData: data,
      resourceLimits: LIMITS,
    })
    this.#worker.on('message', (message: FromThread) => {
      this.#said.push(message)
      this.#wake()
    })
    signal.addEventListener('abort', () => this.#fail(signal.reason), { once: true })
    this.#worker.on('error', (error) => this.#fail(error))
    this.#worker.on('exit', () => this.#fail(new ThalwegError('DEFECT', 'the thread of an import ended')))
  }

  /**
   * The chunks of one file, in order; each is to be given back by `taken`. Gives what kept the file from being read in
   * full, or undefined. Throws what the place threw (FILES_…), DEFECT when the thread failed. To be read to its end,
   * or the reading closed.
   */
  async *read(job: FileJob): AsyncGenerator<Chunk, string | undefined, undefined> {
    this.#say({ say: 'read', job })
    for (;;) {
      const message = await this.#next()
      if (message.say === 'chunk') {
        this.types.push(...message.chunk.newTypes)
        yield message.chunk
      } else if (message.say === 'end') return message.damage
      else throw failureOf(message)
    }
  }

  /** The file read last was whole, and all of it is in the log: what its rows say is remembered. */
  async remember(): Promise<void> {
    this.#say({ say: 'remember' })
    const message = await this.#next()
    if (message.say !== 'remembered') throw failureOf(message)
  }

  /** The chunk's bytes were copied: the thread may use the buffer again. */
  taken({ bytes }: Chunk): void {
    this.#say({ say: 'taken', buffer: bytes }, [bytes])
  }

  async close(): Promise<void> {
    await this.#worker.terminate()
  }

  async #next(): Promise<FromThread> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure
      const message = this.#said.shift()
      if (message !== undefined) return message
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= error
    this.#wake()
  }

  #say(message: ToThread, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer)
  }
}

function failureOf(message: FromThread): ThalwegError {
  if (message.say === 'failed') return new ThalwegError(codeOf(message.code), message.message)
  return new ThalwegError('DEFECT', `the thread of an import said ${message.say}`)
}

function codeOf(code: string): ErrorCode {
  return Object.hasOwn(ERROR_CODES, code) ? (code as ErrorCode) : 'DEFECT'
}
