import { createServer, type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { eventually } from '../../test/support/eventually.ts'
import { event, httpSink, SOURCE } from '../../test/support/stack.ts'
import { type ApiStack, startApi } from './api.fixture.ts'
import { BACKLOG_BYTES_MAX, CLIENTS_MAX } from './live.ts'

interface Stream {
  readonly response: IncomingMessage
  text: string
  events(name: string): { id: string; data: Record<string, never> }[]
}

async function listening(stack: ApiStack): Promise<string> {
  const server = createServer((q, s) => stack.api.handle(q, s))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function open(url: string, stack: ApiStack, headers: Record<string, string> = {}): Promise<Stream> {
  return new Promise((resolve, reject) => {
    const asked = request(
      `${url}/api/v1/live`,
      { agent: false, headers: { authorization: `Bearer ${stack.secrets.viewer}`, ...headers } },
      (response) => {
        const stream: Stream = { response, text: '', events: (name) => eventsOf(stream.text, name) }
        response.setEncoding('utf8')
        response.on('error', () => undefined) // cut at the end of the test
        response.on('data', (piece: string) => {
          stream.text += piece
        })
        resolve(stream)
      },
    )
    asked.on('error', reject)
    onTestFinished(() => void asked.destroy())
    asked.end()
  })
}

function eventsOf(text: string, name: string) {
  return text
    .split('\n\n')
    .map((block) => /^id: (\d+)\nevent: (\w+)\ndata: (.*)$/.exec(block))
    .filter((match) => match?.[2] === name)
    .map((match) => ({ id: match?.[1] ?? '', data: JSON.parse(match?.[3] ?? '{}') }))
}

test('a stream tells the numbers each second, and alerts as they come', async () => {
  const stack = await startApi()
  await stack.launch('hook', httpSink(stack.sandbox))
  const url = await listening(stack)
  const stream = await open(url, stack)
  expect(stream.response.headers['content-type']).toContain('text/event-stream')
  await stack.post([event('e1')])
  await eventually('a status tells of the delivery', () =>
    stream.events('status').some(({ data }) => {
      const status = data as unknown as { currents: { name: string; delivered: number; pending: number }[] }
      const [hook] = status.currents
      return hook?.name === 'hook' && hook.delivered === 1 && hook.pending === 0
    }),
  )
  expect(stream.events('status')[0]?.data).toMatchObject({
    log: { state: 'open' },
    sources: [{ name: SOURCE }],
  })
  stack.sandbox.http.faults.set([{ kind: 'status', status: 401 }])
  await stack.post([event('e2')])
  await eventually('the alert comes', () => stream.events('alert').length > 0)
  expect(stream.events('alert')[0]?.data).toMatchObject({ kind: 'halted', resolvedAt: null })

  const again = await open(url, stack, { 'last-event-id': stream.events('status')[0]?.id ?? '' })
  await eventually('the alert is told again to who was away', () => again.events('alert').length > 0)
  const fresh = await open(url, stack)
  await eventually('a new client gets a status', () => fresh.events('status').length > 0)
  expect(fresh.events('alert')).toEqual([])
})

test('streams are limited, and end with the API', async () => {
  const stack = await startApi()
  const url = await listening(stack)
  const streams = []
  for (let i = 0; i < CLIENTS_MAX; i++) streams.push(await open(url, stack))
  const refused = await open(url, stack)
  expect(refused.response.statusCode).toBe(503)
  await eventually('the refusal is there', () => refused.text.includes('LIVE_FULL'))
  const ended = streams.map(
    ({ response }) => new Promise<void>((resolve) => response.once('close', () => resolve())),
  )
  await stack.api.close()
  await Promise.all(ended)
})

test('a client that does not read is cut off', async () => {
  const stack = await startApi()
  let backlog = 0
  let cut = false
  const server = createServer((q, s) => {
    // What a socket whose other end has stopped reading looks like from here.
    Object.defineProperty(s, 'writableLength', { get: () => backlog })
    s.once('close', () => {
      cut = true
    })
    stack.api.handle(q, s)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const stream = await open(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, stack)
  await eventually('it is served', () => stream.events('status').length > 0)
  expect(cut).toBe(false)
  backlog = BACKLOG_BYTES_MAX + 1
  await eventually('it is cut off', () => cut)
})

test('a stream ends soon after the session that opened it', async () => {
  const stack = await startApi()
  const somebody = await stack.somebody('viewer')
  const url = await listening(stack)
  const stream = await open(url, stack, { authorization: '', cookie: somebody.cookie })
  await eventually('it is served', () => stream.events('status').length > 0)
  const ended = new Promise<void>((resolve) => stream.response.once('end', () => resolve()))
  await stack.access.people.change(somebody.id, { disabled: true })
  await ended
})
