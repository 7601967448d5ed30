/** Words about somebody who is erased in the texts of saved queries, in all their versions. */

import type { Traces } from '../core/traces.ts'
import { editRows, type Touched } from '../store/edit-rows.ts'
import type { Store } from '../store/store.ts'

/** Dry: counts only. */
export async function forgetInSavedQueries(store: Store, traces: Traces, isDry: boolean): Promise<Touched[]> {
  const rows = await editRows(
    store,
    { table: 'saved_query_versions', key: ['name', 'version'], columns: ['sql', 'description', 'note'] },
    isDry,
    (row) => {
      const masked = {
        sql: traces.masked(row.sql),
        description: traces.masked(row.description),
        note: traces.masked(row.note),
      }
      const isSame =
        masked.sql === row.sql && masked.description === row.description && masked.note === row.note
      return isSame ? undefined : masked
    },
  )
  return [{ place: 'saved queries', rows }]
}
