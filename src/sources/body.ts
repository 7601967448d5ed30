/**
 * A request body on its way in: leased from the log before the first byte is read, filled straight from the
 * socket (or the decompressor), bounded in bytes, in time and, compressed, in ratio. No promise and no copy
 * beyond the one into the frame's place.
 */

import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { createGunzip, type Gunzip } from 'node:zlib'
import type { Clock } from '../core/clock.ts'
import { ThalwegError } from '../core/errors.ts'
import { BODY_START } from '../log/frame.ts'
import type { Log } from '../log/log.ts'
import { type Refusal, refusal, refusalForNow } from './refusals.ts'

/** Bytes that all doors together hold: read, or waiting for the log. */
export class Account {
  bytes = 0
  readonly bytesMax: number

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
  }

  /**
   * When nothing else is under way anything is let in, so that the largest body allowed is never refused for
   * ever.
   */
  take(bytes: number): boolean {
    if (this.bytes > 0 && this.bytes + bytes > this.bytesMax) return false
    this.bytes += bytes
    return true
  }

  give(bytes: number): void {
    this.bytes -= bytes
  }
}

/** First lease for a body of unknown length: with its room it just fits a buffer of 16 KB. */
const UNKNOWN_BYTES = 14 * 1024
/** A frame in a buffer more than this many times its size is moved: readers may keep the buffer for long. */
const SPARE_TIMES_MAX = 4
/** What a decompressor holds beside its output (window, chunk, state), for the account. */
const GUNZIP_BYTES = 128 * 1024
const GUNZIP_CHUNK_BYTES = 64 * 1024
/**
 * Batches of like events compress well, 100 : 1 and more; below this much output the ratio does not matter.
 */
const RATIO_FREE_BYTES = 1024 * 1024
const RATIO_MAX = 200

/** A leased buffer that grows up to a bound, with its share of the account. */
export class BodyBuffer {
  readonly #log: Log
  readonly #account: Account
  readonly #bodyBytesMax: number
  #buffer: Buffer | undefined
  #counted: number
  /** Body bytes in the buffer, from BODY_START on. */
  used = 0

  private constructor(log: Log, account: Account, bodyBytesMax: number, buffer: Buffer, counted: number) {
    this.#log = log
    this.#account = account
    this.#bodyBytesMax = bodyBytesMax
    this.#buffer = buffer
    this.#counted = counted
  }

  /**
   * Room for a body of `bodyBytes` and a usual number of rows. The refusal is DOORS_BUSY, LOG_FULL or
   * LOG_STOPPED.
   */
  static lease(
    log: Log,
    account: Account,
    bodyBytes: number | undefined,
    bodyBytesMax: number,
  ): BodyBuffer | Refusal {
    const buffer = leaseCounted(log, account, roomFor(bodyBytes ?? UNKNOWN_BYTES))
    return Buffer.isBuffer(buffer)
      ? new BodyBuffer(log, account, bodyBytesMax, buffer, buffer.length)
      : buffer
  }

