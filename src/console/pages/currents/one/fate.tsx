/** What became of an event in a current, in a few words, with the answer that decided. */

import { Link } from '@tanstack/react-router'
import type { CurrentEventsAnswer } from '../../../../api/routes/current-events.ts'
import { StateBadge } from '../../../elements/state-badge.tsx'
import { deadLetterPlace } from '../places.ts'
import { reasonWords } from '../trouble.ts'

export type Fate = CurrentEventsAnswer['events'][number]['fate']

export function FateBadge({ fate }: { fate: Fate }) {
  return <StateBadge state={fate.outcome} mood={fate.outcome === 'missing' ? 'bad' : undefined} />
}

export function FateWords({ fate }: { fate: Fate }) {
  switch (fate.outcome) {
    case 'delivered':
      return (
        <>
          {answerWords(fate.batch.status)}
          {fate.batch.attempts > 1 && ` at attempt ${fate.batch.attempts}`}
        </>
      )
    case 'filtered':
      return <>{reasonWords(fate.reason)}</>
    case 'dead':
      return (
        <Link to={deadLetterPlace(fate.deadLetter)}>
          {reasonWords(fate.reason)}
          {fate.state !== 'dead' && `, ${fate.state}`}
        </Link>
      )
    case 'missing':
      return <>no outcome covers it</>
    default:
      return <>waits</>
  }
}

/** When it was decided; undefined while it is not. */
export function decidedAt(fate: Fate): number | undefined {
  if (fate.outcome === 'delivered' || fate.outcome === 'dead') return fate.batch?.settledAt
  return undefined
}

export const answerWords = (status: number): string => (status === 0 ? 'no answer' : `answered ${status}`)
