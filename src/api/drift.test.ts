import { describe, expect, test } from 'vitest'
import { eventually } from '../../test/support/eventually.ts'
import { event, SOURCE } from '../../test/support/stack.ts'
import { type ApiStack, startApi } from './api.fixture.ts'

const OPEN = 'users.messages.email.Open'

async function withDrift(): Promise<ApiStack> {
  const stack = await startApi()
  const tier = (id: string, loyalty_tier: unknown) =>
    event(id, { properties: { email_address: 'a@example.com', loyalty_tier } })
  await stack.post([
    tier('a', 'gold'),
    tier('b', 'silver'),
    tier('c', 3),
    event('d', { type: 'odd "type"/é' }),
    {},
  ])
  await eventually('all is counted', () => stack.hub.drift.position === stack.hub.log.head)
  return stack
}

describe('the drift API', () => {
  test('lists what was found, by page and filter, and takes acknowledgements', async () => {
    const { call } = await withDrift()
    const all = await call('viewer', 'GET', '/api/v1/drift')
    expect(all.json).toMatchObject({ position: 5, head: 5, unacknowledged: 4, next: null })
    expect(all.json.findings).toHaveLength(4)
    expect(all.json.findings).toContainEqual({
      id: expect.stringMatching(/^[0-9a-f]{16}$/),
      finding: 'new_field',
      source: SOURCE,
      eventType: OPEN,
      path: 'properties.loyalty_tier',
      kind: 'string',
      expected: '',
      count: 2,
      firstSeenAt: expect.any(Number),
      firstOffset: 0,
      lastSeenAt: expect.any(Number),
      sample: '"gold"',
      acknowledgedAt: null,
      note: '',
    })

    const seen: string[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page = await call(
        'viewer',
        'GET',
        `/api/v1/drift?limit=3${cursor === '' ? '' : `&cursor=${cursor}`}`,
      )
      seen.push(...page.json.findings.map(({ id }: { id: string }) => id))
      cursor = page.json.next
    }
    expect(new Set(seen).size).toBe(4)

    const changes = await call('viewer', 'GET', `/api/v1/drift?finding=kind_change&source=${SOURCE}`)
    expect(changes.json.findings).toMatchObject([{ kind: 'integer', expected: 'string', sample: '3' }])
    const [{ id }] = changes.json.findings
    const body = { ids: [id], note: 'their new app' }
    expect((await call('viewer', 'POST', '/api/v1/drift/acknowledge', body)).status).toBe(403)
    expect((await call(undefined, 'POST', '/api/v1/drift/acknowledge', body)).status).toBe(401)
    expect((await call('operator', 'POST', '/api/v1/drift/acknowledge', body)).json).toEqual({
      acknowledged: 1,
    })
    const known = await call('viewer', 'GET', '/api/v1/drift?acknowledged=true')
    expect(known.json).toMatchObject({ unacknowledged: 3, findings: [{ id, note: 'their new app' }] })

    const rest = { filter: {}, note: '' }
    expect((await call('operator', 'POST', '/api/v1/drift/acknowledge', { ...rest, until: 1 })).json).toEqual(
      {
        acknowledged: 0,
      },
    )
    expect((await call('operator', 'POST', '/api/v1/drift/acknowledge', rest)).json).toEqual({
      acknowledged: 3,
    })
    expect((await call('viewer', 'GET', '/api/v1/inbox')).json.unacknowledgedFindings).toBe(0)
  })

  test('shows the fields of a type, whatever its name', async () => {
    const { call } = await withDrift()
    const open = await call('viewer', 'GET', `/api/v1/drift/types/${OPEN}`)
    expect(open.json).toMatchObject({
      eventType: OPEN,
      inCatalog: true,
      sources: [{ source: SOURCE, count: 3 }],
    })
    const rows = open.json.sources[0].fields as { path: string; kind: string }[]
    expect(rows.filter(({ path }) => path === 'properties.loyalty_tier')).toMatchObject([
      {
        kind: 'integer',
        inCatalog: false,
        finding: 'kind_change',
        expected: 'string',
        count: 1,
        share: 1 / 3,
      },
      { kind: 'string', inCatalog: false, finding: 'new_field', count: 2, share: 2 / 3 },
    ])
    expect(rows.find(({ path }) => path === 'properties.email_address')).toMatchObject({
      inCatalog: true,
      finding: '',
      count: 3,
      sample: '[redacted]',
    })
    const odd = await call('viewer', 'GET', `/api/v1/drift/types/${encodeURIComponent('odd "type"/é')}`)
    expect(odd.json).toMatchObject({ inCatalog: false, sources: [{ count: 1 }] })
    const none = await call('viewer', 'GET', '/api/v1/drift/types/')
    expect(none.json).toMatchObject({ eventType: '', sources: [{ count: 1, fields: [] }] })
  })

  test('its count of unacknowledged findings is in inbox, metrics and live status', async () => {
    const { call } = await withDrift()
    expect((await call('viewer', 'GET', '/api/v1/inbox')).json).toMatchObject({
      unacknowledgedFindings: 4,
      firstSeen: expect.arrayContaining([expect.objectContaining({ eventType: OPEN, known: true })]),
    })
    expect((await call('viewer', 'GET', '/metrics')).text).toMatch(/thalweg_drift_unacknowledged_findings 4/)
  })

  test.each([
    ['GET', '/drift?source=nobody', undefined, 'SOURCE_UNKNOWN'],
    ['GET', '/drift?finding=odd', undefined, 'INPUT_INVALID'],
    ['GET', '/drift?cursor=odd', undefined, 'INPUT_INVALID'],
    ['GET', '/drift?limit=501', undefined, 'INPUT_INVALID'],
    ['GET', '/drift/types/never.came', undefined, 'DRIFT_UNKNOWN'],
    ['POST', '/drift/acknowledge', { note: '' }, 'INPUT_INVALID'],
    ['POST', '/drift/acknowledge', { ids: ['a'], filter: {}, note: '' }, 'INPUT_INVALID'],
    ['POST', '/drift/acknowledge', { ids: ['a'] }, 'INPUT_INVALID'],
  ] as const)('%s %s with %j is refused: %s', async (method, url, body, code) => {
    const { call } = await startApi()
    expect((await call('operator', method, `/api/v1${url}`, body)).json.error.code).toBe(code)
  })
})
