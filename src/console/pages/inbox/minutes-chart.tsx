import { Group, SegmentedControl, Title } from '@mantine/core'
import { useState } from 'react'
import type { InboxMinutesAnswer } from '../../../api/routes/inbox.ts'
import { useAnswer } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { Chart } from '../../elements/chart.tsx'
import { short } from '../../elements/words.ts'

const MINUTE_MS = 60_000
const SPANS = [
  { value: '60', label: '1 hour' },
  { value: '360', label: '6 hours' },
  { value: '1440', label: '1 day' },
]

/** Accepted events minute by minute, of one source or of all. */
export function MinutesChart({ source }: { source?: string }) {
  const [span, setSpan] = useState('60')
  const minutes = useAnswer<InboxMinutesAnswer>('/inbox/minutes', {
    query: { source, minutes: span },
    everyMs: 10_000,
    keep: true,
  })
  return (
    <section className="tw-card" aria-labelledby="minutes">
      <Group justify="space-between" mb="xs">
        <Title order={2} id="minutes">
          Accepted per minute
        </Title>
        <SegmentedControl size="xs" data={SPANS} value={span} onChange={setSpan} aria-label="Time shown" />
      </Group>
      <Answer of={minutes} lines={6}>
        {(answer) => {
          const { times, values } = filled(answer, Number(span))
          return (
            <Chart
              label="Accepted events per minute"
              times={times}
              series={[{ label: 'Accepted', values, colour: 1 }]}
              write={short}
            />
          )
        }}
      </Answer>
    </section>
  )
}

/** With the minute under way, as far as it has come: on a fresh hub it is all there is. */
function filled({ from, minutes }: InboxMinutesAnswer, span: number): { times: number[]; values: number[] } {
  const counts = new Map(minutes.map(({ at, accepted }) => [at, accepted]))
  const times = Array.from({ length: span }, (_, i) => from + i * MINUTE_MS)
  return { times, values: times.map((at) => counts.get(at) ?? 0) }
}
