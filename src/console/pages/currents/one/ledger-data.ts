/** The ledger of a current within a window, asked again while one looks. */

import type { LedgerAnswer } from '../../../../api/routes/current-state.ts'
import { at } from '../../../api/client.ts'
import { useAnswer } from '../../../api/queries.ts'

const MINUTE_MS = 60_000
const EVERY_MS = 3_000

/** `minutes` 0: all of it. The window begins with a whole minute, so that one question lasts as long as its minute. */
export function useLedger(number: number, minutes: number) {
  const from = minutes === 0 ? undefined : (Math.floor(Date.now() / MINUTE_MS) - minutes + 1) * MINUTE_MS
  return useAnswer<LedgerAnswer>(at`/currents/${number}/ledger`, {
    query: { fromMs: from },
    everyMs: EVERY_MS,
    keep: true,
  })
}
