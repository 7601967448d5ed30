/** What one wants to know at night: is there room, who is behind, what runs. */

import { Anchor, SimpleGrid, Title } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { SystemAnswer } from '../../../api/routes/system.ts'
import { useAnswer } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { Facts } from '../../elements/facts.tsx'
import { Page } from '../../elements/page.tsx'
import { Stat, Stats } from '../../elements/stat.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { When } from '../../elements/when.tsx'
import { bytes, count, duration, share } from '../../elements/words.ts'
import { DiskPicture } from './disk-picture.tsx'
import { SystemTabs } from './system-tabs.tsx'

export function SystemPage() {
  const answer = useAnswer<SystemAnswer>('/system', { everyMs: 5_000 })
  return (
    <Page
      title="System"
      intro="Room on the disk, who reads the log how far behind, what runs, and what retention does."
      beside={answer.data && <StateBadge state={`log ${answer.data.log.state}`} mood={moodOf(answer.data)} />}
      calls={['GET /api/v1/system']}
      commands={['thalweg system', 'thalweg doctor']}
    >
      <SystemTabs active="system" />
      <Answer of={answer} lines={10}>
        {(system) => (
          <>
            <Numbers system={system} />
            <DiskPicture disk={system.disk} />
            <Title order={2}>Who reads the log</Title>
            <DataTable
              label="Readers of the log"
              rows={system.readers}
              columns={READERS}
              rowKey={({ name }) => name}
              height="360px"
              empty={
                <Empty title="Nobody reads the log yet">Each launched current reads it on its own.</Empty>
              }
            />
            <SimpleGrid cols={{ base: 1, md: 2 }}>
              <Retention system={system} />
              <Versions system={system} />
            </SimpleGrid>
          </>
        )}
      </Answer>
    </Page>
  )
}

function moodOf({ log }: SystemAnswer) {
  return log.state === 'open' && log.corrupt.length === 0 ? ('good' as const) : ('bad' as const)
}

function Numbers({ system }: { system: SystemAnswer }) {
  const { disk, log, processes, readers } = system
  const slowest = readers.find(({ name }) => !HOLDERS.has(name))
  const resident = processes.reduce((sum, { residentBytes }) => sum + (residentBytes ?? 0), 0)
  return (
    <Stats>
      <Stat
        label="Room left"
        value={bytes(disk.freeBytes)}
        note={`${share(disk.freeBytes, disk.totalBytes)} of ${bytes(disk.totalBytes)}`}
        {...(disk.freeBytes < disk.totalBytes / 20 ? { mood: 'bad' as const } : {})}
      />
      <Stat label="Disk full" value={fullIn(system)} note={trendWords(system)} />
      <Stat
        label="Log"
        value={bytes(log.bytes)}
        note={`${count(log.head - log.tail)} records, ${count(log.segments)} ${log.segments === 1 ? 'segment' : 'segments'}`}
        to="/inbox"
      />
      <Stat
        label="Furthest behind"
        value={slowest === undefined ? '–' : count(slowest.lag)}
        note={slowest === undefined ? 'nobody reads' : `records, ${nameOf(slowest)}`}
      />
      <Stat label="Memory" value={bytes(resident)} note={`${count(processes.length)} processes`} />
      <Stat label="Up for" value={duration(system.uptimeMs)} note={`version ${system.version}`} />
    </Stats>
  )
}

function fullIn({ disk, now }: SystemAnswer): string {
  if (disk.trend === null) return 'Not known yet'
  return disk.trend.fullAt === null ? 'Not in sight' : `in ${duration(disk.trend.fullAt - now)}`
}

function trendWords({ disk: { trend } }: SystemAnswer): string {
  if (trend === null) return 'told after ten minutes'
  const { bytesPerHour } = trend
  return bytesPerHour <= 0 ? 'no room is being used up' : `${bytes(bytesPerHour)} an hour are used up`
}

type Reader = SystemAnswer['readers'][number]

const READERS: readonly Column<Reader>[] = [
  {
    id: 'name',
    header: 'Reader',
    cell: (reader) =>
      reader.current === null ? (
        nameOf(reader)
      ) : (
        <Anchor component={Link} to={`/currents/${encodeURIComponent(reader.current)}`} size="sm">
          {reader.current}
        </Anchor>
      ),
  },
  {
    id: 'lag',
    header: 'Records behind',
    align: 'right',
    cell: ({ lag }) => count(lag),
    sortBy: ({ lag }) => lag,
  },
  {
    id: 'age',
    header: 'Oldest waits for',
    align: 'right',
    cell: ({ lag, lagMs }) => (lag === 0 ? '–' : duration(lagMs)),
    sortBy: ({ lagMs }) => lagMs,
  },
  {
    id: 'position',
    header: 'Position',
    align: 'right',
    cell: ({ position }) => count(position),
    spare: true,
  },
]

const READER_NAMES: Readonly<Record<string, string>> = {
  dedupe: 'Ids for dedupe',
  backup: 'A backup that is being made',
  drift: 'Drift radar',
  intake: 'Counts of the inbox',
  profiles: 'Profiles',
}

/** They keep entries for later, and are not late. */
const HOLDERS: ReadonlySet<string> = new Set(['dedupe', 'backup'])

function nameOf({ name, current }: Reader): string {
  return current ?? READER_NAMES[name] ?? name
}

function Retention({ system: { retention } }: { system: SystemAnswer }) {
  const { frees } = retention.log
  return (
    <section className="tw-card" aria-labelledby="retention">
      <Title order={2} id="retention" mb={4}>
        Retention
      </Title>
      <Facts
        label="Retention"
        facts={[
          ['Log', `${duration(retention.log.ageMs)} or ${bytes(retention.log.bytes)}, whichever comes first`],
          [
            'Would free now',
            `${bytes(frees.bytes)}, ${count(frees.records)} records in ${count(frees.segments)} segments`,
          ],
          ['Held back by', frees.heldBy.length === 0 ? 'nobody' : frees.heldBy.join(', ')],
          [
            'Warehouse',
            retention.warehouse.ageMs === 0 ? 'keeps rows for ever' : duration(retention.warehouse.ageMs),
          ],
          ['Ids for dedupe', duration(retention.dedupe.windowMs)],
        ]}
      />
    </section>
  )
}

function Versions({ system }: { system: SystemAnswer }) {
  return (
    <section className="tw-card" aria-labelledby="versions">
      <Title order={2} id="versions" mb={4}>
        Versions and processes
      </Title>
      <Facts
        label="Versions and processes"
        facts={[
          ['Thalweg', system.version],
          ['Node.js', system.node],
          ['Store', `${system.store.dialect} ${system.store.version}, step ${system.store.step}`],
          ['Started', <When key="started" at={system.startedAt} exact />],
          ...system.processes.map(
            ({ name, pid, residentBytes }) =>
              [
                `Process ${name}`,
                `${pid}${residentBytes === null ? '' : `, ${bytes(residentBytes)}`}`,
              ] as const,
          ),
        ]}
      />
    </section>
  )
}
