/** Words about somebody who is erased in what was applied from files. */

import type { Traces } from '../core/traces.ts'
import { editRows, type Touched } from '../store/edit-rows.ts'
import type { Store } from '../store/store.ts'

/** Masked as the objects themselves are, so that nobody seems to have changed them. Dry: counts only. */
export async function forgetInConfiguration(
  store: Store,
  traces: Traces,
  isDry: boolean,
): Promise<Touched[]> {
  const objects = await editRows(
    store,
    { table: 'config_objects', key: ['kind', 'id'], columns: ['body'] },
    isDry,
    ({ body }) => {
      const masked = traces.masked(body)
      return masked === body ? undefined : { body: masked }
    },
  )
  const applies = await editRows(
    store,
    { table: 'config_applies', key: ['number'], columns: ['note', 'steps'] },
    isDry,
    (row) => {
      const [note, steps] = [traces.masked(row.note), traces.masked(row.steps)]
      return note === row.note && steps === row.steps ? undefined : { note, steps }
    },
  )
  return [{ place: 'applied files', rows: objects + applies }]
}
