import classes from './state-badge.module.css'
import { spoken } from './words.ts'

export type Mood = 'good' | 'wait' | 'bad' | 'calm'

const MOODS: Readonly<Record<string, Mood>> = {
  running: 'good',
  active: 'good',
  open: 'good',
  succeeded: 'good',
  delivered: 'good',
  done: 'good',
  ok: 'good',
  accepted: 'good',
  balanced: 'good',
  queued: 'wait',
  held: 'wait',
  partial: 'wait',
  waiting: 'wait',
  pending: 'wait',
  deferred: 'wait',
  invited: 'wait',
  halted: 'bad',
  failed: 'bad',
  dead: 'bad',
  refused: 'bad',
  stopped: 'bad',
  full: 'bad',
}

/** A state, coloured by what it asks of the reader: nothing, patience, or a hand. The word says it too. */
export function StateBadge({ state, mood, title }: { state: string; mood?: Mood; title?: string }) {
  return (
    <span className={classes.badge} data-mood={mood ?? MOODS[state] ?? 'calm'} title={title}>
      {spoken(state)}
    </span>
  )
}
