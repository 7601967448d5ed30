/** Persons who were erased. None of these lines names anybody. */

import { Button } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { ErasureAnswer } from '../../../api/routes/erasures.ts'
import { at } from '../../api/client.ts'
import { useAnswer } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { type Column, DataTable } from '../../elements/data-table.tsx'
import { Empty } from '../../elements/empty.tsx'
import { Page } from '../../elements/page.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { When } from '../../elements/when.tsx'
import { count } from '../../elements/words.ts'
import { STEPS } from './steps.ts'
import { VerifyFile } from './verify-file.tsx'

const sum = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((all, n) => all + n, 0)

const COLUMNS: readonly Column<ErasureAnswer>[] = [
  { id: 'id', header: 'Erasure', cell: ({ id }) => id },
  {
    id: 'state',
    header: 'State',
    cell: ({ state, problem }) => (
      <StateBadge
        state={problem === '' ? state : 'tried again'}
        mood={problem === '' ? (state === 'finished' ? 'good' : 'wait') : 'bad'}
        title={problem}
      />
    ),
  },
  {
    id: 'step',
    header: 'Step',
    cell: ({ state, step, nodes }) => {
      if (state !== 'finished') return STEPS[step]
      const open = nodes.filter((part) => part.step !== 'done' && part.step !== 'waived')
      return open.length === 0 ? 'all done' : `to come on ${open.map(({ node }) => node).join(', ')}`
    },
    spare: true,
  },
  { id: 'found', header: 'Found', cell: ({ found }) => count(sum(found)), align: 'right' },
  { id: 'removed', header: 'Taken out', cell: ({ removed }) => count(sum(removed)), align: 'right' },
  { id: 'by', header: 'Asked by', cell: ({ requestedBy }) => requestedBy, spare: true },
  { id: 'note', header: 'Note', cell: ({ note }) => note || '–', spare: true },
  { id: 'at', header: 'Asked', cell: ({ createdAt }) => <When at={createdAt} /> },
]

export function ErasuresPage() {
  const erasures = useAnswer<{ erasures: ErasureAnswer[] }>('/erasures', { everyMs: 3_000 })
  return (
    <Page
      title="Erasures"
      intro="A person taken out of every store of this installation, kept out, with a signed receipt."
      actions={
        <>
          <VerifyFile />
          <Button component={Link} to="/erasures/new" size="sm">
            Erase a person
          </Button>
        </>
      }
      calls={['GET /api/v1/erasures', 'POST /api/v1/erasures/verify']}
      commands={['thalweg erasures list', 'thalweg erasures verify receipt.json']}
    >
      <Answer of={erasures}>
        {(answer) => (
          <DataTable
            label="Erasures"
            rows={answer.erasures}
            columns={COLUMNS}
            rowKey={({ id }) => id}
            rowTo={({ id }) => at`/erasures/${id}`}
            empty={
              <Empty
                title="Nobody was erased"
                action={
                  <Button component={Link} to="/erasures/new" size="xs" variant="default">
                    See what would be erased
                  </Button>
                }
              >
                An erasure begins with a plan: who exactly is meant, where they are, and what will remain.
              </Empty>
            }
          />
        )}
      </Answer>
    </Page>
  )
}
