/** The inbox: who sends, how much and how well it is answered; what kinds of events came, and what could not be taken as one. */

import { SimpleGrid, Stack, Title } from '@mantine/core'
import type { ReactNode } from 'react'
import type { ImportAnswer } from '../../../api/routes/imports.ts'
import type { InboxAnswer } from '../../../api/routes/inbox.ts'
import type { SourceAnswer } from '../../../api/routes/sources.ts'
import { type LiveStatus, rateOf, useLive } from '../../api/live.ts'
import { useAnswer } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { Page } from '../../elements/page.tsx'
import { Stat, Stats } from '../../elements/stat.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { When } from '../../elements/when.tsx'
import { bytes, count, duration, rate, share } from '../../elements/words.ts'
import { BatchesTable } from './batches-table.tsx'
import { MinutesChart } from './minutes-chart.tsx'
import { NewImport } from './new-import.tsx'
import { NewSource } from './new-source.tsx'
import { QuarantineTable } from './quarantine-table.tsx'
import { kindTitle } from './source-kinds.ts'

const MINUTES = 60

export function InboxPage() {
  const sources = useAnswer<{ sources: SourceAnswer[] }>('/sources', { everyMs: 5_000 })
  const inbox = useAnswer<InboxAnswer>('/inbox', { query: { minutes: MINUTES, limit: 50 }, everyMs: 5_000 })
  const doors = (sources.data?.sources ?? []).filter(({ kind }) => kind !== 'audience')
  return (
    <Page
      title="Inbox"
      intro="What comes in, through which door, and how well it is answered. Nothing is answered before it is on disk."
      actions={
        <>
          <NewImport sources={doors} />
          <NewSource />
        </>
      }
      calls={[
        'GET /api/v1/sources',
        'GET /api/v1/inbox',
        'GET /api/v1/inbox/batches',
        'GET /api/v1/quarantine',
      ]}
      commands={['thalweg inbox', 'thalweg sources list', 'thalweg imports list']}
    >
      <Answer of={sources} lines={8}>
        {() => (
          <>
            <Numbers sources={doors} inbox={inbox.data} />
            <Sources sources={doors} />
            <MinutesChart />
          </>
        )}
      </Answer>
      <Imports />
      <Answer of={inbox} lines={6}>
        {(answer) => (
          <SimpleGrid cols={{ base: 1, lg: 2 }}>
            <Part title="Types in the last hour">
              <Types inbox={answer} />
            </Part>
            <Part title="Types met for the first time">
              <FirstSeen inbox={answer} />
            </Part>
          </SimpleGrid>
        )}
      </Answer>
      <SimpleGrid cols={{ base: 1, lg: 2 }}>
        <Part title="Latest batches">
          <BatchesTable />
        </Part>
        <Part title="Quarantine">
          <QuarantineTable />
        </Part>
      </SimpleGrid>
    </Page>
  )
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Stack gap="xs" miw={0}>
      <Title order={2}>{title}</Title>
      {children}
    </Stack>
  )
}

function Numbers({ sources, inbox }: { sources: readonly SourceAnswer[]; inbox: InboxAnswer | undefined }) {
  const { samples } = useLive()
  const sum = (of: (counters: SourceAnswer['counters']) => number): number =>
    sources.reduce((total, { counters }) => total + of(counters), 0)
  const accepted = (status: LiveStatus): number =>
    status.sources.reduce((total, one) => total + one.accepted, 0)
  const [requests, duplicates, quarantined] = [
    sum((one) => one.requests),
    sum((one) => one.duplicates),
    sum((one) => one.quarantined),
  ]
  const refused = sum((one) => Object.values(one.refused).reduce((total, some) => total + some, 0))
  const lastHour = inbox?.counts.reduce((total, row) => total + row.accepted, 0)
  const findings = inbox?.unacknowledgedFindings ?? 0
  return (
    <Stats>
      <Stat label="Arriving" value={rate(rateOf(samples, accepted))} note="events, now" to="/events" />
      <Stat
        label="Accepted"
        value={lastHour === undefined ? '–' : count(lastHour)}
        note="in the last hour"
        to="/events"
      />
      <Stat
        label="Duplicates"
        value={count(duplicates)}
        note={`${share(duplicates, duplicates + sum((one) => one.accepted))} of what came since the start`}
      />
      <Stat
        label="Quarantined"
        value={count(quarantined)}
        note="since the start"
        {...(quarantined > 0 ? { mood: 'wait' as const } : {})}
      />
      <Stat
        label="Refused requests"
        value={count(refused)}
        note={`of ${count(requests)} since the start`}
        {...(refused > 0 ? { mood: 'wait' as const } : {})}
      />
      <Stat
        label="Drift"
        value={count(findings)}
        note={findings === 1 ? 'finding is open' : 'findings are open'}
        to="/drift"
        {...(findings > 0 ? { mood: 'wait' as const } : {})}
      />
    </Stats>
  )
}

