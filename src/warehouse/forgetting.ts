/** Words about somebody who is erased in the texts of saved queries, in all their versions. */

import type { Traces } from '../core/traces.ts'
import { editRows, type Touched } from '../store/edit-rows.ts'
import type { Store } from '../store/store.ts'

/** Dry: counts only. */
export async function forgetInSavedQueries(store: Store, traces: Traces, isDry: boolean): Promise<Touched[]> {
  const rows = await editRows(
    store,
    { table: 'saved_query_versions', key: ['name', 'version'], columns: ['sql', 'description'] },
    isDry,
    (row) => {
      const [sql, description] = [traces.masked(row.sql), traces.masked(row.description)]
      return sql === row.sql && description === row.description ? undefined : { sql, description }
    },
  )
  return [{ place: 'saved queries', rows }]
}
