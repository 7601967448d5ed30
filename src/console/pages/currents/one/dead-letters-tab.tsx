/** What the destination of a current refused, newest first. The page of all dead letters edits, redrives and discards them. */

import { Button, Group, Stack } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { DeadLetterSummary } from '../../../../api/routes/dead-letters.ts'
import { at } from '../../../api/client.ts'
import { usePages } from '../../../api/queries.ts'
import { FailureNote, Waiting } from '../../../elements/answer.tsx'
import { type Column, DataTable } from '../../../elements/data-table.tsx'
import { Empty } from '../../../elements/empty.tsx'
import { ChoiceFilter, FilterBar, useFilters } from '../../../elements/filters.tsx'
import { StateBadge } from '../../../elements/state-badge.tsx'
import { When } from '../../../elements/when.tsx'
import { count, spoken } from '../../../elements/words.ts'
import { deadLetterPlace, deadLettersPlace } from '../places.ts'
import type { TabProps } from './current-page.tsx'

interface LettersAnswer {
  readonly deadLetters: DeadLetterSummary[]
  readonly next: string | null
  readonly counts: Partial<Record<string, number>>
}

const STATES = ['dead', 'queued', 'delivered', 'discarded']

export default function DeadLettersTab({ current }: TabProps) {
  const [{ state }, change] = useFilters<{ state?: string }>()
  const { rows, result } = usePages<LettersAnswer, DeadLetterSummary>(
    at`/currents/${current.number}/dead-letters`,
    {
      query: { state },
      rows: ({ deadLetters }) => deadLetters,
      next: ({ next }) => (next === null ? undefined : { cursor: next }),
      everyMs: 5_000,
      keep: true,
    },
  )
  const { error, isPending, data } = result
  const counts = (data as { pages: LettersAnswer[] } | undefined)?.pages[0]?.counts ?? {}
  return (
    <Stack gap="md">
      <Group justify="space-between" align="flex-end">
        <FilterBar>
          <ChoiceFilter
            label="State"
            value={state}
            choices={STATES.map((value) => ({
              value,
              label: `${spoken(value)} (${count(counts[value] ?? 0)})`,
            }))}
            change={(value) => change({ state: value })}
          />
        </FilterBar>
        <Button component={Link} to={deadLettersPlace(current.name)} variant="default" size="sm">
          Edit, redrive or discard
        </Button>
      </Group>
      {error !== null && <FailureNote error={error} />}
      {isPending && error === null ? (
        <Waiting lines={8} />
      ) : (
        <DataTable
          label="Dead letters"
          rows={rows}
          columns={COLUMNS}
          rowKey={({ id }) => id}
          rowTo={({ id }) => deadLetterPlace(id)}
          paged={result}
          empty={
            <Empty title={state === undefined ? 'No dead letters' : 'None in this state'}>
              When the destination refuses a single record, it is kept here with what was sent and what was
              answered; everything else flows on.
            </Empty>
          }
        />
      )}
    </Stack>
  )
}

const COLUMNS: readonly Column<DeadLetterSummary>[] = [
  {
    id: 'event',
    header: 'Event',
    cell: ({ eventId, offset }) => (eventId === '' ? `record ${offset}` : eventId),
  },
  {
    id: 'message',
    header: 'What went wrong',
    cell: ({ message, reason }) => message || spoken(reason),
    wraps: true,
  },
  { id: 'state', header: 'State', cell: ({ state }) => <StateBadge state={state} /> },
  { id: 'status', header: 'Answer', align: 'right', cell: ({ status }) => (status === 0 ? '–' : status) },
  {
    id: 'attempts',
    header: 'Attempts',
    align: 'right',
    cell: ({ attempts }) => count(attempts),
    spare: true,
  },
  { id: 'created', header: 'Since', cell: ({ createdAt }) => <When at={createdAt} /> },
  { id: 'type', header: 'Type', cell: ({ eventType }) => eventType, spare: true },
]
