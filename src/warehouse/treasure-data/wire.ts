/**
 * Requests to Treasure Data's REST API v3, with its official Java client's patience: up to 7 tries, 0.5 s doubling to
 * 60 s with jitter, for 429, 5xx and no answer; Retry-After is honoured unless it is absurd; other answers are final.
 * Every request made here may be repeated. The key travels in a header and appears in no message.
 */

import { type Dispatcher, Pool } from 'undici'
import type { Clock } from '../../core/clock.ts'
import { ThalwegError } from '../../core/errors.ts'
import type { Random } from '../../core/random.ts'

export interface Request {
  readonly method: 'GET' | 'POST'
  /** Below the base address, with its query string. */
  readonly path: string
  /** Sent as a form. */
  readonly form?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  /** Answers beside 2xx that the caller wants to read; any other is an error. */
  readonly alsoWanted?: readonly number[]
}

export interface Reply {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

export interface Means {
  readonly clock: Clock
  readonly random: Random
}

export const TRIES_MAX = 7
const WAIT_FIRST_MS = 500
const WAIT_MAX_MS = 60_000
/** A vendor that wants more than this is down, not busy. */
const RETRY_AFTER_MAX_MS = 600_000
/** Of an answer that is not a result: job/show repeats the query, which may have 2 MB. */
const ANSWER_BYTES_MAX = 16_777_216
const CONNECTIONS_MAX = 8
const TIMEOUTS = { connect: { timeout: 10_000 }, headersTimeout: 60_000, bodyTimeout: 60_000 }

export class Wire {
  readonly #pool: Pool
  readonly #base: URL
  readonly #key: string
  readonly #means: Means

  /** `base` without a trailing slash. */
  constructor(base: string, key: string, means: Means) {
    this.#base = new URL(base)
    this.#key = key
    this.#means = means
    this.#pool = new Pool(this.#base.origin, { connections: CONNECTIONS_MAX, pipelining: 1, ...TIMEOUTS })
  }

  close(): Promise<void> {
    return this.#pool.destroy()
  }

  /** A small JSON answer. Throws ENGINE_UNREACHABLE after the last try, QUERY_FAILED for a refusal, the signal's reason when it is aborted. */
  ask(request: Request, signal: AbortSignal): Promise<Reply> {
    return this.#untilAnswered(request, signal, async (response) => ({
      status: response.statusCode,
      body: jsonObject(await wholeText(response)),
    }))
  }

  /** An answer whose body the caller reads or destroys. Throws as `ask` does. */
  open(request: Request, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    return this.#untilAnswered(request, signal, async (response) => response)
  }

  async #untilAnswered<T>(
    request: Request,
    signal: AbortSignal,
    read: (response: Dispatcher.ResponseData) => Promise<T>,
  ): Promise<T> {
    for (let tried = 1; ; tried++) {
      const tryOut = await this.#try(request, signal, read)
      if ('answer' in tryOut) return tryOut.answer
      if (tried >= TRIES_MAX || tryOut.isFinal) throw tryOut.error
      await this.pause(tried, tryOut.retryAfterMs, signal)
    }
  }

  /** Waits before the next try; throws the signal's reason when it is aborted meanwhile. */
  async pause(tried: number, retryAfterMs: number, signal: AbortSignal): Promise<void> {
    const backoffMs =
      Math.min(WAIT_MAX_MS, WAIT_FIRST_MS * 2 ** (tried - 1)) * (0.75 + this.#means.random() / 2)
    await this.#means.clock.sleep(Math.max(backoffMs, retryAfterMs), signal)
    signal.throwIfAborted()
  }

  async #try<T>(
    request: Request,
    signal: AbortSignal,
    read: (response: Dispatcher.ResponseData) => Promise<T>,
  ): Promise<{ answer: T } | Failure> {
    try {
      const response = await this.#pool.request(this.#options(request, signal))
      const { statusCode } = response
      if ((statusCode >= 200 && statusCode < 300) || request.alsoWanted?.includes(statusCode))
        return { answer: await read(response) }
      return this.#failure(response, await wholeText(response))
    } catch (error) {
      signal.throwIfAborted()
      return { error: this.unreachable(error), isFinal: false, retryAfterMs: 0 }
    }
  }

  #options(request: Request, signal: AbortSignal) {
    return {
      method: request.method,
      path: `${this.#base.pathname.replace(/\/+$/, '')}${request.path}`,
      headers: {
        authorization: `TD1 ${this.#key}`,
        'user-agent': 'thalweg',
        ...(request.form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
        ...request.headers,
      },
      body: request.form === undefined ? null : new URLSearchParams(request.form).toString(),
      signal,
    }
  }

  #failure(response: Dispatcher.ResponseData, text: string): Failure {
    const { statusCode } = response
    const said = messageOf(text)
    if (statusCode !== 429 && statusCode < 500) {
      const hint = HINTS[statusCode]
      const message = `Treasure Data refuses (${statusCode}): ${said}${hint === undefined ? '' : ` (${hint})`}`
      return { error: new ThalwegError('QUERY_FAILED', message), isFinal: true, retryAfterMs: 0 }
    }
    const retryAfterMs = this.#retryAfterMs(response.headers['retry-after'])
    return {
      error: new ThalwegError(
        'ENGINE_UNREACHABLE',
        `Treasure Data at ${this.#base.origin} answers ${statusCode}: ${said}`,
      ),
      isFinal: retryAfterMs > RETRY_AFTER_MAX_MS,
      retryAfterMs,
    }
  }

  /** Seconds or an HTTP date. */
  #retryAfterMs(header: string | string[] | undefined): number {
    const text = Array.isArray(header) ? header[0] : header
    if (text === undefined) return 0
    const ms = /^\d+$/.test(text.trim()) ? Number(text) * 1000 : Date.parse(text) - this.#means.clock.now()
    return Number.isFinite(ms) ? Math.max(0, ms) : 0
  }

  unreachable(error: unknown): ThalwegError {
    const { code, message } = error as { code?: unknown; message?: unknown }
    const why = [message, code].filter((part) => typeof part === 'string' && part !== '').join(', ')
    return new ThalwegError(
      'ENGINE_UNREACHABLE',
      `Treasure Data at ${this.#base.origin} does not answer: ${why}`,
      {
        cause: error,
      },
    )
  }
}

interface Failure {
  readonly error: ThalwegError
  readonly isFinal: boolean
  readonly retryAfterMs: number
}

const WRONG_KEY = 'is the API key right, not write-only, and of this site?'
const HINTS: Readonly<Record<number, string>> = { 401: WRONG_KEY, 403: WRONG_KEY, 404: 'is it on this site?' }
const MESSAGE_CHARS_MAX = 1000

async function wholeText(response: Dispatcher.ResponseData): Promise<string> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of response.body as AsyncIterable<Buffer>) {
    bytes += piece.length
    if (bytes > ANSWER_BYTES_MAX) throw new Error(`the answer is longer than ${ANSWER_BYTES_MAX} bytes`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString()
}

/** An answer is JSON with any of these fields (TD OpenAPI, errors). */
function messageOf(text: string): string {
  const { message, error } = jsonObject(text)
  const said = [message, error, text].find((part) => typeof part === 'string' && part !== '')
  return String(said ?? 'without a word').slice(0, MESSAGE_CHARS_MAX)
}

function jsonObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    // A proxy's page, or a cut answer: its fields are missing, and who needs one says so.
    return {}
  }
}
