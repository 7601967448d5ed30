/** Words about somebody who is erased in the reports of runs, in activations and in segments; the rosters are audiences.ts's own. */

import type { Traces } from '../core/traces.ts'
import { editRows, type Touched } from '../store/edit-rows.ts'
import type { Store } from '../store/store.ts'
import { identifierOf } from './roster/person.ts'
import type { RunReport } from './run.ts'

/** Dry: counts only. */
export async function forgetInAudiences(store: Store, traces: Traces, isDry: boolean): Promise<Touched[]> {
  const reports = await editRows(
    store,
    { table: 'runs', key: ['activation', 'run'], columns: ['report'] },
    isDry,
    ({ report }) => changed({ report }, { report: maskedReport(report, traces) }),
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

/** People in a sample are written with their kind in front. */
function maskedReport(report: string, traces: Traces): string {
  const parsed = JSON.parse(report) as Partial<RunReport>
  const { sample, ...others } = parsed
  if (sample === undefined) return traces.masked(report)
  const hidden = (person: string): string => {
    const { kind, value } = identifierOf(person)
    const blotted = traces.owns({ [kind]: value, alias_name: value }) ? '*'.repeat(value.length) : value
    return person.slice(0, person.length - value.length) + traces.masked(blotted)
  }
  const shown = { added: sample.added.map(hidden), removed: sample.removed.map(hidden) }
  const masked = JSON.parse(traces.masked(JSON.stringify(others))) as object
  // In the order in which it was written.
  return JSON.stringify({ ...parsed, ...masked, sample: shown })
}

/** But for whoever is told of the activation's troubles: that is one of the operators. */
function maskedDefinition(definition: string, traces: Traces): string {
  const parsed = JSON.parse(definition) as Record<string, unknown>
  const masked = JSON.parse(traces.masked(definition)) as Record<string, unknown>
  return JSON.stringify('contactEmail' in parsed ? { ...masked, contactEmail: parsed.contactEmail } : masked)
}
