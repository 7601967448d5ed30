/** The numbers of a run, each leading to the rows behind it, and the sums that say that they close. */

import { Text } from '@mantine/core'
import type { PaceAnswer } from '../../../api/routes/run-lists.ts'
import type { RunAnswer } from '../../../api/routes/run-views.ts'
import { Stat, Stats } from '../../elements/stat.tsx'
import { count, counted } from '../../elements/words.ts'
import { invalidRows, isOpen } from './run-words.ts'

/** Where the rows behind the numbers begin. */
export const ROWS = 'rows'

export function RunNumbers({
  run,
  pace,
  path,
}: {
  run: RunAnswer
  pace: PaceAnswer | undefined
  path: string
}) {
  const { report } = run
  const isPlan = run.dry || run.state === 'held'
  // While it runs, what is settled is told by the batches; at the end the run itself says it.
  const live = isOpen(run) ? pace?.sent : undefined
  const accepted = live?.accepted ?? report.accepted
  const rejected = live?.refused ?? report.rejected
  const invalid = invalidRows(run)
  return (
    <div>
      <Stats narrow>
        <Stat label="Rows read" value={count(report.rows)} to={`${path}/query#${ROWS}`} />
        <Stat
          label="Invalid"
          value={count(invalid)}
          to={`${path}/invalid#${ROWS}`}
          {...(invalid > 0 ? { mood: 'wait' as const } : {})}
        />
        <Stat label="Unchanged" value={count(report.unchanged)} />
        <Stat
          label={isPlan ? 'Would be added' : 'Added'}
          value={count(report.added)}
          to={`${path}/added#${ROWS}`}
        />
        <Stat
          label={isPlan ? 'Would be removed' : 'Removed'}
          value={count(report.removed)}
          to={`${path}/removed#${ROWS}`}
          {...(run.state === 'held' ? { mood: 'wait' as const } : {})}
        />
        {report.affirmed > 0 && <Stat label="Sent again" value={count(report.affirmed)} />}
        <Stat label="Unmatched" value="–" to={`${path}/unmatched#${ROWS}`} />
        <Stat label="Sent" value={count(report.appended)} to={`${path}/requests#${ROWS}`} />
        <Stat
          label="Accepted"
          value={count(accepted)}
          to={`${path}/requests#${ROWS}`}
          {...(accepted > 0 ? { mood: 'good' as const } : {})}
        />
        <Stat
          label="Rejected"
          value={count(rejected)}
          to={`${path}/rejected#${ROWS}`}
          {...(rejected > 0 ? { mood: 'bad' as const } : {})}
        />
      </Stats>
      <Text size="sm" c="dimmed" mt={6} className="tw-number">
        {sumsOf(run).join(' · ')}
      </Text>
    </div>
  )
}

/** Each as it stands in the report: whoever adds them up finds the same. */
function sumsOf(run: RunAnswer): readonly string[] {
  const { report, retryOf } = run
  const changes = report.added + report.removed + report.affirmed
  const repeats = report.identifiers - report.distinct
  return [
    ...(retryOf === null
      ? [
          `${counted(report.identifiers, 'identifier')} = ${count(report.distinct)} different + ${counted(repeats, 'repeat')}`,
          `${counted(report.distinct, 'different identifier')} = ${count(report.unchanged)} unchanged + ${count(report.distinct - report.unchanged)} changed`,
        ]
      : []),
    `${counted(changes, 'change')} = ${count(report.accepted)} accepted + ${count(report.rejected)} rejected + ${count(report.unsent)} unsent${isOpen(run) ? ' or under way' : ''}`,
  ]
}
