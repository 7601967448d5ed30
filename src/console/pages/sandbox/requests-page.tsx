/** The last requests that a double saw, each with its answer. */

import { useParams } from '@tanstack/react-router'
import type { SandboxPageAnswer } from '../../../api/routes/sandbox.ts'
import { at } from '../../api/client.ts'
import { usePages } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { Page } from '../../elements/page.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { When } from '../../elements/when.tsx'
import { count } from '../../elements/words.ts'
import { titleOf } from './double-words.ts'

interface SeenRequest {
  readonly at: number
  readonly method: string
  readonly path: string
  readonly status: number
  readonly accepted: number
  readonly answer: string
}

const PAGE_ROWS = 100

export function RequestsPage() {
  const { double: name = '' } = useParams({ strict: false })
  const { rows, result } = usePages<SandboxPageAnswer, SeenRequest>(at`/sandbox/${name}/requests`, {
    query: { limit: PAGE_ROWS },
    rows: ({ items }) => items as SeenRequest[],
    next: ({ next }) => (next === null ? undefined : { offset: next }),
    everyMs: 2_000,
    keep: true,
  })
  return (
    <Page
      title="What it was asked"
      up={{ to: `/sandbox/${encodeURIComponent(name)}`, label: titleOf(name) }}
      intro="The last 500 requests on the vendor’s own addresses, the newest first."
      calls={['GET /api/v1/sandbox/{double}/requests']}
      commands={[]}
    >
      <Answer of={result}>
        {() => (
          <DataTable
            label="Requests"
            rows={rows.map((request, i) => ({ ...request, key: `${request.at} ${i}` }))}
            columns={COLUMNS}
            paged={result}
            rowKey={({ key }) => key}
            empty={<Empty title="Nobody has asked yet">Requests of the hub appear here as they come.</Empty>}
          />
        )}
      </Answer>
    </Page>
  )
}

const COLUMNS: readonly Column<SeenRequest>[] = [
  { id: 'at', header: 'When', cell: (row) => <When at={row.at} /> },
  {
    id: 'status',
    header: 'Answer',
    cell: ({ status }) =>
      status === 0 ? (
        <StateBadge state="cut" mood="bad" />
      ) : (
        <StateBadge state={String(status)} mood={status < 300 ? 'good' : status < 500 ? 'wait' : 'bad'} />
      ),
  },
  {
    id: 'request',
    header: 'Request',
    cell: ({ method, path }) => (
      <code>
        {method} {path}
      </code>
    ),
  },
  { id: 'accepted', header: 'Events', align: 'right', cell: ({ accepted }) => count(accepted) },
  {
    id: 'answer',
    header: 'Beginning of the answer',
    cell: ({ answer }) => <code>{answer}</code>,
    spare: true,
  },
]
