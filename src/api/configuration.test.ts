/** Configuration as files, over a whole hub: the round trip, drift, removal, failures half-way, secrets, effects, the trail. */

import { expect, onTestFinished, test } from 'vitest'
import { eventually } from '../../test/support/eventually.ts'
import { freshStoreUrl } from '../../test/support/store.ts'
import { joinCluster } from '../cluster/join.ts'
import type { AppliedStep } from '../config/applied.ts'
import { type ApplyOptions, type Asker, Configuration } from '../config/config.ts'
import { workspace } from '../config/workspace.fixture.ts'
import { systemClock } from '../core/clock.ts'
import { refusalFrom } from '../core/errors.ts'
import { openStore } from '../store/store.ts'
import { type Answered, type ApiStack, startApi } from './api.fixture.ts'

const SECRETS = { 'env:KEY': 'key-of-segment-1', 'env:OTHER': 'key-of-segment-2' }
const AUTHORIZATION = {
  object: 'authorization',
  label: 'Segment EU',
  provider: 'segment',
  credentials: { writeKey: 'env:KEY' },
}
const SOURCE = { object: 'source', name: 'shop', kind: 'braze-currents' }
const CURRENT = {
  object: 'current',
  name: 'orders',
  contactEmail: 'a@example.com',
  sources: ['shop'],
  destination: { kind: 'http', settings: { url: 'http://127.0.0.1:9/in' } },
}
const QUERY = { object: 'query', name: 'people', sql: 'select 1 as user_ids' }

type Documents = readonly Readonly<Record<string, unknown>>[]

const plan = (stack: ApiStack, documents: Documents, also = {}): Promise<Answered> =>
  stack.call('admin', 'POST', '/api/v1/config/plan', { documents, effects: false, ...also })
const apply = (stack: ApiStack, documents: Documents, also = {}): Promise<Answered> =>
  stack.call('admin', 'POST', '/api/v1/config/apply', { documents, ...also })

/** What there is to do, in short. */
function told({ json }: Answered): string[] {
  return json.steps
    .filter(({ action }: { action: string }) => action !== 'keep')
    .map(
      ({ action, object, name, drift }: { action: string; object: string; name: string; drift: unknown }) =>
        `${action} ${object} ${name}${drift === null ? '' : ' (drift)'}`,
    )
}

async function exported(stack: ApiStack): Promise<Documents> {
  const { json } = await stack.call('viewer', 'GET', '/api/v1/config')
  return json.documents.map(({ object, document }: { object: string; document: object }) => ({
    object,
    ...document,
  }))
}

test('a workspace of 200 objects goes round: what is exported changes nothing, and makes the same elsewhere, to the byte', {
  timeout: 180_000,
}, async () => {
  const { documents, secrets } = workspace(200)
  const first = await startApi({ sandbox: {} })
  const done = await apply(first, documents, { secrets })
  expect(done.json.error).toBeUndefined()
  expect(done.json.steps.every(({ outcome }: AppliedStep) => outcome === 'done')).toBe(true)
  const out = await exported(first)
  expect(out.length).toBeGreaterThanOrEqual(200)
  // Without secrets at hand, too.
  const again = await plan(first, out)
  expect(told(again)).toEqual([])
  const versions = (await first.call('viewer', 'GET', '/api/v1/currents')).json.currents.map(
    ({ version }: { version: number }) => version,
  )
  const noop = await apply(first, out)
  expect(noop.json).toMatchObject({ state: 'done', steps: [] })
  expect(JSON.stringify(await exported(first))).toBe(JSON.stringify(out))
  expect(
    (await first.call('viewer', 'GET', '/api/v1/currents')).json.currents.map(
      ({ version }: { version: number }) => version,
    ),
  ).toEqual(versions)
  const second = await startApi({ sandbox: {} })
  expect((await apply(second, out, { secrets, acceptDrift: true })).json.error).toBeUndefined()
  expect(JSON.stringify(await exported(second))).toBe(JSON.stringify(out))
  expect(JSON.stringify([out, again.json, noop.json])).not.toMatch(/top-secret/)
})

