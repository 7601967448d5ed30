import { Anchor } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { ConflictAnswer } from '../../../api/routes/profiles.ts'
import type { Paged } from '../../api/queries.ts'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { When } from '../../elements/when.tsx'
import { count } from '../../elements/words.ts'
import { reasonOf } from './naming.ts'

const profile = (id: number | null) =>
  id === null ? (
    '–'
  ) : (
    <Anchor component={Link} to={`/profiles/${id}`} size="sm">
      {count(id)}
    </Anchor>
  )

const COLUMNS: readonly Column<ConflictAnswer>[] = [
  { id: 'identifier', header: 'Identifier', cell: ({ field, value }) => `${field} ${value}` },
  { id: 'reason', header: 'Why', cell: ({ reason }) => reasonOf(reason) },
  { id: 'kept', header: 'Went to', cell: ({ kept }) => profile(kept), align: 'right' },
  { id: 'other', header: 'Stayed with', cell: ({ other }) => profile(other), align: 'right' },
  { id: 'stream', header: 'Stream', cell: ({ stream }) => stream, spare: true },
  {
    id: 'record',
    header: 'Record',
    cell: ({ offset }) => (
      <Anchor component={Link} to={`/records/${offset}`} size="sm">
        {count(offset)}
      </Anchor>
    ),
    align: 'right',
    spare: true,
  },
  { id: 'at', header: 'When', cell: ({ at }) => <When at={at} /> },
]

export function ConflictsTable({
  rows,
  paged,
  height,
}: {
  rows: readonly ConflictAnswer[]
  paged?: Paged<ConflictAnswer>['result']
  height?: string
}) {
  return (
    <DataTable
      label="Conflicts"
      rows={rows}
      columns={COLUMNS}
      rowKey={({ id }) => String(id)}
      {...(paged === undefined ? {} : { paged })}
      {...(height === undefined ? {} : { height })}
      empty={
        <Empty title="No conflicts">
          When a record carries identifiers that may not be one person (two external ids, a shared address),
          the weaker one joins nobody, and stands here.
        </Empty>
      }
    />
  )
}
