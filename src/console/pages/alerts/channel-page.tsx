/** One way out for alerts: a test for real, what waits, its rule, and its end. */

import { Alert, Button, Group, SimpleGrid, Stack, Switch, Text, TextInput, Title } from '@mantine/core'
import { useParams } from '@tanstack/react-router'
import { useState } from 'react'
import type {
  ChannelAnswer,
  ChannelKindAnswer,
  ChannelTestAnswer,
} from '../../../api/routes/alert-channels.ts'
import { at } from '../../api/client.ts'
import { useAnswer, useChange } from '../../api/queries.ts'
import { Answer, FailureNote } from '../../elements/answer.tsx'
import { ConfirmButton } from '../../elements/confirm-button.tsx'
import { told } from '../../elements/notices.ts'
import { Page } from '../../elements/page.tsx'
import { problemsOf, type Values } from '../../elements/schema-form.tsx'
import { Stat, Stats } from '../../elements/stat.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { When } from '../../elements/when.tsx'
import { count, duration } from '../../elements/words.ts'
import { ChannelForm } from './channel-form.tsx'
import { healthOf, placeOf } from './channel-words.ts'

const CHANGED = ['/alert-channels', '/alerts', '/authorizations']

export function ChannelPage() {
  const { channel: id = '' } = useParams({ strict: false })
  const answer = useAnswer<ChannelAnswer>(at`/alert-channels/${id}`, { everyMs: 10_000 })
  const kinds = useAnswer<{ kinds: ChannelKindAnswer[] }>('/alert-channel-kinds')
  const { data } = answer
  const name = data?.definition.name ?? 'Channel'
  const health = data === undefined ? undefined : healthOf(data)
  return (
    <Page
      title={name}
      up={{ to: '/alerts/channels', label: 'Channels' }}
      intro={data === undefined ? undefined : placeOf(data.definition)}
      beside={health && <StateBadge state={health.state} mood={health.mood} />}
      calls={[
        'GET /api/v1/alert-channels/{channel}',
        'POST /api/v1/alert-channels/{channel}/test',
        'PATCH /api/v1/alert-channels/{channel}',
      ]}
      commands={[`thalweg alerts test ${name}`, `thalweg alerts change-channel ${name} -f -`]}
      actions={data && <Actions channel={data} />}
    >
      <Answer of={answer} lines={8}>
        {(channel) => (
          <>
            <Stats>
              <Stat
                label="Waiting"
                value={count(channel.messages.waiting)}
                note="tried again by themselves"
                {...(channel.messages.waiting > 0 ? { mood: 'wait' as const } : {})}
              />
              <Stat label="Sent" value={count(channel.messages.sent)} note="taken by the other side" />
              <Stat
                label="Given up"
                value={count(channel.messages.givenUp)}
                note="not taken for a day"
                {...(channel.messages.givenUp > 0 ? { mood: 'bad' as const } : {})}
              />
              <Stat label="Last taken" value={<When at={channel.toldAt} />} />
            </Stats>
            <SimpleGrid cols={{ base: 1, md: 2 }}>
              <section className="tw-card" aria-labelledby="definition">
                <Title order={2} id="definition" mb="sm">
                  What it says
                </Title>
                <Answer of={kinds}>
                  {({ kinds: all }) => {
                    const kind = all.find((one) => one.kind === channel.definition.kind)
                    return kind === undefined ? null : (
                      <Definition key={channel.updatedAt} channel={channel} kind={kind} />
                    )
                  }}
                </Answer>
              </section>
              <Stack gap="md">
                <Test channel={channel} />
                {channel.answer !== '' && (
                  <section className="tw-card" aria-labelledby="last-answer">
                    <Title order={2} id="last-answer" mb={4}>
                      Last answer
                    </Title>
                    <Text size="sm" c="dimmed">
                      <When at={channel.triedAt} />
                    </Text>
                    <pre className="tw-code">{channel.answer}</pre>
                  </section>
                )}
              </Stack>
            </SimpleGrid>
          </>
        )}
      </Answer>
    </Page>
  )
}

