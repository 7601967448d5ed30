/** A real receiver of webhooks on a free port of this machine. */

import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

export interface ReceivedCall {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface WebhookReceiver {
  readonly url: string
  readonly calls: ReceivedCall[]
  /** What is answered next. Set as one likes. */
  answer: { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string }
}

/** Closed when the test has finished. */
export async function startReceiver(): Promise<WebhookReceiver> {
  const state: Omit<WebhookReceiver, 'url'> = { calls: [], answer: { status: 200, body: 'thanks' } }
  const server = createServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => {
      state.calls.push({
        path: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(pieces).toString(),
      })
      response.writeHead(state.answer.status, state.answer.headers).end(state.answer.body)
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  onTestFinished(() => {
    server.closeAllConnections()
    return new Promise<void>((resolve) => server.close(() => resolve()))
  })
  return Object.assign(state, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/alerts` })
}
