/** What alerts, and the answers to their messages, say of somebody who is erased. */

import type { Traces } from '../core/traces.ts'
import { editRows, type Touched } from '../store/edit-rows.ts'
import type { Store } from '../store/store.ts'

/** Words about the person are blotted out. What was mailed cannot be taken back. Dry: counts only. */
export async function forgetInAlerts(store: Store, traces: Traces, isDry: boolean): Promise<Touched[]> {
  const alerts = await editRows(
    store,
    { table: 'alerts', key: ['id'], columns: ['subject', 'detail', 'acknowledge_note'] },
    isDry,
    (row) => blotted(row, traces),
  )
  const messages = await editRows(
    store,
    { table: 'alert_messages', key: ['id'], columns: ['answer'] },
    isDry,
    (row) => blotted(row, traces),
  )
  const channels = await editRows(
    store,
    { table: 'alert_channels', key: ['id'], columns: ['answer'] },
    isDry,
    (row) => blotted(row, traces),
  )
  return [{ place: 'alerts', rows: alerts + messages + channels }]
}

/** The row with every text masked; undefined when nothing changes. */
function blotted<Row extends Readonly<Record<string, string>>>(row: Row, traces: Traces): Row | undefined {
  const masked = Object.fromEntries(
    Object.entries(row).map(([name, text]) => [name, traces.masked(text)]),
  ) as Row
  return Object.entries(masked).some(([name, text]) => text !== row[name]) ? masked : undefined
}
