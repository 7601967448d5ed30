/** What each person should hold at the vendor, and what it accepted. */

import { Button, Group, Text } from '@mantine/core'
import type { ExportPeopleAnswer, ExportWholeAnswer } from '../../../api/routes/exports.ts'
import { useChange, usePages } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { ConfirmButton } from '../../elements/confirm-button.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { ChoiceFilter, FilterBar, TextFilter, useFilters } from '../../elements/filters.tsx'
import { told } from '../../elements/notices.ts'
import { StateBadge } from '../../elements/state-badge.tsx'
import { When } from '../../elements/when.tsx'
import { count, spoken } from '../../elements/words.ts'
import { useAudienceNames } from './audience-names.ts'

type Person = ExportPeopleAnswer['people'][number]
type Filters = Readonly<{ state?: string; value?: string | number }>

const STATES = ['settled', 'pending', 'sending', 'refused'] as const

export function PeopleTab({ of, path }: { of: ExportWholeAnswer; path: string }) {
  const [{ state, value }, change] = useFilters<Filters>()
  const nameOf = useAudienceNames()
  const people = usePages<ExportPeopleAnswer, Person>(`${path}/people`, {
    query: { state, value },
    keep: true,
    everyMs: 3_000,
    // A draft knows nobody, and the hub says so as a refusal.
    enabled: of.startedAt !== null,
    rows: (answer) => answer.people,
    next: ({ next }) => (next === null ? undefined : { after: next }),
  })
  const columns: readonly Column<Person>[] = [
    {
      id: 'who',
      header: 'Person',
      cell: ({ who }) => (who.label === '' ? who.value : `${who.label}: ${who.value}`),
    },
    {
      id: 'state',
      header: 'State',
      cell: (person) => <StateBadge state={person.state} mood={moodOf(person)} />,
    },
    {
      id: 'wanted',
      header: 'Should hold',
      cell: ({ wanted }) => wanted.map(nameOf).join(', ') || 'nothing',
    },
    { id: 'sent', header: 'Accepted', cell: ({ sent }) => sent.join(', ') || 'nothing' },
    {
      id: 'doubt',
      header: 'In doubt',
      spare: true,
      cell: ({ doubt }) => doubt.join(', ') || '–',
    },
    { id: 'reason', header: 'Why refused', cell: ({ reason }) => reason || '–' },
    {
      id: 'attempts',
      header: 'Refusals',
      align: 'right',
      spare: true,
      cell: ({ attempts }) => count(attempts),
    },
    {
      id: 'due',
      header: 'Leaves by',
      spare: true,
      cell: (person) => (person.state === 'pending' ? <When at={person.dueAt} /> : '–'),
    },
    { id: 'updated', header: 'Changed', spare: true, cell: ({ updatedAt }) => <When at={updatedAt} /> },
  ]
  return (
    <>
      <Group justify="space-between" align="flex-end">
        <FilterBar>
          <ChoiceFilter
            label="State"
            value={state}
            choices={STATES.map((one) => ({ value: one, label: spoken(one) }))}
            change={(text) => change({ state: text })}
          />
          <TextFilter
            label="Identifier, exactly"
            value={value === undefined ? undefined : String(value)}
            change={(text) => change({ value: text })}
          />
        </FilterBar>
        <RetryButton of={of} path={path} />
      </Group>
      {of.startedAt === null ? (
        <Empty title="Nobody yet">A draft knows nobody: start it first.</Empty>
      ) : (
        <Answer of={people.result} lines={6}>
          {() => (
            <DataTable
              label="people"
              rows={people.rows}
              columns={columns}
              rowKey={({ who }) => `${who.kind} ${who.label} ${who.value}`}
              paged={people.result}
              empty={
                <Empty title={state === undefined && value === undefined ? 'Nobody yet' : 'Nobody fits'}>
                  Whoever enters one of the audiences stands here, with what the vendor should hold and what
                  it accepted.
                </Empty>
              }
            />
          )}
        </Answer>
      )}
    </>
  )
}

function moodOf({ state }: Person): 'good' | 'wait' | 'bad' {
  return state === 'settled' ? 'good' : state === 'refused' ? 'bad' : 'wait'
}

function RetryButton({ of, path }: { of: ExportWholeAnswer; path: string }) {
  const retry = useChange<void, { retried: number }>({
    method: 'POST',
    path: () => `${path}/retry`,
    body: () => ({}),
    changes: [path],
    done: ({ retried }) => told(`${count(retried)} people are tried again`),
  })
  if (of.status.refused === 0)
    return (
      <Button size="sm" variant="default" disabled>
        Retry refused
      </Button>
    )
  return (
    <ConfirmButton
      label="Retry refused"
      variant="default"
      deed="Try again"
      onConfirm={() => retry.mutateAsync()}
    >
      <Text size="sm">
        The {count(of.status.refused)} people whom the vendor refused are sent again. They are also tried by
        themselves when something about them changes.
      </Text>
    </ConfirmButton>
  )
}
