/** The newest events of a current with what became of them, and its last requests with what was answered. */

import { Stack, Text, Title } from '@mantine/core'
import type { CurrentEventsAnswer } from '../../../../api/routes/current-events.ts'
import type { AttemptAnswer } from '../../../../api/routes/current-state.ts'
import { at } from '../../../api/client.ts'
import { useAnswer, usePages } from '../../../api/queries.ts'
import { Answer, FailureNote, Waiting } from '../../../elements/answer.tsx'
import { type Column, DataTable } from '../../../elements/data-table.tsx'
import { Empty } from '../../../elements/empty.tsx'
import { FilterBar, SwitchFilter, TextFilter, useFilters } from '../../../elements/filters.tsx'
import { StateBadge } from '../../../elements/state-badge.tsx'
import { When } from '../../../elements/when.tsx'
import { bytes, count, duration } from '../../../elements/words.ts'
import { eventPlace } from '../places.ts'
import type { TabProps } from './current-page.tsx'
import { answerWords, decidedAt, FateBadge, FateWords } from './fate.tsx'

type EventRow = CurrentEventsAnswer['events'][number]

const EVERY_MS = 2_000

export default function LiveTab({ current }: TabProps) {
  const [{ type, selected }, change] = useFilters<{ type?: string; selected?: boolean }>()
  const { rows, result } = usePages<CurrentEventsAnswer, EventRow>(at`/currents/${current.number}/events`, {
    query: {
      type: type === undefined ? undefined : String(type),
      selected: selected === true ? true : undefined,
    },
    rows: ({ events }) => events,
    next: ({ next }) => (next === null ? undefined : { before: next }),
    everyMs: EVERY_MS,
    keep: true,
  })
  const { error, isPending } = result
  return (
    <Stack gap="md">
      <FilterBar>
        <TextFilter
          label="Event type"
          value={type}
          placeholder="users.messages.email.*"
          width={260}
          change={(value) => change({ type: value })}
        />
        <SwitchFilter
          label="Only what is selected"
          value={selected === true}
          change={(on) => change({ selected: on ? true : undefined } as { selected?: boolean })}
        />
      </FilterBar>
      {error !== null && <FailureNote error={error} />}
      {isPending && error === null ? (
        <Waiting lines={8} />
      ) : (
        <DataTable
          label="Newest events"
          rows={rows}
          columns={COLUMNS}
          rowKey={({ offset }) => String(offset)}
          rowTo={({ id, offset }) => (id === '' ? `/records/${offset}` : eventPlace(id))}
          paged={result}
          height="420px"
          empty={
            <Empty title="No events yet">
              {current.state === 'draft'
                ? 'Events appear here once the current is launched.'
                : 'Events of its sources appear here as they are accepted, each with what became of it.'}
            </Empty>
          }
        />
      )}
      <Attempts number={current.number} />
    </Stack>
  )
}

const COLUMNS: readonly Column<EventRow>[] = [
  { id: 'type', header: 'Event', cell: ({ type, offset }) => (type === '' ? `record ${offset}` : type) },
  { id: 'fate', header: 'Outcome', cell: ({ fate }) => <FateBadge fate={fate} /> },
  { id: 'answer', header: 'Why, or what was answered', cell: ({ fate }) => <FateWords fate={fate} /> },
  { id: 'received', header: 'Accepted', cell: ({ receivedAt }) => <When at={receivedAt} /> },
  {
    id: 'took',
    header: 'Took',
    align: 'right',
    cell: ({ fate, receivedAt }) => {
      const decided = decidedAt(fate)
      return decided === undefined ? '–' : duration(Math.max(0, decided - receivedAt))
    },
    spare: true,
  },
  { id: 'id', header: 'Id', cell: ({ id }) => <code>{id}</code>, spare: true },
]

function Attempts({ number }: { number: number }) {
  const answer = useAnswer<{ attempts: AttemptAnswer[] }>(at`/currents/${number}/attempts`, {
    everyMs: EVERY_MS,
  })
  return (
    <Stack gap="xs">
      <div>
        <Title order={2}>Last requests</Title>
        <Text size="sm" c="dimmed">
          Of this hub since it started, at most 20.
        </Text>
      </div>
      <Answer of={answer}>
        {({ attempts }) => (
          <DataTable
            label="Last requests"
            rows={attempts}
            columns={ATTEMPT_COLUMNS}
            rowKey={({ at: ms, batch }) => `${ms} ${batch}`}
            height="360px"
            empty={
              <Empty title="No request yet">
                Each request to the destination appears here with its answer.
              </Empty>
            }
          />
        )}
      </Answer>
    </Stack>
  )
}

const ATTEMPT_COLUMNS: readonly Column<AttemptAnswer>[] = [
  { id: 'at', header: 'When', cell: ({ at: ms }) => <When at={ms} /> },
  {
    id: 'answer',
    header: 'Answer',
    cell: ({ status, fault }) => (
      <>
        <StateBadge state={fault === null ? 'accepted' : 'failed'} /> {answerWords(status)}
      </>
    ),
  },
  { id: 'count', header: 'Events', align: 'right', cell: ({ count: n }) => count(n) },
  { id: 'bytes', header: 'Size', align: 'right', cell: ({ bytes: n }) => bytes(n), spare: true },
  { id: 'took', header: 'Took', align: 'right', cell: ({ elapsedMs }) => duration(elapsedMs) },
  {
    id: 'fault',
    header: 'What was wrong',
    cell: ({ fault }) => (fault === null ? '–' : <span title={fault.message}>{fault.message}</span>),
  },
  { id: 'batch', header: 'Batch', cell: ({ batch }) => <code>{batch}</code>, spare: true },
]
