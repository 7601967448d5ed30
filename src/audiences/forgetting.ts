/** Words about somebody who is erased in the reports of runs, in activations and in segments; the rosters are audiences.ts's own. */

import type { Traces } from '../core/traces.ts'
import { editRows, type Touched } from '../store/edit-rows.ts'
import type { Store } from '../store/store.ts'

/** Dry: counts only. */
export async function forgetInAudiences(store: Store, traces: Traces, isDry: boolean): Promise<Touched[]> {
  const reports = await editRows(
    store,
    { table: 'runs', key: ['activation', 'run'], columns: ['report'] },
    isDry,
    ({ report }) => changed({ report }, { report: traces.masked(report) }),
  )
  const activations = await editRows(
    store,
    { table: 'activation_versions', key: ['activation', 'version'], columns: ['definition', 'note'] },
    isDry,
    ({ definition, note }) =>
      changed(
        { definition, note },
        { definition: maskedDefinition(definition, traces), note: traces.masked(note) },
      ),
  )
  const segments = await editRows(
    store,
    { table: 'segment_versions', key: ['name', 'version'], columns: ['definition', 'note'] },
    isDry,
    ({ definition, note }) =>
      changed({ definition, note }, { definition: traces.masked(definition), note: traces.masked(note) }),
  )
  return [
    { place: 'reports of runs', rows: reports },
    { place: 'activations', rows: activations },
    { place: 'segments', rows: segments },
  ]
}

function changed<Row extends object>(before: Row, after: Row): Row | undefined {
  return JSON.stringify(before) === JSON.stringify(after) ? undefined : after
}

/** But for whoever is told of the activation's troubles: that is one of the operators. */
function maskedDefinition(definition: string, traces: Traces): string {
  const parsed = JSON.parse(definition) as Record<string, unknown>
  const masked = JSON.parse(traces.masked(definition)) as Record<string, unknown>
  return JSON.stringify(
    'contactEmail' in parsed ? { ...masked, contactEmail: parsed['contactEmail'] } : masked,
  )
}
