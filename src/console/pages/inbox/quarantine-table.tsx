import type { QuarantineAnswer, QuarantinedAnswer } from '../../../api/routes/inbox.ts'
import { usePages } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { When } from '../../elements/when.tsx'
import { bytes, spoken } from '../../elements/words.ts'

/** What came in and is no event, with the reason; of one source or of all. */
export function QuarantineTable({ source }: { source?: string }) {
  const items = usePages<QuarantineAnswer, QuarantinedAnswer>('/quarantine', {
    query: { source, limit: 50 },
    rows: ({ items: rows }) => rows,
    next: ({ next }) => (next === null ? undefined : { before: next }),
    everyMs: 5_000,
    keep: true,
  })
  return (
    <Answer of={items.result} lines={4}>
      {() => (
        <DataTable
          label="Quarantined items"
          rows={items.rows}
          columns={source === undefined ? [...COLUMNS, SOURCE] : COLUMNS}
          rowKey={({ offset }) => String(offset)}
          rowTo={({ offset }) => `/records/${offset}`}
          paged={items.result}
          height="380px"
          empty={
            <Empty title="Nothing is quarantined">
              An item that cannot be read as an event is kept here with its bytes and the reason; the events
              around it flow on.
            </Empty>
          }
        />
      )}
    </Answer>
  )
}

const COLUMNS: readonly Column<QuarantinedAnswer>[] = [
  { id: 'reason', header: 'Reason', cell: ({ reason }) => spoken(reason) },
  { id: 'excerpt', header: 'It begins', cell: ({ excerpt }) => <code>{excerpt.slice(0, 120)}</code> },
  { id: 'bytes', header: 'Size', align: 'right', cell: ({ bytes: size }) => bytes(size), spare: true },
  { id: 'when', header: 'Received', cell: ({ receivedAt }) => <When at={receivedAt} />, spare: true },
]

const SOURCE: Column<QuarantinedAnswer> = {
  id: 'source',
  header: 'Source',
  cell: ({ source }) => source ?? 'deleted',
  spare: true,
}