test('what somebody else changed is shown, and overwritten only when that is said', async () => {
  const stack = await startApi()
  const documents = [SOURCE, CURRENT, QUERY]
  expect(told(await plan(stack, documents))).toEqual([
    'create source shop',
    'create query people',
    'create current orders',
  ])
  expect((await apply(stack, documents)).status).toBe(200)
  await stack.call('operator', 'PATCH', '/api/v1/queries/people', { sql: 'select 2 as user_ids' })
  const drifted = await plan(stack, documents)
  expect(told(drifted)).toEqual(['change query people (drift)'])
  expect(drifted.json.steps.find(({ object }: { object: string }) => object === 'query')).toMatchObject({
    differences: [{ field: 'sql', before: 'select 2 as user_ids', after: 'select 1 as user_ids' }],
    drift: {
      words: 'was changed since apply 1',
      differences: [{ field: 'sql', before: 'select 1 as user_ids', after: 'select 2 as user_ids' }],
    },
  })
  const refused = await apply(stack, documents)
  expect(refused).toMatchObject({ status: 409, json: { error: { code: 'CONFIG_DRIFT' } } })
  expect((await stack.call('viewer', 'GET', '/api/v1/queries/people')).json.sql).toBe('select 2 as user_ids')
  // What the files agree to by now is no drift.
  expect(told(await plan(stack, [SOURCE, CURRENT, { ...QUERY, sql: 'select 2 as user_ids' }]))).toEqual([])
  expect((await apply(stack, documents, { acceptDrift: true })).status).toBe(200)
  expect(told(await plan(stack, documents))).toEqual([])
  // Removed elsewhere, renamed elsewhere.
  await stack.call('operator', 'DELETE', '/api/v1/queries/people')
  const current = (await stack.call('viewer', 'GET', '/api/v1/currents/orders')).json
  await stack.call('operator', 'PUT', '/api/v1/currents/orders', {
    definition: { ...current.definition, name: 'sales' },
  })
  expect(told(await plan(stack, documents))).toEqual([
    'create query people (drift)',
    'change current orders (drift)',
  ])
  expect((await apply(stack, documents, { acceptDrift: true })).status).toBe(200)
  expect((await stack.call('viewer', 'GET', '/api/v1/currents/orders')).json.number).toBe(current.number)
  expect(told(await plan(stack, documents))).toEqual([])
})

test('an object that no file made is not taken over unasked, and what no file made is never removed', async () => {
  const stack = await startApi()
  await stack.call('operator', 'POST', '/api/v1/queries', { name: 'people', sql: 'select 7' })
  await stack.call('operator', 'POST', '/api/v1/queries', { name: 'other', sql: 'select 8' })
  expect(told(await plan(stack, [QUERY]))).toEqual(['change query people (drift)'])
  expect((await apply(stack, [QUERY], { remove: true })).json.error.code).toBe('CONFIG_DRIFT')
  expect((await apply(stack, [QUERY], { acceptDrift: true, remove: true })).status).toBe(200)
  expect((await plan(stack, [QUERY])).json.others).toContainEqual({ object: 'query', name: 'other' })
})

test('removal waits for its word, goes backwards, and a rename keeps the object', async () => {
  const stack = await startApi()
  await apply(stack, [SOURCE, CURRENT, QUERY])
  const { number } = (await stack.call('viewer', 'GET', '/api/v1/currents/orders')).json
  const renamed = [SOURCE, { ...CURRENT, name: 'sales', formerly: 'orders' }, QUERY]
  expect(told(await plan(stack, renamed))).toEqual(['change current sales'])
  expect((await apply(stack, renamed)).status).toBe(200)
  expect((await stack.call('viewer', 'GET', '/api/v1/currents/sales')).json.number).toBe(number)
  expect(told(await plan(stack, [QUERY]))).toEqual(['remove current sales', 'remove source shop'])
  expect((await apply(stack, [QUERY])).json.steps).toEqual([])
  expect((await apply(stack, [QUERY], { remove: true })).json.steps).toMatchObject([
    { action: 'remove', object: 'current', outcome: 'done' },
    { action: 'remove', object: 'source', outcome: 'done' },
  ])
  expect(told(await plan(stack, [QUERY]))).toEqual([])
})