interface SourceRow extends SourceAnswer {
  readonly perSecond: number
}

function Sources({ sources }: { sources: readonly SourceAnswer[] }) {
  const { samples } = useLive()
  const rows = sources.map((source) => ({
    ...source,
    perSecond: rateOf(
      samples,
      ({ sources: all }) => all.find(({ number }) => number === source.number)?.accepted,
    ),
  }))
  return (
    <DataTable
      label="Sources"
      rows={rows}
      columns={SOURCE_COLUMNS}
      rowKey={({ name }) => name}
      rowTo={({ name }) => `/inbox/${encodeURIComponent(name)}`}
      height="420px"
      empty={
        <Empty title="No sources yet">
          A source is one sender: it gets an address and a token. Make one with the button above, paste both
          at the sender, and its events arrive here.
        </Empty>
      }
    />
  )
}

const SOURCE_COLUMNS: readonly Column<SourceRow>[] = [
  { id: 'name', header: 'Source', cell: ({ name }) => name, sortBy: ({ name }) => name },
  {
    id: 'kind',
    header: 'Kind',
    cell: ({ kind }) => kindTitle(kind),
    sortBy: ({ kind }) => kind,
    spare: true,
  },
  {
    id: 'rate',
    header: 'Rate',
    align: 'right',
    cell: ({ perSecond }) => rate(perSecond),
    sortBy: ({ perSecond }) => perSecond,
  },
  {
    id: 'accepted',
    header: 'Accepted',
    align: 'right',
    cell: ({ counters }) => count(counters.accepted),
    sortBy: ({ counters }) => counters.accepted,
  },
  {
    id: 'requests',
    header: 'Batches',
    align: 'right',
    cell: ({ counters }) => count(counters.requests),
    sortBy: ({ counters }) => counters.requests,
    spare: true,
  },
  {
    id: 'size',
    header: 'Per batch',
    align: 'right',
    cell: ({ counters: { requests, accepted, bytes: size } }) =>
      requests === 0 ? '–' : `${count(Math.round(accepted / requests))}, ${bytes(size / requests)}`,
    spare: true,
  },
  {
    id: 'answer',
    header: 'Answered in',
    align: 'right',
    cell: ({ counters: { answers } }) => (answers.meanMs === null ? '–' : duration(answers.meanMs)),
    sortBy: ({ counters }) => counters.answers.meanMs ?? 0,
    spare: true,
  },
  {
    id: 'duplicates',
    header: 'Duplicates',
    align: 'right',
    cell: ({ counters }) => count(counters.duplicates),
    sortBy: ({ counters }) => counters.duplicates,
    spare: true,
  },
  {
    id: 'last',
    header: 'Last event',
    cell: ({ counters }) => <When at={counters.eventAt} />,
    sortBy: ({ counters }) => counters.eventAt ?? 0,
  },
]

type TypeCount = InboxAnswer['counts'][number]

