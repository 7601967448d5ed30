/** The books of a current: accepted = delivered + filtered + dead + pending, in all and over time, and the proof of it. */

import { Button, Group, SegmentedControl, Stack, Text, Title } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { CircleCheck, CircleX } from 'lucide-react'
import type { LedgerTimesAnswer } from '../../../../api/routes/current-state.ts'
import type { BookCheckAnswer } from '../../../../api/routes/ledger.ts'
import { at } from '../../../api/client.ts'
import { useAnswer } from '../../../api/queries.ts'
import { Answer, FailureNote, Waiting } from '../../../elements/answer.tsx'
import { type Column, DataTable } from '../../../elements/data-table.tsx'
import { Empty } from '../../../elements/empty.tsx'
import { useFilters } from '../../../elements/filters.tsx'
import { Notice } from '../../../elements/notice.tsx'
import { Stat, Stats } from '../../../elements/stat.tsx'
import { count, dateTime } from '../../../elements/words.ts'
import { currentPlace, deadLettersPlace, eventPlace } from '../places.ts'
import { reasonWords } from '../trouble.ts'
import type { TabProps } from './current-page.tsx'

type Cell = LedgerTimesAnswer['times'][number]

export default function LedgerTab({ current }: TabProps) {
  return (
    <Stack gap="lg">
      <Proof current={current} />
      <Times number={current.number} />
    </Stack>
  )
}

function Proof({ current }: Pick<TabProps, 'current'>) {
  const answer = useAnswer<{ currents: BookCheckAnswer[] }>('/ledger/check', {
    query: { current: String(current.number) },
  })
  const { isFetching, error } = answer
  const check = answer.data?.currents[0]
  if (answer.data !== undefined && check === undefined)
    return <Empty title="No books yet">They begin with the launch.</Empty>
  return (
    <Stack gap="sm">
      <Group justify="space-between">
        <Text size="sm" c="dimmed" maw={640}>
          The log is counted by itself and compared with the ledger, which delivery writes. What the two do
          not agree on is the residue.
        </Text>
        <Button size="sm" variant="default" loading={isFetching} onClick={() => void answer.refetch()}>
          Check the books
        </Button>
      </Group>
      {error !== null && <FailureNote error={error} />}
      {check !== undefined ? (
        <Books check={check} current={current} />
      ) : (
        error === null && <Waiting lines={6} />
      )}
    </Stack>
  )
}

function Books({ check, current }: { check: BookCheckAnswer; current: TabProps['current'] }) {
  const {
    accepted,
    delivered,
    filtered,
    dead,
    pending,
    residue,
    balanced,
    reasons,
    differences,
    missing,
    from,
  } = check
  const place = currentPlace(current)
  const reasonsOf = (outcome: string): string =>
    reasons
      .filter((row) => row.outcome === outcome && row.reason !== '')
      .map((row) => `${count(row.count)} ${reasonWords(row.reason)}`)
      .join(', ')
  return (
    <Stack gap="sm">
      <Notice
        role="status"
        mood={balanced ? 'good' : 'bad'}
        icon={balanced ? <CircleCheck size={18} aria-hidden /> : <CircleX size={18} aria-hidden />}
        title={balanced ? 'The books balance' : `The books do not balance: a residue of ${count(residue)}`}
      >
        {balanced ? (
          <Text size="sm" className="tw-number">
            {count(accepted)} = {count(delivered)} + {count(filtered)} + {count(dead)} + {count(pending)}
          </Text>
        ) : (
          <Stack gap={4}>
            {differences.map(({ type, log, ledger }) => (
              <Text key={type} size="sm">
                {type}: {count(log)} in the log, {count(ledger)} in the ledger
              </Text>
            ))}
            {missing.map(({ offset, id, type }) => (
              <Text key={offset} size="sm">
                Missing: record {count(offset)}, <Link to={eventPlace(id)}>{id}</Link>, {type}
              </Text>
            ))}
          </Stack>
        )}
      </Notice>
      <Stats>
        <Stat
          label="Accepted"
          value={count(accepted)}
          note={`from record ${count(from)} on`}
          to={`${place}/live`}
        />
        <Stat label="= Delivered" value={count(delivered)} to={`${place}/live?selected=true`} />
        <Stat
          label="+ Filtered"
          value={count(filtered)}
          note={reasonsOf('filtered')}
          to={`${place}/selection`}
        />
        <Stat
          label="+ Dead"
          value={count(dead)}
          note={reasonsOf('dead')}
          to={deadLettersPlace(current.name)}
        />
        <Stat label="+ Pending" value={count(pending)} to={`${place}/live`} />
      </Stats>
    </Stack>
  )
}

function Times({ number }: { number: number }) {
  const [{ step = 'minute' }, change] = useFilters<{ step?: string }>()
  const answer = useAnswer<LedgerTimesAnswer>(at`/currents/${number}/ledger/times`, {
    query: { step },
    everyMs: 5_000,
    keep: true,
  })
  return (
    <Stack gap="xs">
      <Group justify="space-between">
        <Title order={2}>By time of acceptance</Title>
        <SegmentedControl
          transitionDuration={0}
          size="xs"
          aria-label="Step"
          value={step}
          data={[
            { value: 'minute', label: 'Minutes' },
            { value: 'hour', label: 'Hours' },
          ]}
          onChange={(next) => change({ step: next })}
        />
      </Group>
      <Answer of={answer} lines={6}>
        {({ times }) => (
          <DataTable
            label="Ledger by time"
            rows={times.toReversed()}
            columns={COLUMNS}
            rowKey={({ at: ms }) => String(ms)}
            height="440px"
            empty={<Empty title="Nothing was accepted in this time" />}
          />
        )}
      </Answer>
    </Stack>
  )
}

const orUnknown = (n: number | null): string => (n === null ? '–' : count(n))

const COLUMNS: readonly Column<Cell>[] = [
  { id: 'at', header: 'Since', cell: ({ at: ms }) => dateTime(ms) },
  { id: 'accepted', header: 'Accepted', align: 'right', cell: ({ accepted }) => orUnknown(accepted) },
  { id: 'delivered', header: 'Delivered', align: 'right', cell: ({ delivered }) => count(delivered) },
  { id: 'filtered', header: 'Filtered', align: 'right', cell: ({ filtered }) => count(filtered) },
  { id: 'dead', header: 'Dead', align: 'right', cell: ({ dead }) => count(dead) },
  { id: 'pending', header: 'Pending', align: 'right', cell: ({ pending }) => orUnknown(pending) },
]
