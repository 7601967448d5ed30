import { Anchor, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { MergeAnswer } from '../../../api/routes/profiles.ts'
import type { Paged } from '../../api/queries.ts'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { When } from '../../elements/when.tsx'
import { count } from '../../elements/words.ts'
import { UndoMerge } from './undo-merge.tsx'

const COLUMNS: readonly Column<MergeAnswer>[] = [
  { id: 'id', header: 'Join', cell: ({ id }) => count(id) },
  { id: 'at', header: 'When', cell: ({ at }) => <When at={at} /> },
  {
    id: 'by',
    header: 'Why',
    cell: ({ offset }) =>
      offset < 0 ? (
        'An operator'
      ) : (
        <Anchor component={Link} to={`/records/${offset}`} size="sm">
          Record {count(offset)}
        </Anchor>
      ),
  },
  {
    id: 'survivor',
    header: 'Profile',
    cell: ({ survivor }) => (
      <Anchor component={Link} to={`/profiles/${survivor}`} size="sm">
        {count(survivor)}
      </Anchor>
    ),
    align: 'right',
  },
  { id: 'loser', header: 'Took in', cell: ({ loser }) => count(loser), align: 'right' },
  {
    id: 'identifiers',
    header: 'With the identifiers',
    cell: ({ identifiers }) => identifiers.map(([field, value]) => `${field} ${value}`).join(' · '),
    spare: true,
  },
  {
    id: 'undo',
    header: '',
    cell: (merge) =>
      merge.undoneAt === null ? (
        <UndoMerge merge={merge} />
      ) : (
        <Text size="sm" c="dimmed" component="span">
          Undone <When at={merge.undoneAt} />
        </Text>
      ),
  },
]

export function MergesTable({
  rows,
  paged,
  height,
}: {
  rows: readonly MergeAnswer[]
  paged?: Paged<MergeAnswer>['result']
  height?: string
}) {
  return (
    <DataTable
      label="Joins"
      rows={rows}
      columns={COLUMNS}
      rowKey={({ id }) => String(id)}
      {...(paged === undefined ? {} : { paged })}
      {...(height === undefined ? {} : { height })}
      empty={
        <Empty title="Nothing was joined">
          Two profiles become one when a record carries an identifier of each, and no rule forbids it.
        </Empty>
      }
    />
  )
}
