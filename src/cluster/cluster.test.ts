import { sql } from 'kysely'
import { describe, expect, test as it, onTestFinished } from 'vitest'
import { eventually } from '../../test/support/eventually.ts'
import { freshStoreUrl } from '../../test/support/store.ts'
import { systemClock, VirtualClock } from '../core/clock.ts'
import { NODE_ROLES, type NodeRole } from '../core/node-role.ts'
import { LeaseBook, refuseStale } from '../store/leases.ts'
import { openStore, type Store } from '../store/store.ts'
import { onlyNode } from './cluster.fixture.ts'
import type { Cluster, Post } from './cluster.ts'
import { joinCluster } from './join.ts'
import { PostLease } from './post-lease.ts'

const LEASE_MS = 3_000
const POSTS = Array.from({ length: 6 }, (_, i) => `current ${i + 1}`)
const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined }

/** What runs where, and whether ever two ran at once. */
class Stage {
  readonly running = new Map<string, string>()
  readonly ends: [post: string, node: string, how: string][] = []
  readonly twice: string[] = []
  begins = 0

  post(name: string, node: string, also: Partial<Post> = {}): Post {
    return {
      name,
      role: 'deliver',
      begin: async () => {
        this.begins++
        const other = this.running.get(name)
        if (other !== undefined) this.twice.push(`${name} on ${other} and ${node}`)
        this.running.set(name, node)
      },
      end: async (how) => {
        this.ends.push([name, node, how])
        if (this.running.get(name) === node) this.running.delete(name)
      },
      ...also,
    }
  }

  counts(): number[] {
    const counts = new Map<string, number>()
    for (const node of this.running.values()) counts.set(node, (counts.get(node) ?? 0) + 1)
    return [...counts.values()].sort()
  }
}

async function nodeOf(
  url: string,
  name: string,
  roles: readonly NodeRole[] = NODE_ROLES,
  log = 'shared',
): Promise<{ cluster: Cluster; store: Store }> {
  const store = await openStore(url, { clock: systemClock })
  const cluster = await joinCluster({
    store,
    storeUrl: url,
    node: { name, roles, version: 'test', log },
    leaseMs: LEASE_MS,
    logger: SILENT,
  })
  onTestFinished(async () => {
    await cluster.leave()
    await store.close()
  })
  return { cluster, store }
}

/** Nodes on one database, each offering all posts, ready. */
async function clusterOf(names: readonly string[], stage: Stage) {
  const url = await freshStoreUrl('postgres')
  const nodes = new Map<string, { cluster: Cluster; store: Store }>()
  const join = async (name: string) => {
    const node = await nodeOf(url, name)
    nodes.set(name, node)
    for (const post of POSTS) await node.cluster.offer(stage.post(post, name))
    await node.cluster.ready(`http://${name}`)
    return node
  }
  for (const name of names) await join(name)
  const at = (name: string): Cluster => (nodes.get(name) as { cluster: Cluster }).cluster
  return { url, at, join, storeAt: (name: string) => (nodes.get(name) as { store: Store }).store }
}

const spread = (stage: Stage, ...counts: number[]) =>
  eventually(`posts are spread ${counts.join(', ')}`, () => stage.counts().join() === counts.join(), {
    withinMs: 10_000,
  })

