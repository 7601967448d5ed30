/**
 * A job's result as bytes, msgpack.gz: the one compressed format that the job API documents. A download that breaks goes
 * on where it stopped (Range with If-Range), as Treasure Data's Ruby client does; never from the beginning, since rows
 * were handed on already. Holds one piece at a time.
 */

import type { Dispatcher } from 'undici'
import { ThalwegError } from '../../core/errors.ts'
import { TRIES_MAX, type Wire } from './wire.ts'

export class Download {
  readonly #wire: Wire
  readonly #path: string
  readonly #signal: AbortSignal
  #response: Dispatcher.ResponseData
  readonly #tag: string | undefined
  readonly #length: number | undefined
  #received = 0

  private constructor(wire: Wire, path: string, response: Dispatcher.ResponseData, signal: AbortSignal) {
    this.#wire = wire
    this.#path = path
    this.#signal = signal
    this.#response = watched(response)
    this.#tag = headerOf(response, 'etag')
    const length = Number(headerOf(response, 'content-length') ?? 'unknown')
    this.#length = Number.isInteger(length) ? length : undefined
  }

  /** Resolves when the answer has begun. Throws QUERY_FAILED when the result is no longer there. */
  static async begin(wire: Wire, jobId: string, signal: AbortSignal): Promise<Download> {
    const path = `/v3/job/result/${jobId}?format=msgpack.gz`
    const response = await wire.open({ method: 'GET', path, alsoWanted: [404] }, signal)
    if (response.statusCode === 404) {
      await response.body.dump()
      throw new ThalwegError(
        'QUERY_FAILED',
        `Treasure Data no longer has the result of job ${jobId}: it expired`,
      )
    }
    return new Download(wire, path, response, signal)
  }

  /** To be read once. */
  async *pieces(): AsyncGenerator<Buffer> {
    for (let failures = 0; ; failures++) {
      const before = this.#received
      try {
        for await (const piece of this.#response.body as AsyncIterable<Buffer>) {
          this.#received += piece.length
          yield piece
        }
        if (this.#length === undefined || this.#received >= this.#length) return
        throw new Error('the answer stopped halfway')
      } catch (error) {
        this.#signal.throwIfAborted()
        if (error instanceof ThalwegError) throw error
        if (this.#received > before) failures = 0
        await this.#goOn(error, failures)
      }
    }
  }

  destroy(): void {
    this.#response.body.destroy()
  }

  async #goOn(why: unknown, failures: number): Promise<void> {
    if (this.#tag === undefined || failures + 1 >= TRIES_MAX) throw this.#wire.unreachable(why)
    await this.#wire.pause(failures + 1, 0, this.#signal)
    const headers = { range: `bytes=${this.#received}-`, 'if-range': this.#tag }
    this.#response = watched(
      await this.#wire.open({ method: 'GET', path: this.#path, headers }, this.#signal),
    )
    if (this.#response.statusCode === 206) return
    this.destroy()
    throw new ThalwegError('ENGINE_UNREACHABLE', 'Treasure Data does not go on with a result that broke off')
  }
}

/** A body that breaks while nobody reads it must not end the process; who reads it learns of the error anyway. */
function watched(response: Dispatcher.ResponseData): Dispatcher.ResponseData {
  response.body.on('error', () => undefined)
  return response
}

function headerOf(response: Dispatcher.ResponseData, name: string): string | undefined {
  const header = response.headers[name]
  return Array.isArray(header) ? header[0] : header
}
