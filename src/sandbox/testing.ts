/** What the tests of this room share: requests over a real socket, and a level to wait for. */

import { type Dispatcher, request } from 'undici'

export interface Asked {
  readonly method?: Dispatcher.HttpMethod
  readonly headers?: Record<string, string>
  /** A value is sent as JSON; text and bytes as they are. */
  readonly body?: unknown
}

export interface Told {
  readonly status: number
  readonly headers: Record<string, string | string[] | undefined>
  readonly text: string
  /** The parsed answer; undefined when it is no JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests read answers of many shapes
  readonly json: any
}

export async function ask(url: string, asked: Asked = {}): Promise<Told> {
  const { body } = asked
  const answer = await request(url, {
    method: asked.method ?? (body === undefined ? 'GET' : 'POST'),
    headers: { 'content-type': 'application/json', ...asked.headers },
    ...(body === undefined ? {} : { body: wire(body) }),
  })
  const text = await answer.body.text()
  return { status: answer.statusCode, headers: answer.headers, text, json: jsonOf(text) }
}

function wire(body: unknown): string | Buffer {
  return typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body)
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Waits until `reached` is true, at most 5 seconds of real time. */
export async function until(reached: () => boolean, what: string): Promise<void> {
  const giveUpAt = performance.now() + 5000
  while (!reached()) {
    if (performance.now() > giveUpAt) throw new Error(`not reached within 5 s: ${what}`)
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
}
