/** What the tables of sources, and what doors keep in memory, say of somebody who is erased. */

import type { Traces } from '../core/traces.ts'
import { editRows, type Touched } from '../store/edit-rows.ts'
import type { Store } from '../store/store.ts'
import type { Verdicts } from './verdicts.ts'

/** Once the log is erased and the drift radar has come to its end. Dry: counts only. */
export async function forgetInSources(store: Store, traces: Traces, isDry: boolean): Promise<Touched[]> {
  const samples = await editRows(
    store,
    { table: 'drift', key: ['id'], columns: ['sample', 'path', 'note'] },
    isDry,
    (row) => {
      // A sample is the beginning of a value: it may end within an identifier.
      const isTheirs = traces.owns(row.sample) || traces.bearingOf(row.sample) !== 'none'
      const [path, note] = [traces.masked(row.path), traces.masked(row.note)]
      if (!isTheirs && path === row.path && note === row.note) return undefined
      return { sample: isTheirs ? '' : row.sample, path, note }
    },
  )
  const reasons = await editRows(
    store,
    { table: 'imports', key: ['source'], columns: ['reason'] },
    isDry,
    ({ reason }) => {
      const blotted = traces.masked(reason)
      return blotted === reason ? undefined : { reason: blotted }
    },
  )
  const problems = await editRows(
    store,
    { table: 'import_files', key: ['number'], columns: ['problem'] },
    isDry,
    ({ problem }) => {
      const blotted = traces.masked(problem)
      return blotted === problem ? undefined : { problem: blotted }
    },
  )
  return [
    { place: 'samples of fields', rows: samples },
    { place: 'imports', rows: reasons + problems },
  ]
}

/** What the doors of this process keep in memory. Dry: counts only. */
export function forgetRemarks(verdicts: Verdicts, traces: Traces, isDry: boolean): Touched[] {
  const rows = verdicts.drop((raw) => traces.bearingOf(raw) !== 'none', isDry)
  return [{ place: 'remarked messages', rows }]
}
