/** What can be seen of the doubles through the API. */

import { expect, test } from 'vitest'
import { event, httpSink, segment, treasureDataRecords } from '../../test/support/stack.ts'
import { DEMO } from '../sandbox/sandbox.ts'
import { startApi } from './api.fixture.ts'

test('each double shows what it keeps, page by page, and the requests that it saw, without keys', async () => {
  const stack = await startApi()
  const { call, sandbox } = stack
  await stack.launch('hook', { ...httpSink(sandbox), credentials: { token: 'a-secret-token' } })
  await stack.launch('td', treasureDataRecords(sandbox))
  await stack.launch('segment', segment(sandbox))
  for (let i = 0; i < 3; i++) {
    await stack.post([event(`e${i}`)])
    await stack.settled()
  }
  sandbox.braze.vendor.profiles.create('p1', 1)
  sandbox.braze.vendor.profiles.create('p2', 1)
  const cohort = {
    partner_api_key: DEMO.brazePartnerKey,
    client_secret: DEMO.brazeImportKey,
    cohort_id: 'vip',
  }
  const cohorts = `${sandbox.addresses.braze}/partners/${DEMO.brazePartner}/cohorts`
  await post(cohorts, { ...cohort, name: 'VIP', created_at: '2026-03-01T00:00:00Z' })
  await post(`${cohorts}/users`, { ...cohort, cohort_changes: [{ user_ids: ['p1', 'nobody'] }] })

  const { doubles } = (await call('viewer', 'GET', '/api/v1/sandbox')).json
  const holdings = Object.fromEntries(
    doubles.map((double: { name: string; holdings: { name: string; total: number }[] }) => [
      double.name,
      Object.fromEntries(double.holdings.map(({ name, total }) => [name, total])),
    ]),
  )
  expect(holdings).toEqual({
    braze: { profiles: 2, cohorts: 1, [`members:${DEMO.brazePartner}:vip`]: 1, segments: 0 },
    'treasure-data': { [`${DEMO.database}.${DEMO.table}`]: 3, drops: 0 },
    segment: { events: 3, discards: 0 },
    http: { requests: 3 },
  })
  const look = async (path: string) => (await call('viewer', 'GET', `/api/v1/sandbox/${path}`)).json
  expect(await look(`braze/holdings/members:${DEMO.brazePartner}:vip`)).toMatchObject({
    total: 1,
    items: [{ external_id: 'p1' }],
  })
  expect((await look('braze/holdings/profiles?limit=1&offset=1')).items).toMatchObject([
    { external_id: 'p2', cohorts: [] },
  ])
  const rows = await look(`treasure-data/holdings/${DEMO.database}.${DEMO.table}?limit=2`)
  expect(rows.items.map(({ id }: { id: string }) => id)).toEqual(['e2', 'e1'])
  const kept = await call('viewer', 'GET', '/api/v1/sandbox/http/holdings/requests?limit=1')
  expect(kept.json.items[0].headers.authorization).toBe('[secret]')
  expect(kept.text).toContain('e2')
  expect(kept.text).not.toContain('a-secret-token')

  sandbox.http.faults.set([{ kind: 'status', status: 503, next: 1 }])
  await stack.post([event('e9')])
  await stack.settled()
  const seen = await look('http/requests?limit=2')
  expect(seen.total).toBe(5)
  expect(seen.items).toMatchObject([
    { method: 'POST', path: '/events', status: 204, accepted: 1 },
    { path: '/events', status: 503, accepted: 0 },
  ])
  expect((await look('http/holdings/nothing')).error.code).toBe('SANDBOX_UNKNOWN')
  expect((await look('http')).now).toBeGreaterThan(0)
})

async function post(url: string, body: unknown): Promise<void> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  expect(answer.ok, await answer.text()).toBe(true)
}
