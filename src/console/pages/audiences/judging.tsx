import type { AudienceProgressAnswer } from '../../../api/routes/audiences.ts'
import { useAnswer } from '../../api/queries.ts'
import { StateBadge } from '../../elements/state-badge.tsx'
import { count } from '../../elements/words.ts'

/** Fewer are read within a second: that is no backlog. */
const BACKLOG_MIN = 1_000

/** Whether memberships follow from the rules and records of this moment, or are on their way there. */
export function Judging() {
  const { data } = useAnswer<AudienceProgressAnswer>('/audience-progress', { everyMs: 5_000 })
  if (data === undefined) return null
  if (data.judging)
    return <StateBadge state="judging" mood="wait" title="A rule changed: everybody is judged again" />
  if (data.pending > BACKLOG_MIN)
    return (
      <StateBadge
        state={`${count(data.pending)} records behind`}
        mood="wait"
        title="Records that profiles have not read yet"
      />
    )
  return <StateBadge state="up to date" mood="good" title="Every record and every rule is reflected" />
}
