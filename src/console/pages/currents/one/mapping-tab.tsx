/** The mapping of a current on real events: as one came, after the rules for personal data, as the destination sees it, as it would leave. */

import { Group, NativeSelect, Stack, Text, Title } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { RehearsalAnswer } from '../../../../api/routes/current-events.ts'
import { at } from '../../../api/client.ts'
import { useAnswer } from '../../../api/queries.ts'
import { Answer } from '../../../elements/answer.tsx'
import { Empty } from '../../../elements/empty.tsx'
import { useFilters } from '../../../elements/filters.tsx'
import { When } from '../../../elements/when.tsx'
import { count } from '../../../elements/words.ts'
import { eventPlace } from '../places.ts'
import { BeforeAfter } from '../rehearsal/before-after.tsx'
import { RequestView, readable } from '../rehearsal/request-view.tsx'
import { reasonWords } from '../trouble.ts'
import type { TabProps } from './current-page.tsx'

const SAMPLES = 5

export default function MappingTab({ current }: TabProps) {
  const [{ type: said }, change] = useFilters<{ type?: string }>()
  const type = said === undefined ? undefined : String(said)
  const answer = useAnswer<RehearsalAnswer>(at`/currents/${current.number}/rehearsal`, {
    query: { type, samples: SAMPLES, records: 2_000 },
    keep: true,
  })
  return (
    <Answer of={answer} lines={10}>
      {(found) =>
        found.byType.length === 0 ? (
          <Empty title="No event to show">
            As soon as an event of its sources is kept, it is shown here before and after the mapping.
          </Empty>
        ) : (
          <Stack gap="md">
            <NativeSelect
              label="Event type"
              size="xs"
              maw={420}
              value={type ?? ''}
              data={[
                { value: '', label: `Any (${count(found.records)} of the newest)` },
                ...found.byType.map(({ type: name, count: n, sent }) => ({
                  value: name,
                  label: `${name} (${count(n)}${sent === 0 ? ', filtered' : ''})`,
                })),
              ]}
              onChange={({ currentTarget }) => change({ type: currentTarget.value })}
            />
            <Samples key={type ?? ''} found={found} />
          </Stack>
        )
      }
    </Answer>
  )
}

function Samples({ found: { samples, request } }: { found: RehearsalAnswer }) {
  const [chosen, setChosen] = useState<number>()
  const sample = samples.find(({ offset }) => offset === chosen) ?? samples[0]
  if (sample === undefined) return <Empty title="None of this type among the newest" />
  const { id, type, receivedAt, reason, raw, edited, mapped } = sample
  return (
    <Stack gap="md">
      <Group gap="sm">
        {samples.length > 1 && (
          <NativeSelect
            size="xs"
            aria-label="Event"
            value={String(sample.offset)}
            onChange={({ currentTarget }) => setChosen(Number(currentTarget.value))}
            data={samples.map(({ offset, reason: why }, i) => ({
              value: String(offset),
              label: `Event ${i + 1} of ${samples.length}${why === null ? '' : ', filtered'}`,
            }))}
          />
        )}
        <Text size="sm">
          {id === '' ? `Record ${sample.offset}` : <Link to={eventPlace(id)}>{id}</Link>} · {type} · accepted{' '}
          <When at={receivedAt} />
        </Text>
      </Group>
      <BeforeAfter
        before={{
          title: edited === raw ? 'As it came' : 'As it came, after the rules for personal data',
          label: 'The event before the mapping',
          value: readable(edited),
        }}
        after={{
          title: reason === null ? 'As the destination sees it' : `It is not sent: ${reasonWords(reason)}`,
          label: 'The event after the mapping',
          value: mapped,
        }}
      />
      {request !== null && (
        <Stack gap="xs">
          <div>
            <Title order={2}>The request as it would leave</Title>
            <Text size="sm" c="dimmed">
              With the samples that would be sent; secrets are blotted out. Nothing is sent.
            </Text>
          </div>
          <RequestView request={request} />
        </Stack>
      )}
    </Stack>
  )
}
