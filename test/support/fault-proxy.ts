/** A proxy in front of a server that answers some requests itself, or breaks the connection, as a test says. */

import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

/**
 * - pass: what the server answers
 * - a status: that answer, and the server never hears of the request
 * - cut: the connection breaks before the server hears of it
 * - lose: the server takes the request, and its answer is lost
 */
export type Fault = 'pass' | 'cut' | 'lose' | { readonly status: number; readonly retryAfterS?: number }

export interface FaultProxy {
  readonly url: string
  /** How many requests met each fault; statuses by number. */
  readonly met: ReadonlyMap<string, number>
}

/** `faultOf` is asked once per request, numbered from 1. Closed when the test is over. */
export async function startFaultProxy(
  target: string,
  faultOf: (number: number) => Fault,
): Promise<FaultProxy> {
  const met = new Map<string, number>()
  let number = 0
  const server = createServer((incoming, outgoing) => {
    const fault = faultOf(++number)
    const name = typeof fault === 'string' ? fault : String(fault.status)
    met.set(name, (met.get(name) ?? 0) + 1)
    if (fault === 'cut') incoming.socket.destroy()
    else if (typeof fault === 'string') forward(target, incoming, outgoing, fault === 'lose')
    else answer(incoming, outgoing, fault)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, met }
}

function answer(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { status, retryAfterS }: Exclude<Fault, string>,
): void {
  incoming.resume()
  incoming.on('end', () => {
    outgoing.writeHead(status, retryAfterS === undefined ? {} : { 'retry-after': String(retryAfterS) })
    outgoing.end()
  })
}

function forward(target: string, incoming: IncomingMessage, outgoing: ServerResponse, loses: boolean): void {
  const { method, url, headers } = incoming
  const onward = request(`${target}${url}`, { method, headers }, (reply) => {
    if (loses) {
      reply.resume()
      reply.on('end', () => incoming.socket.destroy())
      return
    }
    outgoing.writeHead(reply.statusCode ?? 502, reply.headers)
    reply.pipe(outgoing)
  })
  onward.on('error', () => outgoing.destroy())
  incoming.pipe(onward)
}
