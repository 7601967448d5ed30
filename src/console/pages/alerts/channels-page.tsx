/** The ways by which alerts leave the house, and whether they work. */

import { Button } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { ChannelAnswer } from '../../../api/routes/alert-channels.ts'
import { useAnswer } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { Page } from '../../elements/page.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { When } from '../../elements/when.tsx'
import { count } from '../../elements/words.ts'
import { AlertTabs } from './alert-tabs.tsx'
import { healthOf, placeOf } from './channel-words.ts'

export function ChannelsPage() {
  const answer = useAnswer<{ channels: ChannelAnswer[] }>('/alert-channels', { everyMs: 10_000 })
  return (
    <Page
      title="Channels for alerts"
      intro="Mail servers and webhooks that alerts leave by. Each takes the alerts of its rule; one mail server mails every alert to its contact, too."
      calls={['GET /api/v1/alert-channels', 'POST /api/v1/alert-channels']}
      commands={['thalweg alerts channels', 'thalweg alerts add-channel -f channel.json']}
      actions={
        <>
          <Button component={Link} to="/alerts/channels/new/mail" size="sm">
            New mail server
          </Button>
          <Button component={Link} to="/alerts/channels/new/webhook" size="sm" variant="default">
            New webhook
          </Button>
        </>
      }
    >
      <AlertTabs active="channels" />
      <Answer of={answer}>
        {({ channels }) => (
          <DataTable
            label="Channels"
            rows={channels}
            columns={COLUMNS}
            rowKey={({ id }) => id}
            rowTo={({ id }) => `/alerts/channels/${id}`}
            empty={
              <Empty title="No alert leaves the house yet">
                Every current, activation and export has a contact. Connect a mail server, and contacts are
                mailed when something needs them and when it is over; a webhook wakes a pager or posts into a
                chat.
              </Empty>
            }
          />
        )}
      </Answer>
    </Page>
  )
}

const COLUMNS: readonly Column<ChannelAnswer>[] = [
  {
    id: 'name',
    header: 'Channel',
    cell: ({ definition }) => definition.name,
    sortBy: ({ definition }) => definition.name,
  },
  {
    id: 'health',
    header: 'State',
    cell: (channel) => {
      const { state, mood } = healthOf(channel)
      return <StateBadge state={state} mood={mood} title={channel.answer} />
    },
  },
  { id: 'where', header: 'Where', cell: ({ definition }) => placeOf(definition), spare: true },
  {
    id: 'waiting',
    header: 'Waiting',
    align: 'right',
    cell: ({ messages }) => count(messages.waiting),
    sortBy: ({ messages }) => messages.waiting,
  },
  {
    id: 'givenUp',
    header: 'Given up',
    align: 'right',
    cell: ({ messages }) => count(messages.givenUp),
    sortBy: ({ messages }) => messages.givenUp,
  },
  {
    id: 'sent',
    header: 'Sent',
    align: 'right',
    cell: ({ messages }) => count(messages.sent),
    sortBy: ({ messages }) => messages.sent,
    spare: true,
  },
  { id: 'told', header: 'Last taken', cell: ({ toldAt }) => <When at={toldAt} />, spare: true },
]
