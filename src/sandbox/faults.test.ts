import { request } from 'undici'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { VirtualClock } from '../core/clock.ts'
import { seededRandom } from '../core/random.ts'
import type { Double } from './double.ts'
import type { FaultRule } from './faults.ts'
import type { HttpSink } from './http-sink.ts'
import { startHttpSink } from './sandbox.ts'
import { ask, until } from './testing.ts'

const CUT = 'cut'
let clock: VirtualClock
let sink: Double<HttpSink>

beforeEach(async () => {
  clock = new VirtualClock(1_700_000_000_000)
  sink = await startHttpSink({ clock, random: seededRandom(1) })
})
afterEach(() => sink.close())

function events(...ids: string[]) {
  return { events: ids.map((id) => ({ id, event_type: 'users.messages.email.Open', properties: { n: id } })) }
}

/** Posts one event per status asked for; the statuses, or CUT for a cut connection. */
async function post(count: number, path = '/in'): Promise<(number | string)[]> {
  const statuses: (number | string)[] = []
  for (let i = 0; i < count; i++) {
    const told = await ask(sink.url + path, { body: events(`e${i}`) }).catch(() => undefined)
    statuses.push(told?.status ?? CUT)
  }
  return statuses
}

describe('faults decide requests', () => {
  const cases: { what: string; rules: FaultRule[]; statuses: (number | string)[]; accepted: number }[] = [
    { what: 'none', rules: [], statuses: [204, 204, 204, 204], accepted: 4 },
    {
      what: 'a status',
      rules: [{ kind: 'status', status: 503 }],
      statuses: [503, 503, 503, 503],
      accepted: 0,
    },
    {
      what: 'one status after another',
      rules: [
        { kind: 'status', status: 500, next: 1 },
        { kind: 'status', status: 429, next: 2 },
      ],
      statuses: [500, 429, 429, 204],
      accepted: 1,
    },
    {
      what: 'a cut before',
      rules: [{ kind: 'drop_before', next: 1 }],
      statuses: [CUT, 204, 204, 204],
      accepted: 3,
    },
    {
      what: 'a lost answer',
      rules: [{ kind: 'drop_after', next: 1 }],
      statuses: [CUT, 204, 204, 204],
      accepted: 4,
    },
    {
      what: 'another path',
      rules: [{ kind: 'status', status: 503, path: '/other' }],
      statuses: [204, 204, 204, 204],
      accepted: 4,
    },
    {
      what: 'a rate limit',
      rules: [{ kind: 'rate_limit', perSecond: 0.5, burst: 2 }],
      statuses: [204, 204, 429, 429],
      accepted: 2,
    },
  ]
  it.each(cases)('$what', async ({ rules, statuses, accepted }) => {
    sink.faults.set(rules)
    expect(await post(4)).toEqual(statuses)
    expect(sink.arrivals.total).toBe(accepted)
    expect(sink.tally.events).toBe(accepted)
    expect(sink.tally.cut).toBe(statuses.filter((status) => status === CUT).length)
  })

  it('a status carries its body and headers', async () => {
    sink.faults.set([{ kind: 'status', status: 503, body: 'later', headers: { 'retry-after': '7' } }])
    const told = await ask(`${sink.url}/in`, { body: events('a') })
    expect([told.text, told.headers['retry-after']]).toEqual(['later', '7'])
  })

  it('a rate limit says when to come back, and keeps its word', async () => {
    sink.faults.set([{ kind: 'rate_limit', perSecond: 0.5 }])
    await post(1)
    const told = await ask(`${sink.url}/in`, { body: events('a') })
    expect([told.status, told.headers['retry-after']]).toEqual([429, '2'])
    await clock.advance(2000)
    expect(await post(2)).toEqual([204, 429])
  })

  it('a probability is drawn from the seeded random', async () => {
    sink.faults.set([{ kind: 'status', status: 503, probability: 0.5 }])
    const statuses = await post(40)
    const random = seededRandom(1)
    expect(statuses).toEqual(statuses.map(() => (random() < 0.5 ? 503 : 204)))
    expect(new Set(statuses)).toEqual(new Set([204, 503]))
  })

  it('latency holds a request back; a caller who gave up is accepted all the same', async () => {
    sink.faults.set([{ kind: 'latency', ms: 60_000 }])
    const answered = ask(`${sink.url}/in`, { body: events('patient') })
    await until(() => sink.tally.bytes > 0, 'the body was read')
    expect(sink.arrivals.total).toBe(0)
    await clock.advance(60_000)
    expect((await answered).status).toBe(204)
    const patience = new AbortController()
    const body = JSON.stringify(events('impatient'))
    const gaveUp = request(`${sink.url}/in`, { method: 'POST', body, signal: patience.signal }).catch(
      () => CUT,
    )
    const bytesBefore = sink.tally.bytes
    await until(() => sink.tally.bytes > bytesBefore, 'the second body was read')
    patience.abort()
    expect(await gaveUp).toBe(CUT)
    await clock.advance(60_000)
    expect(sink.arrivals.view().ids).toEqual(['patient', 'impatient'])
  })
})

