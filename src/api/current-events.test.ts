import { expect, test } from 'vitest'
import { eventually } from '../../test/support/eventually.ts'
import { event, httpSink, SOURCE, treasureDataRecords } from '../../test/support/stack.ts'
import { type ApiStack, startApi } from './api.fixture.ts'

const SEND = 'users.messages.email.Send'
const OPEN = 'users.messages.email.Open'
const PUSH = 'users.messages.pushnotification.Send'

async function startHook(): Promise<ApiStack> {
  const stack = await startApi()
  await stack.launch('hook', httpSink(stack.sandbox), {
    selection: { include: ['channel:email'], exclude: [] },
    fields: { email_address: 'hash' },
  })
  await stack.post([
    event('e1', { type: SEND }),
    event('e2', { type: PUSH }),
    event('e3', { type: OPEN, user: { user_id: 'x' } }),
    event('e4', { type: OPEN }),
  ])
  await stack.settled()
  return stack
}

/** The account of what was accepted has a reader of its own. */
async function counted({ hub }: ApiStack): Promise<void> {
  await eventually('all is in the intake account', () => hub.delivery.intake.position >= hub.log.head)
}

const definition = (stack: ApiStack, also: object = {}) => {
  const { kind, settings } = httpSink(stack.sandbox)
  return {
    name: 'hook',
    contactEmail: 'contact@example.com',
    sources: [SOURCE],
    destination: { kind, settings },
    ...also,
  }
}

test('the newest events of a current come newest first, with their fates, page by page', async () => {
  const stack = await startHook()
  const get = async (query: string) =>
    (await stack.call('viewer', 'GET', `/api/v1/currents/hook/events${query}`)).json
  const { events, next } = await get('')
  expect(
    events.map(
      ({ id, type, fate }: { id: string; type: string; fate: { outcome: string; reason?: string } }) => [
        id,
        type,
        fate.outcome,
        fate.reason,
      ],
    ),
  ).toEqual([
    ['e4', OPEN, 'delivered', undefined],
    ['e3', OPEN, 'filtered', 'no_external_user_id'],
    ['e2', PUSH, 'filtered', 'type_not_selected'],
    ['e1', SEND, 'delivered', undefined],
  ])
  expect(next).toBeNull()
  expect(events[0].fate.batch).toMatchObject({ status: 204, attempts: 1 })

  const ids = (page: { events: { id: string }[] }) => page.events.map(({ id }) => id)
  expect(ids(await get('?selected=true'))).toEqual(['e4', 'e1'])
  expect(ids(await get(`?type=${SEND}`))).toEqual(['e1'])
  const first = await get('?limit=3')
  expect(ids(first)).toEqual(['e4', 'e3', 'e2'])
  expect(ids(await get(`?limit=3&before=${first.next}`))).toEqual(['e1'])
})

test('events of before the launch, and of other sources, are not a current’s', async () => {
  const stack = await startHook()
  await stack.launch('later', httpSink(stack.sandbox))
  await stack.post([event('e5')])
  await stack.settled()
  const { json } = await stack.call('viewer', 'GET', '/api/v1/currents/later/events')
  expect(json.events.map(({ id }: { id: string }) => id)).toEqual(['e5'])
  await stack.call('operator', 'POST', '/api/v1/currents', definition(stack, { name: 'draft' }))
  expect((await stack.call('viewer', 'GET', '/api/v1/currents/draft/events')).json).toEqual({
    events: [],
    next: null,
  })
})

test('a rehearsal shows samples before and after, what is left out and why, and the request as it would leave', async () => {
  const stack = await startHook()
  const sent = stack.sandbox.http.vendor.requests().length
  const { json } = await stack.call('viewer', 'GET', '/api/v1/currents/hook/rehearsal?samples=1')
  expect(json).toMatchObject({ records: 4, sent: 2, changes: null })
  expect(json.unsent).toEqual(
    expect.arrayContaining([
      { reason: 'type_not_selected', count: 1 },
      { reason: 'no_external_user_id', count: 1 },
    ]),
  )
  expect(json.byType).toContainEqual({ type: OPEN, count: 2, sent: 1, inCatalog: true })
  const [sample, unsent] = json.samples
  expect(sample).toMatchObject({ id: 'e4', reason: null })
  expect(sample.raw).toContain('e4@example.com')
  expect(sample.edited).not.toContain('e4@example.com')
  expect(JSON.stringify(sample.mapped)).toContain('"e4"')
  expect(unsent).toMatchObject({ id: 'e3', reason: 'no_external_user_id' })
  expect(json.request).toMatchObject({ method: 'POST', url: `${stack.sandbox.addresses.http}/events` })
  expect(json.request.body).toContain('"e4"')
  expect(stack.sandbox.http.vendor.requests().length).toBe(sent)
})

