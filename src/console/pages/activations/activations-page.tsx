/** All activations: how each stands, when it last ran and runs next, and how many people its cohort has. */

import { Anchor, Button } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { ActivationAnswer } from '../../../api/routes/activations.ts'
import { at } from '../../api/client.ts'
import { useAnswer } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { FilterBar, TextFilter, useFilters } from '../../elements/filters.tsx'
import { Page } from '../../elements/page.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { When } from '../../elements/when.tsx'
import { count } from '../../elements/words.ts'
import { destinationText } from '../runs/destination-text.ts'
import { runPath } from '../runs/run-words.ts'

const COLUMNS: readonly Column<ActivationAnswer>[] = [
  { id: 'name', header: 'Name', cell: ({ name }) => name, sortBy: ({ name }) => name },
  { id: 'state', header: 'State', cell: ({ state }) => <StateBadge state={state} /> },
  {
    id: 'last',
    header: 'Last run',
    cell: ({ name, lastRun }) =>
      lastRun === null ? (
        'never'
      ) : (
        <Anchor component={Link} to={runPath(name, lastRun.run)} size="sm">
          <StateBadge state={lastRun.state} /> <When at={lastRun.createdAt} />
        </Anchor>
      ),
    sortBy: ({ lastRun }) => lastRun?.createdAt ?? 0,
  },
  {
    id: 'next',
    header: 'Next run',
    cell: ({ nextRunAt, schedule }) => (nextRunAt === null ? schedule : <When at={nextRunAt} />),
  },
  {
    id: 'size',
    header: 'Members',
    align: 'right',
    cell: ({ name, members }) =>
      members === null ? (
        '–'
      ) : (
        <Anchor component={Link} to={at`/activations/${name}/members`} size="sm">
          {count(members)}
        </Anchor>
      ),
    sortBy: ({ members }) => members ?? -1,
  },
  { id: 'operation', header: 'Operation', spare: true, cell: ({ definition }) => definition.operation },
  {
    id: 'destination',
    header: 'Destination',
    spare: true,
    cell: ({ definition }) => destinationText(definition),
  },
]

export function ActivationsPage() {
  const [{ search }, change] = useFilters<Readonly<{ search?: string | number }>>()
  const activations = useAnswer<{ activations: ActivationAnswer[] }>('/activations', { everyMs: 5_000 })
  const wanted = String(search ?? '').toLowerCase()
  return (
    <Page
      title="Activations"
      intro="Queries and segments whose people become a cohort in Braze, kept so by difference."
      actions={
        <Button component={Link} to="/activations/new" size="sm">
          New activation
        </Button>
      }
      calls={['GET /api/v1/activations', 'POST /api/v1/activations']}
      commands={['thalweg activations list', 'thalweg activations create <file.json>']}
    >
      <FilterBar>
        <TextFilter
          label="Search by name"
          value={search === undefined ? undefined : String(search)}
          change={(value) => change({ search: value })}
        />
      </FilterBar>
      <Answer of={activations} lines={6}>
        {({ activations: all }) => (
          <DataTable
            label="activations"
            rows={all.filter(({ name, definition }) =>
              `${name} ${definition.description}`.toLowerCase().includes(wanted),
            )}
            columns={COLUMNS}
            rowKey={({ number }) => String(number)}
            rowTo={({ name }) => at`/activations/${name}`}
            empty={
              wanted === '' ? (
                <Empty title="No activation yet">
                  An activation sends the people of a query or a segment to a cohort in Braze. It says
                  beforehand who would enter and leave and what that costs, and afterwards what became of each
                  of them.
                </Empty>
              ) : (
                <Empty title="No activation has that in its name" />
              )
            }
          />
        )}
      </Answer>
    </Page>
  )
}
