/** What came in last, and the way to any one event by its id. */

import { Button, Group, TextInput } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import type { RecentEventsAnswer } from '../../../api/routes/events.ts'
import type { SourceAnswer } from '../../../api/routes/sources.ts'
import { useAnswer, usePages } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { ChoiceFilter, FilterBar, TextFilter, useFilters } from '../../elements/filters.tsx'
import { Page } from '../../elements/page.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { When } from '../../elements/when.tsx'
import { bytes, count } from '../../elements/words.ts'

type Recent = RecentEventsAnswer['events'][number]

interface Filters extends Record<string, string | undefined> {
  readonly source?: string
  readonly type?: string
}

const PAGE = 100
const EVERY_MS = 5_000

export function EventsPage() {
  const [filters, change] = useFilters<Filters>()
  const sources = useAnswer<{ sources: SourceAnswer[] }>('/sources')
  const type = filters.type === undefined ? undefined : String(filters.type)
  const source = filters.source === undefined ? undefined : String(filters.source)
  const events = usePages<RecentEventsAnswer, Recent>('/events', {
    query: { source, type, limit: PAGE },
    rows: ({ events: rows }) => rows,
    next: ({ next }) => (next === null ? undefined : { before: next }),
    everyMs: EVERY_MS,
    keep: true,
  })
  return (
    <Page
      title="Events"
      intro="What became of one event: as it was received, which currents took it, what each vendor was sent, and what it answered."
      calls={['GET /api/v1/events', 'GET /api/v1/events/{id}']}
      commands={['thalweg event list', 'thalweg event show <id>']}
    >
      <Find />
      <FilterBar>
        <ChoiceFilter
          label="Source"
          value={source}
          choices={(sources.data?.sources ?? []).map(({ name }) => name)}
          change={(next) => change({ source: next })}
        />
        <TextFilter
          label="Event type"
          value={type}
          placeholder="users.messages.*"
          change={(next) => change({ type: next })}
          width={260}
        />
      </FilterBar>
      <Answer of={events.result} lines={8}>
        {() => (
          <DataTable
            label="Latest events"
            rows={events.rows}
            columns={COLUMNS}
            rowKey={({ offset }) => String(offset)}
            rowTo={({ offset }) => `/records/${offset}`}
            paged={events.result}
            height="max(320px, calc(100dvh - 380px))"
            empty={
              type === undefined && source === undefined ? (
                <Empty title="No events yet">
                  They come in by a source: make one in the inbox, and give its address and token to the
                  sender.
                </Empty>
              ) : (
                <Empty title="No event matches">
                  Among the last 20,000 records none does. An event type is written whole, or with an asterisk
                  at its end.
                </Empty>
              )
            }
          />
        )}
      </Answer>
    </Page>
  )
}

/** To one event, by the id that its sender gave it. */
function Find() {
  const [id, setId] = useState('')
  const navigate = useNavigate()
  const find = (event: FormEvent): void => {
    event.preventDefault()
    if (id.trim() !== '') void navigate({ href: `/events/${encodeURIComponent(id.trim())}` })
  }
  return (
    <form onSubmit={find}>
      <Group gap="xs" align="flex-end">
        <TextInput
          label="Find an event by its id"
          placeholder="As the sender gave it, for example a UUID"
          value={id}
          onChange={({ currentTarget }) => setId(currentTarget.value)}
          style={{ flex: '1 1 260px', maxWidth: 520 }}
        />
        <Button type="submit" disabled={id.trim() === ''}>
          Find
        </Button>
      </Group>
    </form>
  )
}

const COLUMNS: readonly Column<Recent>[] = [
  {
    id: 'event',
    header: 'Event',
    cell: ({ eventId, offset }) => eventId || `record ${count(offset)}`,
  },
  { id: 'type', header: 'Type', cell: ({ type }) => type || '–' },
  { id: 'source', header: 'Source', cell: ({ source }) => source ?? 'deleted', spare: true },
  {
    id: 'person',
    header: 'External user id',
    cell: ({ externalUserId }) => externalUserId ?? '–',
    spare: true,
  },
  { id: 'bytes', header: 'Size', align: 'right', cell: ({ bytes: size }) => bytes(size), spare: true },
  { id: 'offset', header: 'Offset', align: 'right', cell: ({ offset }) => count(offset), spare: true },
  { id: 'when', header: 'Received', cell: ({ receivedAt }) => <When at={receivedAt} /> },
  {
    id: 'remarks',
    header: 'Remarks',
    cell: ({ quarantined, erased, inCatalog, type }) => (
      <Group gap={4} wrap="nowrap">
        {quarantined && (
          <StateBadge state="quarantined" mood="wait" title="It could not be read as an event" />
        )}
        {erased && <StateBadge state="erased" title="Somebody was erased; what it said is gone" />}
        {!inCatalog && !quarantined && type !== '' && (
          <StateBadge state="new type" mood="wait" title="The catalog does not know this type" />
        )}
      </Group>
    ),
    spare: true,
  },
]
