/** A wire between a client and a server that a test cuts and mends: what is sent while it is cut goes nowhere, and nobody is told. */

import type { AddressInfo } from 'node:net'
import { connect as connectTo, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

export interface Wire {
  readonly port: number
  /** Bytes that are under way stay there; new connections are taken and get no answer. */
  cut(): void
  /** What was cut comes through; connections whose other side gave up meanwhile end. */
  mend(): void
  close(): Promise<void>
}

/** `target`: a port of this machine, or the path of a Unix socket. Closed when the test has finished. */
export async function startWire(target: number | string): Promise<Wire> {
  const pairs = new Set<readonly [Socket, Socket]>()
  let isCut = false
  const server = createServer((client) => {
    const upstream = typeof target === 'number' ? connectTo(target, '127.0.0.1') : connectTo(target)
    const pair = [client, upstream] as const
    pairs.add(pair)
    for (const [from, to] of [pair, [upstream, client] as const]) {
      from.on('data', (bytes) => {
        to.write(bytes)
      })
      from.on('error', () => undefined)
      from.on('close', () => {
        to.destroy()
        pairs.delete(pair)
      })
      if (isCut) from.pause()
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const setCut = (cut: boolean): void => {
    isCut = cut
    for (const pair of pairs)
      for (const socket of pair) {
        if (cut) socket.pause()
        else socket.resume()
      }
  }
  const wire: Wire = {
    port: (server.address() as AddressInfo).port,
    cut: () => setCut(true),
    mend: () => setCut(false),
    close: async () => {
      for (const pair of pairs) for (const socket of pair) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  onTestFinished(() => wire.close())
  return wire
}
