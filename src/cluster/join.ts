/** How a node comes to its cluster: alone on a store of its own, or among others on PostgreSQL. */

import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { systemClock } from '../core/clock.ts'
import { openStore, type Store, type StoreLogger } from '../store/store.ts'
import type { Cluster, ClusterLogger, NodeIdentity } from './cluster.ts'
import { SharedNode } from './shared.ts'
import { SoleNode } from './sole.ts'

export interface JoinParts {
  readonly store: Store
  readonly storeUrl: string
  readonly node: Omit<NodeIdentity, 'id'>
  readonly leaseMs: number
  readonly logger: ClusterLogger & StoreLogger
}

/** For beats, exclusive uses and what the API asks. */
const CONNECTIONS_MAX = 3
const CHANNEL = 'thalweg'

/** In PostgreSQL the node is `joining` until it says that it is ready. Throws STORE_UNAVAILABLE. */
export async function joinCluster({ store, storeUrl, node, leaseMs, logger }: JoinParts): Promise<Cluster> {
  const identity: NodeIdentity = { ...node, id: `node_${randomBytes(8).toString('hex')}` }
  if (!store.capabilities.sharedByNodes) return new SoleNode(identity, systemClock)
  // Leases go by real time, whatever clock the rest of the program goes by.
  const own = await openStore(storeUrl, {
    clock: systemClock,
    logger,
    pool: { connectionsMax: CONNECTIONS_MAX, statementMsMax: Math.ceil(leaseMs / 2) },
  })
  const shared = new SharedNode({
    node: identity,
    store: own,
    logger,
    leaseMs,
    notify: async () => {
      await sql`select pg_notify(${CHANNEL}, 'nodes')`.execute(own.db)
    },
  })
  try {
    await shared.join()
  } catch (error) {
    await own.close()
    throw error
  }
  const leaving = new AbortController()
  const { listenTo } = await import('../store/postgres.ts')
  const listening = listenTo(
    storeUrl,
    CHANNEL,
    {
      heard: () => shared.wake(),
      // The beats tell of a store that is away.
      trouble: () => undefined,
      sleep: systemClock.sleep,
    },
    leaving.signal,
  )
  return leavingWith(shared, async () => {
    leaving.abort()
    await listening
    await own.close()
  })
}

/** The same cluster, which lets go of what it stands on when it is left. */
function leavingWith(cluster: SharedNode, release: () => Promise<void>): Cluster {
  const leave = cluster.leave.bind(cluster)
  let left: Promise<void> | undefined
  cluster.leave = () => {
    left ??= leave().finally(release)
    return left
  }
  return cluster
}
