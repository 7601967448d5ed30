/**
 * A node of a cluster whose posts do nothing but tell a vendor who they are: a request, a fenced write, and again. Arguments: address of the
 * store, name of the node, address of the vendor, how many posts, how long a lease lasts.
 */

import { joinCluster } from '../../src/cluster/join.ts'
import { systemClock } from '../../src/core/clock.ts'
import { NODE_ROLES } from '../../src/core/node-role.ts'
import { HttpTransport } from '../../src/delivery/transport.ts'
import { type Lease, refuseStale } from '../../src/store/leases.ts'
import { openStore } from '../../src/store/store.ts'

const [storeUrl = '', name = '', vendor = '', posts = '1', leaseMs = '1000'] = process.argv.slice(2)
const PAUSE_MS = 5
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }

const store = await openStore(storeUrl, {
  clock: systemClock,
  pool: { connectionsMax: 4, statementMsMax: 3_000 },
})
const transport = new HttpTransport()
const cluster = await joinCluster({
  store,
  storeUrl,
  node: { name, roles: NODE_ROLES, version: 'test', log: 'none' },
  leaseMs: Number(leaseMs),
  logger: silent,
})

async function work(current: number, lease: Lease, signal: AbortSignal): Promise<void> {
  const body = Buffer.from(JSON.stringify({ post: lease.name, token: lease.token, node: name }))
  while (!signal.aborted) {
    const request = { method: 'POST' as const, url: vendor, headers: {}, body, secrets: [] }
    if (lease.mayAct()) await transport.send(request, signal, () => lease.mayAct())
    try {
      await store.transaction(async (tx) => {
        await refuseStale(tx, lease)
        // Moves only forward: a write of an old token behind one of a new one would move it back.
        await tx
          .updateTable('checkpoints')
          .set((e) => ({ position: e('position', '+', 1), updated_at: lease.token }))
          .where('current', '=', current)
          .where('updated_at', '<=', lease.token)
          .executeTakeFirstOrThrow()
          .then(({ numUpdatedRows }) => {
            if (numUpdatedRows !== 1n) process.exit(3)
          })
      })
    } catch {
      // The store is away, or the lease is lost: then this ends soon.
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
  }
}

for (let current = 1; current <= Number(posts); current++) {
  let stopping = new AbortController()
  let working: Promise<void> = Promise.resolve()
  await cluster.offer({
    name: `current ${current}`,
    role: 'deliver',
    begin: async (lease) => {
      stopping = new AbortController()
      const { signal } = stopping
      lease.lost.addEventListener('abort', () => stopping.abort())
      working = work(current, lease, signal)
    },
    end: async () => {
      stopping.abort()
      await working
    },
  })
}
await cluster.ready(`http://${name}`)
process.send?.('ready')
