/** The import of a source of files: how far it is, which files, and what it filled. */

import { Button, Group, Progress, SimpleGrid, Stack, Text, Title } from '@mantine/core'
import { useState } from 'react'
import type { ImportAnswer, ImportFileAnswer, ImportReportAnswer } from '../../../api/routes/imports.ts'
import { at } from '../../api/client.ts'
import { useAnswer, useChange } from '../../api/queries.ts'
import { Answer, FailureNote } from '../../elements/answer.tsx'
import { Chart } from '../../elements/chart.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { ChoiceFilter, FilterBar } from '../../elements/filters.tsx'
import { Stat, Stats } from '../../elements/stat.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { When } from '../../elements/when.tsx'
import { bytes, count, share, short, spoken } from '../../elements/words.ts'

/** Files that are listed. */
const FILES_MAX = 500

export function ImportPart({ name }: { name: string }) {
  const report = useAnswer<ImportReportAnswer>(at`/imports/${name}/report`, { everyMs: 2_000 })
  return (
    <Answer of={report} lines={8}>
      {({ import: view, types, hours }) => (
        <>
          <Progressing view={view} />
          <Files name={name} />
          {(types.length > 0 || hours.length > 0) && <Filled types={types} hours={hours} />}
        </>
      )}
    </Answer>
  )
}

function Progressing({ view }: { view: ImportAnswer }) {
  const { state, reason, bytes: size, bytesDone, files, read, accepted, duplicates, quarantined } = view
  const change = useChange<'pause' | 'resume', ImportAnswer>({
    method: 'POST',
    path: (word) => `${at`/imports/${view.source}`}/${word}`,
    changes: ['/imports'],
  })
  return (
    <section className="tw-card" aria-labelledby="import">
      <Stack gap="sm">
        <Group justify="space-between">
          <Group gap="sm">
            <Title order={2} id="import">
              Import
            </Title>
            <StateBadge state={state} />
          </Group>
          {state === 'running' ? (
            <Button
              size="sm"
              variant="default"
              loading={change.isPending}
              onClick={() => change.mutate('pause')}
            >
              Pause
            </Button>
          ) : (
            <Button
              size="sm"
              variant="default"
              loading={change.isPending}
              onClick={() => change.mutate('resume')}
            >
              {state === 'paused' ? 'Resume' : 'Look for new files'}
            </Button>
          )}
        </Group>
        <Text size="sm">
          From <code>{view.location}</code>
          {view.copiesOf === null ? '' : `, copies of what ${view.copiesOf} sends`}
          {view.stream === null ? '' : `, rows of ${view.stream}`}
          {view.pollSeconds === null ? '' : `; looks for new files every ${count(view.pollSeconds)} s`}. Run{' '}
          {view.run}, started <When at={view.startedAt} />
          {view.finishedAt === null ? '' : ', ended '}
          {view.finishedAt !== null && <When at={view.finishedAt} />}.
        </Text>
        {reason !== '' && (
          <Text size="sm" c="var(--tw-bad)">
            {reason}
          </Text>
        )}
        {change.error !== null && <FailureNote error={change.error} />}
        <Progress
          value={size === 0 ? (state === 'finished' ? 100 : 0) : (bytesDone / size) * 100}
          aria-label="Read"
        />
        <Stats>
          <Stat
            label="Read"
            value={size === 0 ? '–' : share(bytesDone, size)}
            note={`${bytes(bytesDone)} of ${bytes(size)}`}
          />
          <Stat
            label="Files"
            value={count(files.done)}
            note={`read, ${count(files.waiting + files.reading)} to go`}
          />
          <Stat
            label="Failed files"
            value={count(files.failed)}
            {...(files.failed > 0 ? { mood: 'bad' as const } : {})}
          />
          <Stat label="Records" value={count(read)} />
          <Stat label="New" value={count(accepted)} />
          <Stat label="Duplicates" value={count(duplicates)} note="were there already" />
          <Stat
            label="Quarantined"
            value={count(quarantined)}
            {...(quarantined > 0 ? { mood: 'wait' as const } : {})}
          />
        </Stats>
      </Stack>
    </section>
  )
}

