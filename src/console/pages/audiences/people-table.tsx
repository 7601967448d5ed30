import type { AudiencePeopleAnswer } from '../../../api/routes/audiences.ts'
import { at } from '../../api/client.ts'
import { CellView } from '../../elements/cell-view.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { Identifiers, shownValue } from './person.tsx'

type Somebody = AudiencePeopleAnswer['people'][number]

export interface PeopleTableProps {
  readonly label: string
  readonly people: readonly Somebody[]
  /** Fields with a column of their own: those that the rule asks. */
  readonly fields: readonly string[]
  readonly none: string
}

/** Some people, with what the rule asks of them. */
export function PeopleTable({ label, people, fields, none }: PeopleTableProps) {
  const columns: Column<Somebody>[] = [
    { id: 'profile', header: 'Profile', cell: ({ profile }) => profile },
    { id: 'identifiers', header: 'Known by', cell: (one) => <Identifiers {...one} /> },
    ...fields.map(
      (field): Column<Somebody> => ({
        id: `field ${field}`,
        header: field,
        cell: (one) => <FieldValue value={one.fields[field]} field={field} />,
      }),
    ),
  ]
  return (
    <DataTable
      label={label}
      rows={people}
      columns={columns}
      rowKey={({ profile }) => String(profile)}
      rowTo={({ profile }) => at`/profiles/${profile}`}
      empty={<Empty title={none} />}
      height="340px"
    />
  )
}

function FieldValue({ value, field }: { value: unknown; field: string }) {
  return value === undefined ? <span>–</span> : <CellView value={shownValue(value)} column={field} />
}
