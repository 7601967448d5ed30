/** Who entered or left by a run, or would: searched at the hub, page by page. */

import { Anchor, Group, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { ChangesAnswer } from '../../../api/routes/run-lists.ts'
import type { RunAnswer } from '../../../api/routes/run-views.ts'
import { at, urlOf } from '../../api/client.ts'
import { usePages } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Downloads } from '../../elements/downloads.tsx'
import { Empty } from '../../elements/empty.tsx'
import { FilterBar, TextFilter, useFilters } from '../../elements/filters.tsx'
import { isOpen, KINDS } from './run-words.ts'

type Person = ChangesAnswer['people'][number]

const COLUMNS: readonly Column<Person>[] = [
  { id: 'value', header: 'Identifier', cell: ({ value }) => value },
  {
    id: 'kind',
    header: 'Kind',
    cell: ({ kind, label }) => `${KINDS[kind] ?? kind}${label === '' ? '' : ` ${label}`}`,
  },
  {
    id: 'record',
    header: 'Record',
    spare: true,
    cell: ({ record }) =>
      record === null ? (
        '–'
      ) : (
        <Anchor component={Link} to={at`/events/${record}`} size="sm">
          {record}
        </Anchor>
      ),
  },
]

export function RunPeople({ run, path, kind }: { run: RunAnswer; path: string; kind: 'added' | 'removed' }) {
  const [{ search }, change] = useFilters<Readonly<{ search?: string | number }>>()
  const people = usePages<ChangesAnswer, Person>(`${path}/changes`, {
    query: { kind, search },
    keep: true,
    ...(isOpen(run) ? { everyMs: 1_000 } : {}),
    rows: (answer) => answer.people,
    next: ({ next }) => (next === null ? undefined : { after: next }),
  })
  const first = (people.result.data as { pages: ChangesAnswer[] } | undefined)?.pages[0]
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
        <Downloads href={(format) => urlOf(`${path}/file`, { kind, format })} />
      </Group>
      {first !== undefined && (first.planned || !first.whole) && (
        <Text size="sm" c="dimmed">
          {isOpen(run)
            ? 'The run is at work: nothing of this is accepted yet.'
            : first.planned && 'Nothing of this was sent: it is what the run would do.'}{' '}
          {!first.whole && 'Only the beginning of the list can be shown now.'}
        </Text>
      )}
      <Answer of={people.result} lines={6}>
        {() => (
          <DataTable
            label={`people ${kind}`}
            rows={people.rows}
            columns={COLUMNS}
            rowKey={({ kind: sort, label, value }) => `${sort} ${label} ${value}`}
            paged={people.result}
            empty={
              search === undefined ? (
                <Empty title={kind === 'added' ? 'Nobody was added' : 'Nobody was removed'}>
                  Only what changed is sent: whoever is already as the query says is counted as unchanged.
                </Empty>
              ) : (
                <Empty title="Nobody in this list has that in their identifier" />
              )
            }
          />
        )}
      </Answer>
    </>
  )
}