test('a rehearsal of another definition tells what would be added, taken away and different', async () => {
  const stack = await startHook()
  const { json } = await stack.call('operator', 'POST', '/api/v1/currents/rehearse', {
    definition: definition(stack, {
      selection: { include: ['*'], exclude: [SEND] },
      fields: { email_address: 'remove' },
    }),
    against: 'hook',
  })
  expect(json.changes).toMatchObject({ added: 1, removed: 1, different: 1, same: 0 })
  const { examples } = json.changes
  const of = (change: string) => examples.find((one: { change: string }) => one.change === change)
  expect(of('added')).toMatchObject({ id: 'e2', before: null })
  expect(of('removed')).toMatchObject({ id: 'e1', after: null })
  expect(JSON.stringify(of('different').after)).toContain('[REDACTED]')
  expect(JSON.stringify(of('different').before)).not.toContain('[REDACTED]')
})

test('secrets are blotted out of a rehearsed request', async () => {
  const stack = await startApi()
  await stack.launch('td', treasureDataRecords(stack.sandbox))
  await stack.post([event('e1')])
  await stack.settled()
  const { json, text } = await stack.call('viewer', 'GET', '/api/v1/currents/td/rehearsal')
  expect(json.request.method).toBe('POST')
  expect(text).not.toContain(String(treasureDataRecords(stack.sandbox).credentials?.writeKey))
})

test('a selection is explained over the catalog and over what came in', async () => {
  const stack = await startHook()
  const explain = async (body: object) =>
    (await stack.call('viewer', 'POST', '/api/v1/currents/selection', body)).json
  await counted(stack)
  const everything = await explain({ selection: {} })
  expect(everything.types.length).toBe(everything.catalog)
  const email = await explain({
    selection: { include: ['channel:email', 'users.*.bad'], exclude: [OPEN] },
    sources: [SOURCE],
  })
  expect(email.types).toContain(SEND)
  expect(email.types).not.toContain(OPEN)
  expect(email).toMatchObject({ accepted: 4, flowing: 1 })
  expect(email.seen).toContainEqual({ type: OPEN, accepted: 2, flows: false, inCatalog: true })
  expect(email.patterns).toEqual([
    { pattern: 'channel:email', types: email.types.length + 1, problem: null },
    { pattern: 'users.*.bad', types: 0, problem: expect.stringContaining('star') },
    { pattern: OPEN, types: 1, problem: null },
  ])
})

test('the ledger by minute and by hour closes: accepted = delivered + filtered + dead + pending', async () => {
  const stack = await startHook()
  await stack.call('operator', 'POST', '/api/v1/currents/hook/pause', {})
  await stack.post([event('e5'), event('e6')])
  await counted(stack)
  for (const step of ['minute', 'hour']) {
    const { json } = await stack.call('viewer', 'GET', `/api/v1/currents/hook/ledger/times?step=${step}`)
    const sum = (name: string): number =>
      json.times.reduce((total: number, row: Record<string, number>) => total + (row[name] ?? 0), 0)
    expect(['accepted', 'delivered', 'filtered', 'dead', 'pending'].map(sum)).toEqual([6, 2, 2, 0, 2])
    for (const { at } of json.times) expect(at % (step === 'hour' ? 3_600_000 : 60_000)).toBe(0)
  }
})

test('the list is narrowed by the API, and counts states', async () => {
  const stack = await startHook()
  await stack.launch('td', treasureDataRecords(stack.sandbox))
  await stack.call('operator', 'POST', '/api/v1/currents/td/pause', {})
  const names = async (query: string) => {
    const { json } = await stack.call('viewer', 'GET', `/api/v1/currents${query}`)
    return [json.currents.map(({ name }: { name: string }) => name).join(' '), json.states]
  }
  expect(await names('')).toEqual(['hook td', { running: 1, paused: 1 }])
  expect(await names('?state=paused')).toEqual(['td', { running: 1, paused: 1 }])
  expect(await names('?search=HO')).toEqual(['hook', { running: 1 }])
  expect(await names('?destination=treasure-data')).toEqual(['td', { paused: 1 }])
  expect(await names('?source=nobody')).toEqual(['', {}])
})

test('what does not hold together is told field by field', async () => {
  const stack = await startHook()
  const fields = async (body: object) => {
    const { json } = await stack.call('operator', 'POST', '/api/v1/currents', body)
    return [json.error.code, json.error.details.map(({ field }: { field: string }) => field)]
  }
  expect(await fields(definition(stack))).toEqual(['CURRENT_NAME_TAKEN', ['name']])
  expect(
    await fields(
      definition(stack, {
        name: 'other',
        sources: ['nobody'],
        selection: { include: ['a*b'] },
        destination: { kind: 'http', settings: { url: 'no address' } },
      }),
    ),
  ).toEqual(['CURRENT_INVALID', ['selection.include', 'sources', 'destination.settings.url']])
  expect(await fields(definition(stack, { name: 'other', destination: { kind: 'nowhere' } }))).toEqual([
    'CURRENT_INVALID',
    ['destination.kind'],
  ])
})
