/**
 * Reads one bulk upload, of any length: in rows, as it comes, never ahead of where the rows go. What was read
 * stays when the rest does not come.
 */

import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { createGunzip, type Gunzip } from 'node:zlib'
import type { Clock } from '../../core/clock.ts'
import { bodyOversized, ratioRefusal } from '../body.ts'
import { type Refusal, refusal } from '../refusals.ts'
import type { Row, RowReader } from './rows.ts'

export interface UploadBounds {
  /** Decompressed. */
  readonly bytesMax: number
  /** Between two pieces of the body. */
  readonly idleMs: number
  /** For the whole body. */
  readonly wholeMs: number
}

/** 'whole', or why the rest was not read: 'gone' when the sender went away. */
export type End = 'whole' | 'gone' | Refusal

/** Takes a row; a refusal ends the upload. */
export type TakeRow = (row: Row) => Refusal | undefined | Promise<Refusal | undefined>

const GONE = new Error('The sender went away')
const LATE = Symbol('late')

export class BulkUpload {
  readonly #clock: Clock
  readonly #bounds: UploadBounds
  readonly #request: IncomingMessage
  readonly #gunzip: Gunzip | undefined
  #used = 0
  /** Where the last row began that was taken. */
  line = 0

  constructor(clock: Clock, bounds: UploadBounds, request: IncomingMessage, gzip: boolean) {
    this.#clock = clock
    this.#bounds = bounds
    this.#request = request
    this.#gunzip = gzip ? createGunzip() : undefined
  }

  /**
   * Reads to the end, or as far as it goes. Throws INPUT_INVALID when the reader does, and what `take` throws.
   */
  async run(reader: RowReader, take: TakeRow): Promise<End> {
    const body = this.#open()
    try {
      return await this.#read(body, reader, take)
    } finally {
      this.#request.off('close', this.#onClose)
      if (this.#gunzip !== undefined) {
        this.#request.unpipe(this.#gunzip)
        this.#gunzip.destroy()
      }
    }
  }

  async #read(body: Readable, reader: RowReader, take: TakeRow): Promise<End> {
    // The request must live on, to be answered.
    const chunks = body.iterator({ destroyOnReturn: false })
    try {
      return await this.#readChunks(chunks, reader, take)
    } finally {
      // Lets go of the request, so that what is left of it can flow away. While a chunk is awaited that comes with it.
      chunks.return?.().catch(() => undefined)
    }
  }

  async #readChunks(chunks: AsyncIterator<Buffer>, reader: RowReader, take: TakeRow): Promise<End> {
    const lateAt = this.#clock.now() + this.#bounds.wholeMs
    for (;;) {
      const chunk = await this.#next(chunks, lateAt)
      if (chunk === 'end') return (await this.#give(reader.end(), take)) ?? 'whole'
      // Rows that are whole are kept; the last line, perhaps cut, is not.
      if (!Buffer.isBuffer(chunk)) return chunk
      this.#used += chunk.length
      const tooMuch = this.#tooMuch()
      if (tooMuch !== undefined) return tooMuch
      const refused = await this.#give(reader.push(chunk), take)
      if (refused !== undefined) return refused
      // A sender who is faster than we are would have piece after piece read in one turn of the event loop, while all others wait.
      await turn()
    }
  }

  async #next(chunks: AsyncIterator<Buffer>, lateAt: number): Promise<Buffer | 'end' | 'gone' | Refusal> {
    const ms = Math.max(0, Math.min(this.#bounds.idleMs, lateAt - this.#clock.now()))
    let cancel = (): void => undefined
    const late = new Promise<typeof LATE>((resolve) => {
      cancel = this.#clock.after(ms, () => resolve(LATE))
    })
    try {
      const next = await Promise.race([chunks.next(), late])
      if (next === LATE) return this.#slow()
      return next.done === true ? 'end' : next.value
    } catch (error) {
      return this.#endOf(error)
    } finally {
      cancel()
    }
  }

  async #give(rows: readonly Row[], take: TakeRow): Promise<Refusal | undefined> {
    for (const row of rows) {
      const taken = take(row)
      // A wait for each of millions of rows would cost as much as taking them.
      const refused = taken instanceof Promise ? await taken : taken
      if (refused !== undefined) return refused
      this.line = row.line
    }
    return undefined
  }

  #open(): Readable {
    if (this.#gunzip === undefined) return this.#request
    this.#request.on('close', this.#onClose)
    return this.#request.pipe(this.#gunzip)
  }

  readonly #onClose = (): void => {
    if (!this.#request.complete) this.#gunzip?.destroy(GONE)
  }

  #endOf(error: unknown): 'gone' | Refusal {
    if (error === GONE || (this.#request.destroyed && !this.#request.complete)) return 'gone'
    if (this.#gunzip !== undefined && error instanceof Error) {
      return refusal('BODY_ENCODING', `The body is not valid gzip (${error.message}): send it again`)
    }
    throw error
  }

  #tooMuch(): Refusal | undefined {
    if (this.#used > this.#bounds.bytesMax) return bodyOversized(this.#bounds.bytesMax)
    return this.#gunzip === undefined ? undefined : ratioRefusal(this.#used, this.#gunzip.bytesWritten)
  }

  #slow(): Refusal {
    const message = `The body did not come: nothing for ${this.#bounds.idleMs} ms, or not all of it within ${this.#bounds.wholeMs} ms`
    return refusal('BODY_SLOW', message, {}, ['connection', 'close'])
  }
}
