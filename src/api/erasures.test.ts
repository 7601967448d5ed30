import { expect, test } from 'vitest'
import { eventually } from '../../test/support/eventually.ts'
import { event } from '../../test/support/stack.ts'
import { startApi } from './api.fixture.ts'

const WHO = { identifiers: [{ kind: 'external_id', value: 'person-to-forget' }] }

test('a plan, the erasure, its receipt, and the way back in', async () => {
  const { call, post, hub } = await startApi()
  const hers = event('h1', {
    user: { user_id: 'abcdefabcdefabcdefabcdef', external_user_id: 'person-to-forget' },
    properties: {},
  })
  await post([hers, event('o1')])
  const plan = await call('admin', 'POST', '/api/v1/erasures/plan', WHO)
  expect(plan.json).toMatchObject({
    identifiers: [
      { kind: 'external_id', label: '', value: 'person-to-forget' },
      { kind: 'braze_id', label: '', value: 'abcdefabcdefabcdefabcdef' },
    ],
    shared: [],
    weak: [],
    places: expect.arrayContaining([{ place: 'log', rows: 1 }]),
  })

  const made = await call('admin', 'POST', '/api/v1/erasures', { ...WHO, note: 'for person-to-forget' })
  expect([made.status, made.json.state, made.json.note]).toEqual([202, 'queued', 'for ****************'])
  const ended = await eventually('the erasure is finished', async () => {
    const { json } = await call('viewer', 'GET', `/api/v1/erasures/${made.json.id}`)
    return json.state === 'finished' ? json : undefined
  })
  expect(ended).toMatchObject({
    requestedBy: expect.any(String),
    suppress: true,
    problem: '',
    receipt: { version: 1 },
  })
  expect(JSON.stringify(ended)).not.toMatch(/person-to-forget|abcdefabcdef/)
  expect((await call('viewer', 'GET', '/api/v1/erasures')).json.erasures).toEqual([ended])

  const { receipt, signature } = ended
  const verify = async (what: object) => (await call('viewer', 'POST', '/api/v1/erasures/verify', what)).json
  expect(await verify({ receipt, signature })).toEqual({ verdict: 'ours' })
  expect(await verify({ receipt: { ...receipt, finishedAt: 0 }, signature })).toEqual({
    verdict: 'not as it was signed',
  })
  expect(await verify({ receipt: { publicKey: 'none' }, signature })).toMatchObject({
    error: { code: 'INPUT_INVALID' },
  })

  const { json: lineage } = await call('viewer', 'GET', '/api/v1/events/h1')
  expect(lineage.records).toMatchObject([
    { erased: true, raw: expect.stringMatching(/^\{"erased":true\} +$/) },
  ])
  await post([{ ...hers, id: 'h2' }])
  expect(hub.erasures.suppression.blanked).toBe(1)
  expect((await call('admin', 'POST', `/api/v1/erasures/${ended.id}/lift`)).json).toEqual({ lifted: 2 })
  await post([{ ...hers, id: 'h3' }])
  expect(hub.erasures.suppression.blanked).toBe(1)
})

test.each([
  ['no identifier', { identifiers: [] }, 'INPUT_INVALID'],
  ['an empty one', { identifiers: [{ kind: 'email', value: ' ' }] }, 'INPUT_INVALID'],
  ['a kind that there is not', { identifiers: [{ kind: 'name', value: 'x' }] }, 'INPUT_INVALID'],
  ['a target that there is not', { ...WHO, targets: ['auth_0'] }, 'AUTHORIZATION_UNKNOWN'],
])('%s is refused', async (_, body, code) => {
  const { call } = await startApi()
  expect((await call('admin', 'POST', '/api/v1/erasures', body)).json).toMatchObject({ error: { code } })
})

test('only an administrator erases; a target needs a REST key and a current', async () => {
  const { call, hub } = await startApi()
  expect((await call('operator', 'POST', '/api/v1/erasures', WHO)).status).toBe(403)
  expect((await call('operator', 'POST', '/api/v1/erasures/plan', WHO)).status).toBe(403)
  expect((await call('viewer', 'GET', '/api/v1/erasures/erasure_0')).json).toMatchObject({
    error: { code: 'ERASURE_UNKNOWN' },
  })
  const made = async (provider: string, credentials: Record<string, unknown>) =>
    (await hub.authorizations.create({ label: provider, provider, credentials })).id
  for (const [id, words] of [
    [await made('segment', { writeKey: 'w' }), 'no REST key'],
    [await made('braze-attribute', { restKey: 'k' }), 'which instance'],
  ] as const) {
    const { json } = await call('admin', 'POST', '/api/v1/erasures', { ...WHO, targets: [id] })
    expect(json).toMatchObject({ error: { code: 'INPUT_INVALID', message: expect.stringContaining(words) } })
  }
})
