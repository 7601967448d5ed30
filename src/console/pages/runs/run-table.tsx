/** Runs as rows: of all activations, or of one. */

import type { ReactNode } from 'react'
import type { ListedRunAnswer } from '../../../api/routes/run-views.ts'
import type { RunsAnswer } from '../../../api/routes/runs.ts'
import type { Query } from '../../api/client.ts'
import { type Paged, usePages } from '../../api/queries.ts'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { When } from '../../elements/when.tsx'
import { count, duration } from '../../elements/words.ts'
import { listedRunPath, triggerText } from './run-words.ts'

const PAGE = 100
const FRESH_MS = 3_000

/** `path`: /runs, or the runs of one activation. */
export function useRuns(path: string, query: Query = {}): Paged<ListedRunAnswer> {
  return usePages<RunsAnswer, ListedRunAnswer>(path, {
    query: { ...query, limit: PAGE },
    everyMs: FRESH_MS,
    keep: true,
    rows: ({ runs }) => runs,
    next: ({ next }) => (next === null ? undefined : { cursor: next }),
  })
}

const NUMBERS: readonly Column<ListedRunAnswer>[] = [
  {
    id: 'state',
    header: 'State',
    cell: ({ state, dry }) => <StateBadge state={dry && state === 'succeeded' ? 'dry run' : state} />,
  },
  { id: 'started', header: 'Started', cell: ({ createdAt }) => <When at={createdAt} /> },
  {
    id: 'trigger',
    header: 'Trigger',
    spare: true,
    cell: ({ trigger, by }) => `${triggerText(trigger)}${by === '' ? '' : `, ${by}`}`,
  },
  {
    id: 'took',
    header: 'Took',
    align: 'right',
    spare: true,
    cell: ({ createdAt, finishedAt }) => (finishedAt === null ? '–' : duration(finishedAt - createdAt)),
  },
  {
    id: 'added',
    header: 'Added',
    align: 'right',
    cell: ({ report }) => count(report.added),
  },
  { id: 'removed', header: 'Removed', align: 'right', cell: ({ report }) => count(report.removed) },
  {
    id: 'rejected',
    header: 'Rejected',
    align: 'right',
    cell: ({ report }) => count(report.rejected),
  },
  {
    id: 'members',
    header: 'Members after',
    align: 'right',
    cell: ({ report }) => (report.membersAfter === null ? '–' : count(report.membersAfter)),
  },
]
const NUMBER: Column<ListedRunAnswer> = { id: 'run', header: 'Run', cell: ({ run }) => `Run ${run}` }
const ACTIVATION: Column<ListedRunAnswer> = {
  id: 'run',
  header: 'Run',
  cell: ({ activationName, run, ofDeleted }) =>
    `${activationName}${ofDeleted ? ' (deleted)' : ''} · run ${run}`,
}
const OF_ONE = [NUMBER, ...NUMBERS]
const OF_ALL = [ACTIVATION, ...NUMBERS]

export function RunTable({
  runs,
  of,
  empty,
}: {
  runs: Paged<ListedRunAnswer>
  of: 'one' | 'all'
  empty: ReactNode
}) {
  return (
    <DataTable
      label="runs"
      rows={runs.rows}
      columns={of === 'one' ? OF_ONE : OF_ALL}
      rowKey={({ activation, run }) => `${activation}.${run}`}
      rowTo={listedRunPath}
      paged={runs.result}
      empty={empty}
    />
  )
}
