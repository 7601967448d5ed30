/** What the vendor refused of a run: whom, why, after how many tries, and its very answer. */

import { Anchor, Button, Group, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { RefusalsAnswer } from '../../../api/routes/run-lists.ts'
import { at, urlOf } from '../../api/client.ts'
import { usePages } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Downloads } from '../../elements/downloads.tsx'
import { Empty } from '../../elements/empty.tsx'
import { FilterBar, TextFilter, useFilters } from '../../elements/filters.tsx'
import { count } from '../../elements/words.ts'
import { identifierText } from './run-words.ts'
import { VendorAnswer } from './vendor-answer.tsx'

type Refusal = RefusalsAnswer['refused'][number]
type Filters = Readonly<{ search?: string | number; letter?: string }>

export function RunRejected({ path }: { path: string }) {
  const [{ search, letter }, change] = useFilters<Filters>()
  const refused = usePages<RefusalsAnswer, Refusal>(`${path}/refused`, {
    query: { search },
    keep: true,
    rows: (answer) => answer.refused,
    next: ({ next }) => (next === null ? undefined : { after: next }),
  })
  const pages = (refused.result.data as { pages: RefusalsAnswer[] } | undefined)?.pages
  const isUnread = pages?.[0]?.whole === false
  const columns: readonly Column<Refusal>[] = [
    { id: 'who', header: 'Who', cell: ({ who }) => identifierText(who) },
    { id: 'what', header: 'Would have', cell: ({ entered }) => (entered ? 'entered' : 'left') },
    {
      id: 'answer',
      header: 'Request and answer',
      cell: ({ who, deadLetter }) =>
        deadLetter === null ? (
          '–'
        ) : (
          <Button
            size="compact-xs"
            variant="default"
            aria-label={`Request and answer for ${identifierText(who)}`}
            onClick={() => change({ letter: deadLetter })}
          >
            Show
          </Button>
        ),
    },
    { id: 'reason', header: 'Reason', cell: ({ reason }) => reason },
    {
      id: 'status',
      header: 'Status',
      align: 'right',
      cell: ({ status }) => (status === 0 ? '–' : status),
    },
    { id: 'attempts', header: 'Attempts', align: 'right', cell: ({ attempts }) => count(attempts) },
    {
      id: 'record',
      header: 'Record',
      spare: true,
      cell: ({ record }) => (
        <Anchor component={Link} to={at`/events/${record}`} size="sm">
          {record}
        </Anchor>
      ),
    },
  ]
  return (
    <>
      <Group justify="space-between" align="flex-end">
        <FilterBar>
          <TextFilter
            label="Search by identifier"
            value={search === undefined ? undefined : String(search)}
            change={(value) => change({ search: value })}
          />
        </FilterBar>
        <Downloads href={(format) => urlOf(`${path}/file`, { kind: 'refused', format })} />
      </Group>
      {isUnread && (
        <Text size="sm" c="dimmed">
          A run works on the cohort: refusals are listed when it has ended. Until then they are among the{' '}
          <Anchor component={Link} to="/dead-letters" size="sm">
            dead letters
          </Anchor>
          .
        </Text>
      )}
      <Answer of={refused.result} lines={6}>
        {() => (
          <DataTable
            label="rejected changes"
            rows={refused.rows}
            columns={columns}
            rowKey={({ record }) => record}
            paged={refused.result}
            empty={
              <Empty title={search === undefined ? 'Nothing was rejected' : 'No rejected change fits'}>
                A run with any rejected change is partial, never succeeded. What is refused can be sent again
                with Retry failed.
              </Empty>
            }
          />
        )}
      </Answer>
      <VendorAnswer letter={letter} close={() => change({ letter: '' })} />
    </>
  )
}
