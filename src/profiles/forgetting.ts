/** Words about somebody who is erased in the rules of audiences, in all their versions; people themselves are engine/forgetting.ts's. */

import type { Traces } from '../core/traces.ts'
import { editRows, type Touched } from '../store/edit-rows.ts'
import type { Store } from '../store/store.ts'

/** Rules that are in force go by the new words from the next start on. Dry: counts only. */
export async function forgetInRules(store: Store, traces: Traces, isDry: boolean): Promise<Touched[]> {
  const rows = await editRows(
    store,
    {
      table: 'rule_audience_versions',
      key: ['audience', 'version'],
      columns: ['name', 'description', 'filter', 'note'],
    },
    isDry,
    (row) => {
      const blotted = {
        name: traces.masked(row.name),
        description: traces.masked(row.description),
        filter: traces.masked(row.filter),
        note: traces.masked(row.note),
      }
      const isSame = Object.entries(blotted).every(
        ([column, text]) => row[column as keyof typeof row] === text,
      )
      return isSame ? undefined : blotted
    },
  )
  return [{ place: 'rules of audiences', rows }]
}
