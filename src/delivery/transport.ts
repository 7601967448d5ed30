/**
 * The only place that opens a connection to a vendor. Takes a request as described by a destination, gives back the answer, or a
 * fault when there was none. Knows nothing of records, retries or what an answer means.
 */

import type { IncomingHttpHeaders } from 'node:http'
import { type Dispatcher, Pool } from 'undici'
import { offAbort, onAbort } from '../core/aborts.ts'
import type { WireReply, WireRequest } from '../core/exchange.ts'
import type { Fault } from '../core/fault.ts'
import { SendBuffers } from './send-buffers.ts'

export interface Transport {
  /**
   * Never rejects. Answers are cut at ANSWER_BYTES_MAX. `mayStart` is asked again right before the request is written to its socket, for
   * which it may have waited.
   */
  send(request: WireRequest, signal: AbortSignal, mayStart?: MayStart): Promise<WireReply | NoAnswer>
  close(): Promise<void>
}

export type MayStart = () => boolean

export interface NoAnswer {
  readonly noAnswer: Fault
}

export interface TransportSettings {
  readonly connectTimeoutMs: number
  readonly answerTimeoutMs: number
  /** Sockets to one vendor address. */
  readonly connectionsMax: number
  /** After this long, a vendor's address is looked up anew. */
  readonly addressLifeMs: number
}

export const TRANSPORT_DEFAULTS: TransportSettings = {
  connectTimeoutMs: 10_000,
  answerTimeoutMs: 60_000,
  connectionsMax: 64,
  // Vendors move their addresses; Segment asks senders to look them up again at least daily.
  addressLifeMs: 3_600_000,
}

export const ANSWER_BYTES_MAX = 4_194_304
const DRAINED_BYTES_MAX = 4 * ANSWER_BYTES_MAX
/** Addresses come from settings only, so this bounds mistakes, not attacks. */
const ORIGINS_MAX = 256

interface Address {
  readonly origin: string
  /** With the query string. */
  readonly path: string
  /** Its own: a socket may still be reading from a buffer that was given back, and must then not find another vendor's events there. */
  readonly buffers: SendBuffers
}

export class HttpTransport implements Transport {
  readonly #settings: TransportSettings
  readonly #pools = new Map<string, Pool>()
  readonly #addresses = new Map<string, Address>()

  constructor(settings: Partial<TransportSettings> = {}) {
    this.#settings = { ...TRANSPORT_DEFAULTS, ...settings }
  }

  send(request: WireRequest, signal: AbortSignal, mayStart?: MayStart): Promise<WireReply | NoAnswer> {
    const { origin, path, buffers } = this.#address(request.url)
    return new Promise((resolve) => {
      const joined = Array.isArray(request.body) ? buffers.join(request.body) : undefined
      const options = {
        method: request.method,
        path,
        headers: request.headers,
        body: joined ?? (request.body as Uint8Array | undefined) ?? null,
      }
      const conversation = new Conversation(origin, signal, mayStart, (answer) => {
        // An acceptance ends the sending: what a vendor may have left unread it no longer wants, whatever the bytes say.
        if (joined !== undefined && 'status' in answer && answer.status >= 200 && answer.status < 300)
          buffers.give(joined)
        resolve(answer)
      })
      if (signal.aborted) return conversation.fail(new Error('stopped by us'))
      try {
        this.#pool(origin).dispatch(options, conversation)
      } catch (error) {
        conversation.fail(error)
      }
    })
  }

  async close(): Promise<void> {
    const pools = [...this.#pools.values()]
    this.#pools.clear()
    await Promise.all(pools.map((pool) => pool.destroy()))
  }

  /** Requests of a connection go to the same address again and again. */
  #address(url: string): Address {
    let address = this.#addresses.get(url)
    if (address === undefined) {
      const { origin, pathname, search } = new URL(url)
      address = { origin, path: pathname + search, buffers: new SendBuffers() }
      if (this.#addresses.size >= ORIGINS_MAX) this.#addresses.clear()
      this.#addresses.set(url, address)
    }
    return address
  }

  #pool(origin: string): Pool {
    return this.#pools.get(origin) ?? this.#open(origin)
  }