function Test({ channel: { id, definition } }: { channel: ChannelAnswer }) {
  const first = definition.kind === 'mail' ? (definition.to[0] ?? '') : ''
  const [to, setTo] = useState(first)
  const test = useChange<void, ChannelTestAnswer>({
    method: 'POST',
    path: () => at`/alert-channels/${id}/test`,
    body: () => (definition.kind === 'mail' && to !== '' ? { to } : {}),
    changes: ['/alert-channels'],
  })
  return (
    <section className="tw-card" aria-labelledby="test">
      <Title order={2} id="test" mb={4}>
        Test
      </Title>
      <Text size="sm" c="dimmed" mb="xs">
        Sends a message now, for real, and shows what the other side answers.
      </Text>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          test.mutate()
        }}
      >
        <Stack gap="xs">
          {definition.kind === 'mail' && (
            <TextInput
              label="To"
              type="email"
              value={to}
              onChange={({ currentTarget }) => setTo(currentTarget.value)}
            />
          )}
          <Group>
            <Button type="submit" loading={test.isPending}>
              Send a test
            </Button>
          </Group>
          {test.error !== null && <FailureNote error={test.error} />}
          {test.data !== undefined && <Outcome outcome={test.data} />}
        </Stack>
      </form>
    </section>
  )
}

function Outcome({ outcome: { ok, answer, recipient, tookMs } }: { outcome: ChannelTestAnswer }) {
  const where = recipient === '' ? '' : ` for ${recipient}`
  return (
    <Alert
      role="status"
      variant="outline"
      color={ok ? 'river' : 'red'}
      title={ok ? `Taken${where} after ${duration(tookMs)}` : `Not taken${where}`}
    >
      <pre className="tw-code">{answer}</pre>
    </Alert>
  )
}

function Definition({ channel, kind }: { channel: ChannelAnswer; kind: ChannelKindAnswer }) {
  const [value, setValue] = useState<Values>({ ...channel.definition })
  const change = useChange<Values>({
    method: 'PATCH',
    path: () => at`/alert-channels/${channel.id}`,
    // What was emptied is said, too: left out, it would stay as it was.
    body: (definition) => ({
      ...(kind.kind === 'mail' ? { to: [] } : {}),
      kinds: [],
      subjects: [],
      ...definition,
    }),
    changes: CHANGED,
    done: () => told('Saved; what waits is tried at once'),
  })
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        change.mutate(value)
      }}
    >
      <ChannelForm
        kind={kind}
        value={value}
        onChange={setValue}
        problems={problemsOf(change.error?.details)}
      />
      {change.error !== null && <FailureNote error={change.error} />}
      <Group mt="md">
        <Button type="submit" loading={change.isPending}>
          Save
        </Button>
      </Group>
    </form>
  )
}

function Actions({ channel: { id, definition, messages } }: { channel: ChannelAnswer }) {
  const path = at`/alert-channels/${id}`
  const turn = useChange<boolean>({
    method: 'PATCH',
    path: () => path,
    body: (enabled) => ({ enabled }),
    changes: CHANGED,
  })
  const remove = useChange({
    method: 'DELETE',
    path: () => path,
    changes: CHANGED,
    leadsTo: () => '/alerts/channels',
  })
  return (
    <>
      <Switch
        label="On"
        checked={definition.enabled}
        disabled={turn.isPending}
        onChange={({ currentTarget }) => turn.mutate(currentTarget.checked)}
      />
      <ConfirmButton
        label="Remove"
        variant="default"
        deed={`Remove ${definition.name}`}
        onConfirm={() => remove.mutateAsync()}
      >
        <Text size="sm">
          Alerts no longer leave by {definition.name}. {count(messages.waiting)} messages wait and would be
          cancelled; what was sent stays on record.
        </Text>
      </ConfirmButton>
    </>
  )
}
