import { describe, expect, test } from 'vitest'
import { eventually } from '../../test/support/eventually.ts'
import { DIALECTS } from '../../test/support/store.ts'
import {
  type Answer,
  accept,
  CLICK,
  DeliveryUnderTest,
  definitionOf,
  idsIn,
  OPEN,
  opens,
  passTime,
  reply,
  START_MS,
} from './delivery.fixture.ts'

const URL = 'https://vendor.example/in'

describe('a definition', () => {
  test('is refused with every problem named', async () => {
    const under = await DeliveryUnderTest.open()
    const bad = definitionOf('a', {
      sources: ['nowhere'],
      selection: { include: ['a*b', 'category:none'] },
      destination: { kind: 'http', settings: { url: 'ftp://x', colour: 'blue' }, authorization: 'lost' },
    })
    for (const attempt of [() => under.delivery.create(bad), () => under.delivery.validate(bad)]) {
      const error = await attempt().then(
        () => undefined,
        (refused: unknown) => refused,
      )
      expect(error).toMatchObject({ code: 'CURRENT_INVALID' })
      for (const word of ['nowhere', 'a*b', 'category:none', 'https://', 'colour', 'lost'])
        expect((error as Error).message).toContain(word)
    }
    expect(await under.currents.list()).toEqual([])
  })

  test.each([
    ['an unknown source', { sources: ['nowhere'] }, 'SOURCE_UNKNOWN'],
    ['an unknown destination', { destination: { kind: 'pigeon' } }, 'CURRENT_INVALID'],
    [
      'an unknown authorization',
      { destination: { kind: 'http', settings: { url: URL }, authorization: 'x' } },
      'AUTHORIZATION_UNKNOWN',
    ],
    [
      'an authorization of another provider',
      { destination: { kind: 'http', settings: { url: URL }, authorization: 'td' } },
      'CURRENT_INVALID',
    ],
    ['missing credentials', { destination: { kind: 'segment', settings: {} } }, 'CURRENT_INVALID'],
  ])('with %s is refused', async (_, over, code) => {
    const under = await DeliveryUnderTest.open()
    under.authorizations.set('td', { provider: 'treasure-data', credentials: {} })
    await expect(under.delivery.create(definitionOf('a', over))).rejects.toMatchObject({ code })
  })

  test('shows the request that it would send, without secrets and without sending', async () => {
    const under = await DeliveryUnderTest.open()
    under.authorizations.set('auth', { provider: 'http', credentials: { token: 'hush' } })
    const definition = definitionOf('a', {
      selection: { include: [OPEN] },
      fields: { email: 'remove' },
      destination: { kind: 'http', settings: { url: URL }, authorization: 'auth' },
    })
    const events = [
      `{"id":"a","event_type":"${OPEN}","user":{"email":"x@y.z"}}`,
      `{"id":"b","event_type":"${CLICK}"}`,
      `{"id":"c","event_type":"${OPEN}"}`,
    ]
    expect(
      await under.delivery.blueprints.previewRequest(
        definition,
        events.map((event) => Buffer.from(event)),
      ),
    ).toMatchObject({
      method: 'POST',
      url: URL,
      headers: { authorization: 'Bearer [secret]' },
      body: `{"events":[${events[0]?.replace('x@y.z', '[REDACTED]')},${events[2]}]}`,
    })
    expect(
      await under.delivery.blueprints.previewRequest(definition, [Buffer.from(events[1] ?? '')]),
    ).toBeUndefined()
    for (const broken of ['17', '{"id":', '{} {}']) {
      await expect(
        under.delivery.blueprints.previewRequest(definition, [Buffer.from(broken)]),
      ).rejects.toMatchObject({
        code: 'INPUT_INVALID',
      })
    }
    expect(under.vendor.sent).toEqual([])
  })

  test.each<[string, Answer, object]>([
    ['well', reply(200), { outcome: 'delivered' }],
    ['refused', reply(401), { outcome: 'failed', fault: { kind: 'unauthorized' } }],
    [
      'silent',
      { noAnswer: { kind: 'unreachable', message: 'gone' } },
      { outcome: 'failed', fault: { kind: 'unreachable' } },
    ],
  ])('has its destination checked: %s', async (_, answer, receipt) => {
    const under = await DeliveryUnderTest.open({ answer: () => answer })
    expect(await under.delivery.blueprints.checkDestination('http', { url: URL }, {})).toMatchObject(receipt)
    await expect(under.delivery.blueprints.checkDestination('http', {}, {})).rejects.toMatchObject({
      code: 'CURRENT_INVALID',
    })
  })
})

