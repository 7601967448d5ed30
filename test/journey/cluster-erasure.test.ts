/** An erasure reaches the folders of every node: of those that are there before the receipt, of one that is away when it starts. */

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { ErasureAnswer, ReceiptVerdictAnswer } from '../../src/api/routes/erasures.ts'
import { Roster } from '../../src/audiences/roster/roster.ts'
import { run } from '../../src/cli/cli.fixture.ts'
import { CLUSTER_SOURCE, CLUSTER_TOKEN, ClusterUnderTest, type HubProcess } from '../support/cluster.ts'
import { eventually } from '../support/eventually.ts'
import { filesHolding, hers, JANE, others } from '../support/person.ts'

/** Somebody else, for a second erasure. */
const OTHER = 'customer-7'
const OTHERS_WORDS = [OTHER, 'other-7@']

/** What a node keeps that ran activations at some earlier time. */
async function leaveRoster({ dataDir }: HubProcess, people: readonly string[]): Promise<void> {
  const folder = join(dataDir, 'audiences')
  await mkdir(folder, { recursive: true })
  const roster = await Roster.open(join(folder, 'cohort-1.duckdb'))
  await roster.begin()
  await roster.load(people.map((id) => `u${id}`))
  await roster.compare('mirror')
  await roster.apply('1.1', 1, people.length, [])
  await roster.close()
}

