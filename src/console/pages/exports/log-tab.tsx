/** What each batch of an export did, newest first. */

import type { ExportLogAnswer } from '../../../api/routes/exports.ts'
import { usePages } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { When } from '../../elements/when.tsx'
import { count } from '../../elements/words.ts'

type Entry = ExportLogAnswer['entries'][number]

const PAGE = 100
const COLUMNS: readonly Column<Entry>[] = [
  { id: 'at', header: 'When', cell: ({ at }) => <When at={at} /> },
  {
    id: 'status',
    header: 'Answer',
    cell: ({ status, refused }) => (
      <StateBadge
        state={status === 0 ? 'no answer' : `HTTP ${status}`}
        mood={status === 0 || refused > 0 ? 'bad' : 'good'}
      />
    ),
  },
  { id: 'lane', header: 'Lane', spare: true, cell: ({ lane }) => lane },
  { id: 'people', header: 'People', align: 'right', cell: ({ people }) => count(people) },
  { id: 'added', header: 'Slugs added', align: 'right', cell: ({ added }) => count(added) },
  { id: 'removed', header: 'Slugs removed', align: 'right', cell: ({ removed }) => count(removed) },
  { id: 'refused', header: 'Refused', align: 'right', cell: ({ refused }) => count(refused) },
  { id: 'requests', header: 'Tries', align: 'right', spare: true, cell: ({ requests }) => count(requests) },
  { id: 'message', header: 'First refusal', spare: true, cell: ({ message }) => message || '–' },
]

export function LogTab({ path }: { path: string }) {
  const log = usePages<ExportLogAnswer, Entry>(`${path}/log`, {
    query: { limit: PAGE },
    everyMs: 2_000,
    rows: ({ entries }) => entries,
    next: ({ entries }) => (entries.length < PAGE ? undefined : { before: entries.at(-1)?.number }),
  })
  return (
    <Answer of={log.result} lines={6}>
      {() => (
        <DataTable
          label="batches"
          rows={log.rows}
          columns={COLUMNS}
          rowKey={({ number }) => String(number)}
          paged={log.result}
          empty={<Empty title="No batch yet">Each request to the vendor leaves a line here.</Empty>}
        />
      )}
    </Answer>
  )
}