describe('launch', () => {
  test.each([
    { from: 'now' as const, ids: ['late0'] },
    { from: 'earliest' as const, ids: ['early0', 'early1', 'mid0', 'late0'] },
    { from: { timeMs: START_MS + 1 }, ids: ['mid0', 'late0'] },
  ])('from $from', async ({ from, ids }) => {
    const under = await DeliveryUnderTest.open()
    await accept(under.log, { events: opens(2, 'early') })
    await accept(under.log, { events: opens(1, 'mid'), receivedAt: START_MS + 5_000 })
    const current = await under.launch('a', {}, from)
    expect(current).toMatchObject({ state: 'running', startOffset: 4 - ids.length })
    await accept(under.log, { events: opens(1, 'late'), receivedAt: START_MS + 9_000 })
    await under.settled(current.number)
    expect(under.sentIds()).toEqual(ids)
  })

  test('a second time is refused and moves nothing', async () => {
    const under = await DeliveryUnderTest.open()
    const { number } = await under.launch('a')
    under.vendor.answer = () => reply(503)
    await accept(under.log, { events: opens(5) })
    await expect(under.delivery.launch(number, 'now')).rejects.toMatchObject({ code: 'CURRENT_STATE' })
    under.vendor.answer = () => reply(200)
    await under.restart()
    await under.settled(number)
    expect(await under.ledger(number)).toEqual({ delivered: 5 })
  })
})

describe.each(DIALECTS)('a current on %s', (dialect) => {
  test('pauses, resumes and is revised without losing or doubling anything', async () => {
    const under = await DeliveryUnderTest.open({ dialect })
    const { number, definition } = await under.launch('a')
    await accept(under.log, { events: opens(5, 'first') })
    await under.settled(number)
    expect(await under.delivery.pause(number, 'lunch')).toMatchObject({
      state: 'paused',
      stateReason: 'lunch',
    })
    await accept(under.log, { events: opens(5, 'second') })
    await under.clock.advance(10_000)
    expect(under.sentIds()).toHaveLength(5)
    expect(await under.delivery.status(number)).toMatchObject({
      gate: 'off',
      pending: 5,
      position: 5,
      oldestUnsettledAt: START_MS,
    })
    const paused = await under.delivery.revise(number, { ...definition, fields: { n: 'remove' } }, 'hide n')
    expect(paused).toMatchObject({ state: 'paused', version: 2 })
    await under.delivery.resume(number)
    await under.settled(number)
    expect(under.sentIds()).toEqual([...opens(5, 'first'), ...opens(5, 'second')].map(({ id }) => id))
    const redacted = under.vendor.sent.map(({ body }) => body.includes('[REDACTED]'))
    expect(redacted).toEqual([false, true])
    expect(await under.currents.versions(number)).toMatchObject([
      { fromOffset: 0 },
      { fromOffset: 5, note: 'hide n' },
    ])
    expect(await under.delivery.checkBooks(number)).toMatchObject({ balanced: true, delivered: 10 })
  })

  test('is halted, and a revision is the mend', async () => {
    const under = await DeliveryUnderTest.open({
      dialect,
      answer: ({ url }) => reply(url.endsWith('/right') ? 200 : 404),
    })
    const { number, definition } = await under.launch('a')
    await accept(under.log, { events: opens(3) })
    await under.halted(number)
    expect(await under.alerts.list({ open: true })).toMatchObject([
      { kind: 'halted', current: number, contact: 'contact@example.com' },
    ])
    expect(await under.delivery.status(number)).toMatchObject({ pending: 3, position: 0 })
    const destination = { ...definition.destination, settings: { url: `${URL}/right` } }
    expect(await under.delivery.revise(number, { ...definition, destination }, '')).toMatchObject({
      state: 'running',
    })
    expect(await under.alerts.list({ open: true })).toEqual([])
    await under.settled(number)
    expect(await under.ledger(number)).toEqual({ delivered: 3 })
  })
})

