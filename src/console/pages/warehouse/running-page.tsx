/** Queries that run on this node, and those of late. */

import { Button } from '@mantine/core'
import type { QueryAnswer } from '../../../api/routes/sql.ts'
import { at } from '../../api/client.ts'
import { useAnswer, useChange } from '../../api/queries.ts'
import { Answer, FailureNote } from '../../elements/answer.tsx'
import { CellView } from '../../elements/cell-view.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { Page } from '../../elements/page.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { When } from '../../elements/when.tsx'
import { count, duration } from '../../elements/words.ts'
import { WarehouseTabs } from './warehouse-tabs.tsx'

export function RunningPage() {
  const queries = useAnswer<{ queries: QueryAnswer[] }>('/sql/running', { everyMs: 2_000 })
  const cancel = useChange<string>({
    method: 'DELETE',
    path: (id) => at`/sql/running/${id}`,
    changes: ['/sql/running'],
  })
  const columns: readonly Column<QueryAnswer>[] = [
    { id: 'state', header: 'State', cell: ({ state }) => <StateBadge state={state} /> },
    { id: 'sql', header: 'Statement', cell: ({ sql }) => <CellView value={sql} column="Statement" /> },
    { id: 'engine', header: 'Engine', cell: ({ engine }) => engine },
    { id: 'who', header: 'Who', cell: ({ who }) => who || '–', spare: true },
    { id: 'started', header: 'Began', cell: ({ startedAt }) => <When at={startedAt} /> },
    { id: 'took', header: 'Took', align: 'right', cell: ({ elapsedMs }) => duration(elapsedMs) },
    { id: 'rows', header: 'Rows', align: 'right', cell: ({ rows }) => count(rows) },
    { id: 'error', header: 'What went wrong', cell: ({ error }) => error?.message ?? '–', spare: true },
    {
      id: 'cancel',
      header: 'End it',
      cell: ({ id, state }) =>
        state === 'running' && (
          <Button size="compact-xs" variant="default" onClick={() => cancel.mutate(id)}>
            Cancel
          </Button>
        ),
    },
  ]
  return (
    <Page
      title="Running queries"
      intro="What runs on this node now, and the last 200 that ran."
      calls={['GET /api/v1/sql/running', 'DELETE /api/v1/sql/running/{query}']}
      commands={['thalweg queries running', 'thalweg queries cancel <id>']}
    >
      <WarehouseTabs at="/warehouse/running" />
      {cancel.error !== null && <FailureNote error={cancel.error} />}
      <Answer of={queries}>
        {({ queries: all }) => (
          <DataTable
            label="queries"
            rows={all}
            columns={columns}
            rowKey={({ id }) => id}
            empty={
              <Empty title="No query has run since the start">
                Queries of the editor, the command line, activations and programs stand here.
              </Empty>
            }
          />
        )}
      </Answer>
    </Page>
  )
}