test('an apply that fails half-way says what was done, and goes on from there', async () => {
  const stack = await startApi()
  // A folder that the hub may not read: only the hub itself knows.
  const files = {
    object: 'source',
    name: 'files',
    kind: 'files',
    settings: { location: { kind: 'folder', path: '/nowhere' } },
  }
  const documents = [SOURCE, files, QUERY, CURRENT, AUTHORIZATION]
  const failed = await apply(stack, documents, { secrets: SECRETS })
  expect(failed).toMatchObject({ status: 500, json: { error: { code: 'CONFIG_FAILED' } } })
  expect(failed.json.error.message).toMatch(
    /Apply 1 stopped at the source files: .*THALWEG_FILES_ROOTS.*1 of 5 steps were done/,
  )
  const report = (await stack.call('viewer', 'GET', '/api/v1/config/applies/1')).json
  expect(report).toMatchObject({ state: 'failed' })
  expect(
    report.steps.map(({ name, outcome }: { name: string; outcome: string }) => `${name} ${outcome}`),
  ).toEqual([
    'Segment EU done',
    'files failed',
    'shop not reached',
    'people not reached',
    'orders not reached',
  ])
  const mended = documents.filter((one) => one !== files)
  expect(told(await plan(stack, mended, { secrets: SECRETS }))).toEqual([
    'create source shop',
    'create query people',
    'create current orders',
  ])
  expect((await apply(stack, mended, { secrets: SECRETS })).json).toMatchObject({ number: 2, state: 'done' })
  expect(told(await plan(stack, mended))).toEqual([])
})

test('secrets are needed when they are new, compared without being told, and rotated when they differ', async () => {
  const stack = await startApi()
  const missing = await apply(stack, [AUTHORIZATION])
  expect(missing).toMatchObject({ status: 422, json: { error: { code: 'CONFIG_SECRETS' } } })
  expect(missing.json.error.message).toContain('env:KEY')
  expect((await apply(stack, [AUTHORIZATION], { secrets: SECRETS })).status).toBe(200)
  const id = (await stack.call('viewer', 'GET', '/api/v1/authorizations')).json.authorizations[0].id
  expect(await stack.hub.authorizations.reveal(id)).toEqual({ writeKey: SECRETS['env:KEY'] })
  const unset = await plan(stack, [AUTHORIZATION])
  expect(told(unset)).toEqual([])
  expect(unset.json.steps[0].notes).toEqual(['Its secrets stay as they are: env:KEY is not set here'])
  expect(told(await plan(stack, [AUTHORIZATION], { secrets: SECRETS }))).toEqual([])
  const moved = { ...AUTHORIZATION, credentials: { writeKey: 'env:OTHER' } }
  const rotated = await plan(stack, [moved], { secrets: SECRETS })
  expect(told(rotated)).toEqual(['change authorization Segment EU'])
  expect(rotated.json.steps[0].differences).toEqual([
    { field: 'credentials.writeKey', before: 'another value', after: 'env:OTHER' },
  ])
  expect((await apply(stack, [moved], { secrets: SECRETS })).status).toBe(200)
  expect(await stack.hub.authorizations.reveal(id)).toEqual({ writeKey: SECRETS['env:OTHER'] })
  // Rotated by hand since: the files do not undo that unasked.
  await stack.call('admin', 'POST', `/api/v1/authorizations/${id}/rotate`, {
    credentials: { writeKey: 'by-hand' },
  })
  const drifted = await plan(stack, [moved], { secrets: SECRETS })
  expect(drifted.json.steps[0].drift).toMatchObject({ words: 'was given other secrets since apply 2' })
  // An operator cannot find out by guessing.
  const guessed = await stack.call('operator', 'POST', '/api/v1/config/plan', {
    documents: [moved],
    secrets: SECRETS,
  })
  expect(told(guessed)).toEqual([])
  const { json } = await stack.call('admin', 'GET', '/api/v1/audit?limit=200')
  const kept = JSON.stringify([
    json,
    rotated.json,
    drifted.json,
    await exported(stack),
    await stack.hub.store.db.selectFrom('config_objects').selectAll().execute(),
    await stack.hub.store.db.selectFrom('config_applies').selectAll().execute(),
    await stack.hub.store.db.selectFrom('audit_states').selectAll().execute(),
  ])
  for (const secret of [...Object.values(SECRETS), 'by-hand']) expect(kept).not.toContain(secret)
})

