import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { eventually } from '../../test/support/eventually.ts'
import { freshStoreUrl } from '../../test/support/store.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { joinCluster } from '../cluster/join.ts'
import { systemClock } from '../core/clock.ts'
import { NODE_ROLES } from '../core/node-role.ts'
import { Currents } from '../currents/registry.ts'
import { openStore } from '../store/store.ts'
import { startApi } from './api.fixture.ts'
import { Forwarding } from './forwarding.ts'

/** Of the nodes of a store. */
const NODE_KEY = Buffer.alloc(32, 5)
const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined }

describe('nodes', () => {
  test('the only node shows what it does; only an admin may have one drained, and this one cannot be', async () => {
    const { call, hub } = await startApi()
    expect((await call(undefined, 'GET', '/api/v1/nodes')).status).toBe(401)
    const { status, json } = await call('viewer', 'GET', '/api/v1/nodes')
    expect(status).toBe(200)
    expect(json).toMatchObject({ isSole: true, unowned: [] })
    expect(json.nodes).toMatchObject([
      { state: 'active', isThis: true, roles: [...NODE_ROLES], url: hub.url },
    ])
    expect(json.nodes[0].posts.map(({ name }: { name: string }) => name)).toEqual([
      'alerts',
      'intake',
      'schedule',
    ])
    const drain = `/api/v1/nodes/${json.nodes[0].id}/drain`
    expect((await call('operator', 'POST', drain)).status).toBe(403)
    expect((await call('admin', 'POST', drain)).json.error.code).toBe('NODE_STATE')
    expect((await call('admin', 'POST', '/api/v1/nodes/nobody/activate')).json.error.code).toBe(
      'NODE_UNKNOWN',
    )
    const { name } = json.nodes[0]
    expect((await call('operator', 'DELETE', `/api/v1/nodes/${name}`)).status).toBe(403)
    expect((await call('admin', 'DELETE', `/api/v1/nodes/${name}`)).json.error.code).toBe('NODE_STATE')
    expect((await call('admin', 'DELETE', '/api/v1/nodes/nobody')).json.error.code).toBe('NODE_UNKNOWN')
  })
})

describe('a node without the role api', () => {
  test('answers probes, and nobody who only says that a node has passed it on', async () => {
    const { api, hub } = await startApi({ settings: { roles: 'deliver, schedule' } })
    expect(hub.cluster.node.roles).toEqual(['deliver', 'schedule'])
    const server = createServer((request, response) => api.handle(request, response))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    const ask = async (path: string, headers: Record<string, string> = {}): Promise<number> =>
      (await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, { headers })).status
    expect(await ask('/healthz')).toBe(200)
    expect(await ask('/readyz?verbose')).toBe(200)
    expect(await ask('/api/v1/nodes')).toBe(404)
    expect(await ask('/')).toBe(404)
    for (const proof of ['another', '', 'x'.repeat(43), Buffer.from(hub.nodeKey).toString('base64url')])
      expect(await ask('/api/v1/nodes', { 'x-thalweg-passed-on': proof })).toBe(404)
    // And without the role ingest its doors are no doors: what they would take comes to the API.
    expect((await fetch(`${hub.url}/currents/braze`, { method: 'POST', body: '{}' })).status).toBe(404)
  })
})

describe('a request about what another node does', () => {
  interface Side {
    readonly cluster: Cluster
    readonly url: string
    readonly server: Server
  }

  async function side(storeUrl: string, name: string): Promise<Side> {
    const store = await openStore(storeUrl, { clock: systemClock })
    const cluster = await joinCluster({
      store,
      storeUrl,
      node: { name, roles: NODE_ROLES, version: 'test', log: 'none' },
      leaseMs: 2_000,
      logger: SILENT,
    })
    const forwarding = new Forwarding(
      { cluster, currents: new Currents(store, systemClock), logger: SILENT, nodeKey: NODE_KEY },
      '/api/v1',
    )
    const here = (request: IncomingMessage): Promise<string> =>
      request.toArray().then((pieces) => `${name} ${request.method} ${request.url} ${Buffer.concat(pieces)}`)
    const server = createServer(async (request, response) => {
      const wanted = forwarding.wants(request)
      if (wanted !== undefined && (await forwarding.take(request, response, wanted))) return
      const headers = {
        'x-cookie': request.headers.cookie ?? '',
        'x-answered-by-any-node': String(forwarding.isForAll(request)),
      }
      response.writeHead(200, headers).end(await here(request))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(async () => {
      server.closeAllConnections()
      server.close()
      await cluster.leave()
      await store.close()
    })
    return { cluster, server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
  }

  async function offered({ cluster, url }: Side): Promise<void> {
    for (const name of ['schedule', 'current 1'])
      await cluster.offer({
        name,
        role: 'schedule',
        begin: async () => undefined,
        end: async () => undefined,
      })
    await cluster.ready(url)
  }

  test('is answered there, body, headers and all; anything else here; and 503 says that it cannot be reached', async () => {
    const url = await freshStoreUrl('postgres')
    const [one, other] = [await side(url, 'one'), await side(url, 'other')]
    await offered(other)
    await eventually(
      'the other one has it',
      () => other.cluster.has('schedule') && other.cluster.has('current 1'),
    )
    await one.cluster.ready(one.url)
    const asked = await fetch(`${one.url}/api/v1/activations/x/runs?dry=1`, {
      method: 'POST',
      body: 'a body',
      headers: { cookie: 'session=1' },
    })
    expect(await asked.text()).toBe('other POST /api/v1/activations/x/runs?dry=1 a body')
    expect(asked.headers.get('x-cookie')).toBe('session=1')
    expect(asked.headers.get('x-answered-by-any-node')).toBe('true')
    // The word of a client that another node has sent it counts for nothing, at either.
    const forged = { headers: { 'x-thalweg-passed-on': 'one' } }
    const atOne = await fetch(`${one.url}/api/v1/config/applies`, forged)
    expect(await atOne.text()).toBe('other GET /api/v1/config/applies ')
    const atOther = await fetch(`${other.url}/api/v1/config/applies`, forged)
    expect(atOther.headers.get('x-answered-by-any-node')).toBe('false')
    for (const path of ['/api/v1/sources', '/api/v1/currents', '/api/v1/currents/unknown', '/activations'])
      expect(await (await fetch(one.url + path)).text()).toBe(`one GET ${path} `)
    expect(await (await fetch(`${other.url}/api/v1/activations`)).text()).toBe(
      'other GET /api/v1/activations ',
    )
    other.server.closeAllConnections()
    await new Promise((resolve) => other.server.close(resolve))
    const lost = await fetch(`${one.url}/api/v1/exports`)
    expect(lost.status).toBe(503)
    expect(await lost.json()).toMatchObject({ error: { code: 'NODE_BUSY' } })
  })
})
