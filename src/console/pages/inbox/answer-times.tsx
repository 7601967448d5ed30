import { Text } from '@mantine/core'
import type { SourceAnswer } from '../../../api/routes/sources.ts'
import { count, duration, share } from '../../elements/words.ts'
import classes from './answer-times.module.css'

/** How long requests waited for their answer, as bars: each leads from the bound before it to its own. */
export function AnswerTimes({ answers }: { answers: SourceAnswer['counters']['answers'] }) {
  const total = answers.byTime.reduce((sum, { count: some }) => sum + some, 0)
  if (total === 0) return <Text size="sm">No request was answered since the start.</Text>
  const most = Math.max(...answers.byTime.map(({ count: some }) => some))
  return (
    <table className={classes.times}>
      <caption>Requests by the time until their answer, since the start</caption>
      <thead>
        <tr>
          <th scope="col">Within</th>
          <th scope="col">Share</th>
          <th scope="col" data-align="right">
            Requests
          </th>
        </tr>
      </thead>
      <tbody>
        {answers.byTime.map(({ upToMs, count: some }, i) => (
          <tr key={upToMs ?? 'more'}>
            <th scope="row">
              {upToMs === null
                ? `more than ${duration(answers.byTime[i - 1]?.upToMs ?? 0)}`
                : duration(upToMs)}
            </th>
            <td>
              <div className={classes.bar} style={{ width: `${(some / most) * 100}%` }} />
              <span className={classes.share}>{some === 0 ? '' : share(some, total)}</span>
            </td>
            <td data-align="right">{count(some)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
