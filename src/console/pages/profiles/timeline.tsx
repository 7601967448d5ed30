/** What somebody did, newest first, from the embedded warehouse. */

import { Anchor } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { ProfileEventAnswer } from '../../../api/routes/profiles.ts'
import { at } from '../../api/client.ts'
import { usePages } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { When } from '../../elements/when.tsx'
import { written } from './naming.ts'

const PAGE = 50

const COLUMNS: readonly Column<ProfileEventAnswer>[] = [
  { id: 'at', header: 'When', cell: ({ at: time }) => <When at={time} exact /> },
  { id: 'type', header: 'Event', cell: ({ eventType }) => eventType ?? '–' },
  {
    id: 'properties',
    header: 'Properties',
    cell: ({ properties }) => <span title={written(properties)}>{written(properties)}</span>,
    spare: true,
  },
  {
    id: 'id',
    header: 'Lineage',
    cell: ({ id }) =>
      id === null ? (
        '–'
      ) : (
        <Anchor component={Link} to={at`/events/${id}`} size="sm">
          What became of it
        </Anchor>
      ),
  },
]

export function Timeline({ profile }: { profile: number }) {
  const { rows, result } = usePages<{ events: ProfileEventAnswer[] }, ProfileEventAnswer>(
    at`/profiles/${profile}/events`,
    {
      query: { limit: PAGE },
      rows: ({ events }) => events,
      next: ({ events }) => {
        const last = events.at(-1)
        return events.length < PAGE || last?.at == null ? undefined : { before: last.at, beforeId: last.id }
      },
    },
  )
  return (
    <Answer of={result} lines={8}>
      {() => (
        <DataTable
          label="Events"
          rows={rows}
          columns={COLUMNS}
          rowKey={({ id, at: time }) => `${id} ${time}`}
          paged={result}
          empty={
            <Empty title="No events">
              The warehouse holds no event with an external id or Braze id of this profile. Events get there
              by a current into the embedded warehouse.
            </Empty>
          }
        />
      )}
    </Answer>
  )
}
