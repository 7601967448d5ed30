/** The cohort before and after, as two bars of one scale. */

import { Text } from '@mantine/core'
import type { RunAnswer } from '../../../api/routes/run-views.ts'
import { count } from '../../elements/words.ts'
import classes from './run-membership.module.css'

export function RunMembership({ run }: { run: RunAnswer }) {
  const { membersBefore, membersAfter, added, removed } = run.report
  const expected = Math.max(0, membersBefore + added - removed)
  const after = membersAfter ?? expected
  const most = Math.max(membersBefore, after, 1)
  const isExpected = membersAfter === null
  return (
    <div className={classes.frame}>
      <Text size="sm" fw={600}>
        Members of the cohort
      </Text>
      <Bar label="Before" value={membersBefore} most={most} />
      <Bar label={isExpected ? 'After, if all is accepted' : 'After'} value={after} most={most} />
    </div>
  )
}

function Bar({ label, value, most }: { label: string; value: number; most: number }) {
  return (
    <div>
      <div className={classes.line}>
        <span>{label}</span>
        <span className="tw-number">{count(value)}</span>
      </div>
      <div className={classes.track}>
        <div className={classes.fill} style={{ width: `${(value / most) * 100}%` }} />
      </div>
    </div>
  )
}
