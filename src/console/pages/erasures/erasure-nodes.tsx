/** What each node does of an erasure in its own folders; one that was away does it later. */

import { Button, Title } from '@mantine/core'
import type { ErasureAnswer } from '../../../api/routes/erasures.ts'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { saveJson } from '../../elements/save-file.ts'
import { type Mood, StateBadge } from '../../elements/state-badge.tsx'
import { When } from '../../elements/when.tsx'
import { count } from '../../elements/words.ts'

type Part = ErasureAnswer['nodes'][number]

const COLUMNS: readonly Column<Part>[] = [
  { id: 'node', header: 'Node', cell: ({ node }) => node },
  {
    id: 'state',
    header: 'Its folders',
    cell: (part) => (
      <>
        <StateBadge state={wordsOf(part)} mood={moodOf(part)} title={part.problem} />
        {part.problem !== '' && ` ${part.problem}`}
      </>
    ),
  },
  {
    id: 'removed',
    header: 'Taken out',
    cell: ({ removed }) => count(Object.values(removed).reduce((all, n) => all + n, 0)),
    align: 'right',
  },
  { id: 'at', header: 'Changed', cell: ({ updatedAt }) => <When at={updatedAt} />, spare: true },
  {
    id: 'addendum',
    header: 'After the receipt',
    cell: ({ addendum, signature }) =>
      addendum === undefined ? (
        '–'
      ) : (
        <Button
          size="xs"
          variant="default"
          onClick={() =>
            saveJson(`erasure-${addendum.erasure}-${addendum.node}.json`, { receipt: addendum, signature })
          }
        >
          Download the addendum
        </Button>
      ),
  },
]

export function ErasureNodes({ erasure: { nodes } }: { erasure: ErasureAnswer }) {
  if (nodes.length === 0) return null
  return (
    <section className="tw-card" aria-label="Nodes">
      <Title order={2} mb="xs">
        Nodes
      </Title>
      <DataTable label="Nodes" rows={nodes} columns={COLUMNS} rowKey={({ node }) => node} />
    </section>
  )
}

function wordsOf({ step, problem, search }: Part): string {
  if (step === 'done') return search?.remaining.length ? 'something is left' : 'erased'
  if (step === 'waived') return 'said to be gone'
  return problem === '' ? 'to come' : 'tried again'
}

function moodOf({ step, problem, search }: Part): Mood {
  if (step === 'waived') return 'calm'
  if (step === 'done') return search?.remaining.length ? 'bad' : 'good'
  return problem === '' ? 'wait' : 'bad'
}
