/**
 * Three hubs under load, and what happens to machines: they are killed, stand still past their leases, lose PostgreSQL, lose a server of the
 * log. THALWEG_TEST_FAULTS says how many times; a hundred is for those who have ten minutes.
 */

import { expect, test } from 'vitest'
import { systemClock } from '../../src/core/clock.ts'
import { seededRandom } from '../../src/core/random.ts'
import { testSeed } from '../../src/delivery/delivery.fixture.ts'
import { ClusterTraffic, ClusterUnderTest, type HubProcess, outOfOrder, Vendor } from '../support/cluster.ts'
import { eventually } from '../support/eventually.ts'

const FAULTS = Number(process.env.THALWEG_TEST_FAULTS ?? 5)
const LEASE_MS = 3_000
const CURRENTS = 6
const RECOVERY_MS_MAX = 10_000
const KINDS = ['stop', 'kill', 'cut', 'log'] as const

test(
  'nothing acknowledged is lost, nothing has two owners, order holds, the books close, and it recovers within ten seconds',
  async () => {
    const random = seededRandom(testSeed('cluster'))
    const vendor = await Vendor.start()
    const cluster = await ClusterUnderTest.start({ nodes: ['a', 'b', 'c'], leaseMs: LEASE_MS })
    const currents = await cluster.furnish(vendor, CURRENTS)
    const traffic = new ClusterTraffic(cluster.hubs, 3, 50)
    const served = (from: number): boolean =>
      new Set(vendor.told.slice(from).map(({ current }) => current)).size === CURRENTS
    await eventually('every current flows', () => served(0), { withinMs: 60_000 })
    await eventually('every node delivers two of six', async () => {
      const { nodes } = await cluster.nodes()
      return nodes.every(({ posts }) => posts.filter(({ current }) => current !== null).length === 2)
    })

    const suffer: Record<(typeof KINDS)[number], (hub: HubProcess, ms: number) => Promise<void>> = {
      async stop({ child }, ms) {
        child?.kill('SIGSTOP')
        await systemClock.sleep(ms)
        child?.kill('SIGCONT')
      },
      async kill(hub) {
        await hub.end('SIGKILL')
        await hub.start()
      },
      async cut({ wire }, ms) {
        wire.cut()
        await systemClock.sleep(ms)
        wire.mend()
      },
      async log() {
        const which = Math.floor(random() * 3)
        await cluster.nats.kill(which)
        await cluster.nats.restart(which)
      },
    }
    const recoveries: { kind: string; ms: number }[] = []
    for (let i = 0; i < FAULTS; i++) {
      const kind = KINDS[i % KINDS.length] ?? 'kill'
      const hub = cluster.hubs[Math.floor(random() * cluster.hubs.length)] as HubProcess
      const begun = performance.now()
      const suffering = suffer[kind](hub, LEASE_MS * (1.2 + random()))
      // What was under way still arrives; what counts comes after the lease could have passed on.
      await systemClock.sleep(200)
      const from = vendor.told.length
      await eventually(`every current flows again after ${kind}`, () => served(from), {
        withinMs: 30_000,
      }).catch(async (error: unknown) => {
        for (const one of cluster.hubs) console.info(one.name, await standing(cluster, one))
        throw error
      })
      recoveries.push({ kind, ms: Math.round(performance.now() - begun) })
      await suffering
    }
    await traffic.stop()
    const books = await cluster.books()

    console.info(`${FAULTS} faults, recoveries:`, JSON.stringify(recoveries))
    console.info(
      `${traffic.acknowledged.size} events acknowledged, ${vendor.told.length} requests at the vendor, ` +
        `${vendor.told.filter(({ ids }) => ids === undefined).length} of them broken off`,
    )
    expect(vendor.stale()).toEqual([])
    expect(books.balanced).toBe(true)
    for (const name of currents) {
      const firsts = vendor.firsts(name)
      const told = new Set(firsts)
      expect([...traffic.acknowledged].filter((id) => !told.has(id))).toEqual([])
      expect(outOfOrder(firsts)).toEqual([])
    }
    const slowest = recoveries.reduce((most, { ms }) => Math.max(most, ms), 0)
    expect(slowest).toBeLessThan(RECOVERY_MS_MAX)
  },
  240_000 + FAULTS * 30_000,
)

/** What a hub says of the currents and of the nodes, for who has to find out why it did not recover. */
async function standing(cluster: ClusterUnderTest, hub: HubProcess): Promise<string> {
  const asked = await Promise.allSettled([cluster.call(hub, 'GET', '/currents'), cluster.nodes(hub)])
  return JSON.stringify(asked.map((one) => (one.status === 'fulfilled' ? one.value : String(one.reason))))
}
