/** Words about somebody who is erased in what batches of exports met; their people are forgotten with the profiles. */

import type { Traces } from '../../core/traces.ts'
import { editRows, type Touched } from '../../store/edit-rows.ts'
import type { Store } from '../../store/store.ts'

/** Dry: counts only. */
export async function forgetInExports(store: Store, traces: Traces, isDry: boolean): Promise<Touched[]> {
  const messages = await editRows(
    store,
    { table: 'export_log', key: ['export', 'number'], columns: ['message'] },
    isDry,
    ({ message }) => {
      const masked = traces.masked(message)
      return masked === message ? undefined : { message: masked }
    },
  )
  return [{ place: 'logs of exports', rows: messages }]
}
