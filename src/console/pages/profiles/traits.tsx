/** What is known of somebody: each value with the stream that brought it, the moment that it is of, and how values of the field meet. */

import type { ProfileAnswer } from '../../../api/routes/profiles.ts'
import type { SchemaAnswer } from '../../../api/routes/streams.ts'
import { useAnswer } from '../../api/queries.ts'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { When } from '../../elements/when.tsx'
import { operatorOf } from '../streams/field-kinds.ts'
import { written } from './naming.ts'

type Field = SchemaAnswer['definition']['fields'][number]

interface Trait {
  readonly name: string
  readonly field: ProfileAnswer['fields'][string]
  readonly about: Field | undefined
}

const COLUMNS: readonly Column<Trait>[] = [
  { id: 'name', header: 'Field', cell: ({ name }) => name, sortBy: ({ name }) => name },
  { id: 'value', header: 'Value', cell: ({ field: { value } }) => <Value value={value} /> },
  {
    id: 'stream',
    header: 'Came by',
    cell: ({ field }) => field.stream ?? 'several records',
    sortBy: ({ field }) => field.stream ?? '',
  },
  {
    id: 'at',
    header: 'Of',
    cell: ({ field }) => <When at={field.at} />,
    sortBy: ({ field }) => field.at ?? 0,
  },
  {
    id: 'merge',
    header: 'Of several values',
    cell: ({ about }) => (about === undefined ? 'not in the schema any more' : operatorOf(about)),
    spare: true,
  },
  {
    id: 'personal',
    header: '',
    cell: ({ about, field }) =>
      field.hidden ? 'personal, hidden from you' : about?.personal === true ? 'personal' : null,
    spare: true,
  },
]

export function Traits({ profile }: { profile: ProfileAnswer }) {
  const schema = useAnswer<SchemaAnswer>('/profile-schema')
  const fields = new Map((schema.data?.definition.fields ?? []).map((field) => [field.name, field]))
  const rows = Object.entries(profile.fields).map(([name, field]) => ({
    name,
    field,
    about: fields.get(name),
  }))
  return (
    <DataTable
      label="Traits"
      rows={rows}
      columns={COLUMNS}
      rowKey={({ name }) => name}
      empty={<Empty title="Nothing is known">Only identifiers have come so far.</Empty>}
    />
  )
}

function Value({ value }: { value: unknown }) {
  const text = written(value)
  return <span title={text}>{text}</span>
}
