import { createServer } from 'node:http'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { VirtualClock } from '../core/clock.ts'
import { seededRandom } from '../core/random.ts'
import { DEMO, type Sandbox, startHttpSink, startSandbox } from './sandbox.ts'
import { simulatedSupply } from './simulated-supply.ts'
import { createSimulation } from './simulator/simulator.ts'
import { ask, until } from './testing.ts'

let sandbox: Sandbox | undefined
afterEach(async () => {
  await sandbox?.close()
  sandbox = undefined
})

describe('starting', () => {
  it('gives every double a free port of its own', async () => {
    sandbox = await startSandbox()
    const ports = Object.values(sandbox.addresses).map((address) => new URL(address).port)
    expect(new Set(ports).size).toBe(4)
    for (const address of Object.values(sandbox.addresses)) {
      const { json } = await ask(`${address}/sandbox/state`)
      expect(json).toMatchObject({ url: address, requests: 0, faults: [] })
    }
  })

  it('counts ports upward from the first, and leaves nothing behind when one is taken', async () => {
    const [base, taken] = await freeRun()
    await expect(startSandbox({ port: base })).rejects.toMatchObject({ code: 'PORT_TAKEN' })
    await new Promise((resolve) => taken.close(resolve))
    sandbox = await startSandbox({ port: base })
    const ports = Object.values(sandbox.addresses).map((address) => Number(new URL(address).port) - base)
    expect(ports).toEqual([0, 1, 2, 4])
  })

  /** Five free ports in a row with a server on the last of them. */
  async function freeRun(): Promise<[number, ReturnType<typeof createServer>]> {
    for (let attempt = 0; attempt < 50; attempt++) {
      const servers: ReturnType<typeof createServer>[] = []
      const first = await listening(0, servers)
      const rest = await Promise.all([1, 2, 4].map((offset) => listening(first + offset, servers)))
      const good = first > 0 && rest.every((port) => port > 0)
      const last = servers.at(-1)
      for (const server of good ? servers.slice(0, -1) : servers)
        await new Promise((done) => server.close(done))
      if (good && last !== undefined) return [(last.address() as { port: number }).port - 4, last]
    }
    throw new Error('no five free ports in a row')
  }

  /** The port, or 0 when it is taken. */
  function listening(port: number, servers: ReturnType<typeof createServer>[]): Promise<number> {
    const server = createServer()
    return new Promise((resolve) => {
      server.once('error', () => resolve(0))
      server.listen(port, '127.0.0.1', () => {
        servers.push(server)
        servers.sort(
          (a, b) => (a.address() as { port: number }).port - (b.address() as { port: number }).port,
        )
        resolve((server.address() as { port: number }).port)
      })
    })
  }
})

it('never says on a vendor path that it is not the vendor', async () => {
  sandbox = await startSandbox()
  const { treasureData, segment, braze, http } = sandbox.addresses
  const calls = [
    ask(`${treasureData}/postback/v3/event/${DEMO.database}/${DEMO.table}`, {
      body: {},
      headers: { 'x-td-write-key': DEMO.treasureDataKey },
    }),
    ask(`${treasureData}/nowhere`),
    ask(`${segment}/v1/track`, { body: { writeKey: DEMO.segmentWriteKey } }),
    ask(`${braze}/users/track`, { body: {} }),
    ask(`${http}/any`, { body: {} }),
  ]
  for (const told of await Promise.all(calls)) {
    expect(JSON.stringify([told.headers, told.text]).toLowerCase()).not.toMatch(/sandbox|thalweg|fake|mock/)
  }
})

describe('counting without inspecting', () => {
  const events = Array.from({ length: 100 }, (_, i) => ({ id: `e${i}`, event_type: 't', messageId: `m${i}` }))
  it.each([
    ['treasureData', '/postback/v3/event/d/t', 200, '{}'],
    [
      'treasureData',
      '/any_db/any_table',
      200,
      `{"receipts":[${Array(100).fill('{"success":true}').join()}]}`,
    ],
    ['segment', '/v1/batch', 200, '{"success": true}'],
    ['http', '/in', 204, ''],
  ] as const)('%s %s takes everything, counts it and keeps nothing', async (name, path, status, text) => {
    sandbox = await startSandbox({ inspect: false })
    const double = sandbox[name]
    const told = await ask(double.url + path, { body: { events } })
    expect([told.status, told.text]).toEqual([status, text])
    expect(double.state()).toMatchObject({ inspecting: false, requests: 1, events: 100, arrivals: 0 })
  })

  it('obeys faults all the same', async () => {
    sandbox = await startSandbox({ inspect: false })
    sandbox.http.faults.set([
      { kind: 'status', status: 503, next: 1 },
      { kind: 'refuse', ids: ['e7'] },
    ])
    const answers = [
      await ask(sandbox.http.url, { body: { events } }),
      await ask(sandbox.http.url, { body: { events } }),
    ]
    expect(answers.map((told) => told.status)).toEqual([503, 400])
    expect(sandbox.http.tally.events).toBe(0)
  })
})

