import { Stack, Text } from '@mantine/core'
import type { RunAnswer } from '../../../api/routes/run-views.ts'
import { Empty } from '../../elements/empty.tsx'
import { dateTime } from '../../elements/words.ts'
import classes from './run-log.module.css'

/** What happened to a run, line by line, in its own words. */
export function RunLog({ run }: { run: RunAnswer }) {
  const { log } = run.report
  if (log.length === 0)
    return <Empty title="No log">This run was made by an earlier version, which kept none.</Empty>
  return (
    <Stack gap={0} component="ol" className={classes.log} aria-label="Log of the run">
      {log.map(({ at, text }, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines are only ever added at the end
        <li key={i} className={classes.line}>
          <Text component="time" dateTime={new Date(at).toISOString()} size="sm" c="dimmed">
            {dateTime(at)}
          </Text>
          <Text size="sm">{text}</Text>
        </li>
      ))}
    </Stack>
  )
}
