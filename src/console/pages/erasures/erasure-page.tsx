/** One erasure: how far it is, and when it is done its receipt. */

import { Text } from '@mantine/core'
import { useParams } from '@tanstack/react-router'
import type { ErasureAnswer } from '../../../api/routes/erasures.ts'
import { at } from '../../api/client.ts'
import { useAnswer, useChange } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { ConfirmButton } from '../../elements/confirm-button.tsx'
import { told } from '../../elements/notices.ts'
import { Page } from '../../elements/page.tsx'
import { Stat, Stats } from '../../elements/stat.tsx'
import { StateBadge } from '../../elements/state-badge.tsx'
import { When } from '../../elements/when.tsx'
import { count } from '../../elements/words.ts'
import { ErasureNodes } from './erasure-nodes.tsx'
import { ErasureSteps } from './erasure-steps.tsx'
import { ReceiptView } from './receipt-view.tsx'

const LOOK_MS = 1_000

export function ErasurePage() {
  const { erasure: id = '' } = useParams({ strict: false })
  const first = useAnswer<ErasureAnswer>(at`/erasures/${id}`)
  const isDone =
    first.data?.state === 'finished' &&
    first.data.nodes.every(({ step }) => step === 'done' || step === 'waived')
  // The same answer, asked again and again until it is the last one.
  const answer = useAnswer<ErasureAnswer>(at`/erasures/${id}`, isDone ? {} : { everyMs: LOOK_MS })
  return (
    <Page
      title="Erasure"
      intro={<code>{id}</code>}
      up={{ to: '/erasures', label: 'Erasures' }}
      {...(answer.data === undefined
        ? {}
        : {
            beside: (
              <StateBadge
                state={answer.data.state}
                mood={answer.data.state === 'finished' ? 'good' : 'wait'}
              />
            ),
            actions: answer.data.suppress && answer.data.state === 'finished' ? <Lift id={id} /> : undefined,
          })}
      calls={['GET /api/v1/erasures/{erasure}', 'POST /api/v1/erasures/{erasure}/lift']}
      commands={[`thalweg erasures show ${id}`, `thalweg erasures lift ${id}`]}
    >
      <Answer of={answer} lines={8}>
        {(erasure) => (
          <>
            <Stats>
              <Stat
                label="Asked"
                value={<When at={erasure.createdAt} />}
                note={`by ${erasure.requestedBy || 'nobody named'}`}
              />
              <Stat label="Finished" value={<When at={erasure.finishedAt} />} />
              <Stat label="Found" value={count(sum(erasure.found))} note="records, rows and texts" />
              <Stat label="Taken out" value={count(sum(erasure.removed))} />
              <Stat
                label="What comes in later"
                value={erasure.suppress ? 'Kept out' : 'Let in'}
                note={erasure.suppress ? 'unless it was lifted since' : 'as of somebody new'}
              />
            </Stats>
            {erasure.note !== '' && <Text size="sm">{erasure.note}</Text>}
            <ErasureSteps erasure={erasure} />
            <ErasureNodes erasure={erasure} />
            {erasure.receipt !== undefined && erasure.signature !== undefined && (
              <ReceiptView receipt={erasure.receipt} signature={erasure.signature} />
            )}
          </>
        )}
      </Answer>
    </Page>
  )
}

const sum = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((all, n) => all + n, 0)

function Lift({ id }: { id: string }) {
  const lift = useChange<void, { lifted: number }>({
    method: 'POST',
    path: () => at`/erasures/${id}/lift`,
    changes: ['/erasures'],
    done: ({ lifted }) =>
      told(
        lifted === 0
          ? 'Nothing was kept out any more.'
          : `${count(lifted)} spellings are not kept out any more.`,
      ),
  })
  return (
    <ConfirmButton label="Let them in again" variant="default" onConfirm={() => lift.mutateAsync()}>
      Records with one of their identifiers are let in from now on, as those of somebody new. What was erased
      stays erased.
    </ConfirmButton>
  )
}
