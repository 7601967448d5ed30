/** The stores of the product as one erasure sees them: each counts what it holds of a person, and takes it out. */

import { forgetInAlerts } from '../alerts/forgetting.ts'
import type { Audiences } from '../audiences/audiences.ts'
import { forgetInAudiences } from '../audiences/forgetting.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { PostLease } from '../cluster/post-lease.ts'
import { forgetInConfiguration } from '../config/forgetting.ts'
import type { Traces } from '../core/traces.ts'
import { forgetInDelivery } from '../delivery/forgetting.ts'
import { FrameView } from '../log/frame.ts'
import type { Log } from '../log/log.ts'
import { forgetInExports } from '../profiles/exports/forgetting.ts'
import { forgetInRules } from '../profiles/forgetting.ts'
import { forgetInSources, forgetRemarks } from '../sources/forgetting.ts'
import type { Verdicts } from '../sources/verdicts.ts'
import type { Touched } from '../store/edit-rows.ts'
import type { Store } from '../store/store.ts'
import type { EmbeddedWarehouse } from '../warehouse/duckdb/duckdb.ts'
import { forgetInSavedQueries } from '../warehouse/forgetting.ts'
import type { ParquetWriter } from '../warehouse/parquet/writer.ts'
import { eachFrame } from './finding.ts'
import { eraseInFrame, type FrameTally } from './frames.ts'
import type { ProfileForgetter } from './profiles.ts'

export interface SharedStoresParts {
  readonly log: Log
  readonly store: Store
  /** Undefined: no profiles are kept. */
  readonly profiles: ProfileForgetter | undefined
}

export interface NodeStoresParts {
  readonly cluster: Cluster
  /** The post whose node works on rosters. */
  readonly schedule: PostLease
  readonly verdicts: Verdicts
  readonly audiences: Audiences
  readonly warehouse: EmbeddedWarehouse
  readonly parquet: ParquetWriter
}

/** What all nodes have in common: one of them does it. */
export type SharedStore = 'log' | 'profiles' | 'store'
/** What lies in the folders and the memory of each node: each does it for itself. */
export type NodeStore = 'warehouse' | 'parquet' | 'rosters' | 'remarks'
/** Dry: counts only. */
export type Forgetting = (traces: Traces, isDry: boolean, signal: AbortSignal) => Promise<readonly Touched[]>

export function sharedStores(parts: SharedStoresParts): Readonly<Record<SharedStore, Forgetting>> {
  const { log, store, profiles } = parts
  return {
    log: (traces, isDry, signal) => forgetInLog(log, traces, isDry, signal),
    profiles: async ({ identifiers }, isDry) => (await profiles?.forget(identifiers, isDry)) ?? [],
    store: async (traces, isDry) => [
      ...(await forgetInDelivery(store, traces, isDry)),
      ...(await forgetInAlerts(store, traces, isDry)),
      ...(await forgetInSources(store, traces, isDry)),
      ...(await forgetInSavedQueries(store, traces, isDry)),
      ...(await forgetInAudiences(store, traces, isDry)),
      ...(await forgetInRules(store, traces, isDry)),
      ...(await forgetInExports(store, traces, isDry)),
      ...(await forgetInConfiguration(store, traces, isDry)),
    ],
  }
}

export function nodeStores(parts: NodeStoresParts): Readonly<Record<NodeStore, Forgetting>> {
  const { cluster, schedule, verdicts, audiences, warehouse, parquet } = parts
  return {
    warehouse: async ({ identifiers }, isDry) =>
      counted('warehouse', await warehouse.forget(identifiers, isDry)),
    parquet: async ({ identifiers }, isDry) =>
      counted('Parquet files', await parquet.forget(identifiers, isDry)),
    rosters: async ({ identifiers }, isDry) => {
      if (isDry) return audiences.forget(identifiers, isDry)
      // Several nodes may share the folder: one at a time works on it, under the post.
      if (!(await audiences.mayForget())) return []
      return schedule.within(cluster, () => audiences.forget(identifiers, isDry))
    },
    remarks: async (traces, isDry) => forgetRemarks(verdicts, traces, isDry),
  }
}

async function forgetInLog(
  log: Log,
  traces: Traces,
  isDry: boolean,
  signal: AbortSignal,
): Promise<readonly Touched[]> {
  const tally: FrameTally = { theirs: 0, mentions: 0 }
  if (!isDry) await log.rewrite((frame) => eraseInFrame(frame, traces, tally), signal)
  else
    await eachFrame(log, signal, ({ bytes }) => {
      if (traces.mayBeIn(bytes.toString('latin1')))
        eraseInFrame(new FrameView(Buffer.from(bytes)), traces, tally)
    })
  return counted('log', tally)
}

function counted(place: string, { theirs, mentions }: FrameTally): Touched[] {
  return [
    { place, rows: theirs },
    { place: `${place}, words about them in what is others'`, rows: mentions },
  ]
}
