/** Segments: rules over tables of a database, for activations. */

import { Button } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { SegmentAnswer } from '../../../api/routes/segments.ts'
import { at } from '../../api/client.ts'
import { useAnswer } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { Page } from '../../elements/page.tsx'
import { When } from '../../elements/when.tsx'

const COLUMNS: readonly Column<SegmentAnswer>[] = [
  { id: 'name', header: 'Segment', cell: ({ name }) => name, sortBy: ({ name }) => name },
  { id: 'about', header: 'About', cell: ({ definition }) => definition.description || '–', spare: true },
  { id: 'table', header: 'People', cell: ({ definition }) => definition.parent.table },
  { id: 'engine', header: 'Engine', cell: ({ definition }) => definition.parent.engine },
  { id: 'version', header: 'Version', align: 'right', cell: ({ version }) => version, spare: true },
  { id: 'saved', header: 'Changed', cell: ({ savedAt }) => <When at={savedAt} /> },
]

export function SegmentsPage() {
  const segments = useAnswer<{ segments: SegmentAnswer[] }>('/segments')
  return (
    <Page
      title="Segments"
      up={{ to: '/audiences', label: 'Audiences' }}
      intro="Rules over tables of a database: whom they mean is asked of the database, at each run of an activation."
      actions={
        <Button component={Link} to="/segments/-new">
          New segment
        </Button>
      }
      calls={['GET /api/v1/segments']}
      commands={['thalweg segments list']}
    >
      <Answer of={segments}>
        {({ segments: all }) => (
          <DataTable
            label="segments"
            rows={all}
            columns={COLUMNS}
            rowKey={({ name }) => name}
            rowTo={({ name }) => at`/segments/${name}`}
            empty={
              <Empty
                title="There is no segment yet"
                action={
                  <Button component={Link} to="/segments/-new" mt="xs">
                    New segment
                  </Button>
                }
              >
                A segment asks a table with one row for each person, and what they did by a table of events.
                Where people are known by profiles, an audience follows them at every moment instead.
              </Empty>
            }
          />
        )}
      </Answer>
    </Page>
  )
}
