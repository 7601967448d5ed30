import type { ProfileAnswer } from '../../../api/routes/profiles.ts'
import type { Paged } from '../../api/queries.ts'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { When } from '../../elements/when.tsx'
import { count } from '../../elements/words.ts'
import { nameOf } from './naming.ts'

const COLUMNS: readonly Column<ProfileAnswer>[] = [
  { id: 'name', header: 'Person', cell: (profile) => nameOf(profile) },
  {
    id: 'identifiers',
    header: 'Identifiers',
    cell: ({ identifiers }) =>
      identifiers
        .slice(0, 4)
        .map(({ field, value }) => `${field} ${value}`)
        .join(' · '),
    spare: true,
  },
  {
    id: 'count',
    header: 'Of them',
    cell: ({ identifiers }) => count(identifiers.length),
    align: 'right',
    spare: true,
  },
  {
    id: 'audiences',
    header: 'Audiences',
    cell: ({ audiences }) => count(audiences.length),
    align: 'right',
    spare: true,
  },
  { id: 'seen', header: 'Last seen', cell: ({ seenAt }) => <When at={seenAt} /> },
  { id: 'id', header: 'Profile', cell: ({ id }) => count(id), align: 'right' },
]

export interface PeopleTableProps {
  readonly rows: readonly ProfileAnswer[]
  readonly paged?: Paged<ProfileAnswer>['result']
  readonly empty?: React.ReactNode
}

export function PeopleTable({ rows, paged, empty }: PeopleTableProps) {
  return (
    <DataTable
      label="People"
      rows={rows}
      columns={COLUMNS}
      rowKey={({ id }) => String(id)}
      rowTo={({ id }) => `/profiles/${id}`}
      {...(paged === undefined ? {} : { paged })}
      empty={empty}
    />
  )
}
