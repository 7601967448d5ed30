import { expect, test } from 'vitest'
import { eventually } from '../../test/support/eventually.ts'
import { embeddedWarehouse, event } from '../../test/support/stack.ts'
import { type ApiStack, startApi } from './api.fixture.ts'

const TOKEN = 'lytics-token'

/** People from rows of braze_users, once the profiles have them. */
async function told({ hub }: ApiStack, rows: readonly object[]): Promise<void> {
  if (hub.sources.find('lytics') === undefined)
    await hub.sources.create({ name: 'lytics', kind: 'lytics', settings: { account: '1' }, token: TOKEN })
  const answer = await fetch(`${hub.url}/collect/json/braze_users`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: TOKEN },
    body: JSON.stringify(rows),
  })
  expect(answer.status).toBe(200)
  await eventually(
    'the profiles have read the log',
    () => (hub.profiles.status().position ?? 0) >= hub.log.head,
  )
}

const ids = ({ json }: { json: { profiles: readonly { id: number }[] } }) => json.profiles.map(({ id }) => id)

test('people are found by how an identifier begins, and by a text in a value; hidden values find nobody', async () => {
  const stack = await startApi()
  const { call, hub } = stack
  await told(stack, [
    { external_id: 'u1', email: 'Ada@example.com', first_name: 'Ada', city: 'Long 100%_"Beach"' },
    { external_id: 'u2', email: 'adam@example.com', city: 'LONG ISLAND' },
    { external_id: 'v3', city: 'Lyon', first_name: 'city' },
  ])
  const [ada, adam, lyon] = await Promise.all(
    ['u1', 'u2', 'v3'].map(async (id) => (await hub.profiles.find('external_id', id)).id),
  )
  const begins = async (value: string) =>
    ids(await call('operator', 'GET', `/api/v1/profiles?begins=true&value=${encodeURIComponent(value)}`))
  expect(await begins('ADA')).toEqual([ada, adam])
  expect(await begins('u')).toEqual([ada, adam])
  expect(await begins('example.com')).toEqual([])
  expect(await begins('%')).toEqual([])

  const search = (text: string, also = '') =>
    call('operator', 'GET', `/api/v1/profiles/search?text=${encodeURIComponent(text)}${also}`)
  expect((await search('long')).json).toMatchObject({
    profiles: [{ id: ada }, { id: adam }],
    next: null,
    last: 3,
  })
  expect(ids(await search('100%_"b'))).toEqual([ada])
  expect(ids(await search('%'))).toEqual([ada])
  // The name of a field is no value of it.
  expect(ids(await search('city'))).toEqual([lyon])
  expect(ids(await search('city', '&field=city'))).toEqual([])
  const first = await search('o', '&field=city&limit=2')
  expect([ids(first), first.json.next]).toEqual([[ada, adam], adam])
  expect(ids(await search('o', `&field=city&limit=2&after=${first.json.next}`))).toEqual([lyon])
  // Whoever may not see personal values cannot find out what they are either.
  const { profiles } = hub
  const among = async (sees: boolean) =>
    (await profiles.searchText({ text: 'ada', after: 0, limit: 10 }, undefined, sees)).profiles.length
  expect([await among(true), await among(false)]).toEqual([2, 0])
})

test('a profile tells how its identifiers came; its history has what became part of it; pairs are paged', async () => {
  const stack = await startApi()
  const { call, hub } = stack
  await told(stack, [{ external_id: 'u1' }, { email: 'a@example.com' }, { braze_id: 'b1' }])
  // The second is joined into the third, and that into the first.
  await told(stack, [{ braze_id: 'b1', email: 'a@example.com' }])
  await told(stack, [{ external_id: 'u1', braze_id: 'b1' }])
  const { id } = await hub.profiles.find('external_id', 'u1')
  const { json: profile } = await call('operator', 'GET', `/api/v1/profiles/${id}`)
  expect(profile.identifiers).toContainEqual(
    expect.objectContaining({ field: 'br_user_id', records: 3, streams: ['braze_users'] }),
  )
  expect(profile.links).toHaveLength(2)
  expect(profile.links[0]).toMatchObject({ firstAt: expect.any(Number), records: 1 })
  const { json } = await call('operator', 'GET', `/api/v1/profiles/merges?profile=${id}`)
  expect(json.merges.map(({ loser }: { loser: number }) => loser)).toHaveLength(2)

  for (const n of [1, 2, 3])
    await call('operator', 'PUT', '/api/v1/profiles/never-links', {
      a: ['external_id', n === 3 ? 'u1' : `x${n}`],
      b: ['email', `b${n}@example.com`],
    })
  const pairs = async (query: string) =>
    (await call('operator', 'GET', `/api/v1/profiles/never-links?${query}`)).json
  expect((await pairs('limit=2')).next).toBe(2)
  expect(await pairs('limit=2&skip=2')).toMatchObject({ pairs: [{}], next: null })
  expect((await pairs(`profile=${id}`)).pairs).toMatchObject([{ a: ['email', 'b3@example.com'] }])

  const { json: status } = await call('viewer', 'GET', '/api/v1/profiles/status')
  expect(status).toMatchObject({
    profiles: 1,
    identifiers: 3,
    merges: 2,
    countedAt: expect.any(Number),
    streams: { braze_users: { applied: 5 } },
  })
})