  #open(origin: string): Pool {
    this.#forgetOldest()
    const { connectionsMax, connectTimeoutMs, answerTimeoutMs, addressLifeMs } = this.#settings
    const pool = new Pool(origin, {
      connections: connectionsMax,
      pipelining: 1,
      connect: { timeout: connectTimeoutMs },
      headersTimeout: answerTimeoutMs,
      bodyTimeout: answerTimeoutMs,
    })
    this.#pools.set(origin, pool)
    // Not undici's clientTtl, which asks the age of socket after socket for every request.
    setTimeout(() => this.#retire(origin, pool), addressLifeMs).unref()
    return pool
  }

  #forgetOldest(): void {
    if (this.#pools.size < ORIGINS_MAX) return
    const [oldest] = this.#pools
    if (oldest !== undefined) this.#retire(oldest[0], oldest[1])
  }

  /** The next request to this origin connects anew. Requests under way finish. */
  #retire(origin: string, pool: Pool): void {
    if (this.#pools.get(origin) !== pool) return
    this.#pools.delete(origin)
    // A pool that is closing takes no new ones.
    pool.close().catch(() => pool.destroy())
  }
}

/**
 * Gathers one answer. The bare handler of undici instead of its promise interface: no stream and no iterator per answer, which halves what a
 * request costs us.
 */
class Conversation implements Dispatcher.DispatchHandler {
  readonly #origin: string
  readonly #signal: AbortSignal
  readonly #mayStart: MayStart | undefined
  readonly #resolve: (answer: WireReply | NoAnswer) => void
  #status = 0
  #headers: Record<string, string> = {}
  #pieces: Uint8Array[] = []
  #bytes = 0
  #controller: Dispatcher.DispatchController | undefined

  constructor(
    origin: string,
    signal: AbortSignal,
    mayStart: MayStart | undefined,
    resolve: (answer: WireReply | NoAnswer) => void,
  ) {
    this.#origin = origin
    this.#signal = signal
    this.#mayStart = mayStart
    this.#resolve = resolve
    // From the beginning: a request that still waits for a socket must not hold up a stop.
    if (!signal.aborted) onAbort(signal, this.#stop)
  }

  readonly #stop = (): void => {
    const stopped = new Error('stopped by us')
    this.#controller?.abort(stopped)
    this.fail(stopped)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#signal.aborted || this.#mayStart?.() === false) controller.abort(new Error('stopped by us'))
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    this.#status = status
    this.#headers = headersOf(headers)
  }

  onResponseData(controller: Dispatcher.DispatchController, piece: Buffer): void {
    // Read on past the bound: the connection is only reusable when the answer was drained.
    if (this.#bytes < ANSWER_BYTES_MAX) this.#pieces.push(piece.subarray(0, ANSWER_BYTES_MAX - this.#bytes))
    this.#bytes += piece.length
    if (this.#bytes > DRAINED_BYTES_MAX)
      controller.abort(new Error(`the answer is longer than ${DRAINED_BYTES_MAX} bytes`))
  }

  onResponseEnd(): void {
    const [only] = this.#pieces
    const body = this.#pieces.length === 1 && only !== undefined ? only : Buffer.concat(this.#pieces)
    this.#end({ status: this.#status, headers: this.#headers, body })
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.fail(error)
  }

  fail(error: unknown): void {
    this.#end({
      noAnswer: { kind: 'unreachable', message: `No answer from ${this.#origin}: ${reasonOf(error)}` },
    })
  }

  #end(answer: WireReply | NoAnswer): void {
    offAbort(this.#signal, this.#stop)
    this.#resolve(answer)
  }
}

function headersOf(headers: IncomingHttpHeaders): Record<string, string> {
  const flat: Record<string, string> = {}
  for (const name in headers) {
    const value = headers[name]
    if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return flat
}

/** The words for a person: system code and meaning, without addresses or credentials of the request. */
function reasonOf(error: unknown): string {
  const code = (error as { code?: unknown })?.code
  const known = typeof code === 'string' ? REASONS[code] : undefined
  if (known !== undefined) return `${known} (${String(code)})`
  return error instanceof Error ? error.message : String(error)
}

const REASONS: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was cut',
  ENOTFOUND: 'the host name is not known; check the URL',
  EAI_AGAIN: 'the name server does not answer',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ETIMEDOUT: 'the connection timed out',
  EPIPE: 'the connection was cut while sending',
  UND_ERR_CONNECT_TIMEOUT: 'connecting took too long',
  UND_ERR_HEADERS_TIMEOUT: 'the answer took too long',
  UND_ERR_BODY_TIMEOUT: 'the answer stopped halfway',
  UND_ERR_SOCKET: 'the connection was cut',
  UND_ERR_ABORTED: 'stopped by us',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
}