it('survives bodies of any kind, with an answer of its own to each', async () => {
  const seed = Number(process.env.THALWEG_TEST_SEED ?? Date.now() % 1_000_000)
  console.info(`doubles under fuzz: THALWEG_TEST_SEED=${seed}`)
  sandbox = await startSandbox({ random: seededRandom(seed) })
  const { treasureData, segment, http } = sandbox
  const doubles = [
    [treasureData, `/postback/v3/event/${DEMO.database}/t_1`, { 'x-td-write-key': DEMO.treasureDataKey }],
    [
      treasureData,
      `/${DEMO.database}/t_1`,
      {
        'content-type': 'application/vnd.treasuredata.v1+json',
        authorization: `TD1 ${DEMO.treasureDataKey}`,
      },
    ],
    [treasureData, `/v1/task/${DEMO.taskId}`, { authorization: `Bearer ${DEMO.treasureDataKey}` }],
    [segment, '/v1/batch', { authorization: `Basic ${btoa(`${DEMO.segmentWriteKey}:`)}` }],
    [http, '/in', {}],
  ] as const
  const wrappers = [
    '$',
    '{"events":$}',
    '{"events":[$]}',
    '{"records":[$]}',
    '{"batch":[$,{"type":"track","userId":"u","event":"E","properties":$}]}',
  ]
  const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`
  const bodies = fc.tuple(
    fc.oneof(fc.json(), fc.string(), fc.constant(deep)),
    fc.constantFrom(...wrappers),
    fc.nat(200),
  )
  const property = fc.asyncProperty(
    fc.constantFrom(...doubles),
    bodies,
    async ([double, path, headers], [inner, wrapper, cut]) => {
      const whole = wrapper.replaceAll('$', () => inner)
      const body = cut < 60 ? whole.slice(0, cut) : whole
      const told = await ask(double.url + path, { method: 'POST', body, headers })
      expect([200, 204, 400, 413]).toContain(told.status)
    },
  )
  await fc.assert(property, { seed, numRuns: 500 })
  for (const double of [treasureData, segment]) {
    for (const page of ['rows', 'events', 'types', 'discards', 'drops', 'state']) {
      expect((await ask(`${double.url}/sandbox/${page}`)).status, page).not.toBe(500)
    }
    expect(double.state().defect).toBeUndefined()
  }
})

it('answers 413 to a body beyond its bound, and takes the next request', async () => {
  sandbox = await startSandbox({ bodyBytesMax: 100_000 })
  const { http } = sandbox
  expect((await ask(http.url, { body: `[${' '.repeat(5_000_000)}]` })).status).toBe(413)
  expect((await ask(http.url, { body: [{ id: 'a' }] })).status).toBe(204)
  expect(http.arrivals.view().ids).toEqual(['a'])
})

it('closes while a caller waits for a late answer', async () => {
  const sink = await startHttpSink({ clock: new VirtualClock(0), random: seededRandom(1) })
  sink.faults.set([{ kind: 'latency', ms: 60_000 }])
  const outcome = ask(sink.url, { body: [{ id: 'a' }] }).catch(() => 'cut')
  await until(() => sink.tally.bytes > 0, 'the request is in')
  await sink.close()
  expect(await outcome).toBe('cut')
})

it('carries the simulated traffic of Braze to a receiver, and shows it at the Braze double', async () => {
  const clock = new VirtualClock(1_700_000_000_000)
  sandbox = await startSandbox({ clock, random: seededRandom(5) })
  const simulation = createSimulation({ seed: 5, clock, eventsPerSecond: 100 })
  const { braze, http } = sandbox
  const sender = braze.vendor.startSender({
    name: 'demo',
    url: `${http.url}/currents`,
    supply: simulatedSupply(simulation),
    tickMs: 1000,
    waitMs: 1000,
  })
  await until(() => sender.state().probeStatus === 204, 'the probe is answered')
  for (let second = 0; second < 20; second++) {
    await clock.advance(1000)
    await until(() => sender.state().inFlight === 0, 'all answers are in')
  }
  const { json } = await ask(`${braze.url}/sandbox/state`)
  const [state] = json.senders
  expect(state).toMatchObject({ name: 'demo', status: 'running', dropped: {} })
  expect(state.acknowledged).toBeGreaterThan(1000)
  expect(state.taken).toBe(state.acknowledged + state.queuedEvents)
  expect(http.arrivals.total).toBe(state.acknowledged)
  expect(() => braze.vendor.startSender({ name: 'demo', url: http.url, supply: { take: () => [] } })).toThrow(
    /demo/,
  )
})
