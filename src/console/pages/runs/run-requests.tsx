/** What was sent for a run, request by request, with how each was answered. */

import type { RequestsAnswer } from '../../../api/routes/run-lists.ts'
import type { RunAnswer } from '../../../api/routes/run-views.ts'
import { usePages } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { When } from '../../elements/when.tsx'
import { count, duration } from '../../elements/words.ts'
import { isOpen } from './run-words.ts'

type Request = RequestsAnswer['requests'][number]

/** What adds up to the numbers of the run. */
function ofChanges(of: (request: Request) => number): (request: Request) => string {
  return (request) => (request.naming ? '–' : count(of(request)))
}

const COLUMNS: readonly Column<Request>[] = [
  { id: 'id', header: 'Batch', cell: ({ id }) => id },
  {
    id: 'status',
    header: 'Answer',
    cell: ({ status, refused }) => (
      <StateBadge
        state={status === 0 ? 'no answer' : `HTTP ${status}`}
        mood={refused > 0 ? 'bad' : status === 0 ? 'wait' : 'good'}
      />
    ),
  },
  {
    id: 'records',
    header: 'Changes',
    align: 'right',
    cell: ({ naming, records }) =>
      naming ? (
        <span title="It told the name of the cohort, which is no change">the name</span>
      ) : (
        count(records)
      ),
  },
  { id: 'accepted', header: 'Accepted', align: 'right', cell: ofChanges(({ accepted }) => accepted) },
  { id: 'refused', header: 'Rejected', align: 'right', cell: ofChanges(({ refused }) => refused) },
  {
    id: 'skipped',
    header: 'Left out',
    align: 'right',
    spare: true,
    cell: ofChanges(({ skipped }) => skipped),
  },
  { id: 'attempts', header: 'Attempts', align: 'right', cell: ({ attempts }) => count(attempts) },
  { id: 'sent', header: 'First sent', spare: true, cell: ({ firstSentAt }) => <When at={firstSentAt} /> },
  {
    id: 'took',
    header: 'Settled after',
    align: 'right',
    spare: true,
    cell: ({ firstSentAt, settledAt }) => duration(settledAt - firstSentAt),
  },
]

export function RunRequests({ run, path }: { run: RunAnswer; path: string }) {
  const requests = usePages<RequestsAnswer, Request>(`${path}/requests`, {
    ...(isOpen(run) ? { everyMs: 1_000 } : {}),
    rows: (answer) => answer.requests,
    next: ({ next }) => (next === null ? undefined : { after: next }),
  })
  return (
    <Answer of={requests.result} lines={6}>
      {() => (
        <DataTable
          label="requests"
          rows={requests.rows}
          columns={COLUMNS}
          rowKey={({ id }) => id}
          paged={requests.result}
          empty={
            <Empty title="Nothing was sent">
              {run.dry
                ? 'A dry run asks and compares, and sends nothing.'
                : 'A run that changes nothing sends nothing; one that is held has not begun.'}
            </Empty>
          }
        />
      )}
    </Answer>
  )
}