test('the token of a source is added when it is not taken yet', async () => {
  const stack = await startApi()
  const documents = [{ ...SOURCE, token: 'env:TOKEN' }]
  expect((await apply(stack, documents, { secrets: { 'env:TOKEN': 'the-token-of-the-shop' } })).status).toBe(
    200,
  )
  expect(stack.hub.sources.get('shop').tokens).toHaveLength(1)
  expect(told(await plan(stack, documents, { secrets: { 'env:TOKEN': 'the-token-of-the-shop' } }))).toEqual(
    [],
  )
  expect((await apply(stack, documents, { secrets: { 'env:TOKEN': 'a-newer-token' } })).status).toBe(200)
  expect(stack.hub.sources.get('shop').tokens).toHaveLength(2)
})

test('the plan that was agreed to is the one that is applied', async () => {
  const stack = await startApi()
  const { digest } = (await plan(stack, [QUERY])).json
  await stack.call('operator', 'POST', '/api/v1/queries', { name: 'people', sql: 'select 7' })
  expect((await apply(stack, [QUERY], { digest, acceptDrift: true })).json.error.code).toBe('CONFIG_STALE')
})

test('roles are those of the changes: an operator applies what operators change', async () => {
  const stack = await startApi()
  const as = (role: 'viewer' | 'operator' | undefined, documents: Documents) =>
    stack.call(role, 'POST', '/api/v1/config/apply', { documents, secrets: SECRETS })
  expect((await as(undefined, [QUERY])).status).toBe(401)
  expect((await as('viewer', [QUERY])).status).toBe(403)
  const refused = await as('operator', [QUERY, AUTHORIZATION])
  expect(refused).toMatchObject({ status: 403, json: { error: { code: 'TOKEN_FORBIDDEN' } } })
  expect(refused.json.error.message).toContain('authorization Segment EU')
  expect((await stack.call('viewer', 'GET', '/api/v1/queries')).json.queries).toEqual([])
  expect((await as('operator', [QUERY])).status).toBe(200)
})

test('the history of an object and the trail name the apply', async () => {
  const stack = await startApi()
  await apply(stack, [SOURCE, CURRENT, QUERY], { note: 'the first' })
  await apply(stack, [SOURCE, { ...CURRENT, externalId: 'optional' }, { ...QUERY, description: 'x' }], {
    note: 'later',
  })
  const notes = async (where: string): Promise<string[]> =>
    (await stack.call('viewer', 'GET', where)).json.versions.map(({ note }: { note: string }) => note).sort()
  expect(await notes('/api/v1/currents/orders/versions')).toEqual(['apply 1: the first', 'apply 2: later'])
  expect(await notes('/api/v1/queries/people/versions')).toEqual(['apply 1: the first', 'apply 2: later'])
  const { entries } = (await stack.call('admin', 'GET', '/api/v1/audit?limit=100')).json
  const ofApply = entries.filter(({ request }: { request: string }) => request.startsWith('apply-2.'))
  expect(ofApply.map(({ operation }: { operation: string }) => operation).sort()).toEqual([
    'reviseCurrent',
    'reviseSavedQuery',
  ])
  expect(entries.some(({ operation }: { operation: string }) => operation === 'applyConfiguration')).toBe(
    true,
  )
  // Nobody outside can name a request so.
  const forged = await stack.api.app.inject({
    url: '/api/v1/me',
    headers: { 'x-thalweg-step': 'x apply-9.1' },
  })
  expect(forged.headers['x-request-id']).not.toContain('apply')
})

