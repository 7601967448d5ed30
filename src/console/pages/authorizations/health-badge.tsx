import type { AuthorizationAnswer } from '../../../api/routes/authorizations.ts'
import { StateBadge } from '../../elements/state-badge.tsx'

const HEALTHS = {
  good: { state: 'accepted', mood: 'good' },
  bad: { state: 'refused', mood: 'bad' },
  unknown: { state: 'not checked', mood: 'calm' },
} as const

/** What the vendor thought of the credentials last. */
export function HealthBadge({ of: { health, healthDetail } }: { of: AuthorizationAnswer }) {
  const { state, mood } = HEALTHS[health]
  return <StateBadge state={state} mood={mood} title={healthDetail} />
}