describe('nodes of one PostgreSQL', () => {
  it('share posts evenly, hand over what a new node gets, and take over what one that leaves had', async () => {
    const stage = new Stage()
    const { at, join } = await clusterOf(['a', 'b'], stage)
    await spread(stage, 3, 3)
    const before = new Map(stage.running)
    stage.begins = 0
    await join('c')
    await spread(stage, 2, 2, 2)
    expect(stage.begins).toBe(2)
    for (const [post, node] of stage.running) if (node !== 'c') expect(node).toBe(before.get(post))
    expect(stage.ends.every(([, , how]) => how === 'given')).toBe(true)

    const left = performance.now()
    await at('b').leave()
    await spread(stage, 3, 3)
    // Given back, not waited out.
    expect(performance.now() - left).toBeLessThan(LEASE_MS)
    expect((await at('a').nodes()).find(({ name }) => name === 'b')?.state).toBe('gone')
    expect(stage.twice).toEqual([])
  })

  it('hand over what a node that is drained had, and give it its share again when it takes part again', async () => {
    const stage = new Stage()
    const { at } = await clusterOf(['a', 'b'], stage)
    await spread(stage, 3, 3)
    expect(await at('b').setDraining('a', true)).toMatchObject({ name: 'a', state: 'draining' })
    await spread(stage, 6)
    expect(new Set(stage.running.values())).toEqual(new Set(['b']))
    await at('a').setDraining('a', false)
    await spread(stage, 3, 3)
    expect(stage.twice).toEqual([])
    await expect(at('a').setDraining('nobody', true)).rejects.toMatchObject({ code: 'NODE_UNKNOWN' })
    await at('b').leave()
    await expect(at('a').setDraining('b', true)).rejects.toMatchObject({ code: 'NODE_STATE' })
  })

  it('end a post wherever it runs while somebody uses it exclusively', async () => {
    const stage = new Stage()
    const { at, storeAt } = await clusterOf(['a', 'b'], stage)
    await spread(stage, 3, 3)
    const uses = POSTS.map((post, i) =>
      at(i % 2 === 0 ? 'a' : 'b').exclusively(post, async (lease) => {
        expect(stage.running.has(post)).toBe(false)
        await storeAt('a').transaction((tx) => refuseStale(tx, lease))
        await new Promise((resolve) => setTimeout(resolve, 300))
        expect(stage.running.has(post)).toBe(false)
        return post
      }),
    )
    expect(await Promise.all(uses)).toEqual(POSTS)
    await spread(stage, 3, 3)
    await expect(
      at('a').exclusively('current 1', async () => {
        throw new Error('its work failed')
      }),
    ).rejects.toThrow('its work failed')
    await spread(stage, 3, 3)
    expect(stage.twice).toEqual([])
  })

  it('lose what they had when the store no longer hears of them, before another one has it', async () => {
    const stage = new Stage()
    const { at, url } = await clusterOf(['a', 'b'], stage)
    await spread(stage, 3, 3)
    const theirs = [...stage.running].filter(([, node]) => node === 'a').map(([post]) => post)
    // Node a is told that it is another one: its beats renew nothing, as if it were cut off.
    const store = await openStore(url, { clock: systemClock })
    onTestFinished(() => store.close())
    const cutOff = await store.db
      .updateTable('leases')
      .set({ holder: 'elsewhere' })
      .where('name', 'in', theirs)
      .returning('name')
      .execute()
    expect(cutOff.length).toBe(3)
    await eventually('node a stopped', () => stage.ends.filter(([, , how]) => how === 'lost').length === 3)
    await spread(stage, 3, 3)
    expect(at('a').isSole).toBe(false)
    expect(stage.twice).toEqual([])
  })

  it('begin a post again that could not begin, and only on nodes of its role', async () => {
    const stage = new Stage()
    const url = await freshStoreUrl('postgres')
    const ingest = await nodeOf(url, 'ingest', ['ingest', 'api'])
    const deliver = await nodeOf(url, 'deliver', ['deliver'])
    let tries = 0
    const failing = (node: string) =>
      stage.post('current 1', node, {
        begin: async () => {
          if (++tries === 1) throw new Error('not yet')
          stage.running.set('current 1', node)
        },
      })
    for (const [name, { cluster }] of [['ingest', ingest] as const, ['deliver', deliver] as const]) {
      await cluster.offer(failing(name))
      await cluster.ready(`http://${name}`)
    }
    await eventually('it runs', () => stage.running.get('current 1') === 'deliver', { withinMs: 10_000 })
    expect(tries).toBe(2)
    expect((await ingest.cluster.holderOf('current 1'))?.name).toBe('deliver')
    await ingest.cluster.withdraw('current 1')
    await deliver.cluster.withdraw('current 1')
    expect(stage.running.size).toBe(0)
    expect(await ingest.cluster.holderOf('current 1')).toBeUndefined()
  })

  it('refuse one that works on another log, as long as one of them is there', async () => {
    const url = await freshStoreUrl('postgres')
    const { cluster } = await nodeOf(url, 'one')
    await expect(nodeOf(url, 'other', NODE_ROLES, 'another')).rejects.toMatchObject({ code: 'NODE_STATE' })
    await cluster.leave()
    await nodeOf(url, 'other', NODE_ROLES, 'another')
  })

  it('have what a former life of theirs held at once, where nobody else can work on its log', async () => {
    const url = await freshStoreUrl('postgres')
    const store = await openStore(url, { clock: systemClock })
    onTestFinished(() => store.close())
    const now = sql<number>`cast(extract(epoch from now()) * 1000 as bigint)`
    const former = { id: 'former', name: 'one', url: '', roles: '[]', state: 'active', version: '' }
    await store.db
      .insertInto('nodes')
      .values({ ...former, started_at: now, heartbeat_at: now, detail: '{"log":"shared"}' })
      .execute()
    const book = new LeaseBook(store, { ttlMs: 600_000 })
    await book.claim(['current 1'], 'former')
    await book.claim(['current 2'], 'somebody else')
    const stage = new Stage()
    const { cluster } = await nodeOf(url, 'one')
    for (const name of ['current 1', 'current 2']) await cluster.offer(stage.post(name, 'one'))
    await cluster.inherit()
    await cluster.ready('http://one')
    await eventually('it has it', () => stage.running.has('current 1'))
    expect(stage.running.has('current 2')).toBe(false)
    expect((await cluster.nodes()).map(({ name, state }) => [name, state])).toEqual([
      ['one', 'gone'],
      ['one', 'active'],
    ])
  })

  it('are known by name until somebody says that their folders are gone, which those that are there do not allow', async () => {
    const { at } = await clusterOf(['a', 'b'], new Stage())
    expect(await at('a').names()).toEqual(['a', 'b'])
    await expect(at('a').forget('b')).rejects.toMatchObject({ code: 'NODE_STATE' })
    await at('b').leave()
    expect(await at('a').names()).toEqual(['a', 'b'])
    await at('a').forget('b')
    expect(await at('a').names()).toEqual(['a'])
    expect((await at('a').nodes()).map(({ name }) => name)).toEqual(['a'])
    await expect(at('a').forget('b')).rejects.toMatchObject({ code: 'NODE_UNKNOWN' })
  })

  it('do what needs a post where it runs, and elsewhere in its place, under its lease', async () => {
    const stage = new Stage()
    const { at, storeAt } = await clusterOf(['a', 'b'], stage)
    await spread(stage, 3, 3)
    const [post = '', holder] = [...stage.running][0] ?? []
    const work = async (lease: PostLease) => {
      await storeAt('a').transaction((tx) => refuseStale(tx, lease))
      return stage.running.get(post)
    }
    for (const node of ['a', 'b']) {
      const lease = new PostLease(post)
      if (node !== holder) {
        expect(await lease.within(at(node), () => work(lease))).toBeUndefined()
        expect(lease.token).toBe(-1)
      } else expect(await lease.within(at(node), async () => stage.running.get(post))).toBe(holder)
    }
    await eventually('it runs again', () => stage.running.has(post))
    expect(stage.twice).toEqual([])
  })

  it('hear of what was changed through another one, soon, and once', async () => {
    const url = await freshStoreUrl('postgres')
    const [one, other] = [await nodeOf(url, 'one'), await nodeOf(url, 'other')]
    const heard: string[] = []
    other.cluster.onChange('currents', async () => void heard.push('currents'))
    let failures = 1
    other.cluster.onChange('redrives', async () => {
      if (failures-- > 0) throw new Error('the store was away')
      heard.push('redrives')
    })
    // By the database itself, whoever writes.
    await one.store.db.updateTable('currents').set({ state_reason: '' }).execute()
    await eventually('currents are heard of', () => heard.length === 1)
    await one.cluster.tell('profiles')
    await one.cluster.tell('redrives')
    await eventually('redrives are heard of', () => heard.length === 2)
    expect(heard).toEqual(['currents', 'redrives'])
    // Nobody listened when it was told.
    other.cluster.onChange('profiles', async () => void heard.push('profiles'))
    await eventually('profiles are heard of', () => heard.length === 3)
    expect(heard).toEqual(['currents', 'redrives', 'profiles'])
  })
})

describe('the only node of its store', () => {
  it('has every post at once, under leases that need no fence', async () => {
    const cluster = onlyNode(new VirtualClock(0))
    const told: string[] = []
    await cluster.offer({
      name: 'current 1',
      role: 'deliver',
      begin: async ({ token }) => void told.push(`begin ${token}`),
      end: async (how) => void told.push(`end ${how}`),
    })
    expect(cluster.has('current 1')).toBe(true)
    await cluster.exclusively('current 1', async () => void told.push('alone'))
    await expect(
      cluster.exclusively('current 1', async () => {
        throw new Error('its work failed')
      }),
    ).rejects.toThrow('its work failed')
    await cluster.withdraw('current 1')
    expect(told).toEqual(['begin 0', 'end given', 'alone', 'begin 0', 'end given', 'begin 0', 'end given'])
    expect(await cluster.holderOf('current 1')).toBeUndefined()
    await expect(cluster.setDraining('test')).rejects.toMatchObject({ code: 'NODE_STATE' })
  })
})