test('the plan tells what would flow otherwise over the last kept events, and what a sync would do', async () => {
  const stack = await startApi()
  const event = (i: number, type: string) => ({
    id: `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`,
    event_type: type,
    time: 1_700_000_000,
    user: { user_id: 'b', external_user_id: `u${i}` },
    properties: { email_address: `u${i}@example.com` },
  })
  await stack.post([1, 2, 3].map((i) => event(i, 'users.messages.email.Open')))
  await stack.post([4, 5].map((i) => event(i, 'users.messages.email.Click')))
  const current = { ...CURRENT, sources: ['braze'] }
  const documents = [current]
  await apply(stack, documents)
  const changed = [
    {
      ...current,
      selection: { include: ['users.messages.email.Open'] },
      fields: { email_address: 'hash' },
    },
    {
      object: 'activation',
      name: 'vip',
      contactEmail: 'a@example.com',
      query: { sql: "select 'u' || i as user_ids from range(5) t(i)" },
      operation: 'mirror',
      destination: {
        kind: 'braze-cohort',
        settings: { instance: 'US-01', cohortId: 'vip' },
        authorization: 'Braze',
      },
    },
    {
      object: 'authorization',
      label: 'Braze',
      provider: 'braze-cohort',
      credentials: { importKey: 'env:KEY', partnerKey: 'env:OTHER' },
    },
  ]
  const { json } = await plan(stack, changed, { effects: true, events: 100 })
  const effect = (name: string) => json.steps.find((step: { name: string }) => step.name === name).effect
  expect(effect('orders').numbers).toEqual({
    records: 5,
    sent: 3,
    added: 0,
    removed: 2,
    different: 3,
    same: 0,
  })
  expect(effect('vip').numbers).toMatchObject({
    members: 0,
    added: 5,
    removed: 0,
    requests: 1,
    dataPoints: 0,
  })
  expect(effect('vip').words[0]).toMatch(/A run now would add 5 and remove 0/)
  // Only told: nothing was run, and nothing was kept.
  expect((await stack.call('viewer', 'GET', '/api/v1/activations')).json.activations).toEqual([])
})

test('a changed mapping is told over the last records of its stream', async () => {
  const stack = await startApi()
  const out = await exported(stack)
  const events = [1, 2, 3].map((i) => ({
    id: `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`,
    event_type: 'users.messages.email.Open',
    time: 1_700_000_000,
    user: { user_id: `b${i}`, external_user_id: `u${i}` },
    properties: {},
  }))
  await stack.post(events)
  const streams = out.filter(({ object }) => object === 'stream')
  const reading = streams.find(({ from }) => JSON.stringify(from ?? '').includes('braze-currents'))
  const withReading = (also: object): Documents =>
    out.map((one) => (one === reading ? { ...one, ...also } : one))
  const numbers = async (documents: Documents) => {
    const { json } = await plan(stack, documents, { effects: true })
    return json.steps.find(({ name }: { name: string }) => name === reading?.name).effect.numbers
  }
  const on = withReading({ active: true })
  expect(await numbers(on)).toMatchObject({ records: 3, mapped: 3, added: 3, removed: 0 })
  expect((await apply(stack, on)).status).toBe(200)
  const filtered = withReading({ active: true, where: 'eq(event_type, "nothing")' })
  expect(await numbers(filtered)).toMatchObject({ records: 3, mapped: 0, added: 0, removed: 3 })
})

test('of two applies at once the second is refused, and changes nothing', async () => {
  const stack = await startApi()
  const answers = await Promise.all([apply(stack, [SOURCE, CURRENT]), apply(stack, [QUERY])])
  const refused = answers.findIndex(({ status }) => status === 409)
  expect(answers[refused]?.json.error.code).toBe('CONFIG_BUSY')
  expect(answers[1 - refused]?.json).toMatchObject({ number: 1, state: 'done' })
  const made = (await exported(stack)).map(({ object }) => object)
  expect(made.includes('query')).toBe(refused === 0)
  expect(made.includes('current')).toBe(refused === 1)
  // And then its turn has come.
  expect((await apply(stack, [SOURCE, CURRENT, QUERY])).json).toMatchObject({ number: 2, state: 'done' })
})

const PLAIN: ApplyOptions = { digest: undefined, removes: false, acceptsDrift: false, note: '' }
const asked = (documents: Documents) => ({ documents, secrets: new Map<string, string>() })