test('a revision that is refused leaves the current running as it was', async () => {
  const under = await DeliveryUnderTest.open()
  const { number, definition } = await under.launch('a')
  await under.launch('b')
  await expect(under.delivery.revise(number, { ...definition, name: 'b' }, '')).rejects.toMatchObject({
    code: 'CURRENT_NAME_TAKEN',
  })
  await expect(under.delivery.revise(number, { ...definition, sources: ['nowhere'] }, '')).rejects.toThrow()
  await accept(under.log, { events: opens(1) })
  await under.settled(number)
  expect(await under.currents.get(number)).toMatchObject({ version: 1, state: 'running' })
})

test('revised while requests are under way: each record is accepted, by the old version or the new', async () => {
  const under = await DeliveryUnderTest.open()
  const { number, definition } = await under.launch('a', { delivery: { waitMs: 0, recordsMax: 3 } })
  for (let i = 0; i < 6; i++) {
    await accept(under.log, { events: opens(20, `f${i}-`) })
    await under.delivery.revise(
      number,
      { ...definition, delivery: { waitMs: 0, recordsMax: 2 + i, ordering: 'none' } },
      '',
    )
  }
  await under.settled(number)
  expect(new Set(under.sentIds()).size).toBe(120)
  expect(await under.delivery.checkBooks(number)).toMatchObject({ balanced: true, delivered: 120 })
})

describe('a removed current', () => {
  test('sends nothing more, keeps no alert open and lets go of the log', async () => {
    const under = await DeliveryUnderTest.open({ answer: () => reply(401) })
    const { number } = await under.launch('a')
    await accept(under.log, { events: opens(1) })
    await under.halted(number)
    expect(await under.delivery.remove(number)).toMatchObject({ state: 'deleted' })
    const sent = under.vendor.sent.length
    await under.clock.advance(3_600_000)
    expect(under.vendor.sent.length).toBe(sent)
    expect(await under.alerts.list({ open: true })).toEqual([])
    const { heldBy } = await under.log.retain({
      ageMsMax: 0,
      bytesMax: 0,
      despiteReaders: false,
      nowMs: 2e12,
    })
    expect(heldBy).not.toContain(`current ${number}`)
  })

  test.each(['launch', 'pause', 'resume', 'revise', 'remove'] as const)('does not %s', async (action) => {
    const under = await DeliveryUnderTest.open()
    const { number, definition } = await under.launch('a')
    await under.delivery.remove(number)
    const { delivery } = under
    const actions = {
      launch: () => delivery.launch(number, 'now'),
      pause: () => delivery.pause(number, ''),
      resume: () => delivery.resume(number),
      revise: () => delivery.revise(number, definition, ''),
      remove: () => delivery.remove(number),
    }
    await expect(actions[action]()).rejects.toMatchObject({ code: 'CURRENT_STATE' })
  })
})

describe('credentials', () => {
  const destination = { kind: 'http', settings: { url: URL }, authorization: 'auth' }

  test('that change are used at once, also by a halted current', async () => {
    const under = await DeliveryUnderTest.open({
      answer: ({ headers }) => reply(headers.authorization === 'Bearer new' ? 200 : 401),
    })
    under.authorizations.set('auth', { provider: 'http', credentials: { token: 'old' } })
    const { number } = await under.launch('a', { destination })
    await accept(under.log, { events: opens(2) })
    await under.halted(number)
    expect(under.authorizations.get('auth')?.health).toBe('bad')
    under.authorizations.set('auth', { provider: 'http', credentials: { token: 'new' } })
    await under.delivery.authorizationChanged('auth')
    await passTime(
      under.clock,
      'it runs',
      async () => (await under.currents.get(number)).state === 'running',
      10,
    )
    await under.settled(number)
    expect(await under.ledger(number)).toEqual({ delivered: 2 })
    expect(under.authorizations.get('auth')?.health).toBe('good')
    expect(await under.alerts.list({ open: true })).toEqual([])
  })

  test('that are gone at a start halt the current; it begins when they are back', async () => {
    const under = await DeliveryUnderTest.open()
    under.authorizations.set('auth', { provider: 'http', credentials: {} })
    const { number } = await under.launch('a', { destination })
    const kept = under.authorizations.get('auth')
    under.authorizations.clear()
    await under.restart()
    expect(await under.currents.get(number)).toMatchObject({
      state: 'halted',
      stateReason: expect.stringContaining('auth'),
    })
    if (kept !== undefined) under.authorizations.set('auth', kept)
    await under.delivery.authorizationChanged('auth')
    await accept(under.log, { events: opens(1) })
    await under.settled(number)
    expect((await under.currents.get(number)).state).toBe('running')
  })
})

