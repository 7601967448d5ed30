/** One transport for all: a request whose scheme has a vendor of its own in this program is answered there, any other goes out over HTTP. */

import type { WireReply, WireRequest } from '../core/exchange.ts'
import type { MayStart, NoAnswer, Transport } from './transport.ts'

/** Answers within this program, or speaks another protocol than HTTP. Never rejects; the request's body is its own until then. */
export type InnerVendor = (request: WireRequest, signal: AbortSignal) => Promise<WireReply | NoAnswer>

export class TransportByScheme implements Transport {
  readonly #outer: Transport
  readonly #inner: ReadonlyMap<string, InnerVendor>

  /** `inner`: by scheme with its colon. */
  constructor(outer: Transport, inner: ReadonlyMap<string, InnerVendor>) {
    this.#outer = outer
    this.#inner = inner
  }

  send(request: WireRequest, signal: AbortSignal, mayStart?: MayStart): Promise<WireReply | NoAnswer> {
    const inner = this.#inner.get(request.url.slice(0, request.url.indexOf(':') + 1))
    return inner === undefined
      ? this.#outer.send(request, signal, mayStart)
      : untilAborted(inner(request, signal), signal)
  }

  close(): Promise<void> {
    return this.#outer.close()
  }
}

/** A transport that is made with its first request, and its library read: most hubs need few of them, and none needs one to start. */
export function lateTransport(make: () => Promise<Transport>): Transport {
  let made: Promise<Transport> | undefined
  return {
    send: async (request, signal, mayStart) => {
      made ??= make()
      return (await made).send(request, signal, mayStart)
    },
    close: async () => (await made)?.close(),
  }
}

function untilAborted(
  answer: Promise<WireReply | NoAnswer>,
  signal: AbortSignal,
): Promise<WireReply | NoAnswer> {
  return new Promise((resolve) => {
    const stop = (): void =>
      resolve({ noAnswer: { kind: 'unreachable', message: 'No answer yet: stopped by us' } })
    if (signal.aborted) return stop()
    signal.addEventListener('abort', stop, { once: true })
    void answer.then((reply) => {
      signal.removeEventListener('abort', stop)
      resolve(reply)
    })
  })
}
