/** How many are in it and were, its rule, and some of them. */

import { SegmentedControl, SimpleGrid, Stack, Text, Title } from '@mantine/core'
import { useState } from 'react'
import type { AudiencePeopleAnswer, AudienceSizesAnswer } from '../../../api/routes/audiences.ts'
import { at } from '../../api/client.ts'
import { useAnswer } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { Chart } from '../../elements/chart.tsx'
import { CopyButton } from '../../elements/copy-button.tsx'
import { Stat, Stats } from '../../elements/stat.tsx'
import { When } from '../../elements/when.tsx'
import { count, short } from '../../elements/words.ts'
import type { PartProps } from './audience-page.tsx'
import { PeopleTable } from './people-table.tsx'

const HOUR = 3_600_000
const SPANS = {
  hour: { label: '1 h', ms: HOUR, step: 60_000 },
  day: { label: '24 h', ms: 24 * HOUR, step: 900_000 },
  week: { label: '7 d', ms: 168 * HOUR, step: 2 * HOUR },
  quarter: { label: '90 d', ms: 2_160 * HOUR, step: 24 * HOUR },
} as const
type Span = keyof typeof SPANS

/** Between whole people an axis says nothing. */
const wholePeople = (people: number): string => (Number.isInteger(people) ? short(people) : '')

export function OverviewPart({ audience }: PartProps) {
  const { slug, size, version, savedAt, author, fields, includes, filter } = audience
  const [span, setSpan] = useState<Span>('day')
  const { ms, step } = SPANS[span]
  // The end moves on with whole steps, so that the same question is asked, and kept, in between.
  const to = Math.ceil(Date.now() / step) * step
  const sizes = useAnswer<AudienceSizesAnswer>(at`/audiences/${slug}/sizes`, {
    query: { from: to - ms, to, step },
    everyMs: 30_000,
    keep: true,
  })
  const sample = useAnswer<AudiencePeopleAnswer>(at`/audiences/${slug}/sample`, { query: { limit: 10 } })
  const moved = (sizes.data?.points ?? []).reduce(
    (sum, point) => ({ entered: sum.entered + point.entered, left: sum.left + point.left }),
    { entered: 0, left: 0 },
  )
  const path = at`/audiences/${slug}`
  return (
    <Stack gap="md">
      <Stats>
        <Stat label="People in it" value={count(size)} to={`${path}/members`} />
        <Stat label={`Entered, ${SPANS[span].label}`} value={count(moved.entered)} to={`${path}/moves`} />
        <Stat label={`Left, ${SPANS[span].label}`} value={count(moved.left)} to={`${path}/moves`} />
        <Stat
          label="Version"
          value={version}
          note={
            <>
              <When at={savedAt} /> by {author || 'somebody'}
            </>
          }
          to={`${path}/versions`}
        />
      </Stats>
      <section className="tw-card" aria-label="Size over time">
        <Title order={2} mb="xs">
          Size over time
        </Title>
        <SegmentedControl
          size="xs"
          mb="xs"
          aria-label="Span"
          transitionDuration={0}
          value={span}
          onChange={(next) => setSpan(next as Span)}
          data={Object.entries(SPANS).map(([value, { label }]) => ({ value, label }))}
        />
        <div style={{ minHeight: 210 }}>
          <Answer of={sizes}>
            {({ points }) => (
              <Chart
                label="People in the audience"
                // The last point stands for the step that is not over.
                times={points.map(({ at: time }) => Math.min(time, Date.now()))}
                series={[{ label: 'People', values: points.map((point) => point.size), colour: 1 }]}
                write={wholePeople}
              />
            )}
          </Answer>
        </div>
      </section>
      <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="md" style={{ alignItems: 'start' }}>
        <section className="tw-card" aria-label="Rule" style={{ minWidth: 0 }}>
          <Title order={2} mb="xs">
            Rule <CopyButton value={filter} label="the rule" />
          </Title>
          <pre className="tw-code">{filter}</pre>
          <Text size="sm" c="dimmed" mt="xs">
            {fields.length > 0 && `Asks ${fields.join(', ')}. `}
            {includes.length > 0 && `Includes ${includes.join(', ')}.`}
          </Text>
        </section>
        <section aria-label="Sample" style={{ minWidth: 0 }}>
          <Title order={2} mb="xs">
            Some of them
          </Title>
          <Answer of={sample}>
            {({ people }) => (
              <PeopleTable
                label="some members"
                people={people}
                fields={fields}
                none="Nobody is in it at the moment"
              />
            )}
          </Answer>
        </section>
      </SimpleGrid>
    </Stack>
  )
}
