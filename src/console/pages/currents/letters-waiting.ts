/** Dead letters that wait for a person: what was refused since the start may have been mended or discarded since. */

import type { LetterCountsAnswer } from '../../../api/routes/dead-letters.ts'
import { useAnswer } from '../../api/queries.ts'

const EVERY_MS = 3_000

export interface LettersWaiting {
  /** Also those of currents that were deleted. */
  readonly total: number
  /** By the name of a current; undefined: not among the many that the API counts. */
  of(current: string): number | undefined
}

/** undefined before it is known. */
export function useLettersWaiting(): LettersWaiting | undefined {
  const { data } = useAnswer<LetterCountsAnswer>('/dead-letters/counts', {
    query: { state: 'dead' },
    everyMs: EVERY_MS,
    keep: true,
  })
  if (data === undefined) return undefined
  const counts = new Map(data.currents.map(({ current, count }) => [current, count]))
  return { total: data.total, of: (current) => counts.get(current) ?? (data.cut ? undefined : 0) }
}
