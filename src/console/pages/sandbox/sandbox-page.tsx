/** The vendors' doubles: what they hold, what time it is for them, and whether they are made to fail. */

import { Anchor } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { DoubleAnswer } from '../../../api/routes/sandbox.ts'
import { useAnswer } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { Page } from '../../elements/page.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { bytes, count, dateTime } from '../../elements/words.ts'
import { refusedOf, tallyOf, titleOf } from './double-words.ts'

export function SandboxPage() {
  const answer = useAnswer<{ doubles: DoubleAnswer[] }>('/sandbox', { everyMs: 2_000 })
  const isAbsent = answer.error?.status === 404
  return (
    <Page
      title="Sandbox"
      intro="Stand-ins for the vendors in this process. They answer and refuse as the vendors do, keep what arrives, and fail when told to."
      calls={['GET /api/v1/sandbox']}
      commands={['thalweg sandbox', 'thalweg demo']}
    >
      {isAbsent ? (
        <Empty title="This hub runs without doubles">
          Start the demo (npm start) to have all vendors on this machine, or thalweg sandbox for the doubles
          alone.
        </Empty>
      ) : (
        <Answer of={answer}>
          {({ doubles }) => (
            <DataTable
              label="Doubles"
              rows={doubles}
              columns={COLUMNS}
              rowKey={({ name }) => name}
              rowTo={({ name }) => `/sandbox/${encodeURIComponent(name)}`}
            />
          )}
        </Answer>
      )}
    </Page>
  )
}

const COLUMNS: readonly Column<DoubleAnswer>[] = [
  { id: 'name', header: 'Double', cell: ({ name }) => titleOf(name), sortBy: ({ name }) => titleOf(name) },
  {
    id: 'state',
    header: 'State',
    cell: (double) => {
      const { length } = tallyOf(double).faults
      return length === 0 ? (
        <StateBadge state="well" mood="good" />
      ) : (
        <StateBadge state={`${length} ${length === 1 ? 'fault' : 'faults'}`} mood="bad" />
      )
    },
  },
  {
    id: 'requests',
    header: 'Requests',
    align: 'right',
    cell: (double) => (
      <Anchor component={Link} to={`/sandbox/${encodeURIComponent(double.name)}/requests`} size="sm">
        {count(tallyOf(double).requests)}
      </Anchor>
    ),
    sortBy: (double) => tallyOf(double).requests,
  },
  {
    id: 'refused',
    header: 'Refused',
    align: 'right',
    cell: (double) => count(refusedOf(tallyOf(double))),
    sortBy: (double) => refusedOf(tallyOf(double)),
  },
  {
    id: 'events',
    header: 'Events accepted',
    align: 'right',
    cell: (double) => count(tallyOf(double).events),
    sortBy: (double) => tallyOf(double).events,
    spare: true,
  },
  {
    id: 'bytes',
    header: 'Received',
    align: 'right',
    cell: (double) => bytes(tallyOf(double).bytes),
    sortBy: (double) => tallyOf(double).bytes,
    spare: true,
  },
  { id: 'clock', header: 'Its clock', cell: ({ now }) => dateTime(now), spare: true },
  { id: 'url', header: 'Address', cell: ({ url }) => <code>{url}</code>, spare: true },
]