function Types({ inbox: { counts, countsCut } }: { inbox: InboxAnswer }) {
  const total = counts.reduce((sum, { accepted }) => sum + accepted, 0)
  const columns: readonly Column<TypeCount>[] = [
    {
      id: 'type',
      header: 'Type',
      cell: ({ eventType }) => eventType || 'no type',
      sortBy: (row) => row.eventType,
    },
    { id: 'source', header: 'Source', cell: ({ source }) => source ?? 'deleted', spare: true },
    {
      id: 'accepted',
      header: 'Events',
      align: 'right',
      cell: ({ accepted }) => count(accepted),
      sortBy: ({ accepted }) => accepted,
    },
    {
      id: 'share',
      header: 'Share',
      align: 'right',
      cell: ({ accepted }) => share(accepted, total),
      spare: true,
    },
    {
      id: 'bytes',
      header: 'Size each',
      align: 'right',
      cell: ({ accepted, bytes: size }) => (accepted === 0 ? '–' : bytes(size / accepted)),
      spare: true,
    },
  ]
  return (
    <DataTable
      label={countsCut ? 'Types, the most frequent' : 'Types'}
      rows={counts}
      columns={columns}
      rowKey={({ eventType, source }) => `${source} ${eventType}`}
      rowTo={({ eventType }) => `/drift/types/${encodeURIComponent(eventType)}`}
      height="380px"
      empty={<Empty title="Nothing came in the last hour" />}
    />
  )
}

type FirstSeenRow = InboxAnswer['firstSeen'][number]

const FIRST_SEEN_COLUMNS: readonly Column<FirstSeenRow>[] = [
  { id: 'type', header: 'Type', cell: ({ eventType }) => eventType || 'no type' },
  { id: 'when', header: 'First seen', cell: ({ at }) => <When at={at} /> },
  { id: 'source', header: 'Source', cell: ({ source }) => source ?? 'deleted', spare: true },
  {
    id: 'known',
    header: 'Catalog',
    cell: ({ known }) => (known ? 'known' : <StateBadge state="unknown" mood="wait" />),
  },
]

function FirstSeen({ inbox: { firstSeen } }: { inbox: InboxAnswer }) {
  return (
    <DataTable
      label="Types met for the first time"
      rows={firstSeen}
      columns={FIRST_SEEN_COLUMNS}
      rowKey={({ eventType, source }) => `${source} ${eventType}`}
      rowTo={({ eventType }) => `/drift/types/${encodeURIComponent(eventType)}`}
      height="380px"
      empty={<Empty title="No type was met yet" />}
    />
  )
}

const IMPORT_COLUMNS: readonly Column<ImportAnswer>[] = [
  { id: 'source', header: 'Source', cell: ({ source }) => source, sortBy: ({ source }) => source },
  { id: 'state', header: 'State', cell: ({ state, reason }) => <StateBadge state={state} title={reason} /> },
  { id: 'place', header: 'Place', cell: ({ location }) => location, spare: true },
  {
    id: 'done',
    header: 'Read',
    align: 'right',
    cell: ({ bytes: size, bytesDone }) => (size === 0 ? '–' : share(bytesDone, size)),
  },
  { id: 'accepted', header: 'New', align: 'right', cell: ({ accepted }) => count(accepted) },
  {
    id: 'duplicates',
    header: 'Duplicates',
    align: 'right',
    cell: ({ duplicates }) => count(duplicates),
    spare: true,
  },
  {
    id: 'failed',
    header: 'Failed files',
    align: 'right',
    cell: ({ files }) => count(files.failed),
    spare: true,
  },
  { id: 'updated', header: 'Last change', cell: ({ updatedAt }) => <When at={updatedAt} />, spare: true },
]

/** Shown once there are some. */
function Imports() {
  const imports = useAnswer<{ imports: ImportAnswer[] }>('/imports', { everyMs: 3_000 }).data?.imports ?? []
  if (imports.length === 0) return null
  return (
    <Part title="Imports of files">
      <DataTable
        label="Imports"
        rows={imports}
        columns={IMPORT_COLUMNS}
        rowKey={({ source }) => source}
        rowTo={({ source }) => `/inbox/${encodeURIComponent(source)}`}
        height="320px"
      />
    </Part>
  )
}