  /** The frame's buffer. Throws a TypeError after `handOver` or `free`: a use after that is a defect. */
  get buffer(): Buffer {
    if (this.#buffer === undefined) throw new TypeError('The body buffer was given away')
    return this.#buffer
  }

  get body(): Buffer {
    return this.buffer.subarray(BODY_START, BODY_START + this.used)
  }

  /** Counts bytes held on behalf of this body elsewhere. */
  count(bytes: number): Refusal | undefined {
    if (!this.#account.take(bytes)) return busy()
    this.#counted += bytes
    return undefined
  }

  add(chunk: Buffer): Refusal | undefined {
    const used = this.used + chunk.length
    if (used > this.#bodyBytesMax) return bodyOversized(this.#bodyBytesMax)
    if (BODY_START + used > this.buffer.length) {
      const refused = this.grow(roomFor(Math.min(this.#bodyBytesMax, Math.max(used, 2 * this.used))))
      if (refused !== undefined) return refused
    }
    chunk.copy(this.buffer, BODY_START + this.used)
    this.used = used
    return undefined
  }

  /** Makes the buffer hold at least `bytes`; what was read stays. */
  grow(bytes: number): Refusal | undefined {
    return bytes <= this.buffer.length ? undefined : this.#move(bytes)
  }

  /** As `grow`, and moves to a smaller buffer, if there is one, when this one is far too large. */
  fit(bytes: number): Refusal | undefined {
    if (bytes > this.buffer.length) return this.#move(bytes)
    if (this.buffer.length > SPARE_TIMES_MAX * bytes) this.#move(bytes)
    return undefined
  }

  #move(bytes: number): Refusal | undefined {
    const from = this.buffer
    const buffer = leaseCounted(this.#log, this.#account, bytes)
    if (!Buffer.isBuffer(buffer)) return buffer
    from.copy(buffer, BODY_START, BODY_START, BODY_START + this.used)
    this.#log.release(from)
    this.#account.give(from.length)
    this.#counted += buffer.length - from.length
    this.#buffer = buffer
    return undefined
  }

  /** The log has taken the buffer. The account still counts it, until `free`. */
  handOver(): void {
    this.#buffer = undefined
  }

  /** Gives back the buffer, if it is still ours, and the share of the account. Idempotent. */
  free(): void {
    if (this.#buffer !== undefined) this.#log.release(this.#buffer)
    this.#buffer = undefined
    this.#account.give(this.#counted)
    this.#counted = 0
  }
}

/**
 * Rows take 32 bytes each: a sixteenth of the body is enough for events above half a kilobyte; otherwise the
 * buffer grows once.
 */
function roomFor(bodyBytes: number): number {
  return BODY_START + bodyBytes + (bodyBytes >>> 4) + 192
}

function leaseCounted(log: Log, account: Account, bytes: number): Buffer | Refusal {
  if (!account.take(bytes)) return busy()
  try {
    const buffer = log.lease(bytes)
    // The pool hands out sizes of its own: count what is really held. This may pass the bound by one buffer's
    // slack.
    account.bytes += buffer.length - bytes
    return buffer
  } catch (error) {
    account.give(bytes)
    return refusalOfLog(error)
  }
}

/** What the log's own refusals mean at a door. Rethrows everything else. */
export function refusalOfLog(error: unknown): Refusal {
  if (error instanceof ThalwegError && error.code === 'LOG_FULL') {
    return refusalForNow(
      'LOG_FULL',
      'The log cannot take more at the moment, nothing was kept: send again later',
    )
  }
  if (error instanceof ThalwegError && error.code === 'LOG_UNCONFIRMED') {
    return refusalForNow(
      'LOG_UNCONFIRMED',
      `${error.message}: send again later, events with an id count once`,
    )
  }
  if (error instanceof ThalwegError && error.code === 'LOG_STOPPED') return logStopped()
  if (error instanceof ThalwegError && error.code === 'INPUT_INVALID') {
    return refusal('BODY_OVERSIZED', `${error.message}. Send fewer events per request`)
  }
  throw error
}

export function logStopped(): Refusal {
  return refusalForNow(
    'LOG_STOPPED',
    'The log stopped after a failed write: the disk needs mending and the hub a restart; send again later',
  )
}

export function bodyOversized(bytesMax: number): Refusal {
  return refusal(
    'BODY_OVERSIZED',
    `The body may have at most ${bytesMax} bytes. Send fewer events per request; Braze splits the batch by itself on 413`,
    { bytesMax },
  )
}

function busy(): Refusal {
  return refusalForNow('DOORS_BUSY', 'Too many bytes are under way at the moment: send again later')
}

/** How a body ended: whole, refused, or its sender went away. */
export type Outcome = 'whole' | 'gone' | Refusal

/** Reads the body of `request` to `body`. Calls `done` exactly once, never before this call returned. */
export class Arrival {
  readonly #request: IncomingMessage
  readonly #body: BodyBuffer
  readonly #receivedMax: number
  readonly #deadlines: Deadlines
  readonly #done: (outcome: Outcome) => void
  readonly #gunzip: Gunzip | undefined
  /** Bytes from the socket. */
  #received = 0
  #over = false
  /** By the clock of the deadlines. */
  readonly lateAt: number

  /** `receivedMax` bounds the bytes as sent; the body's own bound is on what they become. */
  constructor(
    request: IncomingMessage,
    body: BodyBuffer,
    gzip: boolean,
    receivedMax: number,
    deadlines: Deadlines,
    done: (outcome: Outcome) => void,
  ) {
    this.#request = request
    this.#body = body
    this.#receivedMax = receivedMax
    this.#deadlines = deadlines
    this.#done = done
    this.#gunzip = gzip ? this.#startGunzip() : undefined
    this.lateAt = deadlines.add(this)
    request.on('end', this.#onEnd)
    request.on('close', this.#onClose)
    if (gzip) request.on('data', this.#onData)
    else this.#takeDirectly()
  }

  /**
   * Bytes come by `push`, with which node:http fills the request, and not by way of the stream, whose queue and events for each piece cost more than
   * what we do with it. The stream itself stays empty: it ends, closes and breaks as ever.
   */
  #takeDirectly(): void {
    const request = this.#request
    // What came while the request had to wait for us.
    if (request.readableLength > 0) this.#onData(request.read())
    request.push = (chunk: Buffer | null): boolean => {
      if (chunk === null || this.#over) return Readable.prototype.push.call(request, chunk)
      this.#onData(chunk)
      return true
    }
    request.resume()
  }

  late(): void {
    this.#end(
      refusal(
        'BODY_SLOW',
        `The body did not arrive within ${this.#deadlines.timeoutMs} ms: send it faster or in smaller pieces`,
        { timeoutMs: this.#deadlines.timeoutMs, receivedBytes: this.#received },
        ['connection', 'close'],
      ),
    )
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#over) return
    this.#received += chunk.length
    if (this.#received > this.#receivedMax) {
      this.#end(bodyOversized(this.#receivedMax))
      return
    }
    const gunzip = this.#gunzip
    if (gunzip === undefined) {
      const refused = this.#body.add(chunk)
      if (refused !== undefined) this.#end(refused)
    } else if (!gunzip.write(chunk)) {
      this.#request.pause()
    }
  }

  readonly #onEnd = (): void => {
    if (this.#gunzip === undefined) this.#end('whole')
    else if (!this.#over) this.#gunzip.end()
  }

  readonly #onClose = (): void => {
    // Also emitted after a complete request; then the decompressor may still be at work.
    if (!this.#request.complete) this.#end('gone')
  }

  #startGunzip(): Gunzip {
    const gunzip = createGunzip({ chunkSize: GUNZIP_CHUNK_BYTES })
    gunzip.on('data', (chunk: Buffer) => {
      if (this.#over) return
      const refused = this.#body.add(chunk) ?? ratioRefusal(this.#body.used, this.#received)
      if (refused !== undefined) this.#end(refused)
    })
    gunzip.on('drain', () => this.#request.resume())
    gunzip.on('end', () => this.#end('whole'))
    gunzip.on('error', (error) => {
      const message = `The body is not valid gzip (${error.message}): send it again, or without Content-Encoding`
      this.#end(refusal('BODY_ENCODING', message))
    })
    return gunzip
  }

  #end(outcome: Outcome): void {
    if (this.#over) return
    this.#over = true
    this.#deadlines.delete(this)
    if (outcome !== 'whole') {
      this.#request.off('data', this.#onData)
      this.#gunzip?.destroy()
    }
    this.#done(outcome)
  }
}

/** Takes the room of a decompressor on the account before there is one. */
export function countGunzip(body: BodyBuffer): Refusal | undefined {
  return body.count(GUNZIP_BYTES)
}

export function ratioRefusal(used: number, received: number): Refusal | undefined {
  if (used <= RATIO_FREE_BYTES || used <= received * RATIO_MAX) return undefined
  return refusal(
    'BODY_RATIO',
    `The body decompresses to more than ${RATIO_MAX} times its size: send fewer events per request, or without Content-Encoding`,
    { ratioMax: RATIO_MAX },
  )
}

/** How often late bodies are looked for, at most and at least. */
const SWEEP_MS_MAX = 1000
const SWEEP_MS_MIN = 20

/**
 * One timer for all bodies under way. They share one timeout, so the oldest is always the next to be late.
 */
export class Deadlines {
  readonly timeoutMs: number
  readonly #clock: Clock
  readonly #arrivals = new Set<Arrival>()
  #cancel: (() => void) | undefined

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock
    this.timeoutMs = timeoutMs
  }

  /** Returns when the arrival will be late. */
  add(arrival: Arrival): number {
    this.#arrivals.add(arrival)
    if (this.#cancel === undefined) this.#schedule()
    return this.#clock.now() + this.timeoutMs
  }

  delete(arrival: Arrival): void {
    this.#arrivals.delete(arrival)
  }

  close(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }

  #schedule(): void {
    const ms = Math.max(SWEEP_MS_MIN, Math.min(SWEEP_MS_MAX, this.timeoutMs / 4))
    this.#cancel = this.#clock.after(ms, () => this.#sweep())
  }

  #sweep(): void {
    this.#cancel = undefined
    const now = this.#clock.now()
    for (const arrival of this.#arrivals) {
      if (arrival.lateAt > now) break
      arrival.late()
    }
    if (this.#arrivals.size > 0) this.#schedule()
  }
}
