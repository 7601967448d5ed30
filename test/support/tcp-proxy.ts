/** A way to a server on which the answers can be lost. */

import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

export interface TcpProxy {
  readonly port: number
  /** From now on what is sent arrives, and what is answered does not. */
  loseAnswers(): void
  /** Breaks all connections; new ones are whole again. */
  mend(): void
}

/** Closed when the test has finished. */
export async function startTcpProxy(target: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>()
  let loses = false
  const server = createServer((client) => {
    const onward = connect(target, '127.0.0.1')
    client.pipe(onward)
    onward.on('data', (bytes) => {
      if (!loses) client.write(bytes)
    })
    for (const [one, other] of [
      [client, onward],
      [onward, client],
    ] as const) {
      sockets.add(one)
      one.on('error', () => undefined)
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
    }
  })
  const breakAll = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    breakAll()
    await new Promise((resolve) => server.close(resolve))
  })
  return {
    port: (server.address() as AddressInfo).port,
    loseAnswers: () => {
      loses = true
    },
    mend: () => {
      loses = false
      breakAll()
    },
  }
}