const FILE_STATES = ['waiting', 'reading', 'done', 'failed'] as const

function Files({ name }: { name: string }) {
  const [state, setState] = useState('')
  const files = useAnswer<{ files: ImportFileAnswer[] }>(at`/imports/${name}/files`, {
    query: { state, limit: FILES_MAX },
    everyMs: 3_000,
    keep: true,
  })
  return (
    <Stack gap="xs">
      <Group justify="space-between" align="flex-end">
        <Title order={2}>Files</Title>
        <FilterBar>
          <ChoiceFilter
            label="State of files"
            value={state}
            choices={FILE_STATES.map((value) => ({ value, label: spoken(value) }))}
            change={setState}
          />
        </FilterBar>
      </Group>
      <Answer of={files} lines={5}>
        {({ files: rows }) => (
          <DataTable
            label="Files"
            rows={rows}
            columns={FILE_COLUMNS}
            rowKey={({ name: file, version }) => `${file} ${version}`}
            height="380px"
            empty={<Empty title="No files">None in this state; or the place has not been listed yet.</Empty>}
          />
        )}
      </Answer>
    </Stack>
  )
}

const FILE_COLUMNS: readonly Column<ImportFileAnswer>[] = [
  { id: 'name', header: 'File', cell: ({ name }) => name, sortBy: ({ name }) => name },
  {
    id: 'state',
    header: 'State',
    cell: ({ state, problem }) => <StateBadge state={state} title={problem} />,
    sortBy: ({ state }) => state,
  },
  { id: 'size', header: 'Size', align: 'right', cell: ({ size }) => bytes(size), sortBy: ({ size }) => size },
  {
    id: 'accepted',
    header: 'New',
    align: 'right',
    cell: ({ accepted }) => count(accepted),
    sortBy: ({ accepted }) => accepted,
  },
  {
    id: 'duplicates',
    header: 'Duplicates',
    align: 'right',
    cell: ({ duplicates }) => count(duplicates),
    spare: true,
  },
  {
    id: 'quarantined',
    header: 'Quarantined',
    align: 'right',
    cell: ({ quarantined }) => count(quarantined),
    spare: true,
  },
  { id: 'problem', header: 'Problem', cell: ({ problem }) => problem || '–', spare: true },
]

type TypeRow = ImportReportAnswer['types'][number]

const TYPE_COLUMNS: readonly Column<TypeRow>[] = [
  {
    id: 'type',
    header: 'Type',
    cell: ({ eventType }) => eventType || 'no type',
    sortBy: (row) => row.eventType,
  },
  {
    id: 'count',
    header: 'New events',
    align: 'right',
    cell: ({ count: some }) => count(some),
    sortBy: ({ count: some }) => some,
  },
]

function Filled({ types, hours }: Pick<ImportReportAnswer, 'types' | 'hours'>) {
  const timed = hours.filter((row): row is typeof row & { hour: number } => row.hour !== null)
  return (
    <SimpleGrid cols={{ base: 1, lg: 2 }}>
      <section className="tw-card" aria-labelledby="filled">
        <Title order={2} mb="xs" id="filled">
          New events by the hour in which they happened
        </Title>
        {timed.length < 2 ? (
          <Text size="sm">
            {timed.length === 0 ? 'They have no times.' : 'All of them happened within one hour.'}
          </Text>
        ) : (
          <Chart
            label="New events by hour"
            times={timed.map(({ hour }) => hour)}
            series={[{ label: 'New', values: timed.map(({ count: some }) => some), colour: 1 }]}
            write={short}
          />
        )}
      </section>
      <DataTable
        label="New events by type"
        rows={types}
        columns={TYPE_COLUMNS}
        rowKey={({ eventType }) => eventType}
        height="300px"
      />
    </SimpleGrid>
  )
}
