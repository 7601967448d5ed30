/** The stores of the product as one erasure sees them: each counts what it holds of a person, and takes it out. */

import { forgetInAlerts } from '../alerts/forgetting.ts'
import type { Audiences } from '../audiences/audiences.ts'
import { forgetInAudiences } from '../audiences/forgetting.ts'
import { forgetInConfiguration } from '../config/forgetting.ts'
import type { Traces } from '../core/traces.ts'
import { forgetInDelivery } from '../delivery/forgetting.ts'
import { FrameView } from '../log/frame.ts'
import type { Log } from '../log/log.ts'
import { forgetInExports } from '../profiles/exports/forgetting.ts'
import { forgetInRules } from '../profiles/forgetting.ts'
import { forgetInSources } from '../sources/forgetting.ts'
import type { Verdicts } from '../sources/verdicts.ts'
import type { Touched } from '../store/edit-rows.ts'
import type { Store } from '../store/store.ts'
import type { EmbeddedWarehouse } from '../warehouse/duckdb/duckdb.ts'
import { forgetInSavedQueries } from '../warehouse/forgetting.ts'
import type { ParquetWriter } from '../warehouse/parquet/writer.ts'
import { eachFrame } from './finding.ts'
import { eraseInFrame, type FrameTally } from './frames.ts'
import type { ProfileForgetter } from './profiles.ts'

export interface StoresParts {
  readonly log: Log
  readonly store: Store
  readonly verdicts: Verdicts
  readonly audiences: Audiences
  readonly warehouse: EmbeddedWarehouse
  readonly parquet: ParquetWriter
  /** Undefined: no profiles are kept. */
  readonly profiles: ProfileForgetter | undefined
}

export type StoreStep = 'log' | 'profiles' | 'warehouse' | 'parquet' | 'rosters' | 'store'
type Forgetting = (traces: Traces, isDry: boolean, signal: AbortSignal) => Promise<readonly Touched[]>

export function storesOf(parts: StoresParts): Readonly<Record<StoreStep, Forgetting>> {
  const { log, store, verdicts, audiences, warehouse, parquet, profiles } = parts
  return {
    log: (traces, isDry, signal) => forgetInLog(log, traces, isDry, signal),
    profiles: async ({ identifiers }, isDry) => (await profiles?.forget(identifiers, isDry)) ?? [],
    warehouse: async ({ identifiers }, isDry) =>
      counted('warehouse', await warehouse.forget(identifiers, isDry)),
    parquet: async ({ identifiers }, isDry) =>
      counted('Parquet files', await parquet.forget(identifiers, isDry)),
    rosters: ({ identifiers }, isDry) => audiences.forget(identifiers, isDry),
    store: async (traces, isDry) => [
      ...(await forgetInDelivery(store, traces, isDry)),
      ...(await forgetInAlerts(store, traces, isDry)),
      ...(await forgetInSources(store, verdicts, traces, isDry)),
      ...(await forgetInSavedQueries(store, traces, isDry)),
      ...(await forgetInAudiences(store, traces, isDry)),
      ...(await forgetInRules(store, traces, isDry)),
      ...(await forgetInExports(store, traces, isDry)),
      ...(await forgetInConfiguration(store, traces, isDry)),
    ],
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
