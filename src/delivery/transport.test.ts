import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { eventually } from '../../test/support/eventually.ts'
import type { WireRequest } from '../core/exchange.ts'
import { ANSWER_BYTES_MAX, HttpTransport, type TransportSettings } from './transport.ts'

const FOREVER = new AbortController().signal

async function serverWith(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function openTransport(settings: Partial<TransportSettings> = {}): HttpTransport {
  const transport = new HttpTransport(settings)
  onTestFinished(() => transport.close())
  return transport
}

function post(url: string, body: WireRequest['body']): WireRequest {
  return {
    method: 'POST',
    url,
    headers: { 'x-a': 'b' },
    ...(body === undefined ? {} : { body }),
    secrets: [],
  }
}

describe('an answer', () => {
  test('is given as it came, to the request as it was described', async () => {
    const seen: string[] = []
    const url = await serverWith(async (request, response) => {
      let body = ''
      for await (const piece of request) body += String(piece)
      seen.push(`${request.method} ${request.url} ${request.headers['x-a']} ${body}`)
      response.writeHead(418, { 'x-many': ['1', '2'] }).end('short')
    })
    const transport = openTransport()
    const bodies = [Buffer.from('one'), [Buffer.from('t'), Buffer.from('wo')], undefined]
    for (const body of bodies) {
      const answer = await transport.send(post(`${url}/in?q=1`, body), FOREVER)
      expect(answer).toMatchObject({ status: 418, headers: { 'x-many': '1, 2' }, body: Buffer.from('short') })
    }
    expect(seen).toEqual(['POST /in?q=1 b one', 'POST /in?q=1 b two', 'POST /in?q=1 b '])
  })

  test.each([
    { what: 'is cut at its bound', bytes: ANSWER_BYTES_MAX + 1_000_000, cut: true },
    { what: 'without end is given up', bytes: 5 * ANSWER_BYTES_MAX, cut: false },
  ])('$what', async ({ bytes, cut }) => {
    const url = await serverWith((_request, response) => response.end(Buffer.alloc(bytes, 120)))
    const answer = await openTransport().send(post(url, undefined), FOREVER)
    if (cut) expect('body' in answer && answer.body.length).toBe(ANSWER_BYTES_MAX)
    else
      expect(answer).toMatchObject({
        noAnswer: { kind: 'unreachable', message: expect.stringContaining('longer') },
      })
  })
})

test("a vendor's address is looked up again after a while; what is under way is answered all the same", async () => {
  const sockets = new Set<unknown>()
  const held: (() => void)[] = []
  const url = await serverWith((request, response) => {
    sockets.add(request.socket)
    if (request.url === '/slow') held.push(() => response.end('late'))
    else response.end('ok')
  })
  const transport = openTransport({ addressLifeMs: 30 })
  const slow = transport.send(post(`${url}/slow`, undefined), FOREVER)
  await eventually('the first request', () => held.length === 1)
  await eventually('another socket', async () => {
    const answer = await transport.send(post(url, undefined), FOREVER)
    expect(answer).toMatchObject({ status: 200 })
    return sockets.size >= 4
  })
  for (const answer of held) answer()
  expect(await slow).toMatchObject({ status: 200, body: Buffer.from('late') })
})

describe('no answer', () => {
  test.each<[string, (url: string) => Promise<string> | string, RegExp]>([
    ['nothing listens', () => 'http://127.0.0.1:1', /nothing listens there \(ECONNREFUSED\)/],
    [
      'the connection is cut',
      () => serverWith((request) => request.socket.destroy()),
      /the connection was cut/,
    ],
    ['the answer takes too long', () => serverWith(() => undefined), /took too long/],
    [
      'the answer stops halfway',
      () =>
        serverWith(
          (_request, response) => void response.writeHead(200, { 'content-length': '10' }).write('x'),
        ),
      /stopped halfway/,
    ],
  ])('when %s is unreachable', async (_, target, message) => {
    const transport = openTransport({ answerTimeoutMs: 200 })
    const answer = await transport.send(post(await target(''), Buffer.from('x')), FOREVER)
    expect(answer).toMatchObject({
      noAnswer: { kind: 'unreachable', message: expect.stringMatching(message) },
    })
  })

  test('tells neither the path nor what was sent', async () => {
    const answer = await openTransport().send(
      post('http://127.0.0.1:1/in?key=hush', Buffer.from('hush')),
      FOREVER,
    )
    expect(JSON.stringify(answer)).not.toContain('hush')
  })
})

describe('a stop', () => {
  test.each(['while the vendor thinks', 'before a socket is free', 'before it began'])(
    '%s ends at once',
    async (when) => {
      const url = await serverWith(() => undefined)
      const transport = openTransport({ connectionsMax: 1 })
      const first = new AbortController()
      const stopping = new AbortController()
      const firstSent = transport.send(post(url, undefined), first.signal)
      if (when === 'while the vendor thinks') first.abort()
      if (when === 'before it began') stopping.abort()
      const sent = transport.send(post(url, undefined), stopping.signal)
      const begun = performance.now()
      setTimeout(() => stopping.abort(), 50)
      expect(await sent).toMatchObject({ noAnswer: { message: expect.stringContaining('stopped by us') } })
      expect(performance.now() - begun).toBeLessThan(5_000)
      first.abort()
      await firstSent
    },
  )
})
