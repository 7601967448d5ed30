/** What is wrong with a current, in words, and what would mend it. */

import type { CurrentAnswer } from '../../../api/routes/currents.ts'
import type { LiveStatus } from '../../api/live.ts'
import { count, duration } from '../../elements/words.ts'

export type LiveCurrent = LiveStatus['currents'][number]

export interface Trouble {
  /** bad: it needs a hand; wait: it mends itself, or somebody wants it so; calm: nothing is wrong yet. */
  readonly mood: 'bad' | 'wait' | 'calm'
  readonly what: string
}

/** What waits so long is late, though nothing may be broken. */
const LATE_MS = 60_000

/** undefined: nothing is wrong. `live` is newer than `current` where there is one. */
export function troubleOf(current: CurrentAnswer, live: LiveCurrent | undefined): Trouble | undefined {
  const { state, stateReason, pending, gate, retryAt, lagMs } = nowOf(current, live)
  const waits = pending === 0 ? '' : `; ${count(pending)} wait`
  switch (state) {
    case 'draft':
      return { mood: 'calm', what: 'Not launched yet' }
    case 'halted':
      return { mood: 'bad', what: `${stateReason || 'The destination refuses us'}${waits}` }
    case 'paused':
      return { mood: 'wait', what: `${stateReason === '' ? 'Paused' : `Paused: ${stateReason}`}${waits}` }
    default:
      if (gate === 'closed' || gate === 'half-open') {
        const fault = current.status.lastFault?.message ?? 'The destination does not take requests'
        const again =
          retryAt === null
            ? ''
            : `; tried again ${retryAt <= Date.now() ? 'now' : `in ${duration(retryAt - Date.now())}`}`
        return { mood: 'wait', what: `${fault}${again}${waits}` }
      }
      if (pending > 0 && lagMs > LATE_MS)
        return { mood: 'wait', what: `Behind by ${duration(lagMs)}${waits}` }
      return undefined
  }
}

export interface Now {
  readonly state: string
  readonly stateReason: string
  readonly delivered: number
  readonly filtered: number
  readonly dead: number
  readonly pending: number
  readonly gate: string
  readonly retryAt: number | null
  readonly lagMs: number
}

/** The numbers of this second, or else those of the last answer. Delivered, filtered and dead are counted since the hub started. */
export function nowOf({ state, stateReason, status }: CurrentAnswer, live: LiveCurrent | undefined): Now {
  if (live !== undefined) return live
  const { delivered, filtered, dead } = status.sinceStart
  const { pending, gate, retryAt, lagMs } = status
  return { state, stateReason, delivered, filtered, dead, pending, gate, retryAt, lagMs }
}

/** What the ledger calls a reason, in words. */
const REASONS: Readonly<Record<string, string>> = {
  type_not_selected: 'type not selected',
  no_external_user_id: 'no external id',
  not_an_event: 'not an event',
  erased: 'erased',
  suppressed: 'suppressed',
  skipped_by_destination: 'left out by the destination',
  other_source: 'of another source',
}

export const reasonWords = (reason: string): string => REASONS[reason] ?? reason.replaceAll('_', ' ')
