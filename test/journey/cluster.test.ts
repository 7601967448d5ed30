/** A cluster as its operators use it: changes through any node, what runs once, a drain under load. One cluster for all of it. */

import { expect, test } from 'vitest'
import { ClusterTraffic, ClusterUnderTest, type HubProcess, outOfOrder, Vendor } from '../support/cluster.ts'
import { eventually } from '../support/eventually.ts'

const CURRENTS = 4

test('three nodes: any takes changes and events, what runs once runs once, and a drain does not stop the flow', async () => {
  const vendor = await Vendor.start()
  const cluster = await ClusterUnderTest.start({ nodes: ['a', 'b', 'c'], leaseMs: 3_000 })
  const [a, b, c] = cluster.hubs as [HubProcess, HubProcess, HubProcess]
  const names = await cluster.furnish(vendor, CURRENTS)
  const traffic = new ClusterTraffic(cluster.hubs, 2, 20)
  const owner = async (name: string): Promise<string | undefined> =>
    (await cluster.nodes()).nodes.find(({ posts }) => posts.some(({ current }) => current === name))?.name
  await eventually('all flow', () => new Set(vendor.told.map(({ current }) => current)).size === CURRENTS, {
    withinMs: 30_000,
  })

  // A pause through one node holds at whichever delivers, before it is answered.
  const other = (await owner('c1')) === 'a' ? b : a
  await cluster.call(other, 'POST', '/currents/c1/pause', { reason: 'test' })
  const paused = vendor.told.length
  const flows = (from: number, name: string): boolean =>
    vendor.told.slice(from).some(({ current }) => current === name)
  await eventually('the others flow on', () => flows(paused, 'c2'))
  expect(flows(paused, 'c1')).toBe(false)
  await cluster.call(b, 'POST', '/currents/c1/resume', {})
  await eventually('it flows again', () => flows(paused, 'c1'))

  // A version begins where the last one ended, wherever it is delivered, and a token is known everywhere within two seconds.
  const { definition } = await cluster.call<{ definition: Record<string, unknown> }>(a, 'GET', '/currents/c2')
  await cluster.call(c, 'PUT', '/currents/c2', {
    definition: { ...definition, selection: { include: ['users.messages.email.*'], exclude: [] } },
    note: 'through another node',
  })
  const added = await cluster.call<{ token: string }>(a, 'POST', '/sources/braze/tokens', { label: 'second' })
  const changedAt = performance.now()
  await eventually('every node takes the new token', async () => {
    const answers = await Promise.all(
      cluster.hubs.map(({ url }) =>
        fetch(`${url}/currents/braze`, {
          method: 'POST',
          headers: { authorization: `Bearer ${added.token}` },
          body: '{"events":[{"id":"x-0","event_type":"users.messages.email.Open","time":1780000000,"user":{"external_user_id":"x"},"properties":{}}]}',
        }),
      ),
    )
    return answers.every(({ status }) => status === 200)
  })
  expect(performance.now() - changedAt).toBeLessThan(2_000)

  // What works in one process answers the same through all.
  const nodes = await cluster.nodes()
  expect(nodes.nodes.filter(({ posts }) => posts.some(({ name }) => name === 'schedule')).length).toBe(1)
  for (const hub of cluster.hubs)
    expect(await cluster.call(hub, 'GET', '/activations')).toEqual(
      await cluster.call(a, 'GET', '/activations'),
    )

  // A drain hands over at once: the others flow on, and so does what was handed over.
  const drained = vendor.told.length
  await cluster.call(a, 'POST', '/nodes/b/drain', {})
  await eventually('b has nothing', async () => {
    const found = (await cluster.nodes()).nodes.find(({ name }) => name === 'b')
    return found?.state === 'draining' && found.posts.length === 0
  })
  const handedOver = vendor.told.length
  await eventually('all flow', () => names.every((name) => flows(handedOver, name)))
  expect(handedOver).toBeGreaterThan(drained)
  await cluster.call(c, 'POST', '/nodes/b/activate', {})

  // SIGTERM is a drain and a goodbye.
  await c.end('SIGTERM')
  expect((await cluster.nodes()).nodes.find(({ name }) => name === 'c')?.state).toBe('gone')
  const gone = vendor.told.length
  await eventually('all flow without c', () => names.every((name) => flows(gone, name)))
  await c.start()
  await eventually('c has its share again', async () => {
    const found = (await cluster.nodes()).nodes.find(({ name, state }) => name === 'c' && state === 'active')
    return found?.posts.some(({ current: name }) => name !== null)
  })

  await traffic.stop()
  for (const hub of cluster.hubs) expect((await cluster.books(hub)).balanced).toBe(true)
  expect(vendor.stale()).toEqual([])
  for (const name of names) {
    const firsts = vendor.firsts(name)
    const told = new Set(firsts)
    expect([...traffic.acknowledged].filter((id) => !told.has(id))).toEqual([])
    expect(outOfOrder(firsts.filter((id) => id.startsWith('s')))).toEqual([])
  }
}, 240_000)
