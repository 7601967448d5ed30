/** What can be done with a run and its activation. */

import { Button, Text } from '@mantine/core'
import { useState } from 'react'
import type { ActivationAnswer } from '../../../api/routes/activations.ts'
import type { RunAnswer } from '../../../api/routes/run-views.ts'
import { at } from '../../api/client.ts'
import { useChange } from '../../api/queries.ts'
import { FailureNote } from '../../elements/answer.tsx'
import { ConfirmButton } from '../../elements/confirm-button.tsx'
import { count } from '../../elements/words.ts'
import { runPath } from './run-words.ts'

const CHANGED = ['/runs', '/activations']

/** Starts a run and goes to its page. */
export function useStart(activation: string | number) {
  return useChange<{ dry?: boolean; retryOf?: number }, RunAnswer>({
    method: 'POST',
    path: () => at`/activations/${activation}/runs`,
    body: (wanted) => wanted,
    changes: CHANGED,
    leadsTo: ({ run }) => runPath(activation, run),
  })
}

export function StartButtons({
  activation,
  variant = 'filled',
}: {
  activation: ActivationAnswer
  variant?: 'filled' | 'default'
}) {
  const start = useStart(activation.name)
  const [error, setError] = useState<Error>()
  const { definition } = activation
  return (
    <>
      <Button
        size="sm"
        variant="default"
        loading={start.isPending}
        onClick={() =>
          start.mutate({ dry: true }, { onError: setError, onSuccess: () => setError(undefined) })
        }
      >
        Dry run
      </Button>
      <ConfirmButton label="Run now" variant={variant} deed="Run" onConfirm={() => start.mutateAsync({})}>
        <Text size="sm">{OPERATIONS[definition.operation]}</Text>
        <Text size="sm" mt="xs">
          Only what changed is sent. A dry run shows who that is, and what it costs, before anything is sent.
          {definition.operation === 'mirror' &&
            ` A run that would remove more than ${Math.round(definition.brake.removedShareMax * 1000) / 10} % of the members waits for a release.`}
        </Text>
      </ConfirmButton>
      {error !== undefined && <FailureNote error={error} />}
    </>
  )
}

/** What each operation does to a cohort, in a sentence. */
export const OPERATIONS: Readonly<Record<ActivationAnswer['definition']['operation'], string>> = {
  add: 'Whoever is in the result enters the cohort. Nobody is ever taken out.',
  remove: 'Whoever is in the result leaves the cohort. Nobody is ever brought in.',
  mirror:
    'The cohort becomes the result: whoever is in it enters, and members who are not in it any more leave.',
}

export function RetryButton({ activation, run }: { activation: string; run: RunAnswer }) {
  const start = useStart(activation)
  return (
    <ConfirmButton
      label="Retry failed"
      deed="Send them again"
      onConfirm={() => start.mutateAsync({ retryOf: run.run })}
    >
      <Text size="sm">
        The {count(run.report.rejected)} rejected changes are sent again, without those that a later run has
        decided. The query is not asked.
      </Text>
    </ConfirmButton>
  )
}

export function CancelButton({ run, path }: { run: RunAnswer; path: string }) {
  const cancel = useChange<void, RunAnswer>({
    method: 'POST',
    path: () => `${path}/cancel`,
    changes: CHANGED,
  })
  const { report } = run
  return (
    <ConfirmButton
      label="Cancel run"
      variant="default"
      deed="Cancel it"
      onConfirm={() => cancel.mutateAsync()}
    >
      <Text size="sm">
        {run.state === 'held'
          ? 'Nothing was sent, and nothing will be. The cohort stays as it is.'
          : `No further changes are sent. The ${count(report.appended)} that are in the log already are delivered first, and counted.`}
      </Text>
    </ConfirmButton>
  )
}
