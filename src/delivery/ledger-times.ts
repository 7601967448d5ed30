/**
 * The ledger of one current over time: what was accepted in each minute or hour, and what became of it. Accepted is counted by the intake
 * account, which owes nothing to delivery; what has no outcome yet is pending.
 */

import type { Current } from '../currents/current.ts'
import type { Log } from '../log/log.ts'
import type { Store } from '../store/store.ts'
import type { History } from './history.ts'
import type { IntakeAccount } from './intake.ts'
import { byMinute, firstMinute } from './ledger.ts'
import { recordAt } from './lineage.ts'

export interface LedgerTime {
  /** First minute of the cell, since the epoch. */
  readonly minute: number
  /** undefined: nobody can tell any more, because the current took other sources then or the log no longer keeps its beginning. */
  readonly accepted: number | undefined
  readonly delivered: number
  readonly filtered: number
  readonly dead: number
  readonly pending: number | undefined
}

export interface LedgerTimesParts {
  readonly log: Log
  readonly store: Store
  readonly intake: IntakeAccount
  readonly history: History
}

export interface LedgerTimesQuery {
  /** Inclusive; a multiple of `step`. */
  readonly fromMinute: number
  /** Exclusive. */
  readonly toMinute: number
  /** Minutes in a cell. */
  readonly step: 1 | 60
}

const OUTCOMES = 3

/** Cells in which something was accepted or settled, oldest first. Empty for a draft. */
export async function ledgerTimes(
  parts: LedgerTimesParts,
  current: Current,
  query: LedgerTimesQuery,
): Promise<LedgerTime[]> {
  const { fromMinute, toMinute, step } = query
  const about = { current: current.number, fromMinute, toMinute }
  const rowsMax = ((toMinute - fromMinute) / step + 1) * OUTCOMES
  const cells = new Map<number, { delivered: number; filtered: number; dead: number }>()
  const cellAt = (minute: number) => {
    const cell = cells.get(minute) ?? { delivered: 0, filtered: 0, dead: 0 }
    cells.set(minute, cell)
    return cell
  }
  for (const { minute, outcome, count } of await byMinute(parts.store.db, about, rowsMax, step)) {
    cellAt(minute)[outcome as 'delivered' | 'filtered' | 'dead'] += count
  }
  const acceptedIn = await accepted(parts, current, query, cellAt)
  return [...cells]
    .sort(([a], [b]) => a - b)
    .map(([minute, cell]) => {
      const settled = cell.delivered + cell.filtered + cell.dead
      const counted = acceptedIn(minute)
      // The intake account may be a moment behind the ledger.
      const accepted = counted === undefined ? undefined : Math.max(counted, settled)
      return { minute, accepted, ...cell, pending: accepted === undefined ? undefined : accepted - settled }
    })
}

/** Accepted by cell. Cells that only the intake account knows are added by `note`. */
async function accepted(
  { log, store, intake, history }: LedgerTimesParts,
  current: Current,
  { fromMinute, toMinute, step }: LedgerTimesQuery,
  note: (minute: number) => void,
): Promise<(minute: number) => number | undefined> {
  const scope = (await history.subject(current))?.scopes.at(-1)
  if (scope === undefined || scope.sources.size === 0) return () => undefined
  // With these sources since:
  const begin = Math.max(current.startOffset ?? 0, scope.fromOffset)
  if (begin >= log.head) return () => undefined
  const first = begin < log.tail ? undefined : await recordAt(log, begin)
  const beginMinute =
    first === undefined ? await firstMinute(store.db, current.number) : Math.floor(first.receivedAt / 60_000)
  if (beginMinute === undefined) return () => undefined
  const beginCell = beginMinute - (beginMinute % step)
  const whole = { fromMinute: Math.max(fromMinute, beginCell + step), toMinute }
  const counts = new Map(
    (await intake.cells(scope.sources, whole, step)).map(({ minute, accepted }) => [minute, accepted]),
  )
  if (first !== undefined && beginCell >= fromMinute && beginCell < toMinute) {
    const end = await log.offsetAt((beginCell + step) * 60_000)
    counts.set(beginCell, await log.count(scope.sources, begin, Math.max(begin, end)))
  }
  for (const minute of counts.keys()) note(minute)
  return (minute) => {
    if (minute < beginCell || (minute === beginCell && first === undefined)) return undefined
    return counts.get(minute) ?? 0
  }
}
