/** One alert: what happened, what is safe, what to do, who was told, and a place to say that somebody looks after it. */

import { Anchor, Button, Group, SimpleGrid, Stack, Text, Textarea, Title } from '@mantine/core'
import { Link, useParams } from '@tanstack/react-router'
import { useState } from 'react'
import type { AlertAnswer } from '../../../api/routes/alerts.ts'
import { at } from '../../api/client.ts'
import { useAnswer, useChange } from '../../api/queries.ts'
import { Answer, FailureNote } from '../../elements/answer.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { Facts } from '../../elements/facts.tsx'
import { told } from '../../elements/notices.ts'
import { Page } from '../../elements/page.tsx'
import { type Mood, StateBadge } from '../../elements/state-badge.tsx'
import { When } from '../../elements/when.tsx'
import { count, spoken } from '../../elements/words.ts'
import { standingOf, subjectTo } from './alert-words.ts'

export function AlertPage() {
  const { alert: id } = useParams({ strict: false })
  const answer = useAnswer<AlertAnswer>(at`/alerts/${id ?? ''}`, { everyMs: 10_000 })
  const { data } = answer
  const standing = data === undefined ? undefined : standingOf(data)
  return (
    <Page
      title={data?.subject ?? 'Alert'}
      up={{ to: '/alerts', label: 'Alerts' }}
      beside={standing && <StateBadge state={standing.state} mood={standing.mood} />}
      calls={['GET /api/v1/alerts/{alert}', 'POST /api/v1/alerts/{alert}/acknowledge']}
      commands={[
        `thalweg alerts show ${id ?? '<id>'}`,
        `thalweg alerts acknowledge ${id ?? '<id>'} --note …`,
      ]}
    >
      <Answer of={answer} lines={8}>
        {(alert) => (
          <>
            <SimpleGrid cols={{ base: 1, md: 2 }}>
              <WhatHappened alert={alert} />
              <Stack gap="md">
                <section className="tw-card" aria-labelledby="to-do">
                  <Title order={2} id="to-do" mb={4}>
                    What to do
                  </Title>
                  <Text size="sm">{alert.toDo}</Text>
                  <Title order={3} mt="md" mb={4}>
                    What is safe
                  </Title>
                  <Text size="sm">{alert.safe}</Text>
                </section>
                <Acknowledgement key={alert.id} alert={alert} />
              </Stack>
            </SimpleGrid>
            <Title order={2}>Who was told</Title>
            <DataTable
              label="Who was told"
              rows={alert.told}
              columns={TOLD}
              rowKey={({ event, channel, recipient }) => `${event} ${channel} ${recipient}`}
              height="320px"
              empty={
                <Empty title="Nobody was told outside">
                  No channel takes this alert.{' '}
                  <Anchor component={Link} to="/alerts/channels" inherit>
                    Add a mail server or a webhook
                  </Anchor>{' '}
                  to have its contact mailed.
                </Empty>
              }
            />
          </>
        )}
      </Answer>
    </Page>
  )
}

function WhatHappened({ alert }: { alert: AlertAnswer }) {
  const to = subjectTo(alert)
  return (
    <section className="tw-card" aria-labelledby="what-happened">
      <Title order={2} id="what-happened" mb={4}>
        What happened
      </Title>
      <Stack gap="md">
        <pre className="tw-code">{alert.detail === '' ? alert.subject : alert.detail}</pre>
        <Facts
          label="About this alert"
          facts={[
            ['Since', <When key="since" at={alert.createdAt} exact />],
            [
              'Until',
              alert.resolvedAt === null ? 'still so' : <When key="until" at={alert.resolvedAt} exact />,
            ],
            ['Kind', spoken(alert.kind)],
            [
              'About',
              to === undefined || alert.about === null ? (
                '–'
              ) : (
                <Anchor key="about" component={Link} to={to} size="sm">
                  {alert.about.sort} {alert.about.name}
                </Anchor>
              ),
            ],
            ['Contact', alert.contact],
          ]}
        />
      </Stack>
    </section>
  )
}

function Acknowledgement({ alert }: { alert: AlertAnswer }) {
  const [note, setNote] = useState(alert.acknowledgeNote)
  const change = useChange<string>({
    method: 'POST',
    path: () => at`/alerts/${alert.id}/acknowledge`,
    body: (text) => ({ note: text }),
    changes: ['/alerts'],
    done: () => told('Acknowledged'),
  })
  const endsWithIt = alert.kind === 'activation' || alert.kind === 'log-corrupt'
  return (
    <section className="tw-card" aria-labelledby="acknowledge">
      <Title order={2} id="acknowledge" mb={4}>
        Who looks after it
      </Title>
      <Text size="sm" c="dimmed" mb="xs">
        {alert.acknowledgedAt === null ? (
          endsWithIt ? (
            'Nobody yet. To acknowledge it ends it: it happened once.'
          ) : (
            'Nobody yet. It stays open until the trouble is over.'
          )
        ) : (
          <>
            {alert.acknowledgedBy}, <When at={alert.acknowledgedAt} />
          </>
        )}
      </Text>
      <Stack gap="xs">
        <Textarea
          label="Note for the others"
          autosize
          minRows={2}
          maxLength={2_000}
          value={note}
          onChange={({ currentTarget }) => setNote(currentTarget.value)}
        />
        {change.error !== null && <FailureNote error={change.error} />}
        <Group>
          <Button loading={change.isPending} onClick={() => change.mutate(note)}>
            {alert.acknowledgedAt === null ? 'Acknowledge' : 'Change the note'}
          </Button>
        </Group>
      </Stack>
    </section>
  )
}

type Telling = AlertAnswer['told'][number]

const MOODS: Readonly<Record<Telling['state'], Mood>> = {
  gathering: 'wait',
  waiting: 'wait',
  sent: 'good',
  given_up: 'bad',
  cancelled: 'calm',
}

const TOLD: readonly Column<Telling>[] = [
  { id: 'to', header: 'To', cell: ({ recipient, channel }) => (recipient === '' ? channel : recipient) },
  { id: 'event', header: 'Of', cell: ({ event }) => (event === 'raised' ? 'the trouble' : 'its end') },
  {
    id: 'state',
    header: 'State',
    cell: ({ state, nextAt }) => (
      <Group gap={6} wrap="nowrap">
        <StateBadge state={state} mood={MOODS[state]} />
        {nextAt !== null && (
          <Text size="xs" c="dimmed">
            next try <When at={nextAt} />
          </Text>
        )}
      </Group>
    ),
  },
  { id: 'channel', header: 'Channel', cell: ({ channel }) => channel ?? 'removed', spare: true },
  { id: 'tries', header: 'Tries', align: 'right', cell: ({ attempts }) => count(attempts), spare: true },
  { id: 'at', header: 'Last try', cell: ({ triedAt }) => <When at={triedAt} />, spare: true },
  { id: 'answer', header: 'Answer', cell: ({ answer }) => answer },
]
