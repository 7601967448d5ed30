/** How far the profiles are, and how many there are. */

import type { ProfilesStatusAnswer } from '../../../api/routes/profiles.ts'
import { useAnswer } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { Stat, Stats } from '../../elements/stat.tsx'
import { When } from '../../elements/when.tsx'
import { count } from '../../elements/words.ts'

export function StatusStats() {
  const status = useAnswer<ProfilesStatusAnswer>('/profiles/status', { everyMs: 3_000 })
  return (
    <Answer of={status} lines={2}>
      {({
        profiles,
        identifiers,
        merges,
        conflicts,
        pending,
        position,
        countedAt,
        readingAgain,
        judging,
      }) => (
        <Stats>
          <Stat
            label="People"
            value={profiles === null ? 'Being counted' : count(profiles)}
            note={
              countedAt === null ? (
                'the first count takes a moment'
              ) : (
                <>
                  counted <When at={countedAt} />
                </>
              )
            }
            to="/profiles"
          />
          <Stat
            label="Identifiers"
            value={identifiers === null ? 'Being counted' : count(identifiers)}
            note={profiles && identifiers ? `${(identifiers / profiles).toFixed(1)} per person` : undefined}
          />
          <Stat label="Joins" value={count(merges)} note="profiles that became one" to="/profiles/merges" />
          <Stat
            label="Conflicts"
            value={count(conflicts)}
            note="identifiers that joined nobody"
            to="/profiles/conflicts"
          />
          <Stat
            label="Records behind"
            value={position === null ? '–' : count(pending)}
            note={
              position === null
                ? 'nothing feeds a stream yet'
                : readingAgain.length > 0
                  ? `reading ${readingAgain.map(({ stream }) => stream).join(', ')} again`
                  : judging
                    ? 'audiences are being judged anew'
                    : pending === 0
                      ? 'all of the log is read'
                      : 'of the log, being read'
            }
            mood={pending > 100_000 ? 'wait' : pending === 0 ? 'good' : undefined}
            to="/streams"
          />
        </Stats>
      )}
    </Answer>
  )
}
