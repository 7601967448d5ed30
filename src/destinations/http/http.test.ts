import { describe, expect, it } from 'vitest'
import type { Exchange } from '../../core/exchange.ts'
import type { Receipt } from '../../core/receipt.ts'
import { batchOf, OPEN_EVENT, outcomes, rehearse, reply } from '../rehearsal.fixture.ts'
import { http } from './http.ts'
import { HttpCredentials, HttpSettings } from './settings.ts'

function write(
  settings: object,
  credentials: object,
  events: readonly (object | string)[],
): Exchange<readonly Receipt[]> {
  const target = { settings: HttpSettings.parse(settings), credentials: HttpCredentials.parse(credentials) }
  const intake = http.events
  if (intake === undefined) throw new Error('no intake')
  return intake.writer(target, {} as never, new Map()).write(batchOf(events))
}

const URL_WITH_QUERY = 'https://receiver.example/in?connector=2'

describe('http', () => {
  it('sends what Braze would send', () => {
    const { requests, result } = rehearse(
      write({ url: URL_WITH_QUERY, headers: { 'X-Team': 'growth' } }, { token: 'tok_1' }, [
        OPEN_EVENT,
        { a: 1 },
      ]),
      [reply(204)],
    )
    expect(requests).toEqual([
      {
        method: 'POST',
        url: URL_WITH_QUERY,
        headers: {
          'content-type': 'application/json',
          'braze-currents-version': '1',
          authorization: 'Bearer tok_1',
          'x-team': 'growth',
        },
        body: `{"events":[${JSON.stringify(OPEN_EVENT)},{"a":1}]}`,
        secrets: ['tok_1'],
      },
    ])
    expect(outcomes(result)).toEqual(['delivered', 'delivered'])
  })

  it('leaves the bytes alone', () => {
    const text = '{ "id" : "a", "n": 1e400, "d": 1, "d": 2, "u": "\\u00e9" }'
    const { requests } = rehearse(write({ url: URL_WITH_QUERY }, {}, [text, '{"b" :2}']), [reply(200)])
    expect(requests[0]?.body).toBe(`{"events":[${text},{"b" :2}]}`)
  })

  it('sends no token when there is none', () => {
    const { requests } = rehearse(write({ url: URL_WITH_QUERY }, {}, [OPEN_EVENT]), [reply(200)])
    expect(requests[0]?.headers.authorization).toBeUndefined()
    expect(requests[0]?.secrets).toEqual([])
  })

  it.each([
    [200, 'delivered'],
    [202, 'delivered'],
    [302, 'failed:misconfigured'],
    [400, 'failed:invalid'],
    [401, 'failed:unauthorized'],
    [403, 'failed:unauthorized'],
    [404, 'failed:misconfigured'],
    [405, 'failed:misconfigured'],
    [413, 'failed:oversized'],
    [429, 'failed:throttled'],
    [500, 'failed:unavailable'],
    [503, 'failed:unavailable'],
  ])('takes %i as %s for every event', (status, outcome) => {
    const { result } = rehearse(write({ url: URL_WITH_QUERY }, {}, [OPEN_EVENT, OPEN_EVENT]), [reply(status)])
    expect(outcomes(result)).toEqual([outcome, outcome])
  })

  it('hands Retry-After on', () => {
    const { result } = rehearse(write({ url: URL_WITH_QUERY }, {}, [OPEN_EVENT]), [
      reply(429, 'slow down', { 'retry-after': '7' }),
    ])
    expect(result[0]).toMatchObject({ fault: { retryAfterMs: 7000, status: 429, answer: 'slow down' } })
  })

  it('sends nothing for nothing', () => {
    expect(rehearse(write({ url: URL_WITH_QUERY }, {}, []), [])).toEqual({ requests: [], result: [] })
  })

  it.each([
    [200, 'delivered'],
    [401, 'failed:unauthorized'],
    [404, 'failed:misconfigured'],
  ])('checks with an empty payload: %i', (status, outcome) => {
    const target = {
      settings: HttpSettings.parse({ url: URL_WITH_QUERY }),
      credentials: HttpCredentials.parse({ token: 't' }),
    }
    const { requests, result } = rehearse(http.check(target), [reply(status)])
    expect(requests.map((request) => request.body)).toEqual(['{"events":[]}'])
    expect(requests[0]?.headers.authorization).toBe('Bearer t')
    expect(outcomes([result])).toEqual([outcome])
  })

  it.each([
    [{ Authorization: 'x' }, /set by Thalweg/],
    [{ 'content-LENGTH': '1' }, /set by Thalweg/],
    [{ 'Transfer-Encoding': 'chunked' }, /set by Thalweg/],
    [{ Host: 'x' }, /set by Thalweg/],
    [{ 'X-A': '1', 'x-a': '2' }, /twice/],
    [{ 'X A': '1' }, /header name/],
    [{ 'X-A': 'a\r\nX-B: c' }, /printable/],
    [{ 'X-A': 'é' }, /printable/],
    [Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`x-${i}`, '1'])), /more than 20/],
  ])('refuses headers %j', (headers, problem) => {
    const parsed = HttpSettings.safeParse({ url: URL_WITH_QUERY, headers })
    expect(parsed.error?.message).toMatch(problem)
  })

  it.each(['', 'a b', 'tok\n', 'é', 'x'.repeat(1100)])('refuses the token %j', (token) => {
    expect(HttpCredentials.safeParse({ token }).success).toBe(false)
  })

  it('asks for as many events as the operator says', () => {
    const settings = HttpSettings.parse({ url: URL_WITH_QUERY, eventsPerRequest: 7, bytesPerRequest: 2000 })
    expect(http.events?.limits(settings)).toMatchObject({ recordsMax: 7, bytesMax: 2000 })
  })
})