describe('faults decide records', () => {
  const cases: { what: string; rule: FaultRule; refused: boolean }[] = [
    { what: 'an id', rule: { kind: 'refuse', ids: ['x', 'b'] }, refused: true },
    { what: 'no such id', rule: { kind: 'refuse', ids: ['x'] }, refused: false },
    {
      what: 'a property with a value',
      rule: { kind: 'refuse', property: 'properties.n', equals: 'b' },
      refused: true,
    },
    {
      what: 'another value',
      rule: { kind: 'refuse', property: 'properties.n', equals: 'z' },
      refused: false,
    },
    { what: 'a property at all', rule: { kind: 'refuse', property: 'properties.n' }, refused: true },
    { what: 'a missing property', rule: { kind: 'refuse', property: 'properties.toString' }, refused: false },
    { what: 'everything', rule: { kind: 'refuse' }, refused: true },
  ]
  it.each(cases)('$what: the whole batch where the vendor has no receipts', async ({ rule, refused }) => {
    sink.faults.set([rule])
    expect((await ask(`${sink.url}/in`, { body: events('a', 'b') })).status).toBe(refused ? 400 : 204)
    expect(sink.arrivals.total).toBe(refused ? 0 : 2)
  })
})

describe('by API', () => {
  it('sets, shows with use, and heals', async () => {
    const put = (faults: unknown) => ask(`${sink.url}/sandbox/faults`, { method: 'PUT', body: { faults } })
    expect((await put([{ kind: 'status', status: 503, next: 5 }])).status).toBe(200)
    await post(2)
    const state = await ask(`${sink.url}/sandbox/state`)
    expect(state.json.faults).toEqual([{ kind: 'status', status: 503, next: 5, used: 2 }])
    expect(state.json).toMatchObject({ name: 'http', requests: 2, answers: { 503: 2 } })
    await put([])
    expect(await post(1)).toEqual([204])
  })

  it.each([
    ['an unknown kind', { faults: [{ kind: 'fire' }] }],
    ['an unknown member', { faults: [{ kind: 'latency', ms: 1, colour: 'red' }] }],
    ['a status that is none', { faults: [{ kind: 'status', status: 42 }] }],
    ['no list', {}],
    ['no JSON', '{'],
  ])('refuses %s and keeps the rules', async (_what, body) => {
    sink.faults.set([{ kind: 'status', status: 500 }])
    const told = await ask(`${sink.url}/sandbox/faults`, { method: 'PUT', body })
    expect([told.status, told.json.error]).toEqual([400, 'INPUT_INVALID'])
    expect(sink.faults.state()).toHaveLength(1)
  })

  it('reset forgets arrivals, counters and faults', async () => {
    await post(2)
    sink.faults.set([{ kind: 'status', status: 500 }])
    expect((await ask(`${sink.url}/sandbox/reset`, { method: 'POST' })).status).toBe(200)
    const { json } = await ask(`${sink.url}/sandbox/state`)
    expect(json).toMatchObject({ requests: 0, events: 0, arrivals: 0, faults: [], kept: 0 })
  })

  it('pages through the arrivals', async () => {
    await ask(`${sink.url}/in`, { body: events('a', 'b', 'a') })
    const { json } = await ask(`${sink.url}/sandbox/arrivals?offset=1&limit=5`)
    expect(json).toEqual({ total: 3, dropped: 0, distinct: 2, ids: ['b', 'a'] })
  })
})
