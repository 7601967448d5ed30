/** One source: how it does, how its sender reaches it, its tokens and settings, and what was remarked about what it sent. */

import { SimpleGrid, Stack, Text, Title } from '@mantine/core'
import { useParams } from '@tanstack/react-router'
import type { SourceAnswer } from '../../../api/routes/sources.ts'
import { at } from '../../api/client.ts'
import { rateOf, useLive } from '../../api/live.ts'
import { useAnswer, useChange } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { ConfirmButton } from '../../elements/confirm-button.tsx'
import { told } from '../../elements/notices.ts'
import { Page } from '../../elements/page.tsx'
import { Stat, Stats } from '../../elements/stat.tsx'
import { When } from '../../elements/when.tsx'
import { bytes, count, duration, rate } from '../../elements/words.ts'
import { AnswerTimes } from './answer-times.tsx'
import { BatchesTable } from './batches-table.tsx'
import { ImportPart } from './import-part.tsx'
import { MinutesChart } from './minutes-chart.tsx'
import { QuarantineTable } from './quarantine-table.tsx'
import { SenderSettings } from './sender-settings.tsx'
import { SourceForm } from './source-form.tsx'
import { kindTitle } from './source-kinds.ts'
import { SourceTokens } from './source-tokens.tsx'
import { SourceVerdicts } from './source-verdicts.tsx'

export function SourcePage() {
  const { source: name = '' } = useParams({ strict: false })
  const path = at`/sources/${name}`
  const source = useAnswer<SourceAnswer>(path, { everyMs: 3_000 })
  const isFiles = source.data?.kind === 'files'
  return (
    <Page
      title={name}
      up={{ to: '/inbox', label: 'Inbox' }}
      {...(source.data === undefined ? {} : { intro: kindTitle(source.data.kind) })}
      actions={
        source.data !== undefined &&
        source.data.kind !== 'audience' && <DeleteSource name={source.data.name} />
      }
      calls={[
        `GET /api/v1${path}`,
        isFiles ? `GET /api/v1${at`/imports/${name}`}/report` : `POST /api/v1${path}/tokens`,
      ]}
      commands={[isFiles ? `thalweg imports show ${name}` : `thalweg sources show ${name}`]}
    >
      <Answer of={source} lines={8}>
        {(one) => (
          <>
            {one.kind === 'files' ? <ImportPart name={one.name} /> : <Numbers source={one} />}
            <MinutesChart source={one.name} />
            {one.kind !== 'files' && one.kind !== 'audience' && <Sender source={one} />}
            {(one.kind === 'segment' || one.kind === 'lytics') && <SourceVerdicts name={one.name} />}
            <SimpleGrid cols={{ base: 1, lg: 2 }}>
              <Stack gap="xs" miw={0}>
                <Title order={2}>Latest batches</Title>
                <BatchesTable source={one.name} />
              </Stack>
              <Stack gap="xs" miw={0}>
                <Title order={2}>Quarantine</Title>
                <QuarantineTable source={one.name} />
              </Stack>
            </SimpleGrid>
            {one.kind !== 'audience' && (
              <section className="tw-card">
                <SourceForm key={one.updatedAt} source={one} />
              </section>
            )}
          </>
        )}
      </Answer>
    </Page>
  )
}

function Numbers({ source: { number, counters } }: { source: SourceAnswer }) {
  const { samples } = useLive()
  const { requests, accepted, duplicates, quarantined, refused, droppedRequests, seenAt, eventAt } = counters
  const refusals = Object.entries(refused)
  const refusedCount = refusals.reduce((total, [, some]) => total + some, 0)
  const perSecond = rateOf(samples, ({ sources }) => sources.find((one) => one.number === number)?.accepted)
  return (
    <Stats>
      <Stat label="Rate" value={rate(perSecond)} note="events, now" />
      <Stat label="Accepted" value={count(accepted)} note={`in ${count(requests)} batches since the start`} />
      <Stat
        label="Per batch"
        value={requests === 0 ? '–' : count(Math.round(accepted / requests))}
        note={requests === 0 ? 'events' : `events, ${bytes(counters.bytes / requests)}`}
      />
      <Stat label="Duplicates" value={count(duplicates)} note="recognized and answered, not kept twice" />
      <Stat
        label="Quarantined"
        value={count(quarantined)}
        note="no events, kept below"
        {...(quarantined > 0 ? { mood: 'wait' as const } : {})}
      />
      <Stat
        label="Refused"
        value={count(refusedCount)}
        note={
          refusals.map(([status, some]) => `${count(some)} with ${status}`).join(', ') ||
          (droppedRequests > 0 ? `${count(droppedRequests)} dropped for a wrong key` : 'requests')
        }
        {...(refusedCount > 0 ? { mood: 'wait' as const } : {})}
      />
      <Stat
        label="Answered in"
        value={counters.answers.meanMs === null ? '–' : duration(counters.answers.meanMs)}
        note="on average"
      />
      <Stat
        label="Last event"
        value={<When at={eventAt} />}
        note={<>last request: {<When at={seenAt} />}</>}
      />
    </Stats>
  )
}

function Sender({ source }: { source: SourceAnswer }) {
  return (
    <SimpleGrid cols={{ base: 1, lg: 2 }}>
      <section className="tw-card" aria-labelledby="sender">
        <Title order={2} mb="sm" id="sender">
          What the sender is told
        </Title>
        <SenderSettings source={source} />
      </section>
      <Stack gap="md">
        <section className="tw-card">
          <SourceTokens source={source} />
        </section>
        <section className="tw-card" aria-labelledby="answers">
          <Title order={2} mb="xs" id="answers">
            Answer times
          </Title>
          <AnswerTimes answers={source.counters.answers} />
        </section>
      </Stack>
    </SimpleGrid>
  )
}

function DeleteSource({ name }: { name: string }) {
  const remove = useChange({
    method: 'DELETE',
    path: () => at`/sources/${name}`,
    changes: ['/sources', '/inbox', '/imports'],
    leadsTo: () => '/inbox',
    done: () => told(`The source ${name} is closed.`),
  })
  return (
    <ConfirmButton
      label="Delete source"
      deed="Delete it"
      variant="default"
      color="var(--tw-bad-strong)"
      typed={name}
      onConfirm={remove.mutateAsync}
    >
      <Text size="sm">
        Its address is closed for ever and its tokens are refused. What it sent stays in the log. It cannot be
        deleted while a current takes its events.
      </Text>
    </ConfirmButton>
  )
}
