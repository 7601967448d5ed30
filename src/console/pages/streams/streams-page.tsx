/** Streams: feeds of user records, whether they are on, and what became of their records. */

import type { ProfilesStatusAnswer } from '../../../api/routes/profiles.ts'
import type { SchemaAnswer } from '../../../api/routes/streams.ts'
import { at } from '../../api/client.ts'
import { useAnswer } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Page } from '../../elements/page.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { count } from '../../elements/words.ts'
import { type Stream, sourceOf } from './field-kinds.ts'
import { SchemaTabs } from './schema-tabs.tsx'

interface Row {
  readonly stream: Stream
  readonly applied: number
  readonly dropped: number
  /** Fraction of the kept history that was read again; undefined: it is not. */
  readonly again: number | undefined
}

const COLUMNS: readonly Column<Row>[] = [
  { id: 'name', header: 'Stream', cell: ({ stream }) => stream.name, sortBy: ({ stream }) => stream.name },
  {
    id: 'state',
    header: 'State',
    cell: ({ stream, again }) =>
      again === undefined ? (
        <StateBadge state={stream.active ? 'on' : 'off'} mood={stream.active ? 'good' : 'calm'} />
      ) : (
        <StateBadge state={`Reading again, ${Math.round(again * 100)} %`} mood="wait" />
      ),
  },
  { id: 'from', header: 'Reads', cell: ({ stream }) => sourceOf(stream), spare: true },
  {
    id: 'fields',
    header: 'Mappings',
    cell: ({ stream }) => count(stream.mappings.length),
    sortBy: ({ stream }) => stream.mappings.length,
    align: 'right',
  },
  {
    id: 'applied',
    header: 'In profiles',
    cell: ({ applied }) => count(applied),
    sortBy: ({ applied }) => applied,
    align: 'right',
  },
  {
    id: 'dropped',
    header: 'Left out',
    cell: ({ dropped }) => count(dropped),
    sortBy: ({ dropped }) => dropped,
    align: 'right',
    spare: true,
  },
  {
    id: 'joins',
    header: 'Joins profiles',
    cell: ({ stream }) => (stream.joins ? 'yes' : 'only finds them'),
    spare: true,
  },
]

export function StreamsPage() {
  const schema = useAnswer<SchemaAnswer>('/profile-schema')
  const status = useAnswer<ProfilesStatusAnswer>('/profiles/status', { everyMs: 3_000 })
  return (
    <Page
      title="Streams"
      intro="Named feeds of user records. The mapping of a stream says which fields of a profile its records fill. Counts are since the start of this hub."
      calls={['GET /api/v1/profile-schema', 'GET /api/v1/profiles/status']}
      commands={['thalweg streams list', 'thalweg streams on braze_events']}
    >
      <SchemaTabs />
      <Answer of={schema}>
        {({ definition }) => (
          <DataTable
            label="Streams"
            rows={definition.streams.map((stream) => rowOf(stream, status.data))}
            columns={COLUMNS}
            rowKey={({ stream }) => stream.name}
            rowTo={({ stream }) => at`/streams/${stream.name}`}
          />
        )}
      </Answer>
    </Page>
  )
}

function rowOf(stream: Stream, status: ProfilesStatusAnswer | undefined): Row {
  const { applied = 0, ...others } = status?.streams[stream.name] ?? {}
  const again = status?.readingAgain.find((one) => one.stream === stream.name)
  return {
    stream,
    applied,
    dropped: Object.values(others).reduce((sum, n) => sum + n, 0),
    again: again && (again.end === 0 ? 0 : again.position / again.end),
  }
}