test('a schema is checked as a whole, tried on late records, and its versions are paged', async () => {
  const stack = await startApi()
  const { call } = stack
  await told(stack, [{ external_id: 'u1' }, { external_id: 'u2', city: 'Lyon' }])
  const { json: present } = await call('viewer', 'GET', '/api/v1/profile-schema')
  const { json: sampled } = await call(
    'operator',
    'GET',
    '/api/v1/profile-schema/samples?stream=braze_users&limit=1',
  )
  expect(sampled.samples).toMatchObject([{ offset: 1, text: expect.stringContaining('Lyon') }])
  expect((await call('operator', 'GET', '/api/v1/profile-schema/samples?stream=none')).json.error.code).toBe(
    'INPUT_INVALID',
  )
  const check = async (definition: unknown) =>
    (await call('viewer', 'POST', '/api/v1/profile-schema/check', definition)).json
  expect(await check(present.definition)).toEqual({ holds: true, problems: [] })
  const [users, ...others] = present.definition.streams
  const broken = {
    ...users,
    where: 'nope(',
    mappings: [...users.mappings, { field: 'gone', expression: 'a' }],
  }
  expect(await check({ ...present.definition, streams: [broken, ...others] })).toMatchObject({
    holds: false,
    problems: [
      { where: 'streams.braze_users.where', line: 1 },
      { where: `streams.braze_users.mappings.${users.mappings.length}.field` },
    ],
  })
  const { json: words } = await call('viewer', 'GET', '/api/v1/profile-schema/vocabulary')
  expect(words.types).toContainEqual({ type: 'bool', operators: ['latest', 'oldest'] })
  expect(words.functions.length).toBeGreaterThan(10)

  for (const note of ['one', 'two'])
    await call('operator', 'PUT', '/api/v1/profile-schema', { definition: present.definition, note })
  const versions = async (query: string) =>
    (await call('viewer', 'GET', `/api/v1/profile-schema/versions?${query}`)).json.versions.map(
      ({ version }: { version: number }) => version,
    )
  expect(await versions('')).toEqual([2, 1, 0])
  expect(await versions('limit=2')).toEqual([2, 1])
  expect(await versions('limit=2&before=1')).toEqual([0])
  expect(await versions('before=0')).toEqual([])
})

test('what somebody did is paged, each event once, also where several are of one moment', async () => {
  const stack = await startApi()
  const { call, hub } = stack
  await stack.launch('tables', embeddedWarehouse())
  const did = (id: string, time: number) =>
    event(id, { time, user: { user_id: 'b1', external_user_id: 'u1' }, properties: {} })
  await stack.post([
    did('e1', 1_700_000_000),
    did('e2', 1_700_000_001),
    did('e3', 1_700_000_001),
    event('other'),
  ])
  await stack.settled()
  await told(stack, [{ external_id: 'u1' }])
  const { id } = await hub.profiles.find('external_id', 'u1')
  const page = async (query: string) =>
    (await call('operator', 'GET', `/api/v1/profiles/${id}/events?limit=2${query}`)).json.events
  const first = await page('')
  expect(first).toMatchObject([{ id: 'e3' }, { id: 'e2', at: 1_700_000_001_000 }])
  expect(await page(`&before=${first[1].at}&beforeId=e2`)).toMatchObject([{ id: 'e1' }])
})
