/** How fast the vendor took the changes, against what its rate limit would allow. */

import { Text } from '@mantine/core'
import type { PaceAnswer } from '../../../api/routes/run-lists.ts'
import { Chart } from '../../elements/chart.tsx'
import { count, rate, short } from '../../elements/words.ts'

export function RunChart({ pace, changes }: { pace: PaceAnswer; changes: number }) {
  const { sent, steps, stepMs, perSecondMax } = pace
  if (sent === null)
    return (
      <Text size="sm" c="dimmed">
        No change has been sent: the chart begins with the first one.
      </Text>
    )
  const start = sent.firstSentAt
  const times = [start, ...steps.map(({ at }) => Math.max(at + stepMs, start + 1))]
  const accepted = summed(steps.map((step) => step.accepted))
  const refused = summed(steps.map((step) => step.refused))
  const allowed =
    perSecondMax === null
      ? undefined
      : times.map((ms) => Math.min(changes, ((ms - start) * perSecondMax) / 1_000))
  const tookMs = Math.max(1, sent.lastSettledAt - start)
  return (
    <div>
      <Chart
        label="Changes settled over time"
        times={times}
        write={short}
        heightPx={180}
        series={[
          { label: 'Accepted', values: accepted, colour: 1 },
          { label: 'Rejected', values: refused, colour: 4 },
          ...(allowed === undefined
            ? []
            : [{ label: 'At the rate limit', values: allowed, colour: 2 as const, dashed: true }]),
        ]}
      />
      <Text size="xs" c="dimmed" className="tw-number">
        {rate(((sent.accepted + sent.refused) * 1_000) / tookMs)} on average
        {perSecondMax !== null &&
          `; the rate limit allows ${count(Math.round(perSecondMax))}/s in full requests`}
      </Text>
    </div>
  )
}

/** From 0 on: what was settled up to the end of each step. */
function summed(values: readonly number[]): number[] {
  const sums = [0]
  for (const value of values) sums.push((sums.at(-1) ?? 0) + value)
  return sums
}