/** A hub, and a second node beside it that applies too; what the other asks of the API passes a gate. */
async function besideAnother(leaseMs: number) {
  const url = await freshStoreUrl('postgres')
  const stack = await startApi({ settings: { store: url, leaseMs: `${leaseMs}` } })
  const { hub } = stack
  const told: string[] = []
  const store = await openStore(url, { clock: systemClock })
  const cluster = await joinCluster({
    store,
    storeUrl: url,
    node: { name: 'other', roles: [], version: 'test', log: hub.cluster.node.log },
    leaseMs,
    logger: {
      info: () => undefined,
      warn: (_about, message) => void told.push(message),
      error: () => undefined,
    },
  })
  onTestFinished(async () => {
    await cluster.leave()
    await store.close()
  })
  const gate = { isShut: false, waiting: [] as (() => void)[] }
  const ask = async (method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', where: string, body?: unknown) => {
    if (method !== 'GET' && gate.isShut) await new Promise<void>((resolve) => gate.waiting.push(resolve))
    const { status, json } = await stack.call('admin', method, `/api/v1${where}`, body)
    if (status >= 400) throw refusalFrom(json.error)
    return json
  }
  const asker: Asker = {
    name: 'other',
    isAdmin: true,
    desk: () => ({ get: (where) => ask('GET', where), send: ask }),
  }
  const other = new Configuration({ ...hub, store, cluster })
  const open = (): void => {
    gate.isShut = false
    for (const pass of gate.waiting.splice(0)) pass()
  }
  return { stack, store, other, asker, told, gate, open }
}

test('of two applies on two nodes the second waits, and then sees what the first has done', async () => {
  const { stack, other, asker, gate, open } = await besideAnother(10_000)
  const documents = [SOURCE, CURRENT, QUERY]
  const { digest } = (await plan(stack, documents)).json
  gate.isShut = true
  const first = other.apply(asked(documents), asker, PLAIN)
  await eventually('the first is under way', () => gate.waiting.length > 0)
  // Of two more, one waits, whichever came first, and the other is refused beside it.
  const two = [apply(stack, documents), apply(stack, documents)]
  const refused = await Promise.race(two)
  expect(refused.json.error.code).toBe('CONFIG_BUSY')
  expect((await stack.call('viewer', 'GET', '/api/v1/config/applies')).json.applies).toHaveLength(1)
  expect((await exported(stack)).map(({ name }) => name)).not.toContain('shop')
  open()
  expect(await first).toMatchObject({ number: 1, state: 'done', steps: [{}, {}, {}] })
  const second = (await Promise.all(two)).find((answer) => answer !== refused)
  expect(second?.json).toMatchObject({ number: 2, state: 'done', steps: [] })
  // A plan from before the first is no longer agreed to.
  expect((await apply(stack, documents, { digest })).json.error.code).toBe('CONFIG_STALE')
}, 60_000)

test('an apply that another node may have overtaken stops before its next step', async () => {
  const { stack, store, other, asker, told, gate, open } = await besideAnother(1_000)
  gate.isShut = true
  const first = other.apply(asked([SOURCE, CURRENT, QUERY]), asker, PLAIN)
  const failed = expect(first).rejects.toMatchObject({
    code: 'CONFIG_FAILED',
    message: expect.stringContaining('1 of 3 steps were done'),
  })
  await eventually('the first is under way', () => gate.waiting.length > 0)
  // As if this process had stood still for longer than its lease.
  const taken = { holder: 'another', until: Date.now() + 600_000 }
  await store.db
    .updateTable('leases')
    .set((e) => ({ ...taken, token: e('token', '+', 1) }))
    .where('name', '=', 'apply')
    .execute()
  await eventually('its lease is lost', () => told.includes('a lease was lost: its post ends here'))
  open()
  await failed
  const { json } = await stack.call('viewer', 'GET', '/api/v1/config/applies/1')
  expect(json).toMatchObject({ state: 'failed', steps: [{ outcome: 'done' }, { outcome: 'failed' }, {}] })
  expect(json.steps[1].message).toContain('Another node may hold apply by now')
  expect((await exported(stack)).map(({ object }) => object)).not.toContain('current')
  // Nothing was noted as left by it: what stands there is nobody's yet.
  expect(await store.db.selectFrom('config_objects').selectAll().execute()).toEqual([])
}, 60_000)
