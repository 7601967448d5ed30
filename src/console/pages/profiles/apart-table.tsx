import type { NeverLinkAnswer } from '../../../api/routes/profiles.ts'
import { type Paged, useChange } from '../../api/queries.ts'
import { ConfirmButton } from '../../elements/confirm-button.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { told } from '../../elements/notices.ts'
import { When } from '../../elements/when.tsx'

const COLUMNS: readonly Column<NeverLinkAnswer>[] = [
  { id: 'a', header: 'One', cell: ({ a }) => a.join(' ') },
  { id: 'b', header: 'Other', cell: ({ b }) => b.join(' ') },
  { id: 'at', header: 'Since', cell: ({ createdAt }) => <When at={createdAt} /> },
  { id: 'note', header: 'Note', cell: ({ note }) => note || '–', spare: true },
  { id: 'lift', header: '', cell: (pair) => <MayJoin pair={pair} /> },
]

export function ApartTable({
  rows,
  paged,
  height,
}: {
  rows: readonly NeverLinkAnswer[]
  paged?: Paged<NeverLinkAnswer>['result']
  height?: string
}) {
  return (
    <DataTable
      label="Pairs that are kept apart"
      rows={rows}
      columns={COLUMNS}
      rowKey={({ a, b }) => JSON.stringify([a, b])}
      {...(paged === undefined ? {} : { paged })}
      {...(height === undefined ? {} : { height })}
      empty={
        <Empty title="Nothing is kept apart">
          Name two identifiers that belong to different people, such as a family's address and a member's id.
        </Empty>
      }
    />
  )
}

function MayJoin({ pair: { a, b } }: { pair: NeverLinkAnswer }) {
  const lift = useChange({
    method: 'POST',
    path: () => '/profiles/never-links/remove',
    body: () => ({ a, b }),
    changes: ['/profiles'],
    done: () => told('The two may be joined again.'),
  })
  return (
    <ConfirmButton
      label="Let join"
      deed="Let them join"
      size="compact-xs"
      variant="default"
      onConfirm={() => lift.mutateAsync()}
    >
      The next record that carries {a.join(' ')} and {b.join(' ')} joins whoever has them, if no other rule
      forbids it.
    </ConfirmButton>
  )
}
