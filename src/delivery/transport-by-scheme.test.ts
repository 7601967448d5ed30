import { expect, test } from 'vitest'
import type { WireReply, WireRequest } from '../core/exchange.ts'
import type { Transport } from './transport.ts'
import { TransportByScheme } from './transport-by-scheme.ts'

const reply = (status: number): WireReply => ({ status, headers: {}, body: new Uint8Array() })
const request = (url: string): WireRequest => ({ method: 'POST', url, headers: {}, secrets: [] })
const outer: Transport = { send: async () => reply(201), close: async () => undefined }

test.each([
  ['inner://place/x', 202],
  ['http://vendor.test', 201],
  ['https://vendor.test/inner:', 201],
])('%s is answered with %i', async (url, status) => {
  const transport = new TransportByScheme(outer, new Map([['inner:', async () => reply(202)]]))
  expect(await transport.send(request(url), new AbortController().signal)).toMatchObject({ status })
})

test('a stop does not wait for an answer from inside', async () => {
  const forever = new Promise<WireReply>(() => undefined)
  const transport = new TransportByScheme(outer, new Map([['inner:', () => forever]]))
  const stop = new AbortController()
  const answer = transport.send(request('inner://place'), stop.signal)
  stop.abort()
  expect(await answer).toEqual({ noAnswer: { kind: 'unreachable', message: 'No answer yet: stopped by us' } })
  expect(await transport.send(request('inner://place'), stop.signal)).toHaveProperty('noAnswer')
})
