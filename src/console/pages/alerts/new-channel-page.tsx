/** A new way out for alerts. */

import { Button, Group } from '@mantine/core'
import { useParams } from '@tanstack/react-router'
import { useState } from 'react'
import type { ChannelAnswer, ChannelKindAnswer } from '../../../api/routes/alert-channels.ts'
import { at } from '../../api/client.ts'
import { useAnswer, useChange } from '../../api/queries.ts'
import { Answer, FailureNote } from '../../elements/answer.tsx'
import { Empty } from '../../elements/empty.tsx'
import { Page } from '../../elements/page.tsx'
import { problemsOf, type Values } from '../../elements/schema-form.tsx'
import { ChannelForm } from './channel-form.tsx'

export function NewChannelPage() {
  const { kind } = useParams({ strict: false })
  const kinds = useAnswer<{ kinds: ChannelKindAnswer[] }>('/alert-channel-kinds')
  return (
    <Page
      title={kind === 'webhook' ? 'New webhook' : 'New mail server'}
      up={{ to: '/alerts/channels', label: 'Channels' }}
      intro="Made first, then tested: the next page sends a message for real and shows what the other side answers."
      calls={['GET /api/v1/alert-channel-kinds', 'POST /api/v1/alert-channels']}
      commands={['thalweg alerts add-channel -f channel.json']}
    >
      <Answer of={kinds}>
        {(answer) => {
          const found = answer.kinds.find((one) => one.kind === kind)
          return found === undefined ? (
            <Empty title="There is no such kind of channel">Mail and webhook are known.</Empty>
          ) : (
            <NewChannel kind={found} />
          )
        }}
      </Answer>
    </Page>
  )
}

function NewChannel({ kind }: { kind: ChannelKindAnswer }) {
  const [value, setValue] = useState<Values>({})
  const create = useChange<Values, ChannelAnswer>({
    method: 'POST',
    path: () => '/alert-channels',
    body: (definition) => ({ ...definition, kind: kind.kind, settings: definition.settings ?? {} }),
    changes: ['/alert-channels', '/authorizations'],
    leadsTo: ({ id }) => at`/alerts/channels/${id}`,
  })
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        create.mutate(value)
      }}
    >
      <ChannelForm
        kind={kind}
        value={value}
        onChange={setValue}
        problems={problemsOf(create.error?.details)}
      />
      {create.error !== null && <FailureNote error={create.error} />}
      <Group mt="md">
        <Button type="submit" loading={create.isPending}>
          Make the channel
        </Button>
      </Group>
    </form>
  )
}
