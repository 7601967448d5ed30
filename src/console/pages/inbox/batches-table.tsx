import type { InboxBatchesAnswer } from '../../../api/routes/inbox.ts'
import { usePages } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { When } from '../../elements/when.tsx'
import { bytes, count } from '../../elements/words.ts'

type Batch = InboxBatchesAnswer['batches'][number]

/** The last requests that brought events, of one source or of all. */
export function BatchesTable({ source }: { source?: string }) {
  const batches = usePages<InboxBatchesAnswer, Batch>('/inbox/batches', {
    query: { source, limit: 50 },
    rows: ({ batches: rows }) => rows,
    next: ({ next }) => (next === null ? undefined : { before: next }),
    everyMs: 5_000,
    keep: true,
  })
  return (
    <Answer of={batches.result} lines={6}>
      {() => (
        <DataTable
          label="Latest batches"
          rows={batches.rows}
          columns={source === undefined ? [...COLUMNS, SOURCE] : COLUMNS}
          rowKey={({ offset }) => String(offset)}
          rowTo={({ offset }) => `/records/${offset}`}
          paged={batches.result}
          height="380px"
          empty={
            <Empty title="No batches yet">
              A batch is one request of a sender, or one stretch of a file.
            </Empty>
          }
        />
      )}
    </Answer>
  )
}

const COLUMNS: readonly Column<Batch>[] = [
  { id: 'when', header: 'Received', cell: ({ receivedAt }) => <When at={receivedAt} /> },
  { id: 'records', header: 'Events', align: 'right', cell: ({ records }) => count(records) },
  { id: 'bytes', header: 'Size', align: 'right', cell: ({ bytes: size }) => bytes(size) },
  {
    id: 'types',
    header: 'Types',
    cell: ({ types: [first, ...others] }) =>
      first === undefined
        ? '–'
        : `${first.eventType || 'no type'}${others.length === 0 ? '' : ` and ${count(others.length)} more`}`,
    spare: true,
  },
]

const SOURCE: Column<Batch> = { id: 'source', header: 'Source', cell: ({ source }) => source ?? 'deleted' }
