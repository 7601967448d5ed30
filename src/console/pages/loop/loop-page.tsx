/** Home: both directions at a glance, what flows, what waits, what is broken. */

import { SimpleGrid } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import { lazy, Suspense } from 'react'
import { type LiveStatus, ratesOf } from '../../api/live.ts'
import { Waiting } from '../../elements/answer.tsx'
import { Chart } from '../../elements/chart.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { Page } from '../../elements/page.tsx'
import { Part } from '../../elements/part.tsx'
import { Stat, Stats } from '../../elements/stat.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { count, duration, rate } from '../../elements/words.ts'
import { byUrgency, type Connection, type LoopData, useLoop } from './loop-data.ts'
import classes from './loop-page.module.css'
import { Today } from './today.tsx'

const Picture = lazy(() => import('./picture.tsx'))

export function LoopPage() {
  const loop = useLoop()
  const roomy = useMediaQuery('(min-width: 900px)', true)
  return (
    <Page
      title="Loop"
      intro="Engagement events flow from Braze to every destination; audiences flow back. Nothing is answered before it is on disk."
      calls={[
        'GET /api/v1/live',
        'GET /api/v1/currents',
        'GET /api/v1/exports',
        'GET /api/v1/activations',
        'GET /api/v1/dead-letters/counts',
      ]}
      commands={['thalweg status --watch', 'thalweg ledger check']}
    >
      {loop.status === undefined ? (
        <Waiting lines={8} />
      ) : (
        <>
          <Numbers loop={loop} />
          {roomy && (
            <Suspense fallback={<div className={classes.pictureSpace} />}>
              <Picture loop={loop} />
            </Suspense>
          )}
          <DataTable
            label="Connections"
            rows={[...loop.connections].sort(byUrgency)}
            columns={COLUMNS}
            rowKey={({ key }) => key}
            rowTo={({ to }) => to}
            height="420px"
            empty={
              <Empty title="No connections yet">
                A current carries chosen events to a destination; an activation or an export carries people
                back.
              </Empty>
            }
          />
          <SimpleGrid cols={{ base: 1, md: 2 }}>
            <Rates samples={loop.samples} />
            <Today />
          </SimpleGrid>
        </>
      )}
    </Page>
  )
}

const COLUMNS: readonly Column<Connection>[] = [
  { id: 'name', header: 'Connection', cell: ({ name }) => name, sortBy: ({ name }) => name },
  {
    id: 'what',
    header: 'Kind',
    cell: ({ what, kind }) => `${what} to ${kind}`,
    sortBy: ({ kind }) => kind,
    spare: true,
  },
  {
    id: 'state',
    header: 'State',
    cell: ({ state, reason }) => <StateBadge state={state} title={reason} />,
    sortBy: ({ state }) => state,
  },
  {
    id: 'rate',
    header: 'Rate',
    align: 'right',
    cell: ({ perSecond }) => rate(perSecond),
    sortBy: ({ perSecond }) => perSecond,
  },
  {
    id: 'delivered',
    header: 'Delivered',
    align: 'right',
    cell: ({ delivered }) => count(delivered),
    sortBy: ({ delivered }) => delivered,
    spare: true,
  },
  {
    id: 'pending',
    header: 'Waiting',
    align: 'right',
    cell: ({ pending }) => count(pending),
    sortBy: ({ pending }) => pending,
  },
  {
    id: 'lag',
    header: 'Oldest unsent',
    align: 'right',
    cell: ({ lagMs }) => (lagMs === 0 ? '–' : duration(lagMs)),
    sortBy: ({ lagMs }) => lagMs,
    spare: true,
  },
  {
    id: 'dead',
    header: 'Dead',
    note: 'to mend',
    align: 'right',
    cell: ({ dead }) => (dead === undefined ? '–' : count(dead)),
    sortBy: ({ dead }) => dead ?? 0,
  },
]

function Numbers({ loop: { status, entries, connections, letters, profiles } }: { loop: LoopData }) {
  const sum = (of: (one: Connection) => number): number =>
    connections.reduce((total, one) => total + of(one), 0)
  const halted = connections.filter(({ state }) => state === 'halted')
  const oldest = Math.max(0, ...connections.map(({ lagMs }) => lagMs))
  return (
    <Stats>
      <Stat
        label="Arriving"
        value={rate(entries.reduce((total, { perSecond }) => total + perSecond, 0))}
        note={`${count(entries.reduce((total, { accepted }) => total + accepted, 0))} since the start`}
        to="/inbox"
      />
      <Stat
        label="Leaving"
        value={rate(sum((one) => one.perSecond))}
        note={`over ${count(connections.length)} connections`}
        to="/currents"
      />
      <Stat
        label="Waiting"
        value={count(sum((one) => one.pending))}
        note={oldest === 0 ? 'nothing is late' : `the oldest for ${duration(oldest)}`}
      />
      <Stat
        label="Dead letters"
        value={letters === undefined ? '–' : count(letters)}
        note="refused, waiting for you"
        to="/dead-letters"
        {...(letters !== undefined && letters > 0 ? { mood: 'wait' as const } : {})}
      />
      <Stat
        label="Halted"
        value={count(halted.length)}
        note={halted[0]?.name ?? 'all connections run'}
        to={halted[0]?.to ?? '/currents'}
        {...(halted.length > 0 ? { mood: 'bad' as const } : {})}
      />
      <Stat
        label="People"
        value={count(profiles?.profiles ?? 0)}
        note={`log at ${count(status?.log.head ?? 0)}`}
        to="/profiles"
      />
    </Stats>
  )
}

function Rates({ samples }: { samples: readonly LiveStatus[] }) {
  return (
    <Part title="Events per second">
      <Chart
        label="Events per second, in and out"
        times={samples.map(({ at }) => at)}
        write={rate}
        heightPx={220}
        series={[
          {
            label: 'In',
            colour: 1,
            values: ratesOf(samples, ({ sources }) =>
              sources.reduce((sum, { accepted }) => sum + accepted, 0),
            ),
          },
          {
            label: 'Out',
            colour: 2,
            values: ratesOf(samples, ({ currents }) =>
              currents.reduce((sum, { delivered }) => sum + delivered, 0),
            ),
          },
        ]}
      />
    </Part>
  )
}
