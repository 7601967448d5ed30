/** What became of each message at doors that tell their senders little: by type and reason, and the last ones with a remark. */

import { Stack, Text, Title } from '@mantine/core'
import type { VerdictsAnswer } from '../../../api/routes/sources.ts'
import { at } from '../../api/client.ts'
import { useAnswer } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { type Mood, StateBadge } from '../../elements/state-badge.tsx'
import { When } from '../../elements/when.tsx'
import { bytes, count, spoken } from '../../elements/words.ts'

type VerdictRow = VerdictsAnswer['counts'][number]
type RemarkRow = VerdictsAnswer['remarked'][number]

const MOODS: Readonly<Record<VerdictRow['verdict'], Mood>> = {
  accepted: 'good',
  warned: 'wait',
  duplicate: 'calm',
  rejected: 'bad',
}

export function SourceVerdicts({ name }: { name: string }) {
  const verdicts = useAnswer<VerdictsAnswer>(at`/sources/${name}/verdicts`, { everyMs: 5_000 })
  return (
    <Stack gap="sm">
      <Title order={2}>Verdicts</Title>
      <Text size="sm" c="dimmed">
        Senders of this protocol are answered 200 to nearly everything. What was really thought of their
        messages stands here, since the start.
      </Text>
      <Answer of={verdicts} lines={5}>
        {({ counts, remarked }) => (
          <>
            <DataTable
              label="Verdicts"
              rows={counts}
              columns={COUNT_COLUMNS}
              rowKey={({ type, verdict, reason }) => `${type} ${verdict} ${reason}`}
              height="300px"
              empty={<Empty title="Nothing was judged since the start" />}
            />
            {remarked.length > 0 && (
              <DataTable
                label="Messages with a remark"
                rows={remarked.map((remark, i) => ({ ...remark, i }))}
                columns={REMARK_COLUMNS}
                rowKey={({ i }) => String(i)}
                height="300px"
              />
            )}
          </>
        )}
      </Answer>
    </Stack>
  )
}

const COUNT_COLUMNS: readonly Column<VerdictRow>[] = [
  { id: 'type', header: 'Type', cell: ({ type }) => type || 'no type', sortBy: ({ type }) => type },
  {
    id: 'verdict',
    header: 'Verdict',
    cell: ({ verdict }) => <StateBadge state={verdict} mood={MOODS[verdict]} />,
    sortBy: ({ verdict }) => verdict,
  },
  { id: 'reason', header: 'Reason', cell: ({ reason }) => (reason === '' ? '–' : spoken(reason)) },
  {
    id: 'count',
    header: 'Messages',
    align: 'right',
    cell: ({ count: some }) => count(some),
    sortBy: ({ count: some }) => some,
  },
]

const REMARK_COLUMNS: readonly Column<RemarkRow & { readonly i: number }>[] = [
  { id: 'reason', header: 'Remark', cell: ({ reason }) => spoken(reason) },
  {
    id: 'verdict',
    header: 'Verdict',
    cell: ({ verdict }) => <StateBadge state={verdict} mood={MOODS[verdict]} />,
  },
  { id: 'place', header: 'Where', cell: ({ place }) => place, spare: true },
  {
    id: 'raw',
    header: 'As it came',
    cell: ({ raw }) => <code title={raw.slice(0, 2_000)}>{raw.slice(0, 160)}</code>,
  },
  { id: 'bytes', header: 'Size', align: 'right', cell: ({ bytes: size }) => bytes(size), spare: true },
  { id: 'when', header: 'When', cell: ({ at: when }) => <When at={when} />, spare: true },
]
