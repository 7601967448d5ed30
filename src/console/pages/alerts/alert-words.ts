/** How alerts and what was told of them are called. */

import type { AlertAnswer } from '../../../api/routes/alerts.ts'
import type { Mood } from '../../elements/state-badge.tsx'

export const KINDS: readonly AlertAnswer['kind'][] = [
  'halted',
  'deferred-long',
  'log-corrupt',
  'books',
  'activation',
  'capacity',
]

export interface Standing {
  readonly state: string
  readonly mood: Mood
}

export function standingOf({ resolvedAt, acknowledgedAt }: AlertAnswer): Standing {
  if (resolvedAt !== null) return { state: 'over', mood: 'calm' }
  return acknowledgedAt === null ? { state: 'open', mood: 'bad' } : { state: 'seen', mood: 'wait' }
}

/** Of all who were to hear of it, the worst. */
export function toldOf({ told }: AlertAnswer): Standing {
  const states = new Set(told.map(({ state }) => state))
  if (states.has('given_up')) return { state: 'given up', mood: 'bad' }
  if (states.has('waiting') || states.has('gathering')) return { state: 'waiting', mood: 'wait' }
  return states.has('sent') ? { state: 'told', mood: 'good' } : { state: 'nobody', mood: 'calm' }
}

export function subjectTo({ about }: AlertAnswer): string | undefined {
  if (about === null) return undefined
  return `/${about.sort}s/${encodeURIComponent(about.name)}`
}