test('what halts by itself runs again by itself', async () => {
  const under = await DeliveryUnderTest.open({ answer: (_, n) => reply(n < 3 ? 403 : 200) })
  const { number } = await under.launch('a')
  await accept(under.log, { events: opens(1) })
  await under.settled(number)
  expect((await under.currents.get(number)).state).toBe('running')
  expect(under.clock.now() - START_MS).toBeGreaterThanOrEqual(3 * 300_000)
  expect((await under.alerts.list({})).map(({ resolvedAt }) => resolvedAt === null)).toEqual([false])
})

test('an outage is told after a while and resolved when it is over; the status says when it is tried next', async () => {
  let well = false
  const under = await DeliveryUnderTest.open({ answer: () => reply(well ? 200 : 503) })
  const { number } = await under.launch('a')
  await accept(under.log, { events: opens(1) })
  await under.clock.advance(600_000)
  expect(await under.alerts.list({})).toEqual([])
  const status = await under.delivery.status(number)
  expect(['closed', 'half-open']).toContain(status.gate)
  expect(status.retryAt).toBeGreaterThan(under.clock.now() - 60_000)
  expect(status.stats).toMatchObject({ lastFault: { status: 503 }, delivered: 0 })
  await passTime(
    under.clock,
    'it is told',
    async () => (await under.alerts.list({ open: true })).length === 1,
    60_000,
  )
  expect(await under.alerts.list({})).toMatchObject([{ kind: 'deferred-long' }])
  well = true
  await under.settled(number)
  await passTime(
    under.clock,
    'it is resolved',
    async () => (await under.alerts.list({ open: true })).length === 0,
  )
})

test('a sick destination never slows another', async () => {
  const under = await DeliveryUnderTest.open({
    answer: ({ url }) => reply(url.endsWith('/sick') ? 503 : 200),
  })
  const sick = await under.launch('sick', { destination: { kind: 'http', settings: { url: `${URL}/sick` } } })
  const well = await under.launch('well')
  await accept(under.log, { events: opens(500) })
  await under.settled(well.number)
  expect(await under.delivery.status(sick.number)).toMatchObject({ position: 0, pending: 500 })
  expect(await under.delivery.status(well.number)).toMatchObject({ position: 500, pending: 0, gate: 'open' })
})

test('the numbers of a status follow what happened', async () => {
  const under = await DeliveryUnderTest.open({
    answer: ({ body }) => reply(idsIn(body).includes('e1') ? 400 : 200),
  })
  const { number } = await under.launch('a', { selection: { include: [OPEN] } })
  await accept(under.log, { events: [...opens(3), { id: 'c', type: CLICK, person: 'p' }] })
  await under.settled(number)
  await eventually('the numbers are told', async () => (await under.delivery.status(number)).stats.dead === 1)
  const { stats, ...status } = await under.delivery.status(number)
  expect(status).toMatchObject({
    position: 4,
    readPosition: 4,
    pending: 0,
    batchesUnderWay: 0,
    oldestUnsettledAt: undefined,
  })
  expect(stats).toMatchObject({ delivered: 2, filtered: 1, dead: 1, requests: under.vendor.sent.length })
  expect(stats.recent.at(-1)).toMatchObject({ status: 200, fault: undefined })
})

test('stop gives up on a store that is away, and the next start delivers what is not in the books', async () => {
  const under = await DeliveryUnderTest.open()
  const { number } = await under.launch('a')
  under.store.mood = 'away'
  await accept(under.log, { events: opens(3) })
  await passTime(under.clock, 'they were sent', () => under.sentIds().length === 3)
  await under.delivery.stop()
  expect(under.trouble.length).toBeGreaterThan(0)
  under.store.mood = 'well'
  under.delivery = under.made()
  await under.delivery.start()
  await under.settled(number)
  expect(await under.ledger(number)).toEqual({ delivered: 3 })
})

test('a state change is not lost while the store is away for long', async () => {
  const under = await DeliveryUnderTest.open({ answer: () => reply(401) })
  const { number } = await under.launch('a')
  under.store.mood = 'away'
  await accept(under.log, { events: opens(1) })
  await eventually('raising the alert failed', () => under.trouble.length >= 1)
  under.store.mood = 'well'
  await passTime(
    under.clock,
    'it is told',
    async () => (await under.alerts.list({ open: true })).length === 1,
    10,
  )
  expect((await under.currents.get(number)).state).toBe('halted')
})