test('folders of all nodes; one that was away does its part before it is ready, and signs for it', async () => {
  const cluster = await ClusterUnderTest.start({
    nodes: ['a', 'b'],
    leaseMs: 2_000,
    servers: 1,
    // The first has the warehouse; the other drives.
    also: { a: { THALWEG_ROLES: 'ingest,deliver,api' } },
  })
  const [a, b] = cluster.hubs as [HubProcess, HubProcess]
  await cluster.call(b, 'POST', '/sources', {
    name: CLUSTER_SOURCE,
    kind: 'braze-currents',
    settings: {},
    token: CLUSTER_TOKEN,
  })
  for (const [name, settings] of [
    ['warehouse', {}],
    ['parquet', { flushSeconds: 1 }],
  ] as const) {
    await cluster.call(b, 'POST', '/currents', {
      name,
      contactEmail: 'contact@example.com',
      sources: [CLUSTER_SOURCE],
      delivery: { waitMs: 50 },
      destination: { kind: name, settings },
    })
    await cluster.call(b, 'POST', `/currents/${name}/launch`, { from: 'now' })
  }
  const post = async (events: readonly object[]): Promise<void> => {
    const answer = await fetch(`${b.url}/currents/${CLUSTER_SOURCE}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${CLUSTER_TOKEN}` },
      body: JSON.stringify({ events }),
    })
    expect(answer.status).toBe(200)
    await cluster.books(b)
  }
  await post([
    hers(0),
    hers(1, { email_address: JANE.email }),
    ...Array.from({ length: 10 }, (_, n) => others(n)),
  ])
  await leaveRoster(a, [JANE.externalId, OTHER, 'customer-1'])
  for (const folder of ['audiences', 'warehouse'])
    for (const words of [undefined, OTHERS_WORDS])
      expect(await filesHolding(join(a.dataDir, folder), words)).not.toEqual([])

  const erase = (value: string): Promise<ErasureAnswer> =>
    cluster.call(b, 'POST', '/erasures', { identifiers: [{ kind: 'external_id', value }] })
  const signed = (id: string): Promise<ErasureAnswer> =>
    eventually(
      'the receipt is signed',
      async () => {
        const now = await cluster.call<ErasureAnswer>(b, 'GET', `/erasures/${id}`)
        return now.state === 'finished' && now
      },
      { withinMs: 60_000 },
    )
  const verdictOn = async (receipt: object | undefined, signature: string | undefined) =>
    (await cluster.call<ReceiptVerdictAnswer>(b, 'POST', '/erasures/verify', { receipt, signature })).verdict

  // All are there: the receipt is about all of them. The roster is erased in the place of the node that drives.
  const whole = await signed((await erase(OTHER)).id)
  for (const { dataDir } of cluster.hubs) expect(await filesHolding(dataDir, OTHERS_WORDS)).toEqual([])
  expect(whole.receipt).toMatchObject({
    nodes: [
      { node: 'a', state: 'done' },
      { node: 'b', state: 'done' },
    ],
    search: { remaining: [] },
  })
  // One event in both shapes, and as a row of a file.
  for (const [place, removed] of [
    ['warehouse', 2],
    ['Parquet files', 1],
  ])
    expect(whole.receipt?.places).toContainEqual({ place, found: removed, removed })
  expect(whole.removed.rosters).toBeGreaterThan(0)

  // One is away, and keeps her in its folders: the receipt says so.
  await a.end('SIGKILL')
  await eventually('it is missed', async () =>
    (await cluster.nodes(b)).nodes.some(({ name, state }) => name === 'a' && state === 'gone'),
  )
  const { id } = await erase(JANE.externalId)
  const { receipt, signature } = await signed(id)
  expect(await filesHolding(b.dataDir)).toEqual([])
  expect(await filesHolding(join(a.dataDir, 'warehouse'))).not.toEqual([])
  expect(receipt).toMatchObject({
    nodes: [
      { node: 'a', state: 'away' },
      { node: 'b', state: 'done' },
    ],
    left: expect.arrayContaining([expect.stringContaining('node a, which was away')]),
  })
  expect(receipt?.places).toContainEqual({ place: 'warehouse', found: 0, removed: 0 })

  // It does its part before it listens, and signs for that; what was signed before stays.
  await a.start()
  expect(await filesHolding(a.dataDir)).toEqual([])
  const late = await cluster.call<ErasureAnswer>(b, 'GET', `/erasures/${id}`)
  expect(late).toMatchObject({ receipt, signature })
  expect(late.removed).toMatchObject({ warehouse: 4, 'Parquet files': 2 })
  const [part] = late.nodes
  expect(part).toMatchObject({
    node: 'a',
    step: 'done',
    addendum: { erasure: id, node: 'a', search: { remaining: [] } },
  })
  expect(part?.addendum?.places).toContainEqual({ place: 'warehouse', removed: 4 })
  expect(part?.removed.rosters).toBeGreaterThan(0)
  expect(await verdictOn(receipt, signature)).toBe('ours')
  expect(await verdictOn(part?.addendum, part?.signature)).toBe('ours')
  expect(await verdictOn({ ...part?.addendum, node: 'b' }, part?.signature)).toBe('not as it was signed')

  const thalweg = (...args: string[]) =>
    run(args, { env: { THALWEG_URL: b.url, THALWEG_TOKEN: a.adminToken } })
  expect((await thalweg('erasures', 'show', id)).out).toMatch(/node a +erased, after the receipt/)
  const file = join(b.dataDir, 'addendum.json')
  expect((await thalweg('erasures', 'addendum', id, 'a', file)).code).toBe(0)
  expect((await thalweg('erasures', 'verify', file)).out).toBe('The receipt is ours.\n')

  // Nobody else is gone, and the flow goes on.
  await post([others(50)])
  const { rows } = await cluster.call<{ rows: unknown[][] }>(a, 'POST', '/sql', {
    engine: 'warehouse',
    sql: 'select count(*), count(distinct external_user_id) from events',
  })
  expect(rows).toEqual([[10, 10]])

  // One that never comes back is waited for until somebody says so.
  expect(await thalweg('nodes', 'forget', 'a', '--yes')).toMatchObject({
    err: expect.stringContaining('stop it'),
  })
  await a.end('SIGTERM')
  const { id: last } = await signed((await erase('customer-3')).id)
  expect((await thalweg('erasures', 'list')).out).toContain('to come on a')
  expect((await thalweg('nodes', 'forget', 'a', '--yes')).out).toContain('a part in 1 erasures')
  expect((await thalweg('erasures', 'show', last)).out).toMatch(/node a +said to be gone/)
}, 120_000)
