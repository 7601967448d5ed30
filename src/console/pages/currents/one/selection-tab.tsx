/** Which event types flow through a current and which do not, with how many of each there were. */

import { Group, NativeSelect, Stack, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useMemo } from 'react'
import type { SelectionAnswer } from '../../../../api/routes/current-events.ts'
import type { LedgerAnswer } from '../../../../api/routes/current-state.ts'
import { useAnswer } from '../../../api/queries.ts'
import { Answer } from '../../../elements/answer.tsx'
import { type Column, DataTable } from '../../../elements/data-table.tsx'
import { Empty } from '../../../elements/empty.tsx'
import { ChoiceFilter, FilterBar, TextFilter, useFilters } from '../../../elements/filters.tsx'
import { StateBadge } from '../../../elements/state-badge.tsx'
import { count } from '../../../elements/words.ts'
import { currentPlace, tabPlace } from '../places.ts'
import { reasonWords } from '../trouble.ts'
import type { TabProps } from './current-page.tsx'
import { useLedger } from './ledger-data.ts'

interface TypeRow {
  readonly type: string
  readonly flows: boolean
  readonly delivered: number
  readonly filtered: number
  readonly dead: number
  readonly reasons: string
}

const WINDOWS = [
  { value: '60', label: 'Last hour' },
  { value: '1440', label: 'Last 24 hours' },
  { value: '10080', label: 'Last 7 days' },
]

interface Filters extends Record<string, string | number | undefined> {
  readonly search?: string
  readonly flow?: string
  readonly minutes?: number
}

export default function SelectionTab({ current }: TabProps) {
  const { selection, sources, externalId } = current.definition
  const [{ search = '', flow, minutes: said }, change] = useFilters<Filters>()
  const minutes = Number(said ?? 1_440)
  const explained = useAnswer<SelectionAnswer>('/currents/selection', { body: { selection, sources } })
  const ledger = useLedger(current.number, minutes)
  return (
    <Stack gap="md">
      <Answer of={explained} lines={2}>
        {({ types, catalog }) => (
          <Text size="sm">
            <strong>
              {count(types.length)} of {count(catalog)}
            </strong>{' '}
            event types of the catalog flow: <code>{selection.include.join(', ')}</code>
            {selection.exclude.length > 0 && (
              <>
                {' '}
                but not <code>{selection.exclude.join(', ')}</code>
              </>
            )}
            . Events without an external id {externalId === 'required' ? 'are filtered' : 'flow too'}.{' '}
            <Link to={tabPlace(current, 'settings')}>Change it</Link>
          </Text>
        )}
      </Answer>
      <FilterBar>
        <TextFilter
          label="Event type"
          value={String(search)}
          change={(value) => change({ search: value })}
          width={240}
        />
        <ChoiceFilter
          label="Flow"
          value={flow}
          choices={[
            { value: 'yes', label: 'Flows' },
            { value: 'no', label: 'Does not flow' },
          ]}
          change={(value) => change({ flow: value })}
        />
        <Group gap={0}>
          <NativeSelect
            label="Accepted within"
            size="xs"
            data={WINDOWS}
            value={String(minutes)}
            onChange={({ currentTarget }) => change({ minutes: Number(currentTarget.value) })}
          />
        </Group>
      </FilterBar>
      <Answer of={explained} lines={8}>
        {({ types }) => (
          <Types
            types={types}
            ledger={ledger.data}
            search={String(search).toLowerCase()}
            flow={flow}
            place={currentPlace(current)}
          />
        )}
      </Answer>
    </Stack>
  )
}

interface TypesProps {
  readonly types: readonly string[]
  readonly ledger: LedgerAnswer | undefined
  readonly search: string
  readonly flow: string | undefined
  readonly place: string
}

/** Types that the catalog has and that flow, and all that came. */
function Types({ types, ledger, search, flow, place }: TypesProps) {
  const rows = useMemo(
    () =>
      rowsOf(types, ledger).filter(
        ({ type, flows }) =>
          type.toLowerCase().includes(search) &&
          (flow === undefined || flow === '' || flows === (flow === 'yes')),
      ),
    [types, ledger, search, flow],
  )
  return (
    <DataTable
      label="Event types"
      rows={rows}
      columns={COLUMNS}
      rowKey={({ type }) => type}
      rowTo={({ type }) => `${place}/live?type=${encodeURIComponent(type)}`}
      empty={<Empty title="No event type fits">Take a filter away to see more.</Empty>}
    />
  )
}

function rowsOf(types: readonly string[], ledger: LedgerAnswer | undefined): readonly TypeRow[] {
  const flowing = new Set(types)
  const rows = new Map<
    string,
    { delivered: number; filtered: number; dead: number; notSelected: number; reasons: string[] }
  >()
  const rowOf = (type: string) => {
    const row = rows.get(type) ?? { delivered: 0, filtered: 0, dead: 0, notSelected: 0, reasons: [] }
    rows.set(type, row)
    return row
  }
  for (const type of types) rowOf(type)
  for (const { eventType, outcome, reason, count: n } of ledger?.byType ?? []) {
    const row = rowOf(eventType)
    row[outcome] += n
    if (reason === 'type_not_selected') row.notSelected += n
    if (outcome === 'filtered') row.reasons.push(`${count(n)} ${reasonWords(reason)}`)
  }
  return [...rows]
    .map(([type, { notSelected, reasons, ...counts }]) => ({
      type,
      // Of a type that the catalog does not know, the ledger tells.
      flows: flowing.has(type) || notSelected === 0,
      reasons: reasons.join(', '),
      ...counts,
    }))
    .sort((a, b) => total(b) - total(a) || (a.type < b.type ? -1 : 1))
}

const total = ({ delivered, filtered, dead }: TypeRow): number => delivered + filtered + dead

const COLUMNS: readonly Column<TypeRow>[] = [
  {
    id: 'type',
    header: 'Event type',
    cell: ({ type }) => (type === '' ? '(not an event)' : type),
    sortBy: ({ type }) => type,
  },
  {
    id: 'flows',
    header: 'Flow',
    cell: ({ flows }) => <StateBadge state={flows ? 'flows' : 'filtered'} mood={flows ? 'good' : 'calm'} />,
    sortBy: ({ flows }) => (flows ? 0 : 1),
  },
  {
    id: 'delivered',
    header: 'Delivered',
    align: 'right',
    cell: (row) => count(row.delivered),
    sortBy: (row) => row.delivered,
  },
  {
    id: 'filtered',
    header: 'Filtered',
    align: 'right',
    cell: (row) => count(row.filtered),
    sortBy: (row) => row.filtered,
  },
  { id: 'dead', header: 'Dead', align: 'right', cell: (row) => count(row.dead), sortBy: (row) => row.dead },
  {
    id: 'reasons',
    header: 'Why filtered',
    cell: ({ reasons }) => (reasons === '' ? '–' : reasons),
    spare: true,
  },
]
