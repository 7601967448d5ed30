/** Who is in the cohort, was in at a moment, or came and went between two. */

import { Group, Text } from '@mantine/core'
import type { ActivationAnswer, PeopleAnswer } from '../../../api/routes/activations.ts'
import { urlOf } from '../../api/client.ts'
import { usePages } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Downloads } from '../../elements/downloads.tsx'
import { Empty } from '../../elements/empty.tsx'
import { ChoiceFilter, FilterBar, useFilters } from '../../elements/filters.tsx'
import { InstantFilter } from '../../elements/instant-filter.tsx'
import { count, dateTime } from '../../elements/words.ts'
import { KINDS } from '../runs/run-words.ts'
import { whyPath } from './why-tab.tsx'

type Filters = Readonly<{ at?: number; since?: number; moved?: string }>
type Person = PeopleAnswer['people'][number]

const COLUMNS: readonly Column<Person>[] = [
  { id: 'value', header: 'Identifier', cell: ({ value }) => value },
  {
    id: 'kind',
    header: 'Kind',
    cell: ({ kind, label }) => `${KINDS[kind] ?? kind}${label === '' ? '' : ` ${label}`}`,
  },
]

export function MembersTab({ activation, path }: { activation: ActivationAnswer; path: string }) {
  const [{ at, since, moved = 'entered' }, change] = useFilters<Filters>()
  const isComparison = since !== undefined
  const people = usePages<PeopleAnswer & { size?: number }, Person>(
    isComparison ? `${path}/members/compare` : `${path}/members`,
    {
      query: isComparison ? { from: since, to: at ?? Date.now(), kind: moved } : { at },
      keep: true,
      rows: (answer) => answer.people,
      next: ({ next }) => (next === null ? undefined : { after: next }),
    },
  )
  const first = (people.result.data as { pages: { size?: number }[] } | undefined)?.pages[0]
  return (
    <>
      <Group justify="space-between" align="flex-end">
        <FilterBar>
          <InstantFilter label="As of" value={at} change={(ms) => change({ at: ms })} />
          <InstantFilter label="Compared with" value={since} change={(ms) => change({ since: ms })} />
          {isComparison && (
            <ChoiceFilter
              label="Who"
              value={moved}
              choices={[
                { value: 'entered', label: 'Who came' },
                { value: 'left', label: 'Who went' },
              ]}
              all="Who came"
              change={(value) => change({ moved: value })}
            />
          )}
        </FilterBar>
        {!isComparison && <Downloads href={(format) => urlOf(`${path}/members/file`, { at, format })} />}
      </Group>
      <Text size="sm" className="tw-number">
        {isComparison
          ? comparisonText(moved, since, at)
          : first?.size !== undefined &&
            `${count(first.size)} members ${momentText(at)}, as the vendor accepted them`}
      </Text>
      <Answer of={people.result} lines={6}>
        {() => (
          <DataTable
            label="members"
            rows={people.rows}
            columns={COLUMNS}
            rowKey={({ kind, label, value }) => `${kind} ${label} ${value}`}
            rowTo={(who) => whyPath(activation.name, who)}
            paged={people.result}
            empty={
              <Empty title={isComparison ? 'Nobody' : 'Nobody was in the cohort'}>
                Members are who the vendor accepted, as runs brought them in and out.
              </Empty>
            }
          />
        )}
      </Answer>
    </>
  )
}

const momentText = (at: number | undefined): string => (at === undefined ? 'now' : `at ${dateTime(at)}`)

function comparisonText(moved: string, since: number, at: number | undefined): string {
  return moved === 'left'
    ? `In at ${dateTime(since)}, and not ${momentText(at)}`
    : `In ${momentText(at)}, and not at ${dateTime(since)}`
}
