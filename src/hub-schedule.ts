/**
 * What runs once among all nodes of a store, on one node at a time: accounts of the log, imports, activations, profiles, exports, erasures,
 * backups, retention. They know each other within one process, so they are one post; their store is fenced by its lease.
 */

import type { Cluster } from './cluster/cluster.ts'
import type { PostLease } from './cluster/post-lease.ts'
import type { Hub } from './hub.ts'

type Parts = Pick<
  Hub,
  | 'drift'
  | 'imports'
  | 'audiences'
  | 'profiles'
  | 'exports'
  | 'erasures'
  | 'backups'
  | 'alertDispatcher'
  | 'logger'
> & { readonly cluster: Cluster }

interface Worker {
  readonly name: string
  start(): Promise<void> | void
  stop(): Promise<void> | void
}

/** Offers what must run before anybody can ask for it. */
export function offerSchedule(hub: Parts, lease: PostLease, retention: Worker): Promise<void> {
  const { drift, imports, audiences, profiles, exports, erasures, backups } = hub
  return offer(hub, lease, [
    { name: 'drift', start: () => drift.start(), stop: () => drift.stop() },
    { name: 'imports', start: () => imports.start(), stop: () => imports.stop() },
    { name: 'activations', start: () => audiences.start(), stop: () => audiences.stop() },
    { name: 'profiles', start: () => profiles.start(), stop: () => profiles.stop() },
    { name: 'exports', start: () => exports.start(), stop: () => exports.stop() },
    { name: 'erasures', start: () => erasures.start(), stop: () => erasures.stop() },
    { name: 'backups', start: () => backups.open(), stop: () => backups.stop() },
    retention,
  ])
}

/** Once we listen: what alerts say is where we are. */
export function offerAlerts(hub: Parts, lease: PostLease): Promise<void> {
  const { alertDispatcher: alerts } = hub
  return offer(hub, lease, [{ name: 'alerts', start: () => alerts.start(), stop: () => alerts.stop() }])
}

function offer({ cluster, logger }: Parts, lease: PostLease, workers: readonly Worker[]): Promise<void> {
  const started: Worker[] = []
  return cluster.offer({
    name: lease.name,
    role: 'schedule',
    begin: async (present) => {
      lease.begin(present)
      for (const worker of workers) {
        started.push(worker)
        await worker.start()
      }
    },
    end: async () => {
      for (let worker = started.pop(); worker !== undefined; worker = started.pop()) {
        try {
          await worker.stop()
        } catch (error) {
          logger.error({ err: error, worker: worker.name }, 'a worker of the schedules did not end in peace')
        }
      }
      lease.end()
    },
  })
}
